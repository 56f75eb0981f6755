//! Whether a forked child may use a descriptor that it inherited and that its parent still has open.
//!
//! What only wakes an event loop (an eventfd, an epoll set, a timer) is a matter of the process that waits on it. A pipe or a socket
//! may as well be there for parent and child to talk; then the child writes to one end while the parent waits at the other, which
//! looks the same. So for those it counts which thread waits: the thread that forked knows of the child, and another one usually
//! does not.

use crate::system::descriptor::Type;

/// What a child does with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It takes what the parent may wait for.
    Reads,
    /// It gives the parent something to find.
    Writes,
    /// It changes what the descriptor reports.
    Changes,
}

/// Which threads of the parent wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The thread that forked.
    pub forking: bool,
    /// Another.
    pub others: bool,
}

impl Waiting {
    fn any(self) -> bool {
        self.forking || self.others
    }
}

/// What is known about a use of a descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What it is open for.
    pub is: Type,
    /// What the child does.
    pub does: Use,
    /// Which threads wait on this very descriptor.
    pub here: Waiting,
    /// Which threads wait at the other end of the pipe or the pair of sockets.
    pub at_other_end: Waiting,
    /// The parent has connected it to a server.
    pub is_connection: bool,
    /// The parent holds a record lock on the file.
    pub is_locked: bool,
    /// The call comes from code that passes messages between parent and child.
    pub talks: bool,
    /// The call comes from code that wakes an event loop and does nothing else.
    pub wakes: bool,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to report, whatever follows.
    Harmless,
    /// Nothing to report yet: the parent may wait on it later.
    NotYet,
    /// It wakes a thread of the parent, or keeps it from waking.
    Wakeup,
    /// Parent and child both use it.
    Shared,
}

/// Judges a use.
pub fn judge(facts: &Facts) -> Verdict {
    let wakeup_or = |is_wakeup: bool, otherwise| if is_wakeup { Verdict::Wakeup } else { otherwise };
    match (facts.is, facts.does) {
        (Type::File, Use::Writes) if facts.is_locked => Verdict::Shared,
        (Type::File | Type::Other, _) => Verdict::Harmless,
        (Type::Epoll, _) | (Type::Signalfd | Type::Timerfd, Use::Changes) => {
            wakeup_or(facts.here.any(), Verdict::Shared)
        }
        // A child reads its own signals.
        (Type::Signalfd, _) => Verdict::NotYet,
        (Type::Eventfd | Type::Timerfd, Use::Reads) => wakeup_or(facts.here.any(), Verdict::NotYet),
        // The thread that forked may wait for its child.
        (Type::Eventfd | Type::Timerfd, _) => wakeup_or(facts.here.others, Verdict::NotYet),
        (Type::Pipe(_) | Type::Socket(_), _) if facts.talks => Verdict::Harmless,
        (Type::Socket(_), _) if facts.is_connection => wakeup_or(facts.here.others, Verdict::Shared),
        (Type::Pipe(_) | Type::Socket(_), Use::Reads) => wakeup_or(facts.here.others, Verdict::NotYet),
        (Type::Pipe(_) | Type::Socket(_), _) => {
            let there = facts.at_other_end;
            wakeup_or(there.others || there.forking && facts.wakes, Verdict::NotYet)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Use, Verdict, Waiting, judge};
    use crate::system::descriptor::Type;

    const FORKING: Waiting = Waiting {
        forking: true,
        others: false,
    };
    const OTHER: Waiting = Waiting {
        forking: false,
        others: true,
    };
    const NOBODY: Waiting = Waiting {
        forking: false,
        others: false,
    };

    fn facts(is: Type, does: Use, here: Waiting, at_other_end: Waiting) -> Facts {
        Facts {
            is,
            does,
            here,
            at_other_end,
            is_connection: false,
            is_locked: false,
            talks: false,
            wakes: false,
        }
    }

    #[test]
    fn what_only_wakes_belongs_to_those_who_wait() {
        let judged = |is, does, here| judge(&facts(is, does, here, NOBODY));
        assert_eq!(judged(Type::Eventfd, Use::Writes, OTHER), Verdict::Wakeup);
        assert_eq!(judged(Type::Eventfd, Use::Writes, FORKING), Verdict::NotYet);
        assert_eq!(judged(Type::Eventfd, Use::Reads, FORKING), Verdict::Wakeup);
        assert_eq!(judged(Type::Eventfd, Use::Reads, NOBODY), Verdict::NotYet);
        assert_eq!(judged(Type::Epoll, Use::Changes, FORKING), Verdict::Wakeup);
        assert_eq!(judged(Type::Epoll, Use::Changes, NOBODY), Verdict::Shared);
        assert_eq!(judged(Type::Timerfd, Use::Changes, NOBODY), Verdict::Shared);
        assert_eq!(judged(Type::Signalfd, Use::Reads, OTHER), Verdict::NotYet);
    }

    #[test]
    fn pipes_and_sockets_may_be_there_to_talk() {
        let pipe = Type::Pipe(1);
        let written = |at_other_end| facts(pipe, Use::Writes, NOBODY, at_other_end);
        assert_eq!(judge(&written(OTHER)), Verdict::Wakeup);
        assert_eq!(judge(&written(FORKING)), Verdict::NotYet);
        let wakes = Facts {
            wakes: true,
            ..written(FORKING)
        };
        assert_eq!(judge(&wakes), Verdict::Wakeup);
        let talks = Facts {
            talks: true,
            ..written(OTHER)
        };
        assert_eq!(judge(&talks), Verdict::Harmless);
        assert_eq!(judge(&facts(pipe, Use::Reads, OTHER, NOBODY)), Verdict::Wakeup);
        assert_eq!(judge(&facts(pipe, Use::Reads, FORKING, NOBODY)), Verdict::NotYet);
        let connection = Facts {
            is_connection: true,
            ..facts(Type::Socket(1), Use::Writes, FORKING, NOBODY)
        };
        assert_eq!(judge(&connection), Verdict::Shared);
    }

    #[test]
    fn a_file_counts_where_the_parent_has_locked_it() {
        let file = facts(Type::File, Use::Writes, NOBODY, NOBODY);
        assert_eq!(judge(&file), Verdict::Harmless);
        let locked = Facts {
            is_locked: true,
            ..file
        };
        assert_eq!(judge(&locked), Verdict::Shared);
    }
}
