//! The XML of this dialect: cutting a call into its items, looking for a code, writing text.
//!
//! Only well-formed UTF-8 without a document type is read: entities of one's own and external files have no place in a message.
//! An item is cut out as the sender wrote it, byte for byte, within the root's own tags: so prefixes stay in scope and the same
//! contract holds for one item as for many. Whether the elements are the right ones is for the contract to say.

use std::borrow::Cow;
use std::ops::Range;

use gateway_core::fault::Fault;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::onestop::call;

/// The namespace of everything said in this dialect.
pub(super) const NAMESPACE: &str = "urn:lienthong:onestop:hoso:1";
/// The fault of a frame that is not the dialect's.
pub(super) const FRAME: &str = "xml.frame";

/// Deeper documents are refused: no contract needs it, and depth is the cheapest attack.
const DEPTH_MAX: usize = 64;
/// The root's tag is copied for each item, so a long one would multiply a small call into a large memory.
const ROOT_BYTES_MAX: usize = 4096;

/// Cuts a call into documents of one item each; a call with one item stays as it is. None or too many are refused, before
/// anything is copied.
pub(super) fn frame(bytes: &[u8], root: &str, item: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        Fault::sender("body.encoding", format!("nội dung không phải UTF-8 (byte thứ {place})"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cutter = Cutter { root, item, depth: 0, opening: None, items: Vec::new() };
    cutter.run(text)?;
    call::counted(cutter.items.len(), FRAME)?;
    if let ([_], true) = (cutter.items.as_slice(), text.len() == bytes.len()) {
        return Ok(vec![bytes.to_vec()]);
    }
    let Some((tag, name)) = cutter.opening else { return Ok(Vec::new()) };
    let closing = format!("</{}>", &text[name]);
    let document = |item: Range<usize>| [&text[tag.clone()], &text[item], &closing].concat().into_bytes();
    Ok(cutter.items.into_iter().map(document).collect())
}

/// What can be seen of a framed item without its contract.
#[derive(Default)]
pub(super) struct Glimpse {
    /// The text of the item's own `MaHoSo`.
    pub(super) dossier: Option<String>,
    /// The root's `isUpdating`.
    pub(super) updating: Option<String>,
}

/// Looks at a framed item. What cannot be read is not seen; its contract will say why.
pub(super) fn glimpse(document: &[u8]) -> Glimpse {
    let mut glimpse = Glimpse::default();
    let code = look(document, &mut glimpse).unwrap_or_default();
    let code = code.trim();
    glimpse.dossier = (!code.is_empty()).then(|| code.to_owned());
    glimpse
}

/// The text of the `MaHoSo` two levels below the root's start.
fn look(document: &[u8], glimpse: &mut Glimpse) -> Option<String> {
    let mut reader = Reader::from_reader(document);
    let (mut depth, mut inside, mut code) = (0, false, String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                if depth == 0 {
                    let hint = tag.try_get_attribute("isUpdating").ok().flatten();
                    glimpse.updating = hint.map(|hint| String::from_utf8_lossy(&hint.value).into_owned());
                }
                inside = depth == 2 && tag.local_name().as_ref() == b"MaHoSo";
                depth += 1;
            }
            Event::Text(text) if inside => code.push_str(&text.decode().ok()?),
            Event::CData(text) if inside => code.push_str(&text.decode().ok()?),
            Event::GeneralRef(reference) if inside => code.push_str(&referred(&reference)?),
            Event::End(_) if inside => return Some(code),
            Event::End(_) => depth -= 1,
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// Text as element content: markup escaped, and what XML 1.0 cannot carry at all left out.
pub(super) fn escaped(text: &str) -> String {
    let carried: String = text
        .chars()
        .filter(|c| {
            matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        })
        .collect();
    quick_xml::escape::escape(carried).into_owned()
}

struct Cutter<'a> {
    root: &'a str,
    item: &'a str,
    depth: usize,
    /// The root's start tag, and the name in it.
    opening: Option<(Range<usize>, Range<usize>)>,
    items: Vec<Range<usize>>,
}

impl Cutter<'_> {
    fn run(&mut self, text: &str) -> Result<(), Fault> {
        let mut reader = Reader::from_str(text);
        let mut begun = 0;
        loop {
            let from = position(reader.buffer_position());
            let event = reader.read_event().map_err(|error| malformed(from, &error))?;
            let to = position(reader.buffer_position());
            match event {
                Event::Start(tag) => {
                    self.open(&tag, from..to)?;
                    if self.depth == 1 {
                        begun = from;
                    }
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        let words = format!("XML lồng sâu quá {DEPTH_MAX} mức");
                        return Err(Fault::sender("body.too-deep", words));
                    }
                }
                Event::Empty(tag) => {
                    self.open(&tag, from..to)?;
                    if self.depth == 1 {
                        self.items.push(from..to);
                    }
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 1 {
                        self.items.push(begun..to);
                    }
                }
                Event::Text(text) if self.depth < 2 && !text.iter().all(u8::is_ascii_whitespace) => {
                    return Err(stray());
                }
                Event::CData(_) | Event::GeneralRef(_) if self.depth < 2 => return Err(stray()),
                Event::GeneralRef(reference) if referred(&reference).is_none() => {
                    let words = format!("XML có tham chiếu thực thể không xác định gần byte thứ {}", from + 1);
                    return Err(Fault::sender("body.malformed", words));
                }
                Event::DocType(_) => {
                    return Err(Fault::sender("body.doctype", "XML không được có khai báo DOCTYPE"));
                }
                Event::Decl(declaration) => {
                    let encoding = declaration.encoding().and_then(Result::ok);
                    if encoding.is_some_and(|name| !name.eq_ignore_ascii_case(b"utf-8")) {
                        return Err(Fault::sender("body.encoding", "XML phải dùng bảng mã UTF-8"));
                    }
                }
                Event::Eof if self.opening.is_some() && self.depth == 0 => return Ok(()),
                Event::Eof => {
                    return Err(Fault::sender("body.malformed", "XML kết thúc giữa chừng hoặc không có nội dung"));
                }
                _ => {}
            }
        }
    }

    /// Is this element one that may stand here?
    fn open(&mut self, tag: &BytesStart, place: Range<usize>) -> Result<(), Fault> {
        // Looking at all attributes finds those that are written twice.
        for attribute in tag.attributes() {
            attribute.map_err(|error| malformed(place.start, &error.into()))?;
        }
        let (root, item) = (self.root, self.item);
        let local = tag.local_name();
        match self.depth {
            0 if self.opening.is_some() || local.as_ref() != root.as_bytes() => {
                Err(Fault::sender(FRAME, format!("phần tử gốc phải là một {root}")))
            }
            0 if place.len() > ROOT_BYTES_MAX => {
                Err(Fault::sender(FRAME, format!("thẻ gốc dài quá {ROOT_BYTES_MAX} byte")))
            }
            0 => {
                let name = place.start + 1;
                self.opening = Some((place, name..name + tag.name().as_ref().len()));
                Ok(())
            }
            1 if local.as_ref() != item.as_bytes() => {
                Err(Fault::sender(FRAME, format!("trong {root} chỉ được có các phần tử {item}")))
            }
            _ => Ok(()),
        }
    }
}

