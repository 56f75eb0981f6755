//! The program itself asks for its forks to be held back.

use super::{settle, this_thread};
use crate::system::errno::KeepErrno;

/// From now on, holds forks back for at most this many milliseconds; 0 for not at all. False where that is not possible.
pub fn from_now_on(milliseconds: u32) -> bool {
    let _errno = KeepErrno::save();
    if this_thread::record().is_none() {
        return false;
    }
    let is_possible = settle::set_limit(milliseconds);
    settle::python::arrange();
    is_possible
}
