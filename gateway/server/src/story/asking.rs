//! Questions about citizens on stage, and the audit trail that they leave.

use gateway_core::adapter::Secret;

use super::cast::EXTRAS;
use super::script::Calling;
use super::sending::changed;
use super::{PATIENCE, Stage};
use crate::audit::{self, Checked};

impl Stage {
    /// `<caller> asks <operation> <file> [with a.b=value, …] -> <status> [words, no words]`; `as before` for the words of the last answer.
    pub(super) async fn ask(&mut self, caller: &str, text: &str) -> Result<(), String> {
        let door = EXTRAS.iter().find(|extra| extra.name == caller).map(|extra| extra.door);
        let door = door.filter(|door| !door.is_empty()).ok_or_else(|| format!("`{caller}` asks nothing"))?;
        let Calling { what, changes, code, words: wanted } = Calling::read(text)?;
        let mut words = what.split_whitespace().skip(2);
        if what.split_whitespace().nth(1) == Some("looks") {
            let (status, body) = self.look_up(caller, door, &words.collect::<Vec<_>>()).await?;
            return self.is_answered(status, body, code, wanted);
        }
        let (Some(operation), Some(file)) = (words.next(), words.next()) else {
            return Err("asks <operation> <file>".to_owned());
        };
        let document = self.documents.get(file).ok_or_else(|| format!("there is no document `{file}`"))?;
        // What the last answer called it.
        let answered: serde_json::Value = serde_json::from_str(&self.answered).unwrap_or_default();
        if let Some(reference) = answered["reference"].as_str() {
            self.reference = reference.to_owned();
        }
        let changes = &changes.replace("$reference", &self.reference);
        let key = self.keys.get(caller).map(Secret::reveal).unwrap_or_default();
        // An envelope names its operation itself, and all go to one address.
        let (path, media, document) = match file.ends_with(".xml") {
            true => (door.to_owned(), "text/xml", rewritten(document, changes)),
            false => (
                format!("{door}{operation}"),
                "application/json",
                changed(document, changes).map(|document| document.to_string()),
            ),
        };
        let document = document.map_err(|error| format!("{file}: {error}"))?;
        let told: serde_json::Value = serde_json::from_str(&document).unwrap_or_default();
        if let Some(code) = told.pointer("/dossier/code").and_then(serde_json::Value::as_str)
            && !self.dossiers.iter().any(|known| known == code)
        {
            self.dossiers.push(code.to_owned());
        }
        let headers = [("x-api-key", key), ("soapaction", operation)];
        let (status, body) = self.post_for_status(&path, media, &headers, document).await?;
        self.is_answered(status, body, code, wanted)
    }

    /// `<caller> looks up <code> [by receipt | by <receipt code>]`: with what the printer of receipts is told, with another code, or without.
    async fn look_up(&self, caller: &str, door: &str, words: &[&str]) -> Result<(u16, String), String> {
        let key = |peer: &str| self.keys.get(peer).map(Secret::reveal).unwrap_or_default();
        let (dossier, by) = match words {
            ["up", dossier] => (dossier, String::new()),
            ["up", dossier, "by", "receipt"] => {
                let path = format!("/v1/receipt-codes/{dossier}");
                let (_, told) = self.get(&path, &[("x-api-key", key("printer"))]).await?;
                let told: serde_json::Value =
                    serde_json::from_str(&told).map_err(|error| error.to_string())?;
                (dossier, told["receiptCode"].as_str().unwrap_or_default().to_owned())
            }
            ["up", dossier, "by", code] => (dossier, (*code).to_owned()),
            _ => return Err("looks up <code> [by receipt | by <receipt code>]".to_owned()),
        };
        let mut headers = vec![("x-api-key", key(caller))];
        if !by.is_empty() {
            headers.push(("x-receipt-code", &by));
        }
        self.get(&format!("{door}{dossier}/status"), &headers).await
    }

    fn is_answered(&mut self, status: u16, body: String, code: &str, wanted: &str) -> Result<(), String> {
        let said = format!("answered {status} «{body}»");
        let before = std::mem::replace(&mut self.answered, body);
        let is_said = |words: &str| match words.strip_prefix("no ") {
            _ if words == "as before" => self.answered == before,
            Some(absent) => !self.answered.contains(absent),
            None => self.answered.contains(words),
        };
        if status.to_string() == code && wanted.split(", ").all(is_said) { Ok(()) } else { Err(said) }
    }

    /// `audit <n> questions`: the trail is whole, has so many, and each has its end.
    pub(super) async fn expect_trail(&self, wanted: &str) -> Result<(), String> {
        let found = self.trail().await?;
        if found.questions.to_string() == wanted {
            Ok(())
        } else {
            Err(format!("the audit trail has {} questions", found.questions))
        }
    }

    /// `alarms <reason> <n>`: so many officers were reported for it.
    pub(super) fn expect_alarms(&self, reason: &str, wanted: &str) -> Result<(), String> {
        let raised = self.app().metrics.enumeration_alarms.with_label_values(&[reason]).get();
        if raised.to_string() == wanted { Ok(()) } else { Err(format!("{raised} were raised")) }
    }

    /// `payment-alerts <peer> <reason> <n>`: so often somebody has to look at what this provider said of money.
    pub(super) fn expect_payment_alerts(&self, peer: &str, reason: &str, wanted: &str) -> Result<(), String> {
        let raised = self.app().metrics.payment_alerts.with_label_values(&[peer, reason]).get();
        if raised.to_string() == wanted { Ok(()) } else { Err(format!("{raised} were raised")) }
    }

    /// What `lienthong audit verify` finds. The end of a question is written after its answer, so this waits for it, with a bound.
    pub async fn trail(&self) -> Result<Checked, String> {
        let folder = self.app().config.gateway.audit_folder();
        let keys = [self.app().trail.keys().clone()];
        let reading = async {
            loop {
                match audit::verify(&folder, &keys, &[]).map_err(|error| error.to_string())? {
                    Ok(found) if found.without_end == 0 => return Ok(found),
                    // A line that is being written while it is read is whole the next time.
                    Ok(_) | Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, reading).await;
        ended.unwrap_or_else(|_| Err("the audit trail does not come to be whole".to_owned()))
    }
}

/// An XML document in which elements hold other texts: `Name=text, …`.
fn rewritten(document: &str, changes: &str) -> Result<String, String> {
    let mut document = document.to_owned();
    for change in changes.split(", ").filter(|change| !change.trim().is_empty()) {
        let (name, text) = change.split_once('=').ok_or_else(|| format!("`{change}` is no Name=text"))?;
        let (opening, closing) = (format!("<{}>", name.trim()), format!("</{}>", name.trim()));
        let places = document
            .split_once(&opening)
            .and_then(|(before, after)| Some((before, after.split_once(&closing)?.1)));
        let (before, after) = places.ok_or_else(|| format!("there is no {opening}"))?;
        document = format!("{before}{opening}{}{closing}{after}", text.trim());
    }
    Ok(document)
}
