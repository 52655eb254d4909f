//! Who may stand on a stage beside the portal: carriers, the counter's software, whoever asks about citizens and the database that answers, a
//! subscriber. Each is an entry of the configuration and, where we call it, a simulator.

use super::{PATIENT, UNIT};

/// A peer that stands on stage if a story asks for it.
pub(super) struct Extra {
    pub(super) name: &'static str,
    pub(super) adapter: &'static str,
    pub(super) dialect: &'static str,
    /// Where we call it; empty for software that only calls.
    endpoint: &'static str,
    keys: &'static [&'static str],
    /// Lines of its entry; a line that a story gives for the same setting takes its place.
    settings: &'static str,
    /// What its simulator takes for right, beside the peer's own settings.
    simulator: &'static str,
    /// Where its questions go at our door.
    pub(super) door: &'static str,
}

/// A key for signatures, as the specification of webhooks writes them.
pub(super) const SIGNING_SECRET: &str = "whsec_bGllbnRob25nIHRodSBuZ2hpZW0ga2hvYSBreQ==";

/// The password of everybody on stage.
pub(super) const PASSWORD: &str = "mat-khau-thu";

/// What the licence on stage is for, unless a story says otherwise.
const LICENCE: &str = "procedures = [\"1.004222\"]\n";

const SILENT: Extra = Extra {
    name: "",
    adapter: "",
    dialect: "",
    endpoint: "",
    keys: &[],
    settings: "",
    simulator: "",
    door: "",
};

pub(super) const EXTRAS: [Extra; 18] = [
    Extra {
        name: "hcc",
        adapter: "postal",
        dialect: "hcc",
        endpoint: "post",
        keys: &["consumer_key", "consumer_secret"],
        settings: "settings.customer_code = \"HCC_H99_0001\"\nsettings.number_form = \"{dossier}/{leg}{shipment}\"\n",
        ..SILENT
    },
    Extra {
        name: "ems",
        adapter: "postal",
        dialect: "ems",
        endpoint: "post",
        keys: &["merchant_token"],
        settings: "settings.service = \"1\"\n",
        ..SILENT
    },
    Extra {
        name: "myvnpost",
        adapter: "postal",
        dialect: "myvnpost",
        endpoint: "post",
        keys: &["username", "password"],
        settings: "settings.customer_code = \"T000000000\"\nsettings.service_code = \"ETN011\"\n",
        ..SILENT
    },
    // It is told nothing unless a story says so: a subscriber is, by the same machinery.
    Extra {
        name: "desk",
        adapter: "postal",
        dialect: "desk",
        endpoint: "post",
        settings: "receives = [\"dossier-progressed\"]\n",
        ..SILENT
    },
    // One-stop-shop software both ways. What it publishes goes to the portal; what was submitted there comes to it.
    Extra {
        name: "ocps",
        adapter: "onestop",
        dialect: "opencps",
        endpoint: "opencps",
        keys: &["username", "password"],
        settings: "settings.group_id = \"35301\"\nsettings.template = \"MAU01\"\n",
        simulator: "username = \"mat-khau-thu\"\npassword = \"mat-khau-thu\"\n",
        ..SILENT
    },
    Extra {
        name: "subscriber",
        adapter: "subscriber",
        dialect: "standard-webhooks",
        endpoint: "subscriber",
        keys: &["signing-secret"],
        simulator: "secret = \"whsec_bGllbnRob25nIHRodSBuZ2hpZW0ga2hvYSBreQ==\"\n",
        ..SILENT
    },
    Extra {
        name: "counter",
        adapter: "payment",
        dialect: "desk",
        endpoint: "payment",
        door: "/api/payment/",
        ..SILENT
    },
    Extra {
        name: "payplat",
        adapter: "payment",
        dialect: "payplat",
        endpoint: "payment",
        keys: &["secret"],
        settings: "settings.partner_code = \"DOITACTHU\"\n",
        simulator: "secret = \"mat-khau-thu\"\n",
        ..SILENT
    },
    Extra {
        name: "paygov",
        adapter: "payment",
        dialect: "paygov",
        endpoint: "payment",
        keys: &["secret", "access_key", "consumer_key", "consumer_secret"],
        settings: "settings.partner_code = \"DOITACTHU\"\nsettings.order_prefix = \"H99-\"\n",
        simulator: "secret = \"mat-khau-thu\"\naccess_key = \"mat-khau-thu\"\n",
        ..SILENT
    },
    Extra {
        name: "citizen",
        adapter: "population",
        dialect: "citizen",
        settings: "may_assert_officers = true\n",
        door: "/api/citizen/",
        ..SILENT
    },
    Extra {
        name: "opencps",
        adapter: "population",
        dialect: "opencps",
        settings: "may_assert_officers = true\n",
        door: "/o/rest/v2/",
        ..SILENT
    },
    Extra {
        name: "soap",
        adapter: "population",
        dialect: "soap",
        settings: "may_assert_officers = true\n",
        door: "/soap/cong-dan",
        ..SILENT
    },
    Extra {
        name: "emc",
        adapter: "emc",
        dialect: "tracking-mcdt",
        endpoint: "emc",
        settings: "settings.site_id = \"17\"\n",
        ..SILENT
    },
    Extra { name: "kiosk", adapter: "kiosk", dialect: "enquiry", door: "/v1/dossiers/", ..SILENT },
    Extra { name: "printer", adapter: "kiosk", dialect: "printer", door: "/v1/dossiers/", ..SILENT },
    Extra {
        name: "database",
        adapter: "population",
        dialect: "profile",
        endpoint: "population",
        keys: &["secret-key"],
        settings: "settings.profile = \"p1\"\nsettings.username = \"h99\"\n",
        simulator: "simulator = { username = \"h99\", secret_key = \"mat-khau-thu\" }\n",
        ..SILENT
    },
    // Software of the province that is told by six steps and asked for what changed.
    Extra {
        name: "igate",
        adapter: "onestop",
        dialect: "igate",
        endpoint: "igate",
        keys: &["client_id", "client_secret"],
        settings: "receives = [\"dossier-submitted\", \"dossier-amended\", \"dossier-progressed\", \"postal-status-changed\"]\nsettings.agencies.\"000.00.00.H99\".code = \"H99.07\"\n",
        ..SILENT
    },
    // Software of the province that takes what the portal pushes.
    Extra {
        name: "province",
        adapter: "onestop",
        dialect: "relay",
        endpoint: "relay",
        settings: "receives = [\"dossier-submitted\", \"dossier-amended\", \"land-tax-noticed\", \"land-tax-paid\"]\n",
        ..SILENT
    },
];

