//! Where a thread took a lock that it holds, as far as its frames still show it.
//!
//! A `with` block that is still open says so for certain: of the lock itself, or of a `threading.Condition` with it. So does a
//! function that calls `acquire` of the lock in one place, and that the thread has not left. A lock taken in any other way has no
//! place here, because a wrong line is worse than none.

use forkwatch_schema::record::PythonFrame;

use super::frame::Frame;
use super::object::Objects;
use super::threads::Thread;

/// The most frames of the thread that are examined.
const MAX_FRAMES: usize = 64;

impl Objects {
    /// The stack in which this thread entered the block of the lock at this address, innermost first; of a recursive lock, the
    /// outermost block.
    pub fn where_taken(&self, thread: Thread, address: usize, depth: usize) -> Option<Vec<PythonFrame>> {
        let frames = self.frames(thread.state, MAX_FRAMES);
        let with_generators = self.with_generators(frames.clone());
        let is_it = |object| self.lock_of_block(object) == Some(address);
        let entered = |(place, &frame): (usize, &Frame)| Some((place, self.line_entered(frame, is_it)?));
        let called = |(place, &frame): (usize, &Frame)| {
            let offset = self.acquired_at(frame, &self.known_as(frame, address)?)?;
            Some((place, self.line_of(frame, offset)?))
        };
        let outermost = || with_generators.iter().enumerate().rev();
        let (place, line) = outermost().find_map(entered).or_else(|| outermost().find_map(called))?;
        let mut from_here = with_generators.get(place..)?.iter();
        let taken = PythonFrame {
            line,
            ..self.record_of(*from_here.next()?)?
        };
        // Generators of the functions further out are not on the way to this one.
        let is_caller = |frame: &&Frame| frames.iter().any(|real| real.address == frame.address);
        let callers = from_here.filter(is_caller).map_while(|&frame| self.record_of(frame));
        Some(core::iter::once(taken).chain(callers).take(depth).collect())
    }

    /// The lock that a `with` block of this object takes.
    fn lock_of_block(&self, object: usize) -> Option<usize> {
        self.lock_in(object).or_else(|| {
            let is_condition = self.type_name(self.type_of(object)?)? == "Condition";
            is_condition.then(|| self.lock_in(self.value(&self.attributes(object), "_lock")?))?
        })
    }
}
