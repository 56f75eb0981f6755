//! Python functions that fork to execute a program, and do nothing else in the child: one row of [`ROWS`] each.
//!
//! As in the table of native callers, a wrong row hides a real hazard. If a child does more all the same and needs an inherited lock,
//! it reports that, and its fork.

use forkwatch_schema::record::PythonFrame;

/// How many frames, from the call of `fork` on, are compared with the rows.
const NEAR: usize = 4;

/// One caller: how its file's path ends, its function without the class, and its name for people.
type Row = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // The standard library.
    ("/pty.py",                   "fork",           "Python's pty"),
    ("/pty.py",                   "spawn",          "Python's pty"),
    ("/os.py",                    "_spawnvef",      "Python's os.spawn"),
    ("<frozen os>",               "_spawnvef",      "Python's os.spawn"),
    ("/distutils/spawn.py",       "_spawn_posix",   "distutils"),
    ("/_distutils/spawn.py",      "_spawn_posix",   "distutils"),
    // Packages.
    ("/ptyprocess/ptyprocess.py", "spawn",          "ptyprocess"),
    ("/ptyprocess/_fork_pty.py",  "fork_pty",       "ptyprocess"),
    ("/pexpect/pty_spawn.py",     "_spawn",         "pexpect"),
    ("/pexpect/__init__.py",      "_spawn",         "pexpect"),
    ("/gevent/subprocess.py",     "_execute_child", "gevent's subprocess"),
    ("/eventlet/green/subprocess.py", "_execute_child", "eventlet's subprocess"),
    ("/sh.py",                    "__init__",       "sh"),
    ("/supervisor/process.py",    "spawn",          "supervisor"),
];

/// Which exec-bound caller forks here, if it is one. `stack` is innermost first.
pub fn exec_bound(stack: &[PythonFrame]) -> Option<&'static str> {
    let is_row = |frame: &PythonFrame, (file, function, _): &Row| {
        let name = frame.function.rsplit('.').next().unwrap_or_default();
        name == *function && frame.file.ends_with(file)
    };
    let found = |frame: &PythonFrame| ROWS.iter().find(|row| is_row(frame, row));
    stack.iter().take(NEAR).find_map(found).map(|(.., who)| *who)
}

#[cfg(test)]
mod tests {
    use super::{ROWS, exec_bound};
    use forkwatch_schema::record::PythonFrame;

    fn stack(frames: &[(&str, &str)]) -> Vec<PythonFrame> {
        let frame = |&(file, function): &(&str, &str)| PythonFrame {
            file: file.into(),
            line: 1,
            function: function.into(),
        };
        frames.iter().map(frame).collect()
    }

    const APP: (&str, &str) = ("/app/main.py", "main");

    #[test]
    fn callers_that_only_exec() {
        let packages = "/env/lib/python3.11/site-packages";
        for (file, function, who) in ROWS {
            let file = if file.starts_with('<') {
                (*file).to_owned()
            } else {
                format!("{packages}{file}")
            };
            for function in [(*function).to_owned(), format!("Some.{function}")] {
                assert_eq!(exec_bound(&stack(&[(&file, &function), APP])), Some(*who));
            }
        }
        let pexpect = [
            ("/usr/lib/python3.11/pty.py", "fork"),
            (&*format!("{packages}/ptyprocess/ptyprocess.py"), "PtyProcess.spawn"),
            (&*format!("{packages}/pexpect/pty_spawn.py"), "spawn._spawnpty"),
        ];
        assert_eq!(exec_bound(&stack(&pexpect)), Some("Python's pty"));
    }

    #[test]
    fn others_are_no_such_callers() {
        let standard = "/usr/lib/python3.11";
        let process = format!("{standard}/multiprocessing/popen_fork.py");
        let pty = format!("{standard}/pty.py");
        for frames in [
            &[APP][..],
            &[(&process, "Popen._launch"), APP],
            // Called by pty, but not its fork.
            &[APP, (&pty, "_copy")],
            &[APP, APP, APP, APP, (&pty, "spawn")],
            &[("/app/pty.py", "run")],
            &[("/app/crash.py", "__init__")],
        ] {
            assert_eq!(exec_bound(&stack(frames)), None, "{frames:?}");
        }
    }
}
