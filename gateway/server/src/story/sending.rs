//! What is sent on stage: dossiers by local software, orders by the counter, calls by peers; in their dialects, with their keys.

use gateway_core::adapter::Secret;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use serde_json::{Value, json};

use super::script::Calling;
use super::{PATIENCE, Stage, UNIT};

impl Stage {
    /// `desk orders order.json with dossier.code=H99-1, shipment=2 -> 202`
    pub(super) async fn order(&mut self, path: &str, text: &str) -> Result<(), String> {
        let Calling { what, changes, code, words } = Calling::read(text)?;
        let file = what.split_whitespace().nth(2).ok_or("desk orders <file>")?;
        let document = self.documents.get(file).ok_or_else(|| format!("there is no document `{file}`"))?;
        let document = changed(document, changes).map_err(|error| format!("{file}: {error}"))?;
        if let Some(code) = document["dossier"]["code"].as_str() {
            self.dossiers.retain(|known| known != code);
            self.dossiers.push(code.to_owned());
        }
        let key = self.keys.get("desk").map(Secret::reveal).unwrap_or_default();
        let headers = [("x-api-key", key)];
        let (status, body) =
            self.post_for_status(path, "application/json", &headers, document.to_string()).await?;
        if status.to_string() == code && body.contains(words) {
            Ok(())
        } else {
            Err(format!("answered {status} «{body}»"))
        }
    }

