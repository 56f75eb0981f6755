//! All logs that are followed, by device and inode, and when each was seen last.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Instant;

use super::log::Log;

/// Logs that stay open; of more, those that were written to least recently are opened again when they grow.
const MOST_OPEN: usize = 256;

/// What is known of a device and an inode.
pub type Logs = HashMap<(u64, u64), (Log, Instant)>;

/// Closes what was written to least recently.
pub fn close_some(logs: &mut Logs) {
    let mut open: Vec<&mut Log> = logs
        .values_mut()
        .map(|(log, _)| log)
        .filter(|log| log.file.is_some())
        .collect();
    if open.len() > MOST_OPEN {
        open.sort_by_key(|log| Reverse((log.shape.1, log.shape.2)));
        for log in &mut open[MOST_OPEN..] {
            log.file = None;
        }
    }
}
