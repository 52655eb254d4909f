//! What an operator does on stage, and what is said to the peers there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::ids::Moment;
use gateway_core::pipeline::DeliveryId;
use serde_json::Value;

use super::script::{millis, twists_of};
use super::{PATIENCE, Stage, folders};
use crate::app::Room;
use crate::store::{Filter, Operator, Reach, WhatHappened};

impl Stage {
    /// Waits until nothing is in progress and nothing is ready at this moment.
    pub async fn quiet(&self) -> Result<(), String> {
        let calm = async {
            let mut calm = 0;
            // Twice in a row: a bell that rings between two rooms is heard the second time.
            while calm < 2 {
                let now = self.clock.now();
                let all = self.app().peers.values().filter(|room| !room.config.endpoints.is_empty());
                let at_rest = |room: &Arc<Room>| {
                    room.bell.is_quiet(now) && (!room.is_polled() || room.poll_bell.is_quiet(now))
                };
                let at_home = self.app().house_bell.is_quiet(now)
                    && (self.app().config.catalogues.peers.is_empty()
                        || self.app().catalogue_bell.is_quiet(now));
                calm = if all.into_iter().all(at_rest) && at_home { calm + 1 } else { 0 };
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, calm).await.map_err(|_| "the gateway does not come to rest".to_owned())
    }

    /// What is said to or of a simulated peer.
    pub(super) async fn on_stage(
        &self,
        peer: &str,
        verb: &str,
        rest: &[&str],
        text: &str,
    ) -> Result<(), String> {
        let host = self.host(peer).ok_or_else(|| format!("nobody here is called `{peer}`"))?;
        match (verb, rest) {
            ("answers", twists) => host.script(twists_of(twists)?),
            ("always", ["ok"]) => host.always(None),
            ("always", [twist]) => host.always(twists_of(&[twist])?.pop()),
            ("is", [wanted]) => return self.expect_presence(peer, wanted).await,
            ("heard", _) => return self.expect_heard(peer, text).await,
            ("told", _) => return self.expect_told(peer, text).await,
            _ => {
                let words: Vec<&str> = std::iter::once(verb).chain(rest.iter().copied()).collect();
                if !host.nudge(&words) {
                    return Err(format!("the simulator of {peer} does not know `{}`", words.join(" ")));
                }
            }
        }
        self.quiet().await
    }

    /// `overlay <path> <text>`: a file of the province's own.
    pub(super) fn overlay(&self, path: &str, text: &str) -> Result<(), String> {
        folders::lay(&self.folder.join("overlay").join(path), &text.replace("\\n", "\n"))
    }

    /// The machine's clock is set, without that the time has passed.
    pub(super) fn set_clock(&self, way: &str, span: &str) -> Result<(), String> {
        let millis = millis(span).ok_or_else(|| format!("`{span}` is no span like 3m"))?;
        match way {
            "back" => self.clock.set_back_to(self.clock.now().plus_millis(-millis)),
            "forward" => self.clock.set_forward_to(self.clock.now().plus_millis(millis)),
            _ => return Err(format!("a clock is set `back` or `forward`, not `{way}`")),
        }
        // So that the stage waits until everybody has looked at the new time; who slept is awake without it.
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    /// An operator has a peer told everything once more.
    pub(super) async fn replay(&self, peer: &str) -> Result<(), String> {
        let since = Some(Moment::default());
        let filter = Filter { peer: Some(peer.into()), since, ..Default::default() };
        let replayed = self.app().store.redeliver(filter, Reach::Everything, self.operator(), false).await;
        replayed.map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    pub(super) async fn redeliver(&self, code: &str) -> Result<(), String> {
        let filter = Filter { dossier: Some(code.to_owned()), ..Default::default() };
        self.app()
            .store
            .redeliver(filter, Reach::Untaken, self.operator(), false)
            .await
            .map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    /// A restart with other settings in a peer's entry.
    pub(super) async fn enter(&mut self, peer: &str, settings: &str) -> Result<(), String> {
        self.given.insert(peer.to_owned(), vec![settings.replace("\\n", "\n")]);
        self.restart().await
    }

    /// `pause <peer>`, `resume <peer>`
    pub(super) async fn pause_or_resume(&self, verb: &str, peer: &str) -> Result<(), String> {
        if verb == "pause" { self.pause(peer).await } else { self.resume(peer).await }
    }

    /// Nothing is sent to this peer.
    async fn pause(&self, peer: &str) -> Result<(), String> {
        let paused = self.app().store.pause(vec![peer.into()], "thử", self.operator()).await;
        self.app().stand_still(&paused.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// It is sent to again.
    async fn resume(&self, peer: &str) -> Result<(), String> {
        let all = self.app().peers.keys().cloned().collect();
        let left = self.app().store.resume(vec![peer.into()], all, self.operator()).await;
        self.app().stand_still(&left.map_err(|error| error.to_string())?);
        Ok(())
    }

    pub(super) async fn settle_doubt(&self, code: &str, verdict: &str) -> Result<(), String> {
        let what = if verdict == "happened" { WhatHappened::Happened } else { WhatHappened::DidNot };
        let doubt = self.waiting_for_a_person(code).await?;
        self.app()
            .store
            .settle_doubt(doubt, what, BTreeMap::new(), self.operator())
            .await
            .map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    /// `correct <code> path.of.field=value`, in the canonical document.
    pub(super) async fn correct(&self, code: &str, change: &str) -> Result<(), String> {
        let (path, value) = change.split_once('=').ok_or("correct <code> path=value")?;
        let delivery = self.waiting_for_a_person(code).await?;
        let store = &self.app().store;
        let shown = store.dead_letter(delivery).await.map_err(|error| error.to_string())?;
        let mut document = shown.ok_or("nothing to correct")?.envelope.document;
        let mut place = &mut document;
        for name in path.split('.') {
            place = &mut place[name];
        }
        *place = Value::String(value.to_owned());
        store.correct(delivery, document, self.operator()).await.map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    pub(super) async fn discard(&self, code: &str, reason: &str) -> Result<(), String> {
        let delivery = self.waiting_for_a_person(code).await?;
        let store = &self.app().store;
        store.discard(delivery, reason, self.operator()).await.map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    async fn waiting_for_a_person(&self, code: &str) -> Result<DeliveryId, String> {
        let filter = Filter { dossier: Some(code.to_owned()), ..Default::default() };
        let found = self.app().store.dead_letters(filter).await.map_err(|error| error.to_string())?;
        found
            .first()
            .map(|letter| letter.delivery)
            .ok_or_else(|| format!("nothing of {code} waits for a person"))
    }

    fn operator(&self) -> Operator {
        Operator { name: "story".to_owned(), at: self.clock.now() }
    }
}
