//! A delivery to a declared peer: one call, and a look-up where nobody knows whether it arrived.

use std::cell::Cell;

use gateway_core::adapter::{
    Answer, Body, Conversation, Effect, Exchange, Marks, Receipt, Request, Turn, Verdict,
};
use gateway_core::envelope::Class;
use gateway_core::fault::{Fault, Remedy};

use super::faults;
use super::spec::{Peer, Told};
use super::way::{Call, document_body};
use crate::wire::outcomes::Means;

/// Stands on an answer that a look-up found in the place of the one that was lost: it was judged by the look-up's own rows.
const FOUND: &str = "lienthong-found-by";

/// The next call, or the end.
pub(super) fn turn(peer: &Peer, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
    let kind = talk.message.kind.as_str();
    let told = peer.calls.get(kind).ok_or_else(|| {
        faults::ours("declared.kind", format!("hệ thống này không nhận loại thông điệp {kind}"))
    })?;
    let Some(last) = talk.transcript.last() else {
        if let Some(hole) = told.way.astray(&|name: &str| fill(talk, name)) {
            return Err(unaddressed(hole, talk.message.class));
        }
        let body = document_body(peer.notation, &told.wraps, &talk.message.document, &talk.message.files);
        let body = body.ok_or_else(|| {
            faults::ours("declared.document", format!("nội dung {kind} không viết được theo dạng của hệ thống này"))
        })?;
        return Ok(Turn::Call(request(peer, &told.way, talk, (kind, told.effect), Some(body))));
    };
    if last.answer.header(FOUND).is_none() {
        verdict(peer, told, &last.answer, talk.message.class)?;
    }
    let reference = faults::read(peer.notation, &last.answer.body.bytes)
        .filter(|_| !told.reference.is_empty())
        .and_then(|read| read.text(&told.reference));
    let answer = (talk.message.class == Class::Question).then(|| told_on(&last.answer));
    Ok(Turn::Done(Receipt { reference: reference.unwrap_or_default(), answer, ..Receipt::default() }))
}

/// What the answer teaches, if the peer took the call or had it already.
pub(super) fn lesson(peer: &Peer, exchange: &Exchange) -> Marks {
    let Some(told) = peer.calls.get(&exchange.request.step) else { return Marks::new() };
    let found = exchange.answer.header(FOUND).is_some();
    if told.marks.is_empty() || !found && !is_taken(told.judge.of(&exchange.answer).0) {
        return Marks::new();
    }
    let Some(read) = faults::read(peer.notation, &exchange.answer.body.bytes) else { return Marks::new() };
    let marks = told.marks.iter().filter_map(|(name, path)| Some((name.clone(), read.text(path)?)));
    marks.collect()
}

/// Did a call happen that nobody answered?
pub(super) fn read_back(peer: &Peer, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
    let Some(back) = peer.calls.get(&lost.step).and_then(|told: &Told| told.read_back.as_ref()) else {
        return Ok(Turn::Done(Verdict::Unknown));
    };
    let step = format!("{}/read-back", lost.step);
    let Some(last) = talk.transcript.last() else {
        // A question with a gap is another question, and a "no" to it would be believed.
        let gap = Cell::new(false);
        let fill = |name: &str| {
            let value = fill(talk, name);
            gap.set(gap.get() || value.is_empty());
            value
        };
        let body = back.way.own_body(peer.notation, &fill);
        let call = call(peer, (&step, Effect::Repeatable), body);
        let request = back.way.request(call, &fill);
        return Ok(if gap.get() { Turn::Done(Verdict::Unknown) } else { Turn::Call(request) });
    };
    let (means, fault) = back.judge.of(&last.answer);
    match means {
        Means::Done | Means::Exists | Means::Pending => {
            let mut answer = last.answer.clone();
            answer.headers.push((FOUND.to_owned(), step));
            Ok(Turn::Done(Verdict::Happened(answer)))
        }
        Means::Missing => Ok(Turn::Done(Verdict::DidNot)),
        Means::Unclear | Means::Refused => Ok(Turn::Done(Verdict::Unknown)),
        Means::Session | Means::Later | Means::Doubt => Err(without_session(peer, fault)),
    }
}

fn is_taken(means: Means) -> bool {
    matches!(means, Means::Done | Means::Exists | Means::Pending)
}

/// Is this answer a yes? Otherwise what helps.
fn verdict(peer: &Peer, told: &Told, answer: &Answer, class: Class) -> Result<(), Fault> {
    let (means, fault) = told.judge.of(answer);
    match means {
        means if is_taken(means) => Ok(()),
        // What nobody understands may be a yes, and what counts once must not be said again for that; only a 4xx is no yes.
        Means::Unclear if told.effect == Effect::Once && !(400..500).contains(&answer.status) => {
            Err(Fault { remedy: Remedy::Doubt, ..fault })
        }
        // An event about what the peer does not know yet waits for the snapshot before it.
        Means::Missing if class == Class::Event => Err(Fault { remedy: Remedy::Hold, ..fault }),
        _ => Err(without_session(peer, fault)),
    }
}

/// Where there is no session to renew, our key is wrong or no longer good. That is no message's fault: it waits.
pub(super) fn without_session(peer: &Peer, fault: Fault) -> Fault {
    if fault.remedy != Remedy::Renew || peer.auth.account().is_some() {
        return fault;
    }
    let words = "hệ thống bên kia không nhận khóa đã cấu hình; kiểm tra khóa";
    Fault { code: "declared.key-refused".into(), remedy: Remedy::Later, words: words.to_owned(), ..fault }
}

fn request(
    peer: &Peer,
    way: &super::way::Way,
    talk: &Conversation,
    (step, effect): (&str, Effect),
    body: Option<Body>,
) -> Request {
    way.request(call(peer, (step, effect), body), &|name: &str| fill(talk, name))
}

fn call<'a>(peer: &'a Peer, (step, effect): (&'a str, Effect), body: Option<Body>) -> Call<'a> {
    let (endpoint, account, notation) = (&peer.endpoint, peer.auth.account(), peer.notation);
    Call { step, effect, endpoint, account, notation, body }
}

/// A path with a gap leads to something else, perhaps to all. What an event needs to be addressed may come with the snapshot's answer.
fn unaddressed(hole: &str, class: Class) -> Fault {
    let words = format!("chưa biết {{{hole}}} để gọi hệ thống bên kia về hồ sơ này");
    let fault = faults::ours("declared.unaddressed", words);
    match class {
        Class::Event => Fault { remedy: Remedy::Hold, ..fault },
        _ => fault,
    }
}

/// What stands for a hole's name in a call about this message.
fn fill(talk: &Conversation, name: &str) -> String {
    let message = talk.message;
    match name {
        "dossier" => message.dossier.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        "unit" => message.unit.to_string(),
        "id" => message.id.to_string(),
        name => {
            let mark = name.strip_prefix("mark:").and_then(|mark| talk.marks.get(mark));
            mark.cloned().unwrap_or_default()
        }
    }
}

/// A question's answer, with what says how to read it and nothing else of its headers.
pub(super) fn told_on(answer: &Answer) -> Answer {
    let says_how = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
    Answer { headers: answer.headers.iter().filter(says_how).cloned().collect(), ..answer.clone() }
}
