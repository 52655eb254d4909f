//! What `--help` says, and what is said to words that mean nothing: Vietnamese first, English by `--lang en`.
//!
//! There is one tree of commands, the one in `cli`; the English of a command and of its arguments is the comment that stands
//! there. In [`pages`] stands, for each command, the same in Vietnamese, and in both languages its examples and how it can end.
//! What has no text there keeps its English, and a test that walks the tree says so.

mod pages;

use std::ffi::OsString;

use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, Command, Error};

use self::pages::{COMMON, ENDS, PAGES, Page};
use crate::words::Lang;

/// The language of these words, before anything else is made of them: also a slip among them is spoken of in it.
pub(super) fn lang(args: &[OsString]) -> Lang {
    let mut said = None;
    let mut words = args.iter().map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--");
    while let Some(word) = words.next() {
        match word.strip_prefix("--lang") {
            Some("") => said = words.next().map(|lang| lang.into_owned()),
            Some(lang) => said = lang.strip_prefix('=').map(str::to_owned).or(said),
            None => {}
        }
    }
    Lang::parse(&said.or_else(|| std::env::var("LIENTHONG_LANG").ok()).unwrap_or_default())
}

/// The tree of commands in this language.
pub(super) fn spoken(mut tree: Command, lang: Lang) -> Command {
    tree.build();
    told(tree, "", lang)
}

fn told(command: Command, path: &str, lang: Lang) -> Command {
    let Some(page) = PAGES.iter().find(|page| page.command == path) else { return command };
    let command = command
        .mut_subcommands(|below| {
            let path = format!("{path} {}", below.get_name());
            told(below, path.trim_start(), lang)
        })
        .mut_args(|arg| {
            // An empty word in its place is nothing anybody wants to read.
            let empty = arg.get_default_values().iter().all(|value| value.is_empty());
            let arg = arg.hide_default_value(empty);
            // A command's own come first.
            match COMMON.iter().position(|(name, ..)| arg.get_id() == *name) {
                Some(place) => arg.display_order(100 + place),
                None => arg,
            }
        })
        .after_help(page.end(lang));
    match lang {
        Lang::Vi => page.in_vietnamese(command),
        Lang::En => command,
    }
}

impl Page {
    /// Examples, and how the command can end.
    fn end(&self, lang: Lang) -> String {
        let mut text = format!("{}\n", lang.pick("Ví dụ:", "Examples:"));
        for (typed, vi, en) in self.examples {
            text.push_str(&format!("  {typed}\n      {}\n", lang.pick(vi, en)));
        }
        text.push_str(&format!("\n{}\n", lang.pick("Mã kết thúc:", "Exit status:")));
        let ends: Vec<String> = self
            .ends
            .iter()
            .map(|end| format!("  {end}  {}", lang.pick(ENDS[*end].0, ENDS[*end].1)))
            .collect();
        text + &ends.join("\n")
    }

    fn in_vietnamese(&self, command: Command) -> Command {
        let args = || self.args.iter().chain(COMMON);
        let mut command =
            command.about(self.about).subcommand_value_name("LỆNH").mut_args(|arg| {
                match args().find(|(name, ..)| arg.get_id() == *name) {
                    Some((_, value, help)) => described(arg, value, help),
                    None => arg,
                }
            });
        let usage = command.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage:").trim().replace("[OPTIONS]", "[TÙY CHỌN]");
        let mut template = "{about}\n\nCách dùng: {usage}\n\n".to_owned();
        if command.has_subcommands() {
            template.push_str("Lệnh:\n{subcommands}\n\n");
        }
        if command.get_positionals().next().is_some() {
            template.push_str("Đối số:\n{positionals}\n\n");
        }
        template.push_str("Tùy chọn:\n{options}{after-help}\n");
        command.override_usage(usage).help_template(template)
    }
}

/// What clap adds by itself it adds in English, so it is hidden, and said here.
fn described(arg: Arg, value: &'static str, help: &str) -> Arg {
    let mut help = help.to_owned();
    if !arg.get_action().takes_values() {
        return arg.help(help);
    }
    let texts = |values: Vec<String>| values.join(", ");
    let possible = texts(arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect());
    let default =
        texts(arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect());
    let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    for (name, text) in [("một trong", possible), ("biến môi trường", variable), ("mặc định", default)]
    {
        if !text.is_empty() {
            help.push_str(&format!(" [{name}: {text}]"));
        }
    }
    arg.value_name(value).help(help).hide_possible_values(true).hide_env(true).hide_default_value(true)
}

