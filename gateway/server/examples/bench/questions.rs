//! What an identity question costs on its way through the gateway: licence, audit trail on disk, translation, and back; beside the
//! database's simulator asked without a gateway, on the same cores at the same pace.

use std::net::SocketAddr;

use gateway_core::adapter::Ask;
use lienthong::clock::Clock;
use lienthong::simulator::Host;

use crate::client::{paced, percentile, post};
use crate::gateway::{Home, free_address};
use crate::table::{Row, Table};
use crate::{Plan, limits};

/// Questions a second: a large province's desks at their busiest.
const PACE: u32 = 50;
const CONNECTIONS: u32 = 4;

const SETTINGS: &str = "profile = \"p1\"\nusername = \"h99\"";
const QUESTION: &str = r#"{"procedure":"1.004222","dossier":"H99.14-261122-0001","officer":{"account":"canbo.thu"},"person":{"identityNumber":"001085000000","name":"Nguyễn Văn Thử","birth":{"date":"1985-01-02"}}}"#;

pub fn measure(plan: &Plan, table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let settings: toml::Table = SETTINGS.parse().expect("settings are TOML");
    let simulator = adapters::simulator("population", "profile", &settings).expect("a simulator");
    let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
    let database = runtime.block_on(Host::start(simulator, loopback, Clock::system())).expect("a port");

    let mut home = Home::make(plan, "questions", free_address());
    let secret = home.folder.join("secret");
    std::fs::write(&secret, "bi-mat-thu").expect("the folder takes files");
    home.configure(&format!(
        "[peers.hoi]\nadapter = \"population\"\ndialect = \"citizen\"\nunit = \"000.00.00.H99\"\nmay_assert_officers = true\n\
         [peers.dan-cu]\nadapter = \"population\"\ndialect = \"profile\"\nendpoints.population = \"http://{}\"\n\
         keys.secret-key = {{ file = \"{}\" }}\n[peers.dan-cu.settings]\n{SETTINGS}\n\
         [[licences]]\nprocedures = [\"1.004222\"]\n[questions]\nper_minute_max = 1000000\nnumbers_per_hour_alarm = 1000000\n",
        database.address(),
        secret.display()
    ));
    home.key_of("hoi");
    let (process, _) = home.start();
    let call = post(
        "/citizen/look-up",
        &[("X-Api-Key", &home.key), ("Content-Type", "application/json")],
        QUESTION.as_bytes(),
    );
    let time = plan.seconds(8.0);
    let pace = (PACE, CONNECTIONS);
    let through = paced(home.address, pace, time, |_| call.clone());
    let asked = database.heard().pop().expect("the database was asked");
    let asked = again(&asked);
    let alone = paced(database.address(), pace, time, |_| asked.clone());
    let sync_ms = 1000.0 / limits::appends(&plan.folder, plan.seconds(1.0));
    for (share, more) in [(50, 2.0), (99, 10.0)] {
        let (ours, bare) = (percentile(&through, share), percentile(&alone, share));
        let what = format!("identity question at {PACE}/s, p{share}: adds");
        table.add(Row::below(&what, ours - bare, sync_ms + more, |ms| format!("{ms:.2} ms")));
        let note = format!("the simulator alone {bare:.2} ms; one sync {sync_ms:.2} ms");
        table.add(Row::plain("", &format!("{ours:.2} ms in all"), &note));
    }
    process.stop();
}

/// The call that the gateway made, with its hash and its moment, which the simulator takes again.
fn again(ask: &Ask) -> Vec<u8> {
    let own = ["host", "content-length", "connection"];
    let headers = ask.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers: Vec<(&str, &str)> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    post(&ask.path, &headers, &ask.body.bytes)
}
