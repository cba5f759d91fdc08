//! Which library this is.

use crate::view::conveyor_str;

/// The version of the library that is loaded, such as `0.1.0`. It lives for ever, and a zero byte ends it. Programs built against
/// `CONVEYOR_VERSION_MAJOR` and `CONVEYOR_VERSION_MINOR` run with each library of these numbers; before 1.0 a new
/// minor version may change the interface, and with it the number in the library's file name.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_version() -> conveyor_str {
    const ENDED: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    conveyor_str::of(&ENDED[..ENDED.len() - 1])
}
