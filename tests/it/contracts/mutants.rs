//! Documents made wrong on purpose, the same ones each time: from a fixed seed, a small change to a document of a case.

use conformance::chance::Chance;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element with its start tag as written.
#[derive(Debug, Clone)]
struct Element {
    tag: String,
    inside: Vec<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Element(Element),
    /// Escaped, as written.
    Text(String),
}

/// As many mutants as asked for: what was done to which document, and the text.
pub(super) fn of(documents: &[(String, String)], count: usize) -> Vec<(String, String)> {
    let roots: Vec<(&String, Element)> =
        documents.iter().filter_map(|(name, text)| Some((name, read(text)?))).collect();
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut mutants = Vec::new();
    while mutants.len() < count {
        let (name, root) = &roots[chance.below(roots.len())];
        let mut root = root.clone();
        let which = CHANGES[chance.below(CHANGES.len())];
        let place = chance.below(size(&root));
        if change(&mut root, place, which, &mut chance) {
            let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
            write(&root, &mut text);
            mutants.push((format!("{name}, {which:?} at {place}"), text));
        }
    }
    mutants
}

/// What a damaged document has in some place: everything that XML gives a meaning to, and some that it forbids.
const PIECES: [&str; 40] = [
    "<",
    ">",
    "/",
    "/>",
    "</",
    "=",
    "'",
    "\"",
    "&",
    ";",
    "&amp;",
    "&lt;",
    "&#65;",
    "&#1;",
    "&b;",
    "]]>",
    "]",
    "!",
    "?",
    "<!-- a -->",
    "<![CDATA[a]]>",
    "<?a b?>",
    "<b/>",
    "<b>",
    "</b>",
    ":",
    "a:",
    " a='b'",
    " a:b='c'",
    " xmlns='urn:b'",
    " xmlns:a='urn:b'",
    " xmlns:xml='urn:b'",
    " ",
    "\n",
    "\r\n",
    "\u{1}",
    "\u{85}",
    "\u{fffe}",
    "ế",
    "-",
];

/// As many documents as asked for with one to three places damaged: a piece put in, or a few characters taken out.
pub(super) fn damaged(documents: &[(String, String)], count: usize) -> Vec<(String, String)> {
    let mut chance = Chance(0x2545_F491_4F6C_DD1D);
    let mut all = Vec::new();
    while all.len() < count {
        let (name, text) = &documents[chance.below(documents.len())];
        let mut text: Vec<char> = text.chars().collect();
        for _ in 0..=chance.below(3) {
            let at = chance.below(text.len());
            if chance.below(2) == 0 {
                text.splice(at..at, PIECES[chance.below(PIECES.len())].chars());
            } else {
                text.drain(at..(at + 1 + chance.below(3)).min(text.len()));
            }
        }
        all.push((format!("{name}, damaged {}", all.len()), text.into_iter().collect()));
    }
    all
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Drop,
    Double,
    Swap,
    Overlong,
    JustLongEnough,
    WrongNamespace,
    Unknown,
    UnknownOfOthers,
    OfOthersAtTheEnd,
    Empty,
    Attribute,
    AttributeOfOthers,
    TextBetween,
    Comment,
    Rename,
}

const CHANGES: [Change; 15] = [
    Change::Drop,
    Change::Double,
    Change::Swap,
    Change::Overlong,
    Change::JustLongEnough,
    Change::WrongNamespace,
    Change::Unknown,
    Change::UnknownOfOthers,
    Change::OfOthersAtTheEnd,
    Change::Empty,
    Change::Attribute,
    Change::AttributeOfOthers,
    Change::TextBetween,
    Change::Comment,
    Change::Rename,
];

