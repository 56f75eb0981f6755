//! Building, running and judging the test programs.
//!
//! * [`library`]: the finished libforkwatch.so, built once.
//! * [`head`]: what a program's head comment demands.
//! * [`program`]: a program made ready to run.
//! * [`process`]: one run with a deadline.
//! * [`pythons`]: the CPythons that are installed.
//! * [`record_schema`]: a record against the JSON Schema in `docs/`.
//! * [`records`]: the records of a run.
//! * [`judge`]: the records against the head.
//! * [`ways`]: bare, watched and suppressed.

pub mod head;
pub mod judge;
pub mod library;
pub mod process;
pub mod program;
pub mod pythons;
pub mod record_schema;
pub mod records;
pub mod ways;

/// One test a program, named like it, and the list of their names. `Language: name, name;`
macro_rules! programs {
    ($($language:ident: $($name:ident),+;)+) => {
        $($(
            #[test]
            fn $name() {
                $crate::support::ways::three_ways($crate::support::program::Language::$language, stringify!($name));
            }
        )+)+
        /// The programs that have a test here.
        pub const NAMES: &[&str] = &[$($(stringify!($name)),+),+];
    };
}
pub(crate) use programs;
