//! The embassies: one folder a family of wire languages, each speaking it and nothing else.
//!
//! An adapter frames and names what a peer says and leads conversations in the peer's own words. Everything here is pure: no
//! socket, no disk, no clock, no chance. What the adapters need from files (tables of a peer's answers) reaches them as
//! bytes when they are built, and everything that is wrong with settings or files is said at once.
//!
//! Deliberately absent: translation of documents (mappings), routing, retries, storage, transport.

mod kinds;
mod settings;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::adapter::{Adapter, Simulator};
use gateway_core::channel::Channels;
use gateway_core::fault::{Defect, nearest};
use gateway_core::schema::Contracts;
use gateway_core::translator::Translator;

/// The files below `mappings/`, by path: `portal/outcomes.yaml` -> bytes.
pub type Files = BTreeMap<String, Vec<u8>>;

type Build = fn(&str, &toml::Table, &Files) -> Result<Arc<dyn Adapter>, Vec<Defect>>;
type Simulate = fn(&str, &toml::Table) -> Option<Box<dyn Simulator>>;

struct Family {
    name: &'static str,
    dialects: &'static [&'static str],
    build: Build,
    simulator: Simulate,
}

macro_rules! adapters {
    ($($family:ident),+ $(,)?) => {
        $(mod $family;)+

        const NAMES: &[&str] = &[$(stringify!($family)),+];

        const FAMILIES: &[Family] = &[$(Family {
            name: stringify!($family),
            dialects: $family::DIALECTS,
            build: $family::build,
            simulator: $family::simulator,
        }),+];
    };
}

// The registration: a family is a folder of this name and a word in this list.
adapters! { onestop, portal, population, postal, subscriber, payment, kiosk, emc, declared }

/// The names of all families, as `adapter = "…"` in the configuration takes them.
pub fn names() -> &'static [&'static str] {
    NAMES
}

/// The dialects of a family, as `dialect = "…"` takes them; a family with one may leave the setting out. Empty for a family
/// that does not exist.
pub fn dialects(adapter: &str) -> &'static [&'static str] {
    family(adapter).map(|family| family.dialects).unwrap_or_default()
}

/// Builds the embassy of one configured peer. All defects at once; an unknown setting is one, with the nearest known name.
pub fn build(
    adapter: &str,
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let family = family(adapter).ok_or_else(|| {
        vec![
            settings::defect("adapter", format!("there is no adapter `{adapter}`"))
                .near(nearest(adapter, NAMES.iter().copied()))
                .into(),
        ]
    })?;
    let dialect = match (dialect, family.dialects) {
        ("", [only]) => only,
        (named, _) => named,
    };
    // Dialects that are folders of data are found, or not, by their family.
    if !family.dialects.is_empty() && !family.dialects.contains(&dialect) {
        let known = family.dialects.join(", ");
        let message = format!("adapter `{adapter}` has no dialect `{dialect}`, only {known}");
        let near = nearest(dialect, family.dialects.iter().copied());
        return Err(vec![settings::defect("dialect", message).near(near).into()]);
    }
    (family.build)(dialect, settings, files).map_err(|defects| {
        let place = |defect: Defect| match defect.file.is_empty() {
            true => Defect { field: format!("settings.{}", defect.field), ..defect },
            false => defect,
        };
        defects.into_iter().map(place).collect()
    })
}

/// The other side of a peer, for demonstrations and tests; none where the peer only calls and is never called. Settings that
/// mean nothing to the simulator are passed over, so that the peer's own table can be given.
pub fn simulator(adapter: &str, dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    (family(adapter)?.simulator)(dialect, settings)
}

/// The same, also for a peer whose other side is told by example files.
pub fn simulator_with(
    adapter: &str,
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Option<Box<dyn Simulator>>, Vec<Defect>> {
    match adapter == FOLDER {
        true => declared::simulator_of(dialect, files),
        false => Ok(simulator(adapter, dialect, settings)),
    }
}

/// Channels, contracts and mappings, compiled: what places in documents are held against.
pub struct Compiled<'a> {
    /// Every channel.
    pub channels: &'a Channels,
    /// Every contract.
    pub contracts: &'a Contracts,
    /// Every mapping.
    pub translator: &'a Translator,
}

/// Everything that is wrong with the peers that are folders of data, whether the configuration names them or not. Without what is compiled
/// their places are not held against their contracts.
pub fn examine(files: &Files, known: Option<&Compiled>) -> Vec<Defect> {
    let inside = files.keys().filter_map(|path| path.strip_prefix(FOLDER)?.strip_prefix('/'));
    let mut names: Vec<&str> = inside.filter_map(|path| Some(path.split_once('/')?.0)).collect();
    names.dedup();
    names.into_iter().flat_map(|name| declared::examine(name, files, known)).collect()
}

/// The family whose dialects are folders of data: `<overlay>/<this>/<dialect>/`.
pub const FOLDER: &str = declared::FOLDER;

fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}
