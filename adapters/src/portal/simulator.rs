//! The portal's other side: what it would answer, and what has taken effect there.
//!
//! It knows sessions that expire, create against update, an append-only log of progress, look-ups, and the portal's habit of
//! writing `error_code` now as number, now as text. It counts effects, so that a story can say "one create, no doubled entry".
//! Time-outs, 503 and pages of HTML are put around it by its host. Texts are in the portal's manner, not quoted from it.

mod catalogue;

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::settings::Settings;
use super::wire::plain;

/// What every dossier must have filled in, unless `required` says otherwise.
const REQUIRED: [&str; 9] = [
    "MaHoSo",
    "MaTTHC",
    "TenTTHC",
    "MaLinhVuc",
    "TenLinhVuc",
    "LoaiDoiTuong",
    "TrangThaiHoSo",
    "HinhThuc",
    "DonViXuLy",
];
const LENGTHS: [(&str, usize); 3] = [("GhiChu", 2000), ("TrichYeuHoSo", 1000), ("NguoiXuLy", 50)];
const ENTRY_KEY: [&str; 4] = ["MaHoSo", "ThoiDiemXuLy", "TrangThai", "NoiDungXuLy"];

/// A portal in memory.
pub(super) struct PortalSim {
    settings: SimSettings,
    /// Each with the moment it ends.
    sessions: BTreeMap<String, Moment>,
    dossiers: BTreeMap<String, Dossier>,
    progress: Vec<Value>,
    /// Places in it by dossier, because a proof has thousands of them.
    progress_of: BTreeMap<String, Vec<usize>>,
    answered: Vec<Value>,
    refusing: BTreeSet<String>,
    /// Dossiers over which it stumbles: with which status, and if what is said contains which word.
    failing: BTreeMap<String, (u16, String)>,
    /// Codes in the order of their first effect here.
    order: Vec<String>,
    /// What it still has to push.
    due: Vec<Ask>,
    counts: Counts,
    /// Its catalogues.
    published: catalogue::Published,
}

struct SimSettings {
    /// `login_path`, as the peer's own.
    login_path: String,
    /// `password`: the only one that is taken; empty takes any.
    password: String,
    /// `session_seconds`: how long a session lives here.
    session_ms: i64,
    /// `required`: fields of a dossier that must be filled in.
    required: Vec<String>,
    /// `refuse_words`: a dossier or entry that contains one of them is refused.
    refuse_words: Vec<String>,
    /// `unclear_words`: a dossier or entry that contains one of them is answered so that nobody knows what is meant.
    unclear_words: Vec<String>,
    /// `progress_list_field`: the name under which `TraCuuHoSo` shows progress entries; empty hides them.
    progress_list_field: String,
}

#[derive(Default)]
struct Dossier {
    status: String,
    /// Every state it was given, in order.
    statuses: Vec<String>,
    updates: u64,
}

#[derive(Default)]
struct Counts {
    calls: u64,
    log_ins: u64,
    creates: u64,
    updates: u64,
    doubled: u64,
    deletions: u64,
}

/// What the portal says to one call: taken with a result, or refused with code and words.
type Said = Result<(String, Value), (i64, String)>;

