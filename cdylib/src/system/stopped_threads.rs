//! Builds of CPython without an interpreter lock: whether a thread has stopped all other threads that run Python code, as `os.fork` does from
//! before the copy until after it.
//!
//! The interpreter says so in its own state (`_PyRuntime.stoptheworld`), at a place that changes from one minor release to the next. So it is
//! looked for where it is expected, while it is in use: then it names the thread that asks.
#![expect(unsafe_code, reason = "reads the interpreter's own state in place")]

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use forkwatch_process::cpython::build::{IS_FOR_ALL, IS_STOPPED, RUNNING, STOPPED_BY};

/// Where it may begin, in bytes from the beginning of the interpreter's state: 10336 in 3.13.0, 10672 in 3.15.2.
const WINDOW: Range<usize> = 0x2000..0x3000;
const WORD: usize = size_of::<usize>();

/// Who has stopped the others.
#[derive(Debug)]
pub struct StoppedThreads {
    runtime: Range<usize>,
    /// Its address, once it is known. Relaxed: each thread that looks for it finds the same.
    place: AtomicUsize,
}

impl StoppedThreads {
    /// Of the interpreter with this state (`_PyRuntime`).
    pub fn of(runtime: Range<usize>) -> Self {
        Self {
            runtime,
            place: AtomicUsize::new(0),
        }
    }

    /// Whether it is the thread with this state that has stopped all others.
    pub fn is_by(&self, state: usize) -> bool {
        // Relaxed: see the field.
        match self.place.load(Ordering::Relaxed) {
            0 => self.find(state),
            place => self.names(place, state),
        }
    }

    fn find(&self, state: usize) -> bool {
        let places = WINDOW.step_by(WORD).map(|offset| self.runtime.start + offset);
        let found = places.into_iter().find(|&place| self.names(place, state));
        if let Some(place) = found {
            // Relaxed: see the field.
            self.place.store(place, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// Whether this is the place, and names the thread with this state.
    fn names(&self, place: usize, state: usize) -> bool {
        /// The first byte is a mutex that this thread holds.
        const LOCKED: u8 = 1;
        if self.word(place + STOPPED_BY) != Some(state) || self.word(place + RUNNING) != Some(0) {
            return false;
        }
        let head = self.word(place).unwrap_or(0).to_ne_bytes();
        head[0] & LOCKED != 0 && head[IS_STOPPED] == 1 && head[IS_FOR_ALL] == 1
    }

    fn word(&self, address: usize) -> Option<usize> {
        let is_inside = self.runtime.start <= address && address + WORD <= self.runtime.end;
        // Relaxed: a thread whom these words name has written them itself.
        // SAFETY: an aligned word of the interpreter's state, which lives as long as the interpreter; other threads write there as a whole.
        is_inside.then(|| unsafe { AtomicUsize::from_ptr(address as *mut usize) }.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::{IS_FOR_ALL, IS_STOPPED, STOPPED_BY, StoppedThreads, WINDOW, WORD};

    #[test]
    fn who_has_stopped_the_others() {
        const STATE: usize = 0x1234_5678;
        let mut runtime = vec![0_usize; WINDOW.end / WORD + 8];
        let start = runtime.as_ptr().addr();
        let stopped = StoppedThreads::of(start..start + runtime.len() * WORD);
        let place = 10_336 / WORD;
        let mut head = [0_u8; WORD];
        (head[0], head[IS_STOPPED], head[IS_FOR_ALL]) = (1, 1, 1);
        // Another word with the same content.
        runtime[place - 40] = STATE;
        runtime[place + STOPPED_BY / WORD] = STATE;
        assert!(!core::hint::black_box(&stopped).is_by(STATE), "not stopped yet");
        runtime[place] = usize::from_ne_bytes(head);
        assert!(!core::hint::black_box(&stopped).is_by(STATE + 8), "by another thread");
        assert!(core::hint::black_box(&stopped).is_by(STATE));
        runtime[place] = 0;
        assert!(!core::hint::black_box(&stopped).is_by(STATE), "they run again");
    }
}
