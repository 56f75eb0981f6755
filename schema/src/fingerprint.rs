//! The value that stays the same for the same bug, across runs, hosts and address-space layouts.
//!
//! It is made from names, build ids and offsets, never from addresses, process ids, times or counts of threads.

use crate::kind::Kind;
use crate::path::base_name;
use crate::record::{Frame, LockKind, Phase, PythonFrame};

/// The native frames that count in addition to Python's: the second may already be the interpreter's loop.
const NATIVE_OF_PYTHON: usize = 1;

/// The fingerprint of an `unsafe_fork`: where it forked, and which kinds of lock others had taken where. The order of the
/// locks and how often each occurs make no difference.
pub fn of_fork(fork_stack: &[Frame], python: Option<&[PythonFrame]>, locks: &[(LockKind, &[Frame])]) -> String {
    let mut hash = Fnv::new();
    hash.word(Kind::UnsafeFork.name());
    hash.place(fork_stack, python);
    let mut parts: Vec<u64> = locks.iter().map(|&(kind, acquired)| lock(kind, acquired)).collect();
    parts.sort_unstable();
    parts.dedup();
    for part in parts {
        hash.bytes(&part.to_le_bytes());
    }
    hash.text()
}

/// The fingerprint of a finding about one lock, such as a `leaked_lock`.
pub fn of_lock(kind: Kind, lock_kind: LockKind, acquired: &[Frame]) -> String {
    let mut hash = Fnv::new();
    hash.word(kind.name());
    hash.bytes(&lock(lock_kind, acquired).to_le_bytes());
    hash.text()
}

/// The fingerprint of an `orphaned_lock`: where the child needs the lock, and where the lost thread took it.
pub fn of_orphan(lock_kind: LockKind, stack: &[Frame], python: Option<&[PythonFrame]>, acquired: &[Frame]) -> String {
    let mut hash = Fnv::new();
    hash.word(Kind::OrphanedLock.name());
    hash.place(stack, python);
    hash.bytes(&lock(lock_kind, acquired).to_le_bytes());
    hash.text()
}

/// The fingerprint of a `slow_handler`.
pub fn of_handler(library: &str, phase: Phase) -> String {
    let mut hash = Fnv::new();
    hash.word(Kind::SlowHandler.name());
    hash.word(base_name(library));
    hash.word(phase.name());
    hash.text()
}

/// The fingerprint of a finding about one call of a child's.
pub fn of_call(kind: Kind, call: &str, stack: &[Frame], python: Option<&[PythonFrame]>) -> String {
    let mut hash = Fnv::new();
    hash.word(kind.name());
    hash.word(call);
    hash.place(stack, python);
    hash.text()
}

/// The fingerprint of a record without a place, such as a `summary`.
pub fn of_kind(kind: Kind) -> String {
    let mut hash = Fnv::new();
    hash.word(kind.name());
    hash.text()
}

/// The contribution of one lock.
fn lock(kind: LockKind, acquired: &[Frame]) -> u64 {
    let mut hash = Fnv::new();
    hash.word(kind.name());
    hash.stack(acquired);
    hash.0
}

