#!/bin/sh
# Makes sure that there is a Conveyor CI server of the pinned version: the one named in CONVEYOR_SERVER, or one
# that Go builds into .tools. Says which one it is. Exits with 77, and says why in one line, where there is
# none to be had.
set -eu
cd "$(dirname "$0")/.."

MODULE=github.com/open-ug/conveyor
VERSION=v0.4.0
TOOLS=$PWD/.tools/conveyor-$VERSION

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
    command -v go >/dev/null || skip "no go on PATH"
    echo "building $MODULE $VERSION with $(go env GOVERSION); it takes some minutes the first time"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # `go install` asks for the list of versions, too, which not every proxy has; a module of our own does not.
    cat >"$work/go.mod" <<END
module conveyorserver

go 1.24

require $MODULE $VERSION
END
    printf 'package server\n\nimport _ "%s"\n' "$MODULE" >"$work/server.go"
    if ! (cd "$work" && go build -mod=mod -o "$TOOLS/conveyor" "$MODULE") >"$work/log" 2>&1; then
        skip "$MODULE $VERSION: $(grep -v '^go: downloading' "$work/log" | tail -n 1 | sed 's/^[[:space:]]*//')"
    fi
fi
echo "conveyor server $VERSION ($TOOLS/conveyor)"
