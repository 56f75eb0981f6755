//! The Python threads of an interpreter: their states, what `threading` knows of them, and the names it has for them.

use super::frame::Frame;
use super::layout::{NEXT, PREVIOUS, Runtime};
use super::object::{MAX_ENTRIES, Objects};

/// The most threads that are examined.
pub(super) const MAX_THREADS: usize = 1024;
/// The most interpreters of one process.
const MAX_INTERPRETERS: usize = 64;

/// A Python thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Where its state is.
    pub state: usize,
    /// Its `pthread_t`.
    pub handle: usize,
}

impl Objects {
    /// All threads of all interpreters below the object `_PyRuntime`, each interpreter's newest first.
    pub fn all_threads(&self, runtime: usize) -> Vec<Thread> {
        let mut all = Vec::new();
        for (interpreter, layout) in self.interpreters(runtime) {
            self.follow(self.pages.pointer(interpreter + layout.first_thread), NEXT, &mut all);
        }
        all
    }

    fn interpreters(&self, runtime: usize) -> Vec<(usize, Runtime)> {
        let mut all = Vec::new();
        let Some(layout) = self.layout.runtime else {
            return all;
        };
        let mut next = self.pages.pointer(runtime.saturating_add(layout.interpreters));
        for _ in 0..MAX_INTERPRETERS {
            let Some(interpreter) = next else { break };
            all.push((interpreter, layout));
            next = self.pages.pointer(interpreter + layout.next_interpreter);
        }
        all
    }

    /// The threads that the modules `threading` know, by their `pthread_t`.
    pub(super) fn active_of_modules(&self, runtime: usize) -> Vec<(usize, usize)> {
        /// Modules: the dictionary of variables.
        const VARIABLES: usize = 16;
        let active = |(interpreter, layout): (usize, Runtime)| {
            let modules = self.entries(self.pages.pointer(interpreter + layout.modules)?, MAX_ENTRIES);
            let threading = self.value(&modules, "threading")?;
            let variables = self.entries(self.pointer_in(threading, VARIABLES)?, MAX_ENTRIES);
            Some(self.entries_by_handle(self.value(&variables, "_active")?))
        };
        let all = self.interpreters(runtime).into_iter().filter_map(active);
        all.flatten().collect()
    }

    /// The interpreter's other threads.
    pub(super) fn others(&self, state: usize) -> Vec<Thread> {
        let mut others = Vec::new();
        for direction in [PREVIOUS, NEXT] {
            self.follow(self.pages.pointer(state + direction), direction, &mut others);
        }
        others
    }

    fn follow(&self, first: Option<usize>, direction: usize, threads: &mut Vec<Thread>) {
        let mut next = first;
        // Bounded by steps: a list that leads in a circle need not have a thread in it.
        for _ in threads.len()..MAX_THREADS {
            let Some(state) = next else { break };
            let handle = self.pages.pointer(state + self.layout.thread_id);
            threads.extend(handle.map(|handle| Thread { state, handle }));
            next = self.pages.pointer(state + direction);
        }
    }

    /// The threads that `threading` knows, by their `pthread_t`, including the main thread and those started in other ways. Empty
    /// unless `threading` started the thread with these frames, since its module is found through its function.
    pub(super) fn active_threads(&self, frames: &[Frame]) -> Vec<(usize, usize)> {
        let outermost = frames.last().copied();
        let module = outermost.filter(|&frame| self.thread_object(frame).is_some());
        let active = module.and_then(|frame| self.value(&self.globals(frame), "_active"));
        active.map_or_else(Vec::new, |active| self.entries_by_handle(active))
    }

    fn entries_by_handle(&self, active: usize) -> Vec<(usize, usize)> {
        let by_handle = |(key, thread)| Some((self.small_number(key)?, thread));
        let entries = self.entries(active, MAX_THREADS).into_iter();
        entries.filter_map(by_handle).collect()
    }

    /// The name among a `threading.Thread`'s attributes.
    pub(super) fn name_in(&self, attributes: &[(usize, usize)]) -> Option<String> {
        self.value(attributes, "_name").and_then(|name| self.text(name))
    }

    /// The `threading.Thread` whose thread begins in this frame.
    pub(super) fn thread_object(&self, outermost: Frame) -> Option<usize> {
        if self.plain_name(outermost)? == "_bootstrap" {
            self.first_local(outermost, "self")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Objects;
    use crate::cpython::{Interpreter, Pages, Types};
    use crate::memory::ProcessMemory;

    /// A list of states that leads back into itself, and in which no thread has an id.
    #[test]
    fn a_circle_of_thread_states_ends() {
        let interpreter = Interpreter {
            minor: 12,
            types: Types::by_name(|_| Some(0)).unwrap(),
            offsets: None,
        };
        let mut state = [0_usize; 64];
        let address = state.as_ptr().addr();
        state[..2].fill(address);
        let state = core::hint::black_box(&state);
        let objects = Objects::open(&interpreter, ProcessMemory::own(), Pages::for_few_reads).unwrap();
        assert_eq!(objects.others(state.as_ptr().addr()), []);
    }
}
