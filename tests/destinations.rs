//! Where records go, and what a place that cannot take them costs: one sentence, and nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use forkwatch_schema::kind::Kind;
use forkwatch_schema::record::Record;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::options::{ready, watched};
use crate::support::library::library;
use crate::support::process::{End, Folder, Run, run};
use crate::support::record_schema;

/// Six forks at two places.
const PROGRAM: &str = "unsafe_fork_two_places";

/// All records that wait in a socket.
fn datagrams(socket: &UnixDatagram) -> Vec<Vec<u8>> {
    socket.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 1 << 20];
    std::iter::from_fn(|| {
        let length = socket.recv(&mut buffer).ok()?;
        Some(buffer[..length].to_vec())
    })
    .collect()
}

fn of_kind(records: &[Record], kind: Kind) -> usize {
    records.iter().filter(|record| record.kind == kind).count()
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// The program behind a line of shell, in which `$1` starts it watched and with these variables.
fn in_shell(line: &str, variables: &[(&str, &str)], folder: &Folder) -> Run {
    let program = ready(PROGRAM).starts[0].command(&[]).get_program().to_owned();
    let starter = folder.join("start");
    let script = format!(
        "#!/bin/sh\nexec env LD_PRELOAD='{}' '{}'\n",
        library().display(),
        program.to_string_lossy()
    );
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o700)
        .open(&starter)
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", line, "sh"]).arg(&starter);
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    run(&mut shell, &variables.collect(), folder)
}

#[test]
fn a_datagram_socket_gets_each_record_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    let log = format!("unix:{}", path.display());
    let watched = watched(PROGRAM, &[("FORKWATCH_LOG", &log), ("FORKWATCH_TEXT", "stderr")]);
    assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
    let records: Vec<Record> = datagrams(&socket)
        .iter()
        .map(|datagram| record_schema::read(std::str::from_utf8(datagram).unwrap()))
        .collect();
    assert_eq!(of_kind(&records, Kind::UnsafeFork), 2, "{records:?}");
    assert_eq!(of_kind(&records, Kind::Summary), 1, "{records:?}");
}

#[test]
fn the_journal_gets_fields_and_the_whole_record() {
    let sockets = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(sockets.path().join("socket")).unwrap();
    let folder = Folder::new("journal");
    // In a namespace of mounts, where the journal's socket is ours.
    let line = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && : >/run/systemd/journal/socket && \
         mount --bind {}/socket /run/systemd/journal/socket && exec \"$1\"",
        sockets.path().display()
    );
    let line = format!("unshare --user --map-root-user --mount sh -c '{line}' sh \"$1\" || exit 77");
    let run = in_shell(
        &line,
        &[("FORKWATCH_LOG", "journald"), ("FORKWATCH_TEXT", "off")],
        &folder,
    );
    if run.end == End::Exit(77) {
        return println!(
            "skipped: no namespace of mounts can be made here: {}",
            run.stderr.trim()
        );
    }
    assert_eq!((run.end, run.stderr), (End::Exit(0), String::new()));
    let entries: Vec<String> = datagrams(&socket)
        .into_iter()
        .map(|entry| String::from_utf8(entry).unwrap())
        .collect();
    let forks: Vec<&String> = entries
        .iter()
        .filter(|entry| entry.contains("\nFORKWATCH_KIND=unsafe_fork\n"))
        .collect();
    assert_eq!(forks.len(), 2, "{entries:?}");
    let summaries = entries
        .iter()
        .filter(|entry| entry.contains("\nFORKWATCH_UNSAFE_FORKS=6\n"));
    assert_eq!(summaries.count(), 1, "{entries:?}");
    for entry in forks {
        let record = entry.lines().find_map(|line| line.strip_prefix("FORKWATCH_RECORD="));
        let record: Record = record_schema::read(record.unwrap());
        for field in [
            "PRIORITY=4".to_owned(),
            format!("MESSAGE={}", record.message),
            format!("FORKWATCH_FINGERPRINT={}", record.fingerprint),
            format!("FORKWATCH_PID={}", record.pid),
        ] {
            assert!(entry.lines().any(|line| line == field), "{field}: {entry}");
        }
    }
}

