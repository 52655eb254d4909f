//! To whom nothing is sent, since when, by whom and until when: operators' pauses, and modes of the configuration in which a peer is
//! not sent anything. One sealed row of `meta` holds them all, so that a restart knows what was stopped and a timeline can
//! say why something waited, long after it went.
//!
//! A clear list of names (`["*"]`: everybody) is read too. A row that does not read at all means that everything is paused: whoever stopped a store by other means must not see it send, and
//! `peers resume` makes it a good one. Deliberately absent: handing out nothing, which is the delivery's part.

use gateway_core::ids::{Moment, PeerName};
use gateway_core::pipeline::{DeliveryId, State};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::Store;
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::operate::Operator;
use super::record::Pin;
use super::restored::restored;
use super::timeline::TimelineRow;
use super::writer::Writing;

const NAME: &str = "paused";
/// So many that are over are remembered, newest first; a timeline that is older than they are no longer tells of them.
const ENDED_MAX: usize = 500;
/// Who stopped what a clear list names.
const RESTORE: &str = "restore";
/// Stands for every peer.
const ALL: &str = "*";

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// An operator paused it.
    Paused,
    /// Its mode is `hold`.
    Hold,
    /// Its mode is `shadow`.
    Shadow,
}

impl Why {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Paused => "paused",
            Why::Hold => "hold",
            Why::Shadow => "shadow",
        }
    }

    fn is_mode(self) -> bool {
        self != Why::Paused
    }
}

/// What becomes of what was kept when a peer goes live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnLive {
    /// It is sent, in order, oldest due date first.
    Send,
    /// It is given up: another way has told the peer.
    Discard,
}

/// A time in which nothing is sent to a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// To whom.
    pub peer: PeerName,
    /// Why.
    pub why: Why,
    /// Since when.
    pub since: Moment,
    /// Who said so.
    pub by: String,
    /// What they said about it; may be empty.
    #[serde(default)]
    pub reason: String,
    /// Until when; none while it lasts.
    #[serde(default)]
    pub until: Option<Moment>,
    /// Who ended it.
    #[serde(default)]
    pub ended_by: String,
    /// Since when nothing was sent because of modes, where one followed another.
    #[serde(default)]
    kept_from: Option<Moment>,
    #[serde(default)]
    on_live: Option<OnLive>,
}

impl Pause {
    fn new(peer: &PeerName, why: Why, since: Moment, by: &str, reason: &str) -> Self {
        Pause {
            peer: peer.clone(),
            why,
            since,
            by: by.to_owned(),
            reason: reason.to_owned(),
            until: None,
            ended_by: String::new(),
            kept_from: None,
            on_live: None,
        }
    }

    /// Does it speak of this peer?
    pub fn is_of(&self, peer: &PeerName) -> bool {
        self.peer == *peer || self.peer.as_str() == ALL
    }

    /// Did a restoration begin it?
    pub fn is_of_restore(&self) -> bool {
        self.by == RESTORE
    }

    /// Does it last?
    pub fn lasts(&self) -> bool {
        self.until.is_none()
    }

    fn end(&mut self, by: &str, at: Moment) {
        self.until = Some(at.max(self.since));
        by.clone_into(&mut self.ended_by);
    }
}

/// How the configuration wants a peer.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which.
    pub peer: PeerName,
    /// None if it is live.
    pub mode: Option<Why>,
    /// What becomes of what was kept; none if the configuration does not say.
    pub on_live: Option<OnLive>,
}

impl Store {
    /// The times in which nothing was sent to a peer, oldest first; those that last are among them.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.read(pauses).await
    }

    /// Nothing is sent to these peers from now on, over any restart. Gives all pauses.
    pub async fn pause(
        &self,
        peers: Vec<PeerName>,
        reason: &str,
        by: Operator,
    ) -> Result<Vec<Pause>, StoreError> {
        let reason = reason.to_owned();
        self.run(move |writing| writing.pause(&peers, &reason, &by)).await
    }

    /// Ends the pauses of these peers, of `all` there are. Gives all pauses.
    pub async fn resume(
        &self,
        peers: Vec<PeerName>,
        all: Vec<PeerName>,
        by: Operator,
    ) -> Result<Vec<Pause>, StoreError> {
        let (pauses, restored) = self
            .run(move |writing| {
                let pauses = writing.resume(&peers, &all, &by)?;
                // One by one, too: what came for the last of them meanwhile counts as well.
                let goes = |pause: &Pause| pause.by == RESTORE && pause.until == Some(by.at);
                let restored = if pauses.iter().any(goes) { writing.restored_go()? } else { None };
                Ok((pauses, restored))
            })
            .await?;
        restored.inspect(|restored| self.let_go(*restored));
        Ok(pauses)
    }

    /// At start: carries out what the configuration says of modes. Gives how many deliveries were given up because a peer went live.
    pub async fn take_modes(&self, wanted: Vec<Wanted>, at: Moment) -> Result<usize, StoreError> {
        self.run(move |writing| writing.take_modes(&wanted, at)).await
    }
}

