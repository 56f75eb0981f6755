//! What the command `forkwatch` does not run, or cannot watch, and how it says so.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::{COMMAND, SOMEBODY, executable, forkwatch, refusal, run, stdout};

#[test]
fn a_broken_program_is_126() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(COMMAND).unwrap();
    let object = {
        let mut object = whole.clone();
        // e_type: ET_REL, a file for the linker.
        object[16] = 1;
        object
    };
    let mut odd_class = whole[..4096].to_vec();
    odd_class[4] = 9;
    let cases = [
        ("magic", &whole[..4]),
        ("header", &whole[..40]),
        ("segments", &whole[..64]),
        ("class", &odd_class),
        ("object", &object),
    ];
    for (name, content) in cases {
        let path = folder.path().join(name);
        executable(&path, content);
        for options in [&["run"][..], &["run", "--strict"]] {
            let said = refusal(forkwatch(options).arg(&path), 126);
            assert!(
                said.contains("its ELF header is damaged, or it was never linked"),
                "{name}: {said}"
            );
        }
    }
}

#[test]
fn what_is_not_there_is_127() {
    for options in [&["run"][..], &["run", "--strict"]] {
        let said = refusal(forkwatch(options).arg("forkwatch-no-such-program"), 127);
        assert!(said.contains("PATH"), "{said}");
        refusal(forkwatch(options).arg("/no/such/program"), 127);
        refusal(forkwatch(options).arg(""), 127);
    }
}

#[test]
fn what_cannot_be_executed_is_126() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    let said = refusal(forkwatch(&["run"]).arg(&plain), 126);
    assert!(said.contains("chmod +x"), "{said}");
    // On PATH, too, where it is all that was found.
    refusal(forkwatch(&["run", "plain"]).env("PATH", folder.path()), 126);
    let said = refusal(forkwatch(&["run"]).arg(folder.path()), 126);
    assert!(said.contains("directory"), "{said}");
    let garbage = folder.path().join("garbage");
    executable(&garbage, b"\x01\x00\x02garbage");
    refusal(forkwatch(&["run"]).arg(&garbage), 126);
    refusal(forkwatch(&["run", "--strict"]).arg(&garbage), 126);
}

#[test]
fn path_is_searched_like_execvp_does() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::create_dir_all(first.join("tool")).unwrap();
    fs::create_dir(&second).unwrap();
    executable(&second.join("tool"), b"#!/bin/sh\necho found\n");
    let path = std::env::join_paths([&first, &second]).unwrap();
    assert_eq!(stdout(&run(forkwatch(&["run", "tool"]).env("PATH", path))), "found");
    let empty_entry = run(forkwatch(&["run", "tool"])
        .env("PATH", "/nowhere:")
        .current_dir(&second));
    assert_eq!(stdout(&empty_entry), "found");
}

#[test]
fn scripts_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    for first_line in ["#!/bin/sh\n", "#!/usr/bin/env sh\n", ""] {
        executable(&script, format!("{first_line}echo \"$1\"\n").as_bytes());
        for options in [&["run"][..], &["run", "--strict"]] {
            let output = run(forkwatch(options).arg(&script).arg("it's"));
            assert_eq!(stdout(&output), "it's", "{first_line:?} {options:?}");
        }
    }
    for first_line in ["#!/no/such/interpreter\n", "#!/usr/bin/env forkwatch-no-such-program\n"] {
        executable(&script, first_line.as_bytes());
        let said = refusal(forkwatch(&["run"]).arg(&script), 127);
        assert!(said.contains("no"), "{said}");
    }
}

/// Compiles a program, or says why the test is skipped.
fn compiled(folder: &Path, arguments: &[&str]) -> Option<PathBuf> {
    let (source, program) = (folder.join("program.c"), folder.join("program"));
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let built = Command::new("gcc")
        .args(arguments)
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .output();
    if built.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(program);
    }
    println!("skipped: gcc {arguments:?} does not work here");
    None
}

#[test]
fn a_static_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compiled(folder.path(), &["-static"]) else {
        return;
    };
    let said = refusal(forkwatch(&["run"]).arg(&program), 125);
    assert!(said.contains("statically linked"), "{said}");
    // Through a script as well.
    let script = folder.path().join("script");
    executable(&script, format!("#!{}\n", program.display()).as_bytes());
    let said = refusal(forkwatch(&["run", "--strict"]).arg(&script), 125);
    assert!(said.contains("statically linked"), "{said}");
}

#[test]
fn the_dynamic_linker_is_no_static_program() {
    let linker = Path::new("/lib64/ld-linux-x86-64.so.2");
    if !linker.exists() {
        println!("skipped: {} is not here", linker.display());
        return;
    }
    assert!(run(forkwatch(&["run"]).arg(linker).arg("/bin/true")).status.success());
}

#[test]
fn a_program_with_address_sanitizer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["-fsanitize=address"][..], &["-fsanitize=address", "-static-libasan"]] {
        let Some(program) = compiled(folder.path(), arguments) else {
            continue;
        };
        let said = refusal(forkwatch(&["run"]).arg(&program), 125);
        assert!(said.contains("AddressSanitizer"), "{said}");
    }
}

#[test]
fn a_program_linked_with_musl_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = compiled(folder.path(), &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]) else {
        return;
    };
    let said = refusal(forkwatch(&["run"]).arg(&program), 125);
    assert!(said.contains("musl"), "{said}");
}

#[test]
fn another_architecture_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let mut content = fs::read("/bin/true").unwrap();
    // e_machine: RISC-V.
    content[18..20].copy_from_slice(&243_u16.to_le_bytes());
    executable(&program, &content);
    let said = refusal(forkwatch(&["run"]).arg(&program), 125);
    assert!(said.contains("architecture") && said.contains("RISC-V"), "{said}");
}

#[test]
fn a_set_uid_program_is_refused_only_if_it_raises_privileges() {
    use rustix::fs::{StatVfsMountFlags, statvfs};
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    executable(&program, &fs::read("/bin/true").unwrap());
    let low = rustix::thread::no_new_privs().unwrap_or(false)
        || statvfs(folder.path())
            .unwrap()
            .f_flag
            .contains(StatVfsMountFlags::NOSUID);
    if low {
        println!("skipped: nothing raises privileges here");
        return;
    }
    let set_uid = |bits: u32| fs::set_permissions(&program, fs::Permissions::from_mode(0o755 | bits)).unwrap();
    set_uid(0o4000);
    assert!(
        run(forkwatch(&["run"]).arg(&program)).status.success(),
        "its owner becomes nobody else"
    );
    if chown(&program, Some(SOMEBODY), Some(SOMEBODY)).is_err() {
        println!("skipped in part: only root can give files away");
        return;
    }
    for (bits, what) in [(0o4000, "set-uid"), (0o2000, "set-gid")] {
        set_uid(bits);
        let said = refusal(forkwatch(&["run"]).arg(&program), 125);
        assert!(said.contains(what), "{said}");
    }
}
