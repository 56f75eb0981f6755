//! The functions that an audited child should not call: not async-signal-safe by POSIX, by family.
//!
//! Source: POSIX.1-2024, XSH 2.4.3 "Signal Actions", lists what is async-signal-safe, and its page of `fork` allows a child of a
//! process with several threads nothing else before exec. What is not listed there is here if glibc's manual does not call it
//! AS-Safe either ("POSIX Safety Concepts"). Functions that only compute, such as `qsort` or `isalpha`, are left out, and so are
//! plain system calls of Linux: no lock and no state of another thread is in their way.

use glob::Pattern;

/// Functions that are unsafe for the same reason.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What they are for.
    pub name: &'static str,
    /// What they need that a lost thread may have left half-changed.
    pub needs: &'static str,
    /// Their names, with blanks between them: an address of each would be one more thing for the loader to do in every program.
    pub functions: &'static str,
}

/// Every family.
#[rustfmt::skip]
pub const FAMILIES: &[Family] = &[
    Family {
        name: "heap",
        needs: "the heap and its locks",
        functions: "malloc calloc realloc reallocarray free cfree aligned_alloc memalign posix_memalign valloc pvalloc \
                    malloc_trim mallopt mallinfo mallinfo2 strdup strndup wcsdup asprintf vasprintf getline getdelim \
                    open_memstream open_wmemstream getcwd realpath canonicalize_file_name get_current_dir_name tempnam \
                    scandir glob globfree wordexp wordfree regcomp regexec regfree hcreate hsearch hdestroy tsearch \
                    tdelete tdestroy backtrace backtrace_symbols opendir fdopendir readdir readdir64 closedir seekdir \
                    rewinddir nftw nftw64 ftw ftw64 fts_open fts_read fts_close getaddrinfo_a",
    },
    Family {
        name: "stdio",
        needs: "a stream's lock and buffer, or the list of all streams",
        functions: "printf fprintf vprintf vfprintf dprintf vdprintf sprintf vsprintf snprintf vsnprintf puts fputs \
                    fputs_unlocked putchar putc fputc putchar_unlocked putc_unlocked fwrite fwrite_unlocked fread \
                    fread_unlocked fgets fgets_unlocked gets getc fgetc getchar getc_unlocked getchar_unlocked ungetc \
                    scanf fscanf sscanf vscanf vfscanf vsscanf fopen fopen64 freopen freopen64 fdopen fmemopen \
                    fopencookie fclose fcloseall fflush fflush_unlocked setvbuf setbuf setbuffer setlinebuf fseek fseeko \
                    fseeko64 ftell ftello ftello64 rewind fgetpos fsetpos flockfile funlockfile ftrylockfile popen \
                    pclose tmpfile tmpfile64 tmpnam perror wprintf fwprintf swprintf vwprintf vfwprintf vswprintf fputws \
                    fputwc putwc putwchar fgetws fgetwc getwc getwchar err errx warn warnx verr verrx vwarn vwarnx error \
                    error_at_line psignal psiginfo",
    },
    Family {
        name: "locale",
        needs: "the locale and its lock",
        functions: "setlocale newlocale duplocale freelocale localeconv nl_langinfo strcoll strxfrm iconv_open iconv \
                    iconv_close gettext dgettext dcgettext ngettext dngettext dcngettext textdomain bindtextdomain \
                    bind_textdomain_codeset strerror strerror_r strsignal catopen catgets catclose",
    },
    Family {
        name: "time",
        needs: "the time zone and its lock",
        functions: "localtime localtime_r gmtime gmtime_r mktime timegm timelocal strftime strftime_l wcsftime strptime \
                    ctime ctime_r asctime tzset getdate getdate_r",
    },
    Family {
        name: "loader",
        needs: "the loader's lock",
        functions: "dlopen dlmopen dlsym dlvsym dlclose dlerror dladdr dladdr1 dlinfo dl_iterate_phdr",
    },
    Family {
        name: "threads",
        needs: "other threads, or locks that they may have held",
        functions: "pthread_create pthread_join pthread_tryjoin_np pthread_timedjoin_np pthread_detach pthread_cancel \
                    pthread_exit pthread_atfork pthread_key_create pthread_key_delete pthread_mutex_lock \
                    pthread_mutex_trylock pthread_mutex_timedlock pthread_mutex_clocklock pthread_mutex_unlock \
                    pthread_mutex_init pthread_mutex_destroy pthread_cond_wait pthread_cond_timedwait \
                    pthread_cond_clockwait pthread_cond_signal pthread_cond_broadcast pthread_cond_init \
                    pthread_cond_destroy pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_rwlock_tryrdlock \
                    pthread_rwlock_trywrlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock pthread_rwlock_unlock \
                    pthread_rwlock_init pthread_rwlock_destroy pthread_spin_lock pthread_spin_trylock \
                    pthread_spin_unlock pthread_barrier_wait pthread_barrier_init pthread_barrier_destroy thrd_create \
                    thrd_join thrd_exit mtx_lock mtx_trylock mtx_timedlock mtx_unlock cnd_wait cnd_timedwait cnd_signal \
                    cnd_broadcast sem_wait sem_timedwait sem_clockwait sem_trywait sem_init sem_destroy sem_open \
                    sem_close sem_unlink",
    },
    Family {
        name: "resolver",
        needs: "the resolver's state and its locks",
        functions: "getaddrinfo freeaddrinfo getnameinfo gethostbyname gethostbyname2 gethostbyname_r gethostbyname2_r \
                    gethostbyaddr gethostbyaddr_r gethostent sethostent endhostent getservbyname getservbyname_r \
                    getservbyport getservbyport_r getservent getprotobyname getprotobyname_r getprotobynumber \
                    getnetbyname getifaddrs freeifaddrs if_nametoindex if_indextoname if_nameindex res_init res_query \
                    res_search res_ninit res_nquery res_nsearch gai_strerror herror hstrerror",
    },
    Family {
        name: "databases",
        needs: "the name service and its locks",
        functions: "getpwnam getpwnam_r getpwuid getpwuid_r getpwent getpwent_r setpwent endpwent getgrnam getgrnam_r \
                    getgrgid getgrgid_r getgrent getgrent_r setgrent endgrent initgroups getgrouplist getspnam \
                    getspnam_r getspent getlogin getlogin_r cuserid ttyname ttyname_r getutent getutxent pututline \
                    pututxline setutent setutxent endutent endutxent updwtmp getmntent getmntent_r setmntent endmntent \
                    getpass crypt",
    },
    Family {
        name: "syslog",
        needs: "the log's connection and its lock",
        functions: "syslog vsyslog openlog closelog setlogmask",
    },
    Family {
        name: "environment",
        needs: "the environment and its lock",
        functions: "setenv unsetenv putenv clearenv",
    },
    Family {
        name: "end",
        needs: "everything that the functions registered for the end of the process need",
        functions: "exit atexit on_exit at_quick_exit quick_exit",
    },
    Family {
        name: "processes",
        needs: "at-fork handlers, or locks and signals that belong to another thread's call",
        functions: "system fork forkpty openpty daemon grantpt ptsname ptsname_r unlockpt login logout logwtmp",
    },
    Family {
        name: "numbers",
        needs: "state that is shared by all threads, and its lock",
        functions: "rand srand random srandom initstate setstate drand48 lrand48 mrand48 srand48",
    },
];

