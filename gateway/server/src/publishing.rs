//! Files under addresses of our own: told to a peer in the place of others', served to that peer alone, fetched when it asks.
//!
//! [`publish`] puts our addresses into a document that is about to be told; [`serve`] answers whoever asks for one. What is behind an
//! address of somebody else's is fetched at that moment, whole, onto our disk, and kept for a while, so that a range of it can be served
//! and a broken line goes on where it broke.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use gateway_core::adapter::Fate;
use gateway_core::channel::{Address, Beside};
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Moment, PeerName};
use gateway_core::lift::Ticket;
use gateway_core::lift::sniff::{FileType, sniff};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::app::{App, Room};
use crate::http::store_fault;
use crate::store::{Behind, Entry, Event, PublicId, Published};
use crate::transport::{Unfetched, is_address};
use crate::words;

/// What follows our address at a peer, and an id follows that.
const PATH: &str = "downloadfile";

/// What is being fetched now: who wants the same waits for it, and hears the same.
#[derive(Default)]
pub struct Fetches(Mutex<BTreeMap<(PeerName, String), Weak<Fetch>>>);

type Fetch = OnceCell<Result<Ticket, Fault>>;

impl Fetches {
    fn of(&self, peer: &PeerName, url: &str) -> Arc<Fetch> {
        let mut fetches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fetches.retain(|_, fetch| fetch.strong_count() > 0);
        let known = fetches.entry((peer.clone(), url.to_owned())).or_default();
        known.upgrade().unwrap_or_else(|| {
            let fetch = Arc::new(Fetch::new());
            *known = Arc::downgrade(&fetch);
            fetch
        })
    }
}

/// Puts addresses of ours in the place of files and of others' addresses; gives what must be on disk before they are told.
pub(crate) fn publish(
    app: &App,
    room: &Room,
    message: &mut Envelope,
    places: &BTreeMap<String, Beside>,
    at: Moment,
) -> Result<Vec<Entry>, Fault> {
    let (mut published, mut passed) = (Vec::new(), 0_usize);
    let (document, files) = (&mut message.document, &message.files);
    let mut homeless = false;
    let from = app.peer(&message.from);
    let places = places.iter().filter_map(|(place, beside)| Some((Address::parse(place)?, beside)));
    for (place, beside) in places {
        place.each(document, &mut |members, name| {
            let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (given, called) = (text(name), beside.name.as_deref().map(text).unwrap_or_default());
            let own = Ticket::from_text(&given).filter(|ticket| files.contains(ticket));
            let is_address = is_address(&given);
            let behind = match (own, &room.config.public_url) {
                (Some(ticket), Some(_)) => Behind::File(ticket),
                (Some(_), None) => {
                    homeless = true;
                    return;
                }
                (None, Some(_)) if is_address => {
                    if !from.is_some_and(|from| from.transport.may_fetch(&given)) {
                        passed += 1;
                        return;
                    }
                    Behind::Address { of: message.from.clone(), url: given }
                }
                _ => return,
            };
            let base = room.config.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
            let id = app.store.public_id(&room.name, &behind);
            members.insert(name.to_owned(), Value::String(format!("{base}/{PATH}/{id}")));
            published.push(Published { behind, name: called });
        });
    }
    if homeless {
        let words = words::public_url_missing(room.name.as_str());
        return Err(Fault::new("file.no-address", Blame::Gateway, Remedy::Correct, words));
    }
    let mut told = Vec::new();
    if !published.is_empty() {
        told.push(Entry::Publish { peer: room.name.clone(), published, at });
    }
    if passed > 0 && room.config.public_url.is_some() {
        told.push(Entry::Note { event: Event::AddressesPassed, detail: passed.to_string(), at });
    }
    Ok(told)
}

/// The file behind an id, for whom it was published to.
pub(crate) async fn serve(app: &App, room: &Room, id: &str) -> Result<Fate, Fault> {
    let unknown = || Fault::sender("file.unknown", words::file_unknown());
    let id = PublicId::parse(id).ok_or_else(unknown)?;
    let found = app.store.published(&room.name, id).await.map_err(|error| store_fault(&error))?;
    let Published { behind, name } = found.ok_or_else(unknown)?;
    let file = match behind {
        Behind::File(file) => file,
        Behind::Address { of, url } => {
            // If who began hangs up, the next one who waits begins anew.
            let fetch = app.fetches.of(&of, &url);
            fetch.get_or_init(|| fetched(app, &of, &url, &name)).await.clone()?
        }
    };
    let real = look(app, &file).await?;
    Ok(Fate::File { file, name, media: real.media().to_owned() })
}

/// What is at somebody's address: as it was a moment ago, or fetched now.
async fn fetched(app: &App, of: &PeerName, url: &str, name: &str) -> Result<Ticket, Fault> {
    let limits = &app.config.limits;
    let now = app.clock.now();
    let since =
        now.plus_millis(-i64::try_from(limits.fetched_minutes_max).unwrap_or(0).saturating_mul(60_000));
    let kept = app.store.fetched(of, url, since).await.map_err(|error| store_fault(&error))?;
    if let Some(file) = kept
        && look(app, &file).await.is_ok()
    {
        return Ok(file);
    }
    let gone = || Fault::new("file.gone", Blame::Peer, Remedy::Correct, words::file_gone());
    let from = app.peer(of).ok_or_else(gone)?;
    let fetched = from.transport.fetch(url, name, &app.store, limits.files_bytes_max).await;
    let file = fetched.map_err(|why| {
        let (fault, reason) = match why {
            Unfetched::Gone => (gone(), "gone".to_owned()),
            Unfetched::NotAllowed => {
                let fault = Fault::new(
                    "file.not-allowed",
                    Blame::Gateway,
                    Remedy::Correct,
                    words::file_not_allowed(),
                );
                (fault, "not allowed".to_owned())
            }
            Unfetched::Failed(reason) => {
                (Fault::new("file.unfetched", Blame::Peer, Remedy::Unclear, words::file_unfetched()), reason)
            }
            Unfetched::Store(error) => (store_fault(&error), error.to_string()),
        };
        tracing::warn!(event = "file-unfetched", peer = %of, reason);
        fault
    })?;
    let kept = app.store.keep_fetched(of, url, &file, limits.fetched_bytes_max, now).await;
    match kept {
        Ok(0) => {}
        // What went a while ago frees the disk now and not tomorrow.
        Ok(_) => drop(app.store.sweep().await),
        Err(error) => return Err(store_fault(&error)),
    }
    Ok(file)
}

/// What a file is by its content; the fault of one that does not open.
async fn look(app: &App, file: &Ticket) -> Result<FileType, Fault> {
    let file = file.clone();
    let looked = app.store.with_files(move |store| store.file(&file)?.read(0).map(sniff)).await;
    looked.map_err(|error| {
        tracing::error!(event = "file-unreadable", %error);
        let words = words::file_gone();
        Fault::new("file.gone", Blame::Gateway, Remedy::Correct, words)
    })
}
