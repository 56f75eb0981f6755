//! Passes the path of the compiled libforkwatch.so to the command, which includes it.

use std::fs::OpenOptions;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // OUT_DIR is TARGET/PROFILE/build/PACKAGE-HASH/out; cargo builds the library, a dependency, into TARGET/PROFILE/deps.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let profile = out
        .ancestors()
        .nth(3)
        .expect("OUT_DIR lies three folders below the profile's");
    let library = profile.join("deps").join("libforkwatch.so");
    println!("cargo:rustc-env=FORKWATCH_LIBRARY={}", library.display());
    // `cargo check`, clippy and rustdoc link nothing, but the file must exist to be included. An empty one is enough for
    // them, and a build that links replaces it before it compiles the command. An existing file is kept.
    drop(OpenOptions::new().write(true).create_new(true).open(&library));
}