/// Whatever is wrong with the words typed, and how it would be right.
pub(super) fn misuse(error: &Error, lang: Lang) -> String {
    let of = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    if lang == Lang::En {
        return error.to_string().trim_start_matches("error: ").to_owned();
    }
    let (arg, value) = (of(ContextKind::InvalidArg), of(ContextKind::InvalidValue));
    let mut words = match error.kind() {
        ErrorKind::InvalidSubcommand => format!("không có lệnh `{}`", of(ContextKind::InvalidSubcommand)),
        ErrorKind::UnknownArgument => format!("lệnh này không nhận `{arg}`"),
        ErrorKind::MissingSubcommand => {
            format!("còn thiếu lệnh, một trong: {}", of(ContextKind::ValidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("còn thiếu {arg}"),
        ErrorKind::InvalidValue if value.is_empty() => format!("`{arg}` còn thiếu giá trị"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("giá trị `{value}` không dùng được cho `{arg}`")
        }
        ErrorKind::ArgumentConflict => {
            format!("`{arg}` chỉ được ghi một lần, hoặc không đi cùng tùy chọn khác")
        }
        _ => "câu lệnh không đúng".to_owned(),
    };
    let valid = of(ContextKind::ValidValue);
    if !valid.is_empty() {
        words.push_str(&format!("; phải là một trong: {valid}"));
    }
    for near in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        let near = of(near);
        if !near.is_empty() {
            words.push_str(&format!(" (có phải `{near}`?)"));
        }
    }
    let usage = of(ContextKind::Usage);
    if !usage.is_empty() {
        words.push_str(&format!("\n\nCách dùng: {}", usage.trim_start_matches("Usage:").trim()));
    }
    words + "\n\nThêm `--help` vào câu lệnh để xem trợ giúp."
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Written with diacritics, so it is no English; that they are composed (NFC) is held for all files.
    #[track_caller]
    fn vietnamese(text: &str, what: &str) {
        assert!(text.chars().any(|c| c.is_alphabetic() && !c.is_ascii()), "{what}: «{text}»");
    }

    fn walk(command: &Command, path: &str, seen: &mut Vec<String>) {
        let page = PAGES.iter().find(|page| page.command == path);
        let page = page.unwrap_or_else(|| panic!("`{path}` has no page in help/pages.rs"));
        vietnamese(&command.get_about().map(ToString::to_string).unwrap_or_default(), path);
        for arg in command.get_arguments() {
            let what = format!("{path} {}", arg.get_id());
            vietnamese(&arg.get_help().map(ToString::to_string).unwrap_or_default(), &what);
        }
        for (name, ..) in page.args {
            assert!(command.get_arguments().any(|arg| arg.get_id() == *name), "{path}: there is no {name}");
        }
        assert!(!page.examples.is_empty(), "{path}: no example");
        for (typed, vi, en) in page.examples {
            vietnamese(vi, path);
            assert!(en.is_ascii() && typed.contains(&format!("lienthong {path}")), "{path}: {typed}");
        }
        seen.push(path.to_owned());
        for below in command.get_subcommands() {
            walk(below, format!("{path} {}", below.get_name()).trim_start(), seen);
        }
    }

    #[test]
    fn every_command_and_every_argument_has_its_vietnamese() {
        let mut seen = Vec::new();
        walk(&spoken(super::super::Cli::command(), Lang::Vi), "", &mut seen);
        let stale: Vec<&str> = PAGES
            .iter()
            .map(|page| page.command)
            .filter(|path| !seen.iter().any(|seen| seen == path))
            .collect();
        assert!(stale.is_empty(), "pages of no command: {stale:?}");
    }

    #[test]
    fn every_example_is_a_command_that_is_understood() {
        for page in PAGES {
            for (typed, ..) in page.examples {
                for part in typed.split(" && ") {
                    let part = part.split(" > ").next().unwrap_or_default().trim_start_matches("sudo ");
                    // As a shell takes it apart: what stands in quotes of either sort is one word.
                    let sort = if part.contains('\'') { '\'' } else { '"' };
                    let mut words: Vec<String> = Vec::new();
                    for (index, quoted) in part.split(sort).enumerate() {
                        match index % 2 {
                            0 => words.extend(quoted.split_whitespace().map(str::to_owned)),
                            _ => words.push(quoted.to_owned()),
                        }
                    }
                    let parsed = super::super::Cli::command().try_get_matches_from(&words);
                    assert!(parsed.is_ok(), "{typed}: {}", parsed.unwrap_err());
                }
            }
        }
    }

    #[test]
    fn the_language_is_known_before_anything_else() {
        let of = |args: &[&str]| lang(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of(&["lienthong", "--lang", "en", "--help"]), Lang::En);
        assert_eq!(of(&["lienthong", "chay", "--lang=en"]), Lang::En);
        assert_eq!(of(&["lienthong", "--lang=en", "--lang", "vi"]), Lang::Vi);
    }
}
