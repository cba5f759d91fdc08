#!/bin/sh
# Builds the C library and installs it below a folder: headers, the shared and the static library, and what
# pkg-config and CMake look for.
#
# scripts/install-c.sh PREFIX [dev]    # with `dev` not optimised; below DESTDIR, if that is set
set -eu
cd "$(dirname "$0")/.."

prefix=${1:?usage: scripts/install-c.sh PREFIX [dev]}
profile=${2:-release}
case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
esac
root=${DESTDIR:-}$prefix
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
abi=$(sed -n 's/^const ABI: u32 = \([0-9]*\);/\1/p' bindings-c/build.rs)
[ -n "$version" ] && [ -n "$abi" ]

cargo build --quiet --package conveyor-driver-c --profile "$profile"
[ "$profile" = dev ] && folder=debug || folder=$profile
built=${CARGO_TARGET_DIR:-target}/$folder

case $(uname -s) in
    Darwin)
        shared=libconveyor_driver.$version.dylib
        soname=libconveyor_driver.$abi.dylib
        plain=libconveyor_driver.dylib
        private="-framework Security -framework CoreFoundation -lSystem -liconv -lm"
        ;;
    *)
        shared=libconveyor_driver.so.$version
        soname=libconveyor_driver.so.$abi
        plain=libconveyor_driver.so
        private="-lutil -lrt -lpthread -lm -ldl -lc"
        ;;
esac

# Programs find the library where the system does not look for it.
case $prefix in
    /usr | /usr/local) rpath= ;;
    *) rpath='-Wl,-rpath,${libdir} ' ;;
esac

mkdir -p "$root/include/conveyor" "$root/lib/pkgconfig" "$root/lib/cmake/conveyor-driver"
install -m 644 bindings-c/include/*.h bindings-c/include/*.hpp "$root/include"
install -m 644 bindings-c/include/conveyor/*.hpp "$root/include/conveyor"
install -m 755 "$built/$plain" "$root/lib/$shared"
ln -sf "$shared" "$root/lib/$soname"
ln -sf "$soname" "$root/lib/$plain"

# A program may hold two static libraries written in Rust: of this one it sees the interface alone.
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
if [ "$(uname -s)" = Linux ] && command -v objcopy >/dev/null; then
    ld -r --whole-archive "$built/libconveyor_driver.a" -o "$objects/conveyor_driver.o"
    # The bitcode is of another LLVM than the one that a plugin of ar may bring.
    objcopy --wildcard --keep-global-symbol='conveyor_*' --remove-section=.llvmbc --remove-section=.llvmcmd \
        "$objects/conveyor_driver.o"
    [ "$profile" = dev ] || objcopy --strip-debug "$objects/conveyor_driver.o"
    rm -f "$root/lib/libconveyor_driver.a"
    ar rcs "$root/lib/libconveyor_driver.a" "$objects/conveyor_driver.o"
    chmod 644 "$root/lib/libconveyor_driver.a"
else
    install -m 644 "$built/libconveyor_driver.a" "$root/lib"
fi

fill() {
    sed -e "s|@VERSION@|$version|g" -e "s|@MAJOR_MINOR@|${version%.*}|g" -e "s|@RPATH@|$rpath|g" \
        -e "s|@PRIVATE@|$private|g" -e "s|@PRIVATE_CMAKE@|$(echo "$private" | tr ' ' ';')|g" \
        -e "s|@SHARED@|$shared|g" -e "s|@SONAME@|$soname|g" "bindings-c/install/$1.in" >"$root/lib/$2"
}
fill conveyor-driver.pc pkgconfig/conveyor-driver.pc
fill conveyor-driver-config.cmake cmake/conveyor-driver/conveyor-driver-config.cmake
fill conveyor-driver-config-version.cmake cmake/conveyor-driver/conveyor-driver-config-version.cmake

echo "conveyor-driver $version for C and C++ in $root"
