//! The papers of a dossier on their way from the portal to iGATE: they flow through, and what arrives is what was handed in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::Ask;
use gateway_core::lift::Ticket;
use serde_json::{Value, json};

use crate::wire::{House, ask, call, until};

const UNIT: (&str, &str) = ("portal", "unit = \"000.00.00.H99\"");
const NATIONAL: &str = "G22.99-261123-000123";

async fn push(house: &House, end: &str, body: &Value) {
    let path = format!("/XrdAdapter/RestService/forward/{end}");
    let key = house.stage.key("portal").unwrap().reveal();
    let headers = [("x-api-key", key), ("content-type", "application/json")];
    let heard =
        ask(house.address(), &call("POST", &path, &headers, body.to_string().as_bytes())).await.unwrap();
    let code = heard.json()["error_code"].to_string();
    assert_eq!((heard.status, code.trim_matches('"')), (200, "0"), "{}", heard.text());
}

fn document(name: &str, otherwise: &[(&str, Value)]) -> Value {
    let mut document: Value = serde_json::from_str(&conformance::documents()[name]).unwrap();
    for (place, value) in otherwise {
        *document.pointer_mut(place).unwrap() = value.clone();
    }
    document
}

fn pdf(bytes: usize) -> Vec<u8> {
    let mut content = b"%PDF-1.4\r\n--\r\n".to_vec();
    content.extend((content.len()..bytes).map(|number| (number % 253) as u8));
    content
}

/// The dossier at iGATE as it was handed in last, once it was handed in so often.
async fn handed_in(house: &House, times: u64) -> Value {
    let igate = &house.stage.hosts["igate"];
    until("NoiHoSo", async || (igate.state()["creates"] == times).then_some(())).await;
    let state = igate.state();
    let given = state["dossiers"].as_object().unwrap();
    assert_eq!(given.len(), 1, "one dossier: {given:?}");
    given.values().next().unwrap().clone()
}

/// Name and hash of each paper of a dossier. The hash is what iGATE made of the bytes that it was sent.
fn papers(dossier: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parts = dossier["ThanhPhanHoSo"].as_array().unwrap().iter();
    parts
        .map(|part| &part["GiayToDinhKem"][0])
        .map(|paper| (text(&paper["TenGiayTo"]), text(&paper["HashTepTin"])))
        .collect()
}

fn of(name: &str, content: &[u8]) -> (String, String) {
    (name.to_owned(), Ticket::of(content).sha256)
}

fn calls_to(house: &House, end: &str) -> Vec<Ask> {
    house.stage.hosts["igate"].heard().into_iter().filter(|ask| ask.path.ends_with(end)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_applicant_handed_in_is_what_igate_is_sent() {
    let house = House::with(&[UNIT, ("igate", "settings.taken_status = \"2\"")]).await;
    let (large, small) = (pdf(700_000), pdf(40));
    let paper =
        |name: &str, content: &[u8]| json!({ "TenTepDinhKem": name, "Base64": STANDARD.encode(content) });
    let body = document(
        "push.json",
        &[
            ("/TepDonDangKy", json!(STANDARD.encode(&large))),
            ("/TaiLieuNop", json!([paper("nho.pdf", &small), paper("lai.pdf", &large)])),
        ],
    );
    push(&house, "addtthcKhuyenMai", &body).await;
    let dossier = handed_in(&house, 1).await;
    assert_eq!(papers(&dossier), [of("don.pdf", &large), of("nho.pdf", &small), of("lai.pdf", &large)]);
    assert_eq!(calls_to(&house, "/upload").len(), 2, "the same content goes once");
    // To iGATE, and its code back to the portal.
    let delivered =
        async || house.events(NATIONAL).await.iter().filter(|event| **event == "delivered").count();
    until("both deliveries", async || (delivered().await == 2).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_given_by_address_is_fetched_from_where_that_is_allowed_and_sent_on() {
    let settings = "settings.files_endpoint = \"igate\"";
    let hosts = "settings.file_hosts = [\"provider.example\"]";
    let house = House::with(&[UNIT, ("igate", settings), ("igate", hosts)]).await;
    push(&house, "addtthcKhuyenMai", &document("push.json", &[])).await;
    handed_in(&house, 1).await;
    let address = |address: &str| document("push-amended.json", &[("/data/URLTepDangKy", json!(address))]);
    push(&house, "nhanhsdvcqg", &address("http://provider.example/fi/file/1.pdf")).await;
    let dossier = handed_in(&house, 2).await;
    assert_eq!(papers(&dossier), [of("sua-doi.pdf", b"%PDF-1.4 1.pdf")]);
    let fetched = calls_to(&house, "/fi/file/1.pdf");
    assert_eq!(fetched.len(), 1);
    assert!(fetched[0].header("authorization").is_none(), "iGATE's token is for iGATE alone");

    // Another host is nobody we ask.
    push(&house, "nhanhsdvcqg", &address("http://noi-khac.example/fi/file/2.pdf")).await;
    until("a dead letter", async || house.events(NATIONAL).await.contains(&"dead-letter").then_some(()))
        .await;
    assert_eq!(calls_to(&house, "/fi/file/2.pdf").len(), 0);

    // A page in its place is no paper: nothing of it goes on, and it is tried again.
    let before = calls_to(&house, "/upload").len();
    push(&house, "nhanhsdvcqg", &address("http://provider.example/fi/file/dang-nhap.pdf")).await;
    until("a try again", async || house.events(NATIONAL).await.contains(&"retry").then_some(())).await;
    assert_eq!(calls_to(&house, "/fi/file/dang-nhap.pdf").len(), 1);
    assert_eq!(calls_to(&house, "/upload").len(), before, "only papers");
}
