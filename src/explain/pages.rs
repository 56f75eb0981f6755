//! The explanation of each kind beyond its meaning: one row per kind.

use forkwatch_schema::kind::Kind;

/// One row of [`PAGES`].
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The kind.
    pub kind: Kind,
    /// A program that has this fault; none if there is nothing to fix.
    pub program: Option<&'static str>,
    /// How to fix it in each language.
    pub fixes: &'static [(&'static str, &'static str)],
    /// Further reading.
    pub links: &'static [&'static str],
}

const FORK: &str = "https://man7.org/linux/man-pages/man2/fork.2.html";
const ATFORK: &str = "https://man7.org/linux/man-pages/man3/pthread_atfork.3.html";
const SIGNAL_SAFETY: &str = "https://man7.org/linux/man-pages/man7/signal-safety.7.html";
const POSIX_SPAWN: &str = "https://man7.org/linux/man-pages/man3/posix_spawn.3.html";
const CLEANUP: &str = "https://man7.org/linux/man-pages/man3/pthread_cleanup_push.3.html";
const EPOLL: &str = "https://man7.org/linux/man-pages/man7/epoll.7.html";
const EVENTFD: &str = "https://man7.org/linux/man-pages/man2/eventfd.2.html";
const FCNTL_LOCKING: &str = "https://man7.org/linux/man-pages/man2/F_GETLK.2const.html";
const MULTIPROCESSING: &str = "https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods";
const PYTHON_FORK: &str = "https://docs.python.org/3/library/os.html#os.fork";

/// For a lock that the child needs and another thread of its parent takes.
const FOR_A_LOCK: &[(&str, &str)] = &[
    (
        "C, C++",
        "Call exec or _exit in the child before anything needs the lock, or hold the lock across the fork \
         with pthread_atfork() handlers, which for a std::mutex call lock() and unlock().",
    ),
    (
        "Rust",
        "Keep what runs between fork and exec free of locks, allocation and println!.",
    ),
    (
        "Python",
        "Start workers with \"spawn\"; if the fork must stay, replace the lock in \
         os.register_at_fork(after_in_child=...).",
    ),
];

