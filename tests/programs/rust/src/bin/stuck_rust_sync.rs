//! H9, H13: what the standard library, parking_lot and rayon wait with passes no hook until somebody really waits. A thread of
//! the parent holds it, or would have ended the wait; the child waits for ever, and says so before.
//!
//! expect: unsafe_fork WARN function=fork locks=0
//! expect: stuck_child FATAL call=syscall(SYS_futex) object=futex in=ask same_fork=yes
//! runs: {mutex,rwlock,once,once_lock,condvar,channel,barrier,stdout,environment}
//! runs: {parking_lot_mutex,parking_lot_rwlock,parking_lot_condvar,rayon}

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
use std::thread::Builder;

use forkwatch_test_programs::{Gate, fork_and, idle_for_ever, mode, verdict};

static MUTEX: Mutex<()> = Mutex::new(());
static RWLOCK: RwLock<()> = RwLock::new(());
static ONCE: Once = Once::new();
static ONCE_LOCK: OnceLock<i32> = OnceLock::new();
static CONDVAR: Condvar = Condvar::new();
static BARRIER: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
static PARKING_MUTEX: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
static PARKING_RWLOCK: parking_lot::RwLock<()> = parking_lot::RwLock::new(());
static PARKING_CONDVAR: parking_lot::Condvar = parking_lot::Condvar::new();
static INSIDE: LazyLock<Gate> = LazyLock::new(Gate::new);

thread_local! {
    static STAYS: Cell<bool> = const { Cell::new(false) };
}

/// Stays inside an allocation when reported to: the lock of the environment is held while its variables are collected.
struct Staying;

#[global_allocator]
static ALLOCATOR: Staying = Staying;

// SAFETY: everything is the system's allocator's own work.
unsafe impl GlobalAlloc for Staying {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if STAYS.try_with(Cell::get) == Ok(true) {
            INSIDE.open();
            idle_for_ever();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(piece, layout) }
    }
}

/// In another thread of the parent: takes what the child will want, for ever.
fn keep(mode: &str) -> ! {
    let stay = || {
        INSIDE.open();
        idle_for_ever()
    };
    match mode {
        "mutex" => {
            let _held = MUTEX.lock();
            stay()
        }
        "rwlock" => {
            let _held = RWLOCK.write();
            stay()
        }
        "once" => {
            ONCE.call_once(|| stay());
            unreachable!("it stays")
        }
        "once_lock" => {
            ONCE_LOCK.get_or_init(|| stay());
            unreachable!("it stays")
        }
        "stdout" => {
            let _held = std::io::stdout().lock();
            stay()
        }
        "environment" => {
            STAYS.set(true);
            drop(std::env::vars_os());
            unreachable!("it stays")
        }
        "parking_lot_mutex" => {
            let _held = PARKING_MUTEX.lock();
            stay()
        }
        "parking_lot_rwlock" => {
            let _held = PARKING_RWLOCK.write();
            stay()
        }
        _ => stay(),
    }
}

/// In the child.
#[inline(never)]
fn ask(mode: &str, receiver: &mpsc::Receiver<()>) {
    match mode {
        "mutex" => drop(MUTEX.lock()),
        "rwlock" => drop(RWLOCK.read()),
        "once" => ONCE.call_once(|| {}),
        "once_lock" => assert_eq!(*ONCE_LOCK.get_or_init(|| 7), 7),
        "condvar" => {
            let held = MUTEX.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            drop(CONDVAR.wait(held));
        }
        "channel" => assert!(receiver.recv().is_ok()),
        "barrier" => assert!(BARRIER.wait().is_leader()),
        "stdout" => println!("never"),
        // SAFETY: no other thread exists in the child.
        "environment" => unsafe { std::env::set_var("FORKWATCH_NEVER", "1") },
        "parking_lot_mutex" => drop(PARKING_MUTEX.lock()),
        "parking_lot_rwlock" => drop(PARKING_RWLOCK.read()),
        "parking_lot_condvar" => PARKING_CONDVAR.wait(&mut PARKING_MUTEX.lock()),
        _ => assert_eq!(rayon::join(|| 1, || 2), (1, 2)),
    }
    // The last call is no jump, which would leave no frame of this function.
    black_box(());
}

fn main() {
    let mode: Arc<str> = mode().into();
    LazyLock::force(&INSIDE);
    LazyLock::force(&BARRIER);
    let (sender, receiver) = mpsc::channel::<()>();
    if &*mode == "rayon" {
        // The pool's threads are the parent's.
        assert_eq!(rayon::join(|| 1, || 2), (1, 2));
    }
    let keeps = Arc::clone(&mode);
    let keeper = Builder::new().name("keeper".into()).spawn(move || {
        let _sender = sender;
        keep(&keeps)
    });
    assert!(keeper.is_ok(), "a thread can be started");
    INSIDE.pass();
    let child = fork_and(|| ask(&mode, &receiver));
    std::process::exit(verdict(child));
}
