//! What a forked child must tell: locks that nobody there will give back, waits that nobody will end, threads it makes, what
//! became of it; and waits that end all the same, which it must not tell.

use crate::support::programs;

programs! {
    C: orphaned_attempt, orphaned_own_mutex, orphaned_in_grandchild, orphaned_unseen, orphaned_libc_region, child_made_anew,
       stuck_wait, child_waits_that_end, thread_after_fork, fork_outcome_exec, fork_outcome_exit, slow_handler,
       stuck_glib_mutex, stuck_child_own_lock_futex, stuck_child_condition_in_use, orphaned_lock_glib_child_setup,
       orphaned_lock_in_signal_handler, silent_child_of_lone_thread, silent_child_signal_wakes, silent_child_timeouts,
       silent_child_has_it_at_once;
    Cpp: orphaned_static_guard, stuck_spdlog_queue;
    Rust: stuck_rust_sync;
    Python: child_preexec_lock, stuck_python_wait, child_waits_for_signal;
}
