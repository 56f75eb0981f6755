//! CPython's structures, as they lie in a memory that is not what it says. The head of an input: the minor version and the thread
//! that asks; then the memory, which begins with the types (`make-cpython-image` writes such).

use crate::hostile_memory;
use crate::snapshot::python::{self, Target};
use crate::system::python::begin;

pub fn run(input: &[u8]) -> usize {
    let Some((head, image)) = input.split_first_chunk::<16>() else {
        return 0;
    };
    let [minor, thread] = *head.as_chunks::<8>().0 else {
        return 0;
    };
    // From 3.6 on, up to one that is not known yet.
    let minor = 6 + u32::from(minor[0].wrapping_sub(6) % 10);
    let handle = usize::from_le_bytes(thread);
    hostile_memory::with(image, |memory| {
        let _until_it_is_gone = begin(minor, memory.start);
        let lock = memory.start + 0x1000;
        let targets = [
            Target {
                address: lock,
                owner: handle,
            },
            Target {
                address: lock + 64,
                owner: 0,
            },
        ];
        if let Some(view) = python::look(handle, 16, &targets) {
            assert!(
                view.own.is_none_or(|frames| frames.len() <= 16),
                "more frames than asked for"
            );
            assert!(view.threads.len() <= 1024, "{} threads", view.threads.len());
        }
        let stack = python::current_stack(64).unwrap_or_default();
        assert!(stack.len() <= 64, "more frames than asked for");
        let _any = (
            python::held_in_blocks(handle),
            python::place(),
            python::name_from_here(lock),
        );
        let _any = (python::holder_of_inherited(lock), python::waited_for(lock));
        stack.len()
    })
}
