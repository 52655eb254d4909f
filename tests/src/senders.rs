//! Local software as it should behave: it says one thing after the other, says a thing again until it was answered, and never
//! again afterwards. What it was told is an obligation of the gateway's.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::documents;
use crate::process::{PATIENCE, UNIT};

/// Something that local software says about a dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Its state.
    State(&'static str),
    /// A step of its way.
    Step(&'static str),
    /// Something that nobody can use, of another dossier that is said nowhere else.
    Nonsense,
}

/// What each dossier goes through.
pub const WAY: [Said; 8] = [
    Said::State("2"),
    Said::Step("2"),
    Said::Nonsense,
    Said::Step("4"),
    Said::State("4"),
    Said::Step("9"),
    Said::State("10"),
    Said::Step("10"),
];

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It is taken.
    Taken,
    /// It is refused, and why.
    Refused(String),
}

/// The code that nonsense beside this dossier is said of.
pub fn nonsense_of(code: &str) -> String {
    code.replace("-261123-", "-261124-")
}

/// Path and body of a call.
pub fn call(said: Said, code: &str) -> (String, String) {
    let documents = documents();
    let read = |name: &str| -> Value { serde_json::from_str(&documents[name]).expect("a JSON document") };
    let (service, item) = match said {
        Said::State(status) => {
            let mut item = read("dossier.json");
            (item["MaHoSo"], item["TrangThaiHoSo"]) = (json!(code), json!(status));
            ("DongBoHoSoMC", item)
        }
        Said::Step(status) => {
            let mut item = read("step.json");
            (item["MaHoSo"], item["TrangThai"]) = (json!(code), json!(status));
            ("CapNhatTienDoHoSoMC", item)
        }
        Said::Nonsense => {
            let mut item = read("dossier.json");
            (item["MaHoSo"], item["NgayTiepNhan"]) = (json!(nonsense_of(code)), json!("20269999000000"));
            ("DongBoHoSoMC", item)
        }
    };
    (format!("/api/SynsTTHCC/{service}?MaDinhDanhDV={UNIT}&isUpdating=False"), json!([item]).to_string())
}

/// A caller with its key.
#[derive(Clone)]
pub struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    key: String,
    /// Where the gateway is at present; none while it is down.
    gateway: watch::Receiver<Option<SocketAddr>>,
}

impl Sender {
    /// A caller that follows the gateway through its restarts.
    pub fn new(key: &str, gateway: watch::Receiver<Option<SocketAddr>>) -> Sender {
        Sender { client: Client::builder(TokioExecutor::new()).build_http(), key: key.to_owned(), gateway }
    }

    /// Says it until it is answered.
    pub async fn insist(&mut self, said: Said, code: &str) -> Answered {
        let (path, body) = call(said, code);
        let (_, answer) = self.ask_until_answered(&path, &body).await;
        judged(&answer)
    }

    /// Puts any call until it is answered: status and document.
    pub async fn ask_until_answered(&mut self, path: &str, body: &str) -> (u16, Value) {
        let insisting = async {
            loop {
                let address = *self.gateway.borrow_and_update();
                if let Some(address) = address
                    && let Some(answered) = self.ask(address, path, body).await
                {
                    return answered;
                }
                // No answer: the gateway died. Its next life is announced.
                self.gateway.changed().await.expect("the test that restarts the gateway is there");
            }
        };
        tokio::time::timeout(PATIENCE, insisting).await.expect("a gateway that answers in the end")
    }

    /// Says it once; none if no answer came.
    pub async fn say(&self, address: SocketAddr, path: &str, body: &str) -> Option<Answered> {
        self.ask(address, path, body).await.map(|(_, answer)| judged(&answer))
    }

    /// The same for any call.
    async fn ask(&self, address: SocketAddr, path: &str, body: &str) -> Option<(u16, Value)> {
        let request = Request::post(format!("http://{address}{path}"))
            .header("content-type", "application/json")
            .header("x-api-key", &self.key)
            .body(Full::from(body.to_owned()))
            .expect("a request");
        let response = self.client.request(request).await.ok()?;
        let status = response.status();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        let answer: Value = serde_json::from_slice(&body).ok()?;
        // 503: try again, nothing was taken.
        (status.as_u16() != 503).then_some((status.as_u16(), answer))
    }
}

/// What a relay's caller makes of an answer.
fn judged(answer: &Value) -> Answered {
    let taken = answer["error_code"] == 0 || answer["error_code"] == "0";
    let words = answer["message"].as_str().unwrap_or_default().to_owned();
    if taken { Answered::Taken } else { Answered::Refused(words) }
}

/// How many deliveries are not over, by the gateway's own metrics; none if it does not answer.
pub async fn open_deliveries(address: SocketAddr) -> Option<u64> {
    let text = get(address, "/metrics").await?;
    let open = text.lines().filter(|line| line.starts_with("lienthong_deliveries{"));
    Some(open.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}

/// What the gateway says to whoever watches it; none if it does not answer.
pub async fn get(address: SocketAddr, path: &str) -> Option<String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{address}{path}")).body(Full::default()).expect("a request");
    let response = tokio::time::timeout(Duration::from_secs(5), client.request(request)).await.ok()?.ok()?;
    let text = response.into_body().collect().await.ok()?.to_bytes();
    Some(String::from_utf8_lossy(&text).into_owned())
}
