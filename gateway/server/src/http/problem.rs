//! Faults on doors of our own, as RFC 9457 has them: `application/problem+json`.

use bytes::Bytes;
use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// The status that goes with a fault of one of our own doors. Faults of a dialect's door are worded by its adapter.
fn status(fault: &Fault) -> StatusCode {
    match fault.code.as_ref() {
        "door.not-found" => StatusCode::NOT_FOUND,
        "door.method" => StatusCode::METHOD_NOT_ALLOWED,
        _ if fault.remedy == Remedy::Later => StatusCode::SERVICE_UNAVAILABLE,
        _ if fault.blame == Blame::Gateway => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn document(fault: &Fault) -> Value {
    json!({
        "type": format!("urn:lienthong:fault:{}", fault.code),
        "title": fault.words,
        "status": status(fault).as_u16(),
        "violations": fault.violations,
    })
}

/// The fault as a problem document, for whoever does not wait for it over HTTP.
pub fn answer(fault: &Fault) -> Answer {
    let mut answer = Answer::json(status(fault).as_u16(), &document(fault));
    answer.headers = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
    answer
}

/// The fault as a problem document.
pub fn response(fault: &Fault) -> Response<Bytes> {
    let status = status(fault);
    let document = document(fault);
    let mut response = Response::new(Bytes::from(document.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/problem+json"),
    );
    if let Some(wait) = fault.retry_after_ms {
        headers.insert(hyper::header::RETRY_AFTER, hyper::header::HeaderValue::from(wait.div_ceil(1000)));
    }
    response
}
