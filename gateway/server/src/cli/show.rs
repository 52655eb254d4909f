//! `timeline`: everything that happened to a dossier, for people and for scripts. Reads the store; the gateway may run or not.

use clap::Args;

use super::{Common, Ended, Outcome, block_on};
use crate::store::{self, Event, Seal, Store, TimelineRow};
use crate::words::{Lang, event_words, store_trouble};

#[derive(Args)]
pub struct Timeline {
    /// The dossier's code, by any system's name for it
    dossier: String,
    /// Every call too, not only the milestones
    #[arg(long, short)]
    all: bool,
}

pub fn timeline(common: &Common, args: Timeline) -> Outcome {
    let store = open(common)?;
    let found = block_on(async { Ok(store.timeline(&args.dossier).await?) })?;
    let Some(found) = found else {
        eprintln!("{}", common.lang().pick("không có hồ sơ nào mang mã này", "no dossier has this code"));
        return Err(Ended::NotAsItShould);
    };
    if common.json {
        say!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print(&args.dossier, &found, args.all, common.lang());
    }
    Ok(())
}

/// The store of the configuration, for reading, beside a running gateway or without one.
pub(super) fn open(common: &Common) -> Result<Store, Ended> {
    let config = common.load()?;
    let (current, old) = crate::app::sealing_keys(&config).map_err(Ended::CannotStart)?;
    let seal = Seal::from_keys(&current, &old)?;
    Store::open_read_only(&config.gateway.data, seal).map_err(|error| {
        let words = store_trouble(common.lang(), &error);
        Ended::CannotStart(format!("{}: {words}", config.gateway.data.display()))
    })
}

/// One line a row: when, which peer, what.
pub(super) fn print(code: &str, timeline: &store::Timeline, all: bool, lang: Lang) {
    say!("{code}");
    // A value that was changed is never left out: nobody should have to know where to look for it.
    let told = |row: &&TimelineRow| all || row.event.is_milestone() || row.event == Event::Shortened;
    for row in timeline.rows.iter().filter(told) {
        let level =
            row.level.filter(|_| all).map(|level| format!(" [{}]", level.as_str())).unwrap_or_default();
        let peer = row.peer.as_ref().map(|peer| peer.as_str()).unwrap_or("");
        say!(
            "  {}  {:<10} {}",
            row.at.for_people(),
            peer,
            event_words(lang, row.event.as_str(), &row.detail) + &level
        );
    }
}