/// The text behind `&amp;` or `&#65;`; none for entities that only a document type could define.
fn referred(reference: &BytesRef) -> Option<Cow<'static, str>> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten().map(|letter| letter.to_string().into());
    }
    let name = reference.decode().ok()?;
    resolve_predefined_entity(&name).map(Cow::Borrowed)
}

/// Only the kind of error and its place: the parser's own words may quote the text.
fn malformed(at: usize, error: &quick_xml::Error) -> Fault {
    let cause = match error {
        quick_xml::Error::Syntax(_) => "syntax error",
        quick_xml::Error::IllFormed(_) => "tags do not match",
        quick_xml::Error::InvalidAttr(_) => "an attribute is not well-formed or occurs twice",
        _ => "not well-formed",
    };
    Fault::sender("body.malformed", format!("XML không hợp lệ gần byte thứ {}", at + 1)).because(cause)
}

fn stray() -> Fault {
    Fault::sender(FRAME, "có văn bản ở ngoài các hồ sơ")
}

/// Positions are within a text in memory.
fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_call_cannot_become_a_large_one() {
        let many = format!("<Goi>{}</Goi>", "<HoSo/>".repeat(call::ITEMS_MAX + 1));
        let long = format!("<Goi a=\"{}\"><HoSo/><HoSo/></Goi>", "x".repeat(ROOT_BYTES_MAX));
        for text in [many, long] {
            assert_eq!(frame(text.as_bytes(), "Goi", "HoSo").unwrap_err().code, FRAME);
        }
        let deep = format!("<Goi><HoSo>{}", "<a>".repeat(DEPTH_MAX));
        assert_eq!(frame(deep.as_bytes(), "Goi", "HoSo").unwrap_err().code, "body.too-deep");
    }

    #[test]
    fn what_xml_cannot_carry_is_left_out() {
        assert_eq!(escaped("a\u{0}<b>\u{ffff}&\u{1f600}"), "a&lt;b&gt;&amp;\u{1f600}");
    }
}
