//! All that is known of the Python side of a fork.

use std::collections::BTreeSet;

use forkwatch_schema::record::PythonFrame;

use super::frame::Frame;
use super::held::{Held, MOST_SEARCHED, Running};
use super::layout::{NEXT, PREVIOUS};
use super::object::Objects;
use super::pages::Pages;
use super::search::Named;
use crate::system::python;

/// The most threads that are looked at.
const MOST_THREADS: usize = 1024;
/// The words of a thread state among which the thread's id stands.
const WORDS_OF_STATE: usize = 64;
/// What Python code was doing.
#[derive(Debug, Default)]
pub struct View {
    /// The frames of the thread that looks, innermost first; `None` where it runs no Python code.
    pub own: Option<Vec<PythonFrame>>,
    /// The name that `threading` knows that thread by; `None` where it knows none.
    pub own_name: Option<String>,
    /// The other threads of this interpreter.
    pub threads: Vec<PythonThread>,
    /// The locks that could be named.
    pub locks: Vec<Named>,
    /// The locks of other threads that pass no hook.
    pub held: Vec<Held>,
}

/// One other Python thread.
#[derive(Debug)]
pub struct PythonThread {
    /// Its `pthread_t`.
    pub handle: usize,
    /// The name that `threading` knows it by; `None` where it knows none.
    pub name: Option<String>,
    /// Its frames, innermost first.
    pub frames: Vec<PythonFrame>,
}

/// A lock that is held, and the `pthread_t` of the thread that has it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The address of the lock.
    pub address: usize,
    /// Its owner; 0 where that is not known.
    pub owner: usize,
}

impl View {
    /// What is known of the thread with this `pthread_t`.
    pub fn thread(&self, handle: usize) -> Option<&PythonThread> {
        self.threads.iter().find(|thread| thread.handle == handle)
    }

    /// What the lock at this address is.
    pub fn lock(&self, address: usize) -> Option<&Named> {
        self.locks.iter().find(|lock| lock.address == address)
    }
}

/// Looks at this thread's frames, `depth` of them, and, while it holds the interpreter lock, at the other threads and at the
/// locks that they hold. `None` where there is no Python code, or none that we can read.
pub fn look(handle: usize, depth: usize, targets: &[Target]) -> Option<View> {
    let python = python::found()?;
    let state = python.thread_state()?;
    let objects = Objects::look(python, Pages::for_much)?;
    let own = objects.frames(state, depth);
    let mut view = View {
        own: objects.all_told(&own),
        ..View::default()
    };
    if !python.is_locked_by_this_thread() {
        return Some(view);
    }
    let others = objects.others(state, handle);
    let own_frames = objects.frames(state, usize::MAX);
    let mut active = objects.active_threads(&own_frames);
    for &(state, handle) in &others {
        let frames = objects.frames(state, usize::MAX);
        if active.is_empty() {
            active = objects.active_threads(&frames);
        }
        let thread = frames.last().and_then(|&frame| objects.thread_object(frame));
        let attributes = thread.map_or_else(Vec::new, |thread| objects.attributes(thread));
        let name = objects.name_in(&attributes);
        let alive = objects
            .value(&attributes, "_tstate_lock")
            .and_then(|lock| objects.lock_in(lock));
        view.locks.extend(alive.map(Named::sign_of_life));
        view.threads.push(PythonThread {
            handle,
            name,
            frames: objects
                .all_told(frames.get(..depth.min(frames.len())).unwrap_or_default())
                .unwrap_or_default(),
        });
    }
    if objects.layout.exit.is_some() {
        let (own, running) = objects.all_running(state, handle, &others);
        let in_blocks = objects.held_in_blocks(&own, &running);
        view.held.extend(in_blocks.iter().map(|(held, _)| *held));
        for (held, named) in objects.held_and_named(&own, &running, &in_blocks) {
            if !view.held.contains(&held) {
                view.held.push(held);
            }
            view.locks.push(named);
        }
        let is_named = |held: &Held| view.lock(held.address).is_none_or(|named| !named.is_bookkeeping);
        let counting = view.held.iter().copied().filter(is_named).collect();
        view.held = counting;
    }
    let name_of = |handle| {
        let known = active.iter().find(|(other, _)| *other == handle);
        known.and_then(|&(_, thread)| objects.name_in(&objects.attributes(thread)))
    };
    view.own_name = name_of(handle);
    for thread in view.threads.iter_mut().filter(|thread| thread.name.is_none()) {
        thread.name = name_of(thread.handle);
    }
    let unknown = |target: &&Target| view.lock(target.address).is_none();
    let unknown: Vec<_> = targets.iter().filter(unknown).copied().collect();
    if !unknown.is_empty() {
        let mut all = others;
        all.push((state, handle));
        view.locks.extend(objects.name_locks(&all, &unknown));
    }
    Some(view)
}

