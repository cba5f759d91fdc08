#!/bin/sh
# Builds the candidates of the benchmark in C and Go, optimised, into target/release: bench_driver_c, bench_driver_go, and
# bench_peer_go, the peer on nats.go.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
prefix=$target/c-release
scripts/install-c.sh "$prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
# The flags are lists of words.
# shellcheck disable=SC2046
"${CC:-cc}" -std=c99 -O2 -Wall -Wextra -Werror -pedantic -o "$target/release/bench_driver_c" bench/c/driver.c \
    $(pkg-config --cflags --libs conveyor-driver)
cd bench/go
# Go's cache knows these flags, and not what pkg-config says.
CGO_LDFLAGS=$(pkg-config --libs conveyor-driver)
export CGO_LDFLAGS
go build -o "$target/release/bench_driver_go" ./driver
go build -o "$target/release/bench_peer_go" ./peer
