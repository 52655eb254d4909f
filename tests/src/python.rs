//! The Python programs that the tests let call the gateway: installed by `ops/test` into `target/venv`, never by a test.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tree;

/// A program of the tests' own Python environment: `python`, `schemathesis`.
pub fn program(name: &str) -> PathBuf {
    let path = tree().join("target/venv/bin").join(name);
    assert!(path.exists(), "{} is not there: `ops/test clients` installs it", path.display());
    path
}

/// Runs a script of `tests/clients/` and gives what it said; it must end well.
pub fn script(name: &str, args: &[&str]) -> String {
    run(Command::new(program("python")).arg(tree().join("tests/clients").join(name)).args(args), name)
}

/// Runs a command and gives what it said; it must end well.
pub fn run(command: &mut Command, name: &str) -> String {
    let output = command.env("PYTHONUTF8", "1").output().expect("the program can be started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A file of `tests/clients/`.
pub fn file(name: &str) -> PathBuf {
    Path::new(&tree()).join("tests/clients").join(name)
}
