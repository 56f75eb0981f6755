//! The kernel's own list of this process's threads, `/proc/self/task`, and what it says about each.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use std::fmt::Write as _;

use forkwatch_process::system_call::system_call;
use rustix::fs::{CWD, Mode, OFlags, RawDir};

use super::process;

/// The number of threads by the kernel's count, exiting ones included; `None` where `/proc` is not mounted. One system
/// call: the kernel keeps the count as the folder's number of links, less two (`proc_task_getattr`).
pub fn count() -> Option<u64> {
    let status = rustix::fs::stat(c"/proc/self/task").ok()?;
    // Of 64 bits on x86-64 and of 32 on aarch64.
    #[allow(clippy::useless_conversion, reason = "the type depends on the processor")]
    let links = u64::from(status.st_nlink);
    links.checked_sub(2)
}

/// The ids of all threads of this process; `None` where `/proc` cannot be read.
pub fn list() -> Option<Vec<i32>> {
    list_at(c"/proc/self/task")
}

/// The ids of all threads of another process; `None` where it is gone.
pub fn list_in(process: i32) -> Option<Vec<i32>> {
    let path = format!("/proc/{process}/task\0");
    list_at(CStr::from_bytes_with_nul(path.as_bytes()).ok()?)
}

fn list_at(path: &CStr) -> Option<Vec<i32>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
    let mut space = [const { MaybeUninit::<u8>::uninit() }; 4096];
    let mut entries = RawDir::new(&folder, &mut space);
    let mut tids = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry.ok()?.file_name().to_str().ok()?.parse();
        tids.extend(name.ok() as Option<i32>);
    }
    Some(tids)
}

/// Whether this process has a thread with this id, an exiting one included.
pub fn exists(tid: i32) -> bool {
    if tid <= 0 {
        return false;
    }
    let number = |id: i32| id.unsigned_abs() as usize;
    // SAFETY: `tgkill` with signal 0 delivers nothing and only checks.
    #[expect(unsafe_code, reason = "a system call without a wrapper")]
    let result = unsafe { system_call(libc::SYS_tgkill, [number(process::id()), number(tid), 0, 0, 0, 0]) };
    result != -(libc::ESRCH as isize)
}

/// A thread's stage of life, as the kernel sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs or waits like any thread.
    Alive,
    /// It is exiting or gone: it holds nothing and runs none of the program's code.
    Exiting,
    /// A kernel helper (io_uring), which holds none of the program's locks.
    KernelHelper,
}

/// What `/proc/self/task/TID/stat` says about a thread. Unlike its system call, this can be read of a running thread without
/// waiting for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its name: up to 15 bytes of any value; empty where it is not known.
    pub name: Vec<u8>,
    /// Whether it is still a thread like any other.
    pub life: Life,
    /// Whether it sleeps or is stopped, and so neither runs nor waits for a processor.
    pub blocked: bool,
}

/// Reads a thread's name and state.
pub fn stat(tid: i32) -> Stat {
    let text = read_entry(tid, "stat");
    text.as_deref().and_then(parse_stat).unwrap_or_else(|| Stat {
        name: Vec::new(),
        // The file is also missing where the root has changed, and cannot be opened where no descriptor is left.
        life: if exists(tid) { Life::Alive } else { Life::Exiting },
        blocked: false,
    })
}

/// Reads name, state and flags (`PF_EXITING`, `PF_IO_WORKER`, `PF_USER_WORKER` of `include/linux/sched.h`). The name may hold
/// spaces and parentheses, so fields are counted from the *last* closing one.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    const EXITING: u64 = 0x4;
    const IO_WORKER: u64 = 0x10;
    const USER_WORKER: u64 = 0x4000;
    let start_of_name = text.iter().position(|&byte| byte == b'(')? + 1;
    let end_of_name = text.iter().rposition(|&byte| byte == b')')?;
    let mut fields = str::from_utf8(text.get(end_of_name + 1..)?)
        .ok()?
        .split_ascii_whitespace();
    let state = fields.next()?;
    let flags: u64 = fields.nth(5)?.parse().ok()?;
    let life = if flags & EXITING != 0 || matches!(state, "Z" | "X") {
        Life::Exiting
    } else if flags & (IO_WORKER | USER_WORKER) != 0 {
        Life::KernelHelper
    } else {
        Life::Alive
    };
    Some(Stat {
        name: text.get(start_of_name..end_of_name)?.to_vec(),
        life,
        blocked: state != "R",
    })
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

