//! The libc locks that no hook sees, each with the functions that take it: while one of them is called, the lock counts as held.
//!
//! glibc's `fork` does not reset these locks in the child (according to its sources, 2.31 to 2.42). If a later libc resets one,
//! its row gets the version.

use crate::system::libc_version::{Version, glibc};

/// One lock.
#[derive(Debug)]
pub struct Region {
    /// Its name in records.
    pub name: &'static str,
    /// Whether a call in progress holds the lock whenever it sleeps; otherwise a child's call usually returns.
    pub certain: bool,
    /// The first glibc that has the lock.
    pub since: Version,
    /// The first glibc whose `fork` resets the lock in the child; `None` where none does yet.
    pub reset_since: Option<Version>,
}

macro_rules! regions {
    ($($(#[$about:meta])* $region:ident = $name:literal $(, $field:ident: $value:expr)*;)+) => {
        $($(#[$about])* pub static $region: Region = Region { name: $name, $($field: $value,)* ..USUAL };)+

        /// The rows.
        pub fn all() -> impl Iterator<Item = &'static Region> {
            [$(&$region),+].into_iter()
        }

        /// The region whose row has this address.
        pub fn at(address: usize) -> Option<&'static Region> {
            all().find(|region| region.address() == address)
        }
    };
}

const USUAL: Region = Region {
    name: "",
    certain: true,
    since: (2, 0),
    reset_since: None,
};

regions! {
    /// `tzset_lock` of `time/tzset.c`.
    TIME_ZONE = "libc:tz";
    /// `envlock` of `stdlib/setenv.c`.
    ENVIRONMENT = "libc:env";
    /// `__exit_funcs_lock` of `stdlib/cxa_atexit.c`.
    EXIT_FUNCTIONS = "libc:exit";
    /// `__exit_lock` of `stdlib/exit.c`, held while the functions run.
    EXIT = "libc:exit", since: (2, 41);
    /// `syslog_lock` of `misc/syslog.c`.
    SYSLOG = "libc:syslog";
    /// `__libc_setlocale_lock` of `locale/setlocale.c`.
    LOCALE = "libc:locale";
    /// `lock` of `stdlib/random.c`.
    RANDOM = "libc:random";
    /// `_dl_load_write_lock` of the loader, held while `dl_iterate_phdr` calls back.
    LOADER = "libc:loader";
    /// The resolver's own locks, each held for a part of a call.
    RESOLVER = "libc:resolver", certain: false;
    /// The lock of `gethostbyname`'s one buffer (`nss/getXXbyYY.c`), held for the whole call.
    HOST_BY_NAME = "libc:resolver";
    /// As above, of `gethostbyaddr`.
    HOST_BY_ADDRESS = "libc:resolver";
    /// As above, of `getpwnam`.
    USER_BY_NAME = "libc:nss";
    /// As above, of `getpwuid`.
    USER_BY_ID = "libc:nss";
    /// As above, of `getgrnam`.
    GROUP_BY_NAME = "libc:nss";
    /// As above, of `getgrgid`.
    GROUP_BY_ID = "libc:nss";
    /// As above, of `getservbyname`.
    SERVICE_BY_NAME = "libc:nss";
    /// As above, of `getservbyport`.
    SERVICE_BY_PORT = "libc:nss";
    /// That of the list of users.
    USER_LIST = "libc:nss";
    /// As above, of `getpwent`, whose buffer it guards.
    NEXT_USER = "libc:nss";
    /// That of the list of groups.
    GROUP_LIST = "libc:nss";
    /// As above, of `getgrent`, whose buffer it guards.
    NEXT_GROUP = "libc:nss";
    /// That of the list of shadow passwords.
    SHADOW_LIST = "libc:nss";
    /// As above, of `getspent`, whose buffer it guards.
    NEXT_SHADOW = "libc:nss";
    /// That of the list of services.
    SERVICE_LIST = "libc:nss";
    /// As above, of `getservent`, whose buffer it guards.
    NEXT_SERVICE = "libc:nss";
    /// That of the list of protocols.
    PROTOCOL_LIST = "libc:nss";
    /// As above, of `getprotoent`, whose buffer it guards.
    NEXT_PROTOCOL = "libc:nss";
    /// That of the list of hosts.
    HOST_LIST = "libc:resolver";
    /// As above, of `gethostent`, whose buffer it guards.
    NEXT_HOST = "libc:resolver";
    /// That of the list of networks.
    NETWORK_LIST = "libc:nss";
    /// As above, of `getnetent`, whose buffer it guards.
    NEXT_NETWORK = "libc:nss";
    /// That of the list of remote programs.
    PROGRAM_LIST = "libc:nss";
    /// As above, of `getrpcent`, whose buffer it guards.
    NEXT_PROGRAM = "libc:nss";
    /// As `USER_BY_NAME`, of `getspnam`.
    SHADOW_BY_NAME = "libc:nss";
    /// As `USER_BY_NAME`, of `getprotobyname`.
    PROTOCOL_BY_NAME = "libc:nss";
    /// As `USER_BY_NAME`, of `getprotobynumber`.
    PROTOCOL_BY_NUMBER = "libc:nss";
    /// As `USER_BY_NAME`, of `getnetbyname`.
    NETWORK_BY_NAME = "libc:nss";
    /// As `USER_BY_NAME`, of `getnetbyaddr`.
    NETWORK_BY_NUMBER = "libc:nss";
    /// As `USER_BY_NAME`, of `getrpcbyname`.
    PROGRAM_BY_NAME = "libc:nss";
    /// As `USER_BY_NAME`, of `getrpcbynumber`.
    PROGRAM_BY_NUMBER = "libc:nss";
    /// As `USER_BY_NAME`, of `gethostbyname2`.
    HOST_BY_NAME_AND_FAMILY = "libc:resolver";
    /// `lock` of `nss/fgetpwent.c`, held for the whole call.
    USER_OF_FILE = "libc:nss";
    /// `lock` of `nss/fgetgrent.c`, held for the whole call.
    GROUP_OF_FILE = "libc:nss";
    /// `lock` of `nss/fgetspent.c`, held for the whole call.
    SHADOW_OF_FILE = "libc:nss";
    /// `lock` of `nss/lckpwdf.c`, held while `lckpwdf` waits.
    PASSWORDS = "libc:nss";
    /// `proc_file_chain_lock` of `libio/iopopen.c`, held while `popen` starts the program.
    POPEN = "libc:popen", certain: false, reset_since: Some((2, 41));
    /// `sem_mappings_lock` of `sysdeps/pthread/sem_routines.c`.
    NAMED_SEMAPHORES = "libc:sem_open", certain: false;
    /// `__gconv_lock` of `iconv/gconv_db.c`, held while a conversion is looked for and loaded.
    CONVERSIONS = "libc:iconv", certain: false;
    /// `_nl_state_lock` of `intl/dcigettext.c`, taken for writing.
    MESSAGES = "libc:gettext";
    /// `__libc_utmp_lock` of `login/getutent_r.c`.
    LOGINS = "libc:utmp";
    /// `__aio_requests_mutex` of `rt/aio_misc.c`.
    ASYNCHRONOUS = "libc:aio";
}

/// No lock at all, in any libc.
pub static NONE: Region = Region {
    since: (u16::MAX, 0),
    ..USUAL
};

impl Region {
    /// The address used in place of the lock's own, which is not known.
    pub fn address(&'static self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    /// Whether a child inherits the lock unchanged, with the running libc.
    pub fn outlives_fork(&self) -> bool {
        self.outlives_fork_of(glibc())
    }

    fn outlives_fork_of(&self, running: Option<Version>) -> bool {
        running.is_some_and(|running| {
            running >= self.since && self.reset_since.is_none_or(|reset_since| running < reset_since)
        })
    }
}

#[cfg(test)]
mod tests {
    use forkwatch_text::advice::libc_regions::{ALL, words};

    use super::{RANDOM, Region, TIME_ZONE, USUAL, at};

    #[test]
    fn every_region_has_words_for_people() {
        for region in super::all() {
            let words = words(region.name).unwrap_or_else(|| panic!("{} has no words", region.name));
            assert!(words.instead.ends_with('.') && !words.called.is_empty());
        }
        for words in ALL {
            let is_here = super::all().any(|region| region.name == words.name);
            assert!(is_here, "{} is no region", words.name);
        }
    }

    #[test]
    fn a_region_is_found_by_its_address() {
        assert_eq!(at(TIME_ZONE.address()).unwrap().name, "libc:tz");
        assert_ne!(TIME_ZONE.address(), RANDOM.address());
        assert!(at(1).is_none());
    }

    #[test]
    fn a_libc_without_the_lock_or_that_resets_it_is_left_alone() {
        let region = Region {
            since: (2, 10),
            reset_since: Some((2, 40)),
            ..USUAL
        };
        assert!(region.outlives_fork_of(Some((2, 39))) && region.outlives_fork_of(Some((2, 10))));
        assert!(!region.outlives_fork_of(Some((2, 40))) && !region.outlives_fork_of(Some((2, 9))));
        assert!(!region.outlives_fork_of(None), "not glibc");
        assert!(TIME_ZONE.outlives_fork());
    }
}
