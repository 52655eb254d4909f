//! Looking up a dossier with what stands on the citizen's receipt: its code, the *receipt code*, and how often one may try.
//!
//! The receipt code is eight digits that follow from the dossier's code and a key of this gateway. Nothing of it is stored and no
//! sender has to send one more field, so it is there for every dossier from the first day, is the same when a receipt is printed
//! again, and a wrong one is found out without looking whether there is such a dossier: nobody learns from an answer, or from how
//! long it takes, which dossiers there are. Eight digits bear being read out on the telephone; what keeps them from being guessed is
//! [`Tries`]. In memory only: after a restart everybody begins anew, which a throttle bears.

use std::collections::{BTreeMap, VecDeque};

use ring::hmac;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::dossier::DossierCode;
use crate::fault::{Blame, Fault, Remedy};
use crate::ids::Moment;

const DIGITS: u32 = 8;

/// The keys that receipt codes follow from: the current one, and those whose receipts are still in people's hands.
pub struct ReceiptKeys(Vec<hmac::Key>);

impl ReceiptKeys {
    /// The current key first.
    pub fn new(keys: impl IntoIterator<Item = Vec<u8>>) -> Self {
        ReceiptKeys(keys.into_iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key)).collect())
    }

    /// What stands on the receipt of this dossier, in two groups as people read them: `1234 5678`.
    pub fn code(&self, dossier: &DossierCode) -> String {
        let digits = self.0.first().map(|key| digits(key, dossier)).unwrap_or_default();
        let (first, second) = digits.split_at(digits.len() / 2);
        format!("{first} {second}")
    }

    /// Is this what stands on that receipt? However it was grouped. All keys are tried, so that the time tells nothing.
    pub fn is_right(&self, dossier: &DossierCode, given: &str) -> bool {
        let given: String = given.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.')).collect();
        let right = self.0.iter().map(|key| digits(key, dossier).as_bytes().ct_eq(given.as_bytes()));
        right.fold(subtle::Choice::from(0), |any, one| any | one).into()
    }
}

fn digits(key: &hmac::Key, dossier: &DossierCode) -> String {
    // One dossier however its letters are written: people copy the code from paper.
    let tag = hmac::sign(key, dossier.as_str().to_uppercase().as_bytes());
    let number = tag.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:0width$}", number % 10_u64.pow(DIGITS), width = DIGITS as usize)
}

/// How often a dossier may be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// More look-ups of one caller in a minute are refused for the moment.
    pub per_minute_max: u32,
    /// After so many wrong receipt codes for one dossier within an hour it is not looked up any more until the hour is over.
    pub wrong_codes_per_hour_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { per_minute_max: 120, wrong_codes_per_hour_max: 10 }
    }
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Beyond it the dossier whose wrong codes are oldest is forgotten.
const DOSSIERS_MAX: usize = 50_000;

/// Who looked up lately, and with which dossiers it went wrong.
#[derive(Debug, Default)]
pub struct Tries {
    callers: BTreeMap<String, VecDeque<Moment>>,
    wrong: BTreeMap<String, VecDeque<Moment>>,
}

impl Tries {
    /// May this caller ask anything now? A refusal counts for nothing, so waiting helps.
    pub fn may_ask(&mut self, bounds: &Bounds, caller: &str, at: Moment) -> Result<(), Fault> {
        let lately = self.callers.entry(caller.to_owned()).or_default();
        forget(lately, at, MINUTE_MS);
        if lately.len() >= bounds.per_minute_max as usize {
            let words = "tra cứu quá nhiều lượt trong một phút; hãy đợi rồi tra cứu lại";
            return Err(throttled(words, lately.front().copied(), MINUTE_MS, at));
        }
        lately.push_back(at);
        Ok(())
    }

    /// May this dossier be looked up now? By nobody, after too many wrong codes; it is the same for a dossier that there is not.
    pub fn may_look(&mut self, bounds: &Bounds, dossier: &DossierCode, at: Moment) -> Result<(), Fault> {
        let Some(wrong) = self.wrong.get_mut(&one_spelling(dossier)) else { return Ok(()) };
        forget(wrong, at, HOUR_MS);
        if wrong.len() < bounds.wrong_codes_per_hour_max as usize {
            return Ok(());
        }
        let words = "đã nhập sai mã tra cứu của hồ sơ này quá nhiều lần; hãy thử lại sau";
        Err(throttled(words, wrong.front().copied(), HOUR_MS, at))
    }

