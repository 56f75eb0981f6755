//! The frame size on x86-64, where the stack pointer is lowered by `sub` after the frame pointer was set.

/// The most bytes of local variables that are plausible.
const MAX: usize = 1 << 20;

/// The distances between frame pointer and stack pointer that this code may produce, the likeliest first. `saved` is the number of
/// bytes of saved registers below the frame pointer: pushed before the variables are allocated, or stored among them.
pub(crate) fn distances(code: &[u8], saved: usize) -> Vec<usize> {
    let frame_sizes = frame_sizes(code);
    let first = frame_sizes.first().copied().unwrap_or(0);
    // A frame of more than a page is allocated page by page, where the compiler guards the stack's end.
    let all = frame_sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(*size));
    let mut distances = Vec::new();
    for size in [first, all] {
        for distance in [size.saturating_add(saved), size] {
            if distance <= MAX && !distances.contains(&distance) {
                distances.push(distance);
            }
        }
    }
    distances
}

/// The sizes in the instructions `sub $N, %rsp` at the start of a function.
fn frame_sizes(code: &[u8]) -> Vec<usize> {
    let mut frame_sizes = Vec::new();
    for place in 0..code.len() {
        let size = match code.get(place..) {
            Some([0x48, 0x83, 0xec, size, ..]) => i32::from(size.cast_signed()),
            Some([0x48, 0x81, 0xec, a, b, c, d, ..]) => i32::from_le_bytes([*a, *b, *c, *d]),
            _ => continue,
        };
        frame_sizes.extend(usize::try_from(size).ok().filter(|&size| size > 0));
    }
    frame_sizes
}

#[cfg(test)]
mod tests {
    use super::distances;

    #[test]
    fn frames_hold_variables_and_saved_registers() {
        // push %rbp; mov %rsp, %rbp; push %r12; push %rbx; sub $0x810, %rsp
        let pushed = [
            0x55, 0x48, 0x89, 0xe5, 0x41, 0x54, 0x53, 0x48, 0x81, 0xec, 0x10, 0x08, 0, 0,
        ];
        assert_eq!(distances(&pushed, 16), [0x820, 0x810]);
        // push %rbp; mov %rsp, %rbp; sub $0x1000, %rsp; orq $0, (%rsp); sub $0x20, %rsp
        let by_page = [
            0x55, 0x48, 0x89, 0xe5, 0x48, 0x81, 0xec, 0, 0x10, 0, 0, 0x48, 0x83, 0x0c, 0x24, 0, 0x48, 0x83, 0xec, 0x20,
        ];
        assert_eq!(distances(&by_page, 0), [0x1000, 0x1020]);
        assert_eq!(distances(&[0x55, 0x48, 0x89, 0xe5, 0xc3], 8), [8, 0], "no variables");
        assert_eq!(
            distances(&[0x48, 0x83, 0xec, 0x80], 0),
            [0],
            "the frame does not shrink"
        );
    }
}
