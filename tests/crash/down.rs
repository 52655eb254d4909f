//! What comes down from the portal, killed between any two writes: a dossier with its papers on its way to iGATE and its code back, and a
//! tax notice about two dossiers. Nothing is lost or doubled, the code is told back, and of the papers neither too few nor too many stay.

use conformance::documents;
use conformance::process::Ground;
use conformance::senders::{Answered, Said, Sender};
use gateway_core::lift::Ticket;
use lienthong::simulator::Host;
use serde_json::{Value, json};

use crate::lives::{Place, all, count, events, peer, settles, sweep, through};
use crate::sweep::{age, files};

const NATIONAL: &str = "G22.99-261123-000123";
const FORWARD: &str = "/VXPAdapter/RestService/forward";

/// Content that nobody else has, larger than what stands in a row.
fn paper(name: &str) -> Vec<u8> {
    format!("%PDF-1.4\n{}", format!("{name} ").repeat(9_000)).into_bytes()
}

fn base64(content: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, content)
}

/// A dossier with two papers.
fn submitted() -> String {
    let mut body: Value = serde_json::from_str(&documents()["push.json"]).expect("a JSON document");
    body["TepDonDangKy"] = json!(base64(&paper("đơn")));
    body["TaiLieuNop"][0]["Base64"] = json!(base64(&paper("phụ lục")));
    body.to_string()
}

/// A portal, an iGATE that may be searched, and the gateway between them.
async fn lay() -> (Host, Host, Ground, String) {
    let (portal, igate) = (peer("portal", "", "").await, peer("onestop", "igate", "").await);
    let ground = Ground::lay(portal.address(), "unit = \"000.00.00.H99\"");
    ground.configure(&format!(
        "[peers.igate]\nadapter = \"onestop\"\ndialect = \"igate\"\nunit = \"000.00.00.H99\"\nanswer_ms_max = 5000\nprocessing_ms_max = 300\n\
         receives = [\"dossier-submitted\", \"dossier-progressed\"]\nendpoints.igate = \"http://{}\"\n\
         keys.client_id = {{ file = \"{{folder}}/portal.password\" }}\nkeys.client_secret = {{ file = \"{{folder}}/portal.password\" }}\n\
         settings.look_up = \"yes\"\nsettings.agencies.\"000.00.00.H99\".code = \"H99.07\"\n",
        igate.address()
    ));
    let key = ground.add_key(&["portal"]);
    (portal, igate, ground, key)
}

/// Pushed until it is answered, by six steps to iGATE, its code back to the portal, and the agency goes on under that code.
async fn handed_on(death: String) -> (Vec<String>, bool) {
    let (portal, igate, ground, key) = lay().await;
    let (relay, other) = (ground.key.clone(), &igate);
    let flow = async |place: Place| {
        let mut wrong = Vec::new();
        let path = format!("{FORWARD}/addtthcKhuyenMai");
        let (_, answer) = Sender::new(&key, place.clone()).ask_until_answered(&path, &submitted()).await;
        // One that was taken by a life that could not say so any more was "already received".
        if !matches!(answer["error_code"].to_string().trim_matches('"'), "0" | "1") {
            wrong.push(format!("the push was answered {answer}"));
        }
        if !settles(&place).await {
            wrong.push("the backlog does not drain by itself".to_owned());
        }
        let given = other.state()["dossiers"].as_object().cloned().unwrap_or_default();
        let own = given.keys().next().cloned().unwrap_or_default();
        let mut sender = Sender::new(&relay, place.clone());
        for said in [Said::State("4"), Said::Step("4")] {
            if sender.insist(said, &own).await != Answered::Taken {
                wrong.push(format!("{said:?} of {own} was refused"));
            }
        }
        if !settles(&place).await {
            wrong.push("the backlog does not drain by itself".to_owned());
        }
        (wrong, own)
    };
    let ((mut wrong, own), died) = through(&ground, &death, flow).await;

    let told = events(&ground, NATIONAL);
    if events(&ground, &own) != told {
        wrong.push(format!("{own} has another timeline than {NATIONAL}"));
    }
    for event in ["dead-letter", "in-doubt"] {
        if count(&told, event) > 0 {
            wrong.push(format!("{event}: {told:?}"));
        }
    }
    let state = igate.state();
    let whole = [Ticket::of(&paper("đơn")).sha256, Ticket::of(&paper("phụ lục")).sha256];
    let parts = state["dossiers"][&own]["ThanhPhanHoSo"].as_array().into_iter().flatten();
    let hashes: Vec<&str> =
        parts.filter_map(|part| part["GiayToDinhKem"][0]["HashTepTin"].as_str()).collect();
    let steps = state["progress"].as_array().map_or(0, Vec::len) as u64;
    // A paper whose answer died with us is asked about nowhere: it is sent again, and iGATE has the dossier once all the same. Of what it
    // counts as doubled, only a step may be, because no question finds it there.
    if (&state["creates"], &state["doubled"]) != (&json!(1), &json!(steps.saturating_sub(1)))
        || hashes != whole
    {
        wrong.push(format!("at iGATE: {}, papers {hashes:?}", state));
    }
    if !(1..=1 + count(&told, "may-be-doubled")).contains(&steps) {
        wrong.push(format!("{steps} steps at iGATE: {told:?}"));
    }
    let portal = portal.state();
    let again = u64::from(died);
    if !(1..=1 + again).contains(&portal["answered"].as_u64().unwrap_or(0)) {
        wrong.push(format!("the code was told back {} times", portal["answered"]));
    }
    let steps = portal["progress"].as_array().map_or(0, Vec::len) as u64;
    if portal["dossiers"][&own]["status"] != "4" || !(1..=1 + count(&told, "may-be-doubled")).contains(&steps)
    {
        wrong.push(format!("at the portal: {portal}; {told:?}"));
    }
    // However old: what a row names stays, and nothing else does.
    age(&files(&ground));
    let stayed = through(&ground, "no-point:1", async |_| files(&ground)).await.0;
    if stayed.len() != whole.len() {
        wrong.push(format!("{} files stay: {stayed:?}", stayed.len()));
    }
    (wrong, died)
}

