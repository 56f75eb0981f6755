//! Who tells in a child: what is known of the fork that made it, and the records that say so.
#![expect(unsafe_code, reason = "the stories belong to whoever tells")]

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::fingerprint;
use forkwatch_schema::kind::{Kind, Severity};
use forkwatch_schema::record::{Detail, Lock, OrphanedLock, PythonFrame, WaitObject};

use crate::config::{self, Strict};
use crate::record::envelope::Content;
use crate::record::printable::printable;
use crate::snapshot::origin::ForkId;
use crate::snapshot::place::{Place, Verdict};
use crate::snapshot::python;
use crate::state::depot::{self, StackId};
use crate::state::held::Object;
use crate::state::libc_regions;
use crate::state::orphans::{self, Orphan, Reported};
use crate::system::{signals, task};
use crate::verdict::own_locks::Interpreter;
use crate::watch::judge::{frames, kind_of, naming, sealed};
use crate::watch::story::{self, Story};
use crate::watch::tell::tell;
use crate::watch::{counts, setup, told};

/// Who tells, while no fork can be under way.
pub(super) struct Teller {
    /// The stack of the call.
    pub(super) stack: StackId,
    /// Whether the child must be stopped.
    pub(super) stop: bool,
}

impl Teller {
    /// The fork of this number; `None` in the child of a lone thread.
    fn story(&self, number: usize) -> Option<&'static mut Story> {
        // SAFETY: a `Teller` exists only while its thread holds the lock on all telling.
        unsafe { story::of(number) }
    }

    fn owner(&self, orphan: Orphan) -> Option<String> {
        let story = self.story(orphan.fork);
        let own = story.as_ref().is_none_or(|story| story.origin.thread == orphan.owner);
        if own {
            // The forking thread itself, whose copy this is.
            return Some(self.own_name().map_or_else(name_of_this_thread, str::to_owned));
        }
        story?.name_of_lost(orphan.owner).map(|name| printable(&name))
    }

    /// What Python calls the thread that tells, if that is the copy of the one that forked.
    fn own_name(&self) -> Option<&'static str> {
        let is_copy = rustix::thread::gettid() == rustix::process::getpid();
        self.story(story::newest_number())
            .filter(|_| is_copy)?
            .name_of_forking()
    }

    /// Whether a signal handler may end the wait: one may post a semaphore, change a futex's word, and CPython's interrupts the
    /// wait and runs the program's own.
    pub(super) fn may_be_woken(&self, object: WaitObject, resolver: &Resolver) -> bool {
        if !matches!(object, WaitObject::Semaphore | WaitObject::Futex) {
            return false;
        }
        if object == WaitObject::Semaphore && Interpreter::find(resolver.modules()).is_none() {
            return signals::a_handler_may_post();
        }
        let parent = self
            .story(story::newest_number())
            .map_or(0, |story| story.origin.process);
        signals::an_own_handler_may_wake(parent)
    }

    /// What Python code calls the lock: what the parent saw says it best, else what this child does with it.
    fn name_of_lock(&self, orphan: Orphan) -> Option<String> {
        if !config::get().python || !matches!(orphan.entry.object, Object::Semaphore | Object::Mutex) {
            return None;
        }
        let address = orphan.entry.address;
        let seen = self
            .story(orphan.fork)
            .and_then(|story| story.seen.as_ref()?.python.as_ref());
        match seen.and_then(|view| view.lock(address)) {
            Some(named) => Some(named.name.clone()),
            None => python::name_from_here(address),
        }
    }

    /// Tells that this child asks for a lock of a thread that it lost.
    pub(super) fn tell_orphan(&mut self, orphan: Orphan, how: Reported, certain: bool, function: &'static str) {
        if !orphans::note(&orphan, how) {
            return;
        }
        let blocking = how == Reported::Block;
        let Some(mut resolver) = Resolver::new(naming()) else {
            return;
        };
        let entry = orphan.entry;
        if entry.object != Object::LibcRegion && resolver.modules().is_shared_mapping(entry.address) {
            return;
        }
        if !blocking
            && Interpreter::find(resolver.modules()).is_some_and(|python| python.owns(resolver.modules(), &entry))
        {
            // CPython asks its own locks whether they are locked, and puts them right.
            return;
        }
        let acquired_stack = frames(&mut resolver, depot::frames(entry.stack), false);
        let name = match libc_regions::at(entry.address) {
            Some(region) => Some(region.name.to_owned()),
            None => self.name_of_lock(orphan),
        };
        let owner = self.owner(orphan);
        let rules = setup::suppressions();
        let mut harmless_thread = || {
            let start = self.start_routine(orphan, &mut resolver);
            rules.thread_is_harmless(owner.as_deref().unwrap_or_default(), start.as_deref(), None)
        };
        if rules.lock_is_harmless(name.as_deref(), &acquired_stack) || rules.has_thread_rules() && harmless_thread() {
            counts::SUPPRESSED.add();
            return;
        }
        let stack = frames(&mut resolver, depot::frames(self.stack), false);
        let python_stack = python_stack();
        let kind = kind_of(entry.object);
        let content = Content {
            severity: if blocking && certain {
                Severity::Fatal
            } else {
                Severity::Error
            },
            kind: Kind::OrphanedLock,
            fingerprint: fingerprint::of_orphan(kind, &stack, python_stack.as_deref(), &acquired_stack),
            fork_id: None,
            detail: Detail::OrphanedLock(OrphanedLock {
                call: function.to_owned(),
                lock: Lock {
                    address: format!("{:#x}", entry.address),
                    kind,
                    name,
                    owner_tid: (orphan.owner != 0).then_some(orphan.owner),
                    owner,
                    acquired_stack,
                    waiters: Vec::new(),
                },
                stack,
                python_stack,
                blocking,
            }),
        };
        self.tell(content, orphan.fork);
    }

    /// Whether rules take every thread that this child lost for harmless.
    pub(super) fn lost_harmless_threads_alone(&self, resolver: &mut Resolver) -> bool {
        let rules = setup::suppressions();
        let story = self.story(story::newest_number()).filter(|_| rules.has_thread_rules());
        let Some((story, lost)) = story.and_then(|story| Some((&*story, story.inherited.as_ref()?))) else {
            return false;
        };
        lost.threads.iter().all(|thread| {
            let name = printable(&story.name_of_lost(thread.tid).unwrap_or_default());
            let start = thread
                .origin
                .and_then(|origin| resolver.name_of_function(origin.start_routine));
            rules.thread_is_harmless(&name, start.as_deref(), None)
        })
    }

    fn start_routine(&self, orphan: Orphan, resolver: &mut Resolver) -> Option<String> {
        let story = self.story(orphan.fork)?;
        let lost = story.inherited.as_ref()?;
        let thread = lost.threads.iter().find(|thread| thread.tid == orphan.owner)?;
        resolver.name_of_function(thread.origin?.start_routine)
    }

    /// Threads of the parent that waited for this object at the fork.
    pub(super) fn users_of(&self, address: usize) -> Vec<i32> {
        let Some(story) = self.story(story::newest_number()) else {
            return Vec::new();
        };
        let mut users = Vec::new();
        for moment in [&story.seen, &story.inherited].into_iter().flatten() {
            users.extend(
                moment
                    .threads
                    .iter()
                    .filter(|thread| thread.uses(address))
                    .map(|thread| thread.tid),
            );
        }
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Tells a finding of this place once; it belongs to the fork that made this process.
    pub(super) fn tell_at(&mut self, place: Place, content: Content) {
        let told = self.tell(content, story::newest_number());
        told::remember(place, if told { Verdict::Told } else { Verdict::Silenced });
    }

    /// Tells a finding that belongs to the fork of this number, and decides whether the child is stopped. False where a rule
    /// silences it.
    fn tell(&mut self, content: Content, number: usize) -> bool {
        let (fork_id, exec_bound) = match self.story(number) {
            Some(story) => {
                let exec_bound = story::tell_unless_told(story);
                (story.origin.id, exec_bound)
            }
            None => (ForkId::make(), false),
        };
        let content = Content {
            fork_id: Some(fork_id.to_string()),
            ..content
        };
        let Some(record) = sealed(content, self.own_name()) else {
            return false;
        };
        let option = match config::get().strict {
            Strict::Child if record.severity == Severity::Fatal => Some("FORKWATCH_STRICT=child"),
            Strict::Threads if exec_bound && record.severity >= Severity::Error => Some("FORKWATCH_STRICT=threads"),
            Strict::Locks if exec_bound && record.severity >= Severity::Error => Some("FORKWATCH_STRICT=locks"),
            _ => None,
        };
        tell(&record, option);
        self.stop |= option.is_some();
        true
    }
}

fn name_of_this_thread() -> String {
    printable(&task::name(rustix::thread::gettid().as_raw_nonzero().get()))
}

/// Where this thread's Python code is now.
pub(super) fn python_stack() -> Option<Vec<PythonFrame>> {
    if config::get().python {
        python::current_stack(config::get().depth)
    } else {
        None
    }
}
