//! iGATE's other side, both faces: the six steps, and the search of its dossiers.
//!
//! It refuses what the real one would: a wrong or old token (401), a body that lacks a field (400), a dossier it does not have. A dossier that
//! it is given can be searched for afterwards. It answers uploads nested or flat, and keeps everything in memory, with counts of what came
//! twice. What a time-out does is put around it by its host. Texts are in its manner, not quoted from it.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::{Moment, fingerprint};
use gateway_core::lift::Ticket;
use serde_json::{Value, json};

use super::settings::Settings;
use super::wire;

const REQUIRED: [&str; 4] = ["MaHoSo", "MaTTHC", "ChuHoSo", "MaDonViTiepNhan"];
/// A paper that lies at every address below this.
const FILES: &str = "/fi/file/";

/// iGATE in memory.
pub(in crate::onestop) struct IgateSim {
    settings: Settings,
    generation: u64,
    log_ins: u64,
    calls: u64,
    numbers: u64,
    uploads: u64,
    creates: u64,
    doubled: u64,
    /// What was given to it, by code.
    given: BTreeMap<String, Value>,
    progress: Vec<Value>,
    states: Vec<Value>,
    /// What the search finds, by code.
    records: BTreeMap<String, Value>,
    flat: bool,
    /// Records of one time come in another order at each call, as databases give them that are not told.
    shuffled: bool,
    refused: Vec<String>,
    at: Moment,
}

impl IgateSim {
    /// One that knows nothing yet. Settings that are not its own are passed over.
    pub(in crate::onestop) fn new(table: &toml::Table) -> Self {
        IgateSim {
            settings: Settings::gather(table).0,
            generation: 1,
            log_ins: 0,
            calls: 0,
            numbers: 0,
            uploads: 0,
            creates: 0,
            doubled: 0,
            given: BTreeMap::new(),
            progress: Vec::new(),
            states: Vec::new(),
            records: BTreeMap::new(),
            flat: false,
            shuffled: false,
            refused: Vec::new(),
            at: Moment::default(),
        }
    }

    fn give_token(&mut self, ask: &Ask, face: &str) -> Answer {
        self.log_ins += 1;
        let body = String::from_utf8_lossy(&ask.body.bytes);
        let asked = ["client_id", "client_secret"].iter().all(|name| body.contains(name));
        match asked {
            true => Answer::json(200, &json!({ "access_token": format!("{face}-{}", self.generation), "expires_in": 300, "token_type": "Bearer", "scope": "email profile" })),
            false => Answer::json(401, &json!({ "error": "unauthorized_client" })),
        }
    }

    fn is_let_in(&self, ask: &Ask, face: &str) -> bool {
        ask.header("authorization") == Some(format!("Bearer {face}-{}", self.generation).as_str())
    }

    fn number(&mut self, ask: &Ask) -> Answer {
        let Some(code) = ask.query("code") else { return say(400, "Thiếu code") };
        self.numbers += 1;
        Answer::json(200, &json!({ "value": format!("{code}-20261122-{:07}", self.numbers) }))
    }

    fn upload(&mut self, ask: &Ask) -> Answer {
        let media = ask.header("content-type").unwrap_or_default();
        let Some((_, boundary)) = media.split_once("boundary=") else { return say(400, "Thiếu files") };
        let file = match ask.body.files.first() {
            Some(placed) => Some(placed.file.sha256.clone()),
            None => part(&ask.body.bytes, boundary).map(|content| Ticket::of(content).sha256),
        };
        let Some(hash) = file else { return say(400, "Thiếu files") };
        self.uploads += 1;
        let file = json!({ "IdTepTin": format!("f-{}", &hash[..8]), "HashTepTin": hash });
        Answer::json(200, &match self.flat {
            true => json!({ "code": 200, "data": [file] }),
            false => json!({ "data": [{ "response": { "data": [file] } }] }),
        })
    }

    fn create(&mut self, body: &Value) -> Answer {
        let code = wire::at(body, "/MaHoSo").unwrap_or_default();
        // One that is handed in again need not say whose it is.
        let required = if self.given.contains_key(&code) { &REQUIRED[..2] } else { &REQUIRED[..] };
        if let Some(name) = required.iter().find(|name| wire::at(body, &format!("/{name}")).is_none()) {
            return say(400, &format!("Thiếu trường {name}"));
        }
        let owner = wire::at(body, "/ChuHoSo").unwrap_or_default();
        if self.refused.contains(&owner) {
            return say(400, "ChuHoSo không hợp lệ");
        }
        self.creates += 1;
        if self.given.insert(code.clone(), body.clone()).as_ref() == Some(body) {
            self.doubled += 1;
        }
        let procedure = body["MaTTHC"].clone();
        self.change(&code, "0", &[("procedure", json!({ "code": procedure }))]);
        let id = self.records[&code]["id"].clone();
        let data = json!({ "idHoSo": id, "maHoSo": code });
        Answer::json(200, &json!({ "code": 200, "message": "Đã nhận", "data": data }))
    }

