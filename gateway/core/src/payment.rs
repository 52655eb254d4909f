//! A payment: what is to be paid under a reference of ours, what its provider says of it, and whether that counts.
//!
//! Money counts as paid only if the provider says so, over a call that is surely the provider's or in answer to a question of ours, of a
//! reference that we gave, with the very amount and currency that were asked for, and once for each transaction. Everything else is
//! refused with its own code, or noted. What a browser brings back is neither. Which words a provider has for all this is its
//! adapter's; that the reference is on disk before the provider hears of it is the store's.

mod due;

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use due::take_paid;

use crate::dossier::DossierCode;
use crate::ids::{MessageId, Moment, fingerprint};

/// So many letters has the number of a payment: with a provider's prefix it must fit into twenty.
pub const NUMBER_LETTERS: usize = 10;

/// What fees are due in where nothing else is said.
const DONG: &str = "VND";

const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The number of the payment that this question asks for. It follows from the question's id, so a question that is put again says the
/// same, and another try of the citizen has another one.
pub fn number(id: MessageId) -> String {
    let digest = fingerprint(&["payment", &id.to_string()]);
    let bits = u64::from_str_radix(digest.get(..16).unwrap_or_default(), 16).unwrap_or_default();
    let letter = |place: usize| char::from(LETTERS[(bits >> (5 * place)) as usize & 31]);
    (0..NUMBER_LETTERS).map(letter).collect()
}

/// What a kind of message is to a payment. The gateway knows payments by this and not by the names of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A question that begins one: it is on disk before its provider hears of it.
    Opened,
    /// It is taken back.
    Cancelled,
    /// Its provider told what became of it.
    Observed,
    /// What a dossier is to pay: kept, to be looked up.
    Due,
    /// It is paid: made by the gateway.
    Told,
}

/// What is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wanted {
    /// In the smallest unit that is in use; dong have none smaller.
    pub amount: u64,
    /// ISO 4217.
    pub currency: String,
    /// What it is made of, as the question said it; told again with the confirmation.
    pub lines: Value,
}

impl Wanted {
    /// Reads a canonical question. None if it asks for nothing, or if its lines are not what it asks for in all: nobody could say later
    /// what was paid.
    pub fn read(document: &Value) -> Option<Wanted> {
        let amount = document.get("amount")?.as_u64().filter(|amount| *amount > 0)?;
        let lines = document.get("lines").cloned().unwrap_or_else(|| json!([]));
        let each = lines.as_array()?.iter().map(|line| line.get("amount")?.as_u64());
        let sum = each.sum::<Option<u64>>()?;
        let whole = lines.as_array().is_some_and(Vec::is_empty) || sum == amount;
        let currency = document.get("currency")?.as_str()?.to_owned();
        whole.then_some(Wanted { amount, currency, lines })
    }

    /// What is due of a dossier, as its document says; none if nothing is.
    pub fn due(document: &Value) -> Option<Wanted> {
        let lines = document.get("lines")?.clone();
        let each = lines.as_array()?.iter().map(|line| line.get("amount")?.as_u64());
        let amount = each.sum::<Option<u64>>().filter(|amount| *amount > 0)?;
        let currency = document.get("currency").and_then(Value::as_str).unwrap_or(DONG).to_owned();
        Some(Wanted { amount, currency, lines })
    }

    /// Is this what the provider says was paid?
    pub fn is_paid_by(&self, said: &Said) -> bool {
        said.amount == Some(self.amount) && said.currency.as_ref() == Some(&self.currency)
    }
}

/// What a provider says became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Paid.
    Paid,
    /// This try failed; the citizen may try again.
    Failed,
    /// Nothing yet.
    Open,
}

/// What a provider says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Under which reference.
    pub reference: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How much; none where it does not say.
    pub amount: Option<u64>,
    /// In what.
    pub currency: Option<String>,
    /// The provider's own number of the transaction.
    pub transaction: Option<String>,
    /// When it was paid.
    pub at: Option<Moment>,
    /// Through which bank or wallet.
    pub bank: Option<String>,
    /// Of which dossier, where it says so. Our own references need no such word.
    pub dossier: Option<DossierCode>,
}

