//! How names of hosts are looked up by a program that is linked statically.

use core::ffi::{CStr, c_char, c_int};

/// The list of `nsswitch.conf` that this is about.
const HOSTS: &CStr = c"hosts";

/// What libc contains itself, since 2.34.
const OWN: &CStr = c"files dns";

unsafe extern "C" {
    /// glibc's, in its header `nss.h`.
    fn __nss_configure_lookup(list: *const c_char, services: *const c_char) -> c_int;
}

/// Looks names up in `/etc/hosts` and asks the servers of `/etc/resolv.conf`, whatever `nsswitch.conf` says.
///
/// The other services are libraries. A static program that loads one also loads the libc that it needs, beside its own and of another
/// version, and may crash.
pub fn use_own_services() {
    // SAFETY: both texts end with a zero byte and live as long as the process.
    let _without_it_names_are_not_found = unsafe { __nss_configure_lookup(HOSTS.as_ptr(), OWN.as_ptr()) };
}
