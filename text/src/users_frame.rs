//! The frame of a Python stack in the user's own code: neither in the standard library nor in an installed package.

use forkwatch_schema::record::PythonFrame;

/// The innermost frame in the user's own code, else in an installed package, else the innermost of all.
pub fn of_python(frames: &[PythonFrame]) -> Option<&PythonFrame> {
    let innermost = |is_meant: fn(&str) -> bool| frames.iter().find(|frame| is_meant(&frame.file));
    innermost(|file| !is_standard(file) && !is_installed(file))
        .or_else(|| innermost(|file| !is_standard(file)))
        .or_else(|| frames.first())
}

fn is_installed(file: &str) -> bool {
    file.contains("/site-packages/") || file.contains("/dist-packages/") || file.contains("/bin/")
}

/// Whether a file is part of the standard library, or there is no file.
fn is_standard(file: &str) -> bool {
    const PARTS: [&str; 3] = ["/multiprocessing/", "/concurrent/futures/", "/threading.py"];
    let lies_there = file.contains("/lib/python3") && !file.contains("-packages/");
    lies_there || PARTS.iter().any(|part| file.contains(part)) || file.ends_with("/pty.py") || file.starts_with('<')
}

#[cfg(test)]
mod tests {
    use super::of_python;
    use forkwatch_schema::record::PythonFrame;

    fn chosen(files: &[&str]) -> Option<usize> {
        let frames: Vec<PythonFrame> = files
            .iter()
            .map(|file| PythonFrame {
                file: (*file).into(),
                line: 1,
                function: "f".into(),
            })
            .collect();
        let chosen = of_python(&frames)?;
        frames.iter().position(|frame| core::ptr::eq(frame, chosen))
    }

    #[test]
    fn the_users_own_code_comes_first() {
        let standard = "/usr/lib/python3.11/multiprocessing/popen_fork.py";
        let package = "/env/lib/python3.11/site-packages/celery/worker.py";
        assert_eq!(chosen(&[standard, package, "/app/tasks.py", "/app/main.py"]), Some(2));
        assert_eq!(chosen(&[standard, package, "/env/bin/celery"]), Some(1));
        assert_eq!(chosen(&["<frozen os>", standard]), Some(0));
        assert_eq!(chosen(&[]), None);
    }
}
