//! Rules of the unwinder that were read before, by address, for all threads.
//!
//! A seqlock: a row's number is odd while it is written, and a reader that finds the number odd or changed does without the row. So
//! a signal handler, a fork or another thread never finds a torn row, and nobody waits.

use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use crate::system::{FromZeros, System, Table};

/// The number of rows, of 64 bytes; unused pages cost nothing. A new row replaces another one in its place.
const ROWS: usize = if cfg!(loom) { 1 } else { 4096 };

/// The first of them, in two pages, which small programs do not go beyond: a fork copies every page that is in use. A row may lie in
/// one of so many of these places, or in one of all.
const FIRST_ROWS: usize = if cfg!(loom) { 1 } else { 128 };
const FIRST_PLACES: usize = if cfg!(loom) { 1 } else { 8 };

/// Rules for the code at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The address of the table entry that they come from.
    pub entry: usize,
    /// Its length.
    pub length: u32,
    /// Its hash: an object may be unloaded, and another take its place.
    pub hash: u64,
    /// The rules, packed.
    pub rules: [u64; 3],
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Place {
    number: AtomicU32,
    length: AtomicU32,
    address: AtomicUsize,
    entry: AtomicUsize,
    hash: AtomicU64,
    rules: [AtomicU64; 3],
}

#[derive(Debug)]
struct Places([Place; ROWS]);

// SAFETY: all of it is atomic integers, for which zero is valid.
#[expect(unsafe_code, reason = "a promise about a zeroed table")]
unsafe impl FromZeros for Places {
    #[cfg(loom)]
    fn zeros() -> Self {
        Self(core::array::from_fn(|_| Place {
            number: AtomicU32::new(0),
            length: AtomicU32::new(0),
            address: AtomicUsize::new(0),
            entry: AtomicUsize::new(0),
            hash: AtomicU64::new(0),
            rules: core::array::from_fn(|_| AtomicU64::new(0)),
        }))
    }
}

/// The rows.
#[derive(Debug)]
pub struct Rows<S>(Table<Places, S>);

impl<S: System> Rows<S> {
    /// None.
    #[cfg(not(loom))]
    pub const fn empty() -> Self {
        Self(Table::not_made())
    }

    /// None.
    #[cfg(loom)]
    pub fn empty() -> Self {
        Self(Table::not_made())
    }

    /// The place of a row: one that has it already, or else the first that has none, or else the last.
    fn place(&self, address: usize) -> Option<&Place> {
        let hash = address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let places = &self.0.get()?.0;
        // Relaxed: what a place has is checked again when it is read or written.
        let is_its = |place: &&Place| {
            place.number.load(Ordering::Relaxed) == 0 || place.address.load(Ordering::Relaxed) == address
        };
        let mut first = (0..FIRST_PLACES).filter_map(|step| places.get((hash + step) % FIRST_ROWS));
        first.find(is_its).or_else(|| places.get(hash % ROWS))
    }

    /// The row for the code at `address`, if it was kept.
    pub fn kept(&self, address: usize) -> Option<Row> {
        self.place(address)?.row(address)
    }

    /// Keeps a row, unless another one is being written in its place.
    pub fn keep(&self, address: usize, row: Row) {
        if let Some(place) = self.place(address) {
            place.keep(address, row);
        }
    }
}

impl Place {
    /// The row, if it is for the code at `address`.
    fn row(&self, address: usize) -> Option<Row> {
        // Acquire: pairs with the Release at the end of `keep`, so what that wrote is seen.
        let number = self.number.load(Ordering::Acquire);
        // Relaxed, down to the fence: the number says whether all of them are of one row.
        if number & 1 != 0 || self.address.load(Ordering::Relaxed) != address {
            return None;
        }
        let row = Row {
            entry: self.entry.load(Ordering::Relaxed),
            length: self.length.load(Ordering::Relaxed),
            hash: self.hash.load(Ordering::Relaxed),
            rules: self.rules.each_ref().map(|rule| rule.load(Ordering::Relaxed)),
        };
        // Acquire: pairs with the Release fence in `keep`. Where one of the loads above saw a later writer's word, the load below
        // sees that writer's odd number, or a later one.
        fence(Ordering::Acquire);
        (self.number.load(Ordering::Relaxed) == number).then_some(row)
    }

    /// Keeps a row, unless another one is being written.
    fn keep(&self, address: usize, row: Row) {
        // Relaxed: the exchange below checks it again.
        let number = self.number.load(Ordering::Relaxed);
        // Acquire: pairs with the Release at the end, so that the words of two writers never mix.
        let begun = number & 1 == 0
            && self
                .number
                .compare_exchange(number, number.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !begun {
            return;
        }
        // Release: pairs with the Acquire fence in `kept`. Relaxed, down to the end: the number guards them.
        fence(Ordering::Release);
        self.address.store(address, Ordering::Relaxed);
        self.entry.store(row.entry, Ordering::Relaxed);
        self.length.store(row.length, Ordering::Relaxed);
        self.hash.store(row.hash, Ordering::Relaxed);
        for (to, from) in self.rules.iter().zip(row.rules) {
            to.store(from, Ordering::Relaxed);
        }
        // Release: pairs with the first Acquire in `kept`.
        self.number.store(number.wrapping_add(2), Ordering::Release);
    }
}

impl<S: System> Default for Rows<S> {
    fn default() -> Self {
        Self::empty()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::sync::atomic::{AtomicBool, Ordering};

    use super::{Row, Rows};
    use crate::system::tests::Kernel;

    static ROWS: Rows<Kernel> = Rows::empty();

    fn row(n: usize) -> Row {
        Row {
            entry: n,
            length: 1,
            hash: n as u64,
            rules: [n as u64; 3],
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
                        ROWS.keep(7 << 12, row(n));
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while seen < 100_000 {
            let Some(found) = ROWS.kept(7 << 12) else { continue };
            assert_eq!(found.rules, [found.hash; 3]);
            assert_eq!(found.entry as u64, found.hash);
            seen += 1;
        }
        STOP.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(ROWS.kept(8 << 12).is_none());
    }

    #[test]
    fn a_few_rows_are_all_kept_in_two_pages_and_more_go_elsewhere() {
        static ROWS: Rows<Kernel> = Rows::empty();
        let addresses = |count: usize| (1..=count).map(|n| n * 0x137);
        let keep = |count| addresses(count).for_each(|address| ROWS.keep(address, row(address)));
        let kept = |count| {
            addresses(count)
                .filter(|&address| ROWS.kept(address) == Some(row(address)))
                .count()
        };
        let beyond = || {
            let places = ROWS.0.get().unwrap().0.iter().skip(super::FIRST_ROWS);
            places.filter(|place| place.number.load(Ordering::Relaxed) != 0).count()
        };
        keep(60);
        keep(60);
        assert_eq!((kept(60), beyond()), (60, 0));
        keep(1000);
        assert!(kept(1000) > 800 && beyond() > 600);
    }
}
