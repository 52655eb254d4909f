//! A door that a declared peer calls: how a call is read, and what it is answered.

use super::feed::Parts;
use super::sheet::{Sheet, Within};
use super::spec::form;
use super::template::{Form, ITEMS};
use super::way::Notation;
use crate::wire::refusal::without_success;

/// What may fill the holes of an answer.
const HOLES: [&str; 5] = ["id", "dossier", "code", "words", ITEMS];

/// One door.
#[derive(Debug)]
pub(super) struct Door {
    /// The line where its words begin.
    pub(super) line: u64,
    /// As the channel says.
    pub(super) kind: String,
    /// Where the list of items stands; none if the body is the one item.
    pub(super) items: Option<String>,
    pub(super) parts: Parts,
    /// Its calls are questions, answered in the same call.
    pub(super) is_question: bool,
    pub(super) accepted: Said,
    pub(super) refused: Said,
}

/// One kind of answer.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The HTTP status; of a refusal, without one, what this fault has at every door.
    pub(super) status: Option<u16>,
    pub(super) body: Option<Form>,
    /// What an item of this fate is answered, where the body has a place for `{items}`.
    pub(super) each: Option<Form>,
}

impl Door {
    /// Reads the words of the door of this channel.
    pub(super) fn read(channel: &str, mut sheet: Sheet, notation: Notation) -> Door {
        let mut answers = sheet.block("answers");
        let mut said = |key: &'static str| {
            let block = answers.as_mut().and_then(|answers| answers.block(key));
            block.map(|sheet| Said::read(sheet, notation, key == "refused")).unwrap_or_default()
        };
        let (accepted, refused) = (said("accepted"), said("refused"));
        let items = sheet.has("items").then(|| sheet.place("items", &Within::Call(channel.to_owned())));
        let door = Door {
            line: sheet.line,
            kind: String::new(),
            items,
            parts: Parts::read(&mut sheet, &Within::Item(channel.to_owned())),
            is_question: sheet.flag("question"),
            accepted,
            refused,
        };
        if let Some(answers) = answers {
            answers.finish();
        }
        // In JSON there is an answer of ours; no XML can be guessed.
        if notation.is_xml() && door.accepted.body.is_none() && !door.is_question {
            sheet.wrong("answers", "`accepted` needs a `body` in this notation", None);
        }
        sheet.finish();
        door
    }
}

impl Said {
    fn read(mut sheet: Sheet, notation: Notation, is_refusal: bool) -> Said {
        let status = sheet.maybe("status").and_then(|text| {
            let status = text.parse().ok().filter(|status| (200..600).contains(status));
            if status.is_none() {
                sheet.wrong("status", "an HTTP status is expected", None);
            }
            status
        });
        let body = form(&mut sheet, "body", notation, &HOLES);
        let each = form(&mut sheet, "each", notation, &HOLES);
        for key in ["body", "each"] {
            let text = sheet.tree(key).map(|tree| tree.to_string()).unwrap_or_default();
            if is_refusal && without_success(&text) != text {
                let message = "callers look for the words of success in every answer: a refusal must not have them";
                sheet.wrong(key, message, None);
            }
        }
        sheet.finish();
        Said { status, body, each }
    }
}
