//! Which locks other threads hold: those with a state of their own, and, without hooks, those with a semaphore, too. Most do not
//! record their holder; so, in this order:
//!
//! 1. A recursive lock knows its holder.
//! 2. A thread inside a `with` block of the lock holds it: `with_block`. The same goes for an object with the lock as an attribute,
//!    such as a condition, unless another thread is seen to hold the lock. Generators that the thread is in the middle of count as
//!    its frames: `generator`.
//! 3. A thread that has called the lock's `acquire`, and not its `release`, in a function that it has not left, holds it: `called`.
//! 4. A thread that is in the call to take the lock may have it already: `taking`. Whether it still waits, only the caller knows.
//! 5. A held lock that only one thread can reach from its variables belongs to that thread, unless a thread waits for it: then it
//!    may be a lock that one thread waits on until another releases it.
//!
//! The forking thread's own locks are found in the same way, and never count.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::Frame;
use super::lock_object::LockState;
use super::object::Objects;
use super::search::{Found, Named};

/// The most frames of one thread that are examined.
const MAX_FRAMES: usize = 64;
/// The most frames of one thread from which locks are searched for.
pub const MAX_SEARCHED: usize = 24;

/// A lock and its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where its state is.
    pub address: usize,
    /// The `pthread_t` of its holder.
    pub holder: usize,
    /// A number that identifies where it was taken, in this process.
    pub place: u64,
    /// Whether the thread is in the call to take it, and has it unless it still waits.
    pub is_being_taken: bool,
}

/// A Python thread: its `pthread_t`, and its frames, innermost first, with those of its generators.
#[derive(Debug)]
pub struct Running {
    pub handle: usize,
    pub frames: Vec<Frame>,
    /// The innermost one without generators.
    pub innermost: Option<Frame>,
}

/// A lock whose block a thread is inside.
struct Inside {
    address: usize,
    frame: Frame,
    /// Which of the frame's blocks it is.
    mark: usize,
    /// Whether the block is the lock's own.
    is_direct: bool,
}

/// The evidence that a thread holds a lock.
struct Candidate {
    handle: usize,
    frame: Frame,
    lock: LockState,
    has_acquired: bool,
    is_near: bool,
}

impl Objects {
    /// The frames of the thread with this state, for the questions here.
    pub fn running(&self, state: usize, handle: usize) -> Running {
        let frames = self.frames(state, MAX_FRAMES);
        Running {
            handle,
            innermost: frames.first().copied(),
            frames: self.with_generators(frames),
        }
    }

    /// The locks that other threads hold because they are inside a block: the first two of the ways above, which cost little.
    pub fn held_in_blocks(&self, own: &Running, others: &[Running]) -> Vec<(Held, Frame)> {
        let of_all: Vec<_> = others.iter().map(|thread| (thread, self.inside(thread))).collect();
        if of_all.iter().all(|(_, inside)| inside.is_empty()) {
            return Vec::new();
        }
        let own = self.inside(own);
        let directly = |inside: &[Inside], address| inside.iter().any(|at| at.is_direct && at.address == address);
        let mut held: Vec<(Held, Frame)> = Vec::new();
        for wants_direct in [true, false] {
            for (thread, inside) in &of_all {
                for at in inside.iter().filter(|at| at.is_direct == wants_direct) {
                    let is_own = if wants_direct {
                        directly(&own, at.address)
                    } else {
                        own.iter().any(|its| its.address == at.address)
                    };
                    if !is_own && !held.iter().any(|(known, _)| known.address == at.address) {
                        held.push((held_by(at.address, thread.handle, at.frame, at.mark), at.frame));
                    }
                }
            }
        }
        held
    }

    /// The locks that other threads are in the call to take or to release and that are held, by nobody who is known: each with every such thread,
    /// of which at most one does not wait.
    pub fn held_in_calls(&self, own: &Running, others: &[Running], known: &[Held]) -> Vec<(Held, Frame)> {
        let mut found: Vec<(Held, Frame)> = Vec::new();
        for thread in others {
            let Some(frame) = thread.innermost else { continue };
            let locks = self.being_taken(frame).into_iter().chain(self.being_left(thread));
            for lock in locks.filter_map(|object| self.held_lock(object)) {
                let is_known = known.iter().any(|held| held.address == lock.address);
                if !is_known && lock.holder.is_none_or(|holder| holder == thread.handle) {
                    let held = Held {
                        is_being_taken: true,
                        ..held_by(lock.address, thread.handle, frame, 0)
                    };
                    found.push((held, frame));
                }
            }
        }
        if !found.is_empty() {
            let own = self.inside(own);
            found.retain(|(held, _)| own.iter().all(|inside| inside.address != held.address));
        }
        found
    }

