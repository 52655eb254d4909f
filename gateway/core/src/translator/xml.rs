//! Framing: one XML call with several items becomes one small document for each, so that each gets its own fate.
//!
//! Cheap and strict about form only: tags must match, no DOCTYPE, bounded depth. Which elements there are and what
//! is in them is for the contract. Bytes are copied, not rewritten: root tag, item, closing tag; prefixes and
//! namespaces of the root stay in scope.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::fault::Fault;

/// As deep as the contract check reads; what is deeper is refused here already.
const DEPTH_MAX: usize = 64;
/// A call with more items is a mistake or an attack; the busiest province sends about 300 at once.
const ITEMS_MAX: usize = 10_000;

/// One document for each `<item>` child of the root; with exactly one item, the original bytes.
pub fn frame(bytes: &[u8], root: &str, item: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to() + 1;
        Fault::sender("body.encoding", format!("nội dung không phải UTF-8 (byte thứ {at})"))
    })?;
    let found = Scan::new(text).run(root, item)?;
    if found.items.len() == 1 {
        return Ok(vec![bytes.to_vec()]);
    }
    let closing = format!("</{}>", found.root_name);
    let documents = found.items.iter().map(|(from, to)| {
        let mut document = Vec::with_capacity(found.opening.len() + (to - from) + closing.len());
        document.extend_from_slice(found.opening.as_bytes());
        document.extend_from_slice(&bytes[*from..*to]);
        document.extend_from_slice(closing.as_bytes());
        document
    });
    Ok(documents.collect())
}

struct Found<'a> {
    opening: &'a str,
    root_name: &'a str,
    items: Vec<(usize, usize)>,
}

struct Scan<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        Scan { text, reader }
    }

    fn wrong(&self) -> Fault {
        let at = self.reader.buffer_position() + 1;
        Fault::sender("body.malformed", format!("XML không hợp lệ tại byte thứ {at}"))
    }

    fn run(mut self, root: &str, item: &str) -> Result<Found<'a>, Fault> {
        let mut found = Found { opening: "", root_name: "", items: Vec::new() };
        let (mut depth, mut began, mut ended) = (0_usize, None, false);
        loop {
            let from = self.position();
            let event = self.reader.read_event().map_err(|_| self.wrong())?;
            let to = self.position();
            match event {
                Event::DocType(_) => {
                    return Err(Fault::sender("body.doctype", "XML không được chứa khai báo DOCTYPE"));
                }
                Event::Start(start) => {
                    let local = start.local_name();
                    if depth == 0 {
                        let name = start.name();
                        self.root(ended, local.as_ref(), root)?;
                        found.opening = self.text.get(from..to).ok_or_else(|| self.wrong())?;
                        found.root_name = name_in(found.opening, name.as_ref().len());
                    } else if depth == 1 && local.as_ref() == item.as_bytes() {
                        began = Some(from);
                    }
                    depth += 1;
                    if depth > DEPTH_MAX {
                        let words = format!("XML lồng quá {DEPTH_MAX} cấp");
                        return Err(Fault::sender("body.too-deep", words));
                    }
                }
                Event::Empty(empty) if depth == 0 => {
                    self.root(ended, empty.local_name().as_ref(), root)?;
                    ended = true;
                }
                Event::Empty(empty) if depth == 1 && empty.local_name().as_ref() == item.as_bytes() => {
                    self.keep(&mut found.items, from, to)?;
                }
                Event::End(_) => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.wrong())?;
                    if let (1, Some(from)) = (depth, began) {
                        began = None;
                        self.keep(&mut found.items, from, to)?;
                    }
                    ended |= depth == 0;
                }
                Event::Text(text) if depth == 0 && !blank(&text) => return Err(self.wrong()),
                Event::CData(_) | Event::GeneralRef(_) if depth == 0 => return Err(self.wrong()),
                Event::Eof if ended && depth == 0 => return Ok(found),
                Event::Eof => return Err(self.wrong()),
                _ => {}
            }
        }
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn root(&self, ended: bool, local: &[u8], root: &str) -> Result<(), Fault> {
        if ended {
            return Err(self.wrong());
        }
        if local == root.as_bytes() {
            return Ok(());
        }
        Err(Fault::sender("contract.violated", format!("phần tử gốc phải là {root}")))
    }

    fn keep(&self, items: &mut Vec<(usize, usize)>, from: usize, to: usize) -> Result<(), Fault> {
        if items.len() >= ITEMS_MAX {
            let words = format!("một lần gọi không được quá {ITEMS_MAX} hồ sơ");
            return Err(Fault::sender("body.too-many", words));
        }
        items.push((from, to));
        Ok(())
    }
}

fn blank(text: &[u8]) -> bool {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    text.iter().all(u8::is_ascii_whitespace)
}

/// The name in an opening tag, prefix included.
fn name_in(opening: &str, length: usize) -> &str {
    opening.get(1..1 + length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(text: &str) -> Vec<String> {
        let documents = frame(text.as_bytes(), "Goi", "HoSo").unwrap();
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
        assert!(framed("<Goi/>").is_empty());
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        for (text, code) in [
            ("<Goi><HoSo></Goi>", "body.malformed"),
            ("<Goi><HoSo/></Goi><Goi/>", "body.malformed"),
            ("<Goi>", "body.malformed"),
            ("", "body.malformed"),
            ("{}", "body.malformed"),
            ("<!DOCTYPE Goi [<!ENTITY a \"b\">]><Goi/>", "body.doctype"),
            ("<Khac/>", "contract.violated"),
        ] {
            assert_eq!(frame(text.as_bytes(), "Goi", "HoSo").unwrap_err().code, code, "{text}");
        }
        let deep = "<Goi>".to_owned() + &"<a>".repeat(100);
        assert_eq!(frame(deep.as_bytes(), "Goi", "HoSo").unwrap_err().code, "body.too-deep");
        assert_eq!(frame(b"<Goi>\xff</Goi>", "Goi", "HoSo").unwrap_err().code, "body.encoding");
    }
}
