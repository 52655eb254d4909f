//! The short way through an XML document: plain markup is taken apart here and driven into the validator.
//!
//! Plain is what software writes nearly always: UTF-8, names of ASCII, namespaces declared by the root alone, no
//! comment, CDATA section, processing instruction, document type or character reference, no `xsi:type`. Whatever is
//! not plain, well-formed or not, is none of this file's business: it says [`NotPlain`], and the validator's own
//! driver begins again at the first byte and has the last word. So two things have to be true here and no more: what is
//! taken is well-formed and within the limits, and validator and reader hear the events they would hear from that
//! driver. `tests/it/contracts.rs` holds the two against each other. Worth a file because that driver copies every name
//! and text several times and gathers all namespaces anew for every element: nearly a third of a hop.

use xsd_schema::SchemaSet;
use xsd_schema::ids::NameId;
use xsd_schema::namespace::context::NamespaceContextSnapshot;
use xsd_schema::validation::{ValidationRuntime, ValidationSink};

use super::xsd::{ATTRIBUTES_MAX, DEPTH_MAX, NAME_BYTES_MAX, NODES_MAX};
use super::xsd_read::{Reader, XSI};

/// The document is left to the validator's own driver.
pub(super) struct NotPlain;

/// What stands between `<?xml` and `?>` in a plain document: as the usual libraries write it.
const DECLARATIONS: [&str; 7] = [
    " version=\"1.0\"",
    " version=\"1.0\" encoding=\"UTF-8\"",
    " version=\"1.0\" encoding=\"utf-8\"",
    " version='1.0' encoding='UTF-8'",
    " version='1.0' encoding='utf-8'",
    " version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"",
    " version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"",
];
/// Namespaces that no prefix may be bound to.
const RESERVED: [&str; 2] = ["http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"];
/// White space as markup knows it.
const BLANK: [char; 4] = [' ', '\n', '\r', '\t'];

/// Drives a plain document into a validator and a reader. After [`NotPlain`] both have heard too much and are of no
/// use any more.
pub(super) fn drive<S: ValidationSink>(
    bytes: &[u8],
    set: &SchemaSet,
    runtime: &mut ValidationRuntime<'_, S>,
    reader: &mut Reader<'_>,
) -> Result<(), NotPlain> {
    let mut walk = Walk {
        rest: characters(bytes)?,
        set,
        runtime,
        reader,
        open: Vec::with_capacity(8),
        attributes: Vec::new(),
        scope: Vec::new(),
        snapshot: NamespaceContextSnapshot::default(),
        nodes: 0,
    };
    walk.document()
}

/// The text of a document all of whose characters may stand in one.
fn characters(bytes: &[u8]) -> Result<&str, NotPlain> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotPlain)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The two characters beyond the control characters that XML forbids begin with EF; what else does is rare.
    let odd = |byte: u8| (byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t')) || byte == 0xEF;
    // Without an early end the compiler compares many bytes at once.
    if text.bytes().fold(false, |found, byte| found | odd(byte)) { Err(NotPlain) } else { Ok(text) }
}

struct Walk<'d, 'w, 's, 'v, S: ValidationSink> {
    /// What has not been read yet.
    rest: &'d str,
    set: &'w SchemaSet,
    runtime: &'w mut ValidationRuntime<'s, S>,
    reader: &'w mut Reader<'v>,
    /// The names of the open elements, as written.
    open: Vec<&'d str>,
    /// Those of the tag that is read, but for declarations.
    attributes: Vec<Attribute<'d>>,
    /// What the root declares.
    scope: Vec<Namespace<'d>>,
    /// The same as the validator wants it.
    snapshot: NamespaceContextSnapshot,
    nodes: usize,
}

#[derive(Clone, Copy)]
struct Name<'d> {
    written: &'d str,
    prefix: &'d str,
    local: &'d str,
}

struct Attribute<'d> {
    name: Name<'d>,
    value: &'d str,
}

#[derive(Clone, Copy)]
struct Namespace<'d> {
    prefix: &'d str,
    uri: &'d str,
    id: Option<NameId>,
}

