//! Killed between a page of a feed and its commit, and right after it: the page is read again or the feed goes on, and whoever is told of
//! what it held is told once.

use std::net::SocketAddr;
use std::time::Instant;

use conformance::process::{Ground, PATIENCE, lienthong_that_dies};
use lienthong::clock::Clock;
use lienthong::crash::FEED_POINTS;
use lienthong::simulator::Host;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

const CODE: &str = "H99.07-261001-0042";
const SECRET: &str = "whsec_bGllbnRob25nIHRodSBuZ2hpZW0ga2hvYSBreQ==";
/// What happens to the item, in the order in which it happens.
const TOLD: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_around_a_page_nothing_is_lost_or_told_twice() {
    let mut runs = JoinSet::new();
    for point in FEED_POINTS {
        // The first page is empty and read at the start; the order and what became of it come after.
        for pass in 1..4 {
            runs.spawn(run(format!("{point}:{pass}")));
        }
    }
    let complaints: Vec<String> = runs.join_all().await.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

async fn peer(adapter: &str, dialect: &str, settings: &str) -> Host {
    let settings = settings.parse().expect("settings are TOML");
    let sim = adapters::simulator(adapter, dialect, &settings).expect("it has a simulator");
    Host::start(sim, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port")
}

async fn run(death: String) -> Vec<String> {
    let carrier = peer("postal", "hcc", "").await;
    let subscriber = peer("subscriber", "", &format!("secret = \"{SECRET}\"")).await;
    let ground = Ground::lay(([127, 0, 0, 1], 9).into(), "");
    std::fs::write(ground.path("signing.secret"), SECRET).expect("a writable folder");
    let (post, hooks) = (carrier.address(), subscriber.address());
    ground.configure(&format!(
        "[peers.desk]\nadapter = \"postal\"\ndialect = \"desk\"\nunit = \"000.00.00.H99\"\nreceives = [\"dossier-progressed\"]\n\
         [peers.carrier]\nadapter = \"postal\"\ndialect = \"hcc\"\nendpoints.post = \"http://{post}\"\n\
         keys.consumer_key = {{ file = \"{{folder}}/portal.password\" }}\n\
         keys.consumer_secret = {{ file = \"{{folder}}/portal.password\" }}\n\
         settings = {{ customer_code = \"HCC_H99_0001\", number_form = \"{{dossier}}/{{leg}}{{shipment}}\", every_seconds = 1 }}\n\
         [peers.subscriber]\nadapter = \"subscriber\"\nendpoints.subscriber = \"http://{hooks}\"\n\
         keys.signing-secret = {{ file = \"{{folder}}/signing.secret\" }}\n"
    ));
    let key = ground.add_key(&["desk"]);

    let mut gateway = ground.start(lienthong_that_dies(), &[("LIENTHONG_CRASH_AT", &death)]);
    let (mut ordered, mut happened, mut died) = (false, false, false);
    let until = Instant::now() + PATIENCE;
    loop {
        if !died && gateway.ended().is_some() {
            died = true;
            gateway = ground.start(lienthong_that_dies(), &[]);
        }
        if let (false, Some(address)) = (ordered, gateway.address()) {
            ordered = order(address, &key).await;
        }
        if !happened && carrier.state()["orders"] == json!(1) {
            happened = carrier.nudge(&["advance", &format!("{CODE}/R1"), "4"]);
        }
        if died && subscriber.state()["facts"] == json!(TOLD) {
            break;
        }
        if Instant::now() > until {
            return vec![format!("{death}: died {died}, {}, {}", carrier.state(), subscriber.state())];
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Two more readings, in which nothing may be told again.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    gateway.stop();
    let (carried, told) = (carrier.state(), subscriber.state());
    let wrong = carried["orders"] != json!(1) || told["facts"] != json!(TOLD) || told["forged"] != json!(0);
    // A call whose answer died with us is made again under its own id, and never as another fact.
    wrong.then(|| format!("{death}: {carried}, {told}")).into_iter().collect()
}

/// True once the order is accepted: an order that was not answered is said again.
async fn order(address: SocketAddr, key: &str) -> bool {
    let document = conformance::documents()["order.json"].clone();
    let call = format!(
        "POST /api/postal/orders HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{document}",
        document.len()
    );
    let said = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream.write_all(call.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    said.await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 202"))
}
