//! The part of the configuration that says who may come in: the door of each peer, and TLS at the listener.
//!
//! Whatever makes no sense together is a defect and not a surprise in the night: a certificate without TLS, a key that no way in asks
//! for, a minimum that nothing reaches. Nothing here is a secret; secrets and certificates are named by their files.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use gateway_core::adapter::Level;
use ipnet::IpNet;
use serde::Deserialize;

use super::{Peer, SecretSource};

/// TLS at the listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Where callers reach us by TLS, address and port.
    pub listen: String,
    /// Our certificate and those between it and its authority, in PEM. Read again when it changes.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM. Read again when it changes.
    pub key_file: PathBuf,
}

/// How a caller shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// A key of `lienthong keys add`, in `X-Api-Key` or `Authorization: Basic|Bearer`.
    Key,
    /// A session of ours in the body, on channels that have one.
    Session,
    /// A client certificate.
    Certificate,
    /// A signature over the body, as Standard Webhooks has it.
    Signature,
    /// The address that it calls from.
    Address,
    /// A secret path, `/h/<segment>/…`, of `lienthong keys add --path`.
    Path,
}

impl Proof {
    /// How surely it says who calls.
    pub fn level(self) -> Level {
        match self {
            Proof::Signature => Level::Signed,
            Proof::Certificate => Level::Certificate,
            Proof::Key | Proof::Session | Proof::Path => Level::Token,
            Proof::Address => Level::Address,
        }
    }

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Proof::Key => "key",
            Proof::Session => "session",
            Proof::Certificate => "certificate",
            Proof::Signature => "signature",
            Proof::Address => "address",
            Proof::Path => "path",
        }
    }
}

/// A peer's own door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Door {
    /// How this peer may show who it is. One that is not listed opens nothing, whatever it proves.
    pub accepts: Vec<Proof>,
    /// Who is known less surely than this is refused.
    pub minimum: Level,
    /// Where it may call from, as networks (`203.0.113.0/24`); empty means from anywhere.
    pub addresses: Vec<String>,
    /// The authority that signs this peer's client certificates, in PEM. Read again when it changes.
    pub client_ca_file: Option<PathBuf>,
    /// Revocation lists of that authority, in PEM: a certificate that stands on one is turned away. Read again when it changes.
    pub client_crl_file: Option<PathBuf>,
    /// Only certificates in one of these names; empty means every one that the authority signed.
    pub client_names: Vec<String>,
    /// The keys this peer signs with, `whsec_…`; several while one takes the place of another.
    pub signature_keys: Vec<SecretSource>,
    /// More calls are answered 429; none bounds nothing.
    pub calls_per_minute_max: Option<u32>,
    /// So many calls may come at once; a sixth of the calls of a minute if not given.
    pub burst: Option<u32>,
    /// Longer bodies of this peer are refused; its channels and the limits of all may set less.
    pub body_bytes_max: Option<usize>,
    /// The user at the broker under which this peer publishes to `lienthong.in`; none if it does not come that way. The broker itself
    /// vouches for the name, so it counts as much as a key.
    pub broker_user: Option<String>,
}

impl Default for Door {
    fn default() -> Self {
        Door {
            accepts: vec![Proof::Key, Proof::Session],
            minimum: Level::None,
            addresses: Vec::new(),
            client_ca_file: None,
            client_crl_file: None,
            client_names: Vec::new(),
            signature_keys: Vec::new(),
            calls_per_minute_max: None,
            burst: None,
            body_bytes_max: None,
            broker_user: None,
        }
    }
}

impl Door {
    /// Is this a way in?
    pub fn accepts(&self, proof: Proof) -> bool {
        self.accepts.contains(&proof)
    }

    /// The surest that this door can know a caller by.
    pub fn level_max(&self) -> Level {
        let by_broker = self.broker_user.as_ref().map(|_| Level::Token);
        self.accepts.iter().map(|proof| proof.level()).chain(by_broker).max().unwrap_or_default()
    }