    /// The receipt code was wrong.
    pub fn was_wrong(&mut self, dossier: &DossierCode, at: Moment) {
        let dossier = one_spelling(dossier);
        if self.wrong.len() >= DOSSIERS_MAX && !self.wrong.contains_key(&dossier) {
            let oldest = self.wrong.iter().min_by_key(|(_, times)| times.back().copied());
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.wrong.remove(&name);
            }
        }
        self.wrong.entry(dossier).or_default().push_back(at);
    }
}

fn one_spelling(dossier: &DossierCode) -> String {
    dossier.as_str().to_uppercase()
}

fn forget(times: &mut VecDeque<Moment>, at: Moment, span_ms: i64) {
    // What lies in the future was written before the clock was set back.
    times.retain(|when| (0..span_ms).contains(&at.millis_since(*when)));
}

fn throttled(words: &str, first: Option<Moment>, span_ms: i64, at: Moment) -> Fault {
    let mut fault = Fault::new("lookup.throttled", Blame::Sender, Remedy::Later, words.to_owned());
    let since = first.map_or(0, |first| at.millis_since(first));
    fault.retry_after_ms = Some((span_ms - since).clamp(1_000, span_ms) as u64);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dossier(code: &str) -> DossierCode {
        DossierCode::new(code).unwrap()
    }

    #[test]
    fn a_receipt_code_is_of_one_dossier_and_one_key() {
        let (old, new) = (vec![1; 32], vec![2; 32]);
        let before = ReceiptKeys::new([old.clone()]);
        let now = ReceiptKeys::new([new.clone(), old]);
        let code = before.code(&dossier("H99.14-260310-0007"));
        assert_eq!(code.len(), 9, "{code}");
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ' '));
        assert!(now.is_right(&dossier("h99.14-260310-0007"), &code), "receipts outlive a key");
        assert!(now.is_right(&dossier("H99.14-260310-0007"), &code.replace(' ', "-")));
        assert_ne!(now.code(&dossier("H99.14-260310-0007")), code);
        assert!(!now.is_right(&dossier("H99.14-260310-0008"), &code));
        assert!(!ReceiptKeys::new([new]).is_right(&dossier("H99.14-260310-0007"), &code));
        for wrong in ["", "0", "00000000", " "] {
            assert!(!now.is_right(&dossier("H99.14-260310-0007"), wrong), "{wrong}");
        }
    }

    #[test]
    fn guessing_ends_soon_and_waiting_helps() {
        let bounds = Bounds { per_minute_max: 3, wrong_codes_per_hour_max: 2 };
        let (mut tries, one, other) = (Tries::default(), dossier("H99-1"), dossier("H99-2"));
        let at = Moment::from_millis(1_800_000_000_000);
        for _ in 0..2 {
            tries.may_look(&bounds, &one, at).unwrap();
            tries.was_wrong(&one, at);
        }
        // Whoever asks, and whether there is such a dossier or not.
        let refused = tries.may_look(&bounds, &one, at.plus_millis(60_000)).unwrap_err();
        assert_eq!(refused.retry_after_ms, Some(59 * 60_000));
        tries.may_look(&bounds, &other, at).unwrap();
        tries.may_look(&bounds, &one, at.plus_millis(HOUR_MS)).unwrap();
        for _ in 0..3 {
            tries.may_ask(&bounds, "one", at).unwrap();
        }
        tries.may_ask(&bounds, "another", at).unwrap();
        let refused = tries.may_ask(&bounds, "one", at.plus_millis(1_000)).unwrap_err();
        assert_eq!((refused.code.as_ref(), refused.retry_after_ms), ("lookup.throttled", Some(59_000)));
        tries.may_ask(&bounds, "one", at.plus_millis(MINUTE_MS)).unwrap();
    }
}
