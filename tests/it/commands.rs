//! What people type: the real program, what it prints, how it ends. Here what all commands share; `operator` goes from `init` to a
//! mended dead letter, `data` tries the data rooms with good and bad mappings.
//!
//! Exit statuses: 0 done, 1 something is not as it should be, 2 wrong usage, 3 cannot start or read, 4 the gateway does not run.

mod data;
mod operator;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A folder with an installation in it.
struct Place {
    folder: tempfile::TempDir,
}

/// What a command said.
struct Said {
    status: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The program, with nothing of the outer environment that it would read.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(conformance::process::lienthong());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LIENTHONG"))
        {
            command.env_remove(name);
        }
        command
            .env_remove("UPDATE")
            .env("LIENTHONG_LANG", "en")
            .env("LIENTHONG_PORTAL_PASSWORD", "mat-khau-thu")
            .current_dir(self.folder.path())
            .args(args)
            .stdin(Stdio::null());
        // A configuration that is named must be there, and some tests do without.
        let config = self.path("etc/lienthong.toml");
        if config.exists() {
            command.env("LIENTHONG_CONFIG", config);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    /// Runs what must go well and gives what it printed.
    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.status, 0, "{args:?}: {}{}", said.out, said.err);
        said.out
    }

    /// The same, printed as JSON.
    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        let out = self.done(&args);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    /// Runs what must end with this status and say these words.
    #[track_caller]
    fn ends(&self, status: i32, words: &str, args: &[&str]) {
        let said = self.run(args);
        assert_eq!(said.status, status, "{args:?}: {}{}", said.out, said.err);
        assert!(format!("{}{}", said.out, said.err).contains(words), "{args:?}: {}{}", said.out, said.err);
    }
}

fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the program starts");
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn every_command_says_what_it_is_for() {
    let place = Place::new();
    let mut todo: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = todo.pop() {
        let args: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let help = place.done(&args);
        seen += 1;
        let about = help.lines().next().unwrap_or_default();
        assert!(about.split_whitespace().count() > 3, "{args:?}: begins with what it is for, not «{about}»");
        // The commands below, from the list that clap prints.
        let below =
            help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for line in below.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let name = line.split_whitespace().next().unwrap_or_default();
            if name != "help" {
                todo.push(command.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
    }
    assert!(seen > 15, "only {seen} commands were found");
    let help = place.done(&["--help"]);
    for word in ["lienthong demo", "lienthong init", "Exit status"] {
        assert!(help.contains(word), "the help shows how to begin and the exit statuses: {help}");
    }
}

#[test]
fn wrong_usage_is_status_2() {
    let place = Place::new();
    place.ends(2, "unrecognized subcommand", &["chay"]);
    place.ends(2, "required", &["translate"]);
    place.ends(
        2,
        "did you mean `portal/out-dossier-recorded`",
        &["translate", "portal/out-dossier-recoded", "x.json"],
    );
    place.ends(2, "no mapping's name starts with", &["coverage", "nowhere"]);
    place.ends(2, "no mapping's name starts with", &["test", "nowhere"]);
    place.ends(2, "there is no such folder", &["test", "--folder", "nowhere"]);
    place.ends(2, "there is no simulator", &["simulate", "nobody"]);
    place.ends(2, "--answers takes", &["simulate", "--answers", "perhaps"]);
}

#[test]
fn what_cannot_be_read_is_status_3() {
    let place = Place::new();
    place.ends(3, "`lienthong init` writes one", &["run"]);
    place.ends(3, "`lienthong init` writes one", &["keys", "list"]);
    place.ends(3, "nowhere.json", &["translate", "portal/out-dossier-recorded", "nowhere.json"]);
    place.write("etc/lienthong.toml", "[gateway]\nlang = \"vi\"\nlissten = \"127.0.0.1:0\"\n");
    place.ends(3, "etc/lienthong.toml:3: lissten: unknown field `lissten`", &["run"]);
    place.ends(1, "did you mean `listen`", &["check"]);
}

#[test]
fn the_demonstration_ends_well() {
    let place = Place::new();
    let out = place.done(&["demo", "--once"]);
    assert!(out.contains("Every dossier is where it should be."), "{out}");
    assert!(!place.path("etc").exists(), "it needs nothing and leaves nothing");
}
