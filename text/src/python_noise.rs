//! Python frames that carry no information: how a thread begins, and how a tool calls the code it runs.

use forkwatch_schema::record::PythonFrame;

/// A run of frames shorter than this is shown as it is.
const SHORTEST_RUN: usize = 3;

/// Functions of `threading` that each of its threads begins in.
const BOTTOM: &[&str] = &["_bootstrap", "_bootstrap_inner"];

/// What a file's path begins with, contains or ends with, and the tool that such files belong to.
const TOOLS: &[(&str, &[&str], &[&str], &str)] = &[
    ("<frozen importlib", &[], &[], "Python's import"),
    (
        "",
        &["/_pytest/", "/pluggy/", "/xdist/", "/execnet/", "/pytest_forked/"],
        &["/pytest/__main__.py", "/bin/pytest", "/bin/py.test"],
        "pytest",
    ),
];

/// What is shown of a stack.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'frames> {
    /// A frame and its number.
    Frame(usize, &'frames PythonFrame),
    /// A number of frames in one line, and the tool that they belong to.
    Run(usize, &'static str),
}

/// A stack without the frames that each thread begins in, and with runs of a tool's frames taken together.
pub fn parts(stack: &[PythonFrame]) -> Vec<Part<'_>> {
    let last = stack.iter().rposition(|frame| !is_bottom(frame));
    let kept = last.and_then(|last| stack.get(..=last)).unwrap_or(stack);
    let mut parts = Vec::new();
    let mut position = 0;
    for run in kept.chunk_by(|one, next| tool(one) == tool(next)) {
        match run.first().and_then(tool) {
            Some(tool) if run.len() >= SHORTEST_RUN => parts.push(Part::Run(run.len(), tool)),
            _ => parts.extend(
                run.iter()
                    .enumerate()
                    .map(|(step, frame)| Part::Frame(position + step, frame)),
            ),
        }
        position += run.len();
    }
    parts
}

fn is_bottom(frame: &PythonFrame) -> bool {
    let name = frame.function.rsplit('.').next().unwrap_or_default();
    BOTTOM.contains(&name) && frame.file.ends_with("/threading.py")
}

fn tool(frame: &PythonFrame) -> Option<&'static str> {
    let file = &frame.file;
    TOOLS
        .iter()
        .find(|(start, parts, ends, _)| {
            !start.is_empty() && file.starts_with(start)
                || parts.iter().any(|part| file.contains(part))
                || ends.iter().any(|end| file.ends_with(end))
        })
        .map(|(.., whose)| *whose)
}

#[cfg(test)]
mod tests {
    use super::{Part, parts};
    use forkwatch_schema::record::PythonFrame;

    fn frame(function: &str, file: &str) -> PythonFrame {
        PythonFrame {
            file: file.into(),
            line: 1,
            function: function.into(),
        }
    }

    #[test]
    fn tools_and_the_beginning_of_a_thread_are_left_out() {
        let tests = "/env/lib/python3.11/site-packages";
        let stack = [
            frame("start", "/src/app.py"),
            frame("pytest_pyfunc_call", &format!("{tests}/_pytest/python.py")),
            frame("_multicall", &format!("{tests}/pluggy/_callers.py")),
            frame("<module>", "/env/bin/pytest"),
            frame("run", "/src/pool.py"),
            frame("_call", &format!("{tests}/pluggy/_callers.py")),
            frame("Thread._bootstrap_inner", "/usr/lib/python3.11/threading.py"),
            frame("_bootstrap", "/usr/lib/python3.11/threading.py"),
        ];
        let expected = [
            Part::Frame(0, &stack[0]),
            Part::Run(3, "pytest"),
            Part::Frame(4, &stack[4]),
            Part::Frame(5, &stack[5]),
        ];
        assert_eq!(parts(&stack), expected);
        assert_eq!(parts(&stack[7..]).len(), 1, "all that there is is shown");
    }
}
