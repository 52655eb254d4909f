//! Forms, as browsers and Java clients send them: `a=1&b=%C3%A1` read strictly and written, and a file sent as a part of one.
//!
//! What two readers could understand differently is not read: a percent sign without two digits, bytes that are no UTF-8, a field that
//! occurs twice. A file is never held in memory here: it stands in the body at its place and flows through when the body is sent.

use std::fmt::Write as _;

use gateway_core::adapter::{Body, Form, Placed};
use gateway_core::fault::Fault;
use gateway_core::ids::fingerprint;
use gateway_core::lift::Ticket;
use serde_json::{Map, Value};

/// The media type of a form without files.
pub(crate) const URLENCODED: &str = "application/x-www-form-urlencoded";

/// The longest form seen has 76 fields.
const FIELDS_MAX: usize = 1000;

/// The fields of a form, all of them texts.
pub(crate) fn decode(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    let mut fields = Map::new();
    let mut at = 0;
    for pair in bytes.split(|byte| *byte == b'&') {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(sign) => (&pair[..sign], &pair[sign + 1..]),
            None => (pair, &pair[pair.len()..]),
        };
        if !pair.is_empty() {
            let (name, value) = (text(name, at)?, text(value, at + name.len() + 1)?);
            if fields.contains_key(&name) {
                let name: String = name.chars().take(64).collect();
                return Err(Fault::sender(
                    "body.duplicate-key",
                    format!("trường `{name}` của biểu mẫu xuất hiện hai lần"),
                ));
            }
            fields.insert(name, Value::String(value));
            if fields.len() > FIELDS_MAX {
                return Err(Fault::sender("body.malformed", format!("biểu mẫu có quá {FIELDS_MAX} trường")));
            }
        }
        at += pair.len() + 1;
    }
    Ok(fields)
}

/// A name or a value; `at` is where it begins in the body.
fn text(coded: &[u8], at: usize) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(coded.len());
    let mut read = 0;
    while read < coded.len() {
        let (byte, length) = match coded[read] {
            b'+' => (b' ', 1),
            b'%' => (escaped(coded, read).ok_or_else(|| malformed(at + read))?, 3),
            byte => (byte, 1),
        };
        bytes.push(byte);
        read += length;
    }
    String::from_utf8(bytes).map_err(|_| {
        let words = format!("biểu mẫu có trường không phải UTF-8 (bắt đầu ở byte thứ {})", at + 1);
        Fault::sender("body.encoding", words)
    })
}

fn escaped(coded: &[u8], at: usize) -> Option<u8> {
    let digit = |place: usize| coded.get(place).and_then(|byte| char::from(*byte).to_digit(16));
    let value = digit(at + 1)? * 16 + digit(at + 2)?;
    u8::try_from(value).ok()
}

fn malformed(at: usize) -> Fault {
    let words =
        format!("biểu mẫu không hợp lệ: sau dấu % ở byte thứ {} phải là hai chữ số thập lục phân", at + 1);
    Fault::sender("body.malformed", words)
}

/// The same way back.
pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        write_coded(&mut form, name);
        form.push('=');
        write_coded(&mut form, value);
    }
    form
}

fn write_coded(form: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                form.push(char::from(byte))
            }
            b' ' => form.push('+'),
            // Writing to a String cannot fail.
            _ => drop(write!(form, "%{byte:02X}")),
        }
    }
}

/// A file as the part of a form.
pub(crate) struct Part<'a> {
    /// The name of the part.
    pub(crate) name: &'a str,
    /// What the file is called.
    pub(crate) file_name: &'a str,
    /// What is in it.
    pub(crate) content: Content<'a>,
}