    /// An entry of progress or a state: a list of one.
    fn entry(&mut self, body: &Value, id: &str, is_progress: bool) -> Answer {
        let Some(entry) = body.as_array().and_then(|list| list.first()).filter(|entry| entry.is_object()) else {
            return say(400, "Nội dung phải là mảng");
        };
        let known = wire::at(entry, &format!("/{id}")).and_then(|id| self.records.values().find(|record| wire::at(record, "/id") == Some(id.clone())));
        if known.is_none() {
            return say(400, "Không tìm thấy hồ sơ");
        }
        if !entry["TrangThai"].is_i64() {
            return say(400, "TrangThai phải là số");
        }
        let list = if is_progress { &mut self.progress } else { &mut self.states };
        // A state said twice is the same state.
        self.doubled += u64::from(is_progress && list.contains(entry));
        list.push(entry.clone());
        say(200, "Đã nhận")
    }

    fn search(&self, ask: &Ask) -> Answer {
        let number = |name: &str| ask.query(name).and_then(|text| text.parse::<usize>().ok());
        let (Some(page), Some(size)) = (number("page"), number("size").filter(|size| (1..=2000).contains(size))) else {
            return say(400, "page, size");
        };
        let wanted = ask.query("code");
        let mut found: Vec<&Value> =
            self.records.iter().filter(|(code, _)| wanted.is_none_or(|wanted| *code == wanted)).map(|(_, record)| record).collect();
        let changed = |record: &Value| record["updatedDate"].as_str().unwrap_or_default().to_owned();
        let tie = |record: &Value| match self.shuffled {
            true => fingerprint(&[&record["code"].to_string(), &self.calls.to_string()]),
            false => String::new(),
        };
        found.sort_by_key(|record| (std::cmp::Reverse(changed(record)), tie(record)));
        let content: Vec<&Value> = found.iter().skip(page * size).take(size).copied().collect();
        let last = (page + 1) * size >= found.len();
        Answer::json(200, &json!({ "content": content, "number": page, "size": size, "numberOfElements": content.len(), "last": last }))
    }

    /// A dossier changes now, at its counters or through us.
    fn change(&mut self, code: &str, status: &str, more: &[(&str, Value)]) {
        let (number, at) = (self.records.len() + 1, written(self.at));
        let fresh = || {
            json!({
                "id": format!("{number:024x}"),
                "code": code,
                "procedure": {
                    "code": "1.003560",
                    "translate": [{ "languageId": 228, "name": "Thủ tục thử nghiệm" }, { "languageId": 46, "name": "Trial procedure" }],
                    "sector": { "code": "G03-GD10", "name": [{ "languageId": 228, "name": "Lĩnh vực thử nghiệm" }] },
                },
                "dossierReceivingKind": { "id": "5f8968888fffa53e4c073ded", "name": [{ "languageId": 228, "name": "Nhận trực tiếp" }] },
                "applicant": { "data": { "ownerFullname": "Nguyễn Văn Thử", "fullname": "Nguyễn Văn Thử" } },
                "agency": { "code": "H99.07", "name": [{ "languageId": 228, "name": "Sở Thử nghiệm tỉnh Mẫu" }] },
                "appliedDate": at,
            })
        };
        let record = self.records.entry(code.to_owned()).or_insert_with(fresh);
        let version = record["version"].as_u64().unwrap_or(0) + 1;
        record["version"] = json!(version);
        record["updatedDate"] = json!(at);
        record["dossierStatus"] = status.parse::<i64>().map_or_else(|_| json!(status), |status| match version % 2 {
            // Both forms are in use.
            0 => json!({ "id": status, "name": "Trạng thái thử" }),
            _ => json!(status),
        });
        for (name, value) in more {
            record[*name] = value.clone();
        }
    }
}