impl Extra {
    /// The settings of its simulator: the peer's own, and what it takes for right.
    pub(super) fn simulated(&self, given: &str) -> Result<toml::Table, String> {
        let entry: toml::Table =
            toml::from_str(&merged(self.settings, given)).map_err(|error| error.to_string())?;
        let mut settings = entry.get("settings").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let own: toml::Table = toml::from_str(self.simulator).map_err(|error| error.to_string())?;
        settings.extend(own);
        Ok(settings)
    }

    /// Its entry in the configuration. `at` is where its simulator listens.
    pub(super) fn entry(&self, folder: &str, at: Option<std::net::SocketAddr>, given: &str) -> String {
        let Extra { name, adapter, dialect, endpoint, .. } = self;
        let mut own = format!("{PATIENT}{}", self.settings);
        for key in self.keys {
            let file = if *key == "signing-secret" { "signing.secret" } else { "portal.password" };
            own.push_str(&format!("keys.{key} = {{ file = \"{folder}/{file}\" }}\n"));
        }
        if let Some(at) = at {
            own.push_str(&format!("endpoints.{endpoint} = \"http://{at}\"\n"));
        }
        let own = merged(&own, given);
        format!(
            "\n[peers.{name}]\nadapter = \"{adapter}\"\ndialect = \"{dialect}\"\nunit = \"{UNIT}\"\n{own}"
        )
    }
}

/// What the province is licensed to ask, and how fast: where somebody asks about citizens.
pub(super) fn licence(licence: &str, questions: &str) -> String {
    format!("\n[[licences]]\n{}[questions]\n{questions}", merged(LICENCE, licence))
}

/// Lines, and those given; a setting stands once, as it was given.
fn merged(own: &str, given: &str) -> String {
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let named: Vec<String> = given.lines().map(name).collect();
    let kept = own.lines().filter(|line| !named.contains(&name(line)));
    kept.chain(given.lines()).fold(String::new(), |text, line| text + line + "\n")
}
