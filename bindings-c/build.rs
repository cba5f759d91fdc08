//! What the shared library says of itself.

/// The number in the name that programs are linked with. It grows when the interface changes so that a
/// program has to be built anew.
const ABI: u32 = 0;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let arguments: &[String] = match system.as_str() {
        "linux" | "freebsd" => &[
            format!("-Wl,-soname,libconveyor_driver.so.{ABI}"),
            // Its threads may outlive a dlclose by a moment.
            "-Wl,-z,nodelete".to_owned(),
        ],
        "macos" => &[format!("-Wl,-install_name,@rpath/libconveyor_driver.{ABI}.dylib")],
        _ => &[],
    };
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}