impl PortalSim {
    /// A portal that knows nothing yet. Settings that are not its own are passed over.
    pub(super) fn new(table: &toml::Table) -> Self {
        let texts = |key: &str| -> Option<Vec<String>> {
            let list = table.get(key)?.as_array()?;
            Some(list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
        };
        let text = |key: &str, default: &str| {
            table.get(key).and_then(toml::Value::as_str).unwrap_or(default).to_owned()
        };
        let seconds = table.get("session_seconds").and_then(toml::Value::as_integer).unwrap_or(600);
        PortalSim {
            settings: SimSettings {
                login_path: text("login_path", Settings::LOGIN_PATH),
                password: text("password", ""),
                session_ms: seconds.saturating_mul(1000),
                required: texts("required").unwrap_or_else(|| REQUIRED.map(str::to_owned).to_vec()),
                refuse_words: texts("refuse_words").unwrap_or_default(),
                unclear_words: texts("unclear_words").unwrap_or_default(),
                progress_list_field: text("progress_list_field", ""),
            },
            sessions: BTreeMap::new(),
            dossiers: BTreeMap::new(),
            progress: Vec::new(),
            progress_of: BTreeMap::new(),
            answered: Vec::new(),
            refusing: BTreeSet::new(),
            failing: BTreeMap::new(),
            order: Vec::new(),
            due: Vec::new(),
            counts: Counts::default(),
            published: catalogue::Published::default(),
        }
    }

    fn log_in(&mut self, body: &Value, at: Moment) -> Answer {
        self.counts.log_ins += 1;
        let given = |name| field(body, name);
        let right = self.settings.password.is_empty() || given("password") == self.settings.password;
        if given("username").is_empty() || given("password").is_empty() || !right {
            return Answer::json(
                200,
                &json!({ "error_code": -1, "message": "Sai tên đăng nhập hoặc mật khẩu" }),
            );
        }
        let token = format!("00000000-0000-4000-8000-{:012}", self.counts.log_ins);
        self.sessions.insert(token.clone(), at.plus_millis(self.settings.session_ms));
        Answer::json(200, &json!({ "error_code": 0, "message": "Thành công", "session": token }))
    }

    fn serve(&mut self, body: &Value, at: Moment) -> Said {
        if self.sessions.get(&field(body, "session")).is_none_or(|end| *end <= at) {
            return refuse(-1, "Phiên làm việc không hợp lệ hoặc đã hết hạn");
        }
        if field(body, "madonvi").is_empty() {
            return refuse(-1, "Trường madonvi không được để trống");
        }
        match field(body, "service").as_str() {
            "DongBoHoSoMC" => self.record(body),
            "CapNhatTienDoHoSoMC" => self.append(body),
            "DongBoTrangThaiHoSo" => self.take_answer(body),
            "TraCuuHoSo" => Ok((String::new(), self.look_up(&field(body, "mahoso")))),
            service if let Some(rows) = self.published.serve(service, body) => Ok((String::new(), rows)),
            other => refuse(-1, &format!("Dịch vụ {other} không được hỗ trợ")),
        }
    }

    fn record(&mut self, body: &Value) -> Said {
        let updating = field(body, "isUpdating").eq_ignore_ascii_case("true");
        let dossiers = rows(body)?;
        for dossier in dossiers {
            self.examine(dossier, &self.settings.required)?;
            let code = field(dossier, "MaHoSo");
            match (updating, self.dossiers.contains_key(&code)) {
                (false, true) => return refuse(-3, &format!("Mã hồ sơ {code} đã tồn tại")),
                (true, false) => return refuse(-1, &format!("Mã hồ sơ {code} không tồn tại")),
                _ => {}
            }
        }
        for dossier in dossiers {
            let code = field(dossier, "MaHoSo");
            if !self.order.contains(&code) {
                self.order.push(code.clone());
            }
            let known = self.dossiers.entry(code).or_default();
            known.status = field(dossier, "TrangThaiHoSo");
            known.statuses.push(known.status.clone());
            known.updates += u64::from(updating);
            self.counts.deletions += deletions(dossier);
            self.counts.updates += u64::from(updating);
            self.counts.creates += u64::from(!updating);
        }
        Ok(("Đồng bộ hồ sơ thành công".to_owned(), json!([])))
    }

    fn append(&mut self, body: &Value) -> Said {
        let required = ["MaHoSo", "ThoiDiemXuLy", "TrangThai"].map(str::to_owned);
        let entries = rows(body)?;
        for entry in entries {
            self.examine(entry, &required)?;
            let code = field(entry, "MaHoSo");
            if !self.dossiers.contains_key(&code) {
                return refuse(-1, &format!("Mã hồ sơ {code} không tồn tại"));
            }
        }
        for entry in entries {
            let same = |known: &Value| ENTRY_KEY.iter().all(|name| field(known, name) == field(entry, name));
            let doubled = self.entries(&field(entry, "MaHoSo")).any(same);
            self.counts.doubled += u64::from(doubled);
            self.progress_of.entry(field(entry, "MaHoSo")).or_default().push(self.progress.len());
            self.progress.push(entry.clone());
        }
        Ok(("Cập nhật tiến độ thành công".to_owned(), json!([])))
    }

    fn take_answer(&mut self, body: &Value) -> Said {
        let Some(data) = body.get("data").filter(|data| data.is_object()) else {
            return refuse(-1, "Trường data không đúng định dạng");
        };
        self.examine(data, &["MaHoSo", "TrangThai"].map(str::to_owned))?;
        self.answered.push(data.clone());
        Ok(("Đồng bộ trạng thái hồ sơ thành công".to_owned(), json!([])))
    }

    /// The progress entries of a dossier, in order.
    fn entries(&self, code: &str) -> impl Iterator<Item = &Value> {
        self.progress_of.get(code).into_iter().flatten().filter_map(|place| self.progress.get(*place))
    }

    fn look_up(&self, code: &str) -> Value {
        let Some(dossier) = self.dossiers.get(code) else { return json!([]) };
        let mut row = json!({ "MaHoSo": code, "TrangThaiHoSo": dossier.status });
        if !self.settings.progress_list_field.is_empty() {
            let entries: Vec<&Value> = self.entries(code).collect();
            row[self.settings.progress_list_field.as_str()] = json!(entries);
        }
        json!([row])
    }

    /// Is this row what the portal takes?
    fn examine(&self, row: &Value, required: &[String]) -> Result<(), (i64, String)> {
        if let Some(name) = required.iter().find(|name| field(row, name).is_empty()) {
            return Err((-1, format!("Trường {name} không được để trống")));
        }
        let too_long = |(name, limit): &&(&str, usize)| field(row, name).chars().count() > *limit;
        if let Some((name, _)) = LENGTHS.iter().find(too_long) {
            return Err((-1, format!("Trường {name} vượt quá độ dài cho phép")));
        }
        let text = row.to_string();
        if self.settings.unclear_words.iter().any(|word| text.contains(word.as_str())) {
            return Err((11, "Có lỗi xảy ra".to_owned()));
        }
        let refused = self.settings.refuse_words.iter().any(|word| text.contains(word.as_str()));
        if refused || self.refusing.contains(&field(row, "MaHoSo")) {
            return Err((-1, "Dữ liệu hồ sơ không hợp lệ, đồng bộ không thành công".to_owned()));
        }
        Ok(())
    }

    /// The status that it answers instead, if this call speaks of something that the portal stumbles over.
    fn stumbles(&self, body: &Value) -> Option<u16> {
        let data = match body.get("data") {
            Some(Value::Array(rows)) => rows.as_slice(),
            Some(row) => std::slice::from_ref(row),
            None => &[],
        };
        data.iter().find_map(|row| {
            let (status, word) = self.failing.get(&field(row, "MaHoSo"))?;
            row.to_string().contains(word.as_str()).then_some(*status)
        })
    }
}

impl Simulator for PortalSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        let body: Value = serde_json::from_slice(&ask.body.bytes).unwrap_or_default();
        if ask.path.ends_with(&self.settings.login_path) {
            return self.log_in(&body, at);
        }
        self.counts.calls += 1;
        if let Some(status) = self.stumbles(&body) {
            let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
            return Answer { status, headers, body: Body::of(b"Internal Server Error".to_vec()) };
        }
        let (code, message, result) = match self.serve(&body, at) {
            Ok((message, result)) => (0, message, result),
            Err((code, message)) => (code, message, json!([])),
        };
        // Both forms are seen in production, so callers meet both here.
        let as_text = self.counts.calls.is_multiple_of(2);
        let code = if as_text { json!(code.to_string()) } else { json!(code) };
        Answer::json(200, &json!({ "error_code": code, "message": message, "result": result }))
    }

    fn due(&mut self, _at: Moment) -> Vec<Ask> {
        std::mem::take(&mut self.due)
    }

    fn state(&self) -> Value {
        let dossier = |(code, known): (&String, &Dossier)| {
            (
                code.clone(),
                json!({ "status": known.status, "statuses": known.statuses, "updates": known.updates }),
            )
        };
        let entry = |entry: &Value| {
            let text = |name| field(entry, name);
            json!({ "MaHoSo": text("MaHoSo"), "TrangThai": text("TrangThai"), "ThoiDiemXuLy": text("ThoiDiemXuLy") })
        };
        json!({
            "calls": self.counts.calls,
            "log_ins": self.counts.log_ins,
            "creates": self.counts.creates,
            "updates": self.counts.updates,
            "doubled": self.counts.doubled,
            "deletions": self.counts.deletions,
            "order": self.order,
            "answered": self.answered.len(),
            "reported": self.published.reported().values().sum::<u64>(),
            "answers": self.answered.iter().map(|answer| field(answer, "TrangThai")).collect::<Vec<_>>(),
            "dossiers": self.dossiers.iter().map(dossier).collect::<serde_json::Map<_, _>>(),
            "progress": self.progress.iter().map(entry).collect::<Vec<_>>(),
        })
    }

    /// `expire-sessions`; `push submitted|amended|paid <code>` (it calls us when it is asked for what is due); and for one dossier: `know` (somebody else recorded it), `forget`, `refuse`, `fail` (500) and `busy` (503),
    /// both also only for what contains a word, and `accept`, which ends the last three.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["expire-sessions"] => self.sessions.clear(),
            ["push", what, code] => match pushed(what, code) {
                Some(ask) => self.due.push(ask),
                None => return false,
            },
            ["know", code] => {
                self.dossiers.entry((*code).to_owned()).or_default();
            }
            ["forget", code] => {
                self.dossiers.remove(*code);
            }
            ["refuse", code] => {
                self.refusing.insert((*code).to_owned());
            }
            [how @ ("fail" | "busy"), code, word @ ..] => {
                let status = if *how == "fail" { 500 } else { 503 };
                self.failing.insert((*code).to_owned(), (status, word.join(" ")));
            }
            ["accept", code] => {
                self.refusing.remove(*code);
                self.failing.remove(*code);
            }
            words => return self.published.nudge(words),
        }
        true
    }
}

