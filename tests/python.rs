//! Python programs, each under every CPython that is installed and that can show its case.

use crate::support::programs;

programs! {
    Python: unsafe_fork_python_lock, unsafe_fork_pool_logging, unsafe_fork_idle_threads,
            silent_python_alone, silent_python_spawn, silent_python_shared_lock, silent_python_numpy,
            unsafe_fork_named_lock, unsafe_fork_lock_names, unsafe_fork_traced, robust_python_threads;
}
