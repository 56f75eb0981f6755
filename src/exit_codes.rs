//! The command's own exit codes. Everything else that it may exit with is the watched program's status.

/// Done.
pub const OK: u8 = 0;

/// `forkwatch report --fail-on`: a finding is as bad as the level given.
pub const FAIL_ON: u8 = 1;

/// Wrong usage: an unknown option, a value that an option does not take, or a path
/// that holds nothing to read.
pub const USAGE: u8 = 2;

/// Under `--strict`, unless `--error-exitcode` says otherwise: the program succeeded, but a finding of `ERROR` or `FATAL`
/// was written somewhere in its process tree. The value is that of ThreadSanitizer.
pub const FINDINGS: u8 = 66;

/// `forkwatch` itself could not do its job: the program cannot be watched, or a file could not be written.
pub const CANNOT_WATCH: u8 = 125;

/// The program was found but cannot be executed, as with `env` and the shells.
pub const NOT_EXECUTABLE: u8 = 126;

/// The program was not found, as with `env` and the shells.
pub const NOT_FOUND: u8 = 127;

/// Added to a signal's number where the signal that ended the program cannot be re-raised.
pub const SIGNAL_BASE: u8 = 128;
