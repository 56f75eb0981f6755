use core::cell::Cell;
use std::hint::black_box;

use super::{Frame, MAX_STEPS, OwnStack};

/// The return addresses from the caller of this function outwards.
#[inline(never)]
fn walked() -> Vec<usize> {
    let mut frame = Frame::of_this_function();
    let mut stack = OwnStack::above(frame.stack_pointer(), true);
    let (mut object, mut found) = (None, Vec::new());
    while found.len() < MAX_STEPS {
        let Ok(caller) = frame.caller(&mut object, &mut stack) else {
            break;
        };
        found.push(caller.address());
        frame = caller;
    }
    found
}

/// As `walked`, by the system's own unwinder, which trusts the tables as they do here.
#[inline(never)]
fn by_libgcc() -> Vec<usize> {
    let mut found = Vec::new();
    backtrace::trace(|frame| {
        found.push(frame.ip().addr());
        true
    });
    found
}

/// Both walks without what stands above the frame that calls this one.
#[inline(never)]
fn both() -> [Vec<usize>; 2] {
    let (ours, theirs) = (walked(), by_libgcc());
    // The last return address, 0, is the other's word for the end.
    let common = |one: &[usize], other: &[usize]| {
        let from_the_end = |frames: &[usize]| {
            frames
                .iter()
                .rev()
                .copied()
                .filter(|&frame| frame != 0)
                .collect::<Vec<_>>()
        };
        let (one, other) = (from_the_end(one), from_the_end(other));
        one.iter().zip(&other).take_while(|(one, other)| one == other).count()
    };
    // Two frames differ by where this function calls from, and what is within.
    let same = common(&ours, &theirs);
    assert_eq!(same, ours.len() - 1, "{ours:x?} {theirs:x?}");
    [ours, theirs]
}

#[inline(never)]
fn dive(depth: usize, bytes: usize) -> usize {
    let block = vec![1_u8; bytes];
    let found = if depth == 0 {
        both()[0].len()
    } else {
        dive(depth - 1, bytes * 2)
    };
    found + usize::from(black_box(block)[0]) - 1
}

#[test]
fn the_walk_is_that_of_the_systems_unwinder() {
    let here = walked().len();
    assert_eq!(dive(20, 1), here + 22);
    // Once more, by the rows that were kept.
    assert_eq!(dive(20, 1), here + 22);
}

#[test]
fn a_walk_goes_from_a_handler_to_what_was_interrupted() {
    thread_local!(static FOUND: Cell<usize> = const { Cell::new(0) });
    extern "C" fn handler(_: core::ffi::c_int) {
        FOUND.set(both()[0].len());
    }
    let here = walked().len();
    // SAFETY: the handler allocates, but interrupts nothing else than `raise`.
    unsafe {
        libc::signal(libc::SIGUSR2, handler as *const () as libc::sighandler_t);
        libc::raise(libc::SIGUSR2);
    }
    // `both` and the handler, the kernel's frame, and one to three functions of libc's.
    assert!((here + 3..here + 7).contains(&FOUND.get()), "{} {here}", FOUND.get());
}

#[test]
fn only_the_stack_itself_is_read_without_the_kernel() {
    use forkwatch_process::unwind::Words;
    let words = [1_usize, 2, 3];
    let address = words.as_ptr().addr();
    let mut none = OwnStack::above(address, false);
    assert_eq!((none.word(address), none.may_end_at(address + 8)), (None, false));
    let mut any = OwnStack::above(address, true);
    assert_eq!(
        [
            any.word(address),
            any.word(address + 8),
            any.word(address + 4),
            any.word(16)
        ],
        [Some(1), Some(2), None, None]
    );
}
