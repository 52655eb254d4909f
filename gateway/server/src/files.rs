//! Schemas and mappings: compiled into the binary, and taken file by file from the overlay folder where it has one of the
//! same name. Read once, at start; a restart is the reload.

mod spoken;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use gateway_core::fault::Defect;
use gateway_core::ids::hex;
use include_dir::{Dir, include_dir};
use ring::digest;

pub use spoken::Dialect;

static SCHEMAS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../schemas");
static MAPPINGS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../mappings");

/// The data rooms: paths below `schemas/` and `mappings/` with their bytes.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Below `schemas/`.
    pub schemas: BTreeMap<String, Vec<u8>>,
    /// Below `mappings/`.
    pub mappings: BTreeMap<String, Vec<u8>>,
    /// Which of them came from the overlay, as `mappings/…` or `schemas/…`, and how each stands to the built-in one.
    pub overlaid: BTreeMap<String, Overlaid>,
    /// Whose they are, where they were chosen for somebody.
    spoken: Option<BTreeSet<Dialect>>,
}

/// How a file of the overlay stands to the one in the binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlaid {
    /// The binary has none of that name.
    Added,
    /// It takes the place of the built-in one, whose SHA-256 (first 12 hex digits) is given: when an upgrade changes what
    /// lies beneath an overlay, this digest changes.
    Replaces {
        /// First 12 hex digits of the built-in file's SHA-256.
        built_in: String,
        /// The digest it says to have been written over, in a remark `# over: <digest>` near its top.
        written_over: Option<String>,
    },
}

impl Overlaid {
    /// Has the built-in file changed since this one was written over it? Unknown where it does not say over which.
    pub fn is_outdated(&self) -> Option<bool> {
        match self {
            Overlaid::Added => Some(false),
            Overlaid::Replaces { built_in, written_over } => {
                written_over.as_ref().map(|over| over != built_in)
            }
        }
    }
}

impl Files {
    /// What the binary holds.
    pub fn built_in() -> Self {
        Files {
            schemas: collect(&SCHEMAS),
            mappings: collect(&MAPPINGS),
            overlaid: BTreeMap::new(),
            spoken: None,
        }
    }

    /// The same, with the overlay folder's `schemas/` and `mappings/` on top. A missing folder is no overlay.
    pub fn with_overlay(folder: &Path) -> io::Result<Self> {
        let mut files = Files::built_in();
        for (room, name) in [(&mut files.schemas, "schemas"), (&mut files.mappings, "mappings")] {
            let mut found = BTreeMap::new();
            walk(&folder.join(name), "", &[], &mut found)?;
            for (path, bytes) in found {
                let written_over = written_over(&bytes);
                let overlaid = match room.insert(path.clone(), bytes) {
                    Some(built_in) => Overlaid::Replaces { built_in: short_digest(&built_in), written_over },
                    None => Overlaid::Added,
                };
                files.overlaid.insert(format!("{name}/{path}"), overlaid);
            }
        }
        let mut found = BTreeMap::new();
        walk(&folder.join(adapters::FOLDER), "", &[], &mut found)?;
        for (path, bytes) in found {
            let Some((peer, inside)) = path.split_once('/') else { continue };
            let (room, inside) = match inside.split_once('/') {
                Some(("schemas", inside)) => (&mut files.schemas, inside),
                Some(("mappings", inside)) => (&mut files.mappings, inside),
                _ => (&mut files.mappings, inside),
            };
            room.insert(format!("{}/{peer}/{inside}", adapters::FOLDER), bytes);
            files.overlaid.insert(format!("{}/{path}", adapters::FOLDER), Overlaid::Added);
        }
        Ok(files)
    }

    /// Where a file of the data rooms really lies: what belongs to a peer that is a folder of data lies in that folder.
    pub fn home(&self, file: &str) -> String {
        let inside = |room: &str| file.strip_prefix(room)?.strip_prefix('/')?.strip_prefix(adapters::FOLDER);
        let way =
            |rest: &str| rest.strip_prefix('/')?.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
        let (room, found) = match (inside("mappings").and_then(way), inside("schemas").and_then(way)) {
            (Some(found), _) => ("mappings/", found),
            (_, Some(found)) => ("schemas/", found),
            _ => return file.to_owned(),
        };
        // Who keeps to the two rooms of an overlay also finds the file there.
        if self.overlaid.contains_key(file) {
            return file.to_owned();
        }
        let (peer, inside) = found;
        let own =
            ["peer.yaml", "channels.yaml"].contains(&inside.as_str()) || inside.starts_with("examples/");
        let room = if own && room == "mappings/" { "" } else { room };
        format!("{}/{peer}/{room}{inside}", adapters::FOLDER)
    }

    /// Defects with the names of files as their owner knows them, each once.
    pub fn at_home(&self, defects: Vec<Defect>) -> Vec<Defect> {
        let mut named: Vec<Defect> = Vec::new();
        for defect in defects {
            let defect = Defect { file: self.home(&defect.file), ..defect };
            if !named.contains(&defect) {
                named.push(defect);
            }
        }
        named
    }
}

/// `# over: 1a2b3c4d5e6f` in one of the first lines; XML and JSON have no such remark and say nothing.
fn written_over(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().take(5).find_map(|line| line.strip_prefix("# over:")).map(|digest| digest.trim().to_owned())
}

