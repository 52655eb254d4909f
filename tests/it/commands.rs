//! What people type: the real program, what it prints, how it ends. Here what all commands share; `operator` goes from `init` to a
//! mended dead letter, `peers` stops and lets go what is sent, `doctor` finds what is ill, `codes` finds codes that will fail, `data` tries the data rooms with good and bad mappings.
//!
//! Exit statuses: 0 done, 1 something is not as it should be, 2 wrong usage, 3 cannot start or read, 4 the gateway does not run.

mod broken_off;
mod codes;
mod data;
mod doctor;
mod operator;
mod peers;

use std::collections::{BTreeMap, BTreeSet};
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

/// The help of every command, by its words.
fn helps(place: &Place, lang: &str, heading: &str) -> BTreeMap<String, String> {
    let mut todo = vec![String::new()];
    let mut seen = BTreeMap::new();
    while let Some(command) = todo.pop() {
        let args: Vec<&str> = command.split_whitespace().chain(["--help", "--lang", lang]).collect();
        let help = place.done(&args);
        // The commands below, from the list that is shown.
        let below =
            help.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.is_empty());
        for line in below.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
            let name = line.split_whitespace().next().unwrap_or_default();
            todo.push(format!("{command} {name}").trim().to_owned());
        }
        seen.insert(command, help);
    }
    seen
}

/// What looks like an option in it.
fn options(help: &str) -> BTreeSet<&str> {
    let words = help.split(|c: char| c.is_whitespace() || "`,;<>[].:()".contains(c));
    words.filter(|word| word.starts_with("--") && word.len() > 2).collect()
}

#[test]
fn every_command_says_what_it_is_for_in_both_languages() {
    let place = Place::new();
    let (vi, en) = (helps(&place, "vi", "Lệnh:"), helps(&place, "en", "Commands:"));
    assert!(en.len() > 15, "only {} commands were found", en.len());
    assert!(vi.keys().eq(en.keys()), "{:?}", vi.keys());
    for (command, help) in &en {
        let told = &vi[command];
        for text in [help, told] {
            let about = text.lines().next().unwrap_or_default();
            assert!(
                about.split_whitespace().count() > 3,
                "{command}: begins with what it is for, not «{about}»"
            );
        }
        assert_eq!(options(help), options(told), "{command}");
        for heading in ["Usage:", "Options:", "Examples:", "Exit status:"] {
            assert!(help.contains(heading), "{command}: no {heading} in {help}");
        }
        for heading in ["Cách dùng:", "Tùy chọn:", "Ví dụ:", "Mã kết thúc:"] {
            assert!(told.contains(heading), "{command}: no {heading} in {told}");
        }
        // What the library says by itself, and every line that the English help has as well.
        let left = [
            "Usage",
            "Options",
            "Commands",
            "Arguments",
            "OPTIONS",
            "COMMAND",
            "default",
            "env:",
            "possible",
            "Print",
        ];
        for word in left {
            assert!(!told.contains(word), "{command}: «{word}» in {told}");
        }
        let shown: BTreeSet<&str> =
            told.lines().map(str::trim).filter(|line| !line.starts_with("lienthong ")).collect();
        let prose = |line: &&str| {
            let plain = !line.starts_with("sudo ") && !line.ends_with("slow, ok");
            plain && line.split_whitespace().count() > 1
        };
        let same = help.lines().map(str::trim).filter(prose).find(|line| shown.contains(line));
        assert_eq!(same, None, "{command}: stands in both");
    }
    assert_eq!(place.done(&["help", "keys", "add"]), place.done(&["keys", "add", "--help"]));
    let unasked =
        place.command(&["--help"]).env_remove("LIENTHONG_LANG").output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&unasked.stdout), vi[""], "Vietnamese is the first language");
}

