//! A file on its way into the store: hashed and sealed a stretch at a time, beside whoever brings it where it is large.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, PoisonError};

use gateway_core::ids::hex;
use gateway_core::lift::Ticket;
use ring::aead::LessSafeKey;
use ring::digest::{Context, SHA256};

use super::super::claims::{Vault, make_young};
use super::super::error::StoreError;
use super::super::seal::Digests;
use super::beside::{Beside, Places};
use super::laid::Laying;
use super::{RECORD, bound_to, nonce, unusable};
use crate::clock::chance;

/// So much is hashed and sealed at once.
const STRETCH: usize = 4 * RECORD;
/// So many of these may wait for it.
const WAITING: usize = 4;
/// As many as files that have a writer of their own.
static SEALERS: Places = Places::new(8);
/// Where drafts stand, below the folder of the claims.
const DRAFTS: &str = "new";

/// A file without a name on the disk, which goes with this value unless it was kept. While somebody has it, it is not swept, however
/// long its call lasts.
struct Nameless {
    path: PathBuf,
    vault: Arc<Vault>,
    kept: bool,
}

impl Nameless {
    fn new(path: PathBuf, vault: &Arc<Vault>) -> Self {
        vault.drafts().insert(path.clone());
        Nameless { path, vault: vault.clone(), kept: false }
    }
}

impl Drop for Nameless {
    fn drop(&mut self) {
        if !self.kept {
            // What stays behind is swept.
            let _ = fs::remove_file(&self.path);
        }
        self.vault.drafts().remove(&self.path);
    }
}

/// A file that is being written. Dropped, it is gone.
pub struct Draft {
    vault: Arc<Vault>,
    nameless: Nameless,
    /// What came and is not sealed yet.
    stretch: Vec<u8>,
    bytes: u64,
    sealer: Hands,
}

/// The sealer again, and what went wrong.
type Sealed = (Box<Sealer>, Result<(), StoreError>);

/// Where the records of a file are made.
enum Hands {
    /// By whoever brings the content.
    Ours(Box<Sealer>),
    /// By a thread beside.
    Beside(Beside<Vec<u8>, Sealed>),
    /// Something of the file is not there: whoever was told so and goes on all the same is told again.
    Gone,
}

impl Draft {
    pub(super) fn begin(vault: Arc<Vault>) -> Result<Draft, StoreError> {
        let folder = vault.folder().join(DRAFTS);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("draft-{}", hex(&chance::<8>())));
        let (head, key) = vault.seal.for_new_file()?;
        let nameless = Nameless::new(path, &vault);
        let mut laying = Laying::begin(&nameless.path)?;
        laying.put(&head)?;
        let sealer = Sealer { key, hash: Context::new(&SHA256), laying, number: 0 };
        Ok(Draft { vault, nameless, stretch: Vec::new(), bytes: 0, sealer: Hands::Ours(Box::new(sealer)) })
    }

    /// Takes more of the content. Blocking.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            // A full stretch goes on when more comes: only then is its last record known not to be the last of all.
            if self.stretch.len() == STRETCH {
                self.hand_over()?;
            }
            let some = bytes.len().min(STRETCH - self.stretch.len());
            if self.stretch.len() + some > RECORD {
                self.stretch.reserve_exact(STRETCH - self.stretch.len());
            }
            self.stretch.extend_from_slice(&bytes[..some]);
            bytes = &bytes[some..];
        }
        Ok(())
    }

    /// How much came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All of it is here: on disk and still without a name. Blocking.
    pub fn finish(mut self) -> Result<Finished, StoreError> {
        let sealer = match std::mem::replace(&mut self.sealer, Hands::Gone) {
            Hands::Ours(sealer) => sealer,
            Hands::Beside(beside) => {
                let (sealer, said) = beside.end()?;
                said?;
                sealer
            }
            Hands::Gone => return Err(unwritten()),
        };
        let sha256 = sealer.end(&mut self.stretch, &self.vault.digests)?;
        let name = self.vault.digests.file(&sha256);
        let ticket = Ticket { sha256, bytes: self.bytes };
        Ok(Finished { ticket, name, vault: self.vault, nameless: self.nameless })
    }

    fn hand_over(&mut self) -> Result<(), StoreError> {
        let mut full = std::mem::take(&mut self.stretch);
        let beside = match std::mem::replace(&mut self.sealer, Hands::Gone) {
            Hands::Gone => return Err(unwritten()),
            Hands::Beside(beside) => beside,
            Hands::Ours(mut sealer) => {
                // A thread is begun only for what is large.
                let place = if sealer.number > 0 { SEALERS.take() } else { None };
                match place {
                    Some(place) => Beside::begin("file-seal", WAITING, place, |full, emptied| {
                        sealer.work(full, emptied)
                    })?,
                    None => {
                        sealer.stretch(&mut full)?;
                        full.clear();
                        (self.stretch, self.sealer) = (full, Hands::Ours(sealer));
                        return Ok(());
                    }
                }
            }
        };
        if !beside.give(full) {
            let (_, said) = beside.end()?;
            return said.and(Err(unwritten()));
        }
        self.stretch = beside.empty().unwrap_or_default();
        self.sealer = Hands::Beside(beside);
        Ok(())
    }
}

