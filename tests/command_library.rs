//! Where the command `forkwatch` puts the library that it carries.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use super::command::{SOMEBODY, command_at, lonely_command, mode, refusal, run, stdout};

/// Where a lonely command's program finds the library.
fn preloaded_by(command: &Path, cache: Option<&Path>, home: Option<&Path>, temporary: &Path) -> PathBuf {
    let mut child = command_at(
        command,
        &[
            "run",
            "sh",
            "-c",
            "echo $LD_PRELOAD; grep -c forkwatch.so /proc/$$/maps",
        ],
    );
    child
        .env_remove("XDG_CACHE_HOME")
        .env_remove("HOME")
        .env("TMPDIR", temporary);
    child
        .envs(cache.map(|path| ("XDG_CACHE_HOME", path)))
        .envs(home.map(|path| ("HOME", path)));
    let output = run(&mut child);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = stdout(&output);
    let (path, count) = said.split_once('\n').unwrap();
    assert_ne!(count, "0", "{path} is not loaded");
    PathBuf::from(path)
}

#[test]
fn the_library_is_kept_in_a_private_cache_and_reused() {
    let (folder, command) = lonely_command();
    let folder = folder.path();
    let cache = folder.join("cache");
    let library = preloaded_by(&command, Some(&cache), None, folder);
    assert!(library.starts_with(cache.join("forkwatch")), "{}", library.display());
    assert_eq!(mode(&library), 0o500);
    assert_eq!(mode(library.parent().unwrap()), 0o700);
    assert_eq!(mode(&cache.join("forkwatch")), 0o700);
    let inode = fs::metadata(&library).unwrap().ino();
    assert_eq!(preloaded_by(&command, Some(&cache), None, folder), library);
    assert_eq!(fs::metadata(&library).unwrap().ino(), inode);
    assert_eq!(
        fs::read_dir(library.parent().unwrap()).unwrap().count(),
        1,
        "no temporary file is left"
    );
    let at_home = preloaded_by(&command, None, Some(folder), folder);
    assert!(
        at_home.starts_with(folder.join(".cache/forkwatch")),
        "{}",
        at_home.display()
    );
}

#[test]
fn a_library_that_was_tampered_with_is_not_used() {
    let (folder, command) = lonely_command();
    let folder = folder.path();
    let cache = folder.join("cache");
    let library = preloaded_by(&command, Some(&cache), None, folder);
    let whole = fs::read(&library).unwrap();
    let elsewhere = || {
        let used = preloaded_by(&command, Some(&cache), None, folder);
        assert_ne!(used, library);
        assert_eq!(mode(used.parent().unwrap()), 0o700);
        used
    };
    // Content.
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::remove_file(&library).unwrap();
    fs::write(&library, &changed).unwrap();
    fs::set_permissions(&library, fs::Permissions::from_mode(0o500)).unwrap();
    let second = elsewhere();
    // Mode.
    fs::remove_file(&library).unwrap();
    fs::write(&library, &whole).unwrap();
    fs::set_permissions(&library, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(elsewhere(), second, "the second place is kept as well");
    // A symbolic link, even to the right content.
    fs::remove_file(&library).unwrap();
    symlink(&second, &library).unwrap();
    elsewhere();
    // A folder that others can write to.
    fs::remove_file(&library).unwrap();
    fs::set_permissions(cache.join("forkwatch"), fs::Permissions::from_mode(0o777)).unwrap();
    elsewhere();
    // The second place as well: a new folder each time.
    fs::set_permissions(second.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_ne!(elsewhere(), second);
    // Another's, if we may give it away.
    fs::set_permissions(cache.join("forkwatch"), fs::Permissions::from_mode(0o700)).unwrap();
    if chown(cache.join("forkwatch"), Some(SOMEBODY), None).is_ok() {
        elsewhere();
    }
}

#[test]
fn without_a_home_the_library_is_put_in_the_temporary_folder() {
    let (folder, command) = lonely_command();
    let library = preloaded_by(&command, None, None, folder.path());
    assert!(library.starts_with(folder.path()), "{}", library.display());
    assert_eq!(mode(library.parent().unwrap()), 0o700);
    assert_eq!(
        preloaded_by(&command, None, None, folder.path()),
        library,
        "one copy is enough"
    );
}

#[test]
fn paths_that_the_dynamic_linker_would_split_are_avoided() {
    let (folder, command) = lonely_command();
    let folder = folder.path();
    for name in ["with space", "with:colon"] {
        let odd = folder.join(name);
        fs::create_dir(&odd).unwrap();
        let library = preloaded_by(&command, Some(&odd), None, folder);
        assert!(
            library.starts_with(folder.join("")) && !library.starts_with(&odd),
            "{}",
            library.display()
        );
        let mut nowhere = command_at(&command, &["run", "true"]);
        let said = refusal(nowhere.env("XDG_CACHE_HOME", &odd).env("TMPDIR", &odd), 125);
        assert!(said.contains("TMPDIR"), "{said}");
    }
}
