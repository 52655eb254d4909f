//! Who calls, and how surely: everything that a call shows of its sender, and what the sender's own door says to it.
//!
//! A secret path, a client certificate and a key in a header are seen before the body, a session and a signature with it; the address
//! alone counts where nothing else is shown. All that is shown must speak of one peer; what that peer's door does not accept, and a
//! certificate that is nobody's, prove nothing. The strongest proof is the level reached; a key, a session or a signature that is
//! wrong is refused and never passed over for a weaker proof.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use gateway_core::adapter::{Keys, Level, Secret};
use gateway_core::channel::Credential;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Moment, PeerName};
use gateway_core::webhook::{self, Unproven};
use hyper::header::{AUTHORIZATION, HeaderMap};
use rustls_pki_types::CertificateDer;

use super::body::too_large;
use super::door::{Call, Door};
use super::tls::{DoorTls, Shown};
use crate::app::{App, Room};
use crate::config::door::Proof;
use crate::intake;
use crate::keyring::Caller;
use crate::words;

/// Who is at the other end of a connection, as far as the connection itself tells.
pub struct Visitor {
    /// Where it calls from, as the socket says: what a proxy writes into a header is not believed.
    pub(crate) address: IpAddr,
    /// Over TLS.
    pub(super) secure: bool,
    certificate: Option<(Arc<DoorTls>, Shown)>,
    /// What it says was fetched from a queue: nobody waits for an answer.
    pub(crate) by_broker: bool,
}

impl Visitor {
    /// Whoever put a message into our queue.
    pub(crate) fn by_broker() -> Self {
        Visitor { by_broker: true, ..Visitor::plain(std::net::Ipv4Addr::UNSPECIFIED.into()) }
    }

    pub(super) fn plain(address: IpAddr) -> Self {
        Visitor { address, secure: false, certificate: None, by_broker: false }
    }

    pub(super) fn over_tls(
        address: IpAddr,
        tls: Arc<DoorTls>,
        chain: Option<Vec<CertificateDer<'static>>>,
    ) -> Self {
        let chain = chain.map(|chain| chain.into_iter().map(CertificateDer::into_owned).collect());
        let certificate = chain.map(|chain| (tls, Shown::new(chain)));
        Visitor { address, secure: true, certificate, by_broker: false }
    }

    /// The peers whose certificate it has shown; none if it has shown none.
    fn certified(&self, now: Moment) -> Option<Vec<PeerName>> {
        self.certificate.as_ref().map(|(tls, shown)| shown.whose(tls, now))
    }
}

/// `/h/<segment>/…`: the secret segment, and the path without it. Letter case of `h` is ignored, as in all paths.
pub(super) fn secret_path(path: &str) -> (Option<&str>, &str) {
    let within = path.strip_prefix("/h/").or_else(|| path.strip_prefix("/H/"));
    let Some(within) = within else { return (None, path) };
    match within.find('/') {
        Some(end) => (Some(&within[..end]), &within[end..]),
        None => (Some(within), "/"),
    }
}

impl<'a> Call<'a> {
    /// What the head shows. Where it shows nothing, the body may: a session, a signature; or it is the address that counts.
    pub(super) fn by_head(&mut self, segment: Option<&str>) -> Result<(), Fault> {
        let at = self.arrival.at;
        let mut shown = Vec::new();
        if let Some(segment) = segment {
            let caller = self.app.keyring.caller_by_path(segment, at);
            let caller = caller.ok_or_else(|| not_known(self.app, at, unknown_key()))?;
            shown.push((caller, Proof::Path));
        }
        let key = header_secret(&self.headers);
        let by_key = key.as_ref().map(|key| self.app.keyring.caller(key, at));
        if let Some(Some(caller)) = &by_key {
            shown.push((caller.clone(), Proof::Key));
        }
        let known = shown.first().map(|(caller, _)| caller.peer.clone());
        let certified = self.visitor.certified(at);
        if let Some(peers) = &certified
            && let Some(peer) = self.one_of(peers, known.as_ref())?
        {
            shown.push((Caller { peer, officer: None }, Proof::Certificate));
        }
        // A header that is no key of ours may mean something to somebody else, but only where a key would open nothing.
        let takes_keys = |caller: &Caller| {
            self.app.peer(&caller.peer).is_some_and(|room| room.doorkeeper.accepts(Proof::Key))
        };
        if by_key == Some(None) && shown.iter().all(|(caller, _)| takes_keys(caller)) {
            return Err(not_known(self.app, at, unknown_key()));
        }
        if !shown.is_empty() {
            return self.opens_by_all(shown);
        }
        if self.may_be_signed() || self.door.channel.credential == Credential::Session {
            return Ok(());
        }
        self.by_address(if certified.is_some() { auth_certificate } else { auth_missing })
    }