/// What it pushes about a dossier: `submitted`, `amended`, `paid`.
fn pushed(what: &str, code: &str) -> Option<Ask> {
    let (end, body) = match what {
        "submitted" => ("addtthcKhuyenMai", include_str!("fixtures/push-submitted.json")),
        "amended" => ("nhanhsdvcqg", include_str!("fixtures/push-amended.json")),
        "paid" => ("nhanhsdvcqg", include_str!("fixtures/push-paid.json")),
        _ => return None,
    };
    Some(Ask {
        method: "POST".to_owned(),
        path: format!("/VXPAdapter/RestService/forward/{end}"),
        query: Vec::new(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Body::of(body.replace("{code}", code)),
    })
}

/// How many files of a dossier are to be deleted.
fn deletions(dossier: &Value) -> u64 {
    let files = dossier.get("TaiLieuNop").and_then(Value::as_array).into_iter().flatten();
    files.filter(|file| field(file, "IsDeleted").eq_ignore_ascii_case("true")).count() as u64
}

fn refuse(code: i64, words: &str) -> Said {
    Err((code, words.to_owned()))
}

fn field(row: &Value, name: &str) -> String {
    row.get(name).and_then(plain).unwrap_or_default()
}

fn rows(body: &Value) -> Result<&Vec<Value>, (i64, String)> {
    let rows = body.get("data").and_then(Value::as_array).filter(|rows| !rows.is_empty());
    rows.ok_or_else(|| (-1, "Trường data không được để trống".to_owned()))
}
