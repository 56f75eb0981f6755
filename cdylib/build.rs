//! How the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Every mapping of ours is copied at each fork of the program: code and constants share one.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--no-rosegment");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
}
