//! The name of a function, as any linker or person may have written it.

use forkwatch_process::demangle::{Nesting, demangle};

/// The stack of the thread that demangles; code that watches over itself needs more of it.
const STACK: usize = if cfg!(feature = "libfuzzer") {
    4 << 20
} else {
    256 << 10
};
/// The part of it that is declared free.
const LEFT: usize = 128 << 10;
/// The longest name that is read from a file.
const MAX_LENGTH: usize = 16 << 10;

pub fn run(input: &[u8]) -> usize {
    let name = input.get(..MAX_LENGTH).unwrap_or(input).to_vec();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let length = thread
        .spawn(move || demangle(&name, Nesting::within(LEFT)).len())
        .expect("a thread")
        .join()
        .expect("a name");
    assert!(length <= 64 << 10, "a name of {length} bytes");
    length
}
