//! The frame size on aarch64, where the frame pointer is set to the stack pointer or some way above it once all is allocated.

/// The distances between frame pointer and stack pointer that this code may produce: from `add x29, sp, #N`, with which `mov x29, sp`
/// is written, too.
pub(crate) fn distances(code: &[u8], _saved: usize) -> Vec<usize> {
    let sets = |code: u32| code & 0xffc0_03ff == 0x9100_03fd;
    let (instructions, _) = code.as_chunks::<4>();
    let code = instructions.iter().map(|bytes| u32::from_le_bytes(*bytes));
    code.filter(|&code| sets(code))
        .map(|code| (code >> 10 & 0xfff) as usize)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::distances;

    #[test]
    fn the_frame_pointer_is_above_the_variables() {
        let code = |instructions: [u32; 3]| instructions.map(u32::to_le_bytes).as_flattened().to_vec();
        // stp x29, x30, [sp, #-32]!; mov x29, sp; str x19, [sp, #16]
        assert_eq!(distances(&code([0xa9be_7bfd, 0x9100_03fd, 0xf900_0bf3]), 0), [0]);
        // sub sp, sp, #64; stp x29, x30, [sp, #48]; add x29, sp, #48
        assert_eq!(distances(&code([0xd101_03ff, 0xa903_7bfd, 0x9100_c3fd]), 0), [48]);
        assert!(distances(&code([0xd503_201f; 3]), 0).is_empty(), "no frame pointer");
    }
}
