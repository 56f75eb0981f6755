//! Names that replace another library's functions within this library, and that no other library sees.

/// The instructions with which one function goes on in another.
#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    () => {
        "jmp {function}"
    };
}
/// The instructions with which one function goes on in another: a landing pad, and the jump.
#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    () => {
        "hint #34\nb {function}"
    };
}

/// Defines a hidden name that jumps to a function.
macro_rules! hidden {
    ($name:ident = $function:path) => {
        core::arch::global_asm!(
            concat!(".hidden ", stringify!($name)),
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            $crate::system::hidden_name::jump!(),
            function = sym $function,
        );
    };
}

pub(crate) use {hidden, jump};
