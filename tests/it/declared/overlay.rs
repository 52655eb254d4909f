//! Both worked examples as an overlay of their own, to be changed and checked.

use std::path::Path;

use gateway_core::fault::Defect;
use lienthong::app;
use lienthong::config::Config;
use lienthong::files::Files;

const NAMES: [&str; 2] = ["so-dat-dai", "ho-kinh-doanh"];

/// An overlay with both worked examples.
pub(super) struct Overlay(pub(super) tempfile::TempDir);

impl Overlay {
    pub(super) fn new() -> Overlay {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in conformance::documents().iter().filter(|(path, _)| path.starts_with("declared/"))
        {
            write(&folder.path().join(path), text);
        }
        write(&folder.path().join("sealing.key"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        Overlay(folder)
    }

    pub(super) fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join("declared").join(path)
    }

    /// Puts one text in the place of another, which must be there.
    pub(super) fn change(&self, path: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.path(path)).expect("a file of the example");
        assert!(text.contains(old), "{path} has no `{old}`");
        write(&self.path(path), &text.replacen(old, new, 1));
    }

    /// What `check` says, as people read it.
    pub(super) fn check(&self) -> Vec<String> {
        let key = self.0.path().join("sealing.key");
        let mut text = format!("[gateway]\nsealing_key_file = \"{}\"\n", key.display());
        for name in NAMES {
            text.push_str(&format!(
                "[peers.{name}]\nadapter = \"declared\"\ndialect = \"{name}\"\nendpoints.peer = \"http://127.0.0.1:9\"\n"
            ));
            for secret in ["mat-ma", "ma-ket-noi", "khoa-bi-mat"] {
                text.push_str(&format!("keys.{secret} = {{ file = \"{}\" }}\n", key.display()));
            }
        }
        let config = Config::parse(&text, "lienthong.toml").expect("a configuration");
        let files = Files::with_overlay(self.0.path()).expect("an overlay");
        let defects: Vec<Defect> = app::check(&config, "lienthong.toml", &files).err().unwrap_or_default();
        defects.iter().map(ToString::to_string).collect()
    }
}

pub(super) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// Makes each slip (file, text, what stands in its place, what is to be said) alone, in a copy of the examples that is right.
#[track_caller]
pub(super) fn all_said(slips: &[(&str, &str, &str, &str)]) {
    let mut otherwise = Vec::new();
    for (path, old, new, wanted) in slips {
        let overlay = Overlay::new();
        overlay.change(path, old, new);
        let said = overlay.check();
        if !said.iter().any(|line| line.contains(wanted)) {
            otherwise.push(format!("{path}: `{old}` -> `{new}`\n  wanted {wanted}\n  said   {said:#?}"));
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}