#[test]
fn killed_anywhere_a_dossier_reaches_igate_once_with_its_papers_and_its_code_comes_back() {
    let deaths = sweep(&[
        ("after-files-kept", 1..=1),
        ("before-commit", 1..=12),
        ("after-commit", 2..=3),
        ("after-answer", 1..=6),
    ]);
    all(deaths, 1, handed_on);
}

const NOTICED: [&str; 2] = ["H99.14-261110-0009", "H99.15-261110-0010"];

/// A notice about two dossiers: one call, two messages, each told to the software of its unit.
async fn noticed(death: String) -> (Vec<String>, bool) {
    let (portal, province) = (peer("portal", "", "").await, peer("onestop", "relay", "").await);
    let ground = Ground::lay(portal.address(), "");
    ground.configure(&format!(
        "[peers.province]\nadapter = \"onestop\"\ndialect = \"relay\"\nunit = \"000.00.00.H99\"\nunits = [\"H99.14\", \"H99.15\"]\n\
         answer_ms_max = 5000\nprocessing_ms_max = 300\nreceives = [\"land-tax-noticed\"]\nendpoints.relay = \"http://{}\"\nin_doubt = {{ default = \"repeat\" }}\n",
        province.address()
    ));
    let key = ground.add_key(&["portal"]);
    let flow = async |place: Place| {
        let mut wrong = Vec::new();
        let (path, body) = (format!("{FORWARD}/nhantbthuedvcqg"), documents()["push-notice.json"].clone());
        let mut sender = Sender::new(&key, place.clone());
        let (_, first) = sender.ask_until_answered(&path, &body).await;
        let (_, again) = sender.ask_until_answered(&path, &body).await;
        let said =
            [&first, &again].map(|answer| answer["error_code"].to_string().trim_matches('"').to_owned());
        if !["0", "1"].contains(&said[0].as_str()) || said[1] != "1" {
            wrong.push(format!("answered {first}, and then {again}"));
        }
        if !settles(&place).await {
            wrong.push("the backlog does not drain by itself".to_owned());
        }
        wrong
    };
    let (mut wrong, died) = through(&ground, &death, flow).await;
    let told = NOTICED.map(|code| events(&ground, code));
    for (code, told) in NOTICED.iter().zip(&told) {
        if (count(told, "accepted"), count(told, "delivered")) != (1, 1) {
            wrong.push(format!("{code}: {told:?}"));
        }
    }
    let notices = province.state()["notices"].as_u64().unwrap_or(0);
    let doubled: u64 = told.iter().map(|told| count(told, "may-be-doubled")).sum();
    if !(2..=2 + doubled).contains(&notices) {
        wrong.push(format!("{notices} notices, and {doubled} may be doubled: {told:?}"));
    }
    (wrong, died)
}

#[test]
fn killed_anywhere_a_notice_about_two_dossiers_tells_of_each() {
    let deaths = sweep(&[("before-commit", 1..=5), ("after-commit", 1..=2), ("after-answer", 1..=2)]);
    all(deaths, 1, noticed);
}
