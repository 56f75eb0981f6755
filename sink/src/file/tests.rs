//! Files, FIFOs and descriptors that fail in each way they can.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::io::Errno;
use rustix::pipe::{fcntl_setpipe_size, pipe};

use super::{append, append_to_existing, write_to_number, write_to_number_patiently};
use crate::state::State;

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

fn number(file: &impl AsRawFd) -> u16 {
    u16::try_from(file.as_raw_fd()).unwrap()
}

/// A FIFO and its non-blocking reader.
fn fifo(folder: &Path) -> (CString, File) {
    let path = folder.join("fifo");
    let name = c_path(&path);
    mknodat(CWD, &name, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    assert_eq!(append(&name, b"x\n", &State::new()), Err(Errno::NXIO));
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    (
        name,
        OpenOptions::new().read(true).custom_flags(flags).open(path).unwrap(),
    )
}

fn drained(reader: &mut File) -> Vec<u8> {
    let mut taken = Vec::new();
    let _empty_now = reader.read_to_end(&mut taken);
    taken
}

#[test]
fn a_full_fifo_costs_no_time_and_its_next_line_starts_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let (name, mut reader) = fifo(folder.path());
    let state = State::new();
    let line = [vec![b'x'; 2999], vec![b'\n']].concat();
    let mut whole = 0;
    let failed = loop {
        match append(&name, &line, &state) {
            Ok(()) => whole += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(failed, Errno::AGAIN);
    let start = Instant::now();
    for _ in 0..1000 {
        assert_eq!(append(&name, &line, &state), Err(Errno::AGAIN));
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(drained(&mut reader).len(), whole * line.len());
    append(&name, b"next\n", &state).unwrap();
    assert_eq!(drained(&mut reader), b"next\n");
}

/// More than PIPE_BUF bytes are taken in part.
#[test]
fn a_line_that_a_fifo_took_in_part_is_the_only_one_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (name, mut reader) = fifo(folder.path());
    let state = State::new();
    let monster = [vec![b'x'; 200_000], vec![b'\n']].concat();
    assert_eq!(append(&name, &monster, &state), Err(Errno::AGAIN));
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(append(&name, &monster, &state), Err(Errno::AGAIN));
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let taken = drained(&mut reader);
    assert!(taken.len() > 4096 && taken.iter().all(|byte| *byte == b'x'));
    append(&name, b"next\n", &state).unwrap();
    assert_eq!(drained(&mut reader), b"\nnext\n");
}

#[test]
fn a_blocking_pipe_of_the_programs_is_not_waited_for() {
    let (reader, writer) = pipe().unwrap();
    fcntl_setpipe_size(&writer, 4096).unwrap();
    let state = State::new();
    let line = [vec![b'x'; 999], vec![b'\n']].concat();
    let start = Instant::now();
    let failed = (0..100).find_map(|_| write_to_number(number(&writer), &line, &state).err());
    assert_eq!(failed, Some(Errno::AGAIN));
    // A short wait for a text that a person waits for, and only once.
    for _ in 0..100 {
        assert_eq!(
            write_to_number_patiently(number(&writer), &line, &state),
            Err(Errno::AGAIN)
        );
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop(reader);
    // SIGPIPE would end this process.
    assert!(write_to_number(number(&writer), &line, &state).is_err());
}

#[test]
fn a_full_disk_leaves_one_line_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let before = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    // The whole test process gets this limit: no other test here writes as much to a file.
    let limit = |bytes| {
        let limit = rustix::process::Rlimit {
            current: bytes,
            ..before
        };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    };
    let line = [vec![b'x'; 999_999], vec![b'\n']].concat();
    let state = State::new();
    append(&c_path(&path), &line, &state).unwrap();
    limit(Some(1_500_000));
    let torn = append(&c_path(&path), &line, &state);
    limit(before.current);
    // SIGXFSZ would have ended this process.
    assert_eq!(torn, Err(Errno::FBIG));
    // Another process, which knows nothing of it.
    append(&c_path(&path), b"next\n", &State::new()).unwrap();
    let content = fs::read(&path).unwrap();
    let lines: Vec<usize> = content.split(|&byte| byte == b'\n').map(<[u8]>::len).collect();
    assert_eq!(lines, [999_999, 500_000, 4, 0]);
}

#[test]
fn files_are_made_appended_to_and_links_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let state = State::new();
    assert!(append_to_existing(&c_path(&log), |_| Some(b"x".to_vec())).is_err());
    append(&c_path(&log), b"one\n", &state).unwrap();
    append(&c_path(&log), b"two\n", &state).unwrap();
    append_to_existing(&c_path(&log), |_| Some(b"three\n".to_vec())).unwrap();
    assert_eq!(fs::read(&log).unwrap(), b"one\ntwo\nthree\n");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o137, 0);
    let link = folder.path().join("link");
    symlink(&log, &link).unwrap();
    assert_eq!(append(&c_path(&link), b"x", &state), Err(Errno::LOOP));
}