    /// `portal pushes addtthcKhuyenMai push.json with MaHoSo=G22.99-261123-000001 -> 0 đã tiếp nhận`; an answer without a code is `found`.
    pub(super) async fn push(&mut self, text: &str) -> Result<(), String> {
        let Calling { what, changes, code, words } = Calling::read(text)?;
        let [_, _, end, file] = what.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err("portal pushes <end of path> <file>".to_owned());
        };
        let document = self.documents.get(file).ok_or_else(|| format!("there is no document `{file}`"))?;
        let body = changed(document, changes).map_err(|error| format!("{file}: {error}"))?;
        for code in ["/MaHoSo", "/data/MaHoSo", "/data/MaHoSoQG"]
            .iter()
            .filter_map(|path| body.pointer(path)?.as_str())
        {
            self.dossiers.retain(|known| known != code);
            self.dossiers.push(code.to_owned());
        }
        let key = self.keys.get("portal").map(Secret::reveal).unwrap_or_default();
        let path = format!("/VXPAdapter/RestService/forward/{end}");
        let answer = self.post(&path, "application/json", &[("x-api-key", key)], body.to_string()).await?;
        let (seen, _) = read_envelope(&answer)?;
        let seen = if seen == "null" { "found" } else { &seen };
        if seen == code && answer.contains(words) {
            Ok(())
        } else {
            Err(format!("answered {seen} «{answer}»"))
        }
    }

    /// A peer makes the calls that it has to make; each answer has this status and these words.
    pub(super) async fn call_in(&mut self, peer: &str, wanted: &str) -> Result<(), String> {
        let (status, words) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let wanted = if status.is_empty() { "200" } else { status };
        let host = self.host(peer).ok_or_else(|| format!("nobody here is called `{peer}`"))?;
        let asks = host.due(self.clock.now());
        if asks.is_empty() {
            return Err(format!("{peer} has nothing to tell"));
        }
        let key = self.keys.get(peer).map(|key| key.reveal().to_owned()).unwrap_or_default();
        for ask in asks {
            let mut headers: Vec<(&str, &str)> = vec![("x-api-key", &key)];
            let media = ask.header("content-type").unwrap_or("application/json").to_owned();
            let own = ask.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
            let body = String::from_utf8_lossy(&ask.body.bytes).into_owned();
            let path = format!("/hooks{}", ask.path);
            let (status, said) = self.send_for_status(&ask.method, &path, &media, &headers, body).await?;
            if status.to_string() != wanted || !said.contains(words) {
                return Err(format!("was answered {status} «{said}»"));
            }
        }
        Ok(())
    }

    /// `relay sends 200 dossier-recorded plain.json from H99.14-261123-1000 -> 0`
    pub(super) async fn send_many(&mut self, call: [&str; 5], many: &str) -> Result<(), String> {
        let [sender, kind, file, first, wanted] = call;
        let many = many.parse().map_err(|_| format!("`{many}` is no number"))?;
        for code in codes_from(first, many)? {
            self.send(sender, &format!("{sender} sends {kind} {file} with MaHoSo={code} -> {wanted}"))
                .await?;
        }
        Ok(())
    }

    /// `relay sends dossier-recorded plain.json with TrangThaiHoSo=4, GhiChu=x -> 0`
    pub(super) async fn send(&mut self, sender: &str, text: &str) -> Result<(), String> {
        let Calling { what, changes, code: wanted_code, words: wanted_words } = Calling::read(text)?;
        let words: Vec<&str> = what.split_whitespace().collect();
        let (kind, file, unit) = match words.as_slice() {
            [_, _, kind, file] => (kind, file, UNIT),
            [_, _, kind, file, "of", unit] => (kind, file, *unit),
            _ => return Err("sends <kind> <file> [of <unit>]".to_owned()),
        };
        let document = self.documents.get(*file).ok_or_else(|| format!("there is no document `{file}`"))?;
        let mut item: Value = serde_json::from_str(document).map_err(|error| format!("{file}: {error}"))?;
        for change in changes.split(", ").filter(|change| !change.trim().is_empty()) {
            let (name, value) =
                change.split_once('=').ok_or_else(|| format!("`{change}` is no Field=value"))?;
            item[name.trim()] = Value::String(repeated(value.trim()));
        }
        if let Some(code) = item["MaHoSo"].as_str()
            && !self.dossiers.iter().any(|known| known == code)
        {
            self.dossiers.push(code.to_owned());
        }
        let (code, words) = match sender {
            "relay" => self.post_relay(kind, unit, &item).await?,
            "envelope" => self.post_envelope(kind, unit, &item).await?,
            "xml" => self.post_xml(kind, unit, &item).await?,
            other => return Err(format!("nobody here is called `{other}`")),
        };
        if code != wanted_code || !words.contains(wanted_words) {
            return Err(format!("answered {code} «{words}»"));
        }
        Ok(())
    }

    async fn post_relay(&self, kind: &str, unit: &str, item: &Value) -> Result<(String, String), String> {
        let path = format!("/api/SynsTTHCC/{}?MaDinhDanhDV={unit}&isUpdating=False", service(kind)?);
        let key = self.keys.get("relay").map(Secret::reveal).unwrap_or_default();
        let answer =
            self.post(&path, "application/json", &[("x-api-key", key)], json!([item]).to_string()).await?;
        read_envelope(&answer)
    }

    async fn post_envelope(
        &mut self,
        kind: &str,
        unit: &str,
        item: &Value,
    ) -> Result<(String, String), String> {
        let base = "/XrdAdapter/RestService/forward/mapi";
        if self.session.is_none() {
            let key = self.keys.get("envelope").map(Secret::reveal).unwrap_or_default();
            let log_in = json!({ "username": "envelope", "password": key }).to_string();
            let answer = self.post(&format!("{base}/login"), "application/json", &[], log_in).await?;
            let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
            self.session = answer["session"].as_str().map(str::to_owned);
        }
        let mut body =
            json!({ "session": self.session, "madonvi": unit, "service": service(kind)?, "data": [item] });
        if kind == "dossier-recorded" {
            body["isUpdating"] = json!("False");
        }
        let answer = self.post(&format!("{base}/g"), "application/json", &[], body.to_string()).await?;
        read_envelope(&answer)
    }

    async fn post_xml(&self, kind: &str, unit: &str, item: &Value) -> Result<(String, String), String> {
        let child = match kind {
            "dossier-recorded" => "HoSo",
            "dossier-answered" => "TraLoi",
            _ => "TienDo",
        };
        let root = service(kind)?;
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root} xmlns=\"urn:lienthong:onestop:hoso:1\">"
        );
        write_xml(child, item, &mut body);
        body.push_str(&format!("</{root}>"));
        let key = self.keys.get("xml").map(Secret::reveal).unwrap_or_default();
        let path = format!("/api/{root}?MaDinhDanhDV={unit}&isUpdating=False");
        let answer = self.post(&path, "application/xml", &[("x-api-key", key)], body).await?;
        let between = |name: &str| {
            let from = answer.split_once(&format!("<{name}>"))?.1;
            Some(from.split_once("</")?.0.to_owned())
        };
        Ok((between("error_code").unwrap_or_default(), between("message").unwrap_or(answer.clone())))
    }

    /// Posts a body to the gateway's door and returns the answer's body.
    pub async fn post(
        &self,
        path: &str,
        media: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<String, String> {
        Ok(self.post_for_status(path, media, headers, body).await?.1)
    }

    pub(super) async fn post_for_status(
        &self,
        path: &str,
        media: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, String), String> {
        self.send_for_status("POST", path, media, headers, body).await
    }

    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<(u16, String), String> {
        self.call(Request::get(format!("http://{}{path}", self.address())), headers, String::new()).await
    }

    async fn send_for_status(
        &self,
        method: &str,
        path: &str,
        media: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, String), String> {
        let address = format!("http://{}{path}", self.address());
        let request = Request::builder().method(method).uri(address).header("content-type", media);
        self.call(request, headers, body).await
    }

    async fn call(
        &self,
        mut request: hyper::http::request::Builder,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, String), String> {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        let answering = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        tokio::time::timeout(PATIENCE, answering)
            .await
            .map_err(|_| "no answer from the gateway".to_owned())?
    }
}

