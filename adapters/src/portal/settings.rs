//! What differs between provinces at the national portal: addresses, codes, accounts. Nothing secret stands here.

use std::collections::BTreeMap;

use gateway_core::fault::Defect;
use gateway_core::ids::Account;

use crate::settings::{Reader, sound};

/// The account of units that have none of their own.
pub(super) const DEFAULT_ACCOUNT: &str = "default";

/// The settings of one portal peer.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// `login_path`, below the endpoint's base address.
    pub(super) login_path: String,
    /// `integration_path`: dossier calls and look-ups. Only the log-in's path is publicly known, so the defaults of this and the
    /// next are a guess that a province must confirm.
    pub(super) integration_path: String,
    /// `share_path`: catalogues.
    pub(super) share_path: String,
    /// `share_services`: which services go to `share_path`; a `*` at the end stands for any rest.
    pub(super) share_services: Vec<String>,
    /// `dstcode`: the X-Road name of the portal; empty leaves it out.
    pub(super) dstcode: String,
    /// `dstcode_in = "header"`, or `"query"`; both are in use.
    pub(super) dstcode_in_query: bool,
    /// `providerurl`: the provider's base address behind the target security server, where one is asked for.
    pub(super) providerurl: String,
    /// `unit`: `madonvi` of messages that name no unit.
    pub(super) unit: String,
    /// `username` of the default account; may stand among the keys instead.
    pub(super) username: String,
    /// `[accounts."H99.14"]`: units with an account of their own, each with its `username`.
    pub(super) accounts: BTreeMap<String, String>,
    /// `session_seconds`: a session is renewed after so long. Not published; ten minutes are known to work.
    pub(super) session_seconds: u32,
    /// `inquiries`: is the portal asked for citizens' questions that an agency is to answer?
    pub(super) inquiries: bool,
    /// `inquiries_minutes`: how often.
    pub(super) inquiries_minutes: u32,
    /// `progress_list_field`: the list in the answer of `TraCuuHoSo` that shows progress entries; empty if the portal shows none.
    pub(super) progress_list_field: String,
}

impl Settings {
    /// Known from two independent sources; the paths of the other calls are not published.
    pub(super) const LOGIN_PATH: &str = "/XrdAdapter/RestService/forward/mapi/login";

    /// Reads them, or says everything that is wrong with them.
    pub(super) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let integration_path =
            reader.text("integration_path", "/XrdAdapter/RestService/forward/mapi/g");
        let settings = Settings {
            login_path: reader.text("login_path", Settings::LOGIN_PATH),
            share_path: reader.text("share_path", &integration_path),
            integration_path,
            share_services: reader.texts("share_services", &["LayDanhSachTTHC", "LayDanhMuc*"]),
            dstcode: reader.text("dstcode", "VN:GOV:000.00.00.G22:vpcpdvcprovider"),
            dstcode_in_query: reader.word("dstcode_in", &["header", "query"]) == "query",
            providerurl: reader.text("providerurl", ""),
            unit: reader.text("unit", ""),
            username: reader.text("username", ""),
            accounts: reader.text_of_each("accounts", "username"),
            session_seconds: reader.count("session_seconds", 600),
            inquiries: reader.flag("inquiries", false),
            inquiries_minutes: reader.count("inquiries_minutes", 60),
            progress_list_field: reader.text("progress_list_field", ""),
        };
        sound((settings, reader.finish()))
    }

    /// The account that speaks for a unit: its own, or the province's.
    pub(super) fn account(&self, unit: &str) -> Account {
        Account::from(if self.accounts.contains_key(unit) { unit } else { DEFAULT_ACCOUNT })
    }

    /// Those of units, and the province's where anything can use it.
    pub(super) fn all_accounts(&self) -> Vec<Account> {
        let mut all: Vec<Account> = self.accounts.keys().map(|unit| Account::from(unit.as_str())).collect();
        if all.is_empty() || !self.username.is_empty() {
            all.push(Account::from(DEFAULT_ACCOUNT));
        }
        all
    }

    /// The name an account logs in with; none if it must stand among the keys. A unit with an account of its own never
    /// borrows the province's name.
    pub(super) fn username(&self, account: &Account) -> Option<&str> {
        let name = self.accounts.get(account.as_str()).unwrap_or(&self.username);
        Some(name.as_str()).filter(|name| !name.is_empty())
    }

    /// Where a service lives.
    pub(super) fn path(&self, service: &str) -> &str {
        let shared = self.share_services.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => service.starts_with(start),
            None => service == pattern,
        });
        if shared { &self.share_path } else { &self.integration_path }
    }
}
