//! The generators and coroutines that a frame is in the middle of: they are suspended, and are inside whatever blocks they have
//! entered.

use super::frame::Frame;
use super::layout::{BlockTable, Blocks};
use super::object::Objects;

/// The most variables and values of a frame that are examined.
const MAX_VALUES: usize = 128;
/// The most frames of a thread, with those of generators; and how deep generators may be in one another.
const MAX_FRAMES: usize = 256;
const MAX_DEPTH: usize = 32;

impl Objects {
    /// These frames, and before each the frames of the generators that it is in the middle of: in a `for` loop, in a `with` block
    /// (`contextlib.contextmanager`), through `next`, or as an event loop that runs a coroutine.
    pub fn with_generators(&self, frames: Vec<Frame>) -> Vec<Frame> {
        let mut all = Vec::with_capacity(frames.len());
        for frame in frames {
            self.add_with_generators(frame, MAX_DEPTH, &mut all);
        }
        all
    }

    fn add_with_generators(&self, frame: Frame, deepest: usize, all: &mut Vec<Frame>) {
        if let Some(deeper) = deepest.checked_sub(1).filter(|_| all.len() < MAX_FRAMES) {
            for inner in self.generators_of(frame) {
                if all.iter().all(|known| known.address != inner.address) {
                    self.add_with_generators(inner, deeper, all);
                }
            }
        }
        all.push(frame);
    }

    fn generators_of(&self, frame: Frame) -> Vec<Frame> {
        let count = |place| usize::try_from(self.pages.int(frame.code + place)?).ok();
        let Blocks::Table(blocks) = self.layout.blocks else {
            return Vec::new();
        };
        let (Some(variables), Some(values)) = (count(blocks.variable_count), count(blocks.stack_size)) else {
            return Vec::new();
        };
        let start = frame.address + self.layout.locals;
        // What is above the top of the values is old, and a generator that it names may be gone: its memory then says that
        // it has ended, or is another object's by now.
        let values = (0..variables.saturating_add(values).min(MAX_VALUES)).map_while(|number| {
            let word = self.pages.word(start + number * 8)?;
            Some(self.referred(word))
        });
        let of_blocks = self.entered(frame).into_iter().filter_map(|(object, _)| {
            let attributes = self.attributes(object);
            self.value(&attributes, "gen")
        });
        let mut generators: Vec<usize> = values.filter(|&object| object != 0).chain(of_blocks).collect();
        let types = &self.interpreter.types.generators;
        generators.retain(|&object| self.type_of(object).is_some_and(|of| types.contains(&of)));
        generators.sort_unstable();
        generators.dedup();
        generators
            .into_iter()
            .filter_map(|object| self.suspended(object, blocks))
            .collect()
    }

    /// The frame of a generator that has begun and is not running.
    fn suspended(&self, generator: usize, blocks: BlockTable) -> Option<Frame> {
        let (lowest, highest) = blocks.suspended;
        let state = self.pages.byte(generator + blocks.generator_state)?.cast_signed();
        (lowest..=highest)
            .contains(&state)
            .then(|| self.frame_at(generator + blocks.generator_frame))?
    }
}
