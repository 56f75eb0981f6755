//! What a forked child must report: locks that nobody there will release, waits that nobody will end, threads it makes, what
//! became of it; and waits that end all the same, which it must not report.

use crate::support::programs;

programs! {
    C: possible_deadlock_lock, possible_deadlock_family, orphaned_attempt, orphaned_own_mutex, orphaned_torn_mutex, orphaned_own_rwlock, orphaned_lock_priority, orphaned_lock_priority_robust, orphaned_in_grandchild, orphaned_libc_region, orphaned_libc_call, stuck_condition_destroyed, silent_condition_destroyed, child_made_anew,
       stuck_wait, stuck_timed_loop, child_waits_that_end, thread_after_fork, fork_outcome_exec, fork_outcome_exit, slow_handler, slow_handler_that_ends, handler_hangs, handler_hangs_in_vain, handler_hangs_on_itself,
       stuck_glib_mutex, stuck_child_own_lock_futex, stuck_child_condition_in_use, orphaned_lock_glib_child_setup,
       orphaned_lock_in_signal_handler, silent_child_of_lone_thread, silent_child_signal_wakes, silent_child_timeouts, silent_timed_loop,
       silent_child_has_it_at_once, orphaned_lock_atfork_child, orphaned_lock_unseen_owner, orphaned_libc_in_malloc,
       orphaned_libc_loader, orphaned_libc_time_zone, orphaned_libc_running, stuck_child_unseen_reader, fork_outcome_failed_exec,
       silent_child_forgets, silent_child_joins_lost_thread, silent_child_of_lone_thread_threads, silent_child_own_threads,
       silent_child_owner_ends, orphaned_lock_reader_yields, shared_wakeup_thread, shared_wakeup_libevent, shared_wakeup_libuv, silent_event_loops, shared_fd_lone, silent_child_descriptors;
    Cpp: orphaned_static_guard, stuck_spdlog_queue, shared_wakeup_asio, silent_standard_child_static;
    Rust: stuck_rust_sync, shared_wakeup_tokio;
    Python: possible_deadlock_python, possible_deadlock_exec, silent_python_prediction, child_preexec_lock, stuck_python_wait, stuck_python_timed_loop, stuck_python_own_handler, orphaned_python_own_handler, child_waits_for_signal, stuck_child_python_import, silent_python_child_shared,
            silent_python_child_threads, silent_python_child_timeouts, silent_python_timed_loop, shared_wakeup_asyncio, shared_wakeup_signal,
            shared_wakeup_signal_at_once,
            shared_fd_asyncio, silent_python_channels;
}
