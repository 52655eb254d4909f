//! What a watcher asks: `/healthz` (the process answers), `/readyz` (a message can be accepted durably; ill peers stand in the
//! body, never in the status), `/metrics`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::app::App;

pub(super) async fn answer(app: &App, request: &Request<Incoming>) -> Option<Response<Full<Bytes>>> {
    if request.method() != Method::GET {
        return None;
    }
    match request.uri().path() {
        "/healthz" => Some(text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".into())),
        "/readyz" => Some(ready(app).await),
        "/metrics" => {
            app.count().await;
            Some(text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", app.metrics.render()))
        }
        _ => None,
    }
}

async fn ready(app: &App) -> Response<Full<Bytes>> {
    let store = app.store.stats().await;
    let status = if store.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let document = json!({
        "ready": store.is_ok(),
        "store": store.err().map_or_else(|| "ok".to_owned(), |error| error.to_string()),
        "peers": app.peers_seen(),
    });
    text(status, "application/json", document.to_string().into_bytes())
}

fn text(status: StatusCode, media: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
