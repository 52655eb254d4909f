//! A caller asks for a session of ours. Nothing is written: a session is sealed and not stored, so a restart ends none.

use gateway_core::adapter::{Arrival, Fate, Secret};
use gateway_core::fault::Fault;

use crate::app::App;
use crate::config::door::Proof;
use crate::http::{Visitor, not_known};
use crate::words;

/// The portal's own interface has callers log in: one of their keys is the password, the session is ours.
pub(super) fn log_in(
    app: &App,
    arrival: &Arrival,
    visitor: &Visitor,
    password: &Secret,
) -> Result<Vec<Fate>, Fault> {
    let unknown = || Fault::sender("auth.unknown", words::auth_unknown());
    let (peer, token, seconds) = app
        .keyring
        .open_session(password, arrival.at)
        .ok_or_else(|| not_known(app, arrival.at, unknown()))?;
    let room = app.peer(&peer).ok_or_else(unknown)?;
    if arrival.caller.as_ref().is_some_and(|caller| *caller != peer) {
        return Err(Fault::sender("auth.mismatch", words::auth_mismatch()));
    }
    if !room.doorkeeper.accepts(Proof::Session) {
        return Err(Fault::sender("auth.proof", words::auth_proof()));
    }
    room.doorkeeper.may_call_from(visitor.address)?;
    if arrival.caller.is_none() {
        room.doorkeeper.hold_pace(arrival.at)?;
    }
    let dialect = &room.config.dialect;
    if app.channel(&arrival.channel).is_none_or(|channel| channel.dialect != *dialect) {
        return Err(Fault::sender("auth.wrong-door", words::auth_wrong_door(room.config.speaks())));
    }
    tracing::info!(event = "logged-in", peer = %peer);
    Ok(vec![Fate::LoggedIn { token, seconds }])
}
