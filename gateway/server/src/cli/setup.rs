//! `init` and `keys`: what must be there before a gateway can run.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Common, Ended, Outcome, perhaps};
use crate::clock::Clock;
use crate::config::door::Proof;
use crate::keyring;
use crate::store::SealKey;
use crate::words::Lang;

/// The commented reference, which is also what `init` writes.
pub const REFERENCE: &str = include_str!("../../../../ops/lienthong.toml");

/// The data are nobody else's to list.
const DATA_MODE: u32 = 0o700;

#[derive(Args)]
pub struct Init {
    /// Where configuration, key and data go: /etc/lienthong and /var/lib/lienthong without it
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Keys {
    /// Make a key for a peer and show it, this once
    Add {
        /// The peer, as in [peers.<name>]
        peer: String,
        /// A secret path instead of a key, for senders that can show nothing else: the peer calls /h/<segment>/…
        #[arg(long, conflicts_with = "officer")]
        path: bool,
        /// The officer whose own key it is: identity questions asked with it are this officer's
        #[arg(long)]
        officer: Option<String>,
        /// For people: who has it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List the keys (never the keys themselves)
    List,
    /// Revoke a key by its id; works on a running gateway within a second
    Revoke {
        /// The id that `keys list` shows
        id: String,
    },
}

pub fn init(common: &Common, args: Init) -> Outcome {
    let (etc, data) = match &args.folder {
        Some(folder) => (folder.clone(), folder.join("data")),
        None => (PathBuf::from("/etc/lienthong"), PathBuf::from("/var/lib/lienthong")),
    };
    for (folder, mode) in [(&etc, 0o755), (&data, DATA_MODE)] {
        make_folder(folder, mode)
            .map_err(|error| Ended::CannotStart(format!("{}: {error}", folder.display())))?;
    }
    let config = etc.join("lienthong.toml");
    let key = etc.join("sealing.key");
    let etc_text = etc.display().to_string();
    let data_text = data.display().to_string();
    // Piece by piece: what one puts in may hold what the other looks for.
    let pieces: Vec<String> = REFERENCE
        .split("/etc/lienthong")
        .map(|piece| piece.replace("/var/lib/lienthong", &data_text))
        .collect();
    let text = pieces.join(&etc_text);
    let vi = common.lang() == Lang::Vi;
    let fresh = SealKey::generate().to_line();
    for (path, content, mode) in [(&config, text.as_str(), 0o640), (&key, fresh.as_str(), 0o600)] {
        let made = make(path, content, mode)
            .map_err(|error| Ended::CannotStart(format!("{}: {error}", path.display())))?;
        say!("{} {}", if made { "+" } else { "=" }, path.display());
    }
    let config = config.display();
    if vi {
        say!(
            "\nKhóa niêm phong vừa tạo mở được mọi dữ liệu đã lưu: hãy cất một bản ở nơi khác, KHÔNG để chung với bản sao lưu."
        );
        say!("Tiếp theo: sửa {config} (địa chỉ Cổng DVCQG, mã đơn vị), rồi `lienthong check -c {config}`.");
    } else {
        say!("\nThe sealing key opens everything stored: keep a copy elsewhere, NOT beside the backups.");
        say!("Next: edit {config} (the portal's address, unit codes), then `lienthong check -c {config}`.");
    }
    Ok(())
}

/// Makes a folder; one that exists keeps its mode.
fn make_folder(folder: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder)
}

/// Writes a file that is not there yet; false if there is one, which is left alone.
fn make(path: &Path, content: &str, mode: u32) -> std::io::Result<bool> {
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(mut file) => {
            file.write_all(content.as_bytes())?;
            file.sync_all()?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is done with what was shown.
fn told(lang: Lang, id: &str, peer: &str, proof: Proof) -> String {
    match (lang, proof) {
        (Lang::Vi, Proof::Path) => format!(
            "Đường dẫn bí mật {id} của {peer}: chỉ hiện một lần. Hệ thống này gọi tới /h/<đoạn trên>/<đường dẫn của kênh>."
        ),
        (Lang::Vi, _) => format!(
            "Khóa {id} của {peer}: chỉ hiện một lần. Gửi trong X-Api-Key, hoặc làm mật khẩu (Basic, đăng nhập)."
        ),
        (Lang::En, Proof::Path) => {
            format!(
                "Secret path {id} of {peer}, shown this once. The peer calls /h/<the above>/<path of the channel>."
            )
        }
        (Lang::En, _) => {
            format!(
                "Key {id} of {peer}, shown this once. Send it in X-Api-Key, or as the password (Basic, log-in)."
            )
        }
    }
}

pub fn keys(common: &Common, args: Keys) -> Outcome {
    let config = common.load()?;
    let path = config.gateway.keys_file();
    let lang = common.lang();
    match args {
        Keys::Add { peer, path: in_path, officer, note } => {
            if !config.peers.contains_key(&peer) {
                let words = lang.pick("không có trong", "is not in");
                let hint = perhaps(lang, &peer, config.peers.keys().map(String::as_str));
                let file = common.config.display();
                return Err(Ended::Misused(format!("[peers.{peer}] {words} {file}{hint}")));
            }
            make_folder(&config.gateway.data, DATA_MODE)?;
            let now = Clock::system().now();
            let wanted = if in_path { Proof::Path } else { Proof::Key };
            let (id, key) = match in_path {
                true => keyring::add_path(&path, &peer, &note, now)?,
                false => keyring::add(&path, &peer, officer.as_deref(), &note, now)?,
            };
            if common.json {
                say!("{}", serde_json::json!({ "id": id, "peer": peer, "key": key.reveal() }));
            } else {
                say!("{}", key.reveal());
                eprintln!("{}", told(lang, &id, &peer, wanted));
            }
            let accepts = config.peers.get(&peer).is_some_and(|peer| peer.door.accepts(wanted));
            if !accepts {
                let words = lang.pick(
                    "Chưa dùng được: cửa của hệ thống này chưa nhận cách xác thực đó; thêm vào `accepts` trong",
                    "Of no use yet: this peer's door does not accept it; name it in `accepts` of",
                );
                eprintln!("{words} [peers.{peer}.door]: `{}`", wanted.as_str());
            }
        }
        Keys::List => {
            let entries = keyring::read(&path)?;
            if common.json {
                say!("{}", serde_json::to_string_pretty(&entries)?);
            } else {
                for entry in entries {
                    say!("{}  {:<20} {}  {}", entry.id, entry.peer, entry.made.for_people(), entry.note);
                }
            }
        }
        Keys::Revoke { id } => {
            if !keyring::revoke(&path, &id)? {
                let words = lang.pick("không có khóa nào mang mã", "there is no key");
                let see = lang.pick("xem", "see");
                return Err(Ended::Misused(format!("{words} `{id}`; {see} `lienthong keys list`")));
            }
            say!("{} {id}", lang.pick("đã thu hồi", "revoked"));
        }
    }
    Ok(())
}
