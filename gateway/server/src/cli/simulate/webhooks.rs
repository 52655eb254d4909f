//! What a simulated peer calls by itself: each second everything that it has to tell goes to the address it was given, in order.
//!
//! What is not taken is said on standard error and told again, a second later, a few times; later calls do not wait for it, as a real
//! peer's would not. Only plain HTTP: a simulator has no authority that it could trust. Nothing of a body is ever printed, and nothing of
//! the address, because a secret path may stand in it.

use std::time::Duration;

use gateway_core::adapter::Ask;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::clock::Clock;
use crate::simulator::Host;
use crate::words::Lang;

const PAUSE: Duration = Duration::from_secs(1);
/// So often in all.
const TRIES: u32 = 5;
/// No answer after so long is none.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Where webhooks go: the peer's own path is put behind it.
pub(super) struct Address(String);

impl Address {
    /// `http://<host>[:<port>][/<path>]`; none for anything else.
    pub(super) fn parse(text: &str) -> Option<Address> {
        let uri: Uri = text.parse().ok()?;
        let is_plain = uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none();
        is_plain.then(|| Address(text.trim_end_matches('/').to_owned()))
    }
}

/// A call that was not taken yet, and how often it was made.
struct Waiting {
    ask: Ask,
    tries: u32,
}

/// Calls for ever.
pub(super) async fn keep_calling(host: &Host, to: &Address, clock: &Clock, lang: Lang) -> ! {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        tokio::time::sleep(PAUSE).await;
        waiting.extend(host.due(clock.now()).into_iter().map(|ask| Waiting { ask, tries: 0 }));
        let mut left = Vec::new();
        for mut call in waiting {
            call.tries += 1;
            let Err(why) = post(&client, to, &call.ask).await else { continue };
            let Waiting { ask, tries } = &call;
            eprintln!(
                "{} {} {}: {why} ({tries}/{TRIES})",
                ask.method,
                ask.path,
                lang.pick("không được nhận", "was not taken")
            );
            if *tries < TRIES {
                left.push(call);
            }
        }
        waiting = left;
    }
}

async fn post(client: &Client<HttpConnector, Full<Bytes>>, to: &Address, ask: &Ask) -> Result<(), String> {
    let mut request = Request::builder().method(ask.method.as_str()).uri(format!("{}{}", to.0, ask.path));
    for (name, value) in &ask.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::from(ask.body.bytes.clone()))
        .map_err(|_| "no request can be made of it".to_owned())?;
    match tokio::time::timeout(ANSWER_WITHIN, client.request(request)).await {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(format!("HTTP {}", answer.status().as_u16())),
        // Its own words would name the address.
        Ok(Err(error)) if error.is_connect() => Err("no connection".to_owned()),
        Ok(Err(_)) | Err(_) => Err("no answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_is_plain_http_with_a_path_or_without() {
        let read = |text: &str| Address::parse(text).map(|address| address.0);
        assert_eq!(read("http://127.0.0.1:8460/h/abc/").as_deref(), Some("http://127.0.0.1:8460/h/abc"));
        assert_eq!(read("http://h99.example").as_deref(), Some("http://h99.example"));
        for wrong in ["", "/hooks", "127.0.0.1:8460", "https://h99.example/x", "http://h99.example/?key=x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
