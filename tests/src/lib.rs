//! What several kinds of tests need: where the tree is, and the documents that stories send.

pub mod broker;
pub mod chance;
pub mod fields;
pub mod process;
pub mod proxy;
pub mod python;
pub mod senders;
pub mod waiting;

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The root of the source tree.
pub fn tree() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The documents that stories may name: those of the demonstration, those beside the stories, and by their paths the files of peers that
/// are folders of data.
pub fn documents() -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for folder in ["ops/demo", "tests/stories"] {
        let entries = std::fs::read_dir(tree().join(folder)).expect("the tree has this folder");
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.extension().is_some_and(|ending| ending == "json" || ending == "xml") {
                let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
                documents.insert(name, std::fs::read_to_string(&path).expect("a readable file"));
            }
        }
    }
    let folder = tree().join("tests/fixtures");
    let mut open = vec![folder.join("declared")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(&path).expect("a readable folder");
            open.extend(inside.map(|entry| entry.expect("an entry").path()));
        } else {
            let name = path.strip_prefix(&folder).expect("it lies below").to_string_lossy().into_owned();
            documents.insert(name, std::fs::read_to_string(&path).expect("a readable file"));
        }
    }
    documents
}
