//! The text of `shared_wakeup` and `shared_fd`: a child uses a descriptor that its parent waits on, or uses too.

use forkwatch_schema::kind;
use forkwatch_schema::record::{Record, SharedDescriptor, Thread};

use super::{HARMS_THE_PARENT, Kind, Why, child};
use crate::advice::child as advice;
use crate::frames;
use crate::page::Page;
use crate::shorten::quoted;

impl Kind for SharedDescriptor {
    /// `forked child (pid 4243) calls write on descriptor 7, an eventfd that thread "loop" of its parent waits on`.
    fn headline(&self, record: &Record) -> String {
        let start = format!(
            "forked child (pid {}) calls {} on descriptor {}",
            record.pid, self.call, self.fd
        );
        let what = in_words(&self.fd_type);
        match (record.kind, self.threads.first()) {
            (kind::Kind::SharedWakeup, Some(thread)) => {
                format!(
                    "{start}, {what} that thread {} of its parent waits on",
                    quoted(&thread.name)
                )
            }
            (kind::Kind::SharedWakeup, None) => format!("{start}, {what} that its parent waits on"),
            _ if self.fd_type == "file" => format!("{start}, {what} that its parent has locked"),
            _ => format!("{start}, {what} that its parent made and still has open"),
        }
    }

    fn facts(&self, page: &mut Page<'_>, record: &Record, _stopped: bool) {
        child::write_call(page, record, &self.call, self.python_stack.as_deref(), &self.stack);
        for thread in &self.threads {
            page.gap();
            write_waiter(page, thread);
        }
    }

    fn why(&self, record: &Record) -> Option<Why> {
        Some(Why::new(HARMS_THE_PARENT, reason(self, record.kind)))
    }

    fn advice(&self, _record: &Record) -> Vec<String> {
        advice::for_descriptor(self)
    }
}

fn write_waiter(page: &mut Page<'_>, thread: &Thread) {
    let call = thread.waiting.as_ref().map_or("a system call", |waiting| &waiting.call);
    let rest = format!("of the parent (tid {}) waits on it in {call}", thread.tid);
    page.heading(&format!("Thread {} ", quoted(&thread.name)), &rest);
    let native = thread.stack.as_deref().unwrap_or_default();
    if !native.is_empty() {
        frames::write(page, 2, thread.python_stack.as_deref(), native);
    }
}

/// What a descriptor is open for.
fn in_words(fd_type: &str) -> &str {
    match fd_type {
        "eventfd" => "an eventfd",
        "epoll" => "an epoll set",
        "timerfd" => "a timer",
        "signalfd" => "a signalfd",
        "pipe" => "a pipe",
        "socket" => "a socket",
        "file" => "a file",
        _ => "something",
    }
}

/// What the parent suffers from.
fn reason(shared: &SharedDescriptor, kind: kind::Kind) -> String {
    let same = "A fork copies the number of a descriptor, and not what it is open for: parent and child have one and the same.";
    let so = match &*shared.fd_type {
        "epoll" => {
            "What the child adds, changes or removes in the set is added, changed or removed for the parent, too: it no longer \
             hears of its own descriptors, or spins because of one that it does not know. Closing the set on exec changes \
             nothing about that."
        }
        "signalfd" => {
            "The signals that the child selects are those that the parent gets from now on; it becomes deaf to others."
        }
        "timerfd" => "What the child sets is the parent's timer, and what it reads is lost to the parent.",
        "file" => {
            "Record locks (fcntl, lockf) belong to the process that took them. The child has none, and writes to a file that its \
             parent believes to have for itself."
        }
        "socket" if kind == kind::Kind::SharedFd => {
            "Both ends of a connection take turns. With two processes at one end, each gets parts of the other's answers, and \
             when one of them says good-bye, the connection ends for both."
        }
        _ if takes(&shared.call) => {
            "What the child reads is gone: the thread of the parent that waits for it does not wake up."
        }
        _ => {
            "What the child writes wakes a thread of the parent that has nothing to do: it spins, or acts on what was not meant \
             for it. The child's own loop, whose thread was not copied, hears nothing."
        }
    };
    format!("{same} {so}")
}

fn takes(call: &str) -> bool {
    call.starts_with("re") || call.ends_with("_read") || call.starts_with("epoll_p") || call == "epoll_wait"
}
