//! What a peer's answer says that others should hear: understood like any item, written with the settlement.

use gateway_core::adapter::{Item, Level};

use super::talk::Talk;
use crate::intake::{Trace, Way, understand};
use crate::store::{Entry, NewMessage};

impl Talk<'_> {
    /// What the peer's answer says that others should hear: understood as if the peer had called, in the name of the unit that the
    /// delivery was for, and admitted with the settlement.
    pub(super) fn say(&mut self, says: Vec<Item>) {
        let (app, room, at) = (self.app, self.room, self.app.clock.now());
        let trace = Trace {
            correlation: self.message.correlation.clone(),
            traceparent: self.message.traceparent.clone(),
        };
        let understood = |mut item: Item| {
            let channel = app.rules.channels.feed(&room.config.adapter, &room.config.dialect, &item.kind);
            // Its own address answered, to our credentials.
            let way = Way { channel, at, level: Level::Token, pulled: None, files: &[] };
            item.unit.get_or_insert_with(|| self.message.unit.to_string());
            understand(app, room, way, item, &trace)
        };
        let messages: Vec<NewMessage> = says.into_iter().flat_map(understood).collect();
        if !messages.is_empty() {
            self.pending.push(Entry::Say { messages });
        }
    }
}
