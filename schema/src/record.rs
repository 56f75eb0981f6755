//! The fields of a record. The order of the fields here is the order of the keys in the line.

use serde::{Deserialize, Serialize};

use crate::kind::{Kind, Severity};

/// The most bytes one line may have; longer lists are cut and `truncated` says what was cut.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// One record: who reported what, and the fields of its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Record {
    /// RFC 3339 in UTC with nanoseconds, always first.
    #[cfg_attr(test, schemars(extend("pattern" = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$", "format" = "date-time")))]
    pub time: String,
    /// How bad it is.
    pub severity: Severity,
    /// [`crate::SCHEMA`].
    #[cfg_attr(test, schemars(extend("const" = crate::SCHEMA)))]
    pub schema: String,
    /// What happened; it decides which other fields there are.
    pub kind: Kind,
    /// 16 hex digits; the same bug gives the same value across runs, hosts and address-space layouts.
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9a-f]{16}$")))]
    pub fingerprint: String,
    /// One readable line.
    pub message: String,
    /// `uname`'s node name.
    pub host: String,
    /// The process that writes.
    pub pid: i32,
    /// Its parent.
    pub ppid: i32,
    /// The kernel's id of the thread that writes.
    pub tid: i32,
    /// That thread's name.
    pub thread: String,
    /// The program file, as `/proc/self/exe` names it.
    pub exe: String,
    /// The command line; null with `FORKWATCH_ARGV=off`.
    pub argv: Option<Vec<String>>,
    /// `FORKWATCH_SERVICE`, else `OTEL_SERVICE_NAME`, else the program's name.
    pub service: String,
    /// `FORKWATCH_CONTEXT` or what `forkwatch_set_context` set; null where neither was.
    pub context: Option<String>,
    /// Shared by a fork's record and everything its child reports; null if no fork belongs to it.
    pub fork_id: Option<String>,
    /// The fields of the kind.
    #[cfg_attr(test, schemars(skip))]
    #[serde(flatten)]
    pub detail: Detail,
    /// Which lists were cut to keep the line within [`MAX_RECORD_BYTES`]; absent where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<String>,
}

impl Record {
    /// The entry in [`Self::truncated`] for a list of which `kept` of `all` entries are left.
    pub fn cut(list: &str, kept: usize, all: usize) -> String {
        format!("{list}: {kept} of {all} kept")
    }

    /// The original length of a list with this many entries left.
    pub fn uncut(&self, list: &str, left: usize) -> usize {
        let entry = self
            .truncated
            .iter()
            .find_map(|entry| entry.strip_prefix(list)?.strip_prefix(": "));
        let all = entry.and_then(|entry| entry.split(' ').nth(2)?.parse().ok());
        all.map_or(left, |all: usize| all.max(left))
    }
}

/// The fields that only some kinds have. Deserialisation tries them in this order, so variants with more fields in common come
/// first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// `unsafe_fork`.
    UnsafeFork(UnsafeFork),
    /// `orphaned_lock`.
    OrphanedLock(OrphanedLock),
    /// `possible_deadlock`.
    PossibleDeadlock(PossibleDeadlock),
    /// `shared_wakeup`, `shared_fd`.
    SharedDescriptor(SharedDescriptor),
    /// `stuck_child`.
    StuckChild(StuckChild),
    /// `thread_after_fork`, `unsafe_call`, `guarded_call`.
    Call(Call),
    /// `leaked_lock`.
    LeakedLock(LeakedLock),
    /// `slow_handler`.
    SlowHandler(SlowHandler),
    /// `fork_outcome`.
    ForkOutcome(ForkOutcome),
    /// `summary`.
    Summary(Summary),
}

/// The fields of `unsafe_fork`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnsafeFork {
    /// The fork itself.
    pub fork: Fork,
    /// The other threads.
    pub threads: Vec<Thread>,
    /// The locks that other threads held.
    pub locks: Vec<Lock>,
    /// What to change.
    pub advice: Vec<String>,
    /// Present where the fork was held back until no other thread held a lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