/// The spellings by which programs call a function: with a compiler's checks, with the rules of a newer standard, or from a stream's
/// inline functions.
pub fn spellings(function: &str) -> Vec<String> {
    let mut spellings = vec![
        function.to_owned(),
        format!("__{function}_chk"),
        format!("__isoc99_{function}"),
        format!("__isoc23_{function}"),
        format!("_IO_{function}"),
    ];
    // What headers and the static part of libc make of a call.
    let linked = match function {
        "atexit" => Some("__cxa_atexit"),
        "pthread_atfork" => Some("__register_atfork"),
        "fork" => Some("__fork"),
        "strdup" => Some("__strdup"),
        _ => None,
    };
    spellings.extend(linked.map(str::to_owned));
    spellings
}

/// Every function, with its family.
pub fn all() -> impl Iterator<Item = (&'static Family, &'static str)> {
    let functions = |family: &'static Family| family.functions.split_ascii_whitespace();
    FAMILIES
        .iter()
        .flat_map(move |family| functions(family).map(move |function| (family, function)))
}

/// The family of a function.
pub fn family_of(function: &str) -> Option<&'static Family> {
    all().find(|(_, name)| *name == function).map(|(family, _)| family)
}

/// Which functions are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Audit {
    /// None.
    #[default]
    Off,
    /// All.
    On,
    /// Those that one of these globs matches, by name or by family.
    Some(Vec<String>),
}

