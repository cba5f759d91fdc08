#!/bin/sh
# Builds the Go module and its examples over the C library in target/c, which scripts/c.sh puts there. Exits with 77,
# and says why in one line, where there is no Go.
set -eu
cd "$(dirname "$0")/.."

command -v go >/dev/null || {
    echo "skipped: go: no go on PATH"
    exit 77
}
go_version=$(go env GOVERSION | sed 's/^go//')
case $go_version in
    1.[0-9] | 1.[0-9].* | 1.1[0-9]* | 1.2[0-3]*)
        echo "skipped: go: Go 1.24 or later is needed, and this is $go_version"
        exit 77
        ;;
esac
prefix=${CARGO_TARGET_DIR:-$PWD/target}/c
[ -f "$prefix/lib/pkgconfig/conveyor-driver.pc" ] || {
    echo "skipped: go: the C library is not in $prefix; scripts/c.sh puts it there"
    exit 77
}

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
# Go's cache knows these flags, and not what pkg-config says.
CGO_LDFLAGS=$(pkg-config --libs conveyor-driver)
export CGO_LDFLAGS
mkdir -p "$prefix/go"
(cd bindings-go && go build -o "$prefix/go/" ./internal/scenariodriver ./internal/pipelinestep)
(cd examples/go && go build -o "$prefix/go/" ./...)
echo "Go $go_version with conveyor-driver for C in $prefix"