/// The first 12 hex digits of the SHA-256.
pub fn short_digest(bytes: &[u8]) -> String {
    hex(&digest::digest(&digest::SHA256, bytes).as_ref()[..6])
}

fn collect(dir: &Dir) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            files.insert(file.path().to_string_lossy().replace('\\', "/"), file.contents().to_vec());
        }
    }
    files
}

/// Reads a folder and those below it, through links as well as plainly, because a province's files are often laid out by a tool
/// that links (a configuration map, a checked-out version). `above` are the folders on the way here, as they really lie: a link
/// back to one of them has no end. Names with a dot in front are such tools' own and editors', never rules.
fn walk(
    folder: &Path,
    prefix: &str,
    above: &[PathBuf],
    found: &mut BTreeMap<String, Vec<u8>>,
) -> io::Result<()> {
    let said =
        |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // No overlay, unless something of that name is there: a link that leads nowhere is a slip.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_symlink() => return Ok(()),
        Err(error) => return Err(said(folder, error)),
    };
    let here = folder.canonicalize().map_err(|error| said(folder, error))?;
    if above.contains(&here) {
        return Err(said(folder, io::Error::other("links back to a folder above it")));
    }
    let above = [above, &[here]].concat();
    for entry in entries {
        let entry = entry.map_err(|error| said(folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let (place, path) = (entry.path(), if prefix.is_empty() { name } else { format!("{prefix}/{name}") });
        // Of what a link leads to, not of the link.
        if std::fs::metadata(&place).map_err(|error| said(&place, error))?.is_dir() {
            walk(&place, &path, &above, found)?;
        } else {
            found.insert(path, std::fs::read(&place).map_err(|error| said(&place, error))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_wins_file_by_file() {
        let folder = tempfile::tempdir().unwrap();
        let codes = folder.path().join("mappings/onestop/codes");
        std::fs::create_dir_all(&codes).unwrap();
        std::fs::write(codes.join("of-this-province.yaml"), "list: x").unwrap();
        std::fs::write(folder.path().join("mappings/README.md"), "# over: 000000000000\nours").unwrap();
        let files = Files::with_overlay(folder.path()).unwrap();
        assert_eq!(files.mappings["onestop/codes/of-this-province.yaml"], b"list: x");
        assert_eq!(files.overlaid["mappings/onestop/codes/of-this-province.yaml"], Overlaid::Added);
        assert!(files.mappings["README.md"].ends_with(b"ours"));
        assert_eq!(files.overlaid["mappings/README.md"].is_outdated(), Some(true));
        assert_eq!(files.overlaid["mappings/onestop/codes/of-this-province.yaml"].is_outdated(), Some(false));
    }

    #[test]
    fn a_folder_of_data_is_laid_into_the_rooms_and_its_files_keep_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let peer = folder.path().join(adapters::FOLDER).join("x");
        for (path, text) in [
            ("peer.yaml", "title: x"),
            ("schemas/parts/a.xsd", "<x/>"),
            ("mappings/codes/b.yaml", "list: b"),
            ("mappings/out-c.yaml", "c"),
            ("examples/1.yaml", "d"),
        ] {
            std::fs::create_dir_all(peer.join(path).parent().unwrap()).unwrap();
            std::fs::write(peer.join(path), text).unwrap();
        }
        let files = Files::with_overlay(folder.path()).unwrap();
        let there = |room: &str, name: &str| {
            assert!(files.overlaid.contains_key(&files.home(&format!("{room}/{name}"))), "{name}");
            let room = if room == "schemas" { &files.schemas } else { &files.mappings };
            assert!(room.contains_key(name), "{name}");
        };
        there("schemas", "declared/x/parts/a.xsd");
        for name in ["peer.yaml", "codes/b.yaml", "out-c.yaml", "examples/1.yaml"] {
            there("mappings", &format!("declared/x/{name}"));
        }
        assert_eq!(files.home("mappings/portal/a.yaml"), "mappings/portal/a.yaml");
    }

    #[test]
    fn an_overlay_is_read_through_links() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("versions/7/codes")).unwrap();
        std::fs::write(at("versions/7/codes/ours.yaml"), "list: x").unwrap();
        std::fs::write(at("one.yaml"), "list: y").unwrap();
        // As a configuration map lies: the root is a link, so are the folders and files in it.
        std::fs::create_dir_all(at("real/mappings/onestop/.v7")).unwrap();
        std::fs::write(at("real/mappings/onestop/.v7/ours.yaml"), "list: z").unwrap();
        symlink(at("versions/7/codes"), at("real/mappings/onestop/codes")).unwrap();
        symlink(at("one.yaml"), at("real/mappings/onestop/one.yaml")).unwrap();
        symlink(at("real"), at("etc")).unwrap();
        let files = Files::with_overlay(&at("etc")).unwrap();
        assert_eq!(files.mappings["onestop/codes/ours.yaml"], b"list: x");
        assert_eq!(files.mappings["onestop/one.yaml"], b"list: y");
        assert_eq!(files.overlaid.len(), 2, "{:?}", files.overlaid);

        for (target, word) in [("real", "links back to a folder above it"), ("nowhere", "No such file")] {
            let link = at("real/mappings/onestop/again");
            let _ = std::fs::remove_file(&link);
            symlink(at(target).join("mappings"), &link).unwrap();
            let said = Files::with_overlay(&at("etc")).unwrap_err().to_string();
            assert!(said.contains("mappings/onestop/again") && said.contains(word), "{said}");
        }
    }
}
