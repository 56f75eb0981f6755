//! CPython's structures in memory that is not what it claims to be. The head of an input: the minor version and the thread
//! that reads; then the memory, which begins with the types (`make-cpython-image` writes such memory), followed by that thread's
//! state.

use forkwatch_process::cpython::{Interpreter, Objects, Pages, Target, Thread, Types};
use forkwatch_process::memory::ProcessMemory;

use crate::hostile_memory;

/// Bytes for each type at the start of the memory, and how many there are.
const TYPE_BYTES: usize = 384;
const TYPES: usize = 10;

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
        let interpreter = interpreter(minor, memory.start);
        let state = memory.start + TYPES * TYPE_BYTES;
        let this = Thread { state, handle };
        let look = |pages| Objects::open(&interpreter, ProcessMemory::own(), pages);
        let Some(objects) = look(Pages::for_many_reads) else {
            return 0;
        };
        let lock = memory.start + 0x1000;
        let target = |address, owner| Target { address, owner };
        let view = objects.view(this, true, 16, &[target(lock, handle), target(lock + 64, 0)]);
        assert!(
            view.own.is_none_or(|frames| frames.len() <= 16),
            "more frames than asked for"
        );
        assert!(view.threads.len() <= 1024, "{} threads", view.threads.len());
        let stack = objects.records_of(&objects.frames(state, 64)).unwrap_or_default();
        assert!(stack.len() <= 64, "more frames than asked for");
        let threads = objects.all_threads(memory.start + 0x2000);
        assert!(threads.len() <= 1024, "{} threads", threads.len());
        if let Some(little) = look(Pages::for_few_reads) {
            let _any = (little.place(state, 16), little.parked_for(lock));
        }
        let _any = (objects.name_from(state, lock), objects.holder_of_inherited(state, lock));
        stack.len()
    })
}

/// An interpreter that exists only in the input.
fn interpreter(minor: u32, memory: usize) -> Interpreter {
    let at = |number: usize| memory + number * TYPE_BYTES;
    Interpreter {
        minor,
        types: Types {
            code: at(0),
            text: at(1),
            dict: at(2),
            tuple: at(3),
            list: at(4),
            cell: at(5),
            meta: at(6),
            member: at(7),
            generators: [at(8), at(9)],
        },
        offsets: None,
    }
}
