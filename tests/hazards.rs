//! What must be reported: locks held and threads alive at a fork, locks that their thread took to its end.

use crate::support::programs;

programs! {
    C: unsafe_fork_mutex, unsafe_fork_heap_lock, unsafe_fork_named_global, unsafe_fork_rwlock, unsafe_fork_spinlock, unsafe_fork_unknown_python, unsafe_fork_semaphore, unsafe_fork_c11_mutex,
       unsafe_fork_every_acquire, unsafe_fork_recursive_count, unsafe_fork_two_owners, unsafe_fork_lock_freed_by_handler, unsafe_fork_callers_in_turn, unsafe_fork_program_with_gaps, unsafe_fork_deep_stack, unsafe_fork_threads_only, unsafe_fork_leaf_waits,
       unsafe_fork_in_child, unsafe_fork_two_places, unsafe_fork_further_locks, unsafe_fork_many_paths, unsafe_fork_many_threads, unsafe_fork_context, unsafe_fork_strict, unsafe_fork_captured,
       unsafe_fork_embedded_python, unsafe_fork_without_proc, unsafe_fork_loaded_threads,
       leaked_lock_mutex;
    Cpp: unsafe_fork_standard_mutex;
    Rust: unsafe_fork_rust_threads, unsafe_fork_rust_pthread_mutex, unsafe_fork_rust_inline_lock;
}
