//! Peers on stage that are folders of data: laid into the stage's overlay, with a simulator from their own examples.
//!
//! `with <family>/<name>` calls one onto the stage, as the peer `<name>`; its files are documents of the story like all others.

use std::collections::BTreeMap;
use std::path::Path;

use super::cast::PASSWORD;
use super::{Documents, Given, PATIENT, UNIT};
use crate::clock::Clock;
use crate::files::Files;
use crate::simulator::Host;

/// The names of those that a story wants.
pub(super) fn named(given: &Given) -> impl Iterator<Item = &str> {
    given.keys().filter_map(|key| key.strip_prefix(adapters::FOLDER)?.strip_prefix('/'))
}

/// Lays out their files and starts their other sides.
pub(super) async fn raised(
    folder: &Path,
    documents: &Documents,
    given: &Given,
    clock: &Clock,
) -> Result<BTreeMap<String, Host>, String> {
    let overlay = folder.join("overlay");
    lay(&folder.join("everybodys.password"), PASSWORD)?;
    let mut hosts = BTreeMap::new();
    for name in named(given) {
        let own = format!("{}/{name}/", adapters::FOLDER);
        for (path, text) in documents.iter().filter(|(path, _)| path.starts_with(&own)) {
            lay(&overlay.join(path), text)?;
        }
        let files = Files::with_overlay(&overlay).map_err(|error| error.to_string())?;
        let peer = adapters::simulator_with(adapters::FOLDER, name, &toml::Table::new(), &files.mappings);
        let peer = peer
            .map_err(|defects| defects[0].to_string())?
            .ok_or_else(|| format!("{own} has no examples"))?;
        let host = Host::start(peer, ([127, 0, 0, 1], 0).into(), clock.clone()).await;
        let host = host.map_err(|error| error.to_string())?;
        host.spare(Some("oken"));
        hosts.insert(name.to_owned(), host);
    }
    Ok(hosts)
}

/// Writes a file, and the folders above it.
pub(super) fn lay(path: &Path, text: &str) -> Result<(), String> {
    let above = path.parent().ok_or("a file has a folder")?;
    std::fs::create_dir_all(above)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| error.to_string())
}

/// Their entries in the configuration, with the password of everybody for every secret that they need.
pub(super) fn entries(folder: &Path, given: &Given, hosts: &BTreeMap<String, Host>) -> String {
    let mut text = String::new();
    let files = Files::with_overlay(&folder.join("overlay")).unwrap_or_default();
    for name in named(given) {
        let family = adapters::FOLDER;
        let own = given.get(&format!("{family}/{name}")).map(|lines| lines.join("\n")).unwrap_or_default();
        text.push_str(&format!(
            "\n[peers.{name}]\nadapter = \"{family}\"\ndialect = \"{name}\"\nunit = \"{UNIT}\"\n{PATIENT}{own}\n"
        ));
        if let Some(host) = hosts.get(name) {
            text.push_str(&format!("endpoints.peer = \"http://{}\"\n", host.address()));
        }
        let built = adapters::build(family, name, &toml::Table::new(), &files.mappings).ok();
        for secret in built.iter().flat_map(|adapter| adapter.secrets()) {
            let file = folder.join("everybodys.password");
            text.push_str(&format!("keys.{secret} = {{ file = \"{}\" }}\n", file.display()));
        }
    }
    text
}
