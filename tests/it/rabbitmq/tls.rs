//! TLS to the broker: it shows who it is, and asks who we are.

use std::net::TcpListener;

use conformance::broker::Broker;
use tokio::task::block_in_place;

use super::place::{Place, codes};
use crate::tls::Authority;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_asks_for_a_certificate_is_shown_ours() {
    let authority = Authority::new();
    let (theirs, ours) = (authority.sign("localhost", 28), authority.sign("lienthong", 27));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let ca = authority.file().display().to_string();
    let more = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {ca}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n",
        theirs.certificate.display(),
        theirs.key.display(),
    );
    let broker = block_in_place(|| Broker::start(&more));
    let queue = |store: &str, own: &str| {
        let lines = broker.queue(store).join("\n");
        let lines = lines.replace(&format!("port = {}", broker.port()), &format!("port = {port}"));
        format!("{lines}\nhost = \"localhost\"\n[queue.tls]\nca_file = \"{ca}\"\n{own}")
    };
    let own = format!(
        "certificate_file = \"{}\"\nkey_file = \"{}\"",
        ours.certificate.display(),
        ours.key.display()
    );
    let mut place = Place::of("", &queue("tls", &own)).await;
    let codes = codes(1..=4);
    place.say_all(&codes).await;
    place.drains().await;
    place.judge(&codes);
    // Without ours there is no way in; what is accepted waits.
    let outside = Place::of("", &queue("outside", "")).await;
    let tried = async || outside.log().into_iter().find(|line| line.contains("broker-away"));
    outside.wait("a try", tried).await;
    assert_eq!(outside.ready().await["carrier"]["state"], "away");
}