/// No namespace at all.
const NOWHERE: Namespace<'static> = Namespace { prefix: "", uri: "", id: None };

impl<'d, S: ValidationSink> Walk<'d, '_, '_, '_, S> {
    fn document(&mut self) -> Result<(), NotPlain> {
        if let Some(rest) = self.rest.strip_prefix("<?xml") {
            let (declaration, rest) = rest.split_once("?>").ok_or(NotPlain)?;
            if !DECLARATIONS.contains(&declaration) {
                return Err(NotPlain);
            }
            self.rest = rest;
        }
        self.rest = self.rest.trim_start_matches(BLANK).strip_prefix('<').ok_or(NotPlain)?;
        loop {
            // Behind a `<`.
            match self.rest.strip_prefix('/') {
                Some(rest) => self.end(rest)?,
                None => self.start()?,
            }
            if self.open.is_empty() {
                // Behind the root.
                return if self.rest.trim_start_matches(BLANK).is_empty() { Ok(()) } else { Err(NotPlain) };
            }
            self.text()?;
        }
    }

    fn start(&mut self) -> Result<(), NotPlain> {
        let (name, rest) = name(self.rest)?;
        self.rest = rest;
        let empty = self.attributes()?;
        if self.open.len() == DEPTH_MAX {
            return Err(NotPlain);
        }
        self.open.push(name.written);
        let namespace = match name.prefix {
            "" => self.scope.iter().find(|one| one.prefix.is_empty()).copied().unwrap_or(NOWHERE),
            prefix => self.bound(prefix)?,
        };
        self.count()?;
        self.tell(name.local, namespace)?;
        if empty {
            self.close();
        }
        Ok(())
    }

    /// Reads a tag from behind its name to its end; whether it is an element without content.
    fn attributes(&mut self) -> Result<bool, NotPlain> {
        self.attributes.clear();
        loop {
            let next = self.rest.trim_start_matches(BLANK);
            if let Some(rest) = next.strip_prefix('>') {
                self.rest = rest;
                return Ok(false);
            }
            if let Some(rest) = next.strip_prefix("/>") {
                self.rest = rest;
                return Ok(true);
            }
            if next.len() == self.rest.len() || self.attributes.len() == ATTRIBUTES_MAX {
                return Err(NotPlain);
            }
            let (name, rest) = name(next)?;
            let rest = rest.trim_start_matches(BLANK).strip_prefix('=').ok_or(NotPlain)?;
            let rest = rest.trim_start_matches(BLANK);
            let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(NotPlain)?;
            let (value, rest) = rest[1..].split_once(quote).ok_or(NotPlain)?;
            // A reference or white space would have to be made one character first; `<` may not stand there.
            if value.bytes().any(|byte| matches!(byte, b'<' | b'&' | b'\n' | b'\r' | b'\t')) {
                return Err(NotPlain);
            }
            self.rest = rest;
            self.count()?;
            match (name.prefix, name.local) {
                ("", "xmlns") => self.declare("", value)?,
                ("xmlns", prefix) => self.declare(prefix, value)?,
                _ => self.attributes.push(Attribute { name, value }),
            }
        }
    }

    fn declare(&mut self, prefix: &'d str, uri: &'d str) -> Result<(), NotPlain> {
        let known = self.scope.iter().any(|one| one.prefix == prefix);
        let odd = prefix.starts_with("xml") || uri.is_empty() || RESERVED.contains(&uri);
        let large = uri.len() > 4 * NAME_BYTES_MAX || self.scope.len() == ATTRIBUTES_MAX;
        if !self.open.is_empty() || known || odd || large {
            return Err(NotPlain);
        }
        let id = self.set.name_table.add(uri);
        if prefix.is_empty() {
            self.snapshot.default_ns = Some(id);
        } else {
            self.snapshot.bindings.push((self.set.name_table.add(prefix), id));
        }
        self.scope.push(Namespace { prefix, uri, id: Some(id) });
        Ok(())
    }

    fn bound(&self, prefix: &str) -> Result<Namespace<'d>, NotPlain> {
        self.scope.iter().find(|one| one.prefix == prefix).copied().ok_or(NotPlain)
    }

    /// Tells the start of an element with its attributes.
    fn tell(&mut self, local: &str, namespace: Namespace<'_>) -> Result<(), NotPlain> {
        let mut nil = None;
        let mut attributes: Vec<(&str, &str, &str)> = Vec::new();
        for Attribute { name, value } in &self.attributes {
            let uri = if name.prefix.is_empty() { "" } else { self.bound(name.prefix)?.uri };
            if attributes.iter().any(|(other, of, _)| *other == name.local && *of == uri) {
                return Err(NotPlain);
            }
            match (uri, name.local) {
                (XSI, "type") => return Err(NotPlain),
                (XSI, "nil") => nil = Some(*value),
                _ => {}
            }
            attributes.push((name.local, uri, value));
        }
        let id = self.set.name_table.add(local);
        self.reader.begin(local, namespace.uri, nil);
        self.runtime.validate_element_by_id_novalue(id, namespace.id, None, nil, &self.snapshot);
        for (local, uri, value) in attributes {
            self.reader.attribute(local, uri, value);
            self.runtime.validate_attribute(local, uri, value);
        }
        self.runtime.validate_end_of_attributes_novalue();
        Ok(())
    }

    fn end(&mut self, rest: &'d str) -> Result<(), NotPlain> {
        let name = self.open.last().ok_or(NotPlain)?;
        let rest = rest.strip_prefix(name).ok_or(NotPlain)?;
        self.rest = rest.trim_start_matches(BLANK).strip_prefix('>').ok_or(NotPlain)?;
        self.close();
        Ok(())
    }

    fn close(&mut self) {
        self.open.pop();
        self.runtime.validate_end_element_novalue();
        self.reader.end();
    }

    /// Reads to the next `<` and over it.
    fn text(&mut self) -> Result<(), NotPlain> {
        let (text, rest) = self.rest.split_once('<').ok_or(NotPlain)?;
        self.rest = rest;
        if text.is_empty() {
            return Ok(());
        }
        self.count()?;
        let made;
        let text = if text.bytes().any(|byte| matches!(byte, b'&' | b'\r' | b']')) {
            made = resolved(text)?;
            made.as_str()
        } else {
            text
        };
        if text.chars().all(char::is_whitespace) {
            self.runtime.validate_whitespace(text);
        } else {
            self.runtime.validate_text(text);
        }
        self.reader.text(text);
        Ok(())
    }

    fn count(&mut self) -> Result<(), NotPlain> {
        self.nodes += 1;
        if self.nodes > NODES_MAX { Err(NotPlain) } else { Ok(()) }
    }
}

