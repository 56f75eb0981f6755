//! What must not be reported: forks that are safe, and locks that are harmless.

use crate::support::programs;

programs! {
    C: silent_single_thread, silent_ended_threads, silent_own_lock, silent_own_semaphore, silent_atfork_mutex, silent_atfork_stops_threads,
       silent_condition_wait, silent_recursive_mutex, silent_signalling_semaphore, silent_process_shared, silent_once,
       silent_flockfile, silent_malloc_busy, silent_reinitialised_mutex, silent_tried_in_handler, silent_handler_left, silent_child_execs,
       silent_prediction, silent_unlocked_at_thread_exit, silent_unlocked_by_another, silent_leaked_by_design, silent_locks_held_at_exit;
    Cpp: silent_standard_condition, silent_left_region;
    Rust: silent_rust_joined;
}
