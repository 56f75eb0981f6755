//! What the kernel says about descriptors, of this process and of its parent.
#![expect(unsafe_code, reason = "system calls that rustix does not offer")]

use core::mem::MaybeUninit;

use forkwatch_process::system_call::system_call;
use rustix::fd::BorrowedFd;
use rustix::fs::{CWD, FileType, OFlags};

use super::process;

/// What a descriptor is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A counter, as `eventfd` makes it.
    Eventfd,
    /// A set of descriptors to wait for.
    Epoll,
    /// A timer.
    Timerfd,
    /// Signals to read.
    Signalfd,
    /// A pipe or FIFO with this inode number.
    Pipe(u64),
    /// A socket with this inode number.
    Socket(u64),
    /// A file on a disk.
    File,
    /// Anything else.
    Other,
}

impl Type {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eventfd => "eventfd",
            Self::Epoll => "epoll",
            Self::Timerfd => "timerfd",
            Self::Signalfd => "signalfd",
            Self::Pipe(_) => "pipe",
            Self::Socket(_) => "socket",
            Self::File => "file",
            Self::Other => "other",
        }
    }
}

fn borrow(fd: i32) -> Option<BorrowedFd<'static>> {
    // SAFETY: it is only used for the next call, which the kernel refuses where the descriptor is not open.
    (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
}

/// What kind of file a descriptor of this process is open for, by its `stat`; cheap. `None` where it is not open.
pub fn file_type(fd: i32) -> Option<FileType> {
    let stat = rustix::fs::fstat(borrow(fd)?).ok()?;
    Some(FileType::from_raw_mode(stat.st_mode))
}

/// What a descriptor is open for in this process, or in another that we may look at.
pub fn type_in(process: i32, fd: i32) -> Option<Type> {
    let path = format!("/proc/{process}/fd/{fd}");
    let link = rustix::fs::readlinkat(CWD, path, Vec::new()).ok()?;
    let link = link.to_bytes();
    let inode = |start: &[u8]| {
        str::from_utf8(link.strip_prefix(start)?.strip_suffix(b"]")?)
            .ok()?
            .parse()
            .ok()
    };
    Some(match link {
        b"anon_inode:[eventfd]" => Type::Eventfd,
        b"anon_inode:[eventpoll]" => Type::Epoll,
        b"anon_inode:[timerfd]" => Type::Timerfd,
        b"anon_inode:[signalfd]" => Type::Signalfd,
        _ => match (inode(b"pipe:["), inode(b"socket:[")) {
            (Some(inode), _) => Type::Pipe(inode),
            (_, Some(inode)) => Type::Socket(inode),
            _ if link.first() == Some(&b'/') => Type::File,
            _ => Type::Other,
        },
    })
}

/// Whether this process's descriptor `own` and that process's descriptor `other` are one open file description. `None` where the
/// kernel does not say.
pub fn is_same_as(process: i32, own: i32, other: i32) -> Option<bool> {
    const KCMP_FILE: usize = 0;
    let number = |word: i32| word.unsigned_abs() as usize;
    // SAFETY: the call takes numbers and changes nothing.
    let result = unsafe {
        system_call(
            libc::SYS_kcmp,
            [
                number(process),
                number(process::id()),
                KCMP_FILE,
                number(other),
                number(own),
                0,
            ],
        )
    };
    match result {
        0 => Some(true),
        1.. => Some(false),
        error if error == -(libc::EBADF as isize) || error == -(libc::ESRCH as isize) => Some(false),
        _ => None,
    }
}

/// The members of an epoll set of this process, as that process numbers them.
pub fn members_of_set(process: i32, fd: i32) -> Vec<i32> {
    let path = format!("/proc/{process}/fdinfo/{fd}");
    let Ok(file) = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, rustix::fs::Mode::empty()) else {
        return Vec::new();
    };
    let mut text = vec![0; 64 << 10];
    let mut length = 0;
    while let Some(rest) = text.get_mut(length..)
        && let Ok(read) = rustix::io::read(&file, rest)
        && read > 0
    {
        length += read;
    }
    let text = text.get(..length).unwrap_or_default();
    text.split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let rest = str::from_utf8(line.strip_prefix(b"tfd:")?).ok()?;
            rest.split_ascii_whitespace().next()?.parse().ok()
        })
        .collect()
}

/// Whether a descriptor of this process never waits.
pub fn is_nonblocking(fd: i32) -> bool {
    borrow(fd).is_some_and(|fd| rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK)))
}

/// Whether another process, and that is `process`, holds a record lock on the file (`fcntl`, `lockf`).
pub fn is_locked_by(process: i32, fd: i32) -> bool {
    let mut lock = MaybeUninit::<libc::flock>::zeroed();
    // SAFETY: a structure of integers; zero means the whole file, and the pointer is to it.
    let result = unsafe {
        (*lock.as_mut_ptr()).l_type = i16::try_from(libc::F_WRLCK).unwrap_or(1);
        let fd = fd.unsigned_abs() as usize;
        let command = libc::F_GETLK.unsigned_abs() as usize;
        system_call(libc::SYS_fcntl, [fd, command, lock.as_mut_ptr() as usize, 0, 0, 0])
    };
    // SAFETY: as above; the kernel has filled it or left it as it was.
    let lock = unsafe { lock.assume_init() };
    result == 0 && i32::from(lock.l_type) != libc::F_UNLCK && lock.l_pid == process
}

/// Whether the other end of a socket has an address, as a server has. The ends of a pair have none.
pub fn has_named_peer(fd: i32) -> bool {
    const FAMILY_ALONE: u32 = 2;
    let (mut address, mut length) = ([0_u64; 16], 128_u32);
    let places = [&raw mut address as usize, &raw mut length as usize];
    // SAFETY: both places are ours, and as large as is said.
    let result = unsafe {
        system_call(
            libc::SYS_getpeername,
            [fd.unsigned_abs() as usize, places[0], places[1], 0, 0, 0],
        )
    };
    result == 0 && length > FAMILY_ALONE
}

/// Whether a socket passes a stream, and does not listen.
pub fn is_stream(fd: i32) -> bool {
    let option = |name: i32| {
        let (mut value, mut length) = (0_i32, 4_u32);
        let places = [&raw mut value as usize, &raw mut length as usize];
        let number = |word: i32| word.unsigned_abs() as usize;
        // SAFETY: both places are ours, and as large as the kernel expects.
        let result = unsafe {
            system_call(
                libc::SYS_getsockopt,
                [
                    number(fd),
                    number(libc::SOL_SOCKET),
                    number(name),
                    places[0],
                    places[1],
                    0,
                ],
            )
        };
        (result == 0).then_some(value)
    };
    option(libc::SO_TYPE) == Some(libc::SOCK_STREAM) && option(libc::SO_ACCEPTCONN) == Some(0)
}
