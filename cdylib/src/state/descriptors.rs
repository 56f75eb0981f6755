//! What this process has made that a forked child could share with it by mistake, and what a child has found out about the
//! descriptors that it inherited. Relaxed throughout: each word stands for itself, and a child begins with one thread; elsewhere a lost
//! count or a late mark only means one look more, or that a fork came a moment earlier.
#![expect(
    unsafe_code,
    reason = "statics in the section that a fork writes to, or outside of it"
)]

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, Ordering};

use crate::system::process;

/// The most descriptors that are told apart; higher ones are not watched.
pub const MAX: usize = 1024;

/// What a process makes.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Made {
    /// A descriptor that wakes an event loop: an epoll set, an eventfd, a timerfd, a signalfd.
    Wakeup = 1,
    /// A connection to a server.
    Connection = 2,
    /// A record lock on a file.
    RecordLock = 4,
    /// A pipe or a pair of sockets. Only another thread makes it a wake-up descriptor: all shells make pipes.
    Pipe = 8,
}

/// What was made. Relaxed: a thread that makes one while another forks is as early or late as the fork.
#[unsafe(link_section = ".data.forkwatch_fork")]
static MADE: AtomicU8 = AtomicU8::new(0);

/// Notes that this process makes one.
pub fn note(made: Made) {
    if MADE.load(Ordering::Relaxed) & made as u8 == 0 {
        MADE.fetch_or(made as u8, Ordering::Relaxed);
    }
}

/// Whether a forked child could use something by mistake. Where the process has one thread, pipes do not count.
#[inline(always)]
pub fn may_be_shared(alone: bool) -> bool {
    let made = MADE.load(Ordering::Relaxed);
    if alone {
        made & !(Made::Pipe as u8) != 0
    } else {
        made != 0
    }
}

/// Descriptors that this process, or one that it descends from, has connected to a server: a bit each. A later descriptor with the
/// same number is told apart by its type. Relaxed: as above.
#[unsafe(link_section = ".data.forkwatch_descriptors")]
static CONNECTED: [AtomicU8; MAX / 8] = [const { AtomicU8::new(0) }; MAX / 8];

/// Notes that this descriptor is connected to a server.
pub fn connects(fd: i32) {
    note(Made::Connection);
    if let Some((place, bit)) = bit(&CONNECTED, fd) {
        place.fetch_or(bit, Ordering::Relaxed);
    }
}

/// Whether this descriptor was connected.
pub fn is_connected(fd: i32) -> bool {
    bit(&CONNECTED, fd).is_some_and(|(place, bit)| place.load(Ordering::Relaxed) & bit != 0)
}

/// Descriptors that this process, or one that it descends from, has made as an end of a pipe or of a pair of sockets, or as an eventfd:
/// a bit each. Relaxed: as above.
#[unsafe(link_section = ".data.forkwatch_descriptors")]
static CHANNELS: [AtomicU8; MAX / 8] = [const { AtomicU8::new(0) }; MAX / 8];

/// Notes that what is written to this descriptor reaches this process.
pub fn is_channel_from_now_on(fd: i32) {
    if let Some((place, bit)) = bit(&CHANNELS, fd)
        && place.load(Ordering::Relaxed) & bit == 0
    {
        place.fetch_or(bit, Ordering::Relaxed);
    }
}

/// Whether what is written to this descriptor may reach this process: a file may have taken the number since.
#[inline(always)]
pub fn may_be_channel(fd: i32) -> bool {
    bit(&CHANNELS, fd).is_some_and(|(place, bit)| place.load(Ordering::Relaxed) & bit != 0)
}

#[inline(always)]
fn bit(bits: &[AtomicU8], fd: i32) -> Option<(&AtomicU8, u8)> {
    let number = usize::try_from(fd).ok()?;
    Some((bits.get(number / 8)?, 1 << (number % 8)))
}

/// How often a child has used each descriptor without harm; [`SETTLED`] once nothing more is to be found out. Relaxed: a lost count
/// means one look more.
#[unsafe(link_section = ".data.forkwatch_descriptors")]
static USES: [AtomicU16; MAX] = [const { AtomicU16::new(0) }; MAX];
/// The process that the uses belong to: a child begins anew.
#[unsafe(link_section = ".data.forkwatch_descriptors")]
static USER: AtomicI32 = AtomicI32::new(0);

const SETTLED: u16 = u16::MAX;
/// A descriptor that was used so often without harm is settled.
const ENOUGH: u16 = 1 << 12;

/// Counts a use of this descriptor. Whether it is to be looked at: at its first use, its second, its fourth and so on, and
/// `always` where the use is a rare one.
pub fn is_to_be_looked_at(fd: i32, always: bool) -> bool {
    let own = process::id();
    if USER.swap(own, Ordering::Relaxed) != own {
        USES.iter().for_each(|uses| uses.store(0, Ordering::Relaxed));
    }
    let Some(place) = usize::try_from(fd).ok().and_then(|fd| USES.get(fd)) else {
        return false;
    };
    let uses = place.load(Ordering::Relaxed);
    if uses == SETTLED {
        return false;
    }
    let uses = uses + 1;
    place.store(if uses >= ENOUGH { SETTLED } else { uses }, Ordering::Relaxed);
    always || uses.is_power_of_two()
}

/// Nothing more is to be found out about this descriptor.
pub fn settle(fd: i32) {
    if let Some(place) = usize::try_from(fd).ok().and_then(|fd| USES.get(fd)) {
        place.store(SETTLED, Ordering::Relaxed);
    }
}
