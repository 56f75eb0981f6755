//! What programs in odd states must not notice: their locks unmapped, their descriptors closed, their threads cancelled,
//! their stacks small.

use crate::support::programs;

programs! {
    C: robust_many_paths, robust_waking_threads, robust_many_forks, robust_fork_beside_churn;
    C: robust_every_lock_call, robust_every_wait, robust_every_libc_call, robust_every_process_call;
    C: robust_unmapped_lock, robust_closed_descriptors, robust_fork_in_signal_handler, robust_early_library,
       robust_fork_in_set_context,
       robust_cancelled, robust_many_threads, robust_thread_churn, robust_ended_threads, robust_smaller_stack,
       robust_atfork_starts_thread, robust_concurrent_forks,
       robust_no_way_out, robust_tiny_stack, robust_alternate_stack, robust_long_jump, robust_coroutines,
       robust_deep_recursion, robust_many_held_locks, robust_unloaded_library, robust_main_thread_ended,
       robust_loader_busy, robust_cancelled_fork, robust_cancelled_asynchronously,
       robust_misaligned_stack,
       robust_failed_calls, robust_environment, robust_local_runtime, robust_fork_within_fork, robust_limited_memory, robust_no_memory_at_start,
       robust_wrong_unwind_tables, robust_interrupted_stack_change, robust_foreign_stacks, robust_code_without_tables,
       robust_old_conditions, robust_jump_out_of_fork, robust_raw_threads, robust_refused_calls, robust_refused_forks, robust_killing_filters, robust_child_ends, robust_soak;
    Cpp: robust_every_static_guard, robust_cancelled_unwinds, robust_async_churn, robust_exceptions;
    Rust: robust_rust_churn;
}
