//! The CPython locks that no hook sees, with their holders' ids.

use forkwatch_process::cpython::Held;

use crate::snapshot::alive::Alive;

/// The locks whose holders are among these threads.
pub fn with_holders(held: &[Held], alive: &[Alive]) -> Vec<(Held, i32)> {
    let holder = |held: &Held| {
        let is_it = |alive: &&Alive| alive.thread.is_some_and(|thread| thread.handle() == held.holder);
        Some((*held, alive.iter().find(is_it)?.tid))
    };
    held.iter().filter_map(holder).collect()
}
