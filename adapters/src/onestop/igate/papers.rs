//! The papers of a dossier: where each is, how it gets to iGATE, and what iGATE calls it then.
//!
//! A paper travels with the message as a file, stands in it as base64, or is given by address. One given by address is fetched first, from
//! the one endpoint that the settings name: of the address only path and query are used, so no message can make us call anywhere else. The
//! same content is uploaded once, however many papers have it, and not again by a correction of the message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{
    Answer, Ask, Body, Conversation, Effect, Exchange, Form, Keeping, Marks, Pairs, Placed, Request, Turn,
};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::fingerprint;
use gateway_core::lift::Ticket;
use gateway_core::lift::sniff::{FileType, is_something_else};
use serde_json::{Map, Value, json};

use super::Igate;
use super::faults::ours;
use super::wire::{self, pair};

const FETCH: &str = "fetch ";
const UPLOAD: &str = "upload ";
const FILE: &str = "file/";
const LETTERS_MAX: usize = 200;

/// One paper of a message.
pub(super) struct Paper {
    name: String,
    content: Content,
    /// What is said of the component that it is.
    part: Map<String, Value>,
}

enum Content {
    /// An original on paper: only spoken of.
    None,
    /// In the claim store.
    Kept(Ticket),
    /// In the message.
    Inline(Vec<u8>, Ticket),
    /// At an address.
    At(String),
}

impl Paper {
    fn read(paper: &Value, talk: &Conversation) -> Result<Paper, Fault> {
        let name = wire::at(paper, "/TenGiayTo").unwrap_or_else(|| "giay-to".to_owned());
        let content = match (wire::at(paper, "/file"), wire::at(paper, "/url")) {
            (Some(file), _) => content(&file, talk).ok_or_else(|| {
                let words = "nội dung của một tệp không phải base64 đọc được; sửa tại nguồn rồi gửi lại";
                Fault::sender("igate.paper", words)
            })?,
            (None, Some(url)) => Content::At(url),
            (None, None) => Content::None,
        };
        let part = paper.get("part").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Paper { name, content, part })
    }
}

/// A file is only whose message carries it: anybody can write the text that names one.
fn content(text: &str, talk: &Conversation) -> Option<Content> {
    if let Some(ticket) = Ticket::from_text(text) {
        return talk.message.files.contains(&ticket).then_some(Content::Kept(ticket));
    }
    let bytes = STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()?;
    let ticket = Ticket::of(&bytes);
    Some(Content::Inline(bytes, ticket))
}

impl Igate {
    /// The papers of a message, in its order; all that cannot be read is said by the first.
    pub(super) fn papers(&self, talk: &Conversation) -> Result<Vec<Paper>, Fault> {
        let document = &talk.message.document;
        let application = document.get("application").into_iter();
        let others = document.get("papers").and_then(Value::as_array).into_iter().flatten();
        application.chain(others).map(|paper| Paper::read(paper, talk)).collect()
    }

    /// The next call that a paper needs; or what is said of all of them in the dossier.
    pub(super) fn attach(&self, papers: &[Paper], talk: &Conversation) -> Result<Turn<Value>, Fault> {
        let mut components = Vec::new();
        for paper in papers {
            let ticket = match &paper.content {
                Content::None => {
                    components.push(Value::Object(paper.part.clone()));
                    continue;
                }
                Content::Kept(ticket) | Content::Inline(_, ticket) => ticket.clone(),
                Content::At(url) => {
                    let step = format!("{FETCH}{}", fingerprint(&[url]));
                    match talk.transcript.answer(&step) {
                        None => return self.fetch(step, url).map(Turn::Call),
                        Some(answer) => paper_of(answer, &paper.name)?,
                    }
                }
            };
            let step = format!("{UPLOAD}{}", ticket.sha256);
            let mark = talk.marks.get(&format!("{FILE}{}", ticket.sha256));
            let known = talk.transcript.answer(&step).and_then(uploaded).or_else(|| named(mark?));
            let Some((id, hash)) = known else {
                return Ok(Turn::Call(self.upload(&step, paper, &ticket)));
            };
            let mut component = paper.part.clone();
            let attached = json!([{ "IdGiayTo": id, "TenGiayTo": paper.name, "HashTepTin": hash }]);
            component.insert("GiayToDinhKem".to_owned(), attached);
            components.push(Value::Object(component));
        }
        Ok(Turn::Done(Value::Array(components)))
    }

    /// Was the last answer one that a paper can be gone on with?
    pub(super) fn judge_paper(&self, last: &Exchange) -> Result<(), Fault> {
        let step = last.request.step.as_str();
        if step.starts_with(FETCH) {
            return fetched(&last.answer).map(|_| ());
        }
        if step.starts_with(UPLOAD) && (last.answer.status >= 300 || uploaded(&last.answer).is_none()) {
            return Err(self.no_use(&last.answer, "mã tệp"));
        }
        Ok(())
    }

    /// What an upload teaches: what iGATE calls the file.
    pub(super) fn lesson_of_paper(&self, exchange: &Exchange) -> Marks {
        let sha256 = exchange.request.step.strip_prefix(UPLOAD).filter(|_| exchange.answer.status < 300);
        let learnt = sha256.zip(uploaded(&exchange.answer));
        let mark = |(sha256, (id, hash)): (&str, (String, String))| (format!("{FILE}{sha256}"), json!([id, hash]).to_string());
        learnt.map(mark).into_iter().collect()
    }

