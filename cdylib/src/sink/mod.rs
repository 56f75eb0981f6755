//! Where a finding is said. No descriptor stays open: a sink opens, writes once and closes, so that a program which closes
//! every descriptor, changes its root or drops its rights keeps working.

pub mod file;
pub mod reason;
pub mod standard_error;