/// The locks that pass no hook, of other threads that are inside a block: while this thread holds the interpreter lock. Every
/// fork beside other threads asks this.
pub fn held_in_blocks(handle: usize) -> Vec<Held> {
    let held = || {
        let python = python::found()?;
        let state = python.thread_state()?;
        let objects = Objects::look(python, Pages::for_frames)?;
        if objects.layout.exit.is_none() || !python.is_locked_by_this_thread() {
            return None;
        }
        let others = objects.others(state, handle);
        let (own, running) = objects.all_running(state, handle, &others);
        Some(objects.held_in_blocks(&own, &running))
    };
    let held = held().unwrap_or_default();
    held.into_iter().map(|(held, _)| held).collect()
}

/// The `pthread_t` of who holds this lock, which the thread that asks is about to wait for; 0 where that is not known. `None`
/// where it knows the lock by no name, where it has taken the lock itself, and where the lock is bookkeeping.
pub fn holder_of_inherited(address: usize) -> Option<usize> {
    let (objects, state) = from_here(Pages::for_much)?;
    let target = Target { address, owner: 0 };
    let named = objects.name_locks(&[(state, 0)], &[target]);
    let is_bookkeeping = named.first()?.is_bookkeeping;
    let lock = objects.held_lock_at(address)?;
    let has_it = objects.has_taken(&objects.running(state, 0), address);
    (!is_bookkeeping && !has_it).then(|| lock.holder.unwrap_or(0))
}

/// The lock that the thread which asks is about to wait for, if this semaphore stands for such a wait of CPython's: its address.
pub fn waited_for(semaphore: usize) -> Option<usize> {
    let python = python::found()?;
    let objects = Objects::look(python, Pages::for_little)?;
    objects.layout.exit?;
    objects.parked_for(semaphore)
}

/// What tells the place where this thread's Python code is from others, in this process; 0 where it runs none. Every fork
/// asks this, so it reads no more than needed.
pub fn place() -> u64 {
    /// The innermost frames that tell places apart.
    const MOST: usize = 16;
    from_here(Pages::for_little).map_or(0, |(objects, state)| objects.place(state, MOST))
}

/// The frames of the thread that asks, innermost first; `None` where it runs no Python code.
pub fn current_stack(depth: usize) -> Option<Vec<PythonFrame>> {
    let (objects, state) = from_here(Pages::for_much)?;
    let frames = objects.frames(state, depth);
    objects.all_told(&frames)
}

/// What the thread that asks calls the lock at this address.
pub fn name_from_here(address: usize) -> Option<String> {
    let (objects, state) = from_here(Pages::for_much)?;
    let target = Target { address, owner: 0 };
    let named = objects.name_locks(&[(state, 0)], &[target]);
    named.into_iter().next().map(|named| named.name)
}

fn from_here(pages: fn() -> Pages) -> Option<(Objects, usize)> {
    let python = python::found()?;
    let state = python.thread_state()?;
    Some((Objects::look(python, pages)?, state))
}

