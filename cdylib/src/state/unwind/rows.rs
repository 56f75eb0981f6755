//! Rules that were read before, by address, for all threads: see [`forkwatch_state::rows`].

use forkwatch_process::unwind::Packed;
use forkwatch_state::rows::{self, Rows};

use crate::system::kernel::Kernel;

static ROWS: Rows<Kernel> = Rows::empty();

/// Rules for the code at one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The address of the table entry that they come from, and its length and hash: an object may be unloaded, and another take
    /// its place.
    pub(super) entry: usize,
    pub(super) length: u32,
    pub(super) hash: u64,
    pub(super) rules: Packed,
}

/// The row for the code at `address`, if it was kept.
pub(super) fn kept(address: usize) -> Option<Row> {
    ROWS.kept(address).map(|row| Row {
        entry: row.entry,
        length: row.length,
        hash: row.hash,
        rules: Packed(row.rules),
    })
}

/// Keeps a row. Where another one is being written at its place, it is not kept.
pub(super) fn keep(address: usize, row: Row) {
    let row = rows::Row {
        entry: row.entry,
        length: row.length,
        hash: row.hash,
        rules: row.rules.0,
    };
    ROWS.keep(address, row);
}