    /// Of the peers whose certificate this is, the one that is meant: the one already known, or the one with a door here.
    fn one_of(&self, peers: &[PeerName], known: Option<&PeerName>) -> Result<Option<PeerName>, Fault> {
        if let Some(known) = known.filter(|known| peers.contains(known)) {
            return Ok(Some(known.clone()));
        }
        let has_a_door =
            |peer: &&PeerName| self.app.peer(peer).is_some_and(|room| self.own_door(room).is_some());
        let here: Vec<&PeerName> = peers.iter().filter(has_a_door).collect();
        match here.as_slice() {
            // Of nobody, or of somebody who has its door elsewhere, and is told so.
            [] => Ok(peers.first().cloned()),
            [one] => Ok(Some((*one).clone())),
            _ => Err(auth_mismatch()),
        }
    }

    /// All that was shown speaks of one peer, and the strongest proof that its door accepts counts.
    fn opens_by_all(&mut self, shown: Vec<(Caller, Proof)>) -> Result<(), Fault> {
        let Some((first, _)) = shown.first() else { return Err(auth_missing()) };
        let peer = first.peer.clone();
        if shown.iter().any(|(caller, _)| caller.peer != peer) {
            return Err(auth_mismatch());
        }
        // A key whose peer is not configured any more opens nothing.
        let room = self.app.peer(&peer).ok_or_else(unknown_key)?;
        let accepted: Vec<_> = shown.iter().filter(|(_, proof)| room.doorkeeper.accepts(*proof)).collect();
        let Some(level) = accepted.iter().map(|(_, proof)| proof.level()).max() else {
            return Err(auth_proof());
        };
        let officer = accepted.iter().find_map(|(caller, _)| caller.officer.clone());
        self.opens_to(Caller { peer, officer }, level)
    }

    /// Could the body still say who sends it, by a signature that somebody here would have made?
    fn may_be_signed(&self) -> bool {
        webhook::is_signed(&self.arrival.ask) && self.signers().next().is_some()
    }

    /// The peers with a door here that sign their calls.
    fn signers(&self) -> impl Iterator<Item = &'a Arc<Room>> {
        let signs = |room: &&Arc<Room>| room.doorkeeper.accepts(Proof::Signature);
        self.app.peers.values().filter(signs).filter(|room| self.own_door(room).is_some())
    }

    /// What the body shows, before anybody parses it; then the session in it. Called when all of it is here.
    pub(super) fn by_body(&mut self) -> Result<(), Fault> {
        self.by_signature()?;
        self.by_session()?;
        if self.arrival.caller.is_none() {
            self.by_address(auth_missing).or_else(|fault| match fault.code.as_ref() {
                // A call for a session; `hear` sees to it.
                "auth.missing" if self.door.channel.credential == Credential::Session => Ok(()),
                _ => Err(fault),
            })?;
        }
        match self.arrival.caller.as_ref().and_then(|peer| self.app.peer(peer)) {
            Some(room) => {
                self.by_own_signature(room)?;
                self.is_enough(room)
            }
            None => Ok(()),
        }
    }

    /// What this peer signs in a way of its own, of which only its adapter knows.
    fn by_own_signature(&mut self, room: &Room) -> Result<(), Fault> {
        let keys = Keys { fixed: &room.keys, session: None };
        match self.door.adapter.vouches(&self.arrival.ask, &keys) {
            Some(true) => self.arrival.level = Level::Signed,
            Some(false) => return Err(Fault::sender("auth.signature", words::auth_own_signature())),
            None => {}
        }
        Ok(())
    }

    fn by_signature(&mut self) -> Result<(), Fault> {
        if !webhook::is_signed(&self.arrival.ask) {
            return Ok(());
        }
        let at = self.arrival.at;
        let known = self.arrival.caller.as_ref().and_then(|peer| self.app.peer(peer));
        let candidates: Vec<&Arc<Room>> = match known {
            Some(room) if !room.doorkeeper.accepts(Proof::Signature) => return Ok(()),
            Some(room) => vec![room],
            None => self.signers().collect(),
        };
        if candidates.is_empty() {
            return Ok(());
        }
        let ask = &self.arrival.ask;
        let (signer, stale) = intake::aside(ask.body.bytes.len(), || {
            let mut stale = false;
            for room in candidates {
                match room.doorkeeper.verify(ask, at) {
                    Ok(()) => return (Some(room), false),
                    Err(why) => stale |= why == Unproven::Stale,
                }
            }
            (None, stale)
        });
        match signer {
            None if stale => Err(Fault::sender("auth.stale", words::auth_stale())),
            None => Err(Fault::sender("auth.signature", words::auth_signature())),
            Some(room) if known.is_none() => {
                self.opens_to(Caller { peer: room.name.clone(), officer: None }, Level::Signed)
            }
            Some(_) => {
                self.arrival.level = Level::Signed;
                Ok(())
            }
        }
    }

    fn by_session(&mut self) -> Result<(), Fault> {
        if self.arrival.caller.is_some() || self.door.channel.credential != Credential::Session {
            return Ok(());
        }
        let ask = &self.arrival.ask;
        let carried = intake::aside(ask.body.bytes.len(), || self.door.adapter.credential(ask))?;
        carried.map_or(Ok(()), |token| self.opens_by(&token))
    }

    /// A session of ours.
    pub(super) fn opens_by(&mut self, token: &Secret) -> Result<(), Fault> {
        let at = self.arrival.at;
        let expired = || not_known(self.app, at, Fault::sender("auth.session", words::auth_session()));
        let caller = self.app.keyring.session(token, at).ok_or_else(expired)?;
        self.opens_by_all(vec![(caller, Proof::Session)])
    }

    /// Nothing was shown: is it an address that one peer calls from, and no other that is meant here?
    fn by_address(&mut self, nobody: fn() -> Fault) -> Result<(), Fault> {
        let address = self.visitor.address;
        let calls_from =
            |room: &&Arc<Room>| room.doorkeeper.is_known_by(address) && self.own_door(room).is_some();
        let mut callers = self.app.peers.values().filter(calls_from);
        match (callers.next(), callers.next()) {
            (Some(room), None) => {
                self.opens_to(Caller { peer: room.name.clone(), officer: None }, Level::Address)
            }
            _ => Err(nobody()),
        }
    }

    fn own_door(&self, room: &Room) -> Option<&Door<'a>> {
        let speaks = |dialect: &str| dialect.is_empty() || dialect == room.config.dialect;
        self.doors.iter().find(|door| door.family == room.config.adapter && speaks(&door.channel.dialect))
    }

    /// The door of this caller's own dialect, with its own embassy, if its keeper lets it in.
    fn opens_to(&mut self, caller: Caller, level: Level) -> Result<(), Fault> {
        let room = self.app.peer(&caller.peer).ok_or_else(unknown_key)?;
        let wrong = || Fault::sender("auth.wrong-door", words::auth_wrong_door(room.config.speaks()));
        let door = self.own_door(room).ok_or_else(wrong)?;
        self.door = Door { adapter: room.adapter.clone(), ..door.clone() };
        self.arrival.channel = self.door.channel.name.clone();
        self.arrival.rest.clone_from(&self.door.rest);
        room.doorkeeper.may_call_from(self.visitor.address)?;
        room.doorkeeper.hold_pace(self.arrival.at)?;
        self.arrival.caller = Some(caller.peer);
        self.arrival.officer = caller.officer;
        self.arrival.level = level;
        self.is_enough(room)
    }

    /// Is it known surely enough, or could it still be when its body is here? And is the body not longer than this door takes?
    fn is_enough(&self, room: &Room) -> Result<(), Fault> {
        let signs = room.doorkeeper.accepts(Proof::Signature) && webhook::is_signed(&self.arrival.ask);
        let reaches = if signs { Level::Signed } else { self.arrival.level };
        let minimum = room.doorkeeper.minimum().max(self.door.channel.level);
        if reaches < minimum {
            return Err(Fault::sender("auth.level", words::auth_level(minimum.as_str(), reaches.as_str())));
        }
        let bytes_max = room.doorkeeper.body_bytes_max();
        if self.arrival.ask.body.bytes.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(()) }
    }
}

