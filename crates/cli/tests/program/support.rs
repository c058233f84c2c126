//! Runs the built program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use forecast::Results;

pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty folder with the experiment `tiny.toml`.
    pub fn new(experiment: &str) -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("tiny.toml", experiment);
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attractor"));
        command.args(arguments).current_dir(self.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Stdout of a command that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The run directory that `train` prints last.
    pub fn train(&self, arguments: &[&str]) -> PathBuf {
        let table = self.ok(&[&["train"], arguments].concat());
        self.path().join(table.lines().last().unwrap())
    }
}

pub fn results(run: &Path) -> Results {
    serde_json::from_str(&std::fs::read_to_string(run.join("results.json")).unwrap()).unwrap()
}

/// What must repeat: everything but the clock.
pub fn timeless(mut results: Results) -> Results {
    results.train.seconds = 0.0;
    results.train.step_seconds = 0.0;
    results.train.examples_per_second = 0.0;
    results.scores.step_microseconds = 0.0;
    results.baselines.values_mut().for_each(|scores| scores.step_microseconds = 0.0);
    results.solvers.iter_mut().for_each(|solver| solver.step_microseconds = 0.0);
    results
}

/// A command that must fail with this status, and say these words.
pub fn refused(folder: &Folder, arguments: &[&str], status: i32, words: &[&str]) {
    let output = folder.run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word) && !said.contains("panicked"), "{arguments:?}: {word}: {said}");
    }
}

/// A terminal on which the program runs.
#[cfg(target_os = "linux")]
pub struct Terminal {
    pub columns: usize,
    pub term: &'static str,
    pub no_color: Option<&'static str>,
}

#[cfg(target_os = "linux")]
impl Default for Terminal {
    fn default() -> Self {
        Terminal { columns: 80, term: "xterm-256color", no_color: None }
    }
}

#[cfg(target_os = "linux")]
impl Terminal {
    /// What the terminal is sent by the program with these arguments, as a shell reads them, and the exit code.
    pub fn run(&self, folder: &Folder, arguments: &str) -> (String, Option<i32>) {
        use std::process::Stdio;

        let program = env!("CARGO_BIN_EXE_attractor");
        let command = format!("stty rows 24 cols {} && exec {program} {arguments}", self.columns);
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(folder.path()).env("TERM", self.term);
        // Terminals of continuous integration are held to the same.
        script.env("CI", "true").env_remove("CLICOLOR").env_remove("CLICOLOR_FORCE");
        script.env_remove("NO_COLOR").envs(self.no_color.map(|value| ("NO_COLOR", value)));
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Open until the end: after the end of its input, `script` may drop the last lines that the program wrote.
        let keyboard = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(keyboard);
        (String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"), output.status.code())
    }
}