/// A fork that was held back until no other thread held a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Settled {
    /// How long, in microseconds.
    pub waited_us: u64,
    /// The locks that it waited for, with their holders.
    pub waited_for: Vec<Lock>,
}

/// The fields of `orphaned_lock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OrphanedLock {
    /// The function that takes or releases the lock in the child.
    pub call: String,
    /// The lock, with the thread of the parent that held it at the fork.
    pub lock: Lock,
    /// Where the child is, innermost first.
    pub stack: Vec<Frame>,
    /// The child's Python stack; null where it runs no Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
    /// False for a try-lock and for a wait with a time-out: the call returns, but it never succeeds. Also false where libc ends the
    /// process instead of waiting, which is `FATAL`.
    pub blocking: bool,
}

/// The fields of `possible_deadlock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PossibleDeadlock {
    /// The function that takes the lock in the child.
    pub call: String,
    /// The lock, with the thread of the parent that takes it, too, and where that thread takes it.
    pub lock: Lock,
    /// Where the child is, innermost first.
    pub stack: Vec<Frame>,
    /// The child's Python stack; null where it runs no Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
}

/// The fields of `shared_wakeup` and `shared_fd`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SharedDescriptor {
    /// The descriptor, the same number in parent and child.
    pub fd: i32,
    /// What it is open for: `eventfd`, `epoll`, `timerfd`, `signalfd`, `pipe`, `socket`, `file`.
    pub fd_type: String,
    /// The function that the child calls.
    pub call: String,
    /// The threads of the parent that wait on it.
    pub parent_tids: Vec<i32>,
    /// The first of them, with where they wait.
    #[serde(default)]
    pub threads: Vec<Thread>,
    /// Where the child is, innermost first.
    pub stack: Vec<Frame>,
    /// The child's Python stack; null where it runs no Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
}

/// The fields of `stuck_child`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StuckChild {
    /// The function or system call that waits.
    pub call: String,
    /// The object's address as `0x` hex; null where it is not known.
    #[cfg_attr(test, schemars(extend("pattern" = "^0x[0-9a-f]+$")))]
    pub address: Option<String>,
    /// What is waited for.
    pub object: WaitObject,
    /// The name of the variable that contains it (`vault+0x18`); absent where it is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Threads of the parent that waited on it or held it, where known.
    pub parent_tids: Vec<i32>,
    /// The lost threads that used it or belong to what waits for it, with their names.
    #[serde(default)]
    pub lost_threads: Vec<LostThread>,
    /// The waits that have timed out so far; null for a wait without a time-out.
    #[serde(default)]
    pub timed_waits: Option<TimedWaits>,
    /// Where the child is, innermost first.
    pub stack: Vec<Frame>,
    /// The child's Python stack; null where it runs no Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
}

/// A thread of the parent that the child does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LostThread {
    /// Its id.
    pub tid: i32,
    /// Its name; null where that is not known.
    pub name: Option<String>,
}

/// Waits with a time-out, repeated in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TimedWaits {
    /// How many.
    pub count: u32,
    /// How long they have taken.
    pub milliseconds: u64,
}

/// What a child waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitObject {
    /// A futex of a library's own.
    Futex,
    /// `pthread_cond_t`, `cnd_t`.
    Condition,
    /// `sem_t`.
    Semaphore,
    /// `pthread_mutex_t`, `mtx_t`.
    Mutex,
    /// `pthread_rwlock_t`.
    Rwlock,
}

impl WaitObject {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Futex => "futex",
            Self::Condition => "condition",
            Self::Semaphore => "semaphore",
            Self::Mutex => "mutex",
            Self::Rwlock => "rwlock",
        }
    }
}

