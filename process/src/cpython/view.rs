//! All that is known of the Python side of a process, as one of its threads sees it.

use std::collections::{BTreeMap, BTreeSet};

use forkwatch_schema::record::PythonFrame;

use super::frame::Frame;
use super::held::{Held, MAX_SEARCHED, Running};
use super::object::Objects;
use super::search::Named;
use super::threads::Thread;

/// The most locks whose place is looked for at one fork.
const MAX_TAKEN: usize = 64;
/// The most threads whose modules are searched for lasting names.
const MAX_NAMING: usize = 32;

/// What Python code was doing.
#[derive(Debug, Default)]
pub struct View {
    /// The frames of this thread, innermost first; `None` where it runs no Python code.
    pub own: Option<Vec<PythonFrame>>,
    /// The name that `threading` knows that thread by; `None` where it knows none.
    pub own_name: Option<String>,
    /// The other threads of this interpreter.
    pub threads: Vec<PythonThread>,
    /// The locks that could be named.
    pub locks: Vec<Named>,
    /// The locks of other threads that no hook sees.
    pub held: Vec<Held>,
    /// By a lock's address: where its holder took it, innermost first.
    pub taken: BTreeMap<usize, Vec<PythonFrame>>,
    /// The addresses of locks that a child makes anew, where a lock is held.
    pub made_anew: BTreeSet<usize>,
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

impl Objects {
    /// This thread's innermost `depth` frames and, if no other thread changes anything meanwhile, the other threads and the locks that they
    /// hold.
    pub fn view(&self, this: Thread, is_alone: bool, depth: usize, targets: &[Target]) -> View {
        let mut view = View {
            own: self.records_of(&self.frames(this.state, depth)),
            ..View::default()
        };
        if !is_alone {
            return view;
        }
        let others = self.others(this.state);
        let mut active = self.active_threads(&self.frames(this.state, usize::MAX));
        for other in &others {
            let frames = self.frames(other.state, usize::MAX);
            if active.is_empty() {
                active = self.active_threads(&frames);
            }
            let thread = frames.last().and_then(|&frame| self.thread_object(frame));
            let attributes = thread.map_or_else(Vec::new, |thread| self.attributes(thread));
            let alive = self
                .value(&attributes, "_tstate_lock")
                .and_then(|lock| self.lock_in(lock));
            view.locks.extend(alive.map(Named::thread_state_lock));
            let innermost = frames.get(..depth.min(frames.len())).unwrap_or_default();
            view.threads.push(PythonThread {
                handle: other.handle,
                name: self.name_in(&attributes),
                frames: self.records_of(innermost).unwrap_or_default(),
            });
        }
        if self.has_own_locks() {
            self.add_held(this, &others, &mut view);
        }
        let of_hooks = targets.iter().map(|target| (target.address, target.owner));
        let of_blocks = view.held.iter().map(|held| (held.address, held.holder));
        for (address, holder) in of_hooks.chain(of_blocks).take(MAX_TAKEN) {
            let holder = others.iter().find(|other| other.handle == holder);
            let taken = holder.and_then(|&holder| self.where_taken(holder, address, depth));
            view.taken.extend(taken.map(|stack| (address, stack)));
        }
        if !targets.is_empty() || !view.held.is_empty() {
            view.made_anew = self.made_anew_in_child(this.state);
        }
        let name_of = |handle| {
            let known = active.iter().find(|(other, _)| *other == handle);
            known.and_then(|&(_, thread)| self.name_in(&self.attributes(thread)))
        };
        view.own_name = name_of(this.handle);
        for thread in view.threads.iter_mut().filter(|thread| thread.name.is_none()) {
            thread.name = name_of(thread.handle);
        }
        let unknown = |target: &&Target| view.lock(target.address).is_none();
        let unknown: Vec<_> = targets.iter().filter(unknown).copied().collect();
        // What the forking thread calls a lock, its child can call it, too.
        let mut all = vec![this];
        all.extend(others);
        if !unknown.is_empty() {
            view.locks.extend(self.name_locks(&all, &unknown));
        }
        let has_any = |thread: &&Thread| {
            targets.iter().any(|target| target.owner == thread.handle)
                || view.held.iter().any(|held| held.holder == thread.handle)
        };
        let (holders, rest): (Vec<&Thread>, Vec<&Thread>) = all.iter().partition(has_any);
        let threads = holders.into_iter().chain(rest).take(MAX_NAMING);
        let wanted = view
            .held
            .iter()
            .map(|held| held.address)
            .chain(targets.iter().map(|target| target.address));
        let wanted = wanted.collect();
        self.give_lasting_names(this.state, threads.copied(), wanted, &mut view.locks);
        view
    }

