//! The lists that peers publish, pulled once a night and kept for people: what changed, and which local codes they may need.
//!
//! What a restart sees: the lists as they were pulled last. A list is written beside the old one, synced and renamed, so whoever reads
//! sees one or the other; the one before stays beside it. A pull that fails, or brings nothing or much less, changes nothing and is tried
//! again. They are public, so nothing of them is sealed; they can be pulled again, so no backup holds them. Nothing here changes a code list.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway_core::adapter::Pairs;
use gateway_core::catalogue::{Catalogue, CatalogueSpec, Change};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Moment, PeerName};
use serde::Serialize;
use tokio::sync::watch;

use crate::app::{App, Room};
use crate::delivery::Standing;
use crate::delivery::inquire::{Tries, inquire};
use crate::words;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Viet Nam has one zone and no summer time.
const ZONE_MS: i64 = 7 * 60 * MINUTE_MS;
/// A start has better things to do first.
const FIRST_MS: i64 = 5 * MINUTE_MS;
/// The pause doubles with each vain try, up to this.
const RETRY_MS_MAX: i64 = 6 * 60 * MINUTE_MS;
/// Entries in full are written so many at a time.
const DETAILS_AT_ONCE: usize = 50;

/// How the pull of one list ended.
#[derive(Debug, Clone, Serialize)]
pub struct Pulled {
    /// Whose.
    pub peer: PeerName,
    /// Which.
    pub catalogue: String,
    /// Entries that may be used.
    pub entries: usize,
    /// New ones, those with another name, those that may not be used any more.
    pub added: usize,
    /// With another name.
    pub renamed: usize,
    /// Not to be used any more.
    pub withdrawn: usize,
    /// Asked for in full just now.
    pub detailed: usize,
    /// Why it came to nothing; what was there stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The folder of the lists.
pub fn folder(data: &Path) -> PathBuf {
    data.join("catalogues")
}

/// A list as it was pulled last; none if it never was.
pub fn read(data: &Path, peer: &str, name: &str) -> io::Result<Option<Catalogue>> {
    match fs::read(path(data, peer, name)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every list of these peers that was ever pulled, by peer and name.
pub fn all(data: &Path, peers: &[String]) -> io::Result<BTreeMap<(String, String), Catalogue>> {
    let mut found = BTreeMap::new();
    for peer in peers {
        let entries = match fs::read_dir(folder(data).join(peer)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".json").filter(|name| !name.ends_with(".before")) else {
                continue;
            };
            if let Some(list) = read(data, peer, name)? {
                found.insert((peer.clone(), name.to_owned()), list);
            }
        }
    }
    Ok(found)
}

fn path(data: &Path, peer: &str, name: &str) -> PathBuf {
    folder(data).join(peer).join(format!("{name}.json"))
}

fn write(data: &Path, peer: &str, name: &str, list: &Catalogue, keep_before: bool) -> io::Result<()> {
    let path = path(data, peer, name);
    let folder = path.parent().unwrap_or(data);
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec(list)?)?;
    file.sync_all()?;
    if keep_before && path.exists() {
        fs::copy(&path, path.with_extension("before.json"))?;
    }
    fs::rename(&beside, &path)?;
    File::open(folder)?.sync_all()
}

/// Pulls at night until `stopped`; what is overdue at a start, soon after it.
pub async fn keep_pulling(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let settings = &app.config.catalogues;
    let minute = settings.minute().unwrap_or(60);
    let spread = (app.clock.jitter() * f64::from(settings.spread_minutes) * MINUTE_MS as f64) as i64;
    let mut next = match pulled_since(&app, last_turn(app.clock.now(), minute)) {
        true => last_turn(app.clock.now(), minute).plus_millis(DAY_MS + spread),
        false => app.clock.now().plus_millis(FIRST_MS),
    };
    let mut failed = 0_u32;
    loop {
        app.catalogue_bell.stand(Standing { parked: true, wakes: 0, until: Some(next) });
        tokio::select! {
            () = app.clock.sleep_until(next) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        app.catalogue_bell.stand(Standing { parked: false, wakes: 0, until: None });
        let pulled = tokio::select! {
            pulled = pull_all(&app, &[], false) => pulled,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let now = app.clock.now();
        if pulled.iter().all(|one| one.fault.is_none()) {
            failed = 0;
            next = last_turn(now, minute).plus_millis(DAY_MS + spread);
        } else {
            let pause_ms = (i64::from(settings.retry_minutes.max(1)) * MINUTE_MS) << failed.min(10);
            failed += 1;
            next = now.plus_millis(pause_ms.min(RETRY_MS_MAX));
        }
    }
}

/// The latest moment, not after this one, at which the clock on the wall said so.
fn last_turn(now: Moment, minute: i64) -> Moment {
    let local = now.as_millis() + ZONE_MS;
    let today = local - local.rem_euclid(DAY_MS) + minute * MINUTE_MS;
    Moment::from_millis(if today <= local { today } else { today - DAY_MS } - ZONE_MS)
}

/// Has every list been pulled since then?
fn pulled_since(app: &App, since: Moment) -> bool {
    rooms(app, &[]).all(|room| room.adapter.catalogues().iter().all(|spec| is_fresh(app, room, spec, since)))
}

fn is_fresh(app: &App, room: &Room, spec: &CatalogueSpec, since: Moment) -> bool {
    let list = read(&app.config.gateway.data, room.name.as_str(), &spec.name).ok().flatten();
    list.is_some_and(|list| list.pulled_at >= since)
}

fn rooms<'a>(app: &'a App, peers: &'a [PeerName]) -> impl Iterator<Item = &'a Arc<Room>> {
    let wanted = move |room: &&Arc<Room>| match peers {
        [] => app.config.catalogues.peers.iter().any(|name| name == room.name.as_str()),
        named => named.contains(&room.name),
    };
    app.peers.values().filter(wanted)
}

/// Pulls the lists of these peers, or of all that are configured. By itself only what the last turn of the clock has not brought yet;
/// `now` pulls everything.
pub async fn pull_all(app: &App, peers: &[PeerName], now: bool) -> Vec<Pulled> {
    let minute = app.config.catalogues.minute().unwrap_or(60);
    let since = last_turn(app.clock.now(), minute);
    let mut all = Vec::new();
    for room in rooms(app, peers) {
        for spec in room.adapter.catalogues() {
            if now || !is_fresh(app, room, &spec, since) {
                all.push(pull(app, room, &spec).await);
            }
        }
    }
    all
}

async fn pull(app: &App, room: &Room, spec: &CatalogueSpec) -> Pulled {
    let mut pulled = Pulled {
        peer: room.name.clone(),
        catalogue: spec.name.clone(),
        entries: 0,
        added: 0,
        renamed: 0,
        withdrawn: 0,
        detailed: 0,
        fault: None,
    };
    let (peer, name) = (room.name.as_str(), spec.name.as_str());
    match renew(app, room, spec, &mut pulled).await {
        Ok(()) => {
            let Pulled { entries, added, renamed, withdrawn, detailed, .. } = pulled;
            tracing::info!(
                event = "catalogue-pulled",
                peer,
                catalogue = name,
                entries,
                added,
                renamed,
                withdrawn,
                detailed
            );
            app.metrics
                .catalogue_pulled_time_seconds
                .with_label_values(&[peer, name])
                .set(app.clock.now().as_millis() / 1000);
        }
        Err(fault) => {
            tracing::warn!(event = "catalogue-unpulled", peer, catalogue = name, fault = %fault.code, cause = %fault.cause);
            pulled.fault = Some(format!("{}: {}", fault.code, fault.words));
        }
    }
    let outcome = if pulled.fault.is_some() { "failed" } else { "pulled" };
    app.metrics.catalogue_pulls.with_label_values(&[peer, name, outcome]).inc();
    pulled
}

async fn renew(app: &App, room: &Room, spec: &CatalogueSpec, pulled: &mut Pulled) -> Result<(), Fault> {
    if !room.sends() {
        return Err(Fault::new("peer.paused", Blame::Gateway, Remedy::Later, words::peer_paused()));
    }
    let (data, peer) = (app.config.gateway.data.clone(), room.name.as_str());
    // One that cannot be read is no reason to be without for ever.
    let before = read(&data, peer, &spec.name).unwrap_or_else(|error| {
        tracing::warn!(event = "catalogue-unreadable", peer, catalogue = spec.name, %error);
        None
    });
    let (nothing, tries) = (Pairs::new(), Tries::two());
    let came =
        inquire(app, room, &nothing, &tries, |transcript| room.adapter.pull(&spec.name, None, transcript));
    let came = came.await?;
    let mut list = Catalogue::renewed(before, came, app.clock.now()).map_err(|shrunk| {
        let words = words::catalogue_shrunk(shrunk.had, shrunk.came);
        Fault::new("catalogue.shrunk", Blame::Peer, Remedy::Correct, words)
    })?;
    let keep = |list: &Catalogue, before| {
        write(&data, peer, &spec.name, list, before).map_err(|error| unwritten(&error))
    };
    keep(&list, true)?;
    pulled.entries = list.entries.values().filter(|entry| entry.in_force).count();
    for changed in list.latest_changes() {
        *match changed.change {
            Change::Added => &mut pulled.added,
            Change::Renamed => &mut pulled.renamed,
            Change::Withdrawn => &mut pulled.withdrawn,
        } += 1;
        let labels = [peer, spec.name.as_str(), changed.change.word()];
        app.metrics.catalogue_changes.with_label_values(&labels).inc();
    }
    let wanting = if spec.detailed { list.without_detail() } else { Vec::new() };
    for (number, code) in wanting.into_iter().take(app.config.catalogues.details_max as usize).enumerate() {
        let full = inquire(app, room, &nothing, &tries, |transcript| {
            room.adapter.pull(&spec.name, Some(&code), transcript)
        });
        match full.await {
            Ok(mut full) => {
                let detail = full.remove(&code).and_then(|entry| entry.detail);
                pulled.detailed += usize::from(detail.is_some());
                if let Some(entry) = list.entries.get_mut(&code) {
                    entry.detail = detail;
                }
            }
            // The list stands; the rest is asked for another night.
            Err(fault) => {
                tracing::warn!(event = "catalogue-entry-unpulled", peer, catalogue = spec.name, fault = %fault.code);
                break;
            }
        }
        if (number + 1) % DETAILS_AT_ONCE == 0 {
            keep(&list, false)?;
        }
    }
    if pulled.detailed > 0 { keep(&list, false) } else { Ok(()) }
}

fn unwritten(error: &io::Error) -> Fault {
    let words = words::catalogue_unwritten();
    Fault::new("catalogue.unwritten", Blame::Gateway, Remedy::Later, words).because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_the_night_is_by_the_clock_on_the_wall() {
        let at = |text: &str| Moment::parse(text).unwrap();
        for (now, turn) in [
            ("2026-11-23T00:59:59+07:00", "2026-11-22T01:00:00+07:00"),
            ("2026-11-23T01:00:00+07:00", "2026-11-23T01:00:00+07:00"),
            ("2026-11-23T06:30:00+07:00", "2026-11-23T01:00:00+07:00"),
            ("2026-11-22T18:00:00Z", "2026-11-23T01:00:00+07:00"),
        ] {
            assert_eq!(last_turn(at(now), 60), at(turn), "{now}");
        }
    }
}
