//! How the library is linked.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a build runs in no watched program"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Each of our mappings is copied at every fork of the program, so there are only two: code with constants, and data. Symbols
    // are bound at the start, because binding later would take the loader's lock inside a hook.
    // Rust links with LLVM's linker on x86-64 and with GNU's elsewhere, which have different words for it.
    let one_segment = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("x86_64") => "--no-rosegment",
        _ => "-z,noseparate-code",
    };
    println!("cargo:rustc-cdylib-link-arg=-Wl,{one_segment}");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now,-z,norelro");
    // Where the standard library calls a function that we hook (`syscall`, `dl_iterate_phdr`), it calls our hook, which lets our
    // own calls pass, and not another preloaded library's function of that name.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo:rerun-if-changed=together.ld");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-T,{folder}/together.ld");
    carry_the_unwinder();
}

/// Links gcc's unwinder in, where the compiler has one that can do without the loader's lock (gcc 12 and later). The shared
/// `libgcc_s.so.1` would add five mappings to every fork of a program that does not have it anyway.
fn carry_the_unwinder() {
    let Some(archive) = archive_of_the_unwinder() else {
        return;
    };
    println!("cargo:rerun-if-changed={}", archive.display());
    let calls = b"_dl_find_object";
    let does_without = fs::read(&archive).is_ok_and(|bytes| bytes.windows(calls.len()).any(|window| window == calls));
    if !does_without {
        return;
    }
    // The standard library asks for `-lgcc_s` in any case. This folder is searched first.
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("unwinder");
    let script = format!("INPUT ( {} )\n", archive.display());
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("libgcc_s.so"), script));
    written.expect("OUT_DIR can be written");
    println!("cargo:rustc-cdylib-link-arg=-L{}", folder.display());
}

/// Where the C compiler that links us keeps its unwinder.
fn archive_of_the_unwinder() -> Option<PathBuf> {
    // Cargo says which compiler links for a processor that is not this one.
    let compiler = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler)
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    // A name alone means that it found none.
    Some(Path::new(path.trim()).to_owned()).filter(|path| path.is_absolute())
}