    fn fetch(&self, step: String, url: &str) -> Result<Request, Fault> {
        let settings = &self.settings;
        if settings.files_endpoint.is_empty() {
            let words = "giấy tờ được cho bằng đường dẫn, nhưng chưa cấu hình nơi lấy tệp (files_endpoint)";
            return Err(ours("igate.no-files-endpoint", words));
        }
        let refused = || Fault::sender("igate.paper-address", "đường dẫn của một giấy tờ không đọc được hoặc không thuộc nơi được phép lấy tệp");
        let (_, rest) = url.trim().split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")).ok_or_else(refused)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let allowed = settings.file_hosts.is_empty() || settings.file_hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        let path = path.split('#').next().unwrap_or_default();
        if !allowed || !path.starts_with('/') {
            return Err(refused());
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (path, query) = (decoded(path).ok_or_else(refused)?, pairs(query).ok_or_else(refused)?);
        if path.split('/').any(|part| part == "..") || path.chars().any(char::is_control) {
            return Err(refused());
        }
        let ask = Ask { method: "GET".to_owned(), path, query, headers: Pairs::new(), body: Body::default() };
        let (endpoint, effect) = (settings.files_endpoint.clone(), Effect::Repeatable);
        Ok(Request { step, effect, endpoint, account: None, ask, answer_in: Keeping::Claimed })
    }

    /// One part of a form, in which the file flows between bytes. The boundary is the content's hash, which no content holds.
    fn upload(&self, step: &str, paper: &Paper, ticket: &Ticket) -> Request {
        let boundary = format!("lienthong-{}", &ticket.sha256[..32]);
        let name: String = paper.name.chars().filter(|letter| !letter.is_control() && !"\"\\/".contains(*letter)).take(LETTERS_MAX).collect();
        let mut bytes = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        let mut files = Vec::new();
        match &paper.content {
            Content::Inline(content, _) => bytes.extend_from_slice(content),
            _ => files.push(Placed { at: bytes.len(), file: ticket.clone(), form: Form::Plain, real: None }),
        }
        bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let mut request = wire::call(step, Effect::Repeatable, "POST", &self.settings.upload_path, None);
        request.ask.headers.push(pair("content-type", &format!("multipart/form-data; boundary={boundary}")));
        request.ask.body = Body { bytes, files };
        request
    }
}

/// The file that an address gave.
fn fetched(answer: &Answer) -> Result<Ticket, Fault> {
    match answer.body.files.first() {
        Some(placed) if answer.status < 300 => Ok(placed.file.clone()),
        _ => {
            // Not `Later`: the place where files lie is not iGATE, which is not away because of it.
            let words = "chưa lấy được một giấy tờ từ đường dẫn của nó; hệ thống thử lại trong một thời gian rồi báo cho người vận hành";
            Err(Fault::new("igate.paper-not-there", Blame::Sender, Remedy::Unclear, words).because(format!("HTTP {}", answer.status)))
        }
    }
}

/// The same, if it is what the paper's name says: a page that asks for a log-in, or nothing at all, is no paper of a citizen's.
fn paper_of(answer: &Answer, name: &str) -> Result<Ticket, Fault> {
    let file = fetched(answer)?;
    let real = answer.body.files.first().and_then(|placed| placed.real).unwrap_or(FileType::Unknown);
    if !is_something_else(name, file.bytes, real) {
        return Ok(file);
    }
    let words = "thứ lấy được từ đường dẫn của một giấy tờ không phải giấy tờ ấy (trang đăng nhập, thông báo hoặc tệp rỗng); hệ thống thử lại trong một thời gian rồi báo cho người vận hành";
    let came = format!("{} of {} bytes", real.word(), file.bytes);
    Err(Fault::new("igate.paper-not-there", Blame::Sender, Remedy::Unclear, words).because(came))
}

/// Id and hash of a file. Documented flat, seen nested at `data[0].response.data[0]`: taken wherever it stands.
fn uploaded(answer: &Answer) -> Option<(String, String)> {
    fn find(value: &Value) -> Option<&Map<String, Value>> {
        match value {
            Value::Object(object) if object.contains_key("IdTepTin") => Some(object),
            Value::Object(object) => object.values().find_map(find),
            Value::Array(list) => list.iter().find_map(find),
            _ => None,
        }
    }
    let body = wire::json(answer)?;
    let file = find(&body)?;
    let field = |name: &str| file.get(name).and_then(wire::text);
    Some((field("IdTepTin")?, field("HashTepTin").unwrap_or_default()))
}

fn named(mark: &str) -> Option<(String, String)> {
    serde_json::from_str(mark).ok()
}

fn pairs(query: &str) -> Option<Pairs> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decoded(name)?, decoded(value)?))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// A part of an address without its escapes; none if they are no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_nested_and_flat() {
        let file = json!({ "IdTepTin": 7, "HashTepTin": "ab" });
        for body in [
            json!({ "data": [{ "response": { "data": [file.clone()] } }] }),
            json!({ "data": file.clone() }),
            json!([file.clone()]),
            file,
        ] {
            assert_eq!(uploaded(&Answer::json(200, &body)), Some(("7".to_owned(), "ab".to_owned())), "{body}");
        }
        assert_eq!(uploaded(&Answer::json(200, &json!({ "data": [] }))), None);
    }

    #[test]
    fn escapes_are_taken_off_once() {
        assert_eq!(decoded("don%20tr%C3%ACnh.pdf").as_deref(), Some("don trình.pdf"));
        assert_eq!(decoded("%252e").as_deref(), Some("%2e"));
        assert_eq!((decoded("%2"), decoded("%zz"), decoded("%ff")), (None, None, None));
    }
}
