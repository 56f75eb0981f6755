//! What is made once from the options: the rules, and the context that the program may change while it runs.

use std::ffi::CString;

use forkwatch_schema::suppressions::Suppressions;
use lock_api::Mutex;
use once_cell::race::OnceBox;

use super::fork;
use crate::config;
use crate::record::printable::printable;
use crate::system::allocator;
use crate::system::file::read_whole;
use crate::system::own_lock::OwnLock;

/// The most bytes of a context that are kept.
const MAX_CONTEXT: usize = 1024;

struct Setup {
    suppressions: Suppressions,
    complaints: Vec<String>,
}

static SETUP: OnceBox<Setup> = OnceBox::new();
/// What `forkwatch_set_context` set; `None` inside `Some` where it was cleared.
static CONTEXT: Mutex<OwnLock, Option<Option<Vec<u8>>>> = Mutex::new(None);

/// The rules of all suppression files.
pub fn suppressions() -> &'static Suppressions {
    &setup().suppressions
}

/// What was wrong with the options and the files they name, a sentence each.
pub fn complaints() -> impl Iterator<Item = &'static str> {
    config::get()
        .complaints
        .iter()
        .chain(&setup().complaints)
        .map(String::as_str)
}

/// The context of the moment.
pub fn context() -> Option<Vec<u8>> {
    match CONTEXT.lock().as_ref() {
        Some(set) => set.clone(),
        None => config::get().context.clone(),
    }
}

/// Sets the context from now on.
pub fn set_context(text: Option<&[u8]>) {
    let kept = text.map(|text| text.get(..MAX_CONTEXT).unwrap_or(text).to_vec());
    // Held by nobody at any copy, because no fork can be under way in here.
    fork::while_no_fork(|| *CONTEXT.lock() = Some(kept));
}

fn setup() -> &'static Setup {
    let make = || {
        let files = config::get().suppress.iter().map(|path| {
            let content = CString::new(path.clone()).ok().and_then(|path| read_whole(&path));
            (printable(path), content)
        });
        let (suppressions, complaints) = Suppressions::load(files);
        Box::new(Setup {
            suppressions,
            complaints,
        })
    };
    SETUP.get_or_init(|| allocator::with_lasting(make))
}
