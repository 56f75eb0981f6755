//! Callers of `fork` that are known to do nothing in the child but exec: one row of [`ROWS`] each.
//!
//! Anyone above `snapshot` may call this. A row too many hides a real hazard; a row too few costs the user one line of a
//! suppression file. So a row names a function that can only exec, or a library that forks for nothing else.

use forkwatch_schema::record::Frame;
use glob::Pattern;
use once_cell::race::OnceBox;

/// How many frames from the call of `fork` a row without a module looks at.
const NEAR: usize = 8;

/// One sort of caller.
struct Row {
    /// Glob of the module's base name. The function is then looked for among the frames from the call of `fork` on that lie
    /// in one and the same module; with [`ANY`], among the first [`NEAR`] frames.
    module: &'static str,
    /// Glob of the function; [`ANY`] fits functions without name, too.
    symbol: &'static str,
    who: &'static str,
}

const ANY: &str = "*";

const fn row(module: &'static str, symbol: &'static str, who: &'static str) -> Row {
    Row { module, symbol, who }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // CPython: as a module, and built in. `os_fork`, `os_fork_impl` and `os_forkpty` are not here: they come back.
    row("_posixsubprocess*.so", ANY,                                    "Python's subprocess"),
    row(ANY, "subprocess_fork_exec",                                    "Python's subprocess"),
    row(ANY, "subprocess_fork_exec_impl",                               "Python's subprocess"),
    row(ANY, "do_fork_exec",                                            "Python's subprocess"),
    row(ANY, "_posixsubprocess_fork_exec*",                             "Python's subprocess"),
    // Rust. The first four are the inner function, as 1.95 and older ones spell it; inlining may leave only the outer one.
    row(ANY, "<std::sys::*process::*Command>::spawn",                   "Rust's std::process::Command"),
    row(ANY, "<std::sys::*process::*Command>::do_fork",                 "Rust's std::process::Command"),
    row(ANY, "std::sys::*process::*Command*::spawn",                    "Rust's std::process::Command"),
    row(ANY, "std::sys::*process::*Command*::do_fork",                  "Rust's std::process::Command"),
    row(ANY, "<std::process::Command>::spawn",                          "Rust's std::process::Command"),
    row(ANY, "<std::process::Command>::status",                         "Rust's std::process::Command"),
    row(ANY, "<std::process::Command>::output",                         "Rust's std::process::Command"),
    row(ANY, "std::process::Command::spawn",                            "Rust's std::process::Command"),
    row(ANY, "std::process::Command::status",                           "Rust's std::process::Command"),
    row(ANY, "std::process::Command::output",                           "Rust's std::process::Command"),
    // Languages' run-times.
    row(ANY, "uv_spawn",                                                "libuv"),
    row(ANY, "uv__spawn*",                                              "libuv"),
    row(ANY, "Java_java_lang_ProcessImpl_forkAndExec",                  "Java's ProcessBuilder"),
    row(ANY, "Java_java_lang_UNIXProcess_forkAndExec",                  "Java's ProcessBuilder"),
    row(ANY, "SystemNative_ForkAndExecProcess",                         ".NET's Process"),
    row(ANY, "rb_fork_async_signal_safe",                               "Ruby's spawn"),
    row(ANY, "retry_fork_async_signal_safe",                            "Ruby's spawn"),
    row(ANY, "fork_check_err",                                          "Ruby's spawn"),
    row(ANY, "TclpCreateProcess",                                       "Tcl's exec"),
    row(ANY, "unix_spawn",                                              "OCaml's Unix.create_process"),
    row(ANY, "caml_unix_spawn",                                         "OCaml's Unix.create_process"),
    row(ANY, "zif_proc_open",                                           "PHP's proc_open"),
    row(ANY, "Perl_pp_system",                                          "Perl's system"),
    row(ANY, "Perl_my_popen_list",                                      "Perl's open with a list"),
    row(ANY, "_subprocess_fork_exec",                                   "Swift's Subprocess"),
    row(ANY, "do_spawn_fork",                                           "Haskell's System.Process"),
    // Libraries.
    row("libglib-2.0.so*", "g_spawn_*",                                 "GLib's g_spawn"),
    row("libQt5Core*.so*", "QProcess*",                                 "Qt's QProcess"),
    row("libQt6Core*.so*", "QProcess*",                                 "Qt's QProcess"),
    row("libQt5Core*.so*", "*forkfd",                                   "Qt's QProcess"),
    row("libQt6Core*.so*", "*forkfd",                                   "Qt's QProcess"),
    row(ANY, "apr_proc_create",                                         "APR's apr_proc_create"),
    row(ANY, "Poco::ProcessImpl::launch*",                              "Poco's Process::launch"),
    row(ANY, "*boost::process::*posix::executor<*>::invoke(*",          "Boost.Process"),
    row(ANY, "*boost::process::*posix::*_launcher::operator()*",        "Boost.Process"),
    row(ANY, "folly::Subprocess::spawn*",                               "Folly's Subprocess"),
    row(ANY, "ACE_Process::spawn*",                                     "ACE's ACE_Process"),
    row("libvirt*.so*", "virExec",                                      "libvirt's virCommand"),
    row("libvirt*.so*", "virCommandRun*",                               "libvirt's virCommand"),
    row(ANY, "_dbus_spawn_async_with_babysitter",                       "D-Bus's service activation"),
    row("libvte-*.so*", "vte_*_spawn_*",                                "VTE"),
    row("libvte-*.so*", "vte::base::SpawnOperation::*",                 "VTE"),
    row("libgpgme*.so*", "_gpgme_io_spawn",                             "GPGME"),
    // Programs with threads.
    row("git*", "start_command",                                        "git's start_command"),
    row("*emacs*", "emacs_spawn",                                       "Emacs's call-process"),
    row("gdb*", "fork_inferior*",                                       "gdb's fork_inferior"),
    row(ANY, "lldb_private::ProcessLauncherPosixFork::LaunchProcess*",  "LLDB's process launcher"),
    row("libpty.so", "exec_pty",                                        "pty4j"),
];

