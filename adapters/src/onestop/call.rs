//! What a call says about all its items: their kind, the unit, create or update, the idempotency key.
//!
//! Framing is all that happens here. A frame that is broken refuses the whole call, because nobody can say which items
//! were meant; anything wrong *inside* an item is left to the contract, so that its neighbours are not lost with it.

use std::collections::BTreeMap;

use gateway_core::adapter::{Arrival, Item, Payload};
use gateway_core::fault::Fault;
use gateway_core::ids::Kind;
use serde_json::Value;

use crate::kinds::{
    DOSSIER_ANSWERED, DOSSIER_PROGRESSED, DOSSIER_RECORDED, HINT_TYPE, HINT_UPDATING, INQUIRY_ANSWERED, INQUIRY_PUBLISHED,
    SATISFACTION_REPORTED,
};

/// More items in one call are refused: their fates would not fit in one answer within the caller's patience.
pub(super) const ITEMS_MAX: usize = 1000;

/// The portal's name of the call that records dossiers.
pub(super) const RECORD: &str = "DongBoHoSoMC";
/// The portal's name of the call that reports progress.
pub(super) const PROGRESS: &str = "CapNhatTienDoHoSoMC";
/// The portal's name of the call that answers about a dossier that was born there.
pub(super) const ANSWER: &str = "DongBoTrangThaiHoSo";

/// What each of the portal's names reports. One province's wrapper has a path of its own for answers about promotion notices.
const SERVICES: [(&str, &str); 7] = [
    (RECORD, DOSSIER_RECORDED),
    (PROGRESS, DOSSIER_PROGRESSED),
    (ANSWER, DOSSIER_ANSWERED),
    ("DongBoTrangThaiHoSoKM", DOSSIER_ANSWERED),
    ("DongBoDanhGia", SATISFACTION_REPORTED),
    ("DongBoKetQuaHoiDapGuiTuDVCQG", INQUIRY_ANSWERED),
    ("DongBoHoiDap", INQUIRY_PUBLISHED),
];

/// What holds for every item of one call.
pub(super) struct Call {
    pub(super) kind: &'static str,
    pub(super) unit: Option<String>,
    pub(super) updating: Option<bool>,
    /// The portal's `type` of a status answer.
    pub(super) form: Option<String>,
    pub(super) key: Option<String>,
}

impl Call {
    /// Reads path, query and headers of a call whose kind stands in its path.
    pub(super) fn by_path(arrival: &Arrival) -> Result<Call, Fault> {
        let kind = kind_by_path(arrival).ok_or_else(|| {
            let words = format!("đường dẫn phải kết thúc bằng {RECORD}, {PROGRESS}, {ANSWER} hoặc tên khác của Cổng DVCQG");
            Fault::sender("door.not-found", words)
        })?;
        Ok(Call {
            kind,
            unit: arrival.ask.query("MaDinhDanhDV").and_then(filled),
            updating: arrival.ask.query("isUpdating").and_then(truth),
            form: arrival.ask.query("type").and_then(filled).filter(|_| kind == DOSSIER_ANSWERED),
            key: key(arrival),
        })
    }

    /// One item of this call.
    pub(super) fn item(&self, index: usize, dossier: Option<String>, payload: Payload) -> Item {
        let updating = self.updating.map(|updating| (HINT_UPDATING.to_owned(), updating.to_string()));
        let form = self.form.clone().map(|form| (HINT_TYPE.to_owned(), form));
        Item {
            kind: Kind::from(self.kind),
            dossier,
            unit: self.unit.clone(),
            keys: self.key.iter().map(|key| format!("{key}/{index}")).collect(),
            hints: updating.into_iter().chain(form).collect::<BTreeMap<_, _>>(),
            payload,
        }
    }

    /// The items of a call, one for each JSON element.
    pub(super) fn items(&self, elements: Vec<Value>) -> Vec<Item> {
        let item = |(index, element)| self.item(index, dossier(&element), Payload::Json(element));
        elements.into_iter().enumerate().map(item).collect()
    }
}

/// The kind that the path names, else the one that the channel's name ends with.
pub(super) fn kind_by_path(arrival: &Arrival) -> Option<&'static str> {
    let last = arrival.ask.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let channel = arrival.channel.as_str().rsplit('/').next().unwrap_or_default();
    kind_of_service(last)
        .or_else(|| SERVICES.iter().map(|(_, kind)| *kind).find(|kind| *kind == channel))
}

/// The kind behind one of the portal's names; letter case is ignored, because senders vary it.
pub(super) fn kind_of_service(name: &str) -> Option<&'static str> {
    SERVICES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, kind)| *kind)
}

/// The caller's idempotency key.
pub(super) fn key(arrival: &Arrival) -> Option<String> {
    arrival.ask.header("idempotency-key").and_then(filled)
}

/// The elements of a JSON body: an array of objects, or one object alone. An element that is no object is left to its contract,
/// so that its neighbours are not lost with it. `code` names the fault of this dialect's frame.
pub(super) fn elements(body: Value, code: &'static str) -> Result<Vec<Value>, Fault> {
    let elements = match body {
        Value::Array(elements) => elements,
        Value::Object(object) => vec![Value::Object(object)],
        _ => return Err(Fault::sender(code, "nội dung phải là một mảng hồ sơ hoặc một hồ sơ")),
    };
    counted(elements.len(), code)?;
    Ok(elements)
}

/// Is this number of items one that a call may have?
pub(super) fn counted(count: usize, code: &'static str) -> Result<(), Fault> {
    match count {
        0 => Err(Fault::sender(code, "nội dung không có hồ sơ nào")),
        1..=ITEMS_MAX => Ok(()),
        _ => Err(Fault::sender(code, format!("có {count} hồ sơ, mỗi lần gửi nhiều nhất {ITEMS_MAX}"))),
    }
}

/// The dossier's code, where an element has one that can be read at all.
pub(super) fn dossier(element: &Value) -> Option<String> {
    element.get("MaHoSo").and_then(text)
}

/// The text of a field that senders write as text or as number; none if it is empty.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => filled(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Yes or no in the forms that are in use. Anything else says nothing: the portal itself will tell create from update.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_one_to_a_thousand_items() {
        for (count, taken) in [(0, false), (1, true), (ITEMS_MAX, true), (ITEMS_MAX + 1, false)] {
            assert_eq!(counted(count, "relay.frame").is_ok(), taken, "{count}");
        }
    }

    #[test]
    fn yes_and_no_have_several_forms() {
        for (text, means) in
            [("True", Some(true)), (" 1", Some(true)), ("FALSE", Some(false)), ("0", Some(false)), ("co", None)]
        {
            assert_eq!(truth(text), means, "{text}");
        }
    }
}
