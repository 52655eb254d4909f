//! `doctor`: what it finds well and ill, with a gateway and without one, and that it sends no message.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use conformance::process::Gateway;
use serde_json::{Value, json};

use super::Place;
use super::operator::{Simulator, configure};
use crate::tls::Authority;

/// The findings about this, as `state: says`.
fn about(said: &Value, what: &str) -> Vec<String> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = said["findings"].as_array().into_iter().flatten();
    let of = findings.filter(|finding| finding["about"] == *what);
    of.map(|finding| format!("{}: {}", text(finding, "state"), text(finding, "says"))).collect()
}

#[track_caller]
fn says(found: &[String], begins: &str) {
    assert!(found.iter().any(|line| line.starts_with(begins)), "{begins}: {found:#?}");
}

fn examined(place: &Place, status: i32, args: &[&str]) -> Value {
    let said = place.run(&[&["doctor", "--json"], args].concat());
    assert_eq!(said.status, status, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).expect("JSON")
}

#[test]
fn a_healthy_installation_needs_nobody_and_an_ill_one_says_what_to_do() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let simulated = ["simulate", "--listen", "127.0.0.1:0", "--set", "password = \"mat-khau-thu\""];
    let portal = Simulator::start(place.command(&simulated));
    configure(&place, &portal.address);

    // Before the first start.
    let said = examined(&place, 0, &[]);
    assert_eq!(said["ill"], 0);
    says(&about(&said, "gateway"), "note: does not run");
    says(&about(&said, "store"), "note: there is none yet");
    says(&about(&said, "mot-cua"), "note: has no key yet");
    says(&about(&said, "portal"), "ok: connected: portal http://127.0.0.1:");
    says(&about(&said, "portal"), "ok: logged in: default");
    // How much room there is, is the machine's own affair.
    assert!(about(&said, "disk").iter().any(|line| line.contains(" free at ")), "{said:#}");
    for healthy in ["configuration", "keys"] {
        says(&about(&said, healthy), "ok: ");
    }

    // Who asks about one hears of no other.
    assert_eq!(about(&examined(&place, 0, &["portal"]), "mot-cua"), [] as [&str; 0]);
    // A key file that cannot be read, or is somebody else's, is nobody's to find out by his callers.
    let file = place.write("etc/data/keys.json", "[{");
    says(&about(&examined(&place, 1, &[]), "keys"), "ill: the callers' keys cannot be read");
    std::fs::write(&file, "[]").expect("a writable folder");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    if std::os::unix::fs::chown(place.path("etc/data"), Some(65_534), None).is_ok() {
        says(&about(&examined(&place, 1, &[]), "keys"), "ill: the callers' keys do not belong to who owns");
        place.done(&["keys", "add", "mot-cua"]);
        examined(&place, 0, &[]);
        std::os::unix::fs::chown(place.path("etc/data"), Some(0), None).expect("its owner again");
    }
    for left in ["keys.json", "keys.lock"] {
        let _ = std::fs::remove_file(place.path("etc/data").join(left));
    }

    let gateway = Gateway::start(place.command(&["run"]));
    gateway.address().expect("it listens");
    let said = examined(&place, 0, &["portal"]);
    says(&about(&said, "gateway"), "ok: runs and accepts");
    says(&about(&said, "portal"), "ok: logged in");
    let plain = place.done(&["doctor", "portal", "--no-log-in", "--lang", "vi"]);
    assert!(plain.contains("Không có gì cần người xử lý.") && !plain.contains("đăng nhập được"), "{plain}");
    assert!(!plain.contains("mat-khau-thu"), "{plain}");
    place.ends(2, "did you mean `portal`", &["doctor", "portall"]);
    assert!(gateway.stop().success());
    // Nothing that a peer would keep was sent: only log-ins.
    says(&about(&examined(&place, 1, &["portal"]), "gateway"), "ill: does not run");

    // A wrong password, and one key that others can read.
    let mut wrong = place.command(&["doctor", "--json", "portal"]);
    let wrong = super::said(wrong.env("LIENTHONG_PORTAL_PASSWORD", "sai-mat-khau"));
    let said: Value = serde_json::from_str(&wrong.out).expect("JSON");
    says(&about(&said, "portal"), "ill: the log-in fails: default: portal.log-in");
    assert!(!wrong.out.contains("sai-mat-khau"), "{}", wrong.out);
    let key = place.path("etc/sealing.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("a mode");
    says(&about(&examined(&place, 1, &[]), "keys"), "ill: ");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");

    let address = portal.address.clone();
    assert_eq!(portal.stop(), 0);
    let said = examined(&place, 1, &["portal"]);
    says(&about(&said, "portal"), &format!("ill: no connection: portal {address}"));
    let next = said["findings"].as_array().into_iter().flatten().filter(|finding| finding["state"] == "ill");
    for finding in next {
        assert!(finding["next"].as_str().is_some_and(|next| !next.is_empty()), "{finding}");
    }
    // A configuration that does not hold is a finding as any other.
    place.write("etc/lienthong.toml", "[gateway]\nlissten = \"127.0.0.1:0\"\n");
    says(&about(&examined(&place, 1, &[]), "configuration"), "ill: ");
}

/// A server that speaks TLS and answers everything with the clock of another day; gives its address.
fn tls_server(pair: &crate::tls::Pair) -> String {
    let (chain, key) = pair.read();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
    let (listener, config) = (TcpListener::bind("127.0.0.1:0").expect("a port"), Arc::new(config));
    let address = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(connection) = rustls::ServerConnection::new(config.clone()) else { continue };
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut heard = [0; 4096];
            if stream.read(&mut heard).is_ok_and(|count| heard[..count].starts_with(b"HEAD /base")) {
                let answer =
                    "HTTP/1.1 405 No\r\ndate: Sun, 22 Nov 2020 09:29:03 GMT\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    address
}

#[test]
fn certificates_clocks_and_names_are_looked_at() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let (authority, stranger) = (Authority::new(), Authority::new());
    let address = tls_server(&authority.sign("localhost", 31));
    let with = |ca: &std::path::Path, address: &str| {
        configure(&place, address);
        let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("a configuration");
        let ca = format!("endpoints = {{ portal = \"{address}/base\" }}\nca_file = \"{}\"", ca.display());
        let endpoints = config.lines().find(|line| line.starts_with("endpoints = { portal")).expect("a line");
        place.write("etc/lienthong.toml", &config.replace(endpoints, &ca));
        let said = examined(&place, 1, &["portal", "--no-log-in"]);
        place.write("etc/lienthong.toml", &config);
        about(&said, "portal")
    };
    let found = with(&authority.file(), &address);
    says(&found, "ok: connected: portal https://localhost:");
    assert!(json!(found).to_string().contains("its certificate: good for "), "{found:?}");
    says(&found, "ill: its clock is off by -");
    let found = with(&stranger.file(), &address);
    says(&found, "ill: the TLS handshake fails: portal https://localhost:");
    let found = with(&authority.file(), "https://khong-co.invalid");
    says(&found, "ill: its name leads nowhere: portal https://khong-co.invalid");
}
