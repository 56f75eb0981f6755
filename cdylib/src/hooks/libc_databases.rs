//! The libc functions that read lists of users, groups, services and the like, each under a lock of its own (`nss/getXXent.c`,
//! `getXXent_r.c` and `getXXbyYY.c`): one row for each function, with its region.
//!
//! A list has two locks: one of the function that returns libc's own buffer, and one of those that set, end or read on. What ends a
//! list that was never begun takes none. Netgroups are left out: their functions load the module that reads them.
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::hooks;
use crate::state::libc_regions::{
    GROUP_LIST, GROUP_OF_FILE, HOST_BY_NAME_AND_FAMILY, HOST_LIST, NETWORK_BY_NAME, NETWORK_BY_NUMBER, NETWORK_LIST,
    NEXT_GROUP, NEXT_HOST, NEXT_NETWORK, NEXT_PROGRAM, NEXT_PROTOCOL, NEXT_SERVICE, NEXT_SHADOW, NEXT_USER, PASSWORDS,
    PROGRAM_BY_NAME, PROGRAM_BY_NUMBER, PROGRAM_LIST, PROTOCOL_BY_NAME, PROTOCOL_BY_NUMBER, PROTOCOL_LIST,
    SERVICE_LIST, SHADOW_BY_NAME, SHADOW_LIST, SHADOW_OF_FILE, USER_LIST, USER_OF_FILE,
};
use crate::watch::region::{within, within_at_times};

