//! Opening: who may, with which keys, and in what state the file is.
//!
//! Everything that could make a later write fail is found here, before the first door opens: a second process, a
//! newer or damaged file, a missing key. A store that is new is complete (tables, digest key, seal of the key) before
//! `open` returns; a crash in between leaves a store that the next `open` completes.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::{Duration, Instant};

use gateway_core::ids::hex;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::Store;
use super::before;
use super::checkpoint::Checkpoints;
use super::claims::Vault;
use super::error::StoreError;
use super::read::Readers;
use super::restored;
use super::schema;
use super::seal::{Digests, Seal};
use super::taken::Taken;
use super::torn;
use super::writer::Writer;
use crate::clock::chance;

/// The database's file.
pub(crate) const DATABASE: &str = "lienthong.db";
const DIGEST_KEY: &str = "digest-key";
/// Stands in a data folder from the first step of a restoration to its last.
pub(crate) const RESTORING: &str = "restoring";
const KEY_SEAL: &str = "key/";
const STORE_ID: &str = "store-id";

/// Above this size the check would cost more of the start than it is worth; it is made beside the doors then.
const CHECKED_BYTES_MAX: u64 = 64 << 20;

/// A command that looks at the store, or a gateway that just ends, holds the lock for a moment.
const LOCK_WITHIN: Duration = Duration::from_millis(500);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Whether the file is checked when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// If it is small enough for that to take no noticeable time.
    #[default]
    Small,
    /// In any case.
    Always,
    /// Beside the doors, after it was opened: what [`Store::unchecked`] gives is to be run then.
    Aside,
    /// No.
    Never,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenOptions {
    /// Whether the file is checked.
    pub check: Check,
}

impl Store {
    /// Opens the store in this folder for writing, and makes it if there is none. Blocking.
    pub fn open(folder: &Path, seal: Seal, options: OpenOptions) -> Result<Store, StoreError> {
        make_folder(folder)?;
        let lock = lock(folder)?;
        // Otherwise what is not yet in its place would be made anew, empty.
        whole(folder)?;
        let path = folder.join(DATABASE);
        make_private(&path)?;
        torn::look(&path)?;
        // One thread uses it: the engine's own locks would only cost time.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        schema::version(&connection)?;
        schema::configure(&connection)?;
        schema::configure_writer(&connection)?;
        let small = path.metadata()?.len() <= CHECKED_BYTES_MAX;
        match options.check {
            Check::Always => schema::check_all(&connection)?,
            Check::Small if small => schema::check(&connection)?,
            _ => {}
        }
        if (1..schema::known()).contains(&schema::version(&connection)?) {
            before::keep(&connection, folder)?;
        }
        schema::migrate(&mut connection)?;
        let (digests, id) = unlock_for_writing(&mut connection, &seal)?;
        let vault = Arc::new(Vault::new(seal, digests, folder));
        let taken = Taken::default();
        let telling = Arc::new(OnceLock::new());
        let checkpoints = Checkpoints::start(&path, &mut connection)?;
        let restored = restored::restored(&connection)?;
        let writer =
            Writer::start(connection, checkpoints, vault.clone(), taken.clone(), telling.clone(), lock)?;
        Ok(Store {
            telling,
            restored: Arc::new(RwLock::new(restored)),
            vault,
            readers: Arc::new(Readers::new(path)),
            loads: Arc::default(),
            taken,
            writer: Some(writer),
            folder: Arc::new(folder.to_owned()),
            id: id.into(),
            unchecked: match options.check {
                Check::Never | Check::Always => None,
                _ if small => Some(schema::check_all),
                _ => Some(schema::check),
            },
        })
    }

    /// The check that opening left out: of a large file the whole, of a small one whether each index says what its table says (a lane
    /// that its index has lost would wait without a word). None if nothing was left out. Blocking, and long.
    pub fn unchecked(&self) -> Option<impl FnOnce() -> Result<(), StoreError> + Send + use<>> {
        let readers = self.readers.clone();
        self.unchecked.map(|check| move || readers.with(check))
    }

    /// Opens the store in this folder for reading, also beside a process that writes. Blocking.
    pub fn open_read_only(folder: &Path, seal: Seal) -> Result<Store, StoreError> {
        whole(folder)?;
        let path = folder.join(DATABASE);
        if !path.exists() {
            return Err(StoreError::Io(format!("there is no store in {}", folder.display())));
        }
        look_if_nobody_writes(folder)?;
        let readers = Readers::new(path);
        let (digests, id, restored) = readers.with(|db| {
            if schema::version(db)? < schema::known() {
                return Err(StoreError::NotPossible(
                    "the store is of an older version: start the gateway once, it brings it up to date"
                        .to_owned(),
                ));
            }
            check_keys(db, &seal)?;
            let digests = digest_key(db, &seal)?;
            let missing = || StoreError::Corrupt("the digest key is missing".to_owned());
            Ok((digests.ok_or_else(missing)?, store_id(db)?.unwrap_or_default(), restored::restored(db)?))
        })?;
        Ok(Store {
            telling: Arc::default(),
            restored: Arc::new(RwLock::new(restored)),
            vault: Arc::new(Vault::new(seal, Digests::new(&digests), folder)),
            readers: Arc::new(readers),
            loads: Arc::default(),
            taken: Taken::default(),
            writer: None,
            folder: Arc::new(folder.to_owned()),
            id: id.into(),
            unchecked: None,
        })
    }
}

