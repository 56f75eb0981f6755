//! How much room a function with a frame pointer makes below it: read from the code it begins with.
//!
//! Only `blocked_stack` calls this, where a thread's frame pointer is not known but its stack pointer is.

/// How much code is read.
pub(crate) const LENGTH: usize = 96;

/// The most bytes of local variables that are believed.
const MAX: usize = 1 << 20;

/// The distances between frame pointer and stack pointer that this code may make, the likeliest first. `saved` is how many bytes of
/// saved registers are below the frame pointer: pushed before room is made for variables, or stored among these.
pub(crate) fn distances(code: &[u8], saved: usize) -> Vec<usize> {
    let rooms = rooms(code);
    let first = rooms.first().copied().unwrap_or(0);
    // Room of more than a page is made page by page, where the compiler guards the stack's end.
    let all = rooms.iter().fold(0_usize, |sum, room| sum.saturating_add(*room));
    let mut distances = Vec::new();
    for room in [first, all] {
        for distance in [room.saturating_add(saved), room] {
            if distance <= MAX && !distances.contains(&distance) {
                distances.push(distance);
            }
        }
    }
    distances
}

/// What the instructions `sub $N, %rsp` at the start of a function say.
fn rooms(code: &[u8]) -> Vec<usize> {
    let mut rooms = Vec::new();
    for place in 0..code.len() {
        let room = match code.get(place..) {
            Some([0x48, 0x83, 0xec, room, ..]) => i32::from(room.cast_signed()),
            Some([0x48, 0x81, 0xec, a, b, c, d, ..]) => i32::from_le_bytes([*a, *b, *c, *d]),
            _ => continue,
        };
        rooms.extend(usize::try_from(room).ok().filter(|&room| room > 0));
    }
    rooms
}

#[cfg(test)]
mod tests {
    use super::distances;

    #[test]
    fn room_for_variables_and_saved_registers() {
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
        assert_eq!(distances(&[0x48, 0x83, 0xec, 0x80], 0), [0], "room is not given back");
    }
}
