//! The libc functions that take locks no hook sees: one row for each function, with its region.
//!
//! Some take the lock only for some arguments. `rand` holds it for less time than the hook takes, and `pclose` waits without it: these
//! do not count as holding it. Left out are `dlopen` and `dlclose`, which inspect their caller's address; `timer_create`, whose lock
//! is held for an instant, and which a library that is loaded later may define; and functions that only read (`getenv`, `gettext`).
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::hooks;
use crate::state::libc_regions::{
    ASYNCHRONOUS, CONVERSIONS, ENVIRONMENT, EXIT, EXIT_FUNCTIONS, GROUP_BY_ID, GROUP_BY_NAME, HOST_BY_ADDRESS,
    HOST_BY_NAME, LOADER, LOCALE, LOGINS, MESSAGES, NAMED_SEMAPHORES, NONE, POPEN, RANDOM, RESOLVER, Region,
    SERVICE_BY_NAME, SERVICE_BY_PORT, SYSLOG, TIME_ZONE, USER_BY_ID, USER_BY_NAME,
};
use crate::watch::region::{asking, within};

hooks! {
    /// Reads the time zone.
    hook tzset() -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Gives a time in the time zone.
    hook localtime(time) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Gives a time in the time zone.
    hook localtime_r(time, into) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Gives a time in UTC.
    hook gmtime(time) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Gives a time in UTC.
    hook gmtime_r(time, into) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Writes a time in the time zone.
    hook ctime(time) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Writes a time in the time zone.
    hook ctime_r(time, into) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Makes a time from one in the time zone.
    hook mktime(time) -> usize, or nothing = |caller, real| within(&TIME_ZONE, caller, real);
    /// Writes a time by a format, which may name the time zone.
    hook strftime(into, size, format, time) -> usize, or nothing = |caller, real| within(zone_of(format), caller, real);
    /// Sets a variable of the environment.
    hook setenv(name, value, overwrite) -> usize, or nothing = |caller, real| within(&ENVIRONMENT, caller, real);
    /// Sets a variable of the environment.
    hook putenv(text) -> usize, or nothing = |caller, real| within(&ENVIRONMENT, caller, real);
    /// Removes a variable from the environment.
    hook unsetenv(name) -> usize, or nothing = |caller, real| within(&ENVIRONMENT, caller, real);
    /// Empties the environment.
    hook clearenv() -> usize, or nothing = |caller, real| within(&ENVIRONMENT, caller, real);
    /// Registers a function for the end: `atexit` and destructors of C++.
    hook __cxa_atexit(function, argument, library) -> usize, or nothing = |caller, real| within(&EXIT_FUNCTIONS, caller, real);
    /// Registers a function for the end.
    hook on_exit(function, argument) -> usize, or nothing = |caller, real| within(&EXIT_FUNCTIONS, caller, real);
    /// Runs the functions that are registered for the end, and ends the process.
    hook exit(status) -> usize, or nothing = |caller, real| {
        asking(&EXIT_FUNCTIONS, caller, move || within(&EXIT, caller, real))
    };
    /// Registers a function for `quick_exit`.
    hook __cxa_at_quick_exit(function, library) -> usize, or nothing = |caller, real| within(&EXIT_FUNCTIONS, caller, real);
    /// Writes to the system log.
    hook vsyslog(priority, format, arguments) -> usize, or nothing = |caller, real| within(&SYSLOG, caller, real);
    /// Writes to the system log (`_FORTIFY_SOURCE`).
    hook __vsyslog_chk(priority, flag, format, arguments) -> usize, or nothing = |caller, real| within(&SYSLOG, caller, real);
    /// Opens the system log.
    hook openlog(name, option, facility) -> usize, or nothing = |caller, real| within(&SYSLOG, caller, real);
    /// Closes the system log.
    hook closelog() -> usize, or nothing = |caller, real| within(&SYSLOG, caller, real);
    /// Chooses what reaches the system log.
    hook setlogmask(mask) -> usize, or nothing = |caller, real| within(&SYSLOG, caller, real);
    /// Sets the locale.
    hook setlocale(category, name) -> usize, or nothing = |caller, real| within(&LOCALE, caller, real);
    /// Makes a locale.
    hook newlocale(mask, name, base) -> usize, or nothing = |caller, real| within(&LOCALE, caller, real);
    /// Copies a locale.
    hook duplocale(locale) -> usize, or nothing = |caller, real| within(&LOCALE, caller, real);
    /// Frees a locale.
    hook freelocale(locale) -> usize, or nothing = |caller, real| within(&LOCALE, caller, real);
    /// Gives a random number.
    hook random() -> usize, or nothing = |caller, real| within(&RANDOM, caller, real);
    /// Seeds the random numbers.
    hook srandom(seed) -> usize, or nothing = |caller, real| within(&RANDOM, caller, real);
    /// Gives a random number.
    hook rand() -> usize, or nothing = |caller, real| asking(&RANDOM, caller, real);
    /// Seeds the random numbers.
    hook srand(seed) -> usize, or nothing = |caller, real| asking(&RANDOM, caller, real);
    /// Gives the random numbers a state.
    hook initstate(seed, state, size) -> usize, or nothing = |caller, real| within(&RANDOM, caller, real);
    /// Gives the random numbers a state that they had.
    hook setstate(state) -> usize, or nothing = |caller, real| within(&RANDOM, caller, real);
    /// Starts a program at the other end of a pipe.
    hook popen(command, mode) -> usize, or nothing = |caller, real| within(&POPEN, caller, real);
    /// Closes such a pipe, and waits for the program.
    hook pclose(stream) -> usize, or nothing = |caller, real| asking(&POPEN, caller, real);
    /// Opens a semaphore by its name.
    hook sem_open(name, flags, mode, value) -> usize, or nothing = |caller, real| within(&NAMED_SEMAPHORES, caller, real);
    /// Closes a semaphore that has a name.
    hook sem_close(semaphore) -> usize, or no_such_call = |caller, real| within(&NAMED_SEMAPHORES, caller, real);
    /// Finds a conversion of characters.
    hook iconv_open(to, from) -> usize, or no_such_call = |caller, real| within(&CONVERSIONS, caller, real);
    /// Lets a conversion of characters go.
    hook iconv_close(conversion) -> usize, or no_such_call = |caller, real| within(&CONVERSIONS, caller, real);
    /// Chooses the domain of messages.
    hook textdomain(domain) -> usize, or nothing = |caller, real| within(unless_null(domain, &MESSAGES), caller, real);
    /// Chooses where the messages of a domain lie.
    hook bindtextdomain(domain, folder) -> usize, or nothing
        = |caller, real| within(unless_null(domain, &MESSAGES), caller, real);
    /// Chooses the encoding of the messages of a domain.
    hook bind_textdomain_codeset(domain, codeset) -> usize, or nothing
        = |caller, real| within(unless_null(domain, &MESSAGES), caller, real);
    /// Goes to the start of the list of logins.
    hook setutent() -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Goes to the start of the list of logins.
    hook setutxent() -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Closes the list of logins.
    hook endutent() -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Closes the list of logins.
    hook endutxent() -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Reads on in the list of logins.
    hook getutent() -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Reads on in the list of logins.
    hook getutxent() -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Looks up a login.
    hook getutid(entry) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Looks up a login.
    hook getutxid(entry) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Looks up a login.
    hook getutline(entry) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Looks up a login.
    hook getutxline(entry) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Writes a login.
    hook pututline(entry) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Writes a login.
    hook pututxline(entry) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Chooses the file of logins.
    hook utmpname(path) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Chooses the file of logins.
    hook utmpxname(path) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Reads on in the list of logins.
    hook getutent_r(into, result) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Looks up a login.
    hook getutid_r(entry, into, result) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Looks up a login.
    hook getutline_r(entry, into, result) -> usize, or nothing = |caller, real| within(&LOGINS, caller, real);
    /// Reads the resolver's configuration.
    hook __res_init() -> usize, or nothing = |caller, real| within(&RESOLVER, caller, real);
    /// Reads the resolver's configuration.
    hook __res_ninit(state) -> usize, or nothing = |caller, real| within(&RESOLVER, caller, real);
    /// Begins to read, beside the program.
    later hook aio_read(request) -> usize = |caller, real| within(&ASYNCHRONOUS, caller, real);
    /// Begins to write, beside the program.
    later hook aio_write(request) -> usize = |caller, real| within(&ASYNCHRONOUS, caller, real);
    /// Begins to read, beside the program.
    later hook aio_read64(request) -> usize = |caller, real| within(&ASYNCHRONOUS, caller, real);
    /// Begins to write, beside the program.
    later hook aio_write64(request) -> usize = |caller, real| within(&ASYNCHRONOUS, caller, real);
    /// Shows the loaded objects, one by one.
    hook dl_iterate_phdr(callback, data) -> usize, or nothing = |caller, real| within(&LOADER, caller, real);
    /// Looks up addresses.
    hook getaddrinfo(node, service, hints, results) -> usize, or nothing = |caller, real| within(&RESOLVER, caller, real);
    /// Looks up a host by its name.
    hook gethostbyname(name) -> usize, or nothing = |caller, real| within(&HOST_BY_NAME, caller, real);
    /// Looks up a host by its address.
    hook gethostbyaddr(address, length, family) -> usize, or nothing = |caller, real| within(&HOST_BY_ADDRESS, caller, real);
    /// Looks up a user by name.
    hook getpwnam(name) -> usize, or nothing = |caller, real| within(&USER_BY_NAME, caller, real);
    /// Looks up a user by number.
    hook getpwuid(id) -> usize, or nothing = |caller, real| within(&USER_BY_ID, caller, real);
    /// Looks up a group by name.
    hook getgrnam(name) -> usize, or nothing = |caller, real| within(&GROUP_BY_NAME, caller, real);
    /// Looks up a group by number.
    hook getgrgid(id) -> usize, or nothing = |caller, real| within(&GROUP_BY_ID, caller, real);
    /// Looks up a service by name.
    hook getservbyname(name, protocol) -> usize, or nothing = |caller, real| within(&SERVICE_BY_NAME, caller, real);
    /// Looks up a service by port.
    hook getservbyport(port, protocol) -> usize, or nothing = |caller, real| within(&SERVICE_BY_PORT, caller, real);
}

/// The region, unless the argument is null: then the function only answers.
fn unless_null(argument: usize, region: &'static Region) -> &'static Region {
    if argument == 0 { &NONE } else { region }
}

/// The region of `strftime` with this format; none if the format does not name the time zone.
fn zone_of(format: usize) -> &'static Region {
    // SAFETY: the program passes this string to the real function, which reads it, too.
    let format = unsafe { core::ffi::CStr::from_ptr(format as *const core::ffi::c_char) };
    if format.to_bytes().iter().any(|letter| b"Zzs+".contains(letter)) {
        &TIME_ZONE
    } else {
        &NONE
    }
}