/// Every kind that is written, in the order of the schema.
pub const PAGES: &[Page] = &[
    Page {
        kind: Kind::UnsafeFork,
        program: Some(include_str!("programs/unsafe_fork.py")),
        fixes: &[
            (
                "C, C++",
                "Start other programs with posix_spawn(), or fork before the first thread starts. A library that must \
                 survive a fork takes its locks in a pthread_atfork() prepare handler and releases them in parent and \
                 child.",
            ),
            (
                "Rust",
                "Use std::process::Command without pre_exec; call libc::fork only before the first thread starts.",
            ),
            (
                "Python",
                "Call multiprocessing.set_start_method(\"spawn\") or \"forkserver\" at the start of the program; use \
                 subprocess instead of os.fork() and preexec_fn.",
            ),
        ],
        links: &[FORK, ATFORK, POSIX_SPAWN, MULTIPROCESSING, PYTHON_FORK],
    },
    Page {
        kind: Kind::OrphanedLock,
        program: Some(include_str!("programs/orphaned_lock.c")),
        fixes: FOR_A_LOCK,
        links: &[ATFORK, SIGNAL_SAFETY, MULTIPROCESSING],
    },
    Page {
        kind: Kind::PossibleDeadlock,
        program: Some(include_str!("programs/possible_deadlock.c")),
        fixes: FOR_A_LOCK,
        links: &[ATFORK, SIGNAL_SAFETY, MULTIPROCESSING],
    },
    Page {
        kind: Kind::StuckChild,
        program: Some(include_str!("programs/stuck_child.py")),
        fixes: &[
            (
                "C, C++",
                "In the child, do not wait for something that only a thread of the parent does; start the thread \
                 again in the child, or call exec.",
            ),
            (
                "Rust",
                "Create channels and thread pools again in the new process; a forked copy has no thread at the other \
                 end.",
            ),
            (
                "Python",
                "Create pools, executors and queues after the fork, in the worker's initializer, or start workers \
                 with \"spawn\".",
            ),
        ],
        links: &[FORK, MULTIPROCESSING],
    },
    Page {
        kind: Kind::ThreadAfterFork,
        program: Some(include_str!("programs/thread_after_fork.c")),
        fixes: &[
            (
                "C, C++",
                "Call exec before starting threads, or fork before the parent has any.",
            ),
            (
                "Rust",
                "Start the worker as a separate program with std::process::Command.",
            ),
            (
                "Python",
                "Start processes with \"spawn\" or \"forkserver\" when they use threads themselves.",
            ),
        ],
        links: &[FORK, SIGNAL_SAFETY, MULTIPROCESSING],
    },
    Page {
        kind: Kind::LeakedLock,
        program: Some(include_str!("programs/leaked_lock.c")),
        fixes: &[
            (
                "C",
                "Unlock on every path; use pthread_cleanup_push() where the thread may be cancelled or call \
                 pthread_exit().",
            ),
            ("C++", "Hold locks in std::lock_guard or std::scoped_lock."),
            (
                "Rust",
                "Do not mem::forget a guard; a panicking thread releases its guards.",
            ),
            ("Python", "Use `with lock:` instead of acquire() and release()."),
        ],
        links: &[CLEANUP],
    },
    Page {
        kind: Kind::SharedWakeup,
        program: Some(include_str!("programs/shared_wakeup.c")),
        fixes: &[
            (
                "C, C++",
                "In the child, close the descriptor and make a new one before you use the event loop: event_reinit(), \
                 uv_loop_fork(), ev_loop_fork(), io_context::notify_fork(). GLib has no such function: call exec.",
            ),
            (
                "Rust",
                "Start runtimes (tokio, mio, async-std) in the child after the fork, not before it.",
            ),
            (
                "Python",
                "Make a new event loop in the child, never use or close the parent's there, and call \
                 signal.set_wakeup_fd(-1) first.",
            ),
        ],
        links: &[FORK, EPOLL, EVENTFD],
    },
    Page {
        kind: Kind::SharedFd,
        program: Some(include_str!("programs/shared_fd.py")),
        fixes: &[
            (
                "C, C++, Rust",
                "Open files with record locks and connect to servers in the process that uses them, after the fork.",
            ),
            (
                "Python",
                "Connect in the worker's initializer or in os.register_at_fork(after_in_child=...); with SQLAlchemy call \
                 engine.dispose(close=False) there.",
            ),
        ],
        links: &[FORK, FCNTL_LOCKING],
    },
    Page {
        kind: Kind::GuardedCall,
        program: Some(include_str!("programs/guarded_call.c")),
        fixes: &[
            (
                "C, C++, Rust",
                "Use the library for the first time in the child and never before the fork, or start the child with \
                 posix_spawn().",
            ),
            (
                "Python",
                "Start workers with \"spawn\" or \"forkserver\", and import the library there.",
            ),
            (
                "A library of your own",
                "Name it in --guard, and give it a function that makes it anew in a child, with \"reinit\", \"postfork\" or \
                 \"after_fork\" in its name: once the child has called it, nothing is reported.",
            ),
        ],
        links: &[FORK, POSIX_SPAWN, MULTIPROCESSING],
    },
    Page {
        kind: Kind::UnsafeCall,
        program: Some(include_str!("programs/unsafe_call.c")),
        fixes: &[
            (
                "C, C++",
                "Make strings, paths and argument lists before the fork; in the child call only what signal-safety(7) lists, \
                 then exec or _exit. posix_spawn() does the usual steps itself.",
            ),
            (
                "Rust",
                "Use std::process::Command; in pre_exec neither allocate nor print nor lock.",
            ),
            (
                "Python",
                "No Python code is async-signal-safe: use subprocess without preexec_fn, or start workers with \"spawn\".",
            ),
        ],
        links: &[SIGNAL_SAFETY, FORK, POSIX_SPAWN],
    },
    Page {
        kind: Kind::SlowHandler,
        program: Some(include_str!("programs/slow_handler.c")),
        fixes: &[
            (
                "C, C++",
                "Make the handler passed to pthread_atfork() faster, or start programs with posix_spawn(), which runs \
                 no handlers.",
            ),
            (
                "Rust",
                "std::process::Command runs no handlers where it can use posix_spawn: do not use pre_exec.",
            ),
            (
                "Python",
                "Check which functions were passed to os.register_at_fork(), and by which package.",
            ),
        ],
        links: &[ATFORK, POSIX_SPAWN],
    },
    Page {
        kind: Kind::ForkOutcome,
        program: None,
        fixes: &[],
        links: &[FORK],
    },
    Page {
        kind: Kind::Summary,
        program: None,
        fixes: &[],
        links: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::PAGES;
    use forkwatch_schema::kind::written;

    #[test]
    fn every_kind_has_a_page_and_its_program_is_short() {
        let kinds: Vec<_> = PAGES.iter().map(|page| page.kind).collect();
        let all: Vec<_> = written().map(|row| row.kind).collect();
        assert_eq!(kinds, all);
        for page in PAGES {
            let lines = page.program.map_or(1, |program| program.lines().count());
            assert!((1..=15).contains(&lines), "{:?}: {lines} lines", page.kind);
            assert!(page.links.iter().all(|link| link.starts_with("https://")));
        }
    }
}
