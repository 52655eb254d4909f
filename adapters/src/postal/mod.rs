//! The postal services that carry results to citizens and papers from them.
//!
//! Four dialects speak to carriers: `hcc` (the 17-field order of the public sector, over NGSP, an LGSP or a relay, with a tracking
//! feed), `ems`, `myvnpost` and `legacy` (the "điều tin" interface of 2016). A fifth, `desk`, is ours: one-stop-shop software
//! orders, cancels and asks by it and is told what became of a shipment. What the carriers share stands here: the order and its
//! fixed number ([`order`]), what answers mean ([`outcomes`]), and pieces of wire ([`wire`]).
//!
//! Deliberately absent: where a shipment is (the core folds that from events), and how often a feed is asked.

mod desk;
mod ems;
mod hcc;
mod legacy;
mod myvnpost;
mod order;
mod outcomes;
mod verdict;
mod wire;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Simulator};
use gateway_core::fault::Defect;

use crate::Files;
use crate::settings::{both, sound};
use outcomes::Outcomes;

pub(crate) const DIALECTS: &[&str] = &["hcc", "ems", "myvnpost", "legacy", "desk"];

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let outcomes = Outcomes::read(files, dialect);
    match dialect {
        "ems" => join(ems::Settings::gather(settings), outcomes, ems::Ems::new),
        "myvnpost" => join(myvnpost::Settings::gather(settings), outcomes, myvnpost::MyVnPost::new),
        "legacy" => join(legacy::Settings::gather(settings), outcomes, legacy::Legacy::new),
        "desk" => join(desk::Settings::gather(settings), outcomes, desk::Desk::new),
        _ => join(hcc::Settings::gather(settings), outcomes, hcc::Hcc::new),
    }
}

/// The other side of a carrier, or of the counter's software.
pub(crate) fn simulator(dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    match dialect {
        "hcc" => Some(Box::new(hcc::simulator(settings))),
        "ems" => Some(Box::new(ems::simulator(settings))),
        "myvnpost" => Some(Box::new(myvnpost::simulator(settings))),
        "legacy" => Some(Box::new(legacy::simulator(settings))),
        "desk" => Some(Box::new(desk::simulator(settings))),
        _ => None,
    }
}

/// An embassy of settings and table, or everything that is wrong with both.
fn join<S, A: Adapter + 'static>(
    settings: (S, Vec<Defect>),
    outcomes: Result<Outcomes, Vec<Defect>>,
    new: fn(S, Outcomes) -> A,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let (settings, outcomes) = both(sound(settings), outcomes)?;
    Ok(Arc::new(new(settings, outcomes)))
}