/// A call that a child should not have made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Call {
    /// The function.
    pub call: String,
    /// The library that called it, or that it belongs to; null where it is not known.
    pub library: Option<String>,
    /// Where the child is, innermost first.
    pub stack: Vec<Frame>,
    /// The child's Python stack; null where it runs no Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
}

/// When an at-fork handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the copy.
    Prepare,
    /// After it, in the parent.
    Parent,
    /// After it, in the child.
    Child,
}

impl Phase {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Parent => "parent",
            Self::Child => "child",
        }
    }
}

/// The fields of `slow_handler`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlowHandler {
    /// The library that registered the handler; null where it is not known.
    pub library: Option<String>,
    /// When the handler runs.
    pub phase: Phase,
    /// How long it took, or has waited so far.
    pub milliseconds: u64,
    /// The call in which it waits; absent where it has returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<HandlerWait>,
}

/// A call in which an at-fork handler waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HandlerWait {
    /// The function.
    pub call: String,
    /// Where it was called, innermost first.
    pub stack: Vec<Frame>,
    /// The thread that it waits for; null where that is not known.
    pub thread: Option<Thread>,
}

/// The fields of `fork_outcome`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForkOutcome {
    /// The child.
    pub child_pid: i32,
    /// What it did.
    pub outcome: Outcome,
    /// The program that it became; absent where it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// What the child of a fork did in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It became another program.
    Exec,
    /// It ended.
    Exit,
}

/// The fields of `leaked_lock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakedLock {
    /// The lock, with the ended thread as owner.
    pub lock: Lock,
}

/// The fork of an `unsafe_fork`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fork {
    /// The function called: `fork`, `_Fork`, `forkpty`, `daemon`, `clone`, `syscall`.
    pub function: String,
    /// Null where the fork was stopped, or its result never reached us.
    pub child_pid: Option<i32>,
    /// Whether the caller is known to do nothing but exec in the child.
    pub exec_bound: bool,
    /// The native stack of the caller, innermost first.
    pub stack: Vec<Frame>,
    /// The Python stack, innermost first; null if the caller is not Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
}

/// One other thread at a fork.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Thread {
    /// The kernel's id.
    pub tid: i32,
    /// The name: Python's where known, else the kernel's.
    pub name: String,
    /// The function it was started with; null where its creation was not seen.
    pub start_routine: Option<String>,
    /// Where it was created; null where that was not seen.
    pub created_stack: Option<Vec<Frame>>,
    /// Where it is now; null where that cannot be seen without stopping it.
    pub stack: Option<Vec<Frame>>,
    /// Its Python stack; null where it runs no Python code.
    pub python_stack: Option<Vec<PythonFrame>>,
    /// What it is blocked on; null where it runs.
    pub waiting: Option<Waiting>,
}

/// What a thread is blocked on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Waiting {
    /// The function or system call it blocks in.
    pub call: String,
    /// The object's address as `0x` hex; null where the call has none.
    #[cfg_attr(test, schemars(extend("pattern" = "^0x[0-9a-f]+$")))]
    pub address: Option<String>,
}

/// The kind of a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LockKind {
    /// `pthread_mutex_t`, `mtx_t`.
    #[default]
    Mutex,
    /// `pthread_rwlock_t` taken for reading.
    RwlockRead,
    /// `pthread_rwlock_t` taken for writing.
    RwlockWrite,
    /// `pthread_spinlock_t`.
    Spinlock,
    /// `sem_t` used for mutual exclusion.
    Semaphore,
    /// A C++ local static that is being initialised.
    StaticGuard,
    /// A lock inside libc.
    Libc,
    /// A lock that is only seen through its futex.
    Futex,
}

impl LockKind {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutex => "mutex",
            Self::RwlockRead => "rwlock_read",
            Self::RwlockWrite => "rwlock_write",
            Self::Spinlock => "spinlock",
            Self::Semaphore => "semaphore",
            Self::StaticGuard => "static_guard",
            Self::Libc => "libc",
            Self::Futex => "futex",
        }
    }
}

