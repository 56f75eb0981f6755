//! Functions of libc behind locks that pass no hook: one row a function, with its region.
//!
//! `strftime` asks for the time zone only where its format does. Left out: `dlopen` and `dlclose`, which look at who calls them;
//! what only reads (`getenv`, `gettext`); and `rand`, whose lock is held for less time than the hook takes.
#![expect(unsafe_code, reason = "hooks are C functions")]

use super::hand_over;
use crate::state::libc_regions::{
    ENVIRONMENT, EXIT, EXIT_FUNCTIONS, GROUP_BY_ID, GROUP_BY_NAME, HOST_BY_ADDRESS, HOST_BY_NAME, LOADER, LOCALE, NONE,
    RANDOM, RESOLVER, Region, SERVICE_BY_NAME, SERVICE_BY_PORT, SYSLOG, TIME_ZONE, USER_BY_ID, USER_BY_NAME,
};
use crate::watch::region;

/// Defines hooks with up to four arguments that return a machine word or less.
macro_rules! region_hooks {
    ($(hook $name:ident($($argument:ident),*) in $region:expr;)+) => {
        $(
            const _: () = {
                use core::ffi::c_void;

                use $crate::state::stack_cache::Caller;
                use $crate::system::real::Real;

                static REAL: Real = $crate::hooks::real_place!($name);

                /// The body behind the naked entry.
                extern "C-unwind" fn body(
                    $($argument: usize,)*
                    return_address: usize,
                    stack_pointer: usize,
                ) -> usize {
                    let real = REAL.address();
                    if real.is_null() {
                        return 0;
                    }
                    // SAFETY: the address is that of the function of this name, whose arguments are all machine words or
                    // smaller, and passed on as they came.
                    let real = unsafe {
                        core::mem::transmute::<
                            *mut c_void,
                            unsafe extern "C-unwind" fn($($crate::hooks::word!($argument)),*) -> usize,
                        >(real)
                    };
                    let caller = Caller { return_address, stack_pointer, function: &stringify!($name) };
                    region::within(&$region, caller, || {
                        // SAFETY: the program made this very call.
                        unsafe { real($($argument),*) }
                    })
                }

                #[unsafe(naked)]
                #[unsafe(no_mangle)]
                unsafe extern "C-unwind" fn $name() {
                    core::arch::naked_asm!(
                        hand_over!($($argument),*),
                        "jmp {body}",
                        body = sym body,
                    )
                }
            };
        )+
    };
}

region_hooks! {
    hook tzset() in TIME_ZONE;
    hook localtime(time) in TIME_ZONE;
    hook localtime_r(time, into) in TIME_ZONE;
    hook gmtime(time) in TIME_ZONE;
    hook gmtime_r(time, into) in TIME_ZONE;
    hook ctime(time) in TIME_ZONE;
    hook ctime_r(time, into) in TIME_ZONE;
    hook mktime(time) in TIME_ZONE;
    hook strftime(into, size, format, time) in *zone_of(format);
    hook setenv(name, value, overwrite) in ENVIRONMENT;
    hook putenv(text) in ENVIRONMENT;
    hook unsetenv(name) in ENVIRONMENT;
    hook clearenv() in ENVIRONMENT;
    hook __cxa_atexit(function, argument, library) in EXIT_FUNCTIONS;
    hook on_exit(function, argument) in EXIT_FUNCTIONS;
    hook exit(status) in EXIT;
    hook vsyslog(priority, format, arguments) in SYSLOG;
    hook __vsyslog_chk(priority, flag, format, arguments) in SYSLOG;
    hook openlog(name, option, facility) in SYSLOG;
    hook closelog() in SYSLOG;
    hook setlogmask(mask) in SYSLOG;
    hook setlocale(category, name) in LOCALE;
    hook newlocale(mask, name, base) in LOCALE;
    hook duplocale(locale) in LOCALE;
    hook freelocale(locale) in LOCALE;
    hook random() in RANDOM;
    hook srandom(seed) in RANDOM;
    hook initstate(seed, state, size) in RANDOM;
    hook setstate(state) in RANDOM;
    hook dl_iterate_phdr(callback, data) in LOADER;
    hook getaddrinfo(node, service, hints, results) in RESOLVER;
    hook gethostbyname(name) in HOST_BY_NAME;
    hook gethostbyaddr(address, length, family) in HOST_BY_ADDRESS;
    hook getpwnam(name) in USER_BY_NAME;
    hook getpwuid(id) in USER_BY_ID;
    hook getgrnam(name) in GROUP_BY_NAME;
    hook getgrgid(id) in GROUP_BY_ID;
    hook getservbyname(name, protocol) in SERVICE_BY_NAME;
    hook getservbyport(port, protocol) in SERVICE_BY_PORT;
}

/// The region of `strftime` with this format, which may not name the time zone.
fn zone_of(format: usize) -> &'static Region {
    // SAFETY: the program passes this string to the real function, which reads it, too.
    let format = unsafe { core::ffi::CStr::from_ptr(format as *const core::ffi::c_char) };
    if format.to_bytes().iter().any(|letter| b"Zzs+".contains(letter)) {
        &TIME_ZONE
    } else {
        &NONE
    }
}
