//! libc locks that pass no hook: the name of each, and how a child avoids it.
//!
//! The text of a record uses the names, the advice uses the rest. The rows follow the library's `state::libc_regions`; a test
//! there checks that each of its locks has one.

/// What is known of one lock.
#[derive(Debug)]
pub struct Words {
    /// Its name in records.
    pub name: &'static str,
    /// Its name in a sentence, without an article.
    pub called: &'static str,
    /// What to do instead in a child.
    pub instead: &'static str,
}

/// One row per lock.
pub const ALL: &[Words] = &[
    Words {
        name: "libc:tz",
        called: "libc's time zone lock",
        // gmtime_r too: glibc converts all times under this lock.
        instead: "Do not format times in the child before exec: localtime, gmtime, mktime, strftime and their _r \
                  forms all take this lock, and so does a logger that writes the time. Format the time before the \
                  fork, or write the seconds from clock_gettime().",
    },
    Words {
        name: "libc:env",
        called: "libc's environment lock",
        instead: "Do not call setenv, putenv, unsetenv or clearenv in the child. Build its environment before the \
                  fork and pass it to execve() or posix_spawn().",
    },
    Words {
        name: "libc:exit",
        called: "libc's exit handler lock",
        instead: "End the child with _exit() (os._exit() in Python), which runs no exit handlers, and do not register \
                  any there (with atexit, or by the first use of a C++ static that has a destructor).",
    },
    Words {
        name: "libc:syslog",
        called: "libc's syslog lock",
        instead: "Do not call syslog, openlog, closelog or setlogmask in the child before exec. Send its messages to \
                  the parent through a pipe, or log in the program that the child executes.",
    },
    Words {
        name: "libc:locale",
        called: "libc's locale lock",
        instead: "Call setlocale and newlocale before the first thread starts, not in the child before exec.",
    },
    Words {
        name: "libc:random",
        called: "libc's random number lock",
        instead: "In the child, use getrandom(), or random_r() with its own state, instead of random(), srandom() and \
                  rand().",
    },
    Words {
        name: "libc:loader",
        called: "the dynamic loader's lock",
        instead: "In the child, do not load libraries, throw C++ exceptions or take backtraces before exec. Load what \
                  the child needs before the fork.",
    },
    Words {
        name: "libc:resolver",
        called: "libc's resolver lock",
        instead: "Look up host names before the fork and pass the addresses to the child, or look them up in the \
                  program that the child executes.",
    },
    Words {
        name: "libc:popen",
        called: "libc's lock of the programs started by popen",
        instead: "In the child, start programs with posix_spawn() instead of popen() and pclose(), or start them before the fork.",
    },
    Words {
        name: "libc:sem_open",
        called: "libc's lock of the semaphores that have names",
        instead: "Call sem_open and sem_close before the fork, not in the child: the child inherits what is open.",
    },
    Words {
        name: "libc:iconv",
        called: "libc's lock of character conversions",
        instead: "Call iconv_open before the fork, and keep what it returns for the child.",
    },
    Words {
        name: "libc:gettext",
        called: "libc's lock of message domains",
        instead: "Call textdomain and bindtextdomain before the first thread starts, not in the child.",
    },
    Words {
        name: "libc:utmp",
        called: "libc's lock of the list of logins",
        instead: "Read or write the list of logins before the fork, or in the program that the child executes.",
    },
    Words {
        name: "libc:aio",
        called: "libc's lock of asynchronous input and output",
        instead: "Do not use aio_read, aio_write and the like in the child before exec: the threads that serve them are not copied, either.",
    },
    Words {
        name: "libc:nss",
        called: "libc's lock for looking up users, groups and services",
        instead: "Look up users, groups and services before the fork and pass the numbers to the child, or use the \
                  functions whose names end in _r (getpwnam_r), which do not take this lock.",
    },
];

/// What is known of the lock with this name in records.
pub fn words(name: &str) -> Option<&'static Words> {
    ALL.iter().find(|words| words.name == name)
}
