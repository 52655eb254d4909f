//! Contracts, mappings, code lists and channels, compiled once at start, with everything that is wrong said at once.

use std::collections::BTreeMap;

use gateway_core::channel::Channels;
use gateway_core::fault::Defect;
use gateway_core::schema::Contracts;
use gateway_core::translator::Translator;

use crate::files::Files;

/// The compiled data rooms.
pub struct Rules {
    /// Doors and kinds.
    pub channels: Channels,
    /// Every contract.
    pub contracts: Contracts,
    /// Every mapping and code list.
    pub translator: Translator,
}

impl Rules {
    /// Compiles the files; what can still be checked after a defect is checked.
    pub fn compile(files: &Files) -> Result<Rules, Vec<Defect>> {
        let mut defects = Vec::new();
        let channels = Channels::read(&files.mappings).map_err(|found| defects.extend(found)).ok();
        let before = defects.len();
        let contracts = Contracts::compile_sound(&files.schemas, &mut defects);
        let sound = defects.len() == before;
        let translator = Translator::compile(&files.mappings, &contracts)
            .map_err(|mut found| {
                // A contract that is not there may be one of those that could not be compiled.
                found.retain(|defect| {
                    sound || !matches!(defect.field.as_str(), "mapping.from" | "mapping.to")
                });
                defects.extend(found);
            })
            .ok();
        if let (Some(channels), Some(translator)) = (&channels, &translator) {
            defects.extend(unknown_mappings(channels, translator));
        }
        match (channels, translator) {
            (Some(channels), Some(translator)) if defects.is_empty() => {
                Ok(Rules { channels, contracts, translator })
            }
            _ => Err(defects),
        }
    }

    /// What a translation by this mapping depends on; a held delivery is offered again when it changes.
    pub fn fingerprints(&self) -> BTreeMap<String, String> {
        self.translator.plans().map(|(name, plan)| (name.to_owned(), plan.fingerprint().to_owned())).collect()
    }
}

fn unknown_mappings(channels: &Channels, translator: &Translator) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (adapter, list) in &channels.by_adapter {
        for channel in list {
            for mapping in channel.kinds.values().flatten().filter(|name| translator.plan(name).is_none()) {
                defects.push(Defect {
                    file: format!("mappings/{adapter}/channels.yaml"),
                    line: 0,
                    field: channel.name.to_string(),
                    message: format!("there is no mapping `{mapping}`"),
                    nearest: gateway_core::fault::nearest(mapping, translator.plans().map(|(name, _)| name)),
                });
            }
        }
    }
    defects
}
