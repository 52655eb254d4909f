//! Which files a gateway needs: those of the dialects that its peers speak, and what these lean on.

use std::collections::BTreeSet;

use gateway_core::channel::Channels;

use super::Files;
use crate::config::Peer;

/// A dialect of a family, as a peer's entry names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dialect {
    /// `adapter = "…"`.
    pub family: String,
    /// `dialect = "…"`; of a family with one it may be empty.
    pub name: String,
}

impl Dialect {
    /// What this peer speaks.
    pub fn of(peer: &Peer) -> Self {
        Dialect { family: peer.adapter.clone(), name: peer.dialect.clone() }
    }
}

/// Somebody whose entry leaves the dialect out speaks the only one that there is.
fn speaks(spoken: &BTreeSet<Dialect>, family: &str, dialect: &str) -> bool {
    spoken.iter().any(|one| one.family == family && (one.name == dialect || one.name.is_empty()))
}

/// The family, and the folder in its shelf, of a path below one of the rooms.
fn shelf(name: &str) -> (&str, Option<&str>) {
    let mut parts = name.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(family), Some(folder), Some(_)) => (family, Some(folder)),
        (family, ..) => (family.unwrap_or_default(), None),
    }
}

/// Does this text, which lies in that folder, name a contract: as mappings do, by its path, or as contracts do, by the way to it?
fn names((folder, text): &(String, String), contract: &str) -> bool {
    let name = contract.trim_end_matches(".schema.json");
    let (beside, file) = contract.rsplit_once('/').unwrap_or(("", contract));
    let below = beside.rsplit('/').next().unwrap_or(beside);
    text.contains(name)
        || text.contains(&format!("../{below}/{file}"))
        || beside == folder && text.contains(file)
}

/// The folder of a path below one of the rooms, and the text that lies there.
fn placed((path, bytes): (&String, &Vec<u8>)) -> (String, String) {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    (folder.to_owned(), String::from_utf8_lossy(bytes).into_owned())
}

impl Files {
    /// Those that a gateway needs whose peers speak these dialects: the shelves of their families, and in them no folder of a dialect that
    /// nobody speaks, unless what is kept leans on it. Whoever speaks to few is spared compiling, and holding, the contracts of the others.
    #[must_use]
    pub fn of(mut self, spoken: &BTreeSet<Dialect>) -> Files {
        let families: BTreeSet<&str> = spoken.iter().map(|dialect| dialect.family.as_str()).collect();
        let idle: Vec<&str> =
            adapters::names().iter().copied().filter(|family| !families.contains(family)).collect();
        let is_needed = |name: &str| match shelf(name) {
            (adapters::FOLDER, Some(folder)) => speaks(spoken, adapters::FOLDER, folder),
            (family, _) => !idle.contains(&family),
        };
        self.schemas.retain(|name, _| is_needed(name));
        self.mappings.retain(|name, _| is_needed(name));
        // What is wrong with the channels is said when they are read to be used.
        if let Ok(channels) = Channels::read(&self.mappings) {
            self.drop_unspoken(&channels, spoken);
        }
        self.spoken = Some(spoken.clone());
        self
    }

    /// Is this dialect one of those that the gateway speaks? Of files that were not chosen for anybody, every one is.
    pub fn is_spoken(&self, family: &str, dialect: &str) -> bool {
        self.spoken.as_ref().is_none_or(|spoken| speaks(spoken, family, dialect))
    }

    /// Drops the mappings that only channels of unspoken dialects name, then the contracts in those dialects' folders that nothing kept
    /// names: neither a mapping, nor a channel, nor another contract.
    fn drop_unspoken(&mut self, channels: &Channels, spoken: &BTreeSet<Dialect>) {
        let (mut kept, mut dropped) = (BTreeSet::new(), BTreeSet::new());
        let mut known: Vec<(String, String)> = Vec::new();
        for (family, channel) in
            channels.by_adapter.iter().flat_map(|(f, list)| list.iter().map(move |c| (f, c)))
        {
            let is_kept = channel.dialect.is_empty() || speaks(spoken, family, &channel.dialect);
            let named = channel.kinds.values().flatten().chain(channel.answers.values());
            if is_kept { &mut kept } else { &mut dropped }.extend(named.cloned());
            let body = channel.describes.body.clone().filter(|_| is_kept);
            known.extend(body.map(|body| (String::new(), body)));
        }
        let is_idle = |name: &str| {
            let (family, folder) = shelf(name);
            let is_dialect = folder.is_some_and(|folder| adapters::dialects(family).contains(&folder));
            is_dialect && !folder.is_some_and(|folder| speaks(spoken, family, folder))
        };
        self.mappings.retain(|name, _| {
            let name = name.strip_suffix(".yaml").unwrap_or(name);
            !dropped.contains(name) || kept.contains(name)
        });
        let is_rule = |name: &str| {
            name.ends_with(".yaml") && !name.ends_with("channels.yaml") && !name.contains(".cases/")
        };
        known.extend(self.mappings.iter().filter(|(name, _)| is_rule(name)).map(placed));
        known.extend(self.schemas.iter().filter(|(name, _)| !is_idle(name)).map(placed));
        let mut open: Vec<String> = self.schemas.keys().filter(|name| is_idle(name)).cloned().collect();
        // Whatever is named brings what it names.
        while let Some(one) = known.pop() {
            let named: Vec<String> = open.extract_if(.., |name| names(&one, name)).collect();
            known.extend(named.iter().filter_map(|name| self.schemas.get_key_value(name)).map(placed));
        }
        for name in open {
            self.schemas.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    fn spoken(dialects: &[(&str, &str)]) -> BTreeSet<Dialect> {
        let dialect = |(family, name): &(&str, &str)| Dialect {
            family: (*family).to_owned(),
            name: (*name).to_owned(),
        };
        dialects.iter().map(dialect).collect()
    }

    /// Every dialect alone finds all that its channels name, and nothing of the families and dialects that nobody speaks.
    #[test]
    fn each_dialect_gets_what_it_leans_on_and_no_more() {
        for family in adapters::names() {
            for dialect in adapters::dialects(family) {
                let files = Files::built_in().of(&spoken(&[(family, dialect)]));
                let rules = Rules::compile(&files)
                    .unwrap_or_else(|defects| panic!("{family}/{dialect}: {defects:#?}"));
                let whole = rules
                    .channels
                    .by_adapter
                    .iter()
                    .flat_map(|(family, list)| list.iter().map(move |c| (family, c)));
                for (of, channel) in whole {
                    assert!(
                        of == family && ["", *dialect].contains(&channel.dialect.as_str()),
                        "{}",
                        channel.name
                    );
                }
            }
        }
        let of_relay = Files::built_in().of(&spoken(&[("onestop", "relay"), ("portal", "")])).schemas;
        let kept = |folder: &str| of_relay.keys().any(|name| name.starts_with(folder));
        assert!(kept("onestop/relay/") && kept("onestop/envelope/answer") && kept("portal/"));
        for idle in ["onestop/igate/", "onestop/opencps/", "onestop/xml/", "postal/", "payment/"] {
            assert!(!kept(idle), "{idle}");
        }
    }

    #[test]
    fn of_folders_of_data_only_those_that_are_spoken_to_are_kept() {
        let mut files = Files::built_in();
        files.mappings.insert("declared/x/peer.yaml".to_owned(), b"title: x".to_vec());
        let kept = |name: &str| files.clone().of(&spoken(&[("declared", name)])).mappings;
        assert!(kept("x").contains_key("declared/x/peer.yaml"));
        assert!(!kept("y").contains_key("declared/x/peer.yaml"));
    }
}
