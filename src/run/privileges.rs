//! Whether executing a file raises privileges: the dynamic linker then ignores `LD_PRELOAD`.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, getxattr, statvfs};
use rustix::process::{getegid, geteuid, getuid};
use rustix::thread::no_new_privs;

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const GROUP_EXECUTE: u32 = 0o0010;

/// The largest `security.capability` is 24 bytes (`vfs_ns_cap_data`).
const MAX_CAPABILITIES: usize = 64;

/// What raises privileges when this file is executed by us, in words; `None` if nothing does.
pub fn raised(path: &Path, metadata: &Metadata) -> Option<&'static str> {
    let is_kept_low = no_new_privs().unwrap_or(false)
        || statvfs(path).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOSUID));
    if is_kept_low {
        return None;
    }
    // Only a change counts: `su` run by root stays root, and is loaded like any other program.
    if metadata.mode() & SET_UID != 0 && metadata.uid() != geteuid().as_raw() {
        return Some("set-uid");
    }
    // Without the group's execute bit the flag once meant mandatory locking, and execve(2) ignores it.
    let set_gid = SET_GID | GROUP_EXECUTE;
    if metadata.mode() & set_gid == set_gid && metadata.gid() != getegid().as_raw() {
        return Some("set-gid");
    }
    let mut capabilities = [0; MAX_CAPABILITIES];
    // File capabilities give root nothing new, and capabilities(7) counts that as no raise.
    if !getuid().is_root() && getxattr(path, "security.capability", &mut capabilities[..]).is_ok() {
        return Some("privileged by file capabilities");
    }
    None
}
