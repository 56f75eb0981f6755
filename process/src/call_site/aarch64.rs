//! Calls on aarch64: `bl` to a place, or `blr` to what a register holds.

use super::{Call, Site};
use crate::memory::ProcessMemory;

/// The length of each instruction.
const LENGTH: usize = 4;
const PAGE: usize = 4096;
/// `bl`.
const CALL: u32 = 0x9400_0000;

/// The call before `return_address`, as seen from the function at `function`; `None` where there is no call.
pub fn call_before(memory: ProcessMemory, return_address: usize, function: usize) -> Option<Call> {
    let place = return_address.checked_sub(LENGTH)?;
    let [code] = instructions(memory, place)?;
    if let Some(target) = branch_target(place, code, CALL) {
        let is_direct = leads_to(memory, target, function);
        return Some(if is_direct { Call::Direct } else { Call::Other });
    }
    is_indirect(code).then_some(Call::Indirect)
}

/// The function that the call before `return_address` names, behind a stub in the procedure linkage table; `None` where it names none.
pub fn callee(memory: ProcessMemory, return_address: usize) -> Option<usize> {
    let place = return_address.checked_sub(LENGTH)?;
    let [code] = instructions(memory, place)?;
    callee_of(memory, place, code)
}

fn callee_of(memory: ProcessMemory, place: usize, code: u32) -> Option<usize> {
    let target = branch_target(place, code, CALL)?;
    let behind = slot_of_stub(memory, target).and_then(|slot| memory.word(slot));
    Some(behind.unwrap_or(target))
}

/// The calls in the code of `length` bytes from `start` on.
pub fn sites(memory: ProcessMemory, start: usize, length: usize) -> Vec<Site> {
    let mut code = vec![0; length];
    let read = memory.read_some(start, &mut code);
    let (code, _) = code.get(..read).unwrap_or_default().as_chunks::<LENGTH>();
    let places = (start..).step_by(LENGTH);
    let site = |(place, code): (usize, &[u8; LENGTH])| {
        let code = u32::from_le_bytes(*code);
        let callee = callee_of(memory, place, code);
        (callee.is_some() || is_indirect(code)).then_some(Site {
            returns_to: place.wrapping_add(LENGTH),
            callee,
        })
    };
    places.zip(code).filter_map(site).collect()
}

/// Where the branch at `place` leads, if its kind is `kind`: `b` or `bl`, with the distance in its lower 26 bits.
fn branch_target(place: usize, code: u32, kind: u32) -> Option<usize> {
    const KIND: u32 = 0xfc00_0000;
    // Upwards and down again, so that the sign is carried on.
    let words = (code << 6).cast_signed() >> 6;
    let distance = isize::try_from(words).ok()? * LENGTH.cast_signed();
    (code & KIND == kind).then(|| place.wrapping_add_signed(distance))
}

/// `blr`, or one of its forms that authenticate the register first.
fn is_indirect(code: u32) -> bool {
    code & 0xffff_fc1f == 0xd63f_0000 || code & 0xfeff_f800 == 0xd63f_0800
}

/// Whether a call of `target` ends up in `function`, at once or through a stub in the procedure linkage table.
fn leads_to(memory: ProcessMemory, target: usize, function: usize) -> bool {
    target == function || slot_of_stub(memory, target).is_some_and(|slot| memory.word(slot) == Some(function))
}

/// The slot through which the stub at `target` jumps: `adrp x16, PAGE; ldr x17, [x16, OFFSET]`, perhaps behind a landing pad.
fn slot_of_stub(memory: ProcessMemory, target: usize) -> Option<usize> {
    const LANDING_PAD: u32 = 0xd503_245f;
    let mut place = target;
    let [mut first, mut second, third] = instructions(memory, place)?;
    if first == LANDING_PAD {
        place = place.checked_add(LENGTH)?;
        (first, second) = (second, third);
    }
    if first & 0x9f00_001f != 0x9000_0010 || second & 0xffc0_03ff != 0xf940_0211 {
        return None;
    }
    // The number of pages: two bits at 29, the others from 5 on, with the sign in front.
    let upper = (first << 8).cast_signed() >> 13 & !3;
    let pages = isize::try_from(upper | (first >> 29 & 3).cast_signed()).ok()?;
    let page = (place & !(PAGE - 1)).wrapping_add_signed(pages.wrapping_mul(PAGE.cast_signed()));
    Some(page.wrapping_add((second >> 10 & 0xfff) as usize * size_of::<usize>()))
}

/// The instructions from `place` on.
fn instructions<const N: usize>(memory: ProcessMemory, place: usize) -> Option<[u32; N]> {
    let mut code = [[0; LENGTH]; N];
    let read = place.is_multiple_of(LENGTH) && memory.read(place, code.as_flattened_mut());
    read.then(|| code.map(u32::from_le_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indirect_calls_are_known_by_their_bits() {
        // blr x0; blr x30; blraa x1, x2; blraaz x3
        for code in [0xd63f_0000, 0xd63f_03c0, 0xd73f_0822, 0xd63f_087f] {
            assert!(is_indirect(code), "{code:x}");
        }
        // br x0; ret; nop
        for code in [0xd61f_0000, 0xd65f_03c0, 0xd503_201f] {
            assert!(!is_indirect(code), "{code:x}");
        }
    }

    #[test]
    fn a_direct_call_names_its_target() {
        // bl to three instructions before it
        let code: [u32; 3] = core::hint::black_box([0xd503_201f, 0x97ff_fffd, 0xd503_201f]);
        let returns = code.as_ptr().addr() + 8;
        let memory = ProcessMemory::own();
        assert_eq!(call_before(memory, returns, returns - 16), Some(Call::Direct));
        assert_eq!(call_before(memory, returns, returns - 20), Some(Call::Other));
        assert_eq!(call_before(memory, 64, 64), None);
    }

    #[test]
    fn the_calls_of_a_function_are_found() {
        // nop; bl to two instructions before it; blr x0; ret
        let code: [u32; 4] = core::hint::black_box([0xd503_201f, 0x97ff_fffe, 0xd63f_0000, 0xd65f_03c0]);
        let start = code.as_ptr().addr();
        let site = |returns_to, callee| Site { returns_to, callee };
        let found = sites(ProcessMemory::own(), start, size_of_val(&code));
        assert_eq!(found, [site(start + 8, Some(start - 4)), site(start + 12, None)]);
        assert_eq!(callee(ProcessMemory::own(), start + 8), Some(start - 4));
        assert_eq!(callee(ProcessMemory::own(), start + 12), None);
    }

    #[test]
    fn a_stub_leads_to_what_its_slot_holds() {
        #[repr(align(8))]
        struct Stub([u32; 4]);
        let slot = core::hint::black_box(Box::new(4711_usize));
        let address = &raw const *slot as usize;
        let mut stub = Box::new(Stub([0xd503_245f, 0, 0, 0]));
        let place = &raw const stub.0[1] as usize;
        let pages = (address >> 12).wrapping_sub(place >> 12) as u32;
        stub.0[1] = 0x9000_0010 | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5;
        stub.0[2] = 0xf940_0211 | u32::try_from(address % PAGE / 8).unwrap() << 10;
        let stub = core::hint::black_box(stub);
        let found = slot_of_stub(ProcessMemory::own(), &raw const stub.0[0] as usize);
        // Only a distance of less than four gigabytes can be said.
        assert_eq!(found, Some(address));
        assert!(leads_to(ProcessMemory::own(), &raw const stub.0[0] as usize, 4711));
    }
}
