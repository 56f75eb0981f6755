//! Stacks of real exec-bound callers, and of callers that must not be mistaken for one.

use forkwatch_process::demangle::{Nesting, demangle};
use forkwatch_schema::record::Frame;

use super::{ROWS, Row, exec_bound, glob};

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

const RUST: &str = "Rust's std::process::Command";

/// A caller, and its stack as it is seen.
#[rustfmt::skip]
const SEEN: &[(&str, &[&str])] = &[
    ("Python's subprocess", &["/usr/lib/python3.12/lib-dynload/_posixsubprocess.cpython-312-x86_64-linux-gnu.so!?", "/usr/bin/python3.12!?"]),
    ("Python's subprocess", &["/usr/bin/python3.11!do_fork_exec", "/usr/bin/python3.11!?"]),
    ("Python's subprocess", &["/usr/bin/python3.11!subprocess_fork_exec", "/usr/bin/python3.11!cfunction_call"]),
    ("Python's subprocess", &["/opt/libpython3.13.so.1.0!?", "/opt/libpython3.13.so.1.0!subprocess_fork_exec_impl"]),
    ("Python's subprocess", &["/opt/python!_posixsubprocess_fork_exec_impl"]),
    // rustc 1.95 with inlined frames and without, then older ones.
    (RUST, &["/app!<std::sys::process::unix::common::Command>::do_fork", "/app!<std::sys::process::unix::common::Command>::spawn", "/app!<std::process::Command>::spawn"]),
    (RUST, &["/app!<std::sys::process::unix::common::Command>::spawn", "/app!app::main"]),
    (RUST, &["/app!std::sys::process::unix::common::Command::do_fork"]),
    (RUST, &["/app!std::sys::pal::unix::process::process_inner::<impl std::sys::pal::unix::process::process_common::Command>::spawn"]),
    (RUST, &["/app!std::sys::unix::process::process_inner::<impl std::sys::unix::process::process_common::Command>::do_fork"]),
    (RUST, &["/app!?", "/app!std::process::Command::spawn"]),
    (RUST, &["/app!?", "/app!std::process::Command::status"]),
    (RUST, &["/app!?", "/app!<std::process::Command>::output"]),
    ("libuv", &["/usr/bin/node!uv_spawn", "/usr/bin/node!node::ProcessWrap::Spawn(v8::FunctionCallbackInfo<v8::Value> const&)"]),
    ("libuv", &["/usr/lib/libuv.so.1!uv__spawn_and_init_child_fork", "/usr/lib/libuv.so.1!uv_spawn"]),
    ("Java's ProcessBuilder", &["/usr/lib/jvm/lib/libjava.so!Java_java_lang_ProcessImpl_forkAndExec", "?!?"]),
    ("Java's ProcessBuilder", &["/usr/lib/jvm/lib/libjava.so!Java_java_lang_UNIXProcess_forkAndExec", "?!?"]),
    (".NET's Process", &["/usr/share/dotnet/libSystem.Native.so!SystemNative_ForkAndExecProcess", "?!?"]),
    ("Ruby's spawn", &["/usr/lib/libruby-3.1.so.3.1!retry_fork_async_signal_safe", "/usr/lib/libruby-3.1.so.3.1!fork_check_err"]),
    ("Ruby's spawn", &["/usr/lib/libruby-3.1.so.3.1!?", "/usr/lib/libruby-3.1.so.3.1!rb_fork_async_signal_safe"]),
    ("Ruby's spawn", &["/usr/lib/libruby-3.1.so.3.1!?", "/usr/lib/libruby-3.1.so.3.1!rb_spawn_err"]),
    ("Ruby's spawn", &["/lib/libruby-3.1.so.3.1.2!?", "/lib/libruby-3.1.so.3.1.2!?", "/lib/libruby-3.1.so.3.1.2!?", "/lib/libruby-3.1.so.3.1.2!rb_ensure"]),
    ("Tcl's exec", &["/lib/libtcl8.6.so!TclpCreateProcess", "/lib/libtcl8.6.so!TclCreatePipeline"]),
    ("OCaml's Unix.create_process", &["/app!unix_spawn", "/app!caml_c_call"]),
    ("OCaml's Unix.create_process", &["/app!caml_unix_spawn", "/app!caml_c_call"]),
    ("PHP's proc_open", &["/usr/sbin/php-fpm8.2!zif_proc_open", "/usr/sbin/php-fpm8.2!execute_ex"]),
    ("Perl's system", &["/usr/lib/libperl.so.5.36!Perl_pp_system", "/usr/lib/libperl.so.5.36!Perl_runops_standard"]),
    ("Perl's open with a list", &["/usr/lib/libperl.so.5.36!Perl_my_popen_list"]),
    ("Swift's Subprocess", &["/app!_subprocess_fork_exec"]),
    ("Haskell's System.Process", &["/app!do_spawn_fork", "/app!runInteractiveProcess"]),
    ("GLib's g_spawn", &["/lib/libglib-2.0.so.0!?", "/lib/libglib-2.0.so.0!g_spawn_sync", "/app!main"]),
    ("Qt's QProcess", &["/lib/libQt5Core.so.5!?", "/lib/libQt5Core.so.5!QProcess::start(QFlags<QIODevice::OpenModeFlag>)", "/app!main"]),
    ("Qt's QProcess", &["/lib/libQt6Core.so.6!vforkfd", "/lib/libQt6Core.so.6!QProcessPrivate::startProcess()"]),
    ("Qt's QProcess", &["/lib/libQt6Core.so.6!vforkfd"]),
    ("APR's apr_proc_create", &["/lib/libapr-1.so.0!apr_proc_create"]),
    ("Poco's Process::launch", &["/lib/libPocoFoundation.so.80!Poco::ProcessImpl::launchByForkExecImpl(std::string const&)"]),
    ("Boost.Process", &["/app!boost::process::detail::posix::executor<boost::fusion::tuple<int>>::invoke(boost::mpl::bool_<false>)"]),
    ("Boost.Process", &["/app!boost::process::v2::basic_process<E> boost::process::v2::posix::default_launcher::operator()<E, A>(E)"]),
    ("Folly's Subprocess", &["/app!folly::Subprocess::spawnInternalDoFork(folly::Subprocess::Options const&)"]),
    ("ACE's ACE_Process", &["/lib/libACE.so!?", "/lib/libACE.so!ACE_Process::spawn(ACE_Process_Options&)"]),
    ("libvirt's virCommand", &["/lib/libvirt.so.0!virFork", "/lib/libvirt.so.0!virExec"]),
    ("libvirt's virCommand", &["/lib/libvirt.so.0!virFork", "/lib/libvirt.so.0!?", "/lib/libvirt.so.0!virCommandRunAsync"]),
    ("D-Bus's service activation", &["/usr/bin/dbus-daemon!_dbus_spawn_async_with_babysitter"]),
    ("VTE", &["/lib/libvte-2.91.so.0!?", "/lib/libvte-2.91.so.0!vte_pty_spawn_async"]),
    ("VTE", &["/lib/libvte-2.91.so.0!?", "/lib/libvte-2.91.so.0!?", "/lib/libglib-2.0.so.0!?"]),
    ("GPGME", &["/lib/libgpgme.so.11!_gpgme_io_spawn"]),
    ("googletest's threadsafe death tests", &["/app!testing::internal::ExecDeathTestSpawnChild(char* const*, int)", "/app!testing::internal::ExecDeathTest::AssumeRole()"]),
    ("Perl's backticks", &["/usr/lib/libperl.so.5.36!Perl_my_popen", "/usr/lib/libperl.so.5.36!Perl_pp_backtick"]),
    ("git's start_command", &["/usr/bin/git!start_command", "/usr/bin/git!run_command"]),
    ("Emacs's call-process", &["/usr/bin/emacs-gtk!emacs_spawn", "/usr/bin/emacs-gtk!create_process"]),
    ("gdb's fork_inferior", &["/usr/bin/gdb!fork_inferior(char const*, std::string const&, char**, void (*)())"]),
    ("LLDB's process launcher", &["/lib/liblldb-19.so!lldb_private::ProcessLauncherPosixFork::LaunchProcess(int)"]),
    ("pty4j", &["/opt/idea/libpty.so!exec_pty", "/opt/idea/libpty.so!Java_jtermios_pty"]),
];