impl BlockedCall {
    /// Whether the kernel ends the wait after a while, whatever happens; or it does not show.
    pub fn ends_by_itself(&self) -> bool {
        let [_, _, third, fourth, fifth, _] = self.arguments;
        // A C `int`, of which the register's upper half means nothing; negative ones wait for ever.
        let milliseconds = |argument: usize| argument & 0x8000_0000 == 0;
        match self.number {
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep | libc::SYS_restart_syscall => true,
            libc::SYS_futex | libc::SYS_epoll_pwait2 | libc::SYS_semtimedop => fourth != 0,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll => milliseconds(third),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_epoll_wait => milliseconds(fourth),
            libc::SYS_epoll_pwait => milliseconds(fourth),
            libc::SYS_ppoll | libc::SYS_rt_sigtimedwait => third != 0,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_select => fifth != 0,
            libc::SYS_pselect6 | libc::SYS_io_getevents => fifth != 0,
            _ => false,
        }
    }
}

/// What `/proc/self/task/TID/syscall` says; `None` where the thread runs, or the kernel does not offer the file.
pub fn blocked_call(tid: i32) -> Option<BlockedCall> {
    parse_syscall(&read_entry(tid, "syscall")?)
}

/// The same of a thread of another process, if we may look at it.
pub fn blocked_call_in(process: i32, tid: i32) -> Option<BlockedCall> {
    parse_syscall(&read_path(&format!("/proc/{process}/task/{tid}/syscall\0"))?)
}

/// Whether a thread of another process sleeps; `None` where it is gone.
pub fn sleeps_in(process: i32, tid: i32) -> Option<bool> {
    let text = read_path(&format!("/proc/{process}/task/{tid}/stat\0"))?;
    parse_stat(&text).map(|stat| stat.blocked)
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
    use super::{BlockedCall, Life, Stat, exists, list, name, parse_stat, parse_syscall, stat};

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = |name: &[u8], life, blocked| {
            Some(Stat {
                name: name.to_vec(),
                life,
                blocked,
            })
        };
        let alive = parse_stat(b"7 (a b) c) S 1 2 3 4 5 4194304 9 9");
        assert_eq!(alive, stat(b"a b) c", Life::Alive, true));
        assert_eq!(parse_stat(b"7 (R) R 1 2 3 4 5 4 9"), stat(b"R", Life::Exiting, false));
        assert_eq!(parse_stat(b"7 (z) Z 1 2 3 4 5 0 9"), stat(b"z", Life::Exiting, true));
        assert_eq!(
            parse_stat(b"7 (iou-wrk-7) S 1 2 3 4 5 16 9"),
            stat(b"iou-wrk-7", Life::KernelHelper, true)
        );
        assert_eq!(parse_stat(b"7 (short) S 1"), None);
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
        assert!(!call.ends_by_itself());
        assert_eq!(parse_syscall(b"running\n"), None);
    }

    #[test]
    fn a_call_with_a_time_out_ends_by_itself() {
        let waits = |number, place: usize, argument| {
            let mut arguments = [0; 6];
            arguments[place] = argument;
            !BlockedCall {
                number,
                arguments,
                stack_pointer: 0,
                program_counter: 0,
            }
            .ends_by_itself()
        };
        let for_ever = u32::MAX as usize;
        #[cfg(target_arch = "x86_64")]
        assert!(waits(libc::SYS_poll, 2, for_ever) && !waits(libc::SYS_poll, 2, 5000));
        assert!(waits(libc::SYS_epoll_pwait, 3, for_ever) && !waits(libc::SYS_epoll_pwait, 3, 0));
        assert!(waits(libc::SYS_futex, 3, 0) && !waits(libc::SYS_futex, 3, 0x7ffe));
        assert!(waits(libc::SYS_pselect6, 4, 0) && !waits(libc::SYS_pselect6, 4, 0x7ffe));
        assert!(waits(libc::SYS_read, 0, 0) && !waits(libc::SYS_nanosleep, 0, 0));
    }

    #[test]
    fn this_thread_is_in_the_kernels_list() {
        let own = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(list().unwrap().contains(&own));
        let this = stat(own);
        assert_eq!((this.life, this.blocked), (Life::Alive, false));
        assert_eq!(this.name, name(own));
        assert!(exists(own) && !exists(i32::MAX));
        assert_eq!(stat(-1).life, Life::Exiting);
        assert!(!name(own).is_empty());
    }
}