fn unwritten() -> StoreError {
    StoreError::Io("a part of the file could not be written".to_owned())
}

/// Makes the records of a file.
struct Sealer {
    key: LessSafeKey,
    hash: Context,
    laying: Laying,
    number: u64,
}

impl Sealer {
    /// Takes all stretches that come; stops at the first that cannot be kept.
    fn work(mut self: Box<Self>, full: &Receiver<Vec<u8>>, emptied: &Sender<Vec<u8>>) -> Sealed {
        for mut plain in full {
            if let Err(error) = self.stretch(&mut plain) {
                return (self, Err(error));
            }
            plain.clear();
            // Whoever fills them may be gone by now.
            let _ = emptied.send(plain);
        }
        (self, Ok(()))
    }

    /// Whole records, of which none is the last.
    fn stretch(&mut self, plain: &mut [u8]) -> Result<(), StoreError> {
        self.hash.update(plain);
        plain.chunks_mut(RECORD).try_for_each(|record| self.record(record, None))
    }

    /// The rest, with the last record; gives the hash of all. It is on disk when this comes back.
    fn end(mut self, plain: &mut [u8], digests: &Digests) -> Result<String, StoreError> {
        self.hash.update(plain);
        let sha256 = hex(self.hash.clone().finish().as_ref());
        let (whole, last) = plain.split_at_mut(plain.len().saturating_sub(1) / RECORD * RECORD);
        whole.chunks_mut(RECORD).try_for_each(|record| self.record(record, None))?;
        self.record(last, Some(&digests.file(&sha256)))?;
        self.laying.end()?;
        Ok(sha256)
    }

    fn record(&mut self, plain: &mut [u8], last: Option<&str>) -> Result<(), StoreError> {
        let nonce = nonce(self.number, last.is_some());
        let tag =
            self.key.seal_in_place_separate_tag(nonce, bound_to(last), plain).map_err(|_| unusable())?;
        self.laying.put(plain)?;
        self.laying.put(tag.as_ref())?;
        self.number += 1;
        Ok(())
    }
}

/// A whole file without a name. Dropped, it is gone.
pub struct Finished {
    ticket: Ticket,
    name: String,
    vault: Arc<Vault>,
    nameless: Nameless,
}

impl Finished {
    /// What it is.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Gives it its name, to stay as long as a row says so. Blocking.
    pub fn keep(mut self) -> Result<Ticket, StoreError> {
        let vault = self.vault.clone();
        let path = vault.path(&self.name);
        let folder = path.parent().unwrap_or(vault.folder());
        fs::create_dir_all(folder)?;
        let _not_swept = vault.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        // Its call may have brought others for hours since; it is young from now, when a row is about to name it.
        make_young(&File::options().write(true).open(&self.nameless.path)?)?;
        // An equal one gives way.
        fs::rename(&self.nameless.path, &path)?;
        self.nameless.kept = true;
        File::open(folder)?.sync_all()?;
        File::open(vault.folder())?.sync_all()?;
        Ok(self.ticket.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::seal::{Seal, SealKey};
    use super::*;

    #[test]
    fn what_the_disk_says_beside_is_said_here_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::from_keys(&SealKey::new([1; 32]), &[]).unwrap();
        let mut draft =
            Draft::begin(Arc::new(Vault::new(seal, Digests::new(&[2; 32]), folder.path()))).unwrap();
        let piece = vec![7; STRETCH];
        (0..2).for_each(|_| draft.write(&piece).unwrap());
        let Hands::Ours(sealer) = &mut draft.sealer else { panic!("a thread is begun by the next") };
        sealer.laying.fail();
        let said = (0..12).filter(|_| draft.write(&piece).is_err()).count();
        assert!(said > 1, "said once, and again to whoever goes on");
        assert!(draft.finish().is_err());
    }
}