fn service(kind: &str) -> Result<&'static str, String> {
    match kind {
        "dossier-recorded" => Ok("DongBoHoSoMC"),
        "dossier-progressed" => Ok("CapNhatTienDoHoSoMC"),
        "dossier-answered" => Ok("DongBoTrangThaiHoSo"),
        "satisfaction-reported" => Ok("DongBoDanhGia"),
        "inquiry-answered" => Ok("DongBoKetQuaHoiDapGuiTuDVCQG"),
        "inquiry-published" => Ok("DongBoHoiDap"),
        other => Err(format!("local software does not send `{other}`")),
    }
}

/// A document with `a.b=value, …` in place of what stood there; `null` takes it away.
pub(super) fn changed(document: &str, changes: &str) -> Result<Value, String> {
    let mut document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    for change in changes.split(", ").filter(|change| !change.trim().is_empty()) {
        let (path, value) = change.split_once('=').ok_or_else(|| format!("`{change}` is no path=value"))?;
        // A procedure's code is no number, however it looks.
        let read = serde_json::from_str(value.trim()).ok().filter(|value: &Value| !value.is_f64());
        let value = read.unwrap_or_else(|| json!(value.trim()));
        let (above, name) = path.trim().rsplit_once('.').unwrap_or(("", path.trim()));
        let above = above.split('.').filter(|name| !name.is_empty());
        let place = above.fold(&mut document, |place, name| &mut place[name]);
        match (value, place.as_object_mut()) {
            (Value::Null, Some(place)) => _ = place.remove(name),
            (value, _) => place[name] = value,
        }
    }
    Ok(document)
}

/// So many codes from this one on: `H99.14-261123-1000`, `H99.14-261123-1001`, …
fn codes_from(first: &str, many: usize) -> Result<Vec<String>, String> {
    let (start, number) = first.rsplit_once('-').ok_or_else(|| format!("`{first}` ends in no number"))?;
    let width = number.len();
    let number: usize = number.parse().map_err(|_| format!("`{first}` ends in no number"))?;
    Ok((number..number + many).map(|number| format!("{start}-{number:0width$}")).collect())
}

fn read_envelope(answer: &str) -> Result<(String, String), String> {
    let answer: Value = serde_json::from_str(answer).map_err(|_| format!("not an envelope: {answer}"))?;
    let code = match &answer["error_code"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok((code, answer["message"].as_str().unwrap_or_default().to_owned()))
}

/// The item as XML: lists as repeated elements, empty and missing values as empty elements or none.
fn write_xml(name: &str, value: &Value, into: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| write_xml(name, item, into)),
        Value::Null => {}
        Value::Object(fields) => {
            into.push_str(&format!("<{name}>"));
            fields.iter().for_each(|(field, value)| write_xml(field, value, into));
            into.push_str(&format!("</{name}>"));
        }
        Value::String(text) => {
            into.push_str(&format!("<{name}>{}</{name}>", quick_xml_escape(text)));
        }
        other => into.push_str(&format!("<{name}>{other}</{name}>")),
    }
}

fn quick_xml_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `x*2100` is 2100 letters.
fn repeated(value: &str) -> String {
    match value.split_once('*').map(|(text, times)| (text, times.parse::<usize>())) {
        Some((text, Ok(times))) => text.repeat(times),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_read() {
        assert_eq!(repeated("x*3"), "xxx");
    }
}
