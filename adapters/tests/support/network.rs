//! What a network does to calls, for batteries that try every script of it.

use gateway_core::adapter::{Adapter, Answer, Body, Request};

use super::{Heard, Peer};

/// What the network does to one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quirk {
    Pass,
    Busy,
    Html,
    LostBefore,
    LostAfter,
    NotSent,
    SessionsExpire,
}

impl Quirk {
    pub const ALL: [Quirk; 7] = [
        Quirk::Pass,
        Quirk::Busy,
        Quirk::Html,
        Quirk::LostBefore,
        Quirk::LostAfter,
        Quirk::NotSent,
        Quirk::SessionsExpire,
    ];

    /// What is heard of a call to which this happens; the peer answers what reaches it. That sessions expire is the peer's to do.
    pub fn hear(self, answer: impl FnOnce() -> Answer) -> Heard {
        match self {
            Quirk::Pass | Quirk::SessionsExpire => Heard::Answer(answer()),
            Quirk::Busy => Heard::Answer(page(503)),
            Quirk::Html => {
                answer();
                Heard::Answer(page(502))
            }
            Quirk::LostBefore => Heard::Lost,
            Quirk::LostAfter => {
                answer();
                Heard::Lost
            }
            Quirk::NotSent => Heard::NotSent,
        }
    }
}

fn page(status: u16) -> Answer {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    Answer { status, headers, body: Body::of(b"<html>Bad Gateway</html>".to_vec()) }
}

/// A peer that is tried once and not again.
pub struct OneAttempt<'a, P>(pub &'a mut P);

impl<P: Peer> Peer for OneAttempt<'_, P> {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        self.0.call(adapter, request)
    }

    fn more(&self) -> bool {
        false
    }
}
