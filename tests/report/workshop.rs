//! Programs built with debug information, and what is known of them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use forkwatch_schema::record::Frame;
use tempfile::TempDir;

use super::records::line;
use super::symbols::{fork_at, stack};
use super::{log, report, stderr};
use crate::command::stdout;

/// The frame's address is the label `here`, behind the line that counts.
pub const PROGRAM: &str = r#"#include <unistd.h>
static inline __attribute__((always_inline)) void inner(void) {
  asm volatile("nop; here:");
  asm volatile("nop");
}
__attribute__((noinline)) void outer(int n) {
  inner();
  asm volatile("" :: "r"(n));
}
int main(void) { outer(getpid()); return 0; }
"#;

pub const CC: &str = "cc -O1 -pie -fPIE -Wl,--build-id";

/// Programs, their debug files and what is known of them.
pub struct Workshop {
    pub folder: TempDir,
    pub id: String,
    pub offset: String,
}

impl Workshop {
    /// The program, built with debug information.
    pub fn new(compiler: &str, source: &str) -> Self {
        let mut shop = Self {
            folder: tempfile::tempdir().unwrap(),
            id: String::new(),
            offset: String::new(),
        };
        fs::write(shop.at("program.c"), source).unwrap();
        shop.run(&format!("{compiler} -g -o program program.c"));
        let notes = shop.run("readelf -nW program");
        let id = notes.split("Build ID:").nth(1).unwrap();
        shop.id = id.split_whitespace().next().unwrap().to_owned();
        let symbols = shop.run("nm program");
        let here = symbols.lines().find(|line| line.ends_with(" here")).unwrap();
        shop.offset = format!("{:#x}", u64::from_str_radix(&here[..16], 16).unwrap());
        shop
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, command: &str) -> String {
        let output = Command::new("sh")
            .args(["-ec", command])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", stderr(&output));
        stdout(&output)
    }

    /// Takes the debug information out, into `debug`.
    pub fn part(&self) {
        self.run("objcopy --only-keep-debug program debug");
        self.run("strip program");
    }

    /// Where folders have the debug file.
    pub fn place_of_id(&self) -> String {
        format!(".build-id/{}/{}.debug", &self.id[..2], &self.id[2..])
    }

    pub fn frame(&self) -> Frame {
        Frame {
            ip: "0x555555555155".into(),
            module: Some(self.at("program").to_str().unwrap().into()),
            offset: Some(self.offset.clone()),
            build_id: Some(self.id.clone()),
            ..Frame::default()
        }
    }

    /// How the fork's stack is shown.
    pub fn reported(&self, options: &[&str]) -> (String, Output) {
        let (_log, path) = log(line(&fork_at(vec![self.frame()])));
        let output = report(options, &path);
        (stack(&stdout(&output)), output)
    }

    pub fn source(&self) -> String {
        self.at("program.c").display().to_string()
    }

    /// The two frames that debug information gives.
    pub fn both(&self) -> String {
        let source = self.source();
        format!("#0 inner  {source}:3\n#1 outer  {source}:7\n")
    }

    pub fn unnamed(&self) -> String {
        format!("#0 ??  (program+{})\n", self.offset)
    }
}
