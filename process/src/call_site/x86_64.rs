//! Calls on x86-64: instructions of two to seven bytes.

use super::{Call, Site};
use crate::memory::ProcessMemory;

/// The call before `return_address`, as seen from the function at `function`; `None` where there is no call.
pub fn call_before(memory: ProcessMemory, return_address: usize, function: usize) -> Option<Call> {
    // The longest call has seven bytes, prefixes not counted.
    const MAX_LENGTH: usize = 8;
    let mut code = [0; MAX_LENGTH];
    if !memory.read(return_address.checked_sub(MAX_LENGTH)?, &mut code) {
        return None;
    }
    let last_four = i32::from_ne_bytes(*code.last_chunk()?);
    let relative = return_address.wrapping_add_signed(isize::try_from(last_four).ok()?);
    match code {
        [_, _, _, 0xe8, ..] if leads_to(memory, relative, function) => Some(Call::Direct),
        [_, _, _, 0xe8, ..] if !is_indirect(&code) => Some(Call::Other),
        // Through the global offset table, as compiled with -fno-plt.
        [_, _, 0xff, 0x15, ..] if memory.word(relative) == Some(function) => Some(Call::Direct),
        [_, _, 0xff, 0x15, ..] => Some(Call::Other),
        _ => is_indirect(&code).then_some(Call::Indirect),
    }
}

/// As on other processors; here nobody needs it, because a call leaves its return address on the stack.
pub fn callee(_memory: ProcessMemory, _return_address: usize) -> Option<usize> {
    None
}

/// As [`callee`].
pub fn sites(_memory: ProcessMemory, _start: usize, _length: usize) -> Vec<Site> {
    Vec::new()
}

/// Whether a call of `target` ends up in `function`, at once or through a stub in the procedure linkage table.
fn leads_to(memory: ProcessMemory, target: usize, function: usize) -> bool {
    if target == function {
        return true;
    }
    let mut code = [0; 11];
    if !memory.read(target, &mut code) {
        return false;
    }
    // endbr64 and the bnd prefix may be before the jump.
    let endbr = if code.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]) {
        4
    } else {
        0
    };
    let jump = code.get(endbr..).unwrap_or_default();
    let (jump, prefix) = jump.strip_prefix(&[0xf2]).map_or((jump, 0), |jump| (jump, 1));
    let Some(offset) = jump.strip_prefix(&[0xff, 0x25]).and_then(|offset| offset.first_chunk()) else {
        return false;
    };
    const JUMP_LENGTH: usize = 6;
    let next = target.wrapping_add(endbr + prefix + JUMP_LENGTH);
    let slot = isize::try_from(i32::from_ne_bytes(*offset)).map(|offset| next.wrapping_add_signed(offset));
    slot.is_ok_and(|slot| memory.word(slot) == Some(function))
}

/// Whether `code` ends with `call` through a register or memory (opcode FF /2) in any of its lengths.
fn is_indirect(code: &[u8]) -> bool {
    (2..=7).any(|length| {
        let start = code.len().wrapping_sub(length);
        let Some([0xff, mode, rest @ ..]) = code.get(start..) else {
            return false;
        };
        let (kind, register) = (mode >> 6, mode & 7);
        let base = rest.first().map_or(0, |index| index & 7);
        let expected = match (kind, register) {
            (3, _) => 2,
            (0, 4) if base == 5 => 7,
            (0, 4) => 3,
            (0, 5) => 6,
            (0, _) => 2,
            (1, 4) => 4,
            (1, _) => 3,
            (_, 4) => 7,
            (_, _) => 6,
        };
        (mode >> 3) & 7 == 2 && expected == length
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indirect_calls_are_known_by_their_bytes() {
        let calls: [&[u8]; 8] = [
            &[0x90, 0xff, 0xd0],
            &[0x90, 0x41, 0xff, 0xd4],
            &[0x90, 0xff, 0x10],
            &[0x90, 0xff, 0x50, 0x18],
            &[0x90, 0xff, 0x54, 0x24, 0x08],
            &[0x90, 0xff, 0x14, 0xc1],
            &[0x90, 0xff, 0x90, 1, 2, 0, 0],
            &[0x90, 0xff, 0x94, 0x24, 1, 2, 0, 0],
        ];
        for call in calls {
            assert!(is_indirect(call), "{call:x?}");
        }
        let others: [&[u8]; 4] = [
            &[0x90, 0xff, 0xe0],
            &[0xff, 0xd0, 0x90],
            &[0x48, 0x89, 0xe5],
            &[0xff, 0x50],
        ];
        for other in others {
            assert!(!is_indirect(other), "{other:x?}");
        }
    }

    #[test]
    fn a_direct_call_names_its_target() {
        // Eight bytes before the return address: a call with a displacement of -16.
        let code: [u8; 9] = core::hint::black_box([0x90, 0x90, 0x90, 0xe8, 0xf0, 0xff, 0xff, 0xff, 0x90]);
        let returns = code.as_ptr().addr() + 8;
        let memory = ProcessMemory::own();
        assert_eq!(call_before(memory, returns, returns - 16), Some(Call::Direct));
        assert_eq!(call_before(memory, returns, returns - 32), Some(Call::Other));
        assert_eq!(call_before(memory, 64, 64), None);
    }
}
