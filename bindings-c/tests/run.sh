#!/bin/sh
# Builds the tests of the C library against an installed one, as pkg-config tells, and runs them: as they are, with
# AddressSanitizer, the asynchronous ones with ThreadSanitizer, and under valgrind. What this machine lacks is
# skipped, which is said.
#
# bindings-c/tests/run.sh PREFIX
set -eu
prefix=$(cd "${1:?usage: run.sh PREFIX}" && pwd)
cd "$(dirname "$0")"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
cflags=$(pkg-config --cflags conveyor-driver)
libs=$(pkg-config --libs conveyor-driver)
built=$prefix/tests
mkdir -p "$built"
strict="-Wall -Wextra -Werror -pedantic -g"
strictest="$strict -Wshadow"
cc=${CC:-cc} cxx=${CXX:-c++}
suites="bad_input blocking asynchronous pull outside process client memory"

passed() { printf 'test %s ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\n\n' "$1"; }
say() { printf '\n-- %s\n' "$*"; }

# compile NAME FLAGS…: a suite as a program of this name.
compile() {
    program=$1
    suite=${program%%-*}
    shift
    # The flags are lists of words.
    # shellcheck disable=SC2086
    $cc -std=c99 $strict "$@" $cflags -o "$built/$program" "$suite.c" harness.c $libs -pthread
}

can() {
    echo 'int main(void) { return 0; }' >"$built/can.c"
    $cc "$@" -o "$built/can" "$built/can.c" 2>/dev/null && "$built/can"
}

for suite in $suites; do
    compile "$suite"
    say "$suite"
    "$built/$suite"
done

say "loading"
# shellcheck disable=SC2086
$cc -std=c99 $strict $cflags -o "$built/loading" loading.c -ldl
"$built/loading" "$prefix/lib/libconveyor_driver.so"

say "static"
# with_archive FLAGS…: the program with the library inside.
with_archive() {
    # shellcheck disable=SC2046,SC2086
    $cc -std=c99 $strict $cflags "$@" -o "$built/blocking-static" blocking.c harness.c \
        "$prefix/lib/libconveyor_driver.a" \
        $(pkg-config --static --libs-only-l conveyor-driver | sed 's/-lconveyor_driver//') -pthread
    "$built/blocking-static"
}
with_archive
if can -static; then
    say "static, and the system's libraries too"
    # The C library says of some of its functions that they want its shared one.
    with_archive -static 2>"$built/static.txt" || {
        cat "$built/static.txt"
        exit 1
    }
else
    echo "skipped: static: $cc links nothing so"
fi

say "a prefix with a space"
rm -rf "$built/a prefix"
mkdir -p "$built/a prefix/lib"
cp -R "$prefix/include" "$built/a prefix"
cp -R "$prefix/lib/pkgconfig" "$prefix"/lib/libconveyor_driver.[sd]* "$built/a prefix/lib"
# pkg-config quotes for a shell.
eval "$cc -std=c99 $strict -o '$built/loading' loading.c -ldl \
    $(PKG_CONFIG_PATH="$built/a prefix/lib/pkgconfig" pkg-config --cflags --libs conveyor-driver)"
"$built/loading" "$built/a prefix/lib/libconveyor_driver.so"
# The Makefile quotes it, too.
make -C ../.. -n install PREFIX="/opt/a prefix" | grep -F '"/opt/a prefix"' >/dev/null
passed a_prefix_may_have_a_space