impl Simulator for IgateSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        let is = |path: &str| ask.path.ends_with(path);
        let settings = self.settings.clone();
        if is(&settings.realm_path) {
            return self.give_token(ask, "search");
        }
        if is(&settings.token_path) {
            return self.give_token(ask, "hub");
        }
        self.calls += 1;
        if ask.path.starts_with(FILES) {
            let headers = vec![("content-type".to_owned(), "application/pdf".to_owned())];
            let name = &ask.path[FILES.len()..];
            // As servers of the field answer whom they no longer know: with a page, under 200.
            let content = match name.starts_with("dang-nhap") {
                true => "<!DOCTYPE html><html><body>Đăng nhập</body></html>".to_owned(),
                false => format!("%PDF-1.4 {name}"),
            };
            return Answer { status: 200, headers, body: Body::of(content) };
        }
        let face = if is(&settings.search_path) { "search" } else { "hub" };
        if !self.is_let_in(ask, face) {
            return say(401, "Unauthorized");
        }
        let body = || serde_json::from_slice::<Value>(&ask.body.bytes).unwrap_or_default();
        match ask.path.as_str() {
            _ if is(&settings.search_path) => self.search(ask),
            _ if is(&settings.number_path) => self.number(ask),
            _ if is(&settings.upload_path) => self.upload(ask),
            _ if is(&settings.create_path) => self.create(&body()),
            _ if is(&settings.progress_path) => self.entry(&body(), "IDHoSo", true),
            _ if is(&settings.state_path) => self.entry(&body(), "IdHoSo", false),
            _ => say(404, "Not Found"),
        }
    }

    fn state(&self) -> Value {
        json!({
            "calls": self.calls, "log_ins": self.log_ins, "numbers": self.numbers, "uploads": self.uploads,
            "creates": self.creates, "doubled": self.doubled, "dossiers": self.given, "progress": self.progress,
            "states": self.states.len() as u64, "said": self.states, "records": self.records,
            "order": self.states.iter().chain(&self.progress).map(|entry| entry["TrangThai"].to_string()).collect::<Vec<_>>(),
        })
    }

    /// `expire-sessions`; `change <code> <status> [task id]`, `work <code> <name>`, `changes <n> <first code> <status>`, `delete <code>`, `bad-record`; `flat-uploads`; `shuffle-ties`; `at <moment>`; `refuse`, `accept <name>`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["expire-sessions"] => self.generation += 1,
            ["at", moment] => match Moment::parse(moment) {
                Some(moment) => self.at = moment,
                None => return false,
            },
            ["change", code, status] => self.change(code, status, &[]),
            ["change", code, status, task] => {
                let task = json!({ "id": task, "name": [{ "languageId": 228, "name": "Trạng thái của đơn vị" }] });
                self.change(code, status, &[("dossierTaskStatus", task)]);
            }
            ["work", code, name @ ..] => {
                let task = json!([{
                    "name": name.join(" "),
                    "assignee": { "fullname": "Trần Thị Mẫu" },
                    "agency": { "name": [{ "languageId": 228, "name": "Phòng Mẫu" }] },
                    "assignedDate": written(self.at),
                    "activitiTask": { "id": format!("t-{}", self.calls), "status": "ASSIGNED" },
                }]);
                self.change(code, "2", &[("currentTask", task)]);
            }
            ["changes", many, first, status] => {
                let (Ok(many), Some((start, number))) = (many.parse::<u64>(), first.rsplit_once('-')) else { return false };
                let Ok(number) = number.parse::<u64>() else { return false };
                for number in number..number + many {
                    self.change(&format!("{start}-{number}"), status, &[]);
                    self.at = self.at.plus_millis(7);
                }
            }
            ["bad-record"] => {
                let record = json!({ "id": "bad", "updatedDate": written(self.at), "code": {}, "procedure": null });
                self.records.insert("bad".to_owned(), record);
            }
            ["delete", code] => return self.records.remove(*code).is_some(),
            ["flat-uploads"] => self.flat = true,
            ["shuffle-ties"] => self.shuffled = true,
            ["refuse", name @ ..] => self.refused.push(name.join(" ")),
            ["accept", ..] => self.refused.clear(),
            _ => return false,
        }
        true
    }
}

/// The content of the one part of a form whose name is `files`.
fn part<'a>(body: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let find = |from: usize, what: &[u8]| body[from..].windows(what.len()).position(|window| window == what).map(|at| from + at);
    let head = find(0, b"name=\"files\"")?;
    let begin = find(head, b"\r\n\r\n")? + 4;
    let end = find(begin, format!("\r\n--{boundary}--").as_bytes())?;
    Some(&body[begin..end])
}

/// As iGATE writes times: UTC, no colon in the offset.
fn written(at: Moment) -> String {
    let local = at.plus_millis(-7 * 3_600_000).to_string();
    local.replace("+07:00", "+0000")
}

fn say(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": status, "message": message }))
}
