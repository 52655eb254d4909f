//! What the callers' dialects have in common when a question is framed.
//!
//! Nobody's number or name may stand in an address, because addresses stand in every log on the way: such a call is refused, however
//! right its body is. The dossier's code may come beside the body. That a question names one number at least is
//! said here, where it can be said clearly; whether the number is one is for the contract.

use std::collections::BTreeMap;

use gateway_core::adapter::{Ask, Item, Payload};
use gateway_core::fault::{Fault, Violation};
use gateway_core::ids::{Kind, has_persons_number};
use serde_json::Value;

/// Names under which software puts people into addresses; letter case and marks between letters are ignored.
const PERSONAL: [&str; 22] = [
    "cccd",
    "cmnd",
    "cmt",
    "socccd",
    "socmnd",
    "socmt",
    "sodinhdanh",
    "sodinhdanhcanhan",
    "identitynumber",
    "oldidentitynumber",
    "idnumber",
    "citizenid",
    "personalid",
    "hoten",
    "hovaten",
    "fullname",
    "name",
    "dob",
    "birthdate",
    "dateofbirth",
    "ngaysinh",
    "ngaythangnamsinh",
];
/// Where a dossier's code may stand in an address.
const DOSSIER: [&str; 5] = ["dossier", "mahoso", "dossierno", "dossiercode", "xdossiercode"];

/// Refuses a call whose address tells of a person.
pub(super) fn check_url(ask: &Ask) -> Result<(), Fault> {
    let personal = |(name, value): &(String, String)| {
        let name = letters(name);
        PERSONAL.contains(&name.as_str()) || (!DOSSIER.contains(&name.as_str()) && has_persons_number(value))
    };
    if ask.query.iter().any(personal) || has_persons_number(&ask.path) {
        let words = "thông tin định danh công dân không được nằm trên địa chỉ (URL); hãy gửi trong nội dung";
        return Err(Fault::sender("question.identity-in-url", words));
    }
    Ok(())
}

fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The dossier's code: the body's own, else the header's, else the address's.
pub(super) fn dossier(ask: &Ask, own: Option<String>) -> Option<String> {
    own.or_else(|| filled(ask.header("x-dossier-code")?)).or_else(|| {
        let (_, value) = ask.query.iter().find(|(name, _)| DOSSIER.contains(&letters(name).as_str()))?;
        filled(value)
    })
}

/// A text or number as text, if it says something.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => filled(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// One number at least; `places` are where this dialect has them.
pub(super) fn check_number(there: bool, places: [&str; 2]) -> Result<(), Fault> {
    if there {
        return Ok(());
    }
    let missing = Violation::sender(places[0], "required", format!("phải có {} hoặc {}", places[0], places[1]));
    Err(Fault::sender("question.no-number", "câu hỏi phải có số định danh hoặc số CMND").with(vec![missing]))
}

/// The one question of a call.
pub(super) fn item(kind: &str, dossier: Option<String>, unit: Option<String>, payload: Payload) -> Item {
    Item { kind: Kind::from(kind), dossier, unit, keys: Vec::new(), hints: BTreeMap::new(), payload }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, query: &[(&str, &str)]) -> Ask {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ask { method: "POST".to_owned(), path: path.to_owned(), query, headers: vec![], body: Default::default() }
    }

    #[test]
    fn nobody_stands_in_an_address() {
        for (path, query) in [
            ("/citizen/look-up", vec![("cccd", "1")]),
            ("/citizen/look-up", vec![("so_dinh_danh", "")]),
            ("/citizen/look-up", vec![("FullName", "x")]),
            ("/citizen/look-up", vec![("q", "001085000000")]),
            ("/citizen/look-up", vec![("q", "٠٠١٠٨٥٠٠٠٠٠٠")]),
            ("/citizen/look-up/001085000000", vec![]),
            ("/citizen/look-up", vec![("q", "so 000000000")]),
        ] {
            assert_eq!(check_url(&ask(path, &query)).unwrap_err().code, "question.identity-in-url", "{path} {query:?}");
        }
        for query in [vec![("dossier", "H99.14-260310-0007")], vec![("MaHoSo", "260310000700")], vec![("x", "2603100007")]] {
            assert!(check_url(&ask("/citizen/look-up", &query)).is_ok(), "{query:?}");
        }
    }

    #[test]
    fn the_dossier_comes_from_the_nearest_place() {
        let mut call = ask("/", &[("x-dossier-code", " C ")]);
        assert_eq!(dossier(&call, None).as_deref(), Some("C"));
        call.headers.push(("x-dossier-code".to_owned(), "B".to_owned()));
        assert_eq!(dossier(&call, None).as_deref(), Some("B"));
        assert_eq!(dossier(&call, Some("A".to_owned())).as_deref(), Some("A"));
    }
}
