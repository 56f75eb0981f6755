//! The text that is copied into every record: an option sets it at first, and the program may change it while it runs.

use lock_api::Mutex;

use super::report_lock::ReportLock;
use crate::config;
use crate::system::allocator;
use crate::system::own_lock::OwnLock;

/// The most bytes of a context that are kept.
const MAX_CONTEXT: usize = 1024;

/// What the program has set; `None` inside `Some` where it was cleared.
static CONTEXT: Mutex<OwnLock, Option<Option<Vec<u8>>>> = Mutex::new(None);

/// The present context.
pub fn get() -> Option<Vec<u8>> {
    match CONTEXT.lock().as_ref() {
        Some(set) => set.clone(),
        None => config::get().context.clone(),
    }
}

/// Sets the context from now on. Requires the report lock, so that no fork copies this lock while it is held.
pub fn set(_proof: &mut ReportLock, text: Option<&[u8]>) {
    let text = text.map(|text| text.get(..MAX_CONTEXT).unwrap_or(text));
    *CONTEXT.lock() = Some(allocator::with_lasting(|| text.map(<[u8]>::to_vec)));
}
