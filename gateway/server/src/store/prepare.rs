//! Preparing an item for the journal: digests, sealing, large values. Needs no facts, so it runs on the caller's thread and
//! the one writer is left with reading and writing rows. Nothing here has an effect but the claim files, which no row names yet.

use std::collections::BTreeMap;

use gateway_core::adapter::{Level, Payload};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::Class;
use gateway_core::fault::Fault;
use gateway_core::ids::{Correlation, Kind, MessageId, Moment, PeerName, Unit};
use gateway_core::lift::Ticket;
use gateway_core::pipeline::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::carriage::Carriage;
use super::claims::{Parcel, USUAL_BYTES, Vault};
use super::error::StoreError;
use super::lanes::told;
use super::types::{MappingUsed, NewMessage};

/// What is known of a message beside its columns; stands sealed in `about`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) correlation: Correlation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) hints: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mapping: Option<MappingUsed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// The files that it carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<Ticket>,
    /// None of messages that came before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<Level>,
}

/// An item, sealed and digested: everything that needs no facts.
pub(super) struct Prepared {
    pub(super) id: MessageId,
    pub(super) from: PeerName,
    pub(super) unit: Unit,
    pub(super) kind: Kind,
    pub(super) class: Class,
    pub(super) dossier: Option<DossierCode>,
    pub(super) alias: Option<DossierCode>,
    pub(super) status: Option<String>,
    pub(super) due: Option<Moment>,
    pub(super) at: Moment,
    pub(super) repeat_window_ms: i64,
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) digest: Digest,
    /// What says when it happened is not in the digest.
    pub(super) undated: bool,
    /// We asked for it and nobody called to say it.
    pub(super) pulled: bool,
    /// It was read off the answer to a delivery.
    pub(super) said: bool,
    pub(super) about: Vec<u8>,
    pub(super) source: Vec<u8>,
    pub(super) fault: Option<SealedFault>,
    pub(super) content: Option<PreparedContent>,
    pub(super) carriage: Option<Carriage>,
    pub(super) claims: Vec<(String, u64)>,
}

/// A fault with its code in the clear and the rest sealed.
pub(super) struct SealedFault {
    pub(super) code: String,
    /// For the timeline, which seals it itself.
    pub(super) told: String,
    pub(super) sealed: Vec<u8>,
}

impl SealedFault {
    fn new(vault: &Vault, purpose: &'static str, fault: &Fault) -> Result<Self, StoreError> {
        Ok(SealedFault {
            code: fault.code.to_string(),
            told: told(fault),
            sealed: vault.pack(purpose, fault)?,
        })
    }
}

/// A usable item's document, once lifted for carrying over and once sealed, and its receivers.
pub(super) struct PreparedContent {
    pub(super) lifted: Value,
    pub(super) document: Vec<u8>,
    pub(super) routes: Vec<(PeerName, Option<SealedFault>)>,
}

/// Seals an item. Large values go into the parcel, which must be kept before the item is admitted.
pub(super) fn prepare(
    vault: &Vault,
    message: NewMessage,
    parcel: &mut Parcel,
) -> Result<Prepared, StoreError> {
    let (id, from, kind) = (message.id, message.from, message.kind);
    let about = About {
        correlation: message.correlation,
        traceparent: message.traceparent,
        hints: message.hints,
        mapping: message.mapping,
        notes: message.content.as_ref().map(|content| content.notes.clone()).unwrap_or_default(),
        level: Some(message.level),
        files: message.files,
    };
    // What is refused goes nowhere, so its files go too.
    if message.content.is_ok() {
        parcel.name(about.files.iter().cloned());
    }
    let source = pack_source(vault, message.source, parcel)?;
    let (mut digest, mut undated) = (Digest::default(), false);
    let (fault, content) = match message.content {
        Err(fault) => (Some(SealedFault::new(vault, "message.fault", &fault)?), None),
        Ok(content) => {
            let code = message.dossier.as_ref().map_or("", DossierCode::as_str);
            let compared = content.compared.as_ref().unwrap_or(&content.document);
            undated = message.class == Class::Event && content.undated;
            digest = vault.digests.repeat(from.as_str(), kind.as_str(), code, compared);
            let lifted = vault.lift(content.document, parcel);
            let document = vault.pack_large("document", &lifted, parcel)?;
            let routes = content.to.into_iter().map(|route| {
                let dead = route.dead.map(|fault| SealedFault::new(vault, "delivery.fault", &fault));
                Ok((route.peer, dead.transpose()?))
            });
            let routes = routes.collect::<Result<_, StoreError>>()?;
            (None, Some(PreparedContent { lifted, document, routes }))
        }
    };
    Ok(Prepared {
        keys: message.keys.iter().map(|key| vault.digests.key(from.as_str(), key)).collect(),
        id,
        about: vault.pack("message.about", &about)?,
        from,
        unit: message.unit,
        kind,
        class: message.class,
        dossier: message.dossier,
        alias: message.alias,
        status: message.status,
        due: message.due,
        at: message.at,
        repeat_window_ms: message.repeat_window_ms,
        digest,
        undated,
        pulled: false,
        said: false,
        source,
        fault,
        content,
        carriage: message.carriage,
        claims: Vec::new(),
    })
}

/// Seals the items of a call and keeps their large values. Blocking.
pub(super) fn prepare_and_keep(vault: &Vault, call: Vec<NewMessage>) -> Result<Vec<Prepared>, StoreError> {
    let one = |message| {
        let mut parcel = Parcel::default();
        let mut item = prepare(vault, message, &mut parcel)?;
        item.claims = vault.keep(&parcel)?;
        Ok(item)
    };
    call.into_iter().map(one).collect()
}

/// About how many bytes of text an item has; cheap to ask.
pub(super) fn weight(message: &NewMessage) -> usize {
    let source = match &message.source {
        Payload::Json(document) => text_bytes(document),
        Payload::Xml(bytes) => bytes.len(),
    };
    source + message.content.as_ref().map_or(0, |content| text_bytes(&content.document))
}

fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(members) => members.values().map(text_bytes).sum(),
        _ => 0,
    }
}

/// One letter for the form, then the item as it came.
fn pack_source(vault: &Vault, source: Payload, parcel: &mut Parcel) -> Result<Vec<u8>, StoreError> {
    let plain = match source {
        Payload::Json(document) => {
            let mut plain = Vec::with_capacity(USUAL_BYTES);
            plain.push(b'J');
            serde_json::to_writer(&mut plain, &vault.lift(document, parcel))?;
            plain
        }
        Payload::Xml(bytes) => [b"X", bytes.as_slice()].concat(),
    };
    vault.pack_bytes("message.source", plain, parcel)
}

/// Opens a source item again.
pub(super) fn open_source(vault: &Vault, sealed: &[u8]) -> Result<Payload, StoreError> {
    let plain = vault.open_bytes("message.source", sealed)?;
    match plain.split_first() {
        Some((b'J', json)) => Ok(Payload::Json(vault.lower(serde_json::from_slice(json)?)?)),
        Some((b'X', xml)) => Ok(Payload::Xml(xml.to_vec())),
        _ => Err(StoreError::Unsealable("message.source")),
    }
}
