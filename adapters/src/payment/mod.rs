//! Those who take money for the one-stop-shop: the Payment Platform of the national portal (`payplat`) and PayGov (`paygov`).
//!
//! A third dialect, `desk`, is ours: one-stop-shop software begins, takes back and asks by it, and is told what was paid. What the
//! three share stands here: what answers mean ([`outcomes`]), digests over what is signed ([`seal`]), pieces of wire ([`wire`]).
//!
//! Deliberately absent: whether money counts. The core judges that, against what was asked for under the reference.

mod desk;
mod outcomes;
mod paygov;
mod payplat;
mod seal;
mod wire;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Simulator};
use gateway_core::fault::Defect;

use crate::Files;
use crate::settings::{both, sound};
use outcomes::Outcomes;

pub(crate) const DIALECTS: &[&str] = &["payplat", "paygov", "desk"];

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let outcomes = Outcomes::read(files, dialect);
    match dialect {
        "paygov" => join(paygov::Settings::gather(settings), outcomes, paygov::PayGov::new),
        "desk" => join(desk::Settings::gather(settings), outcomes, desk::Desk::new),
        _ => join(payplat::Settings::gather(settings), outcomes, payplat::PayPlat::new),
    }
}

/// The other side of a provider, or of the one-stop-shop's software.
pub(crate) fn simulator(dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    match dialect {
        "payplat" => Some(Box::new(payplat::simulator(settings))),
        "paygov" => Some(Box::new(paygov::simulator(settings))),
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
