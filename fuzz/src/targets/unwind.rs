//! A module in memory, with its unwind tables, and a stack that leads through it. The head of an input: where the
//! program counter and the stack pointer point, and an offset into the module's file.

use std::rc::Rc;

use forkwatch_process::blocked_stack::Unwinder;
use forkwatch_process::memory::ProcessMemory;
use forkwatch_process::modules::Modules;
use forkwatch_process::resolver::{Naming, Resolver};

use crate::hostile_memory;

/// The most frames to read.
const FRAMES: usize = 64;

pub fn run(input: &[u8]) -> usize {
    let Some((head, image)) = input.split_first_chunk::<8>() else {
        return 0;
    };
    let [counter, stack] = [[head[0], head[1]], [head[2], head[3]]].map(|bytes| usize::from(u16::from_le_bytes(bytes)));
    hostile_memory::with(image, |memory| {
        let text = format!("{:x}-{:x} r-xp 00000000 00:00 0 [vdso]\n", memory.start, memory.end);
        let modules = || Modules::from_text(text.as_bytes(), ProcessMemory::own());
        let mut unwinder = Unwinder::new(Rc::new(modules()));
        let frames = unwinder.stack(memory.start + counter, memory.start + stack, FRAMES);
        assert!(frames.len() <= FRAMES, "{} frames", frames.len());
        let mut resolver = Resolver::with_modules(Naming::Full, modules());
        resolver.learn([&frames[..]]);
        let named = resolver.frames(&frames, true);
        // A program counter alone is not a stack.
        named.len().saturating_sub(1)
    })
}
