#!/bin/sh
# Makes sure that there is a Conveyor CI server of the pinned version: the one named in CONVEYOR_SERVER, or one
# that Go installs into .tools. Says which one it is. Exits with 77, and says why in one line, where there is
# none to be had.
set -eu
cd "$(dirname "$0")/.."

MODULE=github.com/open-ug/conveyor
VERSION=v0.6.6
TOOLS=.tools/conveyor-$VERSION

skip() {
    echo "skipped: no conveyor server: $1"
    exit 77
}

if [ -n "${CONVEYOR_SERVER:-}" ]; then
    [ -x "$CONVEYOR_SERVER" ] || skip "CONVEYOR_SERVER=$CONVEYOR_SERVER is no program"
    echo "conveyor server ($CONVEYOR_SERVER)"
    exit
fi
if [ ! -x "$TOOLS/conveyor" ]; then
    go=$(command -v go || true)
    [ -n "$go" ] || { [ -x /usr/local/go/bin/go ] && go=/usr/local/go/bin/go; } || skip "Go is not here"
    echo "installing $MODULE $VERSION with $("$go" version | cut -d' ' -f3); it takes some minutes the first time"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! GOBIN="$PWD/$TOOLS" "$go" install "$MODULE@$VERSION" >"$log" 2>&1; then
        skip "go install $MODULE@$VERSION: $(grep -v '^go: downloading' "$log" | tail -n 1 | sed 's/^[[:space:]]*//')"
    fi
fi
echo "conveyor server $VERSION ($TOOLS/conveyor)"