impl Said {
    /// Reads a canonical document; none if it does not say what became of what.
    pub fn read(document: &Value) -> Option<Said> {
        let text = |name: &str| {
            let text = document.get(name).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let outcome = match document.get("outcome")?.as_str()? {
            "paid" => Outcome::Paid,
            "failed" => Outcome::Failed,
            "open" => Outcome::Open,
            _ => return None,
        };
        Some(Said {
            reference: text("reference")?,
            outcome,
            amount: document.get("amount").and_then(Value::as_u64),
            currency: text("currency"),
            transaction: text("transaction"),
            at: text("at").as_deref().and_then(Moment::parse),
            bank: text("bank"),
            dossier: document.pointer("/dossier/code").and_then(Value::as_str).and_then(DossierCode::new),
        })
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Asked for.
    Open,
    /// Paid and told.
    Paid,
    /// Taken back by whoever asked for it.
    Cancelled,
}

impl State {
    /// Its name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Paid => "paid",
            State::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<State> {
        [State::Open, State::Paid, State::Cancelled].into_iter().find(|state| state.as_str() == text)
    }
}

/// What is known of a payment when something is said of it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Where it stands.
    pub state: State,
    /// What was asked for.
    pub wanted: &'a Wanted,
    /// The transaction that is spoken of is the one that paid it.
    pub by_this: bool,
    /// The transaction that is spoken of has paid another one.
    pub elsewhere: bool,
}

/// Why what a provider says does not count. Somebody's money may be under way all the same, so each is for a person to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No payment has this reference.
    Unknown,
    /// Another amount than was asked for, or none.
    Amount,
    /// Another currency, or none.
    Currency,
    /// Paid, and no word by which transaction.
    Transaction,
    /// It was taken back before.
    Cancelled,
    /// Another transaction has paid it already, or this one has paid another.
    Twice,
    /// It is to be taken back, and is paid.
    Paid,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Refusal; 7] = [
        Refusal::Unknown,
        Refusal::Amount,
        Refusal::Currency,
        Refusal::Transaction,
        Refusal::Cancelled,
        Refusal::Twice,
        Refusal::Paid,
    ];

    /// The code of the fault.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Unknown => "payment.unknown",
            Refusal::Amount => "payment.amount",
            Refusal::Currency => "payment.currency",
            Refusal::Transaction => "payment.transaction",
            Refusal::Cancelled => "payment.cancelled",
            Refusal::Twice => "payment.twice",
            Refusal::Paid => "payment.paid",
        }
    }
}

/// What follows from what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It is paid: told to whoever hears of it.
    Confirm,
    /// It was told before; answered as the first time.
    Again,
    /// Kept, and nothing follows.
    Note,
    /// It does not count.
    Refuse(Refusal),
}

/// Does it count?
pub fn judge(known: Option<Known<'_>>, said: &Said) -> Ruling {
    let Some(known) = known else { return Ruling::Refuse(Refusal::Unknown) };
    if said.outcome != Outcome::Paid {
        return Ruling::Note;
    }
    if said.amount != Some(known.wanted.amount) {
        return Ruling::Refuse(Refusal::Amount);
    }
    if said.currency.as_deref() != Some(known.wanted.currency.as_str()) {
        return Ruling::Refuse(Refusal::Currency);
    }
    if said.transaction.is_none() {
        return Ruling::Refuse(Refusal::Transaction);
    }
    match known.state {
        State::Paid if known.by_this => Ruling::Again,
        State::Paid => Ruling::Refuse(Refusal::Twice),
        State::Cancelled => Ruling::Refuse(Refusal::Cancelled),
        State::Open if known.elsewhere => Ruling::Refuse(Refusal::Twice),
        State::Open => Ruling::Confirm,
    }
}

const MINUTE_MS: i64 = 60_000;
/// A payment that nobody paid is not asked about for ever.
const ASKED_ABOUT_MS: i64 = 3 * 24 * 60 * MINUTE_MS;

/// After how long the provider is asked about an open payment again, so long after it was asked for; none when it no longer is. A
/// confirmation that comes later still counts: only our questions end.
pub fn ask_again_ms(opened: Moment, now: Moment) -> Option<i64> {
    let age_ms = now.as_millis().saturating_sub(opened.as_millis());
    let pause = |from_ms: i64, pause_ms: i64| (age_ms < from_ms).then_some(pause_ms);
    pause(10 * MINUTE_MS, 2 * MINUTE_MS)
        .or_else(|| pause(60 * MINUTE_MS, 10 * MINUTE_MS))
        .or_else(|| pause(24 * 60 * MINUTE_MS, 30 * MINUTE_MS))
        .or_else(|| pause(ASKED_ABOUT_MS, 6 * 60 * MINUTE_MS))
}

