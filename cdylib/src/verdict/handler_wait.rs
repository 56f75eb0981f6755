//! How bad it is that an at-fork handler waits for another thread. `fork` does not return meanwhile: for ever, if that thread waits
//! for the one that forks; or only as long as the other works.

use forkwatch_process::memory::ProcessMemory;

use crate::snapshot::lock_memory::{self, Word};
use crate::state::held::Object;
use crate::state::thread::Thread;
use crate::system::activity::Activity;
use crate::system::task::{self, BlockedCall};

/// Whether the thread with this id waits for a mutex that the forking thread, `own`, holds: then neither goes on.
pub fn is_deadlock(own: &Thread, own_tid: i32, tid: i32) -> bool {
    let Some(call) = task::blocked_call(tid) else {
        return false;
    };
    if call.number != libc::SYS_futex || call.ends_by_itself() {
        return false;
    }
    // The futex of a mutex is its first word.
    let [mutex, ..] = call.arguments;
    own.held.holds(mutex)
        && lock_memory::word(ProcessMemory::own(), Object::Mutex, mutex, own_tid) == Word::Held
        // It may have got the mutex before that was looked up.
        && task::blocked_call(tid) == Some(call)
}

/// A thread at some moment, in a wait that only another one can end.
#[derive(Clone, Copy, Debug)]
pub struct Still {
    tid: i32,
    call: BlockedCall,
    activity: Activity,
}

impl Still {
    /// The thread with this id now; `None` where it runs, or its wait ends by itself.
    pub fn begin(tid: i32) -> Option<Self> {
        Some(Self {
            tid,
            call: task::blocked_call(tid).filter(|call| !call.ends_by_itself())?,
            activity: Activity::of(tid)?,
        })
    }

    /// Whether it is the thread with this id, and has not moved since then: it has not even waited anew.
    pub fn lasts_in(&self, tid: i32) -> bool {
        self.tid == tid && task::blocked_call(tid) == Some(self.call) && Activity::of(tid) == Some(self.activity)
    }
}

#[cfg(test)]
mod tests {
    use super::Still;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// A thread that waits, says its id, and passes on what it gets.
    #[test]
    fn a_thread_is_still_until_it_waits_anew() {
        let (to_it, for_it) = channel();
        let (to_us, for_us) = channel();
        let thread = std::thread::spawn(move || {
            let _sent = to_us.send(rustix::thread::gettid().as_raw_nonzero().get());
            while let Ok(number) = for_it.recv() {
                let _sent = to_us.send(number);
            }
        });
        let tid = for_us.recv().unwrap();
        let begin = || loop {
            if let Some(still) = Still::begin(tid) {
                return still;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let still = begin();
        assert!(still.lasts_in(tid));
        to_it.send(7).unwrap();
        assert_eq!(for_us.recv(), Ok(7));
        let again = begin();
        assert!(!still.lasts_in(tid) && again.lasts_in(tid));
        drop(to_it);
        thread.join().unwrap();
        assert!(!again.lasts_in(tid) && !still.lasts_in(1));
    }

    #[test]
    fn a_thread_that_sleeps_for_a_while_is_not_still() {
        let (to_us, for_us) = channel();
        let thread = std::thread::spawn(move || {
            let _sent = to_us.send(rustix::thread::gettid().as_raw_nonzero().get());
            std::thread::park_timeout(Duration::from_millis(200));
            std::thread::sleep(Duration::from_millis(200));
        });
        let tid = for_us.recv().unwrap();
        while !thread.is_finished() {
            assert!(Still::begin(tid).is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
