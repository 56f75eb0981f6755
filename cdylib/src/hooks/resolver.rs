//! Functions of the resolver and the name service switch with more arguments than registers.
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::hooks;
use crate::state::libc_regions::RESOLVER;
use crate::watch::region::within;

hooks! {
    /// Looks up the name of an address.
    wide hook getnameinfo(address, length, host, host_size, service, service_size, flags) -> usize, or no_error_number
        = |caller, real| within(&RESOLVER, caller, real);
    /// Looks up a host by its name.
    wide hook gethostbyname_r(name, result, buffer, size, found, error) -> usize, or no_error_number
        = |caller, real| within(&RESOLVER, caller, real);
    /// Looks up a host by its name, in one family of addresses.
    wide hook gethostbyname2_r(name, family, result, buffer, size, found, error) -> usize, or no_error_number
        = |caller, real| within(&RESOLVER, caller, real);
    /// Looks up a host by its address.
    wide hook gethostbyaddr_r(address, length, family, result, buffer, size, found, error) -> usize, or no_error_number
        = |caller, real| within(&RESOLVER, caller, real);
}