/// What can be said of the store in this folder without its key, also beside a gateway that runs: its log is whole, its tables and indexes
/// agree. Blocking, and long where the store is large.
pub fn examine(folder: &Path) -> Result<(), StoreError> {
    whole(folder)?;
    let path = folder.join(DATABASE);
    if !path.exists() {
        return Err(StoreError::NotPossible(format!("there is no store in {}", folder.display())));
    }
    look_if_nobody_writes(folder)?;
    Readers::new(path).with(|db| {
        schema::version(db)?;
        schema::check_all(db)
    })
}

/// Was no restoration begun here that did not end? What lies here is then neither what was nor what shall be.
pub(crate) fn whole(folder: &Path) -> Result<(), StoreError> {
    match folder.join(RESTORING).exists() {
        true => Err(StoreError::HalfRestored(folder.display().to_string())),
        false => Ok(()),
    }
}

/// Whoever opens the database first after a crash makes its log's index anew, and with it goes what the index knew. While somebody
/// writes there is nothing to look for.
fn look_if_nobody_writes(folder: &Path) -> Result<(), StoreError> {
    let Ok(lock) = File::open(folder.join("lock")) else { return torn::look(&folder.join(DATABASE)) };
    match lock.try_lock_shared() {
        Ok(()) => torn::look(&folder.join(DATABASE)),
        Err(_) => Ok(()),
    }
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)?;
    builder.create(folder.join("claims"))?;
    Ok(())
}

/// The database (and with it its log) is its owner's alone, also where the folder was made by somebody else.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().create(true).append(true).mode(0o600).open(path)?;
    Ok(())
}

/// The lock goes with the process, however it ends; the file stays and means nothing.
pub(crate) fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let mut file = lock_file(folder, "lock")?;
    let until = Instant::now() + LOCK_WITHIN;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let by = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(StoreError::Locked { folder: folder.display().to_string(), by });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    // For whoever finds it locked. That it cannot be written is found out soon enough, by what matters more.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

pub(super) fn lock_file(folder: &Path, name: &str) -> Result<File, StoreError> {
    let path = folder.join(name);
    let file = File::options().create(true).truncate(false).write(true).open(&path)?;
    belong(&path, folder)?;
    Ok(file)
}

/// Gives a file or folder to whoever owns the data folder: an administrator who makes a backup or restores one must leave nothing there
/// that the gateway cannot open. Only for the administrator there is anything to do.
pub(crate) fn belong(path: &Path, folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let (is, should) = (path.metadata()?, folder.metadata()?);
    if is.uid() != should.uid() {
        // Whoever may not is not the administrator, and its own files are its own affair.
        let _ = chown(path, Some(should.uid()), Some(should.gid()));
    }
    Ok(())
}

/// Every key that ever sealed something here must be at hand: a key that is missing is found now, not in mid-delivery.
pub(super) fn check_keys(db: &Connection, seal: &Seal) -> Result<(), StoreError> {
    let mut statement = db.prepare("SELECT name, value FROM meta WHERE name LIKE 'key/%'")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let id = name.strip_prefix(KEY_SEAL).unwrap_or_default();
        if !seal.knows(id) {
            return Err(StoreError::WrongKey(id.to_owned()));
        }
        seal.open("meta.key", &row.get::<_, Vec<u8>>(1)?)?;
    }
    Ok(())
}

pub(super) fn digest_key(db: &Connection, seal: &Seal) -> Result<Option<Vec<u8>>, StoreError> {
    let sealed: Option<Vec<u8>> =
        db.query_row("SELECT value FROM meta WHERE name = ?1", [DIGEST_KEY], |row| row.get(0)).optional()?;
    sealed.map(|sealed| seal.open("meta.digest-key", &sealed)).transpose()
}

fn store_id(db: &Connection) -> Result<Option<String>, StoreError> {
    Ok(db.query_row("SELECT value FROM meta WHERE name = ?1", [STORE_ID], |row| row.get(0)).optional()?)
}

fn unlock_for_writing(db: &mut Connection, seal: &Seal) -> Result<(Digests, String), StoreError> {
    check_keys(db, seal)?;
    let key = match digest_key(db, seal)? {
        Some(key) => key,
        None => chance::<32>().to_vec(),
    };
    let store = match store_id(db)? {
        Some(id) => id,
        None => hex(&chance::<8>()),
    };
    let id = format!("{KEY_SEAL}{}", seal.current_id());
    let transaction = db.transaction()?;
    let known: bool =
        transaction
            .query_row("SELECT EXISTS (SELECT 1 FROM meta WHERE name = ?1)", [&id], |row| row.get(0))?;
    if !known {
        let put = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
        transaction.execute(put, (&id, seal.seal("meta.key", b"lienthong")?))?;
        // Sealed anew with the current key, so that the old one is needed only for what it sealed itself.
        transaction.execute(put, (DIGEST_KEY, seal.seal("meta.digest-key", &key)?))?;
    }
    transaction.execute("INSERT OR IGNORE INTO meta (name, value) VALUES (?1, ?2)", (STORE_ID, &store))?;
    transaction.commit()?;
    Ok((Digests::new(&key), store))
}
