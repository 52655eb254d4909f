//! Contracts, mappings, code lists and channels, compiled once at start, with everything that is wrong said at once.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::channel::Channels;
use gateway_core::fault::Defect;
use gateway_core::schema::Contracts;
use gateway_core::translator::{Plan, Translator};

use crate::files::Files;
use crate::store::MappingUsed;

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
        let mut channels = Channels::read(&files.mappings).map_err(|found| defects.extend(found)).ok();
        if let Some(channels) = &mut channels {
            channels.keep(|family, dialect| files.is_spoken(family, dialect));
        }
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
            _ => Err(files.at_home(defects)),
        }
    }

    /// Which mapping translates, with everything that its outcome depends on: also the lists a peer put in place of others.
    pub fn used(&self, plan: &Plan, codes: &BTreeMap<String, String>) -> MappingUsed {
        let mut fingerprint = plan.fingerprint().to_owned();
        for (from, to) in codes {
            let list = self.translator.code_list(to).map(|list| list.fingerprint()).unwrap_or_default();
            fingerprint.push_str(&format!(" {from}={list}"));
        }
        MappingUsed { name: plan.name().to_owned(), fingerprint }
    }

    /// The fingerprints of every mapping with the lists of one peer or another, by name: what failed under none of them is
    /// offered again.
    pub fn fingerprints<'a>(
        &self,
        codes: impl Iterator<Item = &'a BTreeMap<String, String>>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let codes: BTreeSet<_> = codes.chain(std::iter::once(&NONE)).collect();
        let all = |plan| codes.iter().map(|codes| self.used(plan, codes).fingerprint).collect();
        self.translator.plans().map(|(name, plan)| (name.to_owned(), all(plan))).collect()
    }
}

fn unknown_mappings(channels: &Channels, translator: &Translator) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (adapter, list) in &channels.by_adapter {
        for channel in list {
            let named = channel.kinds.values().flatten().chain(channel.answers.values());
            for mapping in named.filter(|name| translator.plan(name).is_none()) {
                // Of a peer that is a folder of data, the file in that folder.
                let folder =
                    if adapter == adapters::FOLDER { format!("{}/", channel.dialect) } else { String::new() };
                defects.push(Defect {
                    file: format!("mappings/{adapter}/{folder}channels.yaml"),
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
