//! What has been found out about types and code, so that it is read once.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The kind of lock that instances of a type are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LockType {
    /// Whether the lock has a libc semaphore; others have a state of their own.
    pub has_semaphore: bool,
    /// Whether its holder may take it again; such a lock records its holder.
    pub is_recursive: bool,
}

/// One attribute that objects have through their class, with its `str` name.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfClass {
    /// Its offset in each object.
    Slot(usize, usize),
    /// All objects share this one.
    Shared(usize, usize),
}

/// A block that a frame is inside: `with`, or another that catches exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// How deep the stack of values is at its end.
    pub depth: usize,
    /// What names its beginning: the handler's offset in bytes up to 3.10, since 3.11 the first unit inside.
    pub mark: usize,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By type: whether its instances are locks.
    pub lock_types: Memo<usize, Option<LockType>>,
    /// By type: whether its instances are modules.
    pub module_types: Memo<usize, bool>,
    /// By type: whether its instances are threads of `threading`.
    pub thread_types: Memo<usize, bool>,
    /// By type: what its instances have by it.
    pub classes: Memo<usize, Rc<[OfClass]>>,
    /// By code and instruction: the blocks around it.
    pub blocks: Memo<(usize, i32), Rc<[Block]>>,
}

/// Answers by question.
#[derive(Debug)]
pub(super) struct Memo<Question, Answer>(RefCell<BTreeMap<Question, Answer>>);

impl<Question, Answer> Default for Memo<Question, Answer> {
    fn default() -> Self {
        Self(RefCell::new(BTreeMap::new()))
    }
}

impl<Question: Ord, Answer: Clone> Memo<Question, Answer> {
    /// The known answer, or a new one. Finding it may ask other questions.
    pub(super) fn get(&self, question: Question, find: impl FnOnce() -> Answer) -> Answer {
        let known = self.0.try_borrow().ok().and_then(|known| known.get(&question).cloned());
        known.unwrap_or_else(|| {
            let found = find();
            if let Ok(mut known) = self.0.try_borrow_mut() {
                known.insert(question, found.clone());
            }
            found
        })
    }
}