#[test]
fn a_place_that_takes_nothing_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fifo(&folder.path().join("full"));
    fifo(&folder.path().join("unread"));
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut reader = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(at("full"))
        .unwrap();
    let mut writer = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(at("full"))
        .unwrap();
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    let _stream = std::os::unix::net::UnixListener::bind(at("stream")).unwrap();
    for (log, why) in [
        (at("full"), "the reader does not keep up"),
        (at("unread"), "nobody is reading at the other end"),
        (format!("unix:{}", at("stream")), "it is not a datagram socket"),
        (format!("unix:{}", at("gone")), "no such file or directory"),
    ] {
        let options = [
            ("FORKWATCH_LOG", &*log),
            ("FORKWATCH_TEXT", "off"),
            ("FORKWATCH_REPEAT", "all"),
        ];
        let watched = watched(PROGRAM, &options);
        assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
        let expected = format!("forkwatch: cannot write records to {log}: {why}; the program continues without it\n");
        assert_eq!(watched.run.stderr, expected, "{watched:?}");
    }
    let mut taken = Vec::new();
    let _empty_now = reader.read_to_end(&mut taken);
    assert!(
        taken.iter().all(|&byte| byte == b'\n'),
        "nothing of a record is in the full FIFO"
    );
}

/// A limit on the length of files stands for the disk: a write that reaches it is cut short there, too.
#[test]
fn a_full_disk_costs_one_record_and_one_sentence() {
    let folder = Folder::new("disk");
    let log = folder.join("records").display().to_string();
    let variables = [
        ("FORKWATCH_LOG", &*log),
        ("FORKWATCH_TEXT", "off"),
        ("FORKWATCH_REPEAT", "all"),
    ];
    let free = in_shell("exec \"$1\"", &variables, &folder);
    assert_eq!(free.end, End::Exit(0), "{free:?}");
    let whole = fs::metadata(&log).unwrap().len();
    // In blocks of 512 bytes, which end in the middle of a record.
    let full = in_shell(
        &format!("ulimit -f {}; exec \"$1\"", (whole + 3000) / 512),
        &variables,
        &folder,
    );
    assert_eq!(full.end, End::Exit(0), "{full:?}");
    let said = format!(
        "forkwatch: cannot write records to {log}: the file would be too large; the program continues without it\n"
    );
    assert_eq!(full.stderr, said);
    let torn = fs::read(&log).unwrap();
    assert!(
        torn.len() as u64 > whole && torn.last() != Some(&b'\n'),
        "{} bytes",
        torn.len()
    );
    let again = in_shell("exec \"$1\"", &variables, &folder);
    assert_eq!((again.end, again.stderr), (End::Exit(0), String::new()));
    let text = fs::read_to_string(&log).unwrap();
    // Parent and child may both end the torn line, which leaves an empty one.
    let is_sound: Vec<bool> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str::<Record>(line).is_ok())
        .collect();
    let broken: Vec<usize> = (0..is_sound.len()).filter(|&line| !is_sound[line]).collect();
    // As many lines stand before those of the full disk as behind them.
    assert_eq!(broken.len(), 1, "{text}");
    let behind = is_sound.len() - broken[0] - 1;
    assert!(
        behind > 0 && broken[0] >= behind,
        "{} lines before, {behind} behind",
        broken[0]
    );
    let whole = usize::try_from(whole).unwrap();
    assert_eq!(text[..whole].lines().count(), behind, "the last run lost nothing");
}

#[test]
fn rules_are_read_from_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fifo(&folder.path().join("fifo"));
    File::create(at("rules"))
        .unwrap()
        .write_all(b"unsafe_fork:*\n")
        .unwrap();
    let files = [at("fifo"), at(""), "/dev/zero".into(), at("gone"), at("rules")].join(":");
    let watched = watched(
        PROGRAM,
        &[("FORKWATCH_SUPPRESS", &*files), ("FORKWATCH_TEXT", "stderr")],
    );
    assert_eq!(watched.run.end, End::Exit(0), "{watched:?}");
    for (file, why) in [
        (at("fifo"), "it is a FIFO"),
        (at(""), "it is a directory"),
        ("/dev/zero".into(), "it is a device"),
        (at("gone"), "no such file or directory"),
    ] {
        let expected = format!("cannot read {file}: {why}; its rules are not used");
        let said = watched
            .run
            .stderr
            .lines()
            .filter(|line| line.contains(&expected))
            .count();
        assert_eq!(said, 1, "{expected}: {}", watched.run.stderr);
    }
    assert_eq!(watched.of(Kind::UnsafeFork).len(), 0, "the sound file's rule holds");
}
