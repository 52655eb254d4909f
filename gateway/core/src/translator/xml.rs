//! Framing: one XML call with several items becomes one small document for each, so that each gets its own fate.
//!
//! Only well-formed UTF-8 without a document type is read: entities of one's own and external files have no place in a message.
//! An item is cut out as the sender wrote it, byte for byte, within the root's own tags: so prefixes stay in scope and the same
//! contract holds for one item as for many. Whether the elements are the right ones is for the contract to say.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::fault::Fault;

/// The fault of a frame that is not the one expected: other elements, none, or too many.
pub const FRAME: &str = "xml.frame";

/// As deep as the contract check reads; what is deeper is refused here already, because depth is the cheapest attack.
const DEPTH_MAX: usize = 64;
/// The root's tag is copied for each item, so a long one would multiply a small call into a large memory.
const ROOT_BYTES_MAX: usize = 4096;

/// Cuts a call into documents of one `<item>` each; a call with one item stays as it is. None, or more than `items_max`, are
/// refused before anything is copied.
pub fn frame(bytes: &[u8], root: &str, item: &str, items_max: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        Fault::sender("body.encoding", format!("nội dung không phải UTF-8 (byte thứ {place})"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cutter = Cutter { root, item, items_max, depth: 0, opening: None, items: Vec::new() };
    cutter.run(text)?;
    if let ([_], true) = (cutter.items.as_slice(), text.len() == bytes.len()) {
        return Ok(vec![bytes.to_vec()]);
    }
    let Some((tag, name)) = cutter.opening else { return Ok(Vec::new()) };
    let closing = format!("</{}>", &text[name]);
    let document = |item: Range<usize>| [&text[tag.clone()], &text[item], &closing].concat().into_bytes();
    Ok(cutter.items.into_iter().map(document).collect())
}

struct Cutter<'a> {
    root: &'a str,
    item: &'a str,
    items_max: usize,
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
                        self.keep(from..to)?;
                    }
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 1 {
                        self.keep(begun..to)?;
                    }
                }
                Event::Text(text) if self.depth < 2 && !text.iter().all(u8::is_ascii_whitespace) => {
                    return Err(stray());
                }
                Event::CData(_) | Event::GeneralRef(_) if self.depth < 2 => return Err(stray()),
                Event::GeneralRef(reference) if referred(&reference).is_none() => {
                    let words =
                        format!("XML có tham chiếu thực thể không xác định gần byte thứ {}", from + 1);
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
                Event::Eof if self.opening.is_some() && self.depth == 0 => return self.counted(),
                Event::Eof => {
                    return Err(Fault::sender(
                        "body.malformed",
                        "XML kết thúc giữa chừng hoặc không có nội dung",
                    ));
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, place: Range<usize>) -> Result<(), Fault> {
        if self.items.len() == self.items_max {
            let words = format!("mỗi lần gửi nhiều nhất {} {}", self.items_max, self.item);
            return Err(Fault::sender(FRAME, words));
        }
        self.items.push(place);
        Ok(())
    }

    fn counted(&self) -> Result<(), Fault> {
        match self.items.len() {
            0 => Err(Fault::sender(FRAME, format!("nội dung không có {} nào", self.item))),
            _ => Ok(()),
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
pub fn referred(reference: &BytesRef) -> Option<Cow<'static, str>> {
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

    fn framed(text: &str) -> Vec<String> {
        let documents = frame(text.as_bytes(), "Goi", "HoSo", 1000).unwrap();
        documents.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }

    #[test]
    fn each_item_keeps_its_root() {
        let text = "<?xml version=\"1.0\"?><m:Goi xmlns:m=\"urn:x\" a=\"1\"><m:HoSo><b>1</b></m:HoSo> <m:HoSo/></m:Goi>";
        assert_eq!(
            framed(text),
            [
                "<m:Goi xmlns:m=\"urn:x\" a=\"1\"><m:HoSo><b>1</b></m:HoSo></m:Goi>",
                "<m:Goi xmlns:m=\"urn:x\" a=\"1\"><m:HoSo/></m:Goi>",
            ]
        );
    }

    #[test]
    fn one_item_is_left_as_it_is() {
        let text = "<?xml version=\"1.0\"?><!-- c --><Goi><HoSo><HoSo>inner</HoSo></HoSo></Goi>\n";
        assert_eq!(framed(text), [text]);
        assert_eq!(framed("\u{feff}<Goi><HoSo/></Goi>"), ["<Goi><HoSo/></Goi>"]);
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        for (text, code) in [
            ("<Goi><HoSo></Goi>", "body.malformed"),
            ("<Goi>", "body.malformed"),
            ("", "body.malformed"),
            ("<Goi><HoSo a='1' a='2'/></Goi>", "body.malformed"),
            ("<Goi><HoSo>&own;</HoSo></Goi>", "body.malformed"),
            ("<!DOCTYPE Goi [<!ENTITY a \"b\">]><Goi/>", "body.doctype"),
            ("<?xml version='1.0' encoding='UTF-16'?><Goi><HoSo/></Goi>", "body.encoding"),
            ("{}", FRAME),
            ("<Goi/>", FRAME),
            ("<Khac/>", FRAME),
            ("<Goi><HoSo/></Goi><Goi/>", FRAME),
            ("<Goi><HoSo/><Khac/></Goi>", FRAME),
        ] {
            assert_eq!(frame(text.as_bytes(), "Goi", "HoSo", 1000).unwrap_err().code, code, "{text}");
        }
        assert_eq!(frame(b"<Goi>\xff</Goi>", "Goi", "HoSo", 1000).unwrap_err().code, "body.encoding");
    }

    #[test]
    fn a_small_call_cannot_become_a_large_one() {
        let many = format!("<Goi>{}</Goi>", "<HoSo/>".repeat(1001));
        let long = format!("<Goi a=\"{}\"><HoSo/><HoSo/></Goi>", "x".repeat(ROOT_BYTES_MAX));
        for text in [many, long] {
            assert_eq!(frame(text.as_bytes(), "Goi", "HoSo", 1000).unwrap_err().code, FRAME);
        }
        let deep = format!("<Goi><HoSo>{}", "<a>".repeat(DEPTH_MAX));
        assert_eq!(frame(deep.as_bytes(), "Goi", "HoSo", 1000).unwrap_err().code, "body.too-deep");
    }
}