/// All that are remembered, oldest first.
pub(super) fn pauses(db: &Connection, vault: &Vault) -> Result<Vec<Pause>, StoreError> {
    let sealed: Option<Vec<u8>> = db
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([NAME], |row| Ok(row.get_ref(0)?.as_bytes().unwrap_or_default().to_vec()))
        .optional()?;
    let Some(sealed) = sealed else { return Ok(Vec::new()) };
    match vault.open("meta.paused", &sealed) {
        // Whoever made this store out of another one has no key at hand and says it in a clear list of names.
        Err(error) if error.is_of_one_value() => {
            let names: Result<Vec<PeerName>, _> = serde_json::from_slice(&sealed);
            let names = names.unwrap_or_else(|_| vec![PeerName::from(ALL)]);
            let since = restored(db)?.map(|restored| restored.missing_until).unwrap_or_default();
            let paused = |peer| Pause::new(peer, Why::Paused, since, RESTORE, "");
            Ok(names.iter().map(paused).collect())
        }
        read => read,
    }
}

impl Writing<'_> {
    fn keep_pauses(&self, mut pauses: Vec<Pause>) -> Result<Vec<Pause>, StoreError> {
        let mut over = pauses.iter().filter(|pause| !pause.lasts()).count();
        pauses.retain(|pause| {
            let goes = !pause.lasts() && over > ENDED_MAX;
            over -= usize::from(goes);
            !goes
        });
        let sealed = self.vault.pack("meta.paused", &pauses)?;
        self.db
            .prepare_cached(
                "INSERT INTO meta (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![NAME, sealed])?;
        Ok(pauses)
    }

    /// Pauses these peers; of one that is paused already nothing changes.
    pub(super) fn pause(
        &self,
        peers: &[PeerName],
        reason: &str,
        by: &Operator,
    ) -> Result<Vec<Pause>, StoreError> {
        let mut pauses = pauses(self.db, self.vault)?;
        for peer in peers {
            let known = |pause: &Pause| pause.lasts() && !pause.why.is_mode() && pause.is_of(peer);
            if !pauses.iter().any(known) {
                pauses.push(Pause::new(peer, Why::Paused, by.at, &by.name, reason));
            }
        }
        self.keep_pauses(pauses)
    }

    /// Ends the pauses of these peers; `all` are those there are, for a pause of everything that only some of them leave.
    pub(super) fn resume(
        &self,
        peers: &[PeerName],
        all: &[PeerName],
        by: &Operator,
    ) -> Result<Vec<Pause>, StoreError> {
        let mut pauses = pauses(self.db, self.vault)?;
        if let Some(place) = pauses.iter().position(|pause| pause.lasts() && pause.peer.as_str() == ALL) {
            let everything = pauses.remove(place);
            pauses.extend(all.iter().map(|peer| Pause { peer: peer.clone(), ..everything.clone() }));
        }
        for pause in pauses.iter_mut().filter(|pause| pause.lasts() && !pause.why.is_mode()) {
            if peers.contains(&pause.peer) {
                pause.end(&by.name, by.at);
            }
        }
        self.keep_pauses(pauses)
    }

    /// At start: carries out what the configuration says of modes. What was translated in the shadow is translated anew, by the mappings
    /// of today; what was kept for a peer that goes live is sent or given up. Gives how many were given up.
    pub(super) fn take_modes(&self, wanted: &[Wanted], at: Moment) -> Result<usize, StoreError> {
        let before = pauses(self.db, self.vault)?;
        let mut pauses = before.clone();
        let mut given_up = 0;
        for wanted in wanted {
            let running = pauses
                .iter_mut()
                .find(|pause| pause.lasts() && pause.why.is_mode() && pause.peer == wanted.peer);
            let mut kept_from = at;
            if let Some(running) = running {
                kept_from = running.kept_from.unwrap_or(running.since);
                if running.why == Why::Shadow {
                    self.forget_translations(&wanted.peer)?;
                }
                running.on_live = wanted.on_live.or(running.on_live);
                if wanted.mode == Some(running.why) {
                    continue;
                }
                if wanted.mode.is_none() && running.on_live == Some(OnLive::Discard) {
                    given_up += self.give_up_kept(&wanted.peer, kept_from, running.why, at)?;
                }
                running.end("configuration", at);
            }
            if let Some(mode) = wanted.mode {
                let begun = Pause::new(&wanted.peer, mode, at, "configuration", "");
                pauses.push(Pause { kept_from: Some(kept_from), on_live: wanted.on_live, ..begun });
            }
        }
        if pauses != before {
            self.keep_pauses(pauses)?;
        }
        Ok(given_up)
    }

    /// Deliveries to a peer in these states of which no call was ever made.
    fn never_called(
        &self,
        peer: &PeerName,
        states: &str,
        from: Moment,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let sql = format!(
            "SELECT d.id FROM lane l JOIN delivery d ON d.lane = l.id AND d.open = 1
             WHERE l.peer = ?1 AND d.at >= ?2 AND d.state IN ({states})
               AND NOT EXISTS (SELECT 1 FROM exchange e WHERE e.delivery = d.id) ORDER BY d.id"
        );
        let mut statement = self.db.prepare(&sql)?;
        let found = statement.query_map(params![peer.as_str(), from.as_millis()], |row| row.get(0))?;
        Ok(found.map(|id| id.map(DeliveryId)).collect::<Result<_, rusqlite::Error>>()?)
    }

    fn forget_translations(&self, peer: &PeerName) -> Result<(), StoreError> {
        for id in self.never_called(peer, "'waiting', 'held'", Moment::default())? {
            let pin = match self.pin(id) {
                // One that does not open keeps no gateway from starting.
                Err(error) if error.is_of_one_value() => continue,
                pin => pin?,
            };
            if pin.document.is_some() {
                let (in_mapping, read_anew) = (pin.in_mapping, pin.read_anew);
                self.write_pin(id, &Pin { in_mapping, read_anew, ..Pin::default() })?;
            }
        }
        Ok(())
    }

    fn give_up_kept(&self, peer: &PeerName, from: Moment, why: Why, at: Moment) -> Result<usize, StoreError> {
        let kept = self.never_called(peer, "'waiting', 'held', 'dead'", from)?;
        for id in &kept {
            let Some(row) = self.row(*id)? else { continue };
            self.db
                .prepare_cached("UPDATE delivery SET state = ?2, open = 0, settled_at = ?3 WHERE id = ?1")?
                .execute(params![id.0, State::Discarded.as_str(), at.as_millis()])?;
            let detail = format!("{} → live, on_live = discard", why.as_str());
            self.told(&row, Event::Discarded, &detail, at)?;
        }
        Ok(kept.len())
    }
}