    /// All locks that other threads are taken to hold, each with its name where it has one. `in_blocks` are known already.
    pub fn held_and_named(&self, own: &Running, others: &[Running], in_blocks: &[(Held, Frame)]) -> Vec<(Held, Named)> {
        let mut held = Vec::new();
        for &(lock, frame) in in_blocks {
            let found = [false, true].into_iter().find_map(|all_of_module| {
                let found = self.locks_from(frame, &BTreeSet::from([lock.address]), all_of_module);
                found.into_iter().next()
            });
            held.extend(found.map(|named| (lock, named)));
        }
        let known: BTreeSet<usize> = in_blocks.iter().map(|(lock, _)| lock.address).collect();
        let mut names: BTreeMap<usize, Named> = BTreeMap::new();
        let mut candidates: BTreeMap<usize, Vec<Candidate>> = BTreeMap::new();
        let mut bookkeeping = BTreeSet::new();
        for thread in others {
            for &frame in thread.frames.iter().take(MAX_SEARCHED) {
                for found in self.held_locks_from(frame) {
                    let address = found.named.address;
                    if found.named.is_bookkeeping {
                        bookkeeping.insert(address);
                    } else if !known.contains(&address) {
                        candidates
                            .entry(address)
                            .or_default()
                            .push(self.candidate(thread, frame, &found));
                        names.entry(address).or_insert(found.named);
                    }
                }
            }
        }
        candidates.retain(|address, _| !bookkeeping.contains(address));
        if candidates.is_empty() {
            return held;
        }
        let (own_reach, own_acquired) = self.reach(own);
        for (address, candidates) in candidates {
            let Some(lock) = candidates.first().map(|candidate| candidate.lock) else {
                continue;
            };
            let (holder, frame) = match (lock.holder, candidates.first()) {
                (Some(holder), Some(first)) if others.iter().any(|thread| thread.handle == holder) => {
                    (holder, first.frame)
                }
                (Some(_), _) => continue,
                _ if own_acquired.contains(&address) => continue,
                _ => match likely_holder(&candidates, lock.has_waiters || own_reach.contains(&address)) {
                    Some(candidate) => (candidate.handle, candidate.frame),
                    None => continue,
                },
            };
            let named = names.remove(&address);
            held.extend(named.map(|named| (held_by(address, holder, frame, 0), named)));
        }
        held
    }

    /// Whether this thread has taken the lock in a function that it has not left.
    pub fn has_taken(&self, thread: &Running, address: usize) -> bool {
        self.reach(thread).1.contains(&address)
    }

    /// The locks that this thread can reach, and those among them that it has taken.
    fn reach(&self, thread: &Running) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut reach, mut acquired) = (BTreeSet::new(), BTreeSet::new());
        acquired.extend(self.inside(thread).iter().map(|inside| inside.address));
        for &frame in thread.frames.iter().take(MAX_SEARCHED) {
            for found in self.held_locks_from(frame) {
                reach.insert(found.named.address);
                if self.has_acquired(frame, &found.last) {
                    acquired.insert(found.named.address);
                }
            }
        }
        (reach, acquired)
    }

    fn candidate(&self, thread: &Running, frame: Frame, found: &Found) -> Candidate {
        Candidate {
            handle: thread.handle,
            frame,
            lock: found.lock,
            has_acquired: self.has_acquired(frame, &found.last),
            is_near: found.is_near,
        }
    }

    /// The locks whose blocks the thread is inside, as far as they are held.
    fn inside(&self, thread: &Running) -> Vec<Inside> {
        let mut inside = Vec::new();
        for (place, &frame) in thread.frames.iter().enumerate() {
            for (object, mark) in self.entered(frame) {
                let is_direct = self.lock_in(object).is_some();
                let objects = if is_direct {
                    vec![object]
                } else {
                    self.guarded_by(object)
                };
                let locks = objects.into_iter().filter_map(|object| self.held_lock(object));
                let its_own = locks.filter(|lock| lock.holder.is_none_or(|holder| holder == thread.handle));
                inside.extend(its_own.map(|lock| (place, lock.address, is_direct, mark)));
            }
        }
        let is_given_back = |place: usize, address| {
            let inner = thread.frames.iter().take(place);
            inner.into_iter().any(|&frame| self.gives_back(frame) == Some(address))
        };
        inside.retain(|&(place, address, ..)| !is_given_back(place, address));
        let with_frame = |(place, address, is_direct, mark): (usize, usize, bool, usize)| {
            let frame = *thread.frames.get(place)?;
            Some(Inside {
                address,
                frame,
                mark,
                is_direct,
            })
        };
        inside.into_iter().filter_map(with_frame).collect()
    }

    /// What an object with a block of its own may not have released yet, whose `__exit__` is called: the block is left already.
    fn being_left(&self, thread: &Running) -> Vec<usize> {
        /// How many frames further in the lock may be released.
        const MAX_FRAMES: usize = 4;
        let frames = thread.frames.iter().take(MAX_FRAMES);
        let leaves = |frame: &&Frame| self.plain_name(**frame).is_some_and(|name| name == "__exit__");
        let objects = frames
            .filter(leaves)
            .filter_map(|&frame| self.first_local(frame, "self"));
        objects.flat_map(|object| self.guarded_by(object)).collect()
    }

    /// The objects that an object with a block of its own may have taken: its attributes.
    fn guarded_by(&self, object: usize) -> Vec<usize> {
        let attributes = self.all_attributes(object);
        attributes.into_iter().map(|(_, object)| object).collect()
    }

    /// The lock that this frame has released during its call: `Condition.wait`'s.
    fn gives_back(&self, frame: Frame) -> Option<usize> {
        if self.plain_name(frame)? != "wait" || !self.file(frame)?.ends_with("/threading.py") {
            return None;
        }
        let condition = self.first_local(frame, "self")?;
        self.lock_in(self.value(&self.attributes(condition), "_lock")?)
    }
}

/// A lock taken in this frame: in the block with this mark, or in no block.
fn held_by(address: usize, holder: usize, frame: Frame, mark: usize) -> Held {
    Held {
        address,
        holder,
        place: (frame.code as u64 ^ mark as u64).rotate_left(17) | 1,
        is_being_taken: false,
    }
}

/// The likely holder of a lock that does not record it. `is_shared` says that a thread waits for it, or that the forking thread may
/// hold it.
fn likely_holder(candidates: &[Candidate], is_shared: bool) -> Option<&Candidate> {
    if let Some(candidate) = candidates.iter().find(|candidate| candidate.has_acquired) {
        return Some(candidate);
    }
    let first = candidates.first()?;
    let is_only = candidates.iter().all(|other| other.handle == first.handle);
    let near = candidates.iter().find(|candidate| candidate.is_near)?;
    (is_only && !is_shared).then_some(near)
}
