//! Peers that do not call are asked: feeds, each page written together with how far it was read. Read it downwards.
//!
//! What a restart sees: the cursor of the last page whose items are on disk. A page that was read and not yet written is read again, and
//! the keys of its items make nothing of it count twice. What was due while nobody ran is due at once. Nothing here is kept in memory
//! but when a peer that refuses is to be left alone until.
//!
//! Availability is the peer's, shared with its deliveries: while it is away one question is put each time a probe may go out, and its answer
//! brings the deliveries back too. A page that nobody can read is no outage: it is asked for again at the feed's own pace.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use gateway_core::adapter::{Cursor, Feed, FeedSpec, Level, Page, Pairs, Scope};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Correlation, Moment, hex};
use gateway_core::redelivery::{Later, Presence};
use tokio::sync::watch;

use crate::app::{App, Room};
use crate::clock;
use crate::crash;
use crate::delivery::inquire::{Tries, inquire};
use crate::delivery::{Standing, catch_panic};
use crate::health;
use crate::intake::{Trace, Way, heed, understand};
use crate::store::{Asked, DueItem, NewMessage, OpenItem, StoreError};
use crate::words;

/// Pages read in one go; then somebody else of this process may have the peer.
const PAGES_MAX: usize = 100;
/// Shipments and payments asked about in one go.
const ITEMS_MAX: usize = 50;
/// A peer that answers what nobody can use is left alone for so long at least.
const REFUSED_MS: i64 = 60_000;
const STORE_FAILED_MS: i64 = 1_000;
/// A peer that is paused is not asked; whoever lets it go rings.
const STANDS_MS: i64 = 3_600_000;

/// Asks a peer until `stopped`, whatever happens: what panics is started anew.
pub async fn keep_running(app: Arc<App>, room: Arc<Room>, stopped: watch::Receiver<bool>) {
    let (of, stop) = (room.name.to_string(), stopped.clone());
    let begin = || ask_for_ever(app.clone(), room.clone(), stop.clone());
    health::supervised(app.clone(), "poller", of, stopped, begin).await;
}