    /// Adds the locks with a state of their own that other threads hold.
    fn add_held(&self, this: Thread, others: &[Thread], view: &mut View) {
        let (own, running) = self.all_running(this, others);
        let in_blocks = self.held_in_blocks(&own, &running);
        view.held.extend(in_blocks.iter().map(|(held, _)| *held));
        for (held, named) in self.held_and_named(&own, &running, &in_blocks) {
            if !view.held.contains(&held) {
                view.held.push(held);
            }
            view.locks.push(named);
        }
        for (held, frame) in self.held_in_calls(&own, &running, &view.held) {
            let named = self.locks_from(frame, &BTreeSet::from([held.address]), false);
            view.locks.extend(named);
            view.held.push(held);
        }
        let is_named = |held: &Held| view.lock(held.address).is_none_or(|named| !named.is_bookkeeping);
        let counting = view.held.iter().copied().filter(is_named).collect();
        view.held = counting;
    }

    /// The `pthread_t` of the holder of this lock with a state of its own, which the thread with this state is about to wait for; 0
    /// where that is not known. `None` where the thread cannot name the lock or has taken it itself, and where the lock is bookkeeping.
    pub fn holder_of_inherited(&self, state: usize, address: usize) -> Option<usize> {
        let named = self.name_from(state, address)?;
        let lock = self.held_lock_at(address)?;
        let has_it = self.has_taken(&self.running(state, 0), address);
        (!named.is_bookkeeping && !has_it).then(|| lock.holder.unwrap_or(0))
    }

    /// What the thread with this state calls the lock at this address.
    pub fn name_from(&self, state: usize, address: usize) -> Option<Named> {
        let target = Target { address, owner: 0 };
        let this = Thread { state, handle: 0 };
        let mut named = self.name_locks(&[this], &[target]);
        self.give_lasting_names(state, [this].into_iter(), BTreeSet::from([address]), &mut named);
        named.into_iter().next()
    }

    /// Names those of the locks `wanted` that modules lead to by the way from there; bookkeeping keeps its names.
    fn give_lasting_names(
        &self,
        state: usize,
        threads: impl Iterator<Item = Thread>,
        mut wanted: BTreeSet<usize>,
        locks: &mut Vec<Named>,
    ) {
        for lock in locks.iter().filter(|lock| lock.is_bookkeeping) {
            wanted.remove(&lock.address);
        }
        if wanted.is_empty() {
            return;
        }
        let frames: Vec<Frame> = threads
            .flat_map(|thread| self.frames(thread.state, MAX_SEARCHED))
            .collect();
        for (address, named) in self.lasting_names(state, &frames, &wanted) {
            match locks.iter_mut().find(|lock| lock.address == address) {
                Some(lock) => *lock = named,
                None => locks.push(named),
            }
        }
    }

    /// These frames as records have them, up to one that cannot be read; `None` where there are none.
    pub fn records_of(&self, frames: &[Frame]) -> Option<Vec<PythonFrame>> {
        let records: Vec<_> = frames.iter().map_while(|&frame| self.record_of(frame)).collect();
        (!records.is_empty()).then_some(records)
    }

    /// This thread and the others, with their frames.
    fn all_running(&self, this: Thread, others: &[Thread]) -> (Running, Vec<Running>) {
        let running = |thread: &Thread| self.running(thread.state, thread.handle);
        (running(&this), others.iter().map(running).collect())
    }

    /// Names locks: from their owners' frames where possible, the outermost first, then from the others'; from functions that use
    /// the lock, then from any of its module.
    fn name_locks(&self, threads: &[Thread], targets: &[Target]) -> Vec<Named> {
        let mut wanted: BTreeSet<usize> = targets.iter().map(|target| target.address).collect();
        let mut named = Vec::new();
        for (by_owner, uses_it) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut seen_modules = BTreeSet::new();
            for &Thread { state, handle } in threads {
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
                // Outer functions live longer.
                for frame in self.frames(state, MAX_SEARCHED).into_iter().rev() {
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
