//! The kernel's own list of this process's threads, `/proc/self/task`, and what it says of each.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use std::fmt::Write as _;

use rustix::fs::{CWD, Mode, OFlags, RawDir};

use super::process;
use super::system_call::system_call;

/// The number of threads by the kernel's count, exiting ones included; `None` where `/proc` is not mounted. One system
/// call: the kernel keeps the count as the folder's number of links, less two (`proc_task_getattr`).
pub fn count() -> Option<u64> {
    let status = rustix::fs::stat(c"/proc/self/task").ok()?;
    status.st_nlink.checked_sub(2)
}

/// The ids of all threads of this process; `None` where `/proc` cannot be read.
pub fn list() -> Option<Vec<i32>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, c"/proc/self/task", flags, Mode::empty()).ok()?;
    let mut space = [const { MaybeUninit::<u8>::uninit() }; 4096];
    let mut entries = RawDir::new(&folder, &mut space);
    let mut tids = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry.ok()?.file_name().to_str().ok()?.parse();
        tids.extend(name.ok() as Option<i32>);
    }
    Some(tids)
}

/// Whether this process has a thread of this id, an exiting one included.
pub fn exists(tid: i32) -> bool {
    if tid <= 0 {
        return false;
    }
    let number = |id: i32| id.unsigned_abs() as usize;
    // SAFETY: `tgkill` with signal 0 delivers nothing and only asks.
    #[expect(unsafe_code, reason = "a system call without a wrapper")]
    let result = unsafe { system_call(libc::SYS_tgkill, [number(process::id()), number(tid), 0, 0, 0, 0]) };
    result != -(libc::ESRCH as isize)
}

/// What the kernel is about to do, or does, with a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs or waits like any thread.
    Alive,
    /// It is past the point of no return, or gone: it holds nothing and will do nothing.
    Exiting,
    /// The kernel's own helper (io_uring), which holds no lock of the program's.
    KernelHelper,
}

/// What the flags in field 9 of `/proc/self/task/TID/stat` say (`PF_EXITING`, `PF_IO_WORKER`, `PF_USER_WORKER` of
/// `include/linux/sched.h`).
pub fn life(tid: i32) -> Life {
    const EXITING: u64 = 0x4;
    const IO_WORKER: u64 = 0x10;
    const USER_WORKER: u64 = 0x4000;
    let Some(text) = read_entry(tid, "stat") else {
        // Not only the end of a thread hides the file: `/proc` lies outside of a changed root, and no descriptor may be left.
        return if exists(tid) { Life::Alive } else { Life::Exiting };
    };
    match flags_of_stat(&text) {
        Some(flags) if flags & EXITING != 0 => Life::Exiting,
        Some(flags) if flags & (IO_WORKER | USER_WORKER) != 0 => Life::KernelHelper,
        _ => Life::Alive,
    }
}

/// Field 9 of a `stat` line. The name in field 2 may hold spaces and parentheses, so fields are counted from the *last*
/// closing one.
fn flags_of_stat(text: &[u8]) -> Option<u64> {
    let end_of_name = text.iter().rposition(|&byte| byte == b')')?;
    let rest = str::from_utf8(text.get(end_of_name + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(6)?.parse().ok()
}

/// The thread's name as the kernel knows it: up to 15 bytes of any value; empty where it has just ended.
pub fn name(tid: i32) -> Vec<u8> {
    let mut name = match read_entry(tid, "comm") {
        Some(name) => name,
        // Without `/proc`, a thread can still ask for its own.
        None if rustix::thread::gettid().as_raw_nonzero().get() == tid => own_name(),
        None => Vec::new(),
    };
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    name
}

fn own_name() -> Vec<u8> {
    rustix::thread::name()
        .map(std::ffi::CString::into_bytes)
        .unwrap_or_default()
}

/// The name of a thread of another process; `None` where that process or thread is gone.
pub fn name_in(process: i32, tid: i32) -> Option<Vec<u8>> {
    let mut name = read_path(&format!("/proc/{process}/task/{tid}/comm\0"))?;
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    Some(name)
}

/// The system call that a thread is blocked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedCall {
    /// The system call's number.
    pub number: i64,
    /// Its six arguments.
    pub arguments: [usize; 6],
    /// The thread's stack pointer.
    pub stack_pointer: usize,
    /// The thread's program counter.
    pub program_counter: usize,
}

/// What `/proc/self/task/TID/syscall` says; `None` where the thread runs, or the kernel does not offer the file.
pub fn blocked_call(tid: i32) -> Option<BlockedCall> {
    parse_syscall(&read_entry(tid, "syscall")?)
}

fn parse_syscall(text: &[u8]) -> Option<BlockedCall> {
    let mut words = str::from_utf8(text).ok()?.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    let mut next = || usize::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = next()?;
    }
    Some(BlockedCall {
        number,
        arguments,
        stack_pointer: next()?,
        program_counter: next()?,
    })
}

fn read_entry(tid: i32, entry: &str) -> Option<Vec<u8>> {
    let mut path = String::with_capacity(48);
    write!(path, "/proc/self/task/{tid}/{entry}\0").ok()?;
    read_path(&path)
}

/// Reads a small file of `/proc`; the path ends with NUL.
fn read_path(path: &str) -> Option<Vec<u8>> {
    let path = CStr::from_bytes_with_nul(path.as_bytes()).ok()?;
    let file = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = vec![0; 1024];
    let length = rustix::io::read(&file, &mut text[..]).ok()?;
    text.truncate(length);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{BlockedCall, Life, exists, flags_of_stat, life, list, name, parse_syscall};

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        assert_eq!(flags_of_stat(b"7 (a b) c) S 1 2 3 4 5 4194304 9 9"), Some(4_194_304));
        assert_eq!(flags_of_stat(b"7 (short) S 1"), None);
    }

    #[test]
    fn a_blocked_call_is_parsed_and_a_running_thread_is_none() {
        let call = parse_syscall(b"202 0x10 0x80 0x0 0x0 0x0 0x0 0x7ffe 0x7f00\n").unwrap();
        let expected = BlockedCall {
            number: 202,
            arguments: [0x10, 0x80, 0, 0, 0, 0],
            stack_pointer: 0x7ffe,
            program_counter: 0x7f00,
        };
        assert_eq!(call, expected);
        assert_eq!(parse_syscall(b"running\n"), None);
    }

    #[test]
    fn this_thread_is_in_the_kernels_list() {
        let own = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(list().unwrap().contains(&own));
        assert_eq!(life(own), Life::Alive);
        assert!(exists(own) && !exists(i32::MAX));
        assert_eq!(life(-1), Life::Exiting);
        assert!(!name(own).is_empty());
    }
}
