//! What must be so on stage: what a dossier's timeline says, what peers heard and hold, what waits.

use serde_json::Value;

use super::Stage;
use crate::catalogue;
use crate::simulator::Host;
use crate::store::{Event, TimelineRow};

impl Stage {
    pub(super) async fn expect_timeline(&self, text: &str, told: fn(Event) -> bool) -> Result<(), String> {
        let (code, wanted, rows) = self.rows(text).await?;
        let seen: Vec<&str> =
            rows.iter().filter(|row| told(row.event)).map(|row| row.event.as_str()).collect();
        if seen == named(wanted) {
            Ok(())
        } else {
            Err(format!("the timeline of {code} is: {}", seen.join(", ")))
        }
    }

    /// Two codes of one dossier: what one finds the other finds too.
    pub(super) async fn expect_same(&self, one: &str, other: &str) -> Result<(), String> {
        self.quiet().await?;
        let timeline = async |code: &str| {
            let found = self.app().store.timeline(code).await.map_err(|error| error.to_string())?;
            found.ok_or_else(|| format!("nothing is known of {code}"))
        };
        let (first, second) = (timeline(one).await?, timeline(other).await?);
        if first.rows == second.rows {
            Ok(())
        } else {
            Err(format!("{one} finds {} rows, {other} {}", first.rows.len(), second.rows.len()))
        }
    }

    pub(super) async fn expect_heard(&self, peer: &str, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let host = self.host(peer).ok_or_else(|| format!("nobody here is called `{peer}`"))?;
        let state = host.state();
        let count = |name: &str| match name.trim_end_matches('s') {
            "call" => Some(host.calls()),
            _ if state[name].is_u64() => state[name].as_u64(),
            "dossier" => Some(state["dossiers"].as_object().map_or(0, |all| all.len() as u64)),
            "step" => Some(state["progress"].as_array().map_or(0, |all| all.len() as u64)),
            "log-in" => state["log_ins"].as_u64(),
            "create" => state["creates"].as_u64(),
            "update" => state["updates"].as_u64(),
            _ => state[name].as_u64(),
        };
        for wanted in text.split(',') {
            let (number, name) = wanted.trim().split_once(' ').ok_or("<peer> heard <number> <things>")?;
            let seen = count(name.trim()).ok_or_else(|| format!("{peer} does not count `{name}`"))?;
            if seen.to_string() != number {
                return Err(format!("{peer} heard {seen} {name}; all it knows: {state}"));
            }
        }
        Ok(())
    }

    pub(super) async fn expect_steps(&self, code: &str, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.portal.state();
        let steps = state["progress"].as_array().cloned().unwrap_or_default();
        let seen: Vec<&str> = steps
            .iter()
            .filter(|step| step["MaHoSo"] == *code)
            .filter_map(|step| step["TrangThai"].as_str())
            .collect();
        if seen == named(text) { Ok(()) } else { Err(format!("the portal has steps {}", seen.join(", "))) }
    }

    pub(super) async fn expect_status(&self, code: &str, status: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.portal.state();
        let seen = state["dossiers"][code]["status"].clone();
        if seen == *status { Ok(()) } else { Err(format!("the portal has status {seen}")) }
    }

    /// The codes, or their ends, in the order in which the portal first took them.
    pub(super) async fn expect_order(&self, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.portal.state();
        let seen = texts(&state["order"]);
        let wanted = named(text);
        let same = seen.len() == wanted.len() && seen.iter().zip(&wanted).all(|(s, w)| s.ends_with(w));
        if same { Ok(()) } else { Err(format!("the portal took {}", seen.join(", "))) }
    }

    pub(super) async fn expect_presence(&self, peer: &str, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let seen = self.app().peers_seen()[peer]["state"].clone();
        if seen == *wanted { Ok(()) } else { Err(format!("{peer} is {seen}")) }
    }

