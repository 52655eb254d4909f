//! The scanner against a reader that has all of the document, in pieces of any size, whole and damaged.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What was passed on, with `<n>` in the place of the n-th file; the ways and the texts that were handed out.
fn scanned(pieces: &[&[u8]], places: &[&str]) -> (Vec<u8>, Vec<(String, String)>) {
    let places = places.iter().map(|place| Place::parse(place).unwrap()).collect();
    let mut scanner = Scanner::new(places);
    let (mut kept, mut files): (Vec<u8>, Vec<(String, Vec<u8>)>) = (Vec::new(), Vec::new());
    for piece in pieces {
        let said = scanner.feed(piece, &mut |piece| {
            match piece {
                Piece::Keep(bytes) => kept.extend_from_slice(bytes),
                Piece::Begin { way, .. } => {
                    kept.extend_from_slice(format!("<{}>", files.len()).as_bytes());
                    files.push((written(&way), Vec::new()));
                }
                Piece::Text(text) => files.last_mut().unwrap().1.extend_from_slice(text),
                Piece::End => {}
            }
            Ok::<_, ()>(())
        });
        said.unwrap();
    }
    let texts = files.into_iter().map(|(way, text)| (way, String::from_utf8_lossy(&text).into_owned()));
    (kept, texts.collect())
}

/// The same by a reader that has all of the document.
fn expected(value: &mut Value, way: &str, places: &[&str], files: &mut Vec<(String, String)>) {
    let digits = |text: &str| -> String {
        let mut plain = String::new();
        let mut inside = false;
        for letter in text.chars() {
            match letter {
                '[' => inside = true,
                ']' => inside = false,
                _ if inside => continue,
                _ => {}
            }
            plain.push(letter);
        }
        plain
    };
    match value {
        Value::String(text) if places.contains(&digits(way).as_str()) => {
            files.push((way.to_owned(), std::mem::take(text)));
            *text = format!("<{}>", files.len() - 1);
        }
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                expected(item, &format!("{way}[{number}]"), places, files);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let way = if way.is_empty() { name.clone() } else { format!("{way}.{name}") };
                expected(member, &way, places, files);
            }
        }
        _ => {}
    }
}

const PLACES: [&str; 4] = ["Tep", "Ds[].Tep", "[].Tep", "a.Ds[].Tep"];

#[test]
fn files_are_found_where_they_are_declared_and_nowhere_else() {
    let text = r#" {"x":"a\"b","T\u0065p":"QUJD\/\u002b","Ds":[{"Ten":"t"},{"Tep":"Qg=="},7,{"Tep":null}],"Tep2":"z"}"#;
    let (kept, files) = scanned(&[text.as_bytes()], &PLACES);
    let wanted = [("Tep", "QUJD/+"), ("Ds[1].Tep", "Qg==")];
    assert_eq!(files, wanted.map(|(way, text)| (way.to_owned(), text.to_owned())));
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(kept["Tep"], "<0>");
    assert_eq!(kept["Ds"], json!([{ "Ten": "t" }, { "Tep": "<1>" }, 7, { "Tep": null }]));
    assert_eq!(kept["Tep2"], "z");
}

#[test]
fn places_are_read_as_they_are_written() {
    for wrong in ["", "a[", "a..b", "a[]", "[]", "a.[]", "a[0].b", "a[]b"] {
        assert_eq!(Place::parse(wrong), None, "{wrong}");
    }
    for right in ["a", "[].a", "a[].b", "a[][].b", "a.b.c"] {
        assert!(Place::parse(right).is_some(), "{right}");
    }
}

#[test]
fn depth_costs_nothing_and_hides_nothing() {
    let deep = format!("{}{}", "[".repeat(100_000), r#"{"Tep":"QUJD"}"#);
    assert_eq!(scanned(&[deep.as_bytes()], &PLACES).1, Vec::new());
    assert!(serde_json::from_str::<Value>(&deep).is_err());
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[ -~à-ỹ\n\"\\\\/]{0,70}".prop_map(Value::from),
        "[A-Za-z0-9+/]{0,200}".prop_map(Value::from),
    ];
    let name =
        prop_oneof![Just("Tep".to_owned()), Just("Ds".to_owned()), Just("a".to_owned()), "[a-c\"\\\\à]{1,3}"];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn cut<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_document_is_scanned_as_it_is_read(
        document in documents(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        pretty in any::<bool>(),
    ) {
        let text = if pretty { format!("{document:#}") } else { document.to_string() };
        let (kept, files) = scanned(&cut(text.as_bytes(), &cuts), &PLACES);
        let (mut wanted, mut found) = (document, Vec::new());
        expected(&mut wanted, "", &PLACES, &mut found);
        // A text of what is no ASCII is no base64: only that it was handed out counts.
        let plain = |files: Vec<(String, String)>| -> Vec<(String, Option<String>)> {
            files.into_iter().map(|(way, text)| (way, Some(text).filter(|text| text.is_ascii()))).collect()
        };
        prop_assert_eq!(plain(files), plain(found));
        prop_assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), wanted);
    }

    #[test]
    fn a_damaged_document_is_scanned_alike_in_any_pieces_and_hides_no_file(
        document in documents(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        damage in prop::collection::vec((any::<usize>(), prop_oneof![
            Just(b'"'), Just(b'\\'), Just(b'{'), Just(b']'), Just(b','), Just(b':'), any::<u8>()]), 1..4),
    ) {
        let mut text = document.to_string().into_bytes();
        for (at, byte) in damage {
            let at = at % text.len();
            text[at] = byte;
        }
        let whole = scanned(&[&text], &PLACES);
        prop_assert_eq!(&scanned(&cut(&text, &cuts), &PLACES), &whole);
        if let Ok(mut read) = serde_json::from_slice::<Value>(&text) {
            let mut found = Vec::new();
            expected(&mut read, "", &PLACES, &mut found);
            // Of names that come twice the reader has the last one only.
            prop_assert!(found.len() <= whole.1.len());
            let kept = serde_json::from_slice::<Value>(&whole.0).unwrap();
            let mut left = Vec::new();
            expected(&mut kept.clone(), "", &PLACES, &mut left);
            prop_assert!(left.iter().all(|(_, text)| text.starts_with('<') && text.ends_with('>')));
        }
    }
}