impl Audit {
    /// Reads `off`, `on`, or names and globs separated by commas. The error is one clear clause with the nearest name.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "off" => return Ok(Self::Off),
            "on" => return Ok(Self::On),
            _ => {}
        }
        let names: Vec<String> = words(text).map(str::to_owned).collect();
        for name in &names {
            let glob = Pattern::new(name).map_err(|error| format!("'{name}' is no glob: {}", error.msg))?;
            if !all().any(|(family, function)| glob.matches(function) || glob.matches(family.name)) {
                let known = ["on", "off"]
                    .into_iter()
                    .chain(all().flat_map(|(family, function)| [function, family.name]));
                let nearest = crate::nearest::nearest(name, known).unwrap_or_default();
                return Err(format!(
                    "no function of the audit is called '{name}'; the nearest valid name is {nearest}"
                ));
            }
        }
        Ok(if names.is_empty() { Self::Off } else { Self::Some(names) })
    }

    /// Whether this function of this family is reported.
    pub fn has(&self, family: &Family, function: &str) -> bool {
        match self {
            Self::Off => false,
            Self::On => true,
            Self::Some(names) => names
                .iter()
                .any(|name| Pattern::new(name).is_ok_and(|glob| glob.matches(function) || glob.matches(family.name))),
        }
    }
}

/// The parts of a list that is separated by commas.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Audit, all, family_of, spellings};
    use std::collections::BTreeSet;

    #[test]
    fn every_function_is_listed_once_and_none_that_posix_allows() {
        /// Some of the list in POSIX that are easily taken for others.
        const SAFE: [&str; 20] = [
            "_exit",
            "abort",
            "execve",
            "execv",
            "execl",
            "write",
            "read",
            "open",
            "close",
            "dup2",
            "sem_post",
            "time",
            "kill",
            "memcpy",
            "strlen",
            "pthread_sigmask",
            "pthread_self",
            "pthread_kill",
            "_Fork",
            "waitpid",
        ];
        let names: Vec<&str> = all().map(|(_, name)| name).collect();
        let distinct: BTreeSet<&&str> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
        assert!(SAFE.iter().all(|name| family_of(name).is_none()));
    }

    #[test]
    fn a_list_selects_functions_and_families() {
        let audit = Audit::parse("malloc, *printf ,time").unwrap();
        let has = |name: &str| audit.has(family_of(name).unwrap(), name);
        assert!(has("malloc") && has("vsnprintf") && has("localtime_r") && !has("free"));
        assert_eq!(Audit::parse("on").unwrap(), Audit::On);
        assert_eq!(Audit::parse(" , ").unwrap(), Audit::Off);
        let error = Audit::parse("mallok").unwrap_err();
        assert!(error.contains("the nearest valid name is malloc"), "{error}");
        assert!(Audit::parse("[").unwrap_err().contains("no glob"));
    }

    #[test]
    fn a_function_has_several_spellings() {
        assert!(spellings("printf").contains(&"__printf_chk".into()));
    }
}
