//! How a declared peer is shown who calls: one of the known kinds, each from the pieces that all adapters share.
//!
//! Secrets are named in `peer.yaml` and given in the configuration (`keys.<name>`). A failed log-in says nothing about any message: its
//! remedy is always `Later`.

use gateway_core::adapter::{Answer, Keys, Request, Secret, Session, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, Moment};

use super::faults;
use super::secret::At;
use super::sheet::Sheet;
use super::spec::Peer;
use super::way::Notation;
use crate::wire::token::{self, By, LOG_IN};

const ACCOUNT: &str = "default";
const KINDS: [&str; 5] = ["none", "key", "basic", "bearer", "oauth"];

/// How calls are signed.
#[derive(Debug)]
pub(super) enum Auth {
    None,
    /// Name and password in `Authorization: Basic`: the names of both secrets.
    Basic(String, String),
    /// A fixed secret, by name, at a place.
    Key(String, At),
    /// A token by client credentials.
    Session(Box<OAuth>),
}

/// A token that is asked for.
#[derive(Debug)]
pub(super) struct OAuth {
    path: String,
    endpoint: String,
    by: By,
    scope: String,
    client: String,
    secret: String,
    token: String,
    expires: String,
    seconds: u32,
    at: At,
}

impl Auth {
    /// Reads `auth`.
    pub(super) fn read(sheet: Option<Sheet>, notation: Notation, endpoint: &str) -> Auth {
        let Some(mut sheet) = sheet else { return Auth::None };
        let auth = match sheet.word("kind", &KINDS) {
            "basic" => Auth::Basic(sheet.text("user", "username"), sheet.text("password", "password")),
            "bearer" => {
                let at = At::Header("Authorization".to_owned(), "Bearer ".to_owned());
                Auth::Key(sheet.text("secret", "token"), at)
            }
            "key" => {
                Auth::Key(sheet.text("secret", "api-key"), At::read(&mut sheet, notation, "X-Api-Key", ""))
            }
            "oauth" => Auth::Session(Box::new(OAuth {
                path: sheet.needed("path"),
                endpoint: sheet.text("endpoint", endpoint),
                by: match sheet.word("by", &["basic", "form", "json"]) {
                    "form" => By::Form,
                    "json" => By::Json,
                    _ => By::Basic,
                },
                scope: sheet.text("scope", ""),
                client: sheet.text("client", "client-id"),
                secret: sheet.text("secret", "client-secret"),
                token: sheet.text("token", "access_token"),
                expires: sheet.text("expires", "expires_in"),
                seconds: sheet.count("seconds", 3600),
                at: At::read(&mut sheet, notation, "Authorization", "Bearer "),
            })),
            _ => Auth::None,
        };
        sheet.finish();
        auth
    }

    /// Where the one secret stands on each call; none where it is no secret's place but a form of proof.
    pub(super) fn at(&self) -> Option<&At> {
        match self {
            Auth::Key(_, at) => Some(at),
            Auth::Session(oauth) => Some(&oauth.at),
            Auth::None | Auth::Basic(..) => None,
        }
    }

    /// The account that logs in, where somebody has to.
    pub(super) fn account(&self) -> Option<Account> {
        matches!(self, Auth::Session(_)).then(|| Account::from(ACCOUNT))
    }

    /// Where a token is asked for.
    pub(super) fn endpoint(&self) -> Option<&str> {
        match self {
            Auth::Session(oauth) => Some(&oauth.endpoint),
            Auth::None | Auth::Basic(..) | Auth::Key(..) => None,
        }
    }

    /// The names of the secrets that must be given.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Auth::None => Vec::new(),
            Auth::Basic(user, password) => vec![user.clone(), password.clone()],
            Auth::Key(secret, _) => vec![secret.clone()],
            Auth::Session(oauth) => vec![oauth.client.clone(), oauth.secret.clone()],
        }
    }
}

/// Puts secrets and session on a call.
pub(super) fn sign(peer: &Peer, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    if request.step == LOG_IN {
        return Ok(Signed::new(ask));
    }
    let account = Account::from(ACCOUNT);
    let key = |name: &str| keys.of(&account, name).map(Secret::reveal).ok_or_else(|| missing(name));
    match &peer.auth {
        Auth::None => {}
        Auth::Basic(user, password) => ask.headers.push(token::basic(key(user)?, key(password)?)),
        Auth::Key(secret, at) => at.put(&mut ask, peer.notation, key(secret)?)?,
        Auth::Session(oauth) => {
            let session = keys.session.ok_or_else(|| {
                let words = "chưa có phiên làm việc với hệ thống bên kia";
                Fault::new("declared.session", Blame::Gateway, Remedy::Renew, words)
            })?;
            oauth.at.put(&mut ask, peer.notation, session.token.reveal())?;
        }
    }
    Ok(Signed::new(ask))
}

/// The call that asks for a token.
pub(super) fn call(peer: &Peer, account: &Account, keys: &Keys) -> Result<Request, Fault> {
    let Auth::Session(oauth) = &peer.auth else {
        return Err(faults::ours("declared.log-in", "hệ thống này không có bước đăng nhập"));
    };
    let key = |name: &str| keys.of(account, name).map(Secret::reveal).ok_or_else(|| missing(name));
    let (id, secret) = (key(&oauth.client)?, key(&oauth.secret)?);
    let (media, headers, body) = token::client_credentials(oauth.by, id, secret, &oauth.scope);
    Ok(token::request(&oauth.endpoint, &oauth.path, media, headers, body))
}

/// The token in the answer. The peer's own words may repeat what was sent, so nothing of them is told.
pub(super) fn session(peer: &Peer, answer: &Answer, at: Moment) -> Result<Session, Fault> {
    let refused = |words: &str| {
        let cause = format!("HTTP {}, {} bytes", answer.status, answer.body.bytes.len());
        Fault {
            retry_after_ms: crate::wire::cause::retry_after_ms(answer),
            ..Fault::new("declared.log-in", Blame::Peer, Remedy::Later, words).because(cause)
        }
    };
    let Auth::Session(oauth) = &peer.auth else {
        return Err(refused("hệ thống này không có bước đăng nhập"));
    };
    if answer.status >= 500 || answer.status == 429 {
        return Err(refused("nơi cấp phiên làm việc tạm thời không trả lời"));
    }
    let read = faults::read(Notation::Json, &answer.body.bytes).filter(|_| answer.status < 300);
    let text = |path: &str| read.as_ref().and_then(|read| read.text(path));
    let expires = text(&oauth.expires).map(serde_json::Value::from);
    let life_ms = token::life_ms(expires.as_ref(), expires.as_ref(), oauth.seconds, at);
    token::session(&text(&oauth.token).unwrap_or_default(), life_ms, at)
        .ok_or_else(|| refused("hệ thống bên kia không cấp phiên làm việc; kiểm tra các khóa đã cấu hình"))
}

fn missing(name: &str) -> Fault {
    let words = format!("chưa cấu hình khóa {name} của hệ thống này");
    Fault::new("declared.key-missing", Blame::Gateway, Remedy::Later, words)
}