    /// What does not fit together, each with its key.
    fn defects(&self, tls: bool) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut wrong = |key, message: &str| found.push((key, message.to_owned()));
        for (proof, key, given) in [
            (Proof::Certificate, "client_ca_file", self.client_ca_file.is_some()),
            (Proof::Signature, "signature_keys", !self.signature_keys.is_empty()),
        ] {
            let name = proof.as_str();
            match (self.accepts(proof), given) {
                (true, false) => wrong(key, &format!("is needed: the door accepts `{name}`")),
                (false, true) => wrong(key, &format!("is of no use: `accepts` does not name `{name}`")),
                _ => {}
            }
        }
        if self.accepts(Proof::Certificate) && !tls {
            wrong("accepts", "a certificate can only be shown over TLS: add [gateway.tls]");
        }
        if self.accepts(Proof::Address) && self.addresses.is_empty() {
            wrong("addresses", "is needed: the door accepts `address`");
        }
        for (key, given) in [
            ("client_names", !self.client_names.is_empty()),
            ("client_crl_file", self.client_crl_file.is_some()),
        ] {
            if given && self.client_ca_file.is_none() {
                wrong(key, "is of no use without `client_ca_file`");
            }
        }
        if self.minimum > self.level_max() {
            let minimum = self.minimum.as_str();
            wrong(
                "minimum",
                &format!("nothing that the door accepts reaches `{minimum}`: nobody could come in"),
            );
        }
        for net in self.addresses.iter().filter(|net| net.parse::<IpNet>().is_err()) {
            wrong("addresses", &no_network(net));
        }
        match (self.calls_per_minute_max, self.burst) {
            (Some(0), _) => wrong("calls_per_minute_max", "must be at least 1; leave it out for no bound"),
            (None, Some(_)) => wrong("burst", "is of no use without `calls_per_minute_max`"),
            (_, Some(0)) => wrong("burst", "must be at least 1"),
            _ => {}
        }
        if self.body_bytes_max == Some(0) {
            wrong("body_bytes_max", "must be at least 1");
        }
        if self.broker_user.as_deref() == Some("") {
            wrong("broker_user", "must be a name; leave it out for a peer that does not come by the broker");
        }
        found
    }
}

/// Networks that were examined before; what is none is left out.
pub fn networks(texts: &[String]) -> Vec<IpNet> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

pub(super) fn no_network(text: &str) -> String {
    format!("`{text}` is no network, like 203.0.113.0/24 or 2001:db8::/48")
}

/// What is wrong at the listeners.
pub(super) fn examine_listeners(plain: &str, tls: Option<&Tls>, wrong: &mut impl FnMut(String, &str)) {
    let is_address = |text: &str| text.parse::<SocketAddr>().is_ok();
    match (plain, tls) {
        ("", None) => wrong("gateway.listen".to_owned(), "may only be empty where [gateway.tls] listens"),
        ("", Some(_)) => {}
        (plain, _) if !is_address(plain) => {
            wrong("gateway.listen".to_owned(), "must be an address and a port, like 127.0.0.1:8460");
        }
        _ => {}
    }
    let Some(tls) = tls else { return };
    if !is_address(&tls.listen) {
        wrong("gateway.tls.listen".to_owned(), "must be an address and a port, like 0.0.0.0:8463");
    } else if tls.listen == plain && !plain.ends_with(":0") {
        wrong("gateway.tls.listen".to_owned(), "is the same as gateway.listen: each needs a port of its own");
    }
}

