//! What an identity question costs on its way through the gateway: licence, audit trail on disk, translation, and back; beside the
//! database's simulator asked without a gateway, on the same cores at the same pace.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use gateway_core::adapter::Ask;
use lienthong::clock::Clock;
use lienthong::simulator::Host;

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
    let through = paced(home.address, &call, time);
    let asked = database.heard().pop().expect("the database was asked");
    let alone = paced(database.address(), &again(&asked), time);
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

fn percentile(values: &[f64], share: usize) -> f64 {
    values.get((values.len().max(1) - 1) * share / 100).copied().unwrap_or(f64::NAN)
}

fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut call = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        call.push_str(&format!("{name}: {value}\r\n"));
    }
    call.push_str("\r\n");
    [call.as_bytes(), body].concat()
}

/// The call that the gateway made, with its hash and its moment, which the simulator takes again.
fn again(ask: &Ask) -> Vec<u8> {
    let own = ["host", "content-length", "connection"];
    let headers = ask.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers: Vec<(&str, &str)> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    post(&ask.path, &headers, &ask.body.0)
}

/// The same call again and again at the pace, over some connections; how long each took in milliseconds, in order.
fn paced(address: SocketAddr, call: &[u8], time: Duration) -> Vec<f64> {
    let began = Instant::now();
    let interval = Duration::from_secs(1) / PACE;
    let mut all: Vec<f64> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(address).expect("somebody listens");
                    let _ = stream.set_nodelay(true);
                    let mut took = Vec::new();
                    for turn in 0.. {
                        let due = began + interval * (turn * CONNECTIONS + connection);
                        if due > began + time {
                            break;
                        }
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let asked = Instant::now();
                        stream.write_all(call).expect("it reads");
                        let answer = answer(&mut stream);
                        took.push(asked.elapsed().as_secs_f64() * 1000.0);
                        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    }
                    took
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    });
    // The first call of each connection opens the way behind it too.
    all.sort_by(f64::total_cmp);
    all
}

fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let count = stream.read(&mut buffer).expect("it answers");
        assert!(count > 0, "the connection broke off");
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.expect("the answer has a length") {
            return text;
        }
    }
}
