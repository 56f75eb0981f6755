//! Callers of `fork` that are known to do nothing in the child but exec: one row of [`ROWS`] each.
//!
//! A wrong row hides a real hazard; a missing row costs the user one line in a suppression file. So a row names a function that
//! can only exec, or a library that forks for nothing else.

use forkwatch_schema::path::base_name;
use forkwatch_schema::record::Frame;
use glob::Pattern;

/// How many frames, from the call of `fork` on, a row without a module is compared with.
const NEAR: usize = 8;

/// One kind of caller.
struct Row {
    /// Glob for the module's base name. The function is then searched for among the frames, from the call of `fork` on, that lie
    /// in the same module; with [`ANY`], among the first [`NEAR`] frames.
    module: &'static str,
    /// Glob for the function; [`ANY`] also matches functions without a name.
    symbol: &'static str,
    /// Among how many of these frames the function is searched for.
    among: usize,
    who: &'static str,
}

const ANY: &str = "*";

const fn row(module: &'static str, symbol: &'static str, who: &'static str) -> Row {
    within(usize::MAX, module, symbol, who)
}

/// A function that other callers have, too, but not within so few frames.
const fn within(among: usize, module: &'static str, symbol: &'static str, who: &'static str) -> Row {
    Row {
        module,
        symbol,
        among,
        who,
    }
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
    row(ANY, "rb_spawn",                                                "Ruby's spawn"),
    row(ANY, "rb_spawn_err",                                            "Ruby's spawn"),
    // Debian's has no names for the three functions that this calls, one by one. It also runs any `ensure`, further out.
    within(4, "libruby*.so*", "rb_ensure",                              "Ruby's spawn"),
    row(ANY, "TclpCreateProcess",                                       "Tcl's exec"),
    row(ANY, "unix_spawn",                                              "OCaml's Unix.create_process"),
    row(ANY, "caml_unix_spawn",                                         "OCaml's Unix.create_process"),
    row(ANY, "zif_proc_open",                                           "PHP's proc_open"),
    row(ANY, "Perl_pp_system",                                          "Perl's system"),
    row(ANY, "Perl_pp_backtick",                                        "Perl's backticks"),
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
    row(ANY, "boost::process::*detail::posix::executor<*",              "Boost.Process"),
    row(ANY, "*boost::process::*posix::*_launcher::operator()*",        "Boost.Process"),
    row(ANY, "folly::Subprocess::spawn*",                               "Folly's Subprocess"),
    row(ANY, "ACE_Process::spawn*",                                     "ACE's ACE_Process"),
    row("libvirt*.so*", "virExec",                                      "libvirt's virCommand"),
    row("libvirt*.so*", "virCommandRun*",                               "libvirt's virCommand"),
    row(ANY, "_dbus_spawn_async_with_babysitter",                       "D-Bus's service activation"),
    // It forks in one place, mostly in a thread without any exported function on its stack.
    row("libvte-*.so*", ANY,                                            "VTE"),
    row("libgpgme*.so*", "_gpgme_io_spawn",                             "GPGME"),
    // The style "threadsafe"; the other style forks to go on.
    row(ANY, "testing::internal::ExecDeathTest*",                       "googletest's threadsafe death tests"),
    // Programs with threads.
    row("git*", "start_command",                                        "git's start_command"),
    row("*emacs*", "emacs_spawn",                                       "Emacs's call-process"),
    row("gdb*", "fork_inferior*",                                       "gdb's fork_inferior"),
    row(ANY, "lldb_private::ProcessLauncherPosixFork::LaunchProcess*",  "LLDB's process launcher"),
    row("libpty.so", "exec_pty",                                        "pty4j"),
];

/// Which exec-bound caller forks here, if it is one. `stack` is innermost first and begins with the function that called `fork`.
pub fn exec_bound(stack: &[Frame]) -> Option<&'static str> {
    let first = stack.first()?;
    let own = first.module.as_deref();
    let own_base = own.map(base_name);
    let run = match own {
        Some(_) => stack.iter().take_while(|frame| frame.module.as_deref() == own).count(),
        None => 0,
    };
    let found = ROWS.iter().find(|row| {
        let reach = match own_base {
            _ if row.module == ANY => NEAR,
            Some(base) if glob(row.module).is_some_and(|module| module.matches(base)) => run,
            _ => return false,
        };
        // Compiled again each time: kept, all of them would fill sixteen pages, which every fork would copy.
        let Some(symbol) = glob(row.symbol) else { return false };
        let mut names = stack
            .iter()
            .take(reach.min(row.among))
            .map(|frame| frame.symbol.as_deref());
        names.any(|name| match name {
            Some(name) => symbol.matches(name),
            None => symbol.as_str() == ANY,
        })
    });
    found.map(|row| row.who)
}

/// A test checks that every row's globs are valid.
fn glob(text: &str) -> Option<Pattern> {
    Pattern::new(text).ok()
}

pub mod python;
#[cfg(test)]
mod tests;