hooks! {
    /// Goes to the start of the list of users.
    hook setpwent() -> usize, or nothing = |caller, real| within(&USER_LIST, caller, real);
    /// Closes the list of users.
    hook endpwent() -> usize, or nothing = |caller, real| within_at_times(&USER_LIST, caller, real);
    /// Reads on in the list of users.
    hook getpwent() -> usize, or nothing = |caller, real| within(&NEXT_USER, caller, real);
    /// Reads on in the list of users.
    hook getpwent_r(entry, buffer, size, result) -> usize, or nothing = |caller, real| within(&USER_LIST, caller, real);
    /// Goes to the start of the list of groups.
    hook setgrent() -> usize, or nothing = |caller, real| within(&GROUP_LIST, caller, real);
    /// Closes the list of groups.
    hook endgrent() -> usize, or nothing = |caller, real| within_at_times(&GROUP_LIST, caller, real);
    /// Reads on in the list of groups.
    hook getgrent() -> usize, or nothing = |caller, real| within(&NEXT_GROUP, caller, real);
    /// Reads on in the list of groups.
    hook getgrent_r(entry, buffer, size, result) -> usize, or nothing = |caller, real| within(&GROUP_LIST, caller, real);
    /// Goes to the start of the list of shadow passwords.
    hook setspent() -> usize, or nothing = |caller, real| within(&SHADOW_LIST, caller, real);
    /// Closes the list of shadow passwords.
    hook endspent() -> usize, or nothing = |caller, real| within_at_times(&SHADOW_LIST, caller, real);
    /// Reads on in the list of shadow passwords.
    hook getspent() -> usize, or nothing = |caller, real| within(&NEXT_SHADOW, caller, real);
    /// Reads on in the list of shadow passwords.
    hook getspent_r(entry, buffer, size, result) -> usize, or nothing = |caller, real| within(&SHADOW_LIST, caller, real);
    /// Goes to the start of the list of services.
    hook setservent(stay_open) -> usize, or nothing = |caller, real| within(&SERVICE_LIST, caller, real);
    /// Closes the list of services.
    hook endservent() -> usize, or nothing = |caller, real| within_at_times(&SERVICE_LIST, caller, real);
    /// Reads on in the list of services.
    hook getservent() -> usize, or nothing = |caller, real| within(&NEXT_SERVICE, caller, real);
    /// Reads on in the list of services.
    hook getservent_r(entry, buffer, size, result) -> usize, or nothing = |caller, real| within(&SERVICE_LIST, caller, real);
    /// Goes to the start of the list of protocols.
    hook setprotoent(stay_open) -> usize, or nothing = |caller, real| within(&PROTOCOL_LIST, caller, real);
    /// Closes the list of protocols.
    hook endprotoent() -> usize, or nothing = |caller, real| within_at_times(&PROTOCOL_LIST, caller, real);
    /// Reads on in the list of protocols.
    hook getprotoent() -> usize, or nothing = |caller, real| within(&NEXT_PROTOCOL, caller, real);
    /// Reads on in the list of protocols.
    hook getprotoent_r(entry, buffer, size, result) -> usize, or nothing = |caller, real| within(&PROTOCOL_LIST, caller, real);
    /// Goes to the start of the list of hosts.
    hook sethostent(stay_open) -> usize, or nothing = |caller, real| within(&HOST_LIST, caller, real);
    /// Closes the list of hosts.
    hook endhostent() -> usize, or nothing = |caller, real| within_at_times(&HOST_LIST, caller, real);
    /// Reads on in the list of hosts.
    hook gethostent() -> usize, or nothing = |caller, real| within(&NEXT_HOST, caller, real);
    /// Reads on in the list of hosts.
    wide hook gethostent_r(entry, buffer, size, result, error) -> usize, or nothing = |caller, real| within(&HOST_LIST, caller, real);
    /// Goes to the start of the list of networks.
    hook setnetent(stay_open) -> usize, or nothing = |caller, real| within(&NETWORK_LIST, caller, real);
    /// Closes the list of networks.
    hook endnetent() -> usize, or nothing = |caller, real| within_at_times(&NETWORK_LIST, caller, real);
    /// Reads on in the list of networks.
    hook getnetent() -> usize, or nothing = |caller, real| within(&NEXT_NETWORK, caller, real);
    /// Reads on in the list of networks.
    wide hook getnetent_r(entry, buffer, size, result, error) -> usize, or nothing = |caller, real| within(&NETWORK_LIST, caller, real);
    /// Goes to the start of the list of remote programs.
    hook setrpcent(stay_open) -> usize, or nothing = |caller, real| within(&PROGRAM_LIST, caller, real);
    /// Closes the list of remote programs.
    hook endrpcent() -> usize, or nothing = |caller, real| within_at_times(&PROGRAM_LIST, caller, real);
    /// Reads on in the list of remote programs.
    hook getrpcent() -> usize, or nothing = |caller, real| within(&NEXT_PROGRAM, caller, real);
    /// Reads on in the list of remote programs.
    hook getrpcent_r(entry, buffer, size, result) -> usize, or nothing = |caller, real| within(&PROGRAM_LIST, caller, real);
    /// Looks up a user's shadow password.
    hook getspnam(name) -> usize, or nothing = |caller, real| within(&SHADOW_BY_NAME, caller, real);
    /// Looks up a protocol by name.
    hook getprotobyname(name) -> usize, or nothing = |caller, real| within(&PROTOCOL_BY_NAME, caller, real);
    /// Looks up a protocol by number.
    hook getprotobynumber(number) -> usize, or nothing = |caller, real| within(&PROTOCOL_BY_NUMBER, caller, real);
    /// Looks up a network by name.
    hook getnetbyname(name) -> usize, or nothing = |caller, real| within(&NETWORK_BY_NAME, caller, real);
    /// Looks up a network by number.
    hook getnetbyaddr(number, family) -> usize, or nothing = |caller, real| within(&NETWORK_BY_NUMBER, caller, real);
    /// Looks up a remote program by name.
    hook getrpcbyname(name) -> usize, or nothing = |caller, real| within(&PROGRAM_BY_NAME, caller, real);
    /// Looks up a remote program by number.
    hook getrpcbynumber(number) -> usize, or nothing = |caller, real| within(&PROGRAM_BY_NUMBER, caller, real);
    /// Looks up a host by its name, in one family of addresses.
    hook gethostbyname2(name, family) -> usize, or nothing = |caller, real| within(&HOST_BY_NAME_AND_FAMILY, caller, real);
    /// Reads a user from a file.
    hook fgetpwent(file) -> usize, or nothing = |caller, real| within(&USER_OF_FILE, caller, real);
    /// Reads a group from a file.
    hook fgetgrent(file) -> usize, or nothing = |caller, real| within(&GROUP_OF_FILE, caller, real);
    /// Reads a shadow password from a file.
    hook fgetspent(file) -> usize, or nothing = |caller, real| within(&SHADOW_OF_FILE, caller, real);
    /// Locks the file of passwords.
    hook lckpwdf() -> usize, or nothing = |caller, real| within(&PASSWORDS, caller, real);
    /// Unlocks the file of passwords.
    hook ulckpwdf() -> usize, or nothing = |caller, real| within(&PASSWORDS, caller, real);
}
