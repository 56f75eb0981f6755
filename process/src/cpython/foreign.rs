//! The Python side of another process that is not running, found through the symbols of the interpreter's file.

use forkwatch_schema::record::PythonFrame;

use super::held::Running;
use super::object::Objects;
use super::pages::Pages;
use super::program::CPython;
use super::search::Named;
use super::threads::Thread;
use crate::memory::ProcessMemory;
use crate::modules::Modules;

/// A thread with what is known of it.
#[derive(Clone, Debug)]
pub struct SeenThread {
    /// The thread.
    pub thread: Thread,
    /// The name that `threading` knows it by; `None` where it knows none.
    pub name: Option<String>,
    /// Its frames, innermost first.
    pub frames: Vec<PythonFrame>,
}

/// Who holds a lock, and in which frame it was taken.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The `pthread_t` of the thread.
    pub handle: usize,
    /// The function that took the lock and is not left; `None` where only the lock names its holder.
    pub frame: Option<PythonFrame>,
}

/// The interpreter of another process.
#[derive(Debug)]
pub struct ForeignPython {
    memory: ProcessMemory,
    objects: Objects,
    runtime: usize,
    path: Vec<u8>,
}

impl ForeignPython {
    /// The interpreter of the process with these modules; `None` where it has none, or one of a version that is not known.
    pub fn find(modules: &Modules) -> Option<Self> {
        let program = CPython::find(modules)?;
        let runtime = program.runtime_range()?.start;
        let interpreter = program.interpreter(modules)?;
        let memory = modules.memory();
        let objects = Objects::open(&interpreter, memory, Pages::for_many_reads)?.with_semaphores();
        Some(Self {
            memory,
            objects,
            runtime,
            path: program.path().to_vec(),
        })
    }

    /// The path of the file that it is in.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Its threads, `depth` frames of each.
    pub fn threads(&self, depth: usize) -> Vec<SeenThread> {
        let threads = self.objects.all_threads(self.runtime);
        let active = self.objects.active_of_modules(self.runtime);
        let name_of = |handle| {
            let (_, thread) = active.iter().find(|(other, _)| *other == handle)?;
            self.objects.name_in(&self.objects.attributes(*thread))
        };
        let seen = threads.into_iter().map(|thread| {
            let frames = self.objects.frames(thread.state, usize::MAX);
            let object = frames.last().and_then(|&frame| self.objects.thread_object(frame));
            let own_name = object.and_then(|object| self.objects.name_in(&self.objects.attributes(object)));
            let innermost = frames.get(..depth.min(frames.len())).unwrap_or_default();
            SeenThread {
                thread,
                name: own_name.or_else(|| name_of(thread.handle)),
                frames: self.objects.records_of(innermost).unwrap_or_default(),
            }
        });
        seen.collect()
    }

    /// The one among `threads` that is the process's only thread, by the kernel's id. In a forked child the states of the parent's
    /// other threads are there, too, until Python cleans up.
    pub fn only<'seen>(&self, threads: &'seen [SeenThread], tid: i32) -> Option<&'seen SeenThread> {
        match threads {
            [only] => Some(only),
            _ => threads.iter().find(|seen| self.has_id(seen.thread, tid)),
        }
    }

    /// Whether this is the thread with the kernel's id `tid`: libc keeps that in what a `pthread_t` points to, and corrects it in a
    /// forked child.
    fn has_id(&self, thread: Thread, tid: i32) -> bool {
        /// The id is among the first bytes, at a place that depends on the libc.
        const HEAD: usize = 1024;
        let mut head = [0; HEAD];
        let read = self.memory.read_some(thread.handle, &mut head);
        let words = head.get(..read).unwrap_or_default().as_chunks::<4>().0;
        words.iter().any(|word| i32::from_ne_bytes(*word) == tid)
    }

    /// The lock that a thread waits for on this futex: the semaphore there, or the lock in its entry of CPython's parking lot.
    pub fn lock_behind(&self, futex: usize) -> usize {
        let parked = self.objects.has_own_locks().then(|| self.objects.parked_for(futex));
        parked.flatten().unwrap_or(futex)
    }

    /// What this thread calls the lock at this address.
    pub fn name_of_lock(&self, thread: Thread, address: usize) -> Option<Named> {
        self.objects.name_from(thread.state, address)
    }

    /// Which of its threads holds the lock at this address: by the blocks that they are inside, by what they have called, and by
    /// what the lock says.
    pub fn holder(&self, address: usize) -> Option<Holder> {
        let threads = self.objects.all_threads(self.runtime);
        let running: Vec<Running> = threads
            .iter()
            .map(|thread| self.objects.running(thread.state, thread.handle))
            .collect();
        let nobody = Running {
            innermost: None,
            handle: 0,
            frames: Vec::new(),
        };
        let in_blocks = self.objects.held_in_blocks(&nobody, &running);
        if let Some((held, frame)) = in_blocks.iter().find(|(held, _)| held.address == address) {
            return Some(Holder {
                handle: held.holder,
                frame: self.objects.record_of(*frame),
            });
        }
        let by_others = self.objects.held_and_named(&nobody, &running, &[]);
        let (held, _) = by_others.iter().find(|(held, _)| held.address == address)?;
        Some(Holder {
            handle: held.holder,
            frame: None,
        })
    }
}