async fn ask_for_ever(app: Arc<App>, room: Arc<Room>, mut stopped: watch::Receiver<bool>) {
    let mut poller = Poller { app: &app, room: &room, rests: HashMap::new() };
    while !*stopped.borrow() {
        let wakes = room.poll_bell.look();
        let again_at = poller.ask_what_is_due(&stopped).await.unwrap_or_else(|error| {
            tracing::error!(event = "poll-unrecorded", peer = %room.name, %error);
            app.clock.now().plus_millis(STORE_FAILED_MS)
        });
        room.poll_bell.stand(Standing { parked: true, wakes, until: Some(again_at) });
        tokio::select! {
            () = room.poll_bell.heard() => {}
            () = app.clock.sleep_until(again_at) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
}

struct Poller<'a> {
    app: &'a App,
    room: &'a Room,
    /// Feeds that answered what nobody can use, and until when they are left alone.
    rests: HashMap<String, Moment>,
}

/// How a question ended.
enum Told {
    Page(Page),
    /// The peer is away: nothing else is asked of it now.
    Away,
    /// It answered, and nobody can use the answer.
    Refused,
}

impl Poller<'_> {
    /// Asks everything that is due; gives when something will be due next.
    async fn ask_what_is_due(&mut self, stopped: &watch::Receiver<bool>) -> Result<Moment, StoreError> {
        let (app, room) = (self.app, self.room);
        app.give_up_waiting().await?;
        // Asked once for all feeds: whichever is read first answers the hint for itself only.
        let hinted = app.store.next_poll_at(&room.name).await?;
        let mut next = None;
        for spec in &room.feeds {
            if let Some(probe) = self.until_probe() {
                return Ok(probe);
            }
            let at = match spec.scope {
                Scope::Whole => self.read_on(spec, hinted, stopped).await?,
                Scope::PerItem => self.ask_about_items(spec, stopped).await?,
            };
            next = Some(next.map_or(at, |known: Moment| known.min(at)));
        }
        // Never at once again by itself: whatever is due then comes with a ring or a moment.
        let soonest = app.clock.now().plus_millis(1);
        Ok(self.until_probe().unwrap_or_else(|| next.unwrap_or(soonest).max(soonest)))
    }

    /// When the next probe may go out; none if a question may go out now.
    fn until_probe(&self) -> Option<Moment> {
        let now = self.app.clock.now();
        if !self.room.sends() {
            return Some(now.plus_millis(STANDS_MS));
        }
        match self.room.availability().presence() {
            Presence::Away { next_probe, .. } if next_probe > now => Some(next_probe),
            Presence::Away { .. } | Presence::Up => None,
        }
    }

    /// Reads a feed on to its end, page by page; gives when it is to be read next.
    async fn read_on(
        &mut self,
        spec: &FeedSpec,
        hinted: Option<Moment>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<Moment, StoreError> {
        let (app, room) = (self.app, self.room);
        let now = app.clock.now();
        let pause = i64::try_from(spec.every_ms).unwrap_or(i64::MAX).max(1_000);
        let known = app.store.feed(&room.name, &spec.name).await?;
        // A clock that was set back keeps nobody waiting.
        let due =
            known.as_ref().map_or(now, |read| read.asked_at.plus_millis(pause).min(now.plus_millis(pause)));
        let due = hinted.map_or(due, |hinted| due.min(hinted)).max(self.rest(&spec.name));
        if due > now {
            return Ok(due);
        }
        let mut cursor = known.and_then(|read| read.cursor).or_else(|| spec.first_cursor.clone());
        for _ in 0..PAGES_MAX {
            let page = match self.ask(spec, None, cursor.as_ref()).await {
                Told::Page(page) => page,
                Told::Away => break,
                Told::Refused => {
                    let until = app.clock.now().plus_millis(pause.max(REFUSED_MS));
                    self.rests.insert(spec.name.clone(), until);
                    return Ok(until);
                }
            };
            let at = app.clock.now();
            // A page that says there is more and goes nowhere would be read for ever.
            let more = page.more && page.cursor.is_some() && page.cursor != cursor;
            let asked = Asked::Feed {
                peer: room.name.clone(),
                feed: spec.name.clone(),
                cursor: page.cursor.clone(),
                more,
                at,
            };
            self.take_in(spec, page, None, asked, at).await?;
            if let Some(read) = app.store.feed(&room.name, &spec.name).await? {
                cursor = read.cursor;
            }
            if !more || *stopped.borrow() {
                return Ok(at.plus_millis(pause));
            }
        }
        Ok(app.clock.now())
    }

    /// Asks about each shipment and payment that is due; gives when the next one is.
    async fn ask_about_items(
        &mut self,
        spec: &FeedSpec,
        stopped: &watch::Receiver<bool>,
    ) -> Result<Moment, StoreError> {
        let (app, room) = (self.app, self.room);
        let now = app.clock.now();
        let rest = self.rest(&spec.name);
        let due =
            if rest > now { Vec::new() } else { app.store.due_items(&room.name, now, ITEMS_MAX).await? };
        for DueItem { item, name } in due {
            if *stopped.borrow() {
                break;
            }
            match self.ask(spec, Some(&name), None).await {
                Told::Page(page) => {
                    let at = app.clock.now();
                    self.take_in(spec, page, Some(item), Asked::Item { item, at }, at).await?;
                }
                // The next probe is about another one: perhaps it is this item alone that the peer falls over.
                Told::Away => {
                    app.store.postpone(item, app.clock.now().plus_millis(REFUSED_MS)).await?;
                    break;
                }
                // One item that the peer chokes on keeps none of the others from being asked about.
                Told::Refused => {
                    let until = app.clock.now().plus_millis(REFUSED_MS.max(spec.every_ms as i64));
                    app.store.postpone(item, until).await?;
                }
            }
        }
        let pause = app.clock.now().plus_millis(spec.every_ms as i64);
        let next = app.store.next_item_at(&room.name).await?;
        Ok(next.map_or(pause, |next| next.min(pause)).max(rest))
    }

    fn rest(&self, feed: &str) -> Moment {
        self.rests.get(feed).copied().unwrap_or_default()
    }

    /// One question, without an effect and without a journal; its answer speaks of the peer as any other.
    async fn ask(&self, spec: &FeedSpec, about: Option<&str>, cursor: Option<&Cursor>) -> Told {
        let (app, room) = (self.app, self.room);
        let began = app.clock.now();
        let feed = Feed { name: &spec.name, about, cursor, at: began };
        let (nothing, tries) = (Pairs::new(), Tries::one());
        let asking = inquire(app, room, &nothing, &tries, |transcript| room.adapter.poll(&feed, transcript));
        let answer = catch_panic(AssertUnwindSafe(asking)).await.unwrap_or_else(|()| {
            Err(Fault::new("gateway.panic", Blame::Gateway, Remedy::Correct, words::delivery_panicked()))
        });
        let (told, outcome) = match answer {
            Ok(page) => {
                self.is_there();
                (Told::Page(page), "page")
            }
            Err(fault) if matches!(fault.remedy, Remedy::Later | Remedy::Renew | Remedy::Doubt) => {
                let later = Later { retry_after_ms: fault.retry_after_ms };
                let now = app.clock.now();
                if room.availability().failed(later, began, now, app.clock.jitter()) {
                    tracing::warn!(event = "peer-away", peer = %room.name, fault = %fault.code, cause = %fault.cause);
                }
                (Told::Away, "away")
            }
            Err(fault) => {
                // What our own side could not even ask says nothing about the peer.
                if tries.made() > 0 {
                    self.is_there();
                }
                tracing::warn!(event = "feed-unreadable", peer = %room.name, feed = spec.name, fault = %fault.code, cause = %fault.cause);
                (Told::Refused, "refused")
            }
        };
        app.metrics.polls.with_label_values(&[room.name.as_str(), &spec.name, outcome]).inc();
        told
    }

    /// It answered: whatever it said, it takes calls.
    fn is_there(&self) {
        if self.room.availability().succeeded(self.app.clock.now()) {
            tracing::info!(event = "peer-back", peer = %self.room.name);
            self.room.bell.ring();
        }
    }

    /// The items of a page and how far it was read, in one transaction. An item that nobody can read is journaled as refused, and the
    /// cursor moves on.
    async fn take_in(
        &self,
        spec: &FeedSpec,
        page: Page,
        about: Option<OpenItem>,
        asked: Asked,
        at: Moment,
    ) -> Result<(), StoreError> {
        let (app, room) = (self.app, self.room);
        let config = &room.config;
        let mut messages: Vec<NewMessage> = Vec::new();
        for item in page.items {
            let channel = app.rules.channels.feed(&config.adapter, &config.dialect, &item.kind);
            // Its own address answered, to our credentials.
            let way = Way { channel, at, level: Level::Token, pulled: Some(about), files: &[] };
            let correlation = Correlation::from(hex(&clock::chance::<8>()));
            messages.extend(understand(app, room, way, item, &Trace { correlation, traceparent: None }));
        }
        let read = messages.len();
        let faults: Vec<Option<Fault>> =
            messages.iter().map(|message| message.content.as_ref().err().cloned()).collect();
        let admitted = app.store.admit_asked(messages, asked).await?;
        crash::point("after-page-kept");
        // One that was refused before is no news.
        let fresh = faults.iter().zip(&admitted).filter(|(_, admitted)| admitted.admission.is_none());
        let fresh: Vec<&Fault> = fresh.filter_map(|(fault, _)| fault.as_ref()).collect();
        for fault in &fresh {
            tracing::warn!(event = "record-refused", peer = %room.name, feed = spec.name, fault = %fault.code);
        }
        heed(app, room, &admitted);
        if read > 0 {
            tracing::info!(event = "polled", peer = %room.name, feed = spec.name, records = read, refused = fresh.len());
        }
        Ok(())
    }
}
