//! Which privilege is missing if the kernel does not show a process.

use std::fs;
use std::io::{self, ErrorKind};

use rustix::process::{geteuid, getuid};

use crate::message::Failure;
use crate::proc::{Process, Status};

/// The message for an error while reading the process.
pub fn missing(process: Process, status: &Status, error: &io::Error) -> Failure {
    let pid = process.0;
    if error.kind() != ErrorKind::PermissionDenied {
        return unreadable(process, error);
    }
    let owner = status
        .user
        .filter(|&user| user != getuid().as_raw() && !geteuid().is_root());
    if let Some(owner) = owner {
        return Failure::cannot(format!(
            "process {pid} belongs to another user (uid {owner}); run forkwatch as that user or as root"
        ));
    }
    // ptrace(2): with 1 only ancestors may trace, which `forkwatch run --watch` is.
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let scope = scope.trim();
    if !matches!(scope, "" | "0") {
        return Failure::cannot(format!(
            "process {pid} may not be inspected: kernel.yama.ptrace_scope is {scope}; run forkwatch as root or with \
             CAP_SYS_PTRACE, or set it to 0 (`sysctl kernel.yama.ptrace_scope=0`)"
        ));
    }
    Failure::cannot(format!(
        "process {pid} may not be inspected: CAP_SYS_PTRACE is missing; run forkwatch as root, in a container started \
         with `--cap-add SYS_PTRACE`"
    ))
}

/// The message for a process that does not exist, or whose files do not.
pub fn unreadable(process: Process, error: &io::Error) -> Failure {
    let pid = process.0;
    // ESRCH: it ended while we were reading.
    let has_gone =
        error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error());
    if has_gone {
        return Failure::cannot(format!("there is no process {pid}; it may have ended"));
    }
    Failure::cannot(format!("process {pid} cannot be read: {error}"))
}
