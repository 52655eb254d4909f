//! Pieces of wire: calls, texts that may be numbers, dates, names in several languages.

use gateway_core::adapter::{Answer, Ask, Body, Effect, Keeping, Pairs, Request};
use gateway_core::ids::{Account, Moment};
use serde_json::Value;

use super::settings::Settings;

/// The account of the six steps.
pub(super) const HUB: &str = "default";
/// The account of the search.
pub(super) const SEARCH: &str = "search";

/// A name with its value.
pub(super) fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A call of the six steps, still to be signed.
pub(super) fn call(step: &str, effect: Effect, method: &str, path: &str, body: Option<Value>) -> Request {
    let mut headers = vec![pair("accept", "application/json")];
    if body.is_some() {
        headers.push(pair("content-type", "application/json"));
    }
    let body = Body::of(body.map(|body| body.to_string().into_bytes()).unwrap_or_default());
    let (method, path) = (method.to_owned(), path.to_owned());
    Request {
        step: step.to_owned(),
        effect,
        endpoint: Settings::ENDPOINT.to_owned(),
        account: Some(Account::from(HUB)),
        ask: Ask { method, path, query: Pairs::new(), headers, body },
        answer_in: Keeping::Inline,
    }
}

/// A call of the search.
pub(super) fn search(settings: &Settings, step: &str, query: Pairs) -> Request {
    Request {
        endpoint: settings.search_endpoint.clone(),
        account: Some(Account::from(SEARCH)),
        ask: Ask { query, ..call(step, Effect::Repeatable, "GET", &settings.search_path, None).ask },
        ..call(step, Effect::Repeatable, "GET", "", None)
    }
}

/// A body in JSON; none if it is anything else.
pub(super) fn json(answer: &Answer) -> Option<Value> {
    let text = std::str::from_utf8(&answer.body.bytes).ok()?;
    let value: Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
    (value.is_object() || value.is_array()).then_some(value)
}

/// A text or number as text, without white space around it; none if it is empty.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The text at this place of a document.
pub(super) fn at(document: &Value, pointer: &str) -> Option<String> {
    document.pointer(pointer).and_then(text)
}

/// The records of a search: bare, or in `content` of a slice or page.
pub(super) fn records(body: &Value) -> Option<&Vec<Value>> {
    body.as_array().or_else(|| body.get("content")?.as_array())
}

/// A date as iGATE writes it, `2026-03-10T01:30:00.000+0000`, or with any other offset.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    Moment::parse(text).or_else(|| {
        // Without the colon that the standard wants.
        let (rest, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        Moment::parse(&format!("{rest}:{minutes}"))
    })
}

/// A name in one language: a text, or a list of `{languageId, name}` of which ours counts, else the first.
pub(super) fn name(value: &Value, language: u32) -> Option<String> {
    let Value::Array(names) = value else { return text(value) };
    let is_ours = |entry: &&Value| at(entry, "/languageId").is_some_and(|id| id == language.to_string());
    let entry = names.iter().find(is_ours).or_else(|| names.first())?;
    at(entry, "/name").or_else(|| text(entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_without_a_colon_in_the_offset_are_read() {
        let at = Moment::parse("2026-03-10T01:30:00.250Z");
        for written in ["2026-03-10T01:30:00.250+0000", "2026-03-10T08:30:00.250+07:00", "2026-03-10T01:30:00.25Z"] {
            assert_eq!(moment(written), at, "{written}");
        }
        for none in ["", "+", "hôm nay", "2026-03-10", "é"] {
            assert_eq!(moment(none), None, "{none}");
        }
    }

    #[test]
    fn names_come_in_our_language() {
        let names = json!([{ "languageId": 46, "name": "Certificate" }, { "languageId": 228, "name": "Cấp giấy" }]);
        assert_eq!(name(&names, 228).as_deref(), Some("Cấp giấy"));
        assert_eq!(name(&names, 1).as_deref(), Some("Certificate"));
        assert_eq!(name(&json!("Cấp giấy"), 228).as_deref(), Some("Cấp giấy"));
        assert_eq!((name(&json!([]), 228), name(&json!(null), 228)), (None, None));
    }
}
