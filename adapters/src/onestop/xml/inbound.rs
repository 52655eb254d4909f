//! Frames an XML call into items and words its one answer.

use std::fmt::Write as _;

use gateway_core::adapter::{Answer, Arrival, Body, Fate, Heard, Payload};
use gateway_core::fault::Fault;
use gateway_core::translator::xml;

use super::wire;
use crate::kinds::{DOSSIER_ANSWERED, DOSSIER_PROGRESSED, DOSSIER_RECORDED};
use crate::onestop::call::{self, Call};
use crate::onestop::verdict::Verdict;
use crate::wire::xml::escaped;

/// One item for each child of the root. The query's `isUpdating` comes before the root's own.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let mut call = Call::by_path(arrival)?;
    let mut items = Vec::new();
    for (index, item) in frame(arrival, call.kind)?.into_iter().enumerate() {
        let glimpse = wire::glimpse(&item);
        call.updating = call.updating.or_else(|| glimpse.updating.as_deref().and_then(call::truth));
        items.push(call.item(index, glimpse.dossier, Payload::Xml(item)));
    }
    Ok(Heard::Messages(items))
}

/// `KetQua`, with a `HoSo` for each item.
pub(super) fn reply(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let verdict = match said {
        Err(fault) => Verdict::of_fault(fault),
        Ok(fates) => {
            let kind = call::kind_by_path(arrival).unwrap_or(DOSSIER_RECORDED);
            Verdict::of_fates(kind, &arrival.dossiers, fates)
        }
    };
    let mut headers = vec![("content-type".to_owned(), "application/xml; charset=utf-8".to_owned())];
    let body = Body::of(body(&verdict).into_bytes());
    headers.extend(verdict.headers);
    Answer { status: verdict.status, headers, body }
}

fn frame(arrival: &Arrival, kind: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let (root, item) = match kind {
        DOSSIER_PROGRESSED => (call::PROGRESS, "TienDo"),
        DOSSIER_ANSWERED => (call::ANSWER, "TraLoi"),
        _ => (call::RECORD, "HoSo"),
    };
    xml::frame(&arrival.ask.body.bytes, root, item, call::ITEMS_MAX)
}

fn body(verdict: &Verdict) -> String {
    let code = |taken: bool| if taken { "0" } else { "-1" };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = write!(
        xml,
        "<KetQua xmlns=\"{}\"><error_code>{}</error_code><message>{}</message>",
        wire::NAMESPACE,
        code(verdict.taken),
        escaped(&verdict.message),
    );
    for line in &verdict.lines {
        let _ = write!(
            xml,
            "<HoSo><MaHoSo>{}</MaHoSo><error_code>{}</error_code><message>{}</message></HoSo>",
            escaped(&line.dossier),
            code(line.taken),
            escaped(&line.message),
        );
    }
    xml.push_str("</KetQua>");
    xml
}
