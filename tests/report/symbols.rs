//! Names and lines from files, for frames of real programs whose records are made by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forkwatch_schema::record::{Detail, Frame, Record};
use serde_json::Value;

use super::records::{line, unsafe_fork};
use super::workshop::{CC, PROGRAM, Workshop};
use super::{log, report, stderr};
use crate::command::{forkwatch, run, stdout};

pub fn fork_at(stack: Vec<Frame>) -> Record {
    let mut record = unsafe_fork(1, 1, "a", vec![]);
    if let Detail::UnsafeFork(fork) = &mut record.detail {
        fork.fork.stack = stack;
    }
    record
}

pub fn stack(text: &str) -> String {
    let frames = text.lines().map(str::trim).filter(|line| line.starts_with('#'));
    frames.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_program_names_its_own_frames() {
    let shop = Workshop::new(CC, PROGRAM);
    let (reported, output) = shop.reported(&[]);
    assert_eq!(reported, shop.both(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    assert_eq!(shop.reported(&["--no-symbols"]).0, shop.unnamed());
    let (_log, path) = log(line(&fork_at(vec![shop.frame()])));
    let explained = run(&mut forkwatch(&["explain", "0000000000000001", path.to_str().unwrap()]));
    assert_eq!(stack(&stdout(&explained)), shop.both());
}

#[test]
fn programs_at_fixed_addresses_and_split_debug_information_are_read() {
    for compiler in [
        "cc -O1 -no-pie -fno-pie -Wl,--build-id",
        "cc -O1 -gdwarf-4 -Wl,--build-id",
        "cc -O1 -gsplit-dwarf -Wl,--build-id",
        "cc -O1 -gz -Wl,--build-id",
    ] {
        let shop = Workshop::new(compiler, PROGRAM);
        assert_eq!(shop.reported(&[]).0, shop.both(), "{compiler}");
    }
}

#[test]
fn another_build_or_none_known_is_not_believed() {
    let shop = Workshop::new(CC, PROGRAM);
    let changed = |id: Option<&str>| {
        let frame = Frame {
            build_id: id.map(Into::into),
            ..shop.frame()
        };
        // Once, however many frames.
        let (_log, path) = log(line(&fork_at(vec![frame.clone(), frame])));
        report(&[], &path)
    };
    for id in [Some("00112233445566778899"), Some("../../../etc"), Some("é"), None] {
        let output = changed(id);
        assert_eq!(stack(&stdout(&output)).matches("??").count(), 2, "{id:?}");
        assert!(output.status.success());
        assert_eq!(
            stderr(&output),
            "forkwatch: 1 file of a program or library was not used for names and lines: the build id differs from \
             that of the records, or is unknown\n",
        );
    }
}

#[test]
fn missing_and_odd_files_name_nothing() {
    let shop = Workshop::new(CC, PROGRAM);
    fs::remove_file(shop.at("program")).unwrap();
    let (reported, output) = shop.reported(&[]);
    assert_eq!((reported, stderr(&output)), (shop.unnamed(), String::new()));
    // Nobody ever writes into the pipe.
    shop.run("mkfifo program");
    assert_eq!(shop.reported(&[]).0, shop.unnamed());
    shop.run("rm program; mkdir program");
    assert_eq!(shop.reported(&[]).0, shop.unnamed());
    shop.run("rmdir program; head -c 100000 /dev/urandom > program");
    assert_eq!(shop.reported(&[]).0, shop.unnamed());
}

#[test]
fn debug_links_are_followed() {
    let shop = Workshop::new(CC, PROGRAM);
    shop.part();
    assert_eq!(shop.reported(&[]).0, shop.unnamed());
    shop.run("cp debug program.debug; objcopy --add-gnu-debuglink=program.debug program");
    assert_eq!(shop.reported(&[]).0, shop.both());
    shop.run("mkdir .debug; mv program.debug .debug");
    assert_eq!(shop.reported(&[]).0, shop.both());
    let below = shop.folder.path().strip_prefix("/").unwrap();
    let other = Path::new("other").join(below);
    shop.run(&format!(
        "mkdir -p '{0}'; mv .debug/program.debug '{0}'",
        other.display()
    ));
    assert_eq!(shop.reported(&[]).0, shop.unnamed());
    assert_eq!(
        shop.reported(&["--debug-dir", shop.at("other").to_str().unwrap()]).0,
        shop.both()
    );
    // A debug file of another program by this name.
    let another = Workshop::new(CC, &PROGRAM.replace("asm volatile(\"nop\");", ""));
    another.part();
    let debug = another.at("debug");
    fs::copy(debug, shop.at("program.debug")).unwrap();
    assert_eq!(shop.reported(&[]).0, shop.unnamed());
}

#[test]
fn folders_by_build_id_name_even_what_is_not_here() {
    let shop = Workshop::new(CC, PROGRAM);
    shop.part();
    let place = shop.place_of_id();
    shop.run(&format!("mkdir -p store/{}; mv debug store/{place}", &place[..12]));
    let store = shop.at("store");
    let options = ["--debug-dir", "/nowhere", "--debug-dir", store.to_str().unwrap()];
    assert_eq!(shop.reported(&options).0, shop.both());
    // Compressed, as distributions have them.
    shop.run(&format!("objcopy --compress-debug-sections store/{place}"));
    assert_eq!(shop.reported(&options).0, shop.both());
    shop.run("rm program; echo new > program");
    let (reported, output) = shop.reported(&options);
    assert_eq!(reported, shop.both());
    let said = stderr(&output);
    assert_eq!(
        said,
        "forkwatch: --debug-dir /nowhere is not a directory; it is ignored\n"
    );
}

#[test]
fn debuginfod_is_asked_only_if_wanted() {
    let shop = Workshop::new(CC, PROGRAM);
    shop.part();
    shop.run("mkdir bin cache; mv debug cache/found");
    let client = format!(
        "#!/bin/sh\necho \"$@\" >> {0}/asked\necho {0}/cache/found\n",
        shop.folder.path().display()
    );
    fs::write(shop.at("bin/debuginfod-find"), client).unwrap();
    fs::set_permissions(shop.at("bin/debuginfod-find"), fs::Permissions::from_mode(0o755)).unwrap();
    let (_log, path) = log(line(&fork_at(vec![shop.frame()])));
    let ask = |options: &[&str], urls: &str| {
        let mut command = forkwatch(&["report"]);
        command
            .args(options)
            .arg(&path)
            .env("PATH", format!("{}:/usr/bin:/bin", shop.at("bin").display()))
            .env("XDG_CACHE_HOME", shop.at("cache"))
            .env_remove("DEBUGINFOD_CACHE_PATH")
            .env("DEBUGINFOD_URLS", urls);
        run(&mut command)
    };
    assert_eq!(stack(&stdout(&ask(&[], "http://localhost:1"))), shop.unnamed());
    let unset = ask(&["--debuginfod"], "");
    assert_eq!(stack(&stdout(&unset)), shop.unnamed());
    assert!(stderr(&unset).contains("DEBUGINFOD_URLS"), "{}", stderr(&unset));
    assert!(!shop.at("asked").exists());
    assert_eq!(
        stack(&stdout(&ask(&["--debuginfod"], "http://localhost:1"))),
        shop.both()
    );
    assert_eq!(shop.run("cat asked"), format!("debuginfo {}", shop.id));
    // What the client has fetched for anybody.
    let kept = format!("cache/debuginfod_client/{}", shop.id);
    shop.run(&format!(
        "rm bin/debuginfod-find; mkdir -p {kept}; mv cache/found {kept}/debuginfo"
    ));
    assert_eq!(stack(&stdout(&ask(&["--debuginfod"], ""))), shop.both());
}

#[test]
fn what_the_library_named_is_kept() {
    let shop = Workshop::new(CC, PROGRAM);
    let named = |symbol: Option<&str>, file: Option<&str>| Frame {
        symbol: symbol.map(Into::into),
        file: file.map(Into::into),
        line: file.map(|_| 99),
        ..shop.frame()
    };
    let reported = |frames: Vec<Frame>| {
        let (_log, path) = log(line(&fork_at(frames)));
        stack(&stdout(&report(&[], &path)))
    };
    assert_eq!(reported(vec![named(Some("x"), Some("/y"))]), "#0 x  /y:99\n");
    // Two frames of one address that the library knew to be one inlined in the other.
    let known = "#0 ??  /y:99\n#1 x  /z:99\n";
    assert_eq!(
        reported(vec![named(None, Some("/y")), named(Some("x"), Some("/z"))]),
        known
    );
    let source = shop.source();
    let completed = format!("#0 inner  {source}:3\n#1 x  {source}:7\n");
    assert_eq!(reported(vec![named(Some("x"), None)]), completed);
    // A function that calls itself.
    assert_eq!(stack(&reported(vec![shop.frame(), shop.frame()])).lines().count(), 4);
}

#[test]
fn the_json_has_the_names_and_keeps_what_it_does_not_know() {
    let shop = Workshop::new(CC, PROGRAM);
    let record = fork_at(vec![shop.frame()]);
    let example = |text: &str| {
        let (_log, path) = log(text);
        let output = report(&["--format", "json"], &path);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["findings"][0].clone()
    };
    let named = example(&line(&record));
    let frames = &named["example"]["fork"]["stack"];
    assert_eq!((&frames[0]["symbol"], &frames[0]["line"]), (&"inner".into(), &3.into()));
    assert_eq!((&frames[1]["symbol"], &frames[1]["line"]), (&"outer".into(), &7.into()));
    assert_eq!(named["fingerprint"], "0000000000000001");
    let newer = line(&record).replacen('{', "{\"time_of_day\":\"noon\",", 1);
    let kept = example(&newer);
    assert_eq!(kept["example"]["time_of_day"], "noon");
    assert_eq!(kept["example"]["fork"]["stack"][0]["symbol"], Value::Null);
}

#[test]
fn cpp_names_are_those_of_the_source_with_and_without_lines() {
    let source = PROGRAM.replace("void outer(int n)", "void Cart::outer(int n)");
    let source = source.replace(
        "__attribute__((noinline)) void Cart",
        "struct Cart { static void outer(int n); };\n__attribute__((noinline)) void Cart",
    );
    let source = source.replace("{ outer(getpid", "{ Cart::outer(getpid");
    let shop = Workshop::new("c++ -O1 -pie -fPIE -Wl,--build-id -x c++", &source);
    let path = shop.source();
    assert_eq!(
        shop.reported(&[]).0,
        format!("#0 inner  {path}:3\n#1 Cart::outer(int)  {path}:8\n")
    );
    // The label is not a function, but stands in the table like one.
    shop.run("strip --strip-debug -N here program");
    let only = format!("#0 Cart::outer(int)  (program+{})\n", shop.offset);
    assert_eq!(shop.reported(&[]).0, only);
}

#[test]
fn rust_names_have_no_hash() {
    let source = r#"#![allow(named_asm_labels)]
mod shop {
    #[inline(never)]
    pub fn outer(number: u32) -> u32 {
        unsafe { std::arch::asm!("nop", "here:", "nop") };
        number + 1
    }
}
fn main() { std::process::exit(shop::outer(std::process::id()) as i32) }
"#;
    let shop = Workshop::new("rustc --crate-name program -C link-arg=-Wl,--build-id", source);
    let path = shop.source();
    assert_eq!(shop.reported(&[]).0, format!("#0 program::shop::outer  {path}:5\n"));
    shop.run("strip --strip-debug -N here program");
    let only = format!("#0 program::shop::outer  (program+{})\n", shop.offset);
    assert_eq!(shop.reported(&[]).0, only);
}