/// FNV-1a with 64 bits.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// A word and a mark behind it that no UTF-8 text holds, so that `ab c` and `a bc` differ.
    fn word(&mut self, word: &str) {
        self.bytes(word.as_bytes());
        self.bytes(&[0xff]);
    }

    /// A place in native code and, if there is any, in Python code. Of Python frames, file names and functions count, but not
    /// lines, which every edit moves. Then only the innermost native frame counts, because the interpreter's path to it is the
    /// same from everywhere and changes as the interpreter warms up.
    fn place(&mut self, stack: &[Frame], python: Option<&[PythonFrame]>) {
        let Some(python) = python else {
            self.stack(stack);
            return;
        };
        self.stack(stack.get(..NATIVE_OF_PYTHON).unwrap_or(stack));
        for frame in python {
            self.word(base_name(&frame.file));
            self.word(&frame.function);
        }
    }

    fn stack(&mut self, stack: &[Frame]) {
        let mut last_ip = None;
        for frame in stack {
            // Functions inlined into one another share the address; how many are known depends on the available symbols.
            if last_ip == Some(&frame.ip) {
                continue;
            }
            last_ip = Some(&frame.ip);
            self.frame(frame);
        }
        self.bytes(&[0xfe]);
    }

    fn frame(&mut self, frame: &Frame) {
        match (&frame.module, &frame.offset) {
            (Some(module), Some(offset)) => {
                self.word(base_name(module));
                self.word(frame.build_id.as_deref().unwrap_or_default());
                self.word(offset);
            }
            (Some(module), None) => {
                self.word(base_name(module));
                self.word(frame.symbol.as_deref().unwrap_or_default());
                self.word("?");
            }
            (None, _) => {
                self.word(frame.symbol.as_deref().unwrap_or_default());
                self.word("?");
            }
        }
    }

    fn text(&self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::Kind;
    use crate::record::{Frame, LockKind, Phase, PythonFrame};

    use super::{Fnv, of_call, of_fork, of_handler, of_kind, of_lock, of_orphan};

    fn frame(ip: &str, module: Option<&str>, offset: &str, symbol: Option<&str>) -> Frame {
        Frame {
            ip: ip.into(),
            module: module.map(Into::into),
            offset: module.map(|_| offset.into()),
            build_id: module.map(|_| "abcd".into()),
            symbol: symbol.map(Into::into),
            ..Frame::default()
        }
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Fnv::new();
        assert_eq!(hash.text(), "cbf29ce484222325");
        hash.bytes(b"foobar");
        assert_eq!(hash.text(), "85944171f73967e8");
    }

    /// Baselines and suppressions contain these values: a version that computes others makes them useless.
    #[test]
    fn values_stay_what_they_are() {
        let here = [frame("0x7f01", Some("/usr/lib/libfoo.so"), "0x1000", Some("foo"))];
        let unnamed = [Frame {
            offset: None,
            ..here[0].clone()
        }];
        let python = [PythonFrame {
            file: "/srv/bank.py".into(),
            line: 7,
            function: "put".into(),
        }];
        let locks = [(LockKind::Mutex, &here[..]), (LockKind::RwlockRead, &unnamed[..])];
        let values = [
            of_fork(&here, None, &locks),
            of_fork(&here, Some(&python), &[]),
            of_lock(Kind::LeakedLock, LockKind::Mutex, &here),
            of_orphan(LockKind::Semaphore, &here, Some(&python), &unnamed),
            of_handler("/usr/lib/libgrpc.so.1", Phase::Prepare),
            of_call(Kind::StuckChild, "sem_wait", &here, None),
            of_kind(Kind::Summary),
            of_kind(Kind::ForkOutcome),
        ];
        let known = [
            "82404248619ab8a0",
            "47fd1694d6ebb30c",
            "cd15160bd657d7ec",
            "b87563bf55b41a5b",
            "9b25a3e5afc3b761",
            "a509eacf42e42630",
            "bb87849e22f21004",
            "5effc0e1a0d12a23",
        ];
        assert_eq!(values, known);
    }

    #[test]
    fn addresses_and_folders_make_no_difference() {
        let here = [frame("0x7f0000001000", Some("/usr/lib/libfoo.so"), "0x1000", None)];
        let there = [frame(
            "0x7e0000001000",
            Some("/opt/x/libfoo.so (deleted)"),
            "0x1000",
            Some("foo"),
        )];
        assert_eq!(of_fork(&here, None, &[]), of_fork(&there, None, &[]));
        assert_eq!(of_fork(&here, None, &[]).len(), 16);
        let other = [frame("0x7f0000001000", Some("/usr/lib/libfoo.so"), "0x1008", None)];
        assert_ne!(of_fork(&here, None, &[]), of_fork(&other, None, &[]));
        let mut rebuilt = here.clone();
        rebuilt[0].build_id = Some("ffff".into());
        assert_ne!(of_fork(&here, None, &[]), of_fork(&rebuilt, None, &[]));
    }

    #[test]
    fn inlined_functions_count_once() {
        let plain = [
            frame("0x1", Some("a"), "0x1", None),
            frame("0x2", Some("a"), "0x2", None),
        ];
        let inlined = [
            frame("0x1", Some("a"), "0x1", Some("deep")),
            frame("0x1", Some("a"), "0x1", Some("outer")),
            frame("0x2", Some("a"), "0x2", None),
        ];
        assert_eq!(of_fork(&plain, None, &[]), of_fork(&inlined, None, &[]));
    }

    #[test]
    fn unknown_modules_count_by_symbol() {
        let jit = [frame("0x1", None, "", None)];
        let elsewhere = [frame("0x9", None, "", None)];
        let named = [frame("0x1", None, "", Some("f"))];
        assert_eq!(of_fork(&jit, None, &[]), of_fork(&elsewhere, None, &[]));
        assert_ne!(of_fork(&jit, None, &[]), of_fork(&named, None, &[]));
        assert_ne!(of_fork(&jit, None, &[]), of_fork(&[], None, &[]));
    }

    #[test]
    fn the_order_and_number_of_equal_locks_make_no_difference() {
        let (fork, one, two) = (
            [frame("0x1", Some("a"), "0x1", None)],
            [frame("0x2", Some("a"), "0x2", None)],
            [frame("0x3", Some("a"), "0x3", None)],
        );
        let (a, b) = ((LockKind::Mutex, &one[..]), (LockKind::Mutex, &two[..]));
        assert_eq!(of_fork(&fork, None, &[a, b]), of_fork(&fork, None, &[b, a, b]));
        assert_ne!(of_fork(&fork, None, &[a]), of_fork(&fork, None, &[b]));
        assert_ne!(of_fork(&fork, None, &[a]), of_fork(&fork, None, &[]));
        assert_ne!(
            of_fork(&fork, None, &[a]),
            of_fork(&fork, None, &[(LockKind::RwlockRead, &one[..])])
        );
        assert_ne!(
            of_lock(Kind::LeakedLock, LockKind::Mutex, &one),
            of_lock(Kind::OrphanedLock, LockKind::Mutex, &one)
        );
    }

    /// The same place in a process whose address space is laid out differently, and another place.
    fn here_there_elsewhere() -> [[Frame; 1]; 3] {
        [("0x7f01", "0x1000"), ("0x7e01", "0x1000"), ("0x7f01", "0x2000")]
            .map(|(ip, offset)| [frame(ip, Some("/usr/lib/libfoo.so"), offset, None)])
    }

    #[test]
    fn an_orphan_is_known_by_where_it_was_taken_and_where_the_child_asks() {
        let [here, there, elsewhere] = here_there_elsewhere();
        let known = of_orphan(LockKind::Mutex, &here, None, &here);
        assert_eq!(known, of_orphan(LockKind::Mutex, &there, None, &there));
        let others = [
            of_orphan(LockKind::Mutex, &elsewhere, None, &here),
            of_orphan(LockKind::Mutex, &here, None, &elsewhere),
            of_orphan(LockKind::Mutex, &here, None, &[]),
            of_orphan(LockKind::Mutex, &[], None, &here),
            of_orphan(LockKind::Libc, &here, None, &here),
            of_lock(Kind::OrphanedLock, LockKind::Mutex, &here),
        ];
        assert!(others.iter().all(|other| *other != known), "{known} {others:?}");
        assert_ne!(others[0], others[1]);
    }

    #[test]
    fn a_call_is_known_by_its_name_and_place() {
        let [here, there, elsewhere] = here_there_elsewhere();
        let known = of_call(Kind::StuckChild, "sem_wait", &here, None);
        assert_eq!(known, of_call(Kind::StuckChild, "sem_wait", &there, None));
        for other in [
            of_call(Kind::StuckChild, "sem_wait", &elsewhere, None),
            of_call(Kind::StuckChild, "pthread_cond_wait", &here, None),
            of_call(Kind::UnsafeCall, "sem_wait", &here, None),
        ] {
            assert_ne!(known, other);
        }
    }

    #[test]
    fn a_handler_is_known_by_its_librarys_name_and_its_phase() {
        let known = of_handler("/usr/lib/libgrpc.so.1", Phase::Prepare);
        assert_eq!(known, of_handler("/opt/libgrpc.so.1 (deleted)", Phase::Prepare));
        assert_ne!(known, of_handler("/usr/lib/libgrpc.so.2", Phase::Prepare));
        assert_ne!(known, of_handler("/usr/lib/libgrpc.so.1", Phase::Child));
    }

    #[test]
    fn of_python_its_functions_count_and_one_native_frame() {
        let python = |function: &str, line| PythonFrame {
            file: "/srv/bank.py".into(),
            line,
            function: function.into(),
        };
        let wait = frame("0x1", Some("python3"), "0x1", None);
        let (cold, warm) = (
            frame("0x2", Some("python3"), "0x2", None),
            frame("0x3", Some("python3"), "0x3", None),
        );
        let of = |native: &[_], python: &[_]| of_call(Kind::StuckChild, "sem_wait", native, Some(python));
        let known = of(&[wait.clone(), cold.clone()], &[python("put", 7)]);
        assert_eq!(known, of(&[wait.clone(), warm], &[python("put", 8)]));
        assert_ne!(known, of(&[wait, cold.clone()], &[python("get", 7)]));
        assert_ne!(known, of(&[cold], &[python("put", 7)]));
    }
}