#[test]
fn every_glob_is_one() {
    let is_valid = |row: &Row| glob(row.module).is_some() && glob(row.symbol).is_some();
    assert!(ROWS.iter().all(is_valid));
}

#[test]
fn callers_that_only_exec() {
    for (who, frames) in SEEN {
        assert_eq!(exec_bound(&stack(frames)), Some(*who), "{frames:?}");
    }
    for row in ROWS {
        assert!(SEEN.iter().any(|(who, _)| *who == row.who), "no stack for {}", row.who);
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
        // `fork`, in a block that has an `ensure`.
        &[
            "/lib/libruby-3.1.so.3.1.2!?",
            "/lib/libruby-3.1.so.3.1.2!?",
            "/lib/libruby-3.1.so.3.1.2!?",
            "/lib/libruby-3.1.so.3.1.2!?",
            "/lib/libruby-3.1.so.3.1.2!rb_ensure",
        ],
        &["/usr/bin/app!start_command"],
        &["/usr/lib/libperl.so.5.36!Perl_pp_fork"],
        // `open FILE, "-|"` comes back in the child.
        &[
            "/usr/lib/libperl.so.5.36!Perl_my_popen",
            "/usr/lib/libperl.so.5.36!PerlIO_openn",
        ],
        &["/app!testing::internal::NoExecDeathTest::AssumeRole()"],
        &["/app!safe_fork_full"],
        &["/app!app::Command::spawn", "/app!app::main"],
        &["/app!tokio::process::Command::spawn"],
        &deep,
    ];
    for frames in seen {
        assert_eq!(exec_bound(&stack(frames)), None, "{frames:?}");
    }
}

/// The names that rustc 1.95 gives, in a debug and in a release build; `do_fork` only where inlined frames are named.
#[test]
fn rust_as_its_compiler_names_it() {
    for (raw, name) in [
        (
            "_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys7process4unix4unixNtNtB4_6common7Command7do_fork",
            "<std::sys::process::unix::common::Command>::do_fork",
        ),
        (
            "_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys7process4unix4unixNtNtB4_6common7Command5spawn",
            "<std::sys::process::unix::common::Command>::spawn",
        ),
        (
            "_RNvMsk_NtCsjrHSEGnQ3l9_3std7processNtB5_7Command5spawn",
            "<std::process::Command>::spawn",
        ),
        (
            "_RNvMsk_NtCsjrHSEGnQ3l9_3std7processNtB5_7Command6output",
            "<std::process::Command>::output",
        ),
        (
            "_RNvMsk_NtCsjrHSEGnQ3l9_3std7processNtB5_7Command6status",
            "<std::process::Command>::status",
        ),
    ] {
        let shown = demangle(raw.as_bytes(), Nesting::within(1 << 20));
        assert_eq!(shown, name);
        assert_eq!(
            exec_bound(&stack(&[&format!("/app!{shown}")])),
            Some("Rust's std::process::Command")
        );
    }
}
