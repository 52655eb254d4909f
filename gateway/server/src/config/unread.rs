//! What is said of a configuration that cannot be read: where, and never a value of it, which may be a secret that somebody has written there.

use gateway_core::fault::{Defect, nearest};

/// The defect of a text that is no configuration: file, line, key and the nearest known one.
pub(super) fn toml_defect(text: &str, file: &str, error: &toml::de::Error) -> Defect {
    let line =
        error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() as u64 + 1);
    let message = error.message().to_owned();
    if let Some(message) = without_value(&message) {
        let field = error.span().map(|span| field_before(text, span.start)).unwrap_or_default();
        return Defect { file: file.to_owned(), line, field, message, nearest: None };
    }
    // serde says: unknown field `x`, expected one of `a`, `b`
    let mut quoted = message.split('`').skip(1).step_by(2);
    let field = quoted.next().unwrap_or_default().to_owned();
    let near = message.starts_with("unknown").then(|| nearest(&field, quoted)).flatten();
    Defect { file: file.to_owned(), line, field, message, nearest: near }
}

/// What serde says of a value of the wrong sort, without the value: it may be a secret that somebody has written here.
fn without_value(message: &str) -> Option<String> {
    let (wrong, rest) = message.split_once(": ").filter(|(wrong, _)| wrong.starts_with("invalid "))?;
    let (given, expected) = rest.rsplit_once(", expected ")?;
    let sort = given.split([' ', '`', '"']).next().unwrap_or_default();
    Some(format!("{wrong}: {sort}, expected {expected}"))
}

/// The key in front of the value that begins here, as the line writes it.
fn field_before(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let own = line.rsplit(['{', ',']).next().unwrap_or_default().trim_end().strip_suffix('=');
    // Of a value in a list, the key of the list.
    let key = own.or_else(|| line.split('=').next()).unwrap_or_default().trim();
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '"');
    if key.chars().all(is_key) { key.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_secret_that_was_written_here_is_never_repeated() {
        for (line, field) in [
            ("keys.api-key = \"khoa-thu, expected\"", "keys.api-key"),
            ("keys = { api-key = \"khoa-thu\" }", "api-key"),
            ("keys = \"khoa-thu\"", "keys"),
            ("keys.api-key = [\"khoa\\\"-thu\", 7, 8]", "keys.api-key"),
            ("door.signature_keys = \"khoa-thu\"", "door.signature_keys"),
        ] {
            let text = format!("[peers.p]\nadapter = \"portal\"\n{line}\n");
            let said = Config::parse(&text, "lienthong.toml").unwrap_err()[0].to_string();
            assert!(!said.contains("thu"), "{said}");
            assert!(said.starts_with(&format!("lienthong.toml:3: {field}: ")), "{said}");
            if line.contains("api-key = \"") {
                assert!(said.contains("give it as { file = \"…\" } or { env = \"…\" }"), "{said}");
            }
        }
    }
}
