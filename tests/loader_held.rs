//! Every hooked function, called for the first time while another thread holds the loader's lock: that thread is in `dlopen`, in a
//! constructor that ends only when the program exits. A hook that wants the loader's lock would wait for ever, as would a
//! constructor that wants a lock of the caller's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::library::library;
use crate::support::process::{End, Folder, Run, run};
use crate::support::program::{Language, Program, built_library};

/// The programs that together call each hooked function.
const CALLERS: &[(Language, &str)] = &[
    (Language::C, "robust_every_lock_call"),
    (Language::C, "robust_every_wait"),
    (Language::C, "robust_every_libc_call"),
    (Language::C, "robust_every_process_call"),
    (Language::Cpp, "robust_every_static_guard"),
];

/// What the library exports besides its hooks.
const OWN_INTERFACE: [&str; 2] = ["forkwatch_set_context", "forkwatch_settle"];

/// Runs a program with these libraries preloaded.
fn run_with(program: &Program, preloaded: &[&Path], folder: &Folder) -> Run {
    let joined = |paths: &[&Path]| {
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(":")
    };
    let variables = BTreeMap::from([
        ("LD_PRELOAD", joined(preloaded)),
        ("TEST_PLUGIN", joined(&[&built_library("lib_waits_in_loader.c")])),
        ("FORKWATCH_LOG", joined(&[&folder.join("log")])),
        ("FORKWATCH_TEXT", "off".to_owned()),
    ]);
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    run(&mut program.starts[0].command(&[]), &variables, folder)
}

#[test]
fn no_hook_wants_the_loader() {
    let holder = built_library("lib_holds_loader.c");
    for &(language, name) in CALLERS {
        let program = Program::ready(language, name).expect("a compiler");
        let (alone, bare, watched) = (Folder::new(name), Folder::new(name), Folder::new(name));
        let alone = run_with(&program, &[], &alone);
        let bare = run_with(&program, &[&holder], &bare);
        let watched = run_with(&program, &[&library(), &holder], &watched);
        assert_eq!(alone.end, End::Exit(0), "{name}: {alone:?}");
        for (how, other) in [("without the library", bare), ("watched", watched)] {
            assert_eq!(
                (&other.end, &other.stdout),
                (&alone.end, &alone.stdout),
                "{name} {how}: {}",
                other.stderr
            );
        }
    }
}

/// The dynamic symbols that `nm` prints with these words, without their versions.
fn symbols(words: &str, file: &Path) -> BTreeSet<String> {
    let output = Command::new("nm")
        .args(["-D", "--format=posix", words])
        .arg(file)
        .output();
    let output = String::from_utf8(output.expect("binutils").stdout).expect("names are ASCII");
    let names = output.lines().filter_map(|line| line.split([' ', '@']).next());
    names.map(str::to_owned).collect()
}

/// The library exports its hooks and nothing else (`scripts/check-symbols`). A program calls what it imports, and the other names
/// that `robust_every_lock_call` looks up.
#[test]
fn each_hooked_function_is_called() {
    let hooked = symbols("--defined-only", &library());
    assert!(hooked.len() > 100, "{hooked:?}");
    let mut called = BTreeSet::from(OWN_INTERFACE.map(str::to_owned));
    for &(language, name) in CALLERS {
        let program = Program::ready(language, name).expect("a compiler");
        called.extend(symbols(
            "--undefined-only",
            Path::new(program.starts[0].command(&[]).get_program()),
        ));
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/c/robust_every_lock_call.c");
    let source = fs::read_to_string(source).expect("the source");
    let looked_up = source.split("DO(").skip(1).filter_map(|rest| rest.split(')').next());
    called.extend(looked_up.map(str::to_owned));
    let missing: Vec<_> = hooked.difference(&called).collect();
    assert!(missing.is_empty(), "no program calls {missing:?}");
}
