//! How the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Every mapping of ours is copied at each fork of the program, so we have two: code with constants, and data. Symbols
    // are bound at the start, because binding later would take the loader's lock inside a hook.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--no-rosegment");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now,-z,norelro");
}
