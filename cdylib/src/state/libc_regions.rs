//! Functions of libc behind one lock that passes no hook. A call in progress stands for the lock being held.
//!
//! glibc's `fork` does not reset these locks in the child (looked up in its sources, 2.31 to 2.42). One that a later libc
//! resets gets a version in its row.

/// One lock.
#[derive(Debug)]
pub struct Region {
    /// Its name in records.
    pub name: &'static str,
    /// Whether a call in progress holds the lock for as long as it may block; otherwise a child's call most often returns.
    pub certain: bool,
    /// The first glibc (major, minor) whose `fork` resets the lock in the child; `None` where none does yet.
    pub reset_since: Option<(u32, u32)>,
}

macro_rules! regions {
    ($($(#[$about:meta])* $region:ident = $name:literal, certain $certain:literal, reset $since:expr;)+) => {
        $($(#[$about])* pub static $region: Region = Region { name: $name, certain: $certain, reset_since: $since };)+

        /// The region whose row has this address.
        pub fn at(address: usize) -> Option<&'static Region> {
            [$(&$region),+].into_iter().find(|region| region.address() == address)
        }
    };
}

regions! {
    /// `tzset_lock` of `time/tzset.c`.
    TIME_ZONE = "libc:tz", certain true, reset None;
    /// `envlock` of `stdlib/setenv.c`.
    ENVIRONMENT = "libc:env", certain true, reset None;
    /// `__exit_funcs_lock` of `stdlib/cxa_atexit.c`.
    EXIT = "libc:exit", certain true, reset None;
    /// `syslog_lock` of `misc/syslog.c`.
    SYSLOG = "libc:syslog", certain true, reset None;
    /// `__libc_setlocale_lock` of `locale/setlocale.c`, a read-write lock.
    LOCALE = "libc:locale", certain true, reset None;
    /// `lock` of `stdlib/random.c`.
    RANDOM = "libc:random", certain true, reset None;
    /// `_dl_load_write_lock`, which `dl_iterate_phdr` holds while it calls back.
    LOADER = "libc:loader", certain true, reset None;
    /// The locks of the resolver and the name service switch.
    RESOLVER = "libc:resolver", certain false, reset None;
}

impl Region {
    /// What stands for the lock's address.
    pub fn address(&'static self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    /// Whether a child of the running libc inherits the lock as it is.
    pub fn outlives_fork(&self, glibc: Option<(u32, u32)>) -> bool {
        match (self.reset_since, glibc) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(since), Some(running)) => running < since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RANDOM, Region, TIME_ZONE, at};

    #[test]
    fn a_region_is_found_by_its_address() {
        assert_eq!(at(TIME_ZONE.address()).unwrap().name, "libc:tz");
        assert_ne!(TIME_ZONE.address(), RANDOM.address());
        assert!(at(1).is_none());
    }

    #[test]
    fn a_libc_that_resets_the_lock_is_left_alone() {
        let region = Region {
            name: "libc:x",
            certain: true,
            reset_since: Some((2, 40)),
        };
        assert!(region.outlives_fork(Some((2, 39))) && !region.outlives_fork(Some((2, 40))));
        assert!(!region.outlives_fork(None), "not glibc");
    }
}