/// A name, and what follows it.
fn name(text: &str) -> Result<(Name<'_>, &str), NotPlain> {
    let mut colon = None;
    let mut end = text.len();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => {}
            b':' if colon.is_none() => colon = Some(at),
            _ => {
                end = at;
                break;
            }
        }
    }
    let (written, rest) = text.split_at(end);
    let (prefix, local) = colon.map_or(("", written), |at| (&written[..at], &written[at + 1..]));
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let right = begins(local) && (colon.is_none() || begins(prefix)) && written.len() <= NAME_BYTES_MAX;
    if right { Ok((Name { written, prefix, local }, rest)) } else { Err(NotPlain) }
}

/// A text with line ends made one character and the references to the five known characters followed.
fn resolved(text: &str) -> Result<String, NotPlain> {
    if text.contains("]]>") {
        return Err(NotPlain);
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut parts = text.split('&');
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or(NotPlain)?;
        made.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return Err(NotPlain),
        });
        made.push_str(rest);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use xsd_schema::SchemaSetBuilder;
    use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags};

    use super::super::view::FieldView;
    use super::*;

    const XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:a"
        elementFormDefault="qualified"><xs:element name="A"><xs:complexType><xs:sequence>
        <xs:element name="B" type="xs:string" nillable="true" maxOccurs="9"/></xs:sequence>
        <xs:attribute name="c" type="xs:string"/></xs:complexType></xs:element></xs:schema>"#;

    /// Whether a document is taken, and if so, how many things are wrong with it.
    fn taken(text: &[u8]) -> Option<usize> {
        let compiled = SchemaSetBuilder::new().add_source(XSD, "a.xsd").and_then(SchemaSetBuilder::compile);
        let set = compiled.expect("the schema compiles").into_schema_set();
        let validator = SchemaValidator::new(&set, ValidationFlags::empty());
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let sink = CollectingValidationSink { errors: &mut errors, warnings: &mut warnings };
        let mut runtime = validator.start_run(sink);
        let view = FieldView::open();
        let mut reader = Reader::new(&view, view.root(), text.len());
        let driven = drive(text, &set, &mut runtime, &mut reader);
        drop(runtime);
        driven.ok().map(|()| errors.len())
    }

    #[test]
    fn what_software_writes_is_plain() {
        for text in [
            "<A xmlns='urn:a'><B>Hồ sơ</B></A>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<A xmlns=\"urn:a\" c=\"1\">\r\n  <B/>\r\n</A>\r\n",
            "<a:A xmlns:a='urn:a'><a:B>1 &lt; 2 &amp; [3]</a:B ></a:A>",
            "<A xmlns='urn:a' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><B i:nil='true'/></A>",
        ] {
            assert_eq!(taken(text.as_bytes()), Some(0), "{text}");
        }
        assert!(taken(b"<A xmlns='urn:a'><C/></A>").is_some_and(|errors| errors > 0));
    }

    #[test]
    fn whatever_else_there_is_goes_to_the_driver_that_knows_all_of_xml() {
        for text in [
            "<A xmlns='urn:a'><B>]]></B></A>",
            "<A xmlns='urn:a'><B>&#65;</B></A>",
            "<A xmlns='urn:a'><B>&b;</B></A>",
            "<A xmlns='urn:a'><B>\u{1}</B></A>",
            "<A xmlns='urn:a'><B>\u{ffff}</B></A>",
            "<A xmlns='urn:a'><B><![CDATA[]]></B></A>",
            "<A xmlns='urn:a'><B xmlns:i='urn:i'/></A>",
            "<A xmlns='urn:a'><b:B/></A>",
            "<A xmlns='urn:a'><B/><!-- --></A>",
            "<A xmlns='urn:a'><B/></A><A xmlns='urn:a'/>",
            "<A xmlns='urn:a'><B/></A>a",
            "<A xmlns='urn:a'><B></A></B>",
            "<A xmlns='urn:a'><B/>",
            "<A xmlns='urn:a'c='1'><B/></A>",
            "<A xmlns='urn:a' c='1' c='1'><B/></A>",
            "<A xmlns='urn:a' c='<'><B/></A>",
            "<A xmlns='urn:a' c='&amp;'><B/></A>",
            "<A xmlns='urn:a' xml:lang='vi'><B/></A>",
            "<A xmlns='urn:a' xmlns:xml='urn:b'><B/></A>",
            "<A xmlns='urn:a'><1B/></A>",
            "<A xmlns='urn:a'><Bé/></A>",
            "<!DOCTYPE A><A xmlns='urn:a'><B/></A>",
            "<?xml version='1.1'?><A xmlns='urn:a'><B/></A>",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?><A xmlns='urn:a'><B/></A>",
            " <?xml version=\"1.0\"?><A xmlns='urn:a'><B/></A>",
            "",
        ] {
            assert_eq!(taken(text.as_bytes()), None, "{text}");
        }
        assert_eq!(taken(b"<A xmlns='urn:a'><B>\xFF</B></A>"), None);
        let deep = DEPTH_MAX + 1;
        assert_eq!(taken(format!("{}{}", "<A>".repeat(deep), "</A>".repeat(deep)).as_bytes()), None);
    }
}
