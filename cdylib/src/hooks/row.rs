//! The macro in which hooks are declared (`hooks/mod.rs` says how), and its parts.

/// Defines hooks: see `hooks/mod.rs`.
macro_rules! hooks {
    () => {};
    (
        #[doc = $doc:literal]
        hook $name:ident($($argument:ident),*) -> $type:ty $(, version $version:literal)? $(, or $absent:ident)?
            = |$caller:pat_param, $real:ident| $body:expr;
        $($rest:tt)*
    ) => {
        const _: () = {
            $crate::hooks::place_of_real!($name, [$($version)?], [$($absent)?]);

            /// What the body calls, so that it needs no check: `at_first` to begin with, and then the real function. Relaxed:
            /// either is a function's address, and publishes no other data.
            static TO_CALL: core::sync::atomic::AtomicPtr<core::ffi::c_void> =
                core::sync::atomic::AtomicPtr::new(at_first as *const () as *mut core::ffi::c_void);

            #[cold]
            unsafe extern "C-unwind" fn at_first($($argument: usize),*) -> $type {
                let address = REAL.address();
                if !REAL.known_address().is_null() {
                    TO_CALL.store(address, core::sync::atomic::Ordering::Relaxed);
                }
                // SAFETY: the address is that of the function of this name, whose arguments are all machine words or smaller,
                // and passed on as they came.
                unsafe { core::mem::transmute::<*mut core::ffi::c_void, Function>(address)($($argument),*) }
            }

            // Relaxed: either of the two addresses is a function's, and publishes no other data.
            $crate::hooks::body_and_entry! {
                #[doc = $doc]
                hook $name($($argument),*) -> $type, calls (TO_CALL.load(core::sync::atomic::Ordering::Relaxed))
                    = |$caller, $real| $body;
            }
        };
        $crate::hooks::hooks! { $($rest)* }
    };
    (
        #[doc = $doc:literal]
        later hook $name:ident($argument:ident) -> $type:ty = |$caller:pat_param, $real:ident| $body:expr;
        $($rest:tt)*
    ) => {
        const _: () = {
            $crate::system::real::real_function!(
                static REAL = $crate::hooks::c_name!($name), $crate::system::next_definition::Scope::Next, None, None
            );

            #[doc = $doc]
            extern "C-unwind" fn body($argument: usize, return_address: usize, stack_pointer: usize) -> $type {
                // The argument points into the calling library, while a tail call may return elsewhere.
                let address = REAL.address_for([$argument, return_address]);
                if address.is_null() {
                    // No definition: answer as a runtime answers its first caller.
                    return 1;
                }
                // SAFETY: the address is that of the function of this name, which takes one pointer.
                let function = unsafe {
                    core::mem::transmute::<*mut core::ffi::c_void, unsafe extern "C-unwind" fn(usize) -> $type>(address)
                };
                let $caller = $crate::state::stack_cache::Caller {
                    return_address,
                    stack_pointer,
                    function: &stringify!($name),
                };
                let $real = move || {
                    // SAFETY: the program made this very call.
                    unsafe { function($argument) }
                };
                $body
            }

            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $name() {
                core::arch::naked_asm!($crate::hooks::hand_over!($argument), body = sym body)
            }
        };
        $crate::hooks::hooks! { $($rest)* }
    };
    (
        #[doc = $doc:literal]
        child hook $name:ident($($argument:ident),*) -> $type:ty $(, or $absent:ident)?
            = |$caller:pat_param, $real:ident| $body:expr;
        $($rest:tt)*
    ) => {
        const _: () = {
            $crate::hooks::place_of_real!($name, [], [$($absent)?]);

            // It was found at the start, so that a child writes nothing here.
            $crate::hooks::body_and_entry! {
                #[doc = $doc]
                hook $name($($argument),*) -> $type, calls (REAL.address()), in ".text.forkwatch_child"
                    = |$caller, $real| $body;
            }
        };
        $crate::hooks::hooks! { $($rest)* }
    };
    (
        #[doc = $doc:literal]
        wide hook $name:ident($($argument:ident),+) -> $type:ty $(, or $absent:ident)?
            = |$caller:pat_param, $real:ident| $body:expr;
        $($rest:tt)*
    ) => {
        const _: () = {
            $crate::hooks::place_of_real!($name, [], [$($absent)?]);

            #[doc = $doc]
            extern "C-unwind" fn body(
                a: usize,
                b: usize,
                c: usize,
                d: usize,
                e: usize,
                f: usize,
                g: usize,
                h: usize,
                return_address: usize,
                stack_pointer: usize,
            ) -> $type {
                let [$($argument,)+ ..] = [a, b, c, d, e, f, g, h, 0];
                // SAFETY: the address is that of the function of this name, whose arguments are all machine words or smaller,
                // and passed on as they came.
                let function = unsafe {
                    core::mem::transmute::<
                        *mut core::ffi::c_void,
                        unsafe extern "C-unwind" fn($($crate::hooks::word!($argument)),+) -> $type,
                    >(REAL.address())
                };
                let $caller = $crate::state::stack_cache::Caller {
                    return_address,
                    stack_pointer,
                    function: &stringify!($name),
                };
                let $real = move || {
                    // SAFETY: the program made this very call.
                    unsafe { function($($argument),+) }
                };
                $body
            }

            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $name() {
                core::arch::naked_asm!($crate::hooks::hand_over_all!(), body = sym body)
            }
        };
        $crate::hooks::hooks! { $($rest)* }
    };
    (
        #[doc = $doc:literal]
        jump hook $name:ident = |$first:pat_param, $second:pat_param| $body:expr;
        $($rest:tt)*
    ) => {
        const _: () = {
            $crate::hooks::place_of_real!($name, [], []);

            #[doc = $doc]
            extern "C" fn before($first: usize, $second: usize) -> usize {
                $body;
                REAL.address() as usize
            }

            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name() {
                core::arch::naked_asm!($crate::hooks::jump_on!(), before = sym before)
            }
        };
        $crate::hooks::hooks! { $($rest)* }
    };
    (
        #[doc = $doc:literal]
        redhook hook $name:ident($($argument:ident: $argument_type:ty),*) -> $type:ty = |$real:ident| $body:expr;
        $($rest:tt)*
    ) => {
        const _: () = {
            redhook::hook! {
                unsafe fn $name($($argument: $argument_type),*) -> $type => watched {
                    let $real = redhook::real!($name);
                    $body
                }
            }

            #[doc = $doc]
            extern "C" fn find_real() {
                use $crate::system::next_definition::{Access, Scope, find};

                // `redhook` looks the function up once, at its first use, and takes for granted that it is there. Another libc has no such
                // function, and nobody calls it.
                if !find(Scope::Next, Access::Direct, $crate::hooks::c_name!($name), None).is_null() {
                    let _found = redhook::real!($name);
                }
            }

            #[used]
            #[unsafe(link_section = ".init_array")]
            static AT_START: extern "C" fn() = find_real;
        };
        $crate::hooks::hooks! { $($rest)* }
    };
    (
        #[doc = $doc:literal]
        entry hook $name:ident;
        $($rest:tt)*
    ) => {
        $crate::hooks::hooks! { $($rest)* }
    };
}