/// From when to when a delivery waited for its peer.
pub(super) struct Waited {
    pub(super) peer: PeerName,
    pub(super) from: Moment,
    /// None while it does.
    pub(super) until: Option<Moment>,
}

/// What pauses mean to the deliveries of a dossier: each is told once to a peer, by when it first held something back.
pub(super) fn told_in_timeline(
    db: &Connection,
    vault: &Vault,
    waited: &[Waited],
) -> Result<Vec<TimelineRow>, StoreError> {
    let mut rows = Vec::new();
    for pause in pauses(db, vault)? {
        let held_back = |waited: &&Waited| {
            pause.is_of(&waited.peer)
                && waited.until.is_none_or(|until| until > pause.since)
                && pause.until.is_none_or(|until| until > waited.from)
        };
        let held: Vec<&Waited> = waited.iter().filter(held_back).collect();
        let Some(first) = held.iter().min_by_key(|waited| waited.from) else { continue };
        let mut tell = |at: Moment, event: Event, detail: String| {
            let peer = Some(first.peer.clone());
            let (message, kind, delivery, level) = (None, None, None, None);
            rows.push(TimelineRow { at, event, message, kind, delivery, peer, detail, level });
        };
        let colon = if pause.reason.is_empty() { "" } else { ": " };
        let by = format!("{} {}{colon}{}", pause.why.as_str(), pause.by, pause.reason);
        tell(pause.since.max(first.from), Event::PeerPaused, by);
        if let Some(until) = pause.until
            && held.iter().any(|waited| waited.until.is_none_or(|end| end >= until))
        {
            tell(until, Event::PeerResumed, format!("{} {}", pause.why.as_str(), pause.ended_by));
        }
    }
    Ok(rows)
}