#[test]
fn wrong_usage_is_said_in_vietnamese_first() {
    let place = Place::new();
    for (words, args) in [
        ("không có lệnh `chek` (có phải `check`?)", &["chek"][..]),
        ("lệnh này không nhận `--onse` (có phải `--once`?)", &["demo", "--onse"]),
        ("còn thiếu <BẢNG ÁNH XẠ>", &["translate"]),
        (
            "giá trị `perhaps` không dùng được cho `<KẾT LUẬN>`; phải là một trong: happened, did-not",
            &["dead-letters", "settle", "1", "perhaps"],
        ),
        ("giá trị `hôm qua` không dùng được cho `--since <THỜI ĐIỂM>`", &["redeliver", "--since", "hôm qua"]),
        ("`--reason <LÝ DO>` còn thiếu giá trị", &["dead-letters", "discard", "1", "--reason"]),
        ("có phải `portal/out-dossier-recorded`", &["translate", "portal/out-dossier-recoded", "x.json"]),
        ("không có bản giả lập", &["simulate", "nobody"]),
        ("còn thiếu lệnh, một trong: init, keys, run", &[]),
        ("còn thiếu lệnh, một trong: add, list, revoke", &["keys"]),
    ] {
        let said = place.run(&[args, &["--lang", "vi"]].concat());
        assert!(said.err.contains(words) && said.status == 2, "{words}: {}", said.err);
        assert!(!["Usage", "error", "For more"].iter().any(|word| said.err.contains(word)), "{}", said.err);
    }
}

#[test]
fn the_configuration_says_in_which_language_commands_speak() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    for (lang, words) in [("vi", "không có khóa nào mang mã `x`"), ("en", "there is no key `x`")] {
        place.write("etc/lienthong.toml", &config.replace("lang = \"vi\"", &format!("lang = \"{lang}\"")));
        let said = said(place.command(&["keys", "revoke", "x"]).env_remove("LIENTHONG_LANG"));
        assert!(said.err.contains(words), "{}", said.err);
        place.ends(2, "there is no key", &["keys", "revoke", "x", "--lang", "en"]);
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
    place.ends(2, "--answers does not know", &["simulate", "--answers", "perhaps"]);
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

/// What stands in the reference as a remark is a configuration that holds, as soon as its secrets are there: so nobody copies a slip.
#[test]
fn the_peers_that_the_reference_only_shows_hold_too() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let reference = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("a configuration");
    let (mut text, mut shown, mut peers) = (String::new(), false, 0);
    for line in reference.lines() {
        let bare = line.strip_prefix("# ").unwrap_or_default();
        shown = match bare.starts_with("[peers.") {
            true => true,
            false => shown && !bare.is_empty(),
        };
        peers += usize::from(
            shown && bare.ends_with(']') && !bare.contains(".settings]") && bare.starts_with('['),
        );
        text.push_str(if shown { bare } else { line });
        text.push('\n');
    }
    assert_eq!(peers, 19, "the peers that are shown");
    let place_of = |line: &str, after: &str| {
        let rest = line.split_once(after)?.1;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let authority = std::fs::read_to_string(crate::tls::Authority::new().file()).expect("a certificate");
    for part in text.lines().flat_map(|line| line.split("}, ")).filter(|part| !part.starts_with('#')) {
        if let Some(path) = place_of(part, "ca_file = \"") {
            place.write(&path, &authority);
        } else if let Some(path) = place_of(part, "{ file = \"") {
            place.write(&path, "whsec_bGllbnRob25nIHRodSBuZ2hpZW0ga2hvYSBreQ==\n");
        }
    }
    place.write("etc/lienthong.toml", &text);
    let mut check = place.command(&["check"]);
    for name in ["LIENTHONG_NGSP_KEY", "LIENTHONG_NGSP_SECRET", "LIENTHONG_MYVNPOST_USERNAME"] {
        check.env(name, "thu");
    }
    let said = said(&mut check);
    assert_eq!(said.status, 0, "{}{}", said.out, said.err);
    // They were looked at: one secret less is said.
    std::fs::remove_file(place.path("etc/dan-cu.secret")).expect("a file");
    place.ends(1, "peers.dan-cu.keys.secret-key", &["check"]);
}

#[test]
fn the_demonstration_ends_well() {
    let place = Place::new();
    let out = place.done(&["demo", "--once"]);
    assert!(out.contains("Every dossier is where it should be."), "{out}");
    assert!(out.contains("] The portal works again\n") && !out.contains(" -> "), "{out}");
    assert!(out.contains("The audit trail is whole: ") && out.contains(" 2 questions, 0 without"), "{out}");
    assert!(out.contains("shipment: return, shipment 1, handed over"), "{out}");
    assert!(!place.path("etc").exists(), "it needs nothing and leaves nothing");
}
