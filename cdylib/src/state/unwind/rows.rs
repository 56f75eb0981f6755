//! Rules that were read before, by address, for all threads.
//!
//! A row is written under a number that is odd meanwhile, and a reader whose number was odd or has changed does without the row. So a
//! signal handler, a fork or another thread never finds a torn one, and nobody waits.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use forkwatch_process::unwind::Packed;

use crate::system::region::{FromZeros, Table};

/// So many rows, of 64 bytes; pages that none falls into cost nothing. A row that meets another at its place replaces it.
const ROWS: usize = 4096;

/// Rules for the code at one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Where the tables' entry stands that they come from, and its length and hash: an object may be unloaded, and another take its
    /// place.
    pub(super) entry: usize,
    pub(super) length: u32,
    pub(super) hash: u64,
    pub(super) rules: Packed,
}

#[repr(C, align(64))]
struct Place {
    number: AtomicU32,
    length: AtomicU32,
    address: AtomicUsize,
    entry: AtomicUsize,
    hash: AtomicU64,
    rules: [AtomicU64; 3],
}

struct Rows([Place; ROWS]);

#[expect(unsafe_code, reason = "a promise about a type")]
// SAFETY: all of it is atomic integers, for which zero is valid.
unsafe impl FromZeros for Rows {}

static ROWS_SEEN: Table<Rows> = Table::not_made();

fn place(address: usize) -> Option<&'static Place> {
    let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    ROWS_SEEN.get()?.0.get(hash % ROWS)
}

/// The row for the code at `address`, if it was kept.
pub(super) fn kept(address: usize) -> Option<Row> {
    let place = place(address)?;
    // Acquire: pairs with the Release at the end of `keep`, so what that wrote is seen.
    let number = place.number.load(Ordering::Acquire);
    if number & 1 != 0 || place.address.load(Ordering::Relaxed) != address {
        return None;
    }
    let row = Row {
        entry: place.entry.load(Ordering::Relaxed),
        length: place.length.load(Ordering::Relaxed),
        hash: place.hash.load(Ordering::Relaxed),
        rules: Packed(core::array::from_fn(|word| {
            place.rules.get(word).map_or(0, |rule| rule.load(Ordering::Relaxed))
        })),
    };
    // Acquire: pairs with the Release fence in `keep`. Where one of the loads above saw a later writer's word, the load below
    // sees that writer's odd number, or a later one.
    fence(Ordering::Acquire);
    (place.number.load(Ordering::Relaxed) == number).then_some(row)
}

/// Keeps a row. Where another one is being written at its place, it is not kept.
pub(super) fn keep(address: usize, row: Row) {
    let Some(place) = place(address) else { return };
    let number = place.number.load(Ordering::Relaxed);
    // Acquire: pairs with the Release at the end, so that the words of two writers never mix.
    let begun = number & 1 == 0
        && place
            .number
            .compare_exchange(number, number.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
    if !begun {
        return;
    }
    // Release: pairs with the Acquire fence in `kept`.
    fence(Ordering::Release);
    place.address.store(address, Ordering::Relaxed);
    place.entry.store(row.entry, Ordering::Relaxed);
    place.length.store(row.length, Ordering::Relaxed);
    place.hash.store(row.hash, Ordering::Relaxed);
    for (to, from) in place.rules.iter().zip(row.rules.0) {
        to.store(from, Ordering::Relaxed);
    }
    // Release: pairs with the first Acquire in `kept`.
    place.number.store(number.wrapping_add(2), Ordering::Release);
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicBool, Ordering};

    use super::{Packed, Row, keep, kept};

    fn row(n: usize) -> Row {
        Row {
            entry: n,
            length: 1,
            hash: n as u64,
            rules: Packed([n as u64; 3]),
        }
    }

    #[test]
    fn threads_that_write_one_place_never_show_a_mixed_row() {
        static STOP: AtomicBool = AtomicBool::new(false);
        // Two addresses, as only the key differs.
        let writers: Vec<_> = (1..4_usize)
            .map(|n| {
                std::thread::spawn(move || {
                    while !STOP.load(Ordering::Relaxed) {
                        keep(7 << 12, row(n));
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while seen < 100_000 {
            let Some(found) = kept(7 << 12) else { continue };
            assert_eq!(found.rules.0, [found.hash; 3]);
            assert_eq!(found.entry as u64, found.hash);
            seen += 1;
        }
        STOP.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(kept(8 << 12).is_none());
    }
}
