//! Functions of the resolver and the name service switch with more arguments than a hot hook hands over.
#![expect(unsafe_code, reason = "hooks are C functions")]

use crate::state::libc_regions::RESOLVER;
use crate::watch::region;

/// Defines hooks with five to eight arguments that return an int.
macro_rules! many_arguments_hooks {
    ($(hook $name:ident($($argument:ident),+) in $region:ident;)+) => {
        $(
            const _: () = {
                use core::ffi::c_void;

                use $crate::system::real::Real;

                static REAL: Real = $crate::hooks::real_place!($name);

                #[unsafe(no_mangle)]
                unsafe extern "C-unwind" fn $name($($argument: usize),+) -> usize {
                    let here = 0_u8;
                    let real = REAL.address();
                    if real.is_null() {
                        return missing();
                    }
                    // SAFETY: the address is that of the function of this name, whose arguments are all machine words or
                    // smaller, and passed on as they came.
                    let real = unsafe {
                        core::mem::transmute::<
                            *mut c_void,
                            unsafe extern "C-unwind" fn($($crate::hooks::word!($argument)),+) -> usize,
                        >(real)
                    };
                    region::within_cold(&$region, stringify!($name), &raw const here as usize, || {
                        // SAFETY: the program made this very call.
                        unsafe { real($($argument),+) }
                    })
                }
            };
        )+
    };
}

many_arguments_hooks! {
    hook getnameinfo(address, length, host, host_size, service, service_size, flags) in RESOLVER;
    hook gethostbyname_r(name, result, buffer, size, found, error) in RESOLVER;
    hook gethostbyname2_r(name, family, result, buffer, size, found, error) in RESOLVER;
    hook gethostbyaddr_r(address, length, family, result, buffer, size, found, error) in RESOLVER;
}

/// What a function that the running libc does not have returns.
fn missing() -> usize {
    libc::ENOSYS as usize
}
