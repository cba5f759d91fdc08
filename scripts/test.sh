#!/usr/bin/env bash
# Runs every test and, as the last line, says how many there were. Without a Python the tests of its package
# are skipped, which is said.
set -euo pipefail
cd "$(dirname "$0")/.."

# What starts this in the background may have it ignore signals that tests send.
if [ -z "${SIGNALS_AS_USUAL:-}" ] && env --default-signal=HUP true 2>/dev/null; then
    export SIGNALS_AS_USUAL=1
    exec env --default-signal=HUP,INT,QUIT,PIPE scripts/test.sh
fi

output=$(mktemp)
trap 'rm -f "$output"' EXIT

step() {
    printf '\n== %s\n' "$*"
    "$@" 2>&1 | tee -a "$output"
}

# The counts of every "test result" so far, of pytest, of node --test and of go test.
summary() {
    awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
         /^=.* in [0-9.]+s/ { for (i = 2; i <= NF; i++) {
             if ($i ~ /^passed/) passed += $(i - 1)
             if ($i ~ /^(failed|error)/) failed += $(i - 1)
             if ($i ~ /^skipped/) skipped += $(i - 1) } }
         /^# pass [0-9]+$/ { passed += $3 }
         /^# fail [0-9]+$/ { failed += $3 }
         /^# (skipped|todo|cancelled) [0-9]+$/ { skipped += $3 }
         /^--- PASS: / { passed++ }
         /^--- FAIL: / { failed++ }
         /^--- SKIP: / { skipped++ }
         END { printf "total: %d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$output"
}

started=$SECONDS
scripts/nats-server.sh

failed=
python=
scripts/python.sh && python=.venv/bin/python || [ $? -eq 77 ] || failed=" python-package"

node=
scripts/node.sh && node=node || [ $? -eq 77 ] || failed="$failed node-package"

# Before the workspace, whose scenarios and demo use what is built here.
c=
scripts/c.sh && c=${CARGO_TARGET_DIR:-$PWD/target}/c || [ $? -eq 77 ] || failed="$failed c-library"
go=
scripts/go.sh && go=go || [ $? -eq 77 ] || failed="$failed go-module"
scripts/conveyor-server.sh || [ $? -eq 77 ] || failed="$failed conveyor-server"

step cargo test --workspace --all-features --no-fail-fast || failed="$failed workspace"
# Built by the step before; it needs no server and no other feature.
step "${CARGO_TARGET_DIR:-target}/debug/examples/greeter" || failed="$failed greeter"
# Who embeds the core may leave NATS out.
step cargo test --package conveyor-driver --no-default-features --features testing --all-targets ||
    failed="$failed no-default-features"

if [ -n "$python" ]; then
    step "$python" -m pytest || failed="$failed python"
fi

if [ -n "$node" ]; then
    (cd bindings-node && step "$node" --test --test-reporter tap tests/*.test.mjs) || failed="$failed node"
fi

if [ -n "$c" ]; then
    step "$c/examples/greeter" || failed="$failed c-greeter"
    step bindings-c/tests/run.sh "$c" || failed="$failed c"
fi

if [ -n "$go" ]; then
    export PKG_CONFIG_PATH="$c/lib/pkgconfig"
    for module in bindings-go examples/go; do
        (cd "$module" && step go vet ./...) || failed="$failed $module-vet"
    done
    step "$c/go/greeter" || failed="$failed go-greeter"
    (cd bindings-go && step go test -race -count=1 -timeout 300s -v ./...) || failed="$failed go"
fi

printf '\n%s min %s s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60))
if [ -n "$failed" ]; then
    echo "failed steps:$failed"
fi
summary
[ -z "$failed" ]
