//! The XML of this dialect: looking into a framed item for its code. The framing itself is the core's.

use gateway_core::translator::xml::referred;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The namespace of everything said in this dialect.
pub(super) const NAMESPACE: &str = "urn:lienthong:onestop:hoso:1";

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
