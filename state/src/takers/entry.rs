//! What is noted about one lock that a thread takes.

use super::{ADDRESS, MAX_GATES, READING, Taken, Taking, tellings};
use crate::depot::{NO_STACK, StackId};
use crate::held::Object;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// Acquisitions noted before a lock counts as one that is only taken under its gates.
pub(super) const ENOUGH: u8 = 64;
/// In ticks of the processor's clock, about 50 microseconds: two acquisitions so far apart are not one piece of work.
pub(super) const APART: u64 = 150_000;

#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Entry {
    /// The key when this was written, without the mark that more is to be noted.
    pub(super) key: AtomicUsize,
    /// The stack's id in the upper half, and the object's kind.
    what: AtomicU64,
    /// The processor's clock at the first acquisition.
    first: AtomicU64,
    gates: [AtomicUsize; MAX_GATES],
    /// The id of the place in Python code.
    python: AtomicU32,
    /// Acquisitions noted, at most [`u8::MAX`].
    noted: AtomicU8,
    /// The distance in tellings between the last two acquisitions that lay apart by any; 0 where there were none.
    stride: AtomicU8,
    /// Two acquisitions lay apart.
    is_recurrent: AtomicBool,
    /// The thread had the interpreter lock at each acquisition noted.
    under_interpreter_lock: AtomicBool,
}

// Relaxed: as in the table.
impl Entry {
    #[cfg(loom)]
    pub(super) fn zeros() -> Self {
        Self {
            key: AtomicUsize::new(0),
            what: AtomicU64::new(0),
            first: AtomicU64::new(0),
            gates: core::array::from_fn(|_| AtomicUsize::new(0)),
            python: AtomicU32::new(0),
            noted: AtomicU8::new(0),
            stride: AtomicU8::new(0),
            is_recurrent: AtomicBool::new(false),
            under_interpreter_lock: AtomicBool::new(false),
        }
    }

    /// Notes the first acquisition.
    pub(super) fn first(&self, taking: &Taking) {
        self.key.store(0, Ordering::Relaxed);
        // Release: pairs with the fence of `taken`. Who sees a word of this note sees that the entry is no longer the other lock's: a fork
        // copies what other threads' processors have written so far, in any order.
        fence(Ordering::Release);
        let what = u64::from(taking.stack.0) << 32 | taking.object as u64;
        self.what.store(what, Ordering::Relaxed);
        self.first.store(taking.now, Ordering::Relaxed);
        for (number, gate) in self.gates.iter().enumerate() {
            gate.store(taking.gates.get(number).copied().unwrap_or(0), Ordering::Relaxed);
        }
        self.python.store(taking.python.0, Ordering::Relaxed);
        self.noted.store(1, Ordering::Relaxed);
        self.stride.store(0, Ordering::Relaxed);
        self.is_recurrent.store(false, Ordering::Relaxed);
        self.under_interpreter_lock
            .store(taking.under_interpreter_lock, Ordering::Relaxed);
    }

    /// Notes a further acquisition, so many tellings after the last.
    pub(super) fn again(&self, taking: &Taking, tellings: usize) {
        for gate in &self.gates {
            if !taking.gates.contains(&gate.load(Ordering::Relaxed)) {
                gate.store(0, Ordering::Relaxed);
            }
        }
        if !taking.under_interpreter_lock {
            self.under_interpreter_lock.store(false, Ordering::Relaxed);
        }
        let noted = self.noted.load(Ordering::Relaxed);
        self.noted.store(noted.saturating_add(1), Ordering::Relaxed);
        if tellings > 0 {
            self.stride
                .store(u8::try_from(tellings).unwrap_or(u8::MAX), Ordering::Relaxed);
        }
        if self.lies_apart(taking.now) {
            self.is_recurrent.store(true, Ordering::Relaxed);
        }
        if self.lacks_python() {
            self.python.store(taking.python.0, Ordering::Relaxed);
        }
        if self.what.load(Ordering::Relaxed) >> 32 == u64::from(NO_STACK.0) {
            let what = u64::from(taking.stack.0) << 32 | taking.object as u64;
            self.what.store(what, Ordering::Relaxed);
        }
    }

    /// Whether an acquisition now is not one piece of work with the first.
    pub(super) fn lies_apart(&self, now: u64) -> bool {
        now.wrapping_sub(self.first.load(Ordering::Relaxed)) >= APART
    }

    /// Whether it is not known where in Python code the lock is taken.
    pub(super) fn lacks_python(&self) -> bool {
        self.python.load(Ordering::Relaxed) == NO_STACK.0
    }

    /// Whether a further acquisition would say nothing new.
    pub(super) fn is_settled(&self) -> bool {
        let has_gate = self.under_interpreter_lock.load(Ordering::Relaxed)
            || self.gates.iter().any(|gate| gate.load(Ordering::Relaxed) != 0);
        self.is_recurrent.load(Ordering::Relaxed) && (!has_gate || self.noted.load(Ordering::Relaxed) >= ENOUGH)
    }

    /// Whether this is the entry of the lock with this key.
    pub(super) fn is_of(&self, plain: usize) -> bool {
        // Acquire: pairs with the store in `Takers::note`, so the words are those of this lock or of a later one.
        self.key.load(Ordering::Acquire) & (ADDRESS | READING) == plain
    }

    /// What is known, if this is the entry of the lock with this key; `told` is how often the thread has told something, as in a key.
    pub(super) fn taken(&self, plain: usize, told: usize) -> Option<Taken> {
        if !self.is_of(plain) {
            return None;
        }
        let told_since = tellings(told).saturating_sub(tellings(self.key.load(Ordering::Relaxed)));
        let what = self.what.load(Ordering::Relaxed);
        let stride = usize::from(self.stride.load(Ordering::Relaxed));
        let taken = Taken {
            object: Object::from_number(what & 0xffff_ffff)?,
            stack: StackId((what >> 32) as u32),
            python: StackId(self.python.load(Ordering::Relaxed)),
            gates: self.gates.each_ref().map(|gate| gate.load(Ordering::Relaxed)),
            under_interpreter_lock: self.under_interpreter_lock.load(Ordering::Relaxed),
            first: self.first.load(Ordering::Relaxed),
            is_recurrent: self.is_recurrent.load(Ordering::Relaxed) && told_since <= 2 * stride,
        };
        // Acquire: pairs with the fence of `first`.
        fence(Ordering::Acquire);
        (self.key.load(Ordering::Relaxed) & (ADDRESS | READING) == plain).then_some(taken)
    }

    /// The lock is held while the thread leaves the interpreter lock.
    pub(super) fn leaves_interpreter_lock(&self) {
        self.under_interpreter_lock.store(false, Ordering::Relaxed);
    }
}
