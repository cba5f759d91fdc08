#!/bin/sh
# Puts the Python package, built from this checkout, and what its tests need into .venv. Says which Python
# that is. Exits with 77, and says why in one line, where there is none.
set -eu
cd "$(dirname "$0")/.."

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

python=.venv/bin/python
if ! { [ -x "$python" ] && new_enough "$python"; }; then
    for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if command -v "$python" >/dev/null && new_enough "$python"; then break; fi
        python=
    done
    if [ -z "$python" ]; then
        echo "skipped: python: no Python 3.10 or later on PATH; name one in PYTHON"
        exit 77
    fi
    "$python" -m venv --clear .venv || {
        echo "skipped: python: $python -m venv failed (on Debian it needs python3-venv)"
        exit 77
    }
    python=.venv/bin/python
fi

"$python" -m pip install --quiet --disable-pip-version-check -r bindings-python/tests/requirements.txt
wheels=${CARGO_TARGET_DIR:-target}/wheels
rm -rf "$wheels"
"$python" -m maturin build --quiet --profile dev --interpreter "$python" --out "$wheels"
"$python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheels"/*.whl
"$python" -c 'import sys, conveyor_driver as c; print(f"Python {sys.version.split()[0]} (.venv) with conveyor_driver {c.__version__}")'
