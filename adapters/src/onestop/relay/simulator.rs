//! The province's software that takes what the portal pushes: knows a dossier by its code, gives it one of its own, counts what it has.
//!
//! It refuses what the real one would: another path, a wrong token where one is set, a body without a code. What it was given before it
//! answers with 1, as the known systems do.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Answer, Ask, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::settings::Settings;
use crate::onestop::call;

/// The software in memory.
pub(super) struct RelaySim {
    paths: [String; 5],
    token: Option<String>,
    /// Its own code for each dossier, by the code it was given.
    dossiers: BTreeMap<String, String>,
    refusing: BTreeSet<String>,
    silent: bool,
    order: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
}

impl RelaySim {
    /// One that has nothing yet. `token`: what it wants to be shown. Settings that are not its own are passed over.
    pub(super) fn new(table: &toml::Table) -> Self {
        let plain = Settings::read(&toml::Table::new()).ok();
        let text = |key: &str, default: Option<&String>| {
            let given = table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
            given.or_else(|| default.cloned()).unwrap_or_default()
        };
        let known = plain.as_ref();
        RelaySim {
            paths: [
                text("submitted_path", known.map(|known| &known.submitted_path)),
                text("amended_path", known.map(|known| &known.amended_path)),
                text("land_tax_noticed_path", known.map(|known| &known.land_tax_noticed_path)),
                text("land_tax_paid_path", known.map(|known| &known.land_tax_paid_path)),
                text("payment_confirmed_path", known.map(|known| &known.payment_confirmed_path)),
            ],
            token: table.get("token").and_then(toml::Value::as_str).map(str::to_owned),
            dossiers: BTreeMap::new(),
            refusing: BTreeSet::new(),
            silent: false,
            order: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn take(&mut self, body: &Value) -> Answer {
        let data = body.get("data").unwrap_or(body);
        let service = body.get("service").and_then(call::text).unwrap_or_default();
        let code = ["MaHoSo", "MaHoSoQG"].iter().find_map(|name| data.get(name).and_then(call::text));
        let (what, code) = match (data.get("FileThongBaoThue"), code) {
            (Some(_), _) => ("notices", "thông báo".to_owned()),
            (None, Some(code)) if data.get("ThongTinThanhToan").is_some() => ("payments", code),
            (None, Some(code)) if data.get("MaGiaoDich").is_some() => ("confirmed", code),
            (None, Some(code)) if body.get("data").is_some() || !service.is_empty() => ("amendments", code),
            (None, Some(code)) => ("dossiers", code),
            (None, None) => return Answer::json(500, &json!({ "message": "request body incorrect" })),
        };
        if self.refusing.contains(&code) {
            self.count("refused");
            return told(-1, &format!("{code}| hồ sơ thiếu thành phần, tiếp nhận không thành công"), None);
        }
        if what != "dossiers" {
            self.count(what);
            return told(0, &format!("{code}| received"), None);
        }
        let known = self.dossiers.len() + 1;
        let is_new = !self.dossiers.contains_key(&code);
        let own =
            self.dossiers.entry(code.clone()).or_insert_with(|| format!("H99.14-261123-{known:04}")).clone();
        let own = (!self.silent).then_some(own);
        if is_new {
            self.count("dossiers");
            *self.counts.entry("files").or_default() += files(data);
            self.order.push(code.clone());
            return told(0, &format!("{code}| create dossier success"), own);
        }
        self.count("repeated");
        told(1, &format!("{code}| hồ sơ đã tồn tại"), own)
    }
}

fn told(code: i64, message: &str, own: Option<String>) -> Answer {
    let mut body = json!({ "error_code": code, "message": message });
    if let Some(own) = own {
        body["MaHoSoDonVi"] = own.into();
    }
    Answer::json(200, &body)
}

/// How many files of a new dossier came whole: base64 that can be read, and has something in it.
fn files(data: &Value) -> u64 {
    let papers = data["TaiLieuNop"].as_array().into_iter().flatten().map(|paper| &paper["Base64"]);
    let all = papers.chain([&data["TepDonDangKy"]]).filter_map(Value::as_str);
    let whole = all.filter(|text| STANDARD.decode(text).is_ok_and(|content| !content.is_empty()));
    u64::try_from(whole.count()).unwrap_or(u64::MAX)
}

impl Simulator for RelaySim {
    fn respond(&mut self, ask: &Ask, _at: Moment) -> Answer {
        self.count("calls");
        if self
            .token
            .as_ref()
            .is_some_and(|token| ask.header("authorization") != Some(&format!("Bearer {token}")))
        {
            return told(-1, "không có quyền", None);
        }
        if ask.method != "POST" || !self.paths.contains(&ask.path) {
            return Answer::json(404, &json!({ "error_code": -1, "message": "không có dịch vụ này" }));
        }
        let body: Value = serde_json::from_slice(&ask.body.bytes).unwrap_or_default();
        match &body {
            Value::Array(items) if items.len() == 1 => self.take(&items[0]),
            body => self.take(body),
        }
    }

    fn state(&self) -> Value {
        let of = |what: &str| self.counts.get(what).copied().unwrap_or_default();
        json!({
            "calls": of("calls"), "dossiers": of("dossiers"), "files": of("files"), "repeated": of("repeated"), "amendments": of("amendments"),
            "notices": of("notices"), "payments": of("payments"), "confirmed": of("confirmed"), "refused": of("refused"), "order": self.order,
        })
    }

    /// `refuse <code>` and `accept <code>`; `keep-its-code` (its answers do not say its own code any more) and `tell-its-code`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["refuse", code] => _ = self.refusing.insert((*code).to_owned()),
            ["accept", code] => _ = self.refusing.remove(*code),
            ["keep-its-code"] => self.silent = true,
            ["tell-its-code"] => self.silent = false,
            _ => return false,
        }
        true
    }
}