/// A lock that a thread holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lock {
    /// Its address as `0x` hex.
    #[cfg_attr(test, schemars(extend("pattern" = "^0x[0-9a-f]+$")))]
    pub address: String,
    /// 16 hex digits; the same lock has the same across runs, hosts and address-space layouts. Null in records of older versions.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9a-f]{16}$")))]
    pub id: Option<String>,
    /// Its kind.
    pub kind: LockKind,
    /// Its name in the program's words (`self.lock`, `libc:tz`); null where it is not known.
    pub name: Option<String>,
    /// The kernel's id of its holder; null where the holder is not known.
    pub owner_tid: Option<i32>,
    /// The holder's name; null where the holder is not known.
    pub owner: Option<String>,
    /// Where it was taken, innermost first.
    pub acquired_stack: Vec<Frame>,
    /// Where Python code took it, innermost first; absent where its frames do not show that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquired_python_stack: Option<Vec<PythonFrame>>,
    /// Where it was made; null where that was not seen.
    #[serde(default)]
    pub created_stack: Option<Vec<Frame>>,
    /// Whether the child makes it anew before it needs it; such a lock cannot hang the child.
    #[serde(default)]
    pub made_anew: bool,
    /// The threads blocked on it.
    pub waiters: Vec<i32>,
}

impl Lock {
    /// Whether it is a lock of Python's that passes no hook, by its name (`Vault.door of bank.vault`, `bank.door`): nothing else is
    /// known of it.
    pub fn is_known_by_python_alone(&self) -> bool {
        let has_place = |name: &str| name.contains(" of ") || name.contains(" in ");
        let is_variable = |name: &str| name.contains('.') && !name.contains([' ', ':']);
        let is_pythons = |name: &str| has_place(name) || is_variable(name);
        self.kind == LockKind::Mutex && self.acquired_stack.is_empty() && self.name.as_deref().is_some_and(is_pythons)
    }
}

/// A native frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frame {
    /// The address in the process as `0x` hex: a return address, except in the innermost frame of another thread.
    #[cfg_attr(test, schemars(extend("pattern" = "^0x[0-9a-f]+$")))]
    pub ip: String,
    /// The path of the file that contains it; null if there is none.
    pub module: Option<String>,
    /// The distance from the module's load base as `0x` hex.
    #[cfg_attr(test, schemars(extend("pattern" = "^0x[0-9a-f]+$")))]
    pub offset: Option<String>,
    /// The module's GNU build id in hex.
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9a-f]+$")))]
    pub build_id: Option<String>,
    /// The function, demangled.
    pub symbol: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
}

/// A Python frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PythonFrame {
    /// `co_filename`.
    pub file: String,
    /// The line being executed, from 1.
    pub line: u32,
    /// The function's (qualified, where the interpreter knows it) name.
    pub function: String,
}

/// The counts of one process, written when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// Forks seen, of any kind.
    pub forks: u64,
    /// Forks that were held back until no other thread held a lock.
    #[serde(default)]
    pub settled_forks: u64,
    /// Forks that were held back in vain.
    #[serde(default)]
    pub unsettled_forks: u64,
    /// The longest that a settled fork was held back, in microseconds.
    #[serde(default)]
    pub settle_max_us: u64,
    /// How long all forks together were held back, also in vain, in microseconds.
    #[serde(default)]
    pub settle_total_us: u64,
    /// Forks with other threads alive, exec-bound ones not counted.
    pub unsafe_forks: u64,
    /// Forks by callers that do nothing but exec.
    pub exec_bound_forks: u64,
    /// Records written, by kind.
    pub by_kind: std::collections::BTreeMap<String, u64>,
    /// Findings, threads and locks that a rule suppressed.
    pub suppressed: u64,
    /// Repeats of earlier findings, which are only counted.
    pub repeated: u64,
    /// Acquisitions that did not fit into the thread's table.
    pub locks_dropped: u64,
}
