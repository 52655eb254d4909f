//! Local software as it should behave: it says one thing of a dossier after the other, says it again until it was answered, and never
//! again afterwards. What it was told is an obligation of the gateway's.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::Secret;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::peer::marked;
use super::poster::Poster;
use super::schedule::{Numbered, Said, Schedule};
use crate::story::UNIT;

const DOSSIER: &str = include_str!("../../../../ops/demo/dossier.json");
const STEP: &str = include_str!("../../../../ops/demo/step.json");

/// Nobody waits longer for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// After a 503 it is tried again after so long.
const AGAIN: Duration = Duration::from_millis(20);

/// One that speaks.
pub struct Sender {
    /// Which of them.
    pub which: usize,
    /// What it says.
    pub schedule: Schedule,
    /// Its key.
    pub key: Secret,
    /// The broker, for one that publishes there instead of calling.
    pub broker: Option<String>,
    /// Where the gateway is at present; none while it is down.
    pub gateway: watch::Receiver<Option<SocketAddr>>,
    /// How many messages it may have said by now.
    pub allowed: watch::Receiver<usize>,
    /// Counts the answers of all senders.
    pub answers: watch::Sender<u64>,
}

/// The code of a dossier by its number.
pub fn code(dossier: u64) -> String {
    format!("H99.{:02}-261123-{:04}", 1 + dossier / 1_000_000, 1 + dossier % 1_000_000)
}

impl Sender {
    /// Says all it has to say; gives the numbers that were refused, with the words.
    pub async fn speak(mut self) -> Vec<(u64, String)> {
        if let Some(broker) = self.broker.take() {
            let poster = Poster::new(broker, self.which);
            return self.publish(poster).await;
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut refused = Vec::new();
        for turn in 0..self.schedule.allowed(self.schedule.rounds) {
            if self.allowed.wait_for(|allowed| *allowed > turn).await.is_err() {
                return refused;
            }
            let message = self.schedule.message(self.which, turn);
            match self.insist(&client, &message).await {
                Some(Ok(())) => self.answers.send_modify(|count| *count += 1),
                Some(Err(words)) => refused.push((message.number, words)),
                None => return refused,
            }
        }
        refused
    }

    /// The same at the broker, whether there is a gateway or not. Nobody is told of a refusal: it would be missing in the account.
    async fn publish(mut self, mut poster: Poster) -> Vec<(u64, String)> {
        let turns = self.schedule.allowed(self.schedule.rounds);
        for turn in 0..turns {
            if self.allowed.wait_for(|allowed| *allowed > turn).await.is_err() {
                break;
            }
            let message = self.schedule.message(self.which, turn);
            match turn + 1 == turns {
                true => poster.insist_on_a_receipt(&call(&message), message.number).await,
                false => poster.insist(&call(&message), message.number).await,
            }
            self.answers.send_modify(|count| *count += 1);
        }
        Vec::new()
    }

    /// Says it until it is answered; none if there will be no gateway any more.
    async fn insist(
        &mut self,
        client: &Client<HttpConnector, Full<Bytes>>,
        message: &Numbered,
    ) -> Option<Result<(), String>> {
        let Call { path, body, .. } = call(message);
        loop {
            let address = (*self.gateway.wait_for(Option::is_some).await.ok()?)?;
            let saying = say(client, address, self.key.reveal(), &path, &body);
            match tokio::time::timeout(ANSWER_MAX, saying).await {
                Ok(Some(answered)) => return Some(answered),
                // No answer: the gateway died, or had no room. It is said again, to the next life if there is one.
                Ok(None) | Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// A message as it is said.
pub(super) struct Call {
    /// Where, with its query.
    path: String,
    /// The same at the broker: the channel …
    pub(super) channel: &'static str,
    /// … and what stands in the query.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// What.
    pub(super) body: String,
}

const QUERY: &[(&str, &str)] = &[("MaDinhDanhDV", UNIT), ("isUpdating", "False")];

fn call(message: &Numbered) -> Call {
    let (service, channel, document, changes) = match message.said {
        Said::State(status) => (
            "DongBoHoSoMC",
            "onestop/relay/dossier-recorded",
            DOSSIER,
            [("TrangThaiHoSo", status.to_owned()), ("GhiChu", marked(message.number))],
        ),
        Said::Step(status) => (
            "CapNhatTienDoHoSoMC",
            "onestop/relay/dossier-progressed",
            STEP,
            [("TrangThai", status.to_owned()), ("NoiDungXuLy", marked(message.number))],
        ),
    };
    let mut item: Value = serde_json::from_str(document).unwrap_or_default();
    item["MaHoSo"] = json!(code(message.dossier));
    for (name, value) in changes {
        item[name] = json!(value);
    }
    let query: Vec<String> = QUERY.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let path = format!("/api/SynsTTHCC/{service}?{}", query.join("&"));
    Call { path, channel, query: QUERY, body: json!([item]).to_string() }
}

async fn say(
    client: &Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    key: &str,
    path: &str,
    body: &str,
) -> Option<Result<(), String>> {
    let request = Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/json")
        .header("x-api-key", key)
        .body(Full::from(body.to_owned()))
        .ok()?;
    let response = client.request(request).await.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    if status == 503 {
        return None;
    }
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let taken = answer["error_code"] == 0 || answer["error_code"] == "0";
    Some(if taken { Ok(()) } else { Err(format!("{status} {}", String::from_utf8_lossy(&body))) })
}
