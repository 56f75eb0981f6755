//! The library under test: built in the release profile, once, and never guessed at.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder that cargo builds into, wherever it is: this test lies three folders below.
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    test.ancestors()
        .nth(3)
        .expect("cargo keeps tests in TARGET/PROFILE/deps")
        .to_owned()
}

/// Where tests may leave files: programs that were built, and the folders of runs that failed.
pub fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// TARGET/release with the library and the command, built as the README says, and the programs to watch. The programs are a build of
/// their own: in one build, what they ask of a crate that both use would change the library.
pub fn release() -> &'static Path {
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let target = target();
        build(&target, &[]);
        build(&target, &["-p", "forkwatch-test-programs"]);
        target.join("release")
    })
}

fn build(target: &Path, packages: &[&str]) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("LD_PRELOAD");
    cargo
        .args(["build", "--quiet", "--release", "--target-dir"])
        .arg(target)
        .args(packages);
    let output = cargo.output().expect("cargo can be run");
    assert!(
        output.status.success(),
        "{cargo:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// libforkwatch.so.
pub fn library() -> PathBuf {
    release().join("libforkwatch.so")
}