/// What is wrong at the peers' doors, each by itself and between them.
pub(super) fn examine_doors(peers: &BTreeMap<String, Peer>, tls: bool, wrong: &mut impl FnMut(String, &str)) {
    for (name, peer) in peers {
        for (key, message) in peer.door.defects(tls) {
            wrong(format!("peers.{name}.door.{key}"), &message);
        }
    }
    for (index, (name, peer)) in peers.iter().enumerate() {
        for (other, before) in peers.iter().take(index) {
            let (door, known) = (&peer.door, &before.door);
            let shared = door.client_ca_file.is_some() && door.client_ca_file == known.client_ca_file;
            if shared && (door.client_names.is_empty() || known.client_names.is_empty()) {
                let message = format!("the same authority signs for `{other}`: give each its `client_names`");
                wrong(format!("peers.{name}.door.client_ca_file"), &message);
            }
            let alike = peer.adapter == before.adapter && peer.dialect == before.dialect;
            if door.broker_user.is_some() && door.broker_user == known.broker_user {
                let message = format!("`{other}` publishes under the same user: give each its own");
                wrong(format!("peers.{name}.door.broker_user"), &message);
            }
            if alike && door.accepts(Proof::Address) && known.accepts(Proof::Address) && overlap(door, known)
            {
                let message = format!("an address would open the doors of `{other}` as well");
                wrong(format!("peers.{name}.door.addresses"), &message);
            }
        }
    }
}

fn overlap(one: &Door, other: &Door) -> bool {
    let others = networks(&other.addresses);
    let meets = |net: &IpNet| others.iter().any(|other| net.contains(other) || other.contains(net));
    networks(&one.addresses).iter().any(meets)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_makes_no_sense_together_is_named_at_once() {
        let text = r#"
[gateway]
destinations = ["10.0.0.0/33"]
[peers.a]
adapter = "onestop"
door = { accepts = ["certificate"], minimum = "signed", burst = 5 }
[peers.b]
adapter = "onestop"
door = { client_ca_file = "x.pem", addresses = ["10.0.0.0/8", "somewhere"] }
[peers.c]
adapter = "onestop"
door = { accepts = ["signature", "address"], calls_per_minute_max = 0 }
client_key_file = "k.pem"
"#;
        let fields: Vec<String> =
            Config::parse(text, "f").unwrap_err().into_iter().map(|defect| defect.field).collect();
        let wanted = [
            "gateway.destinations",
            "peers.c.client_certificate_file",
            "peers.a.door.client_ca_file",
            "peers.a.door.accepts",
            "peers.a.door.minimum",
            "peers.a.door.burst",
            "peers.b.door.client_ca_file",
            "peers.b.door.addresses",
            "peers.c.door.signature_keys",
            "peers.c.door.addresses",
            "peers.c.door.calls_per_minute_max",
        ];
        assert_eq!(fields, wanted);
    }

    #[test]
    fn two_peers_are_never_taken_for_each_other() {
        let peer = |name: &str, door: &str| {
            format!("[peers.{name}]\nadapter = \"onestop\"\ndialect = \"relay\"\ndoor = {{ {door} }}\n")
        };
        let tls = "[gateway]\nlisten = \"\"\ntls = { listen = \"127.0.0.1:1\", certificate_file = \"c\", key_file = \"k\" }\n";
        let by_address = |net: &str| format!("accepts = [\"address\"], addresses = [\"{net}\"]");
        let by_authority = |names: &str| {
            format!("accepts = [\"certificate\"], client_ca_file = \"ca\", client_names = [{names}]")
        };
        let by_broker = |user: &str| format!("broker_user = \"{user}\"");
        for (one, other, fine) in [
            (by_broker("so-xd"), by_broker("so-xd"), false),
            (by_broker("so-xd"), by_broker("so-gt"), true),
            (by_broker(""), by_broker("so-gt"), false),
            (by_address("10.0.0.0/8"), by_address("10.1.0.0/16"), false),
            (by_address("10.0.0.0/16"), by_address("10.1.0.0/16"), true),
            (by_authority("\"a\""), by_authority(""), false),
            (by_authority("\"a\""), by_authority("\"b\""), true),
        ] {
            let text = format!("{tls}{}{}", peer("a", &one), peer("b", &other));
            assert_eq!(Config::parse(&text, "f").is_ok(), fine, "{text}");
        }
    }
}
