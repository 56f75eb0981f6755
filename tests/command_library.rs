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

/// Below `/usr`, say: the command in `bin`, the library in the folder for this processor's.
#[test]
fn a_library_that_a_package_installed_is_used_if_it_is_the_commands_own() {
    let (folder, lonely) = lonely_command();
    let folder = folder.path();
    let command = folder.join("bin/forkwatch");
    fs::create_dir(folder.join("bin")).unwrap();
    fs::rename(lonely, &command).unwrap();
    let installed = folder.join(format!("lib/{}-linux-gnu/libforkwatch.so", std::env::consts::ARCH));
    let cache = folder.join("cache");
    let library = || preloaded_by(&command, Some(&cache), None, folder);
    let kept = library();
    assert!(kept.starts_with(&cache));
    fs::create_dir_all(installed.parent().unwrap()).unwrap();
    let own = fs::read(&kept).unwrap();
    fs::write(&installed, &own).unwrap();
    assert_eq!(library(), installed);
    // One of another version.
    fs::write(&installed, &own[..own.len() - 1]).unwrap();
    assert_eq!(library(), kept);
}

#[test]
fn a_library_that_was_damaged_is_repaired() {
    let (folder, command) = lonely_command();
    let folder = folder.path();
    let cache = folder.join("cache");
    let library = preloaded_by(&command, Some(&cache), None, folder);
    let whole = fs::read(&library).unwrap();
    let is_repaired = |how: &str| {
        assert_eq!(preloaded_by(&command, Some(&cache), None, folder), library, "{how}");
        assert!(fs::symlink_metadata(&library).unwrap().is_file(), "{how}");
        assert!(fs::read(&library).unwrap() == whole && mode(&library) == 0o500, "{how}");
    };
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::remove_file(&library).unwrap();
    fs::write(&library, &changed).unwrap();
    fs::set_permissions(&library, fs::Permissions::from_mode(0o500)).unwrap();
    is_repaired("content");
    fs::set_permissions(&library, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&library, &whole[..whole.len() / 2]).unwrap();
    is_repaired("length");
    fs::set_permissions(&library, fs::Permissions::from_mode(0o777)).unwrap();
    is_repaired("mode");
    // Even to the right content: where a link leads to, others may write.
    let other = folder.join("other.so");
    fs::write(&other, &whole).unwrap();
    fs::remove_file(&library).unwrap();
    symlink(&other, &library).unwrap();
    is_repaired("link");
    assert!(fs::read(&other).unwrap() == whole, "what the link led to is left alone");
}

#[test]
fn folders_that_others_can_change_are_not_used() {
    let (folder, command) = lonely_command();
    let folder = folder.path();
    let cache = folder.join("cache");
    let library = preloaded_by(&command, Some(&cache), None, folder);
    let elsewhere = || {
        let used = preloaded_by(&command, Some(&cache), None, folder);
        assert_ne!(used, library);
        assert_eq!(mode(used.parent().unwrap()), 0o700);
        used
    };
    let allow = |path: &Path, bits: u32| fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    // The folder above, out of which anybody could move ours.
    allow(&cache, 0o777);
    let second = elsewhere();
    allow(&cache, 0o1777);
    assert_eq!(preloaded_by(&command, Some(&cache), None, folder), library);
    allow(&cache, 0o755);
    allow(&cache, 0o775);
    assert_eq!(elsewhere(), second, "a group may have other members");
    allow(&cache, 0o755);
    // Ours itself.
    allow(&cache.join("forkwatch"), 0o777);
    assert_eq!(elsewhere(), second, "the second place is kept as well");
    // The second place as well: a new folder each time.
    allow(second.parent().unwrap(), 0o777);
    assert_ne!(elsewhere(), second);
    // Another's, if we may give it away.
    allow(&cache.join("forkwatch"), 0o700);
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
fn a_home_that_is_missing_is_not_made() {
    let (folder, command) = lonely_command();
    let folder = folder.path();
    let (home, cache) = (folder.join("home"), folder.join("a/b"));
    for library in [
        preloaded_by(&command, None, Some(&home), folder),
        preloaded_by(&command, Some(&cache), None, folder),
    ] {
        assert!(library.starts_with(folder), "{}", library.display());
        assert!(!home.exists() && !folder.join("a").exists());
    }
    fs::create_dir(&home).unwrap();
    let library = preloaded_by(&command, None, Some(&home), folder);
    assert!(
        library.starts_with(home.join(".cache/forkwatch")),
        "{}",
        library.display()
    );
}

#[test]
fn a_temporary_folder_out_of_which_others_can_move_ours_is_refused() {
    let (folder, command) = lonely_command();
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let mut nowhere = command_at(&command, &["run", "true"]);
    nowhere
        .env_remove("XDG_CACHE_HOME")
        .env_remove("HOME")
        .env("TMPDIR", &open);
    let said = refusal(&mut nowhere, 125);
    assert!(
        said.contains(&format!("other users can change {}", open.display())) && said.contains("TMPDIR"),
        "{said}"
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