impl Objects {
    fn all_told(&self, frames: &[Frame]) -> Option<Vec<PythonFrame>> {
        let told: Vec<_> = frames.iter().map_while(|&frame| self.told(frame)).collect();
        (!told.is_empty()).then_some(told)
    }

    /// The states of the interpreter's other threads, each with its thread's `pthread_t`; `handle` is this thread's.
    fn others(&self, state: usize, handle: usize) -> Vec<(usize, usize)> {
        let id = (0..WORDS_OF_STATE)
            .map(|number| number * size_of::<usize>())
            .find(|offset| self.pages.word(state + offset) == Some(handle));
        let Some(id) = id else { return Vec::new() };
        let mut others = Vec::new();
        for direction in [PREVIOUS, NEXT] {
            let mut next = self.pages.pointer(state + direction);
            while let Some(other) = next {
                if others.len() == MOST_THREADS {
                    break;
                }
                others.extend(self.pages.pointer(other + id).map(|handle| (other, handle)));
                next = self.pages.pointer(other + direction);
            }
        }
        others
    }

    /// This thread and the others, with their frames.
    fn all_running(&self, state: usize, handle: usize, others: &[(usize, usize)]) -> (Running, Vec<Running>) {
        let others = others.iter().map(|&(state, handle)| self.running(state, handle));
        (self.running(state, handle), others.collect())
    }

    /// The threads that `threading` knows, by their `pthread_t`: the main thread, and those that others began, among them. Empty where
    /// these frames are not of a thread that `threading` began, as its module is found by way of its function.
    fn active_threads(&self, frames: &[Frame]) -> Vec<(usize, usize)> {
        let outermost = frames.last().copied();
        let module = outermost.filter(|&frame| self.thread_object(frame).is_some());
        let active = module.and_then(|frame| self.value(&self.globals(frame), "_active"));
        let entries = active.map_or_else(Vec::new, |active| self.entries(active, MOST_THREADS));
        let by_handle = |(key, thread)| Some((self.small_number(key)?, thread));
        entries.into_iter().filter_map(by_handle).collect()
    }

    /// The name among a `threading.Thread`'s attributes.
    fn name_in(&self, attributes: &[(usize, usize)]) -> Option<String> {
        self.value(attributes, "_name").and_then(|name| self.text(name))
    }

    /// The `threading.Thread` whose thread begins in this frame.
    fn thread_object(&self, outermost: Frame) -> Option<usize> {
        if self.plain_name(outermost)? == "_bootstrap" {
            self.first_local(outermost, "self")
        } else {
            None
        }
    }

    /// Names locks: from their owners' frames where possible, the innermost first, then from the others'; from functions that use
    /// the lock, then from any of its module.
    fn name_locks(&self, threads: &[(usize, usize)], targets: &[Target]) -> Vec<Named> {
        let mut wanted: BTreeSet<usize> = targets.iter().map(|target| target.address).collect();
        let mut named = Vec::new();
        for (by_owner, uses_it) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut seen_modules = BTreeSet::new();
            for &(state, handle) in threads {
                let of_this: BTreeSet<usize> = if by_owner {
                    let owned = targets.iter().filter(|target| target.owner == handle);
                    owned
                        .map(|target| target.address)
                        .filter(|address| wanted.contains(address))
                        .collect()
                } else {
                    wanted.clone()
                };
                if of_this.is_empty() {
                    continue;
                }
                for frame in self.frames(state, MOST_SEARCHED) {
                    let module = self.module(frame);
                    if !uses_it && !module.is_some_and(|module| seen_modules.insert(module)) {
                        continue;
                    }
                    for lock in self.locks_from(frame, &of_this, !uses_it) {
                        if wanted.remove(&lock.address) {
                            named.push(lock);
                        }
                    }
                }
            }
        }
        named
    }
}