/// Changes the element of this number (in document order, the root is 0); false where the change means nothing there.
fn change(root: &mut Element, place: usize, change: Change, chance: &mut Chance) -> bool {
    match change {
        Change::Drop | Change::Double | Change::Swap => {
            let Some((parent, index)) = parent_of(root, place) else { return false };
            match change {
                Change::Drop => _ = parent.inside.remove(index),
                Change::Double => parent.inside.insert(index, parent.inside[index].clone()),
                _ => {
                    let later: Vec<usize> = (index + 1..parent.inside.len())
                        .filter(|other| matches!(parent.inside[*other], Node::Element(_)))
                        .collect();
                    if later.is_empty() {
                        return false;
                    }
                    parent.inside.swap(index, later[chance.below(later.len())]);
                }
            }
            return true;
        }
        _ => {}
    }
    let mut left = place;
    let Some(element) = nth(root, &mut left) else { return false };
    let leaf = !element.inside.iter().any(|node| matches!(node, Node::Element(_)));
    let at = chance.below(element.inside.len() + 1);
    let insert =
        |element: &mut Element, at: usize, text: &str| element.inside.insert(at, Node::Text(text.to_owned()));
    match change {
        Change::Overlong if leaf => element.inside = vec![Node::Text("ế".repeat(65_537))],
        Change::JustLongEnough if leaf => element.inside = vec![Node::Text("ế".repeat(65_536))],
        Change::Empty => element.inside.clear(),
        Change::WrongNamespace => {
            let tag = element.tag.replace(" xmlns=\"urn:lienthong:onestop:hoso:1\"", "");
            element.tag = format!("{tag} xmlns=\"urn:lienthong:onestop:hoso:2\"");
        }
        Change::Unknown => insert(element, at, "<KhongCo>x</KhongCo>"),
        Change::UnknownOfOthers => insert(element, at, "<o:KhongCo xmlns:o=\"urn:o\">x</o:KhongCo>"),
        Change::OfOthersAtTheEnd => {
            let end = element.inside.len();
            insert(element, end, "<o:Them xmlns:o=\"urn:o\" o:a=\"1\"><o:Nua/></o:Them>");
        }
        Change::Attribute => element.tag.push_str(" khongCo=\"1\""),
        Change::AttributeOfOthers => element.tag.push_str(" xmlns:o=\"urn:o\" o:khongCo=\"1\""),
        Change::TextBetween if !leaf => insert(element, at, "chữ ở giữa"),
        Change::Comment => insert(element, at, "<!-- lời chú -->"),
        Change::Rename => {
            let (name, rest) = element.tag.split_at(element.tag.find(' ').unwrap_or(element.tag.len()));
            element.tag = format!("{name}X{rest}");
        }
        _ => return false,
    }
    true
}

fn size(element: &Element) -> usize {
    1 + children(element).map(size).sum::<usize>()
}

fn children(element: &Element) -> impl Iterator<Item = &Element> {
    element.inside.iter().filter_map(|node| match node {
        Node::Element(child) => Some(child),
        Node::Text(_) => None,
    })
}

fn nth<'a>(element: &'a mut Element, left: &mut usize) -> Option<&'a mut Element> {
    if *left == 0 {
        return Some(element);
    }
    *left -= 1;
    element.inside.iter_mut().find_map(|node| match node {
        Node::Element(child) => nth(child, left),
        Node::Text(_) => None,
    })
}

/// The element around the one of this number, and where in it that one stands.
fn parent_of(root: &mut Element, place: usize) -> Option<(&mut Element, usize)> {
    let mut next = 1;
    parent_within(root, place, &mut next)
}

fn parent_within<'a>(
    element: &'a mut Element,
    place: usize,
    next: &mut usize,
) -> Option<(&'a mut Element, usize)> {
    let mut way = None;
    for (index, node) in element.inside.iter().enumerate() {
        if let Node::Element(child) = node {
            let size = size(child);
            if *next == place {
                return Some((element, index));
            }
            if place < *next + size {
                way = Some(index);
                break;
            }
            *next += size;
        }
    }
    match &mut element.inside[way?] {
        Node::Element(child) => {
            *next += 1;
            parent_within(child, place, next)
        }
        Node::Text(_) => None,
    }
}

fn read(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let start = |tag: &BytesStart<'_>| Element {
        tag: String::from_utf8_lossy(tag).trim_end().to_owned(),
        inside: Vec::new(),
    };
    loop {
        let closed = match reader.read_event().ok()? {
            Event::Start(tag) => {
                open.push(start(&tag));
                continue;
            }
            Event::Empty(tag) => start(&tag),
            Event::End(_) => open.pop()?,
            Event::Text(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                if let Some(parent) = open.last_mut() {
                    parent.inside.push(Node::Text(text));
                }
                continue;
            }
            Event::GeneralRef(name) => {
                let text = format!("&{};", String::from_utf8_lossy(&name));
                if let Some(parent) = open.last_mut() {
                    parent.inside.push(Node::Text(text));
                }
                continue;
            }
            Event::Eof => return None,
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.inside.push(Node::Element(closed)),
            None => return Some(closed),
        }
    }
}

fn write(element: &Element, text: &mut String) {
    let name = element.tag.split_whitespace().next().unwrap_or_default();
    text.push_str(&format!("<{}>", element.tag));
    for node in &element.inside {
        match node {
            Node::Element(child) => write(child, text),
            Node::Text(inside) => text.push_str(inside),
        }
    }
    text.push_str(&format!("</{name}>"));
}