type Compiled = Vec<(Option<Pattern>, Pattern, &'static str)>;

/// The table in the form that is looked through; whoever comes first makes it, and nobody waits.
fn compiled() -> &'static Compiled {
    static COMPILED: OnceBox<Compiled> = OnceBox::new();
    COMPILED.get_or_init(|| {
        let mut compiled = Compiled::with_capacity(ROWS.len());
        for row in ROWS {
            let module = (row.module != ANY).then(|| Pattern::new(row.module)).transpose();
            // A test holds that every glob is one.
            if let (Ok(module), Ok(symbol)) = (module, Pattern::new(row.symbol)) {
                compiled.push((module, symbol, row.who));
            }
        }
        Box::new(compiled)
    })
}

/// Who forks here, if it is someone who does nothing in the child but exec. `stack` is innermost first and begins with the
/// function that called `fork`.
pub fn exec_bound(stack: &[Frame]) -> Option<&'static str> {
    let first = stack.first()?;
    let own = first.module.as_deref();
    let own_base = own.map(base_name);
    let run = match own {
        Some(_) => stack.iter().take_while(|frame| frame.module.as_deref() == own).count(),
        None => 0,
    };
    let found = compiled().iter().find(|(module, symbol, _)| {
        let reach = match (module, own_base) {
            (None, _) => NEAR,
            (Some(module), Some(base)) if module.matches(base) => run,
            (Some(_), _) => 0,
        };
        let mut names = stack.iter().take(reach).map(|frame| frame.symbol.as_deref());
        names.any(|name| match name {
            Some(name) => symbol.matches(name),
            None => symbol.as_str() == ANY,
        })
    });
    found.map(|&(_, _, who)| who)
}