/// The canonical document that tells of a payment.
pub fn told(dossier: &str, provider: &str, wanted: &Wanted, said: &Said, at: Moment) -> Value {
    let mut document = Map::new();
    document.insert("dossier".to_owned(), json!({ "code": dossier }));
    document.insert("provider".to_owned(), json!(provider));
    document.insert("reference".to_owned(), json!(said.reference));
    document.insert("transaction".to_owned(), json!(said.transaction));
    document.insert("amount".to_owned(), json!(wanted.amount));
    document.insert("currency".to_owned(), json!(wanted.currency));
    document.insert("paidAt".to_owned(), json!(said.at.unwrap_or(at).to_string()));
    if let Some(bank) = &said.bank {
        document.insert("bank".to_owned(), json!(bank));
    }
    document.insert("lines".to_owned(), wanted.lines.clone());
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted { amount: 50_000, currency: "VND".to_owned(), lines: json!([]) }
    }

    fn said() -> Said {
        Said {
            reference: "TC1".to_owned(),
            outcome: Outcome::Paid,
            amount: Some(50_000),
            currency: Some("VND".to_owned()),
            transaction: Some("GD1".to_owned()),
            at: None,
            bank: None,
            dossier: None,
        }
    }

    fn known(wanted: &Wanted, state: State) -> Known<'_> {
        Known { state, wanted, by_this: state == State::Paid, elsewhere: false }
    }

    #[test]
    fn money_counts_once_and_only_as_it_was_asked_for() {
        use Refusal::*;
        let wanted = wanted();
        let open = known(&wanted, State::Open);
        assert_eq!(judge(Some(open), &said()), Ruling::Confirm);
        assert_eq!(judge(Some(known(&wanted, State::Paid)), &said()), Ruling::Again);
        let refused: [(&str, Option<Known<'_>>, Said, Refusal); 9] = [
            ("unknown", None, said(), Unknown),
            ("less", Some(open), Said { amount: Some(49_999), ..said() }, Amount),
            ("more", Some(open), Said { amount: Some(50_001), ..said() }, Amount),
            ("no amount", Some(open), Said { amount: None, ..said() }, Amount),
            ("dollars", Some(open), Said { currency: Some("USD".to_owned()), ..said() }, Currency),
            ("no currency", Some(open), Said { currency: None, ..said() }, Currency),
            ("no transaction", Some(open), Said { transaction: None, ..said() }, Transaction),
            ("late after cancel", Some(known(&wanted, State::Cancelled)), said(), Cancelled),
            ("used", Some(Known { elsewhere: true, ..open }), said(), Twice),
        ];
        for (name, known, said, refusal) in refused {
            assert_eq!(judge(known, &said), Ruling::Refuse(refusal), "{name}");
        }
        let second = Known { by_this: false, ..known(&wanted, State::Paid) };
        assert_eq!(judge(Some(second), &said()), Ruling::Refuse(Twice));
        // That a try failed takes nothing back.
        for outcome in [Outcome::Failed, Outcome::Open] {
            let said = Said { outcome, amount: None, ..said() };
            assert_eq!(judge(Some(known(&wanted, State::Paid)), &said), Ruling::Note);
        }
    }

    #[test]
    fn a_number_is_the_questions_own_and_short() {
        let at = Moment::from_millis(1_790_000_000_000);
        let (one, other) = (MessageId::new(at, [1; 10]), MessageId::new(at, [2; 10]));
        assert_eq!(number(one), number(one));
        assert_ne!(number(one), number(other));
        assert_eq!(number(one).len(), NUMBER_LETTERS);
        assert!(number(one).bytes().all(|letter| LETTERS.contains(&letter)));
    }

    #[test]
    fn lines_must_make_up_what_is_asked_for() {
        let asks = |amount: Value, lines: Value| {
            Wanted::read(&json!({ "amount": amount, "currency": "VND", "lines": lines })).is_some()
        };
        assert!(asks(json!(50_000), json!([{ "amount": 20_000 }, { "amount": 30_000 }])));
        assert!(asks(json!(50_000), json!([])));
        for (amount, lines) in [
            (json!(50_000), json!([{ "amount": 20_000 }])),
            (json!(0), json!([])),
            (json!(-1), json!([])),
            (json!(5), json!([{ "name": "x" }])),
        ] {
            assert!(!asks(amount, lines));
        }
    }

    #[test]
    fn questions_about_a_payment_become_rarer_and_end() {
        let opened = Moment::from_millis(0);
        let pause = |minutes: i64| ask_again_ms(opened, Moment::from_millis(minutes * MINUTE_MS));
        assert_eq!(pause(0), Some(2 * MINUTE_MS));
        assert_eq!(pause(30), Some(10 * MINUTE_MS));
        assert_eq!(pause(120), Some(30 * MINUTE_MS));
        assert_eq!(pause(2 * 24 * 60), Some(360 * MINUTE_MS));
        assert_eq!(pause(3 * 24 * 60), None);
    }
}
