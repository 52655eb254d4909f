//! A client that calls at a pace, as desks and carriers do, and looks how long each answer took.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub fn percentile(values: &[f64], share: usize) -> f64 {
    values.get((values.len().max(1) - 1) * share / 100).copied().unwrap_or(f64::NAN)
}

pub fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut call = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        call.push_str(&format!("{name}: {value}\r\n"));
    }
    call.push_str("\r\n");
    [call.as_bytes(), body].concat()
}

/// Calls at the pace over some connections, each made by its number; how long each took in milliseconds, in order.
pub fn paced(
    address: SocketAddr,
    (a_second, connections): (u32, u32),
    time: Duration,
    call: impl Fn(u32) -> Vec<u8> + Sync,
) -> Vec<f64> {
    let began = Instant::now();
    let interval = Duration::from_secs(1) / a_second;
    let call = &call;
    let mut all: Vec<f64> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|connection| {
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(address).expect("somebody listens");
                    let _ = stream.set_nodelay(true);
                    let mut took = Vec::new();
                    for turn in 0.. {
                        let number = turn * connections + connection;
                        let due = began + interval * number;
                        if due > began + time {
                            break;
                        }
                        let call = call(number);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        // From when it was due: a client that fell behind waited too.
                        stream.write_all(&call).expect("it reads");
                        let answer = answer(&mut stream);
                        took.push(due.elapsed().as_secs_f64() * 1000.0);
                        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    }
                    took
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    });
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