/// The body and the entry of a row with at most four arguments; `calls` gives the address of the real function.
macro_rules! body_and_entry {
    (
        #[doc = $doc:literal]
        hook $name:ident($($argument:ident),*) -> $type:ty, calls ($address:expr) $(, in $section:literal)?
            = |$caller:pat_param, $real:ident| $body:expr;
    ) => {
        type Function = unsafe extern "C-unwind" fn($($crate::hooks::word!($argument)),*) -> $type;

        #[doc = $doc]
        $(#[unsafe(link_section = $section)])?
        extern "C-unwind" fn body($($argument: usize,)* return_address: usize, stack_pointer: usize) -> $type {
            // SAFETY: the address is that of the function of this name, or of one that takes the same and calls it. The arguments
            // are all machine words or smaller, and passed on as they came.
            let function = unsafe { core::mem::transmute::<*mut core::ffi::c_void, Function>($address) };
            let $caller = $crate::state::stack_cache::Caller {
                return_address,
                stack_pointer,
                function: &stringify!($name),
            };
            // By value, so that a body which passes it on keeps nothing on its stack for it.
            let $real = move || {
                // SAFETY: the program made this very call.
                unsafe { function($($argument),*) }
            };
            $body
        }

        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        $(#[unsafe(link_section = $section)])?
        unsafe extern "C-unwind" fn $name() {
            core::arch::naked_asm!($crate::hooks::hand_over!($($argument),*), body = sym body)
        }
    };
}

/// The place of the function behind a row.
macro_rules! place_of_real {
    ($name:ident, [$($version:literal)?], [$($absent:ident)?]) => {
        $crate::system::real::real_function!(
            static REAL = $crate::hooks::c_name!($name),
            $crate::system::next_definition::Scope::Next,
            $crate::hooks::optional!($($crate::hooks::c_text!($version))?),
            Some($crate::hooks::stand_in!($($absent)?))
        );
    };
}

/// The stand-in of a row; without one, for a function that every libc has.
macro_rules! stand_in {
    () => {
        $crate::system::real::no_such_call
    };
    ($absent:ident) => {
        $crate::system::real::$absent
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

/// A name as a C string.
macro_rules! c_name {
    ($name:ident) => {
        $crate::hooks::c_text!(stringify!($name))
    };
}

/// A text as a C string.
macro_rules! c_text {
    ($text:expr) => {
        match core::ffi::CStr::from_bytes_with_nul(concat!($text, "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        }
    };
}

/// The type of an argument: a machine word.
macro_rules! word {
    ($argument:ident) => {
        usize
    };
}

pub(crate) use {body_and_entry, c_name, c_text, hooks, optional, place_of_real, stand_in, word};
