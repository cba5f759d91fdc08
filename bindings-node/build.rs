//! Leaves Node's own symbols to the process that loads the library.

fn main() {
    napi_build::setup();
}