/// The file's name without its folders.
fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use forkwatch_schema::record::Frame;

    use super::{ROWS, compiled, exec_bound};

    /// A stack of `module!symbol`; `?` for what is not known.
    fn stack(frames: &[&str]) -> Vec<Frame> {
        let known = |word: &str| (word != "?").then(|| word.to_owned());
        let frame = |(module, symbol): (&str, &str)| Frame {
            module: known(module),
            symbol: known(symbol),
            ..Frame::default()
        };
        frames.iter().map(|text| frame(text.split_once('!').unwrap())).collect()
    }

    #[test]
    fn every_glob_is_one() {
        assert_eq!(compiled().len(), ROWS.len());
    }

    #[test]
    fn callers_that_only_exec() {
        const RUST: &str = "Rust's std::process::Command";
        let seen: &[(&str, &[&str])] = &[
            (
                "Python's subprocess",
                &[
                    "/usr/lib/python3.12/lib-dynload/_posixsubprocess.cpython-312-x86_64-linux-gnu.so!?",
                    "/usr/bin/python3.12!?",
                ],
            ),
            (
                "Python's subprocess",
                &["/usr/bin/python3.11!do_fork_exec", "/usr/bin/python3.11!?"],
            ),
            (
                "Python's subprocess",
                &[
                    "/usr/bin/python3.11!subprocess_fork_exec",
                    "/usr/bin/python3.11!cfunction_call",
                ],
            ),
            (
                "Python's subprocess",
                &[
                    "/opt/libpython3.13.so.1.0!?",
                    "/opt/libpython3.13.so.1.0!subprocess_fork_exec_impl",
                ],
            ),
            ("Python's subprocess", &["/opt/python!_posixsubprocess_fork_exec_impl"]),
            // rustc 1.95, release with inlined frames, as seen by gdb and rustc-demangle.
            (
                RUST,
                &[
                    "/app!<std::sys::process::unix::common::Command>::do_fork",
                    "/app!<std::sys::process::unix::common::Command>::spawn",
                    "/app!<std::process::Command>::spawn",
                ],
            ),
            (
                RUST,
                &[
                    "/app!<std::sys::process::unix::common::Command>::spawn",
                    "/app!app::main",
                ],
            ),
            (RUST, &["/app!std::sys::process::unix::common::Command::do_fork"]),
            (
                RUST,
                &[
                    "/app!std::sys::pal::unix::process::process_inner::<impl std::sys::pal::unix::process::process_common::Command>::spawn",
                ],
            ),
            (
                RUST,
                &[
                    "/app!std::sys::unix::process::process_inner::<impl std::sys::unix::process::process_common::Command>::do_fork",
                ],
            ),
            (RUST, &["/app!?", "/app!std::process::Command::spawn"]),
            (RUST, &["/app!?", "/app!std::process::Command::status"]),
            (RUST, &["/app!?", "/app!<std::process::Command>::output"]),
            (
                "libuv",
                &[
                    "/usr/bin/node!uv_spawn",
                    "/usr/bin/node!node::ProcessWrap::Spawn(v8::FunctionCallbackInfo<v8::Value> const&)",
                ],
            ),
            (
                "libuv",
                &[
                    "/usr/lib/libuv.so.1!uv__spawn_and_init_child_fork",
                    "/usr/lib/libuv.so.1!uv_spawn",
                ],
            ),
            (
                "Java's ProcessBuilder",
                &[
                    "/usr/lib/jvm/lib/libjava.so!Java_java_lang_ProcessImpl_forkAndExec",
                    "?!?",
                ],
            ),
            (
                "Java's ProcessBuilder",
                &[
                    "/usr/lib/jvm/lib/libjava.so!Java_java_lang_UNIXProcess_forkAndExec",
                    "?!?",
                ],
            ),
            (
                ".NET's Process",
                &[
                    "/usr/share/dotnet/libSystem.Native.so!SystemNative_ForkAndExecProcess",
                    "?!?",
                ],
            ),
            (
                "Ruby's spawn",
                &[
                    "/usr/lib/libruby-3.1.so.3.1!retry_fork_async_signal_safe",
                    "/usr/lib/libruby-3.1.so.3.1!fork_check_err",
                ],
            ),
            (
                "Ruby's spawn",
                &[
                    "/usr/lib/libruby-3.1.so.3.1!?",
                    "/usr/lib/libruby-3.1.so.3.1!rb_fork_async_signal_safe",
                ],
            ),
            (
                "Tcl's exec",
                &[
                    "/lib/libtcl8.6.so!TclpCreateProcess",
                    "/lib/libtcl8.6.so!TclCreatePipeline",
                ],
            ),
            ("OCaml's Unix.create_process", &["/app!unix_spawn", "/app!caml_c_call"]),
            (
                "OCaml's Unix.create_process",
                &["/app!caml_unix_spawn", "/app!caml_c_call"],
            ),
            (
                "PHP's proc_open",
                &["/usr/sbin/php-fpm8.2!zif_proc_open", "/usr/sbin/php-fpm8.2!execute_ex"],
            ),
            (
                "Perl's system",
                &[
                    "/usr/lib/libperl.so.5.36!Perl_pp_system",
                    "/usr/lib/libperl.so.5.36!Perl_runops_standard",
                ],
            ),
            (
                "Perl's open with a list",
                &["/usr/lib/libperl.so.5.36!Perl_my_popen_list"],
            ),
            ("Swift's Subprocess", &["/app!_subprocess_fork_exec"]),
            (
                "Haskell's System.Process",
                &["/app!do_spawn_fork", "/app!runInteractiveProcess"],
            ),
            (
                "GLib's g_spawn",
                &[
                    "/lib/libglib-2.0.so.0!?",
                    "/lib/libglib-2.0.so.0!g_spawn_async_with_pipes_and_fds",
                ],
            ),
            (
                "Qt's QProcess",
                &[
                    "/lib/libQt5Core.so.5!?",
                    "/lib/libQt5Core.so.5!QProcess::start(QFlags<QIODevice::OpenModeFlag>)",
                    "/app!main",
                ],
            ),
            (
                "Qt's QProcess",
                &[
                    "/lib/libQt6Core.so.6!vforkfd",
                    "/lib/libQt6Core.so.6!QProcessPrivate::startProcess()",
                ],
            ),
            ("Qt's QProcess", &["/lib/libQt6Core.so.6!vforkfd"]),
            ("APR's apr_proc_create", &["/lib/libapr-1.so.0!apr_proc_create"]),
            (
                "Poco's Process::launch",
                &["/lib/libPocoFoundation.so.80!Poco::ProcessImpl::launchByForkExecImpl(std::string const&)"],
            ),
            (
                "Boost.Process",
                &[
                    "/app!boost::process::detail::posix::executor<boost::fusion::tuple<int>>::invoke(boost::mpl::bool_<false>)",
                ],
            ),
            (
                "Boost.Process",
                &[
                    "/app!boost::process::v2::basic_process<E> boost::process::v2::posix::default_launcher::operator()<E, A>(E)",
                ],
            ),
            (
                "Folly's Subprocess",
                &["/app!folly::Subprocess::spawnInternalDoFork(folly::Subprocess::Options const&)"],
            ),
            (
                "ACE's ACE_Process",
                &[
                    "/lib/libACE.so!?",
                    "/lib/libACE.so!ACE_Process::spawn(ACE_Process_Options&)",
                ],
            ),
            (
                "libvirt's virCommand",
                &["/lib/libvirt.so.0!virFork", "/lib/libvirt.so.0!virExec"],
            ),
            (
                "libvirt's virCommand",
                &[
                    "/lib/libvirt.so.0!virFork",
                    "/lib/libvirt.so.0!?",
                    "/lib/libvirt.so.0!virCommandRunAsync",
                ],
            ),
            (
                "D-Bus's service activation",
                &["/usr/bin/dbus-daemon!_dbus_spawn_async_with_babysitter"],
            ),
            (
                "VTE",
                &["/lib/libvte-2.91.so.0!?", "/lib/libvte-2.91.so.0!vte_pty_spawn_async"],
            ),
            (
                "VTE",
                &["/lib/libvte-2.91.so.0!vte::base::SpawnOperation::prepare(vte::glib::Error&)"],
            ),
            ("GPGME", &["/lib/libgpgme.so.11!_gpgme_io_spawn"]),
            (
                "git's start_command",
                &["/usr/bin/git!start_command", "/usr/bin/git!run_command"],
            ),
            (
                "Emacs's call-process",
                &["/usr/bin/emacs-gtk!emacs_spawn", "/usr/bin/emacs-gtk!create_process"],
            ),
            (
                "gdb's fork_inferior",
                &["/usr/bin/gdb!fork_inferior(char const*, std::string const&, char**, void (*)())"],
            ),
            (
                "LLDB's process launcher",
                &["/lib/liblldb-19.so!lldb_private::ProcessLauncherPosixFork::LaunchProcess(int)"],
            ),
            (
                "pty4j",
                &["/opt/idea/libpty.so!exec_pty", "/opt/idea/libpty.so!Java_jtermios_pty"],
            ),
        ];
        for (who, frames) in seen {
            assert_eq!(exec_bound(&stack(frames)), Some(*who), "{frames:?}");
        }
        for row in ROWS {
            assert!(seen.iter().any(|(who, _)| *who == row.who), "no stack for {}", row.who);
        }
    }

    #[test]
    fn others_are_no_such_callers() {
        let deep: Vec<&str> = core::iter::repeat_n("/app!f", 8).chain(["/app!uv_spawn"]).collect();
        let seen: &[&[&str]] = &[
            &[],
            &["?!?"],
            &["/app!?", "/app!main"],
            &[
                "/usr/bin/python3.12!os_fork_impl",
                "/usr/bin/python3.12!os_fork",
                "/usr/bin/python3.12!cfunction_vectorcall_NOARGS",
            ],
            &["/usr/bin/python3.12!os_forkpty_impl"],
            &["/lib/libglib-2.0.so.0!g_test_trap_fork", "/app!main"],
            // A set-up function in the child, an event handler, a callback: the library is further out.
            &[
                "/app!setup",
                "/lib/libglib-2.0.so.0!?",
                "/lib/libglib-2.0.so.0!g_spawn_async",
            ],
            &["/app!slot", "/lib/libQt6Core.so.6!QProcess::finished(int)"],
            &["/lib/libvirt.so.0!virFork", "/lib/libvirt.so.0!virProcessRunInFork"],
            &["/lib/libapr-1.so.0!apr_proc_fork"],
            &[
                "/lib/libruby-3.1.so.3.1!retry_fork_ruby",
                "/lib/libruby-3.1.so.3.1!rb_fork_ruby",
            ],
            &["/usr/bin/app!start_command"],
            &["/usr/lib/libperl.so.5.36!Perl_pp_fork"],
            &["/app!safe_fork_full"],
            &["/app!app::Command::spawn", "/app!app::main"],
            &["/app!tokio::process::Command::spawn"],
            &deep,
        ];
        for frames in seen {
            assert_eq!(exec_bound(&stack(frames)), None, "{frames:?}");
        }
    }
}
