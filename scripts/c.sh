#!/bin/sh
# Builds the C library of this checkout, installs it into target/c and builds the examples and the scripted driver
# against it, as a user would. Exits with 77, and says why in one line, where there is no C compiler.
set -eu
cd "$(dirname "$0")/.."

cc=${CC:-cc}
for tool in "$cc" pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "skipped: c: no $tool on PATH"
        exit 77
    }
done

prefix=${CARGO_TARGET_DIR:-$PWD/target}/c
scripts/install-c.sh "$prefix" dev
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
flags="-Wall -Wextra -Werror -pedantic -g $(pkg-config --cflags conveyor-driver)"
libs=$(pkg-config --libs conveyor-driver)
mkdir -p "$prefix/examples" "$prefix/tests"

# The flags are lists of words.
# shellcheck disable=SC2086
{
    for example in greeter git_build seal_step; do
        $cc -std=c99 $flags -o "$prefix/examples/$example" "examples/c/$example.c" $libs
    done
    $cc -std=c99 $flags -o "$prefix/tests/scenario_driver" \
        bindings-c/tests/scenario_driver.c bindings-c/tests/harness.c $libs -pthread
    $cc -std=c99 $flags -o "$prefix/tests/pipeline_step" bindings-c/tests/pipeline_step.c $libs
    if command -v "${CXX:-c++}" >/dev/null; then
        ${CXX:-c++} -std=c++17 $flags -o "$prefix/examples/greeter++" examples/cpp/greeter.cpp $libs
    fi
}
