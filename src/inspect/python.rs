//! The Python stack of another process. Its interpreter's memory is laid out differently in every version, and py-spy knows them
//! all.

use std::process::{Command, Stdio};

use crate::process::Process;

/// What py-spy says, or how to ask it.
pub fn stack(process: Process) -> String {
    let pid = process.0.to_string();
    // Nothing changes while the process waits: it need not be stopped.
    let said = Command::new("py-spy")
        .args(["dump", "--nonblocking", "--pid", &pid])
        .stdin(Stdio::null())
        .output();
    match said {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr);
            let why = why
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("it does not say why");
            format!("py-spy failed: {}\n", why.trim())
        }
        Err(_) => format!("ask py-spy: pip install py-spy; py-spy dump --pid {pid}\n"),
    }
}
