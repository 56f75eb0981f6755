//! Which locks a frame is in the call to take.
//!
//! A thread may have such a lock already: the interpreter lets other threads run at the end of that very call, and a lock that is
//! handed to the thread which waits for it is taken before that thread has the interpreter lock. No block is entered yet.

use super::called::TAKES;
use super::frame::Frame;
use super::known::Block;
use super::layout::{BlockTable, Blocks, Exit};
use super::object::Objects;
use super::versions;
use super::with_block::UNIT;

/// The most values of a frame that are examined.
const MAX_VALUES: usize = 64;

impl Objects {
    /// The objects of the locks that the frame is in a call to take, by a `with` statement or by hand.
    pub fn being_taken(&self, frame: Frame) -> Vec<usize> {
        let Blocks::Table(blocks) = self.layout.blocks else {
            return Vec::new();
        };
        let mut objects = self.being_entered(frame, blocks).unwrap_or_default();
        objects.extend(self.called_with(frame, blocks).unwrap_or_default());
        objects.retain(|&object| self.lock_in(object).is_some());
        objects.sort_unstable();
        objects.dedup();
        objects
    }

    /// What the frame calls `__enter__` of: the blocks around the next instruction, but not around this one.
    fn being_entered(&self, frame: Frame, table: BlockTable) -> Option<Vec<usize>> {
        let offset = self.offset(frame)?;
        let next = offset.checked_add(i32::try_from(self.length_of_call(frame)?).ok()?)?;
        let around = self.blocks_at(frame.code, offset, table);
        let is_new = |block: &&Block| around.iter().all(|known| known.mark != block.mark);
        let values = self.values(frame)?;
        let object = |block: &Block| match table.exit {
            Exit::Pair => self.exited_at(table.exit, values, block.depth),
            // The object still is where its method will be.
            Exit::Bound => Some(self.referred(self.pages.word(values + block.depth.checked_sub(1)? * 8)?)),
        };
        let entered = self.blocks_at(frame.code, next, table);
        Some(entered.iter().filter(is_new).filter_map(object).collect())
    }

    /// What a frame may be in a call to take, if it names a method that does so: one of its values, what one of them is bound to, and what its
    /// code calls here. At the end of the call, the values are gone.
    fn called_with(&self, frame: Frame, table: BlockTable) -> Option<Vec<usize>> {
        self.length_of_call(frame)?;
        let is_wanted = |name: &str| TAKES.contains(&name);
        let names = self.used_names(frame).into_iter();
        if !names.filter_map(|name| self.text(name)).any(|name| is_wanted(&name)) {
            return None;
        }
        let values = self.values(frame)?;
        let size = usize::try_from(self.pages.int(frame.code + table.stack_size)?).ok()?;
        let slots = (0..size.min(MAX_VALUES)).filter_map(|number| self.pages.word(values + number * 8));
        let objects = slots.map(|word| self.referred(word)).filter(|&object| object != 0);
        let lock = |object| self.bound_method(object, is_wanted).unwrap_or(object);
        let by_name = self.held_locks_from(frame).into_iter();
        let called = by_name.filter(|found| self.is_acquiring(frame, &found.last));
        let called = called.map(|found| self.object_of_lock(found.named.address));
        Some(objects.map(lock).chain(called).collect())
    }

    /// How many bytes the call and its working space take that the frame is in; `None` where it is in none.
    fn length_of_call(&self, frame: Frame) -> Option<usize> {
        let version = versions::of(self.interpreter.minor)?;
        let opcodes = version.opcodes.as_ref()?;
        let [opcode, _] = self.instruction(frame)?;
        let is_call = opcodes
            .call
            .iter()
            .any(|&(first, last)| (first..=last).contains(&opcode));
        if !is_call && version.enters_block != Some(opcode) {
            return None;
        }
        let mut spaces = opcodes.spaces.iter();
        let space = spaces.find(|&&(first, last, _)| (first..=last).contains(&opcode));
        Some((1 + space.map_or(0, |&(.., units)| units)) * UNIT)
    }
}