    /// What a peer was told, in the order in which it first heard it; `nothing` for nothing. `<list>: …` is another list that it keeps.
    pub(super) async fn expect_told(&self, peer: &str, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.host(peer).map(Host::state).unwrap_or_default();
        let (list, text) = text.split_once(": ").unwrap_or(("order", text));
        let seen = texts(&state[list]);
        if seen == named(text) { Ok(()) } else { Err(format!("{peer} was told {}", seen.join(", "))) }
    }

    /// What happened to the payments of a dossier, in its order.
    pub(super) async fn expect_payments(&self, text: &str) -> Result<(), String> {
        self.expect_timeline(text, Event::is_of_payment).await
    }

    /// The details of all rows of one sort; `none` for none.
    pub(super) async fn expect_notes(&self, text: &str, event: Event) -> Result<(), String> {
        let (code, wanted, rows) = self.rows(text).await?;
        let seen: Vec<&str> =
            rows.iter().filter(|row| row.event == event).map(|row| row.detail.as_str()).collect();
        if seen == named(wanted) { Ok(()) } else { Err(format!("of {code} it is said: {}", seen.join(", "))) }
    }

    pub(super) async fn expect_open(&self, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let stats = self.app().store.stats().await.map_err(|error| error.to_string())?;
        let seen: u64 = stats.peers.values().flat_map(|peer| peer.by_state.values()).sum();
        if seen.to_string() == wanted {
            Ok(())
        } else {
            Err(format!("{seen} deliveries are open: {:?}", stats.peers))
        }
    }

    pub(super) async fn expect_dead(&self, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let dead =
            self.app().store.dead_letters(Default::default()).await.map_err(|error| error.to_string())?;
        if dead.len().to_string() == wanted {
            Ok(())
        } else {
            Err(format!("there are {} dead letters", dead.len()))
        }
    }

    /// A list that a peer publishes, as it was pulled last.
    pub(super) async fn expect_catalogue(&self, peer: &str, list: &str, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let data = &self.app().config.gateway.data;
        let found = catalogue::read(data, peer, list).map_err(|error| error.to_string())?;
        let seen = found.map_or("none".to_owned(), |list| {
            let in_force = list.entries.values().filter(|entry| entry.in_force).count();
            format!("{in_force} entries, {} changes", list.changes.len())
        });
        if seen == wanted { Ok(()) } else { Err(format!("{list} is: {seen}")) }
    }

    /// What was made again without knowing, and what was said of it: a stage that is too slow for its peers' time limits tells another story.
    pub(super) async fn doubts(&self) -> String {
        let mut told = String::new();
        for code in &self.dossiers {
            let Ok(Some(timeline)) = self.app().store.timeline(code).await else { continue };
            if !timeline.rows.iter().any(|row| row.event == Event::MayBeDoubled) {
                continue;
            }
            let why = timeline.rows.iter().filter(|row| row.event == Event::PeerAway);
            let why: Vec<&str> = why.map(|row| row.detail.as_str()).collect();
            told.push_str(&format!("; {code} may be doubled, after: {}", why.join(" | ")));
        }
        told
    }

    /// A dossier's rows and what else a line says: of the dossier that it begins with, or of the one spoken of last.
    async fn rows<'a>(&self, text: &'a str) -> Result<(String, &'a str, Vec<TimelineRow>), String> {
        self.quiet().await?;
        let first = text.split_whitespace().next().unwrap_or_default();
        let known = self.dossiers.iter().find(|code| *code == first);
        let (code, wanted) = match known {
            Some(code) => (code.clone(), text[code.len()..].trim()),
            None => (self.dossiers.last().cloned().ok_or("no dossier was spoken of")?, text),
        };
        let timeline = self.app().store.timeline(&code).await.map_err(|error| error.to_string())?;
        let rows = timeline.map(|timeline| timeline.rows).unwrap_or_default();
        Ok((code, wanted, rows))
    }
}

/// What a line names, in its order; `none` and `nothing` name nothing.
fn named(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|word| !["none", "nothing"].contains(word)).collect()
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
