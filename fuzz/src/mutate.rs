//! Mutations of stored inputs: the same for the same seed on every machine.

use fastrand::Rng;

/// The longest input made.
const MAX_LENGTH: usize = 64 << 10;

/// Boundary numbers, as bytes.
const EDGES: [u64; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 63,
    u64::MAX,
];

/// An input like one or two of the stored ones, with some changes.
pub fn mutated(kept: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.choice(kept).cloned().unwrap_or_default();
    for _ in 0..1 << rng.u32(0..4) {
        change(&mut input, kept, rng);
    }
    input.truncate(MAX_LENGTH);
    input
}

fn change(input: &mut Vec<u8>, kept: &[Vec<u8>], rng: &mut Rng) {
    let at = rng.usize(0..=input.len());
    let rest = input.len() - at;
    let most = 1 << rng.u32(0..10);
    let some = rng.usize(0..=rest.min(most));
    match rng.u32(0..8) {
        0 => drop(input.drain(at..at + some)),
        1 => input.insert(at, rng.u8(..)),
        2 => input.truncate(at),
        // A piece repeated after itself.
        3 => drop(input.splice(at..at, input[at..at + some].to_vec())),
        4 => {
            let edge = rng.choice(EDGES).unwrap_or_default().to_le_bytes();
            let most = 1 << rng.u32(0..4);
            let width = rest.min(most);
            input[at..at + width].copy_from_slice(&edge[..width]);
        }
        // The end of another one.
        5 => {
            let other = rng.choice(kept).map_or(&[][..], Vec::as_slice);
            let from = rng.usize(0..=other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.u32(0..8);
            }
        }
    }
}
