//! The two stages of starting. Stage one runs at the first call that reaches a hook, which may come from another library's
//! constructor before ours; stage two is our own constructor.
#![expect(unsafe_code, reason = "the auxiliary vector and a thread's default stack size")]

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::ffi::CString;

use forkwatch_process::file::read_whole;
use forkwatch_schema::path::base_name;

use super::fork::handlers;
use super::{report, settle, thread_end, thread_record};
use crate::config::{self, Config, Stacks};
use crate::sink::{output, standard_error};
use crate::state::sandbox;
use crate::state::stack_cache;
use crate::state::thread::Busy;
use crate::system::printable::printable;
use crate::system::{allocator, libc_version, process, python, real, unwinder};

const NOT_YET: u8 = 0;
const RUNNING: u8 = 1;
const READY: u8 = 2;
const OFF: u8 = 3;

/// Each Release store pairs with the Acquire of the exchange that reads it, so that a thread that finds us ready sees what stage
/// one has set up.
static STAGE: AtomicU8 = AtomicU8::new(NOT_YET);
/// With less memory than this at the start, in bytes, the program runs unwatched: a failed allocation would end it.
const MIN_MEMORY: usize = 2 << 20;
/// Relaxed: written by stage one, which comes before stage two.
static IS_OTHER_LIBC: AtomicBool = AtomicBool::new(false);
/// Relaxed: written by stage one; 0 where libc's functions for threads were not there.
static DEFAULT_STACK_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Whether hooks may follow threads now; the first call starts the library. False while it is starting, and for good in a
/// program with raised privileges or without memory, or that the user does not want to be watched.
pub fn stage_one() -> bool {
    match STAGE.compare_exchange(NOT_YET, RUNNING, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        Err(stage) => return stage == READY,
    }
    // SAFETY: the function only reads the auxiliary vector.
    let raised = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if raised || !allocator::has_memory(MIN_MEMORY) {
        STAGE.store(OFF, Ordering::Release);
        return false;
    }
    let config = config::get();
    // Its locks look different.
    let is_other_libc = libc_version::glibc().is_none();
    if is_other_libc {
        IS_OTHER_LIBC.store(true, Ordering::Relaxed);
    }
    if is_other_libc || !is_chosen(config) {
        // Every hook passes straight through.
        sandbox::set_shut(true);
        STAGE.store(OFF, Ordering::Release);
        return false;
    }
    real::find_all();
    stack_cache::configure(match config.stacks {
        Stacks::Full => config.depth,
        Stacks::Caller => 1,
        Stacks::Off => 0,
    });
    process::claim_state();
    find_default_stack_size();
    thread_record::make_key(thread_end::ends);
    handlers::register();
    // Our panics are caught and cost a finding; they must print nothing on the program's standard error.
    std::panic::set_hook(Box::new(|_| {}));
    STAGE.store(READY, Ordering::Release);
    true
}

/// Our constructor, in the first thread, which has a record if it `is_followed`. Reports invalid options.
pub fn stage_two(is_followed: impl FnOnce() -> bool) {
    let is_followed = is_followed();
    if IS_OTHER_LIBC.load(Ordering::Relaxed) && is_chosen(config::get()) && !was_said_by_parent() {
        standard_error::remember();
        output::write_sentence(
            "this program runs unwatched: its C library is not glibc. For a look from outside at children that hang, run it with \
             `forkwatch run --watch`",
        );
    }
    if sandbox::is_shut() {
        return;
    }
    standard_error::remember();
    unwinder::make_ready();
    if is_followed {
        let _busy = Busy::from_here();
        if config::get().python {
            // The loader initialises this library last, and no other thread can change the list of modules yet.
            python::search();
        }
        let milliseconds = config::get().settle;
        if milliseconds != 0 && !settle::set_limit(milliseconds) {
            output::write_sentence(
                "FORKWATCH_SETTLE has no effect: the kernel or a sandbox refuses the call it needs, membarrier(2)",
            );
        }
        report::complaints();
    }
}

/// Whether the parent has this library and another libc, too, and has said so: it may be a shell that starts a thousand programs.
fn was_said_by_parent() -> bool {
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get());
    let maps = CString::new(format!("/proc/{parent}/maps")).ok();
    let maps = maps.and_then(|path| read_whole(&path)).unwrap_or_default();
    let has = |name: &[u8]| maps.windows(name.len()).any(|window| window == name);
    has(b"/libforkwatch.so\n") && !has(b"/libc.so.6\n")
}

/// Whether the user wants this program to be watched.
fn is_chosen(config: &Config) -> bool {
    let name = || printable(&process::program_path());
    config
        .programs
        .as_ref()
        .is_none_or(|programs| programs.include(base_name(&name())))
}

/// The stack size of a thread created without attributes, in bytes.
pub fn default_stack_bytes() -> usize {
    const USUAL: usize = 8 << 20;
    match DEFAULT_STACK_BYTES.load(Ordering::Relaxed) {
        0 => {
            find_default_stack_size();
            match DEFAULT_STACK_BYTES.load(Ordering::Relaxed) {
                0 => USUAL,
                bytes => bytes,
            }
        }
        bytes => bytes,
    }
}

fn find_default_stack_size() {
    let mut bytes = 0;
    // SAFETY: the attributes are initialised before use, and neither function allocates.
    let found = unsafe {
        let mut attributes = core::mem::zeroed();
        libc::pthread_attr_init(&raw mut attributes) == 0
            && libc::pthread_attr_getstacksize(&raw const attributes, &raw mut bytes) == 0
    };
    if found {
        DEFAULT_STACK_BYTES.store(bytes, Ordering::Relaxed);
    }
}