/// The content of a part.
pub(crate) enum Content<'a> {
    /// A file that travels with the message and stays where it is until the form is sent.
    File(&'a Ticket),
    /// A small one that stood in the message itself.
    Bytes(&'a [u8]),
}

/// A form with one file behind its fields: its media type, and the body. The line between the parts is a digest of all of them, so it is
/// the same each time and nobody can write a text that contains it.
pub(crate) fn multipart(fields: &[(&str, &str)], part: &Part) -> (String, Body) {
    let mut all: Vec<&str> = fields.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let ticket = match part.content {
        Content::File(file) => file.clone(),
        Content::Bytes(bytes) => Ticket::of(bytes),
    };
    all.extend([part.file_name, ticket.sha256.as_str()]);
    let boundary = format!("lienthong-{}", fingerprint(&all));
    let mut head = String::new();
    for (name, value) in fields {
        let name = quoted(name);
        let _ = write!(
            head,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    let (name, file_name) = (quoted(part.name), quoted(part.file_name));
    let _ = write!(
        head,
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let at = head.len();
    let mut body = Body::of(head);
    match part.content {
        Content::File(_) => body.files.push(Placed { at, file: ticket, form: Form::Plain, real: None }),
        Content::Bytes(bytes) => body.bytes.extend_from_slice(bytes),
    }
    body.bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// Within quotes, as browsers write it: a name cannot end its line.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let fields =
            [("dossierNo", "H99.14-260310-0007"), ("applicantName", "Nguyễn Văn Thử & 1+1=2 %"), ("x y", "")];
        let form = encode(fields);
        assert!(form.is_ascii() && !form.contains(' '), "{form}");
        let expected: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        assert_eq!(decode(form.as_bytes()).unwrap(), expected);
        assert_eq!(
            decode(b"a&b=&&c=1=2").unwrap(),
            json!({ "a": "", "b": "", "c": "1=2" }).as_object().unwrap().clone()
        );
        assert!(decode(b"").unwrap().is_empty());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_not_read() {
        let many = (0..=FIELDS_MAX).map(|number| format!("f{number}=1&")).collect::<String>();
        for (form, code) in [
            ("a=1&a=2", "body.duplicate-key"),
            ("a=1&%61=2", "body.duplicate-key"),
            ("a=%", "body.malformed"),
            ("a=%4", "body.malformed"),
            ("a=%zz", "body.malformed"),
            ("a=%+1", "body.malformed"),
            ("a=%C3", "body.encoding"),
            (many.as_str(), "body.malformed"),
        ] {
            assert_eq!(decode(form.as_bytes()).unwrap_err().code, code, "{form:.40}");
        }
        assert!(decode(b"ab=cd&e=%q1").unwrap_err().words.contains("byte thứ 9"));
        assert_eq!(decode(b"a=\xff").unwrap_err().code, "body.encoding");
    }

    #[test]
    fn a_part_cannot_be_forged_by_a_name() {
        let file = Ticket::of(b"%PDF");
        let part = |file_name| Part { name: "file", file_name, content: Content::File(&file) };
        let (media, body) = multipart(&[("displayName", "Đơn")], &part("a\"\r\nX: y.pdf"));
        let text = String::from_utf8(body.bytes.clone()).unwrap();
        let boundary = media.split_once("boundary=").unwrap().1.to_owned();
        assert!(text.contains("filename=\"a%22%0D%0AX: y.pdf\""), "{text}");
        assert!(text[body.files[0].at..].starts_with(&format!("\r\n--{boundary}--")));
        // Whoever knows the line of one form and writes it into a field gets another line.
        let (other, _) = multipart(&[("displayName", &format!("\r\n--{boundary}\r\n"))], &part("a"));
        assert!(!other.contains(&boundary));
        assert_eq!(multipart(&[], &part("a")), multipart(&[], &part("a")));
        let (_, inline) = multipart(&[], &Part { content: Content::Bytes(b"%PDF"), ..part("a") });
        let (_, apart) = multipart(&[], &part("a"));
        assert_eq!((inline.length(), inline.files.len()), (apart.length(), 0));
    }
}