fn header_secret(headers: &HeaderMap) -> Option<Secret> {
    if let Some(key) = headers.get("x-api-key").and_then(|value| value.to_str().ok()) {
        return Some(Secret::new(key));
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = value.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(Secret::new(given.trim())),
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(given.trim()).ok()?;
            let decoded = String::from_utf8(decoded).ok()?;
            // The name before the colon is for people; the key alone says who it is.
            Some(Secret::new(decoded.split_once(':').map_or(decoded.as_str(), |(_, key)| key)))
        }
        _ => None,
    }
}

/// A key or session that is not known is wrong, unless the keys themselves are not known: then whoever calls has to come again.
pub(crate) fn not_known(app: &App, at: Moment, wrong: Fault) -> Fault {
    if !app.keyring.is_unread(at) {
        return wrong;
    }
    let mut fault = Fault::new("keys.unread", Blame::Gateway, Remedy::Later, words::auth_keys_unread());
    fault.retry_after_ms = Some(60_000);
    fault
}

fn unknown_key() -> Fault {
    Fault::sender("auth.unknown", words::auth_unknown())
}

fn auth_missing() -> Fault {
    Fault::sender("auth.missing", words::auth_missing())
}

fn auth_certificate() -> Fault {
    Fault::sender("auth.certificate", words::auth_certificate())
}

fn auth_mismatch() -> Fault {
    Fault::sender("auth.mismatch", words::auth_mismatch())
}

fn auth_proof() -> Fault {
    Fault::sender("auth.proof", words::auth_proof())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_segment_is_taken_out_of_the_path() {
        for (path, segment, rest) in [
            ("/h/9f3c/hooks/ems", Some("9f3c"), "/hooks/ems"),
            ("/H/9f3c/", Some("9f3c"), "/"),
            ("/h/9f3c", Some("9f3c"), "/"),
            ("/h//x", Some(""), "/x"),
            ("/hooks/h/9f3c", None, "/hooks/h/9f3c"),
            ("/h", None, "/h"),
        ] {
            assert_eq!(secret_path(path), (segment, rest), "{path}");
        }
    }
}
