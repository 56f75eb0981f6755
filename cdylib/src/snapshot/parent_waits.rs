//! What the threads of a forked child's parent wait for: as the kernel shows it now, and as it was seen at the fork.

use forkwatch_process::memory::ProcessMemory;

use super::fork_snapshot::ForkSnapshot;
use crate::system::descriptor::{self, Type};
use crate::system::task::{self, BlockedCall};

/// The most threads that are looked at.
const MAX_THREADS: usize = 64;
/// The most descriptors of one `poll` or `select`.
const MAX_DESCRIPTORS: usize = 1024;

/// A thread of the parent that waits for descriptors.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// The kernel's id.
    pub tid: i32,
    /// The system call that it waits in.
    pub call: BlockedCall,
    /// The descriptors, as the parent numbers them.
    pub descriptors: Vec<i32>,
}

impl Waiter {
    /// Whether it waits in a call that reads, and not in one that only waits.
    pub fn only_reads(&self) -> bool {
        matches!(
            self.call.number,
            libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg
        )
    }
}

/// The threads of the parent that wait for descriptors now, and those that did at the fork, where it was looked at.
pub fn waiters(parent: i32, seen: Option<&ForkSnapshot>) -> Vec<Waiter> {
    let of_parent = ProcessMemory::of(parent);
    let now = task::list_in(parent).unwrap_or_default().into_iter().take(MAX_THREADS);
    let now = now.filter_map(|tid| {
        let call = task::blocked_call_in(parent, tid)?;
        waiter(parent, tid, call, of_parent?)
    });
    let mut waiters: Vec<_> = now.collect();
    // The parent's memory was copied as it was then.
    let seen = seen.into_iter().flat_map(|seen| &seen.threads);
    let then = seen.filter_map(|thread| waiter(parent, thread.tid, thread.blocked?, ProcessMemory::own()));
    let more: Vec<_> = then
        .filter(|then| !waiters.iter().any(|now| now.tid == then.tid))
        .collect();
    waiters.extend(more);
    waiters
}

fn waiter(parent: i32, tid: i32, call: BlockedCall, memory: ProcessMemory) -> Option<Waiter> {
    let mut descriptors = named_by(&call, memory);
    for position in 0..descriptors.len() {
        let set = descriptors.get(position).copied()?;
        if waits_for_sets(call.number) || descriptor::type_in(parent, set) == Some(Type::Epoll) {
            descriptors.extend(descriptor::members_of_set(parent, set));
        }
    }
    (!descriptors.is_empty()).then_some(Waiter { tid, call, descriptors })
}

fn waits_for_sets(number: i64) -> bool {
    matches!(number, libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2) || is_epoll_wait(number)
}

#[cfg(target_arch = "x86_64")]
fn is_epoll_wait(number: i64) -> bool {
    number == libc::SYS_epoll_wait
}
#[cfg(not(target_arch = "x86_64"))]
fn is_epoll_wait(_number: i64) -> bool {
    false
}

/// The descriptors that a call names.
fn named_by(call: &BlockedCall, memory: ProcessMemory) -> Vec<i32> {
    let [first, second, third, ..] = call.arguments;
    match call.number {
        libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg | libc::SYS_io_uring_enter => {
            i32::try_from(first).into_iter().collect()
        }
        libc::SYS_ppoll => polled(memory, first, second),
        libc::SYS_pselect6 => selected(memory, first, [second, third]),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => polled(memory, first, second),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select => selected(memory, first, [second, third]),
        number if waits_for_sets(number) => i32::try_from(first).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Those in an array of `pollfd`.
fn polled(memory: ProcessMemory, address: usize, count: usize) -> Vec<i32> {
    const SIZE: usize = size_of::<libc::pollfd>();
    let bytes = memory
        .bytes(address, count.min(MAX_DESCRIPTORS) * SIZE)
        .unwrap_or_default();
    let (entries, _) = bytes.as_chunks::<SIZE>();
    let numbers = entries
        .iter()
        .map(|[a, b, c, d, ..]| i32::from_ne_bytes([*a, *b, *c, *d]));
    numbers.filter(|&fd| fd >= 0).collect()
}

/// Those in the sets of a `select`.
fn selected(memory: ProcessMemory, count: usize, sets: [usize; 2]) -> Vec<i32> {
    let count = count.min(MAX_DESCRIPTORS);
    let sets = sets.into_iter().filter(|set| *set != 0);
    sets.filter_map(|set| memory.bytes(set, count.div_ceil(64) * 8))
        .flat_map(|bytes| {
            let is_in = move |fd: &usize| bytes.get(fd / 8).is_some_and(|byte| byte >> (fd % 8) & 1 != 0);
            (0..count).filter(is_in)
        })
        .filter_map(|fd| i32::try_from(fd).ok())
        .collect()
}

/// Whether the thread's stack near its stack pointer is now as it was copied, so that it can be read here.
pub fn stack_is_as_copied(parent: i32, call: &BlockedCall) -> bool {
    const NEAR: usize = 256;
    let read = |memory: ProcessMemory| memory.bytes(call.stack_pointer, NEAR);
    let now = ProcessMemory::of(parent).and_then(read);
    now.is_none_or(|now| read(ProcessMemory::own()).as_ref() == Some(&now))
}

#[cfg(test)]
mod tests {
    use super::{named_by, waits_for_sets};
    use crate::system::task::BlockedCall;
    use forkwatch_process::memory::ProcessMemory;

    fn named(number: i64, arguments: [usize; 6]) -> Vec<i32> {
        let call = BlockedCall {
            number,
            arguments,
            stack_pointer: 0,
            program_counter: 0,
        };
        named_by(&call, ProcessMemory::own())
    }

    #[test]
    fn the_descriptors_of_each_call_are_found() {
        assert_eq!(named(libc::SYS_read, [7, 0, 0, 0, 0, 0]), [7]);
        let fds = [(5, 1), (-1, 1), (9, 4)].map(|(fd, events)| libc::pollfd { fd, events, revents: 0 });
        assert_eq!(named(libc::SYS_ppoll, [fds.as_ptr() as usize, 3, 0, 0, 0, 0]), [5, 9]);
        let (read, write) = ([0b1000_u64, 1], [1_u64 << 63, 0]);
        let sets = [read.as_ptr() as usize, write.as_ptr() as usize];
        assert_eq!(named(libc::SYS_pselect6, [65, sets[0], sets[1], 0, 0, 0]), [3, 64, 63]);
        assert_eq!(named(libc::SYS_epoll_pwait, [4, 0, 0, 0, 0, 0]), [4]);
        assert!(waits_for_sets(libc::SYS_epoll_pwait) && named(libc::SYS_futex, [4; 6]).is_empty());
    }
}