say "headers"
for header in conveyor_driver.h $(command -v "$cxx" >/dev/null && cd ../include && echo conveyor/*.hpp); do
    printf '#include <%s>\n' "$header" >"$built/header.cpp"
    # shellcheck disable=SC2086
    if [ "$header" = conveyor_driver.h ]; then
        $cc -x c -std=c99 $strictest $cflags -fsyntax-only "$built/header.cpp"
    else
        $cxx -std=c++17 $strictest $cflags -fsyntax-only "$built/header.cpp"
        $cxx -std=c++17 -fno-rtti $strictest $cflags -fsyntax-only "$built/header.cpp"
    fi
done
passed each_header_stands_alone

if command -v "$cxx" >/dev/null; then
    for standard in 17 20; do
        say "C++$standard"
        # shellcheck disable=SC2086
        $cxx -std=c++$standard $strictest $cflags -o "$built/face" face.cpp $libs -pthread
        "$built/face"
    done
else
    echo "skipped: C++: no $cxx"
fi

# block LANGUAGE: the program of the README in it.
block() { awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } /^```/ { on = 0 } on' ../README.md; }
say "README"
block c >"$built/readme.c"
# shellcheck disable=SC2086
$cc -std=c99 $strict $cflags -o "$built/readme" "$built/readme.c" $libs
if command -v "$cxx" >/dev/null; then
    block cpp >"$built/readme.cpp"
    # shellcheck disable=SC2086
    $cxx -std=c++17 $strictest $cflags -o "$built/readme++" "$built/readme.cpp" $libs
fi
passed the_programs_of_the_readme_are_built

if command -v cmake >/dev/null; then
    say "CMake"
    rm -rf "$built/cmake"
    cmake -S ../../examples/cpp -B "$built/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx" >/dev/null
    cmake --build "$built/cmake" >/dev/null
    for example in greeter greeter-static; do
        "$built/cmake/$example" | grep 'result: hello, Ada'
    done
    passed cmake_finds_what_is_installed
else
    echo "skipped: CMake is not there"
fi

if can -fsanitize=address,undefined; then
    for suite in bad_input blocking asynchronous pull outside process client; do
        compile "$suite-address" -fsanitize=address,undefined -fno-sanitize-recover=all
        say "$suite, AddressSanitizer"
        "$built/$suite-address"
    done
else
    echo "skipped: AddressSanitizer: $cc has none"
fi

if can -fsanitize=thread; then
    for suite in asynchronous pull; do
        compile "$suite-thread" -fsanitize=thread
        say "$suite, ThreadSanitizer"
        TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/thread.supp" "$built/$suite-thread"
    done
else
    echo "skipped: ThreadSanitizer: $cc has none"
fi

if command -v valgrind >/dev/null; then
    for suite in bad_input blocking asynchronous pull outside client; do
        say "$suite, valgrind"
        # It also complains of system calls that it does not know. In a fork it takes for leaks what is the parent's:
        # the suite `process` is not among these.
        found=$built/$suite.valgrind
        valgrind --quiet --log-file="$found" --error-exitcode=9 --fair-sched=yes --leak-check=full \
            --show-leak-kinds=definite --errors-for-leak-kinds=definite "$built/$suite" valgrind || {
            cat "$found"
            exit 1
        }
    done
else
    echo "skipped: valgrind is not there"
fi

say "symbols"
foreign=$(nm -D --defined-only "$prefix/lib/libconveyor_driver.so" | awk '$3 !~ /^conveyor_/ { print $3 }')
foreign_static=$(nm -g --defined-only "$prefix/lib/libconveyor_driver.a" 2>/dev/null |
    awk 'NF == 3 && $3 !~ /^conveyor_/ { print $3 }')
if [ -n "$foreign$foreign_static" ]; then
    printf 'test only_the_interface_is_exported ... FAILED\n%s\n%s\n' "$foreign" "$foreign_static"
    exit 1
fi
passed only_the_interface_is_exported

# An optimised library is stripped.
if nm "$prefix/lib/libconveyor_driver.so" 2>/dev/null | grep -q .; then
    echo "skipped: size: the library in $prefix is not optimised"
else
    say "size"
    size=$(wc -c <"$prefix/lib/libconveyor_driver.so")
    if [ "$size" -gt 8000000 ]; then
        printf 'test the_library_has_at_most_8_mb ... FAILED\n%s bytes\n' "$size"
        exit 1
    fi
    passed the_library_has_at_most_8_mb
fi
