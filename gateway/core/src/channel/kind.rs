//! Kinds of message: what each is, and where a document of it says what the gateway itself must know.

use serde::Deserialize;
use serde_json::Value;

use crate::dossier::DossierCode;
use crate::envelope::Class;
use crate::ids::{Kind, Moment};
use crate::translator::code_like;

/// What is true of a kind of message, whoever sends it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindSpec {
    /// Snapshot, event or question.
    pub class: Class,
    /// A question that needs a licence and a place in the audit trail.
    #[serde(default)]
    pub licensed: bool,
    /// The canonical contract.
    #[serde(default)]
    pub contract: Option<String>,
    /// The canonical contract of its answer, for questions whose answers we understand.
    #[serde(default)]
    pub answer: Option<String>,
    /// Where the dossier's code stands in the canonical document.
    #[serde(default)]
    pub dossier: Option<String>,
    /// Where the name of what it is about stands, if that is no dossier: it has a lane and a timeline of its own, `inquiry:900101`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Where the dossier's national status stands.
    #[serde(default)]
    pub status: Option<String>,
    /// Where the due date stands.
    #[serde(default)]
    pub due: Option<String>,
    /// Where a further code of the same dossier stands: both find one timeline.
    #[serde(default)]
    pub alias: Option<String>,
    /// Where the unit stands that it is for; it counts where the call itself names none.
    #[serde(default)]
    pub unit: Option<String>,
    /// Its documents do not say when it was, and the latest of them holds: said again after another, it is news and no repeat.
    #[serde(default)]
    pub undated: bool,
    /// Who takes it makes it its own, so nobody else may: two takers for one unit are a defect.
    #[serde(default)]
    pub one_taker: bool,
    /// A question that is answered here and now from what was accepted last: of this kind.
    #[serde(default)]
    pub answered_from: Option<Kind>,
    /// What such a question has to do with the code on the citizen's receipt.
    #[serde(default)]
    pub receipt_code: Option<ReceiptCode>,
    /// What it is to a shipment, if it is about one.
    #[serde(default)]
    pub shipment: Option<Part>,
    /// What it is to a payment, if it is about one.
    #[serde(default)]
    pub payment: Option<crate::payment::Part>,
    /// Codes in its documents that must be ones of a published list.
    #[serde(default)]
    pub codes: Vec<CodeAt>,
}

/// A code in a document that must be one of a published list by the time it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeAt {
    /// The published list.
    pub catalogue: String,
    /// Where the code stands in the canonical document.
    pub at: String,
    /// Where its name stands, for suggestions.
    pub named: String,
    /// The code list that translates local codes into published ones.
    pub list: String,
}

/// What a question that we answer has to do with the code on the citizen's receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptCode {
    /// Whoever asks must know it (hint `receipt-code`).
    Asked,
    /// It is the answer: for what prints receipts.
    Told,
}

/// What a kind of message is to a shipment. The gateway knows kinds of carriage by this and not by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Something is to be carried.
    Ordered,
    /// It is not to be carried after all.
    Cancelled,
    /// The carrier told something of it.
    Observed,
    /// Its confirmed state has changed: made by the gateway.
    Told,
    /// The dossier's last step, where nobody else can tell it: made by the gateway.
    HandedOver,
}

/// What the gateway itself must know of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Whose lane it joins; none for kinds that are about no dossier.
    pub dossier: Option<DossierCode>,
    /// The dossier's national status.
    pub status: Option<String>,
    /// When the dossier is due.
    pub due: Option<Moment>,
    /// A further code of the dossier.
    pub alias: Option<DossierCode>,
    /// The unit that it is for.
    pub unit: Option<String>,
}

impl KindSpec {
    /// Is it a question that we answer ourselves?
    pub fn is_ours(&self) -> bool {
        self.answered_from.is_some() || self.receipt_code.is_some()
    }

    /// Reads them from the places that the kind names; none if it is about a dossier and the document names no usable one.
    pub fn facts(&self, document: &Value) -> Option<DocumentFacts> {
        let at = |path: &Option<String>| path.as_deref().and_then(|path| text_at(document, path));
        let dossier = at(&self.dossier).as_deref().and_then(DossierCode::new);
        let subject = self.subject.as_ref().and_then(|path| {
            // Named by what it is, so that it is never taken for a dossier of the same number.
            let what = path.split('.').next().unwrap_or_default();
            DossierCode::new(&format!("{what}:{}", at(&self.subject)?))
        });
        let dossier = dossier.or(subject);
        if (self.dossier.is_some() || self.subject.is_some()) && dossier.is_none() {
            return None;
        }
        // A status stands in the clear, so it must be one: whatever else a sender put there stays in the sealed document.
        let status = at(&self.status).filter(|status| code_like(status));
        let alias = at(&self.alias).as_deref().and_then(DossierCode::new);
        let alias = alias.filter(|alias| Some(alias) != dossier.as_ref());
        let due = at(&self.due).as_deref().and_then(Moment::parse);
        Some(DocumentFacts { dossier, status, due, alias, unit: at(&self.unit) })
    }
}

fn text_at(document: &Value, path: &str) -> Option<String> {
    let value = path.split('.').try_fold(document, |value, name| value.get(name))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
