//! The lists that peers publish: how old they are, and whether accepted messages have codes that are in none of them.

use super::{Report, State};
use crate::cli::{Common, Ended, codes, show};
use crate::config::Config;
use crate::rules::Rules;
use crate::{catalogue, files::Files};

/// A pull that fails is tried again the same night, so two nights are no chance.
const OLD_MS: i64 = 3 * 24 * 3_600_000;

pub(super) fn examine(
    common: &Common,
    config: &Config,
    files: &Files,
    report: &mut Report,
) -> Result<(), Ended> {
    if config.catalogues.peers.is_empty() {
        return Ok(());
    }
    let lists = catalogue::all(&config.gateway.data, &config.catalogues.peers)?;
    let oldest = lists.values().map(|list| list.pulled_at).min();
    let next = "lienthong catalogue pull";
    match oldest {
        None => {
            let says = report.pick("chưa lấy danh mục nào", "nothing was pulled yet").to_owned();
            report.add("catalogues", State::Note, says, next);
        }
        Some(oldest) => {
            let says = format!("{} {}", report.pick("lấy lần cuối", "last pulled"), oldest.for_people());
            match report.now.millis_since(oldest) > OLD_MS {
                true => report.add("catalogues", State::Ill, says, next),
                false => report.ok("catalogues", says),
            }
        }
    }
    // Where either is not there, another line says so.
    let (Ok(rules), Ok(store)) = (Rules::compile(files), show::open(common)) else { return Ok(()) };
    let unmapped = codes::unmapped(common, config, &rules, &store, None)?.len();
    if unmapped > 0 {
        let words = report
            .pick("mã địa phương chưa có trong danh mục công bố", "local codes that no published list has");
        report.add("catalogues", State::Ill, format!("{unmapped} {words}"), "lienthong codes suggest");
    }
    Ok(())
}
