//! A message of the broker that nobody can read, in the journal: refused, without a dossier, its bytes sealed as they came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Level, Payload};
use gateway_core::envelope::Class;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{MessageId, PeerName, Unit};
use serde_json::json;

use crate::app::App;
use crate::clock;
use crate::store::{NewMessage, StoreError};
use crate::words;

/// More than this of what cannot be read helps nobody to understand it.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// Writes it down.
pub(super) async fn journal(
    app: &App,
    peer: &PeerName,
    data: &[u8],
    code: &'static str,
) -> Result<(), StoreError> {
    let at = app.clock.now();
    let kept = &data[..data.len().min(KEPT_BYTES_MAX)];
    let fault = Fault::new(code, Blame::Gateway, Remedy::Correct, words::broker_message_unreadable());
    let stray = NewMessage {
        id: MessageId::new(at, clock::chance()),
        correlation: "".into(),
        traceparent: None,
        from: peer.clone(),
        unit: Unit::from(""),
        kind: "broker-message".into(),
        class: Class::Event,
        dossier: None,
        alias: None,
        status: None,
        due: None,
        at,
        hints: Default::default(),
        keys: Vec::new(),
        level: Level::default(),
        repeat_window_ms: 0,
        files: Vec::new(),
        source: Payload::Json(json!({ "bytes": data.len(), "base64": STANDARD.encode(kept) })),
        mapping: None,
        carriage: None,
        content: Err(fault),
    };
    app.store.admit(vec![stray]).await.map(drop)
}
