//! Questions about citizens, from the caller's software to the database and back: through the real program, real sockets and the
//! database's simulator in each of its profiles; what is licensed, what is written down, and what is written nowhere.

mod rules;
mod soap;
mod trail;

use std::net::SocketAddr;
use std::process::{Command, Output};

use conformance::process::{Gateway, Ground, UNIT, lienthong};
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use serde_json::{Value, json};

use crate::wire::{Heard, ask, call};

/// The citizen whom the simulator knows.
pub const NUMBER: &str = "001085000000";
pub const NAME: &str = "Nguyễn Văn Thử";
pub const PROCEDURE: &str = "1.004222";
pub const DOSSIER: &str = "H99.14-261123-0042";

/// A profile with the secrets that its simulator takes for right.
pub struct Platform {
    pub profile: &'static str,
    /// Which of the operations it has.
    pub looks_up: bool,
    pub verifies: bool,
    settings: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

pub const PLATFORMS: [Platform; 6] = [
    Platform {
        profile: "p1",
        looks_up: true,
        verifies: true,
        settings: "username = \"h99\"\nsimulator = { username = \"h99\", secret_key = \"bi-mat-thu\" }",
        keys: &[("secret-key", "bi-mat-thu")],
    },
    Platform {
        profile: "p1-xroad",
        looks_up: true,
        verifies: true,
        settings: "username = \"h99\"\nsimulator = { username = \"h99\", secret_key = \"bi-mat-thu\" }",
        keys: &[("secret-key", "bi-mat-thu"), ("api-key", "khoa-thu")],
    },
    Platform {
        profile: "p2",
        looks_up: true,
        verifies: true,
        settings: "app_name = \"lienthong\"\npartner_code = \"000.00.00.H99\"\n\
                   officers = { \"canbo.thu\" = { code = \"h99_canbo\" } }\n\
                   simulator = { officers = [\"h99_canbo:khoa-can-bo\"] }",
        keys: &[("access-key", "a"), ("platform-key", "b"), ("officer/h99_canbo", "h99_canbo:khoa-can-bo")],
    },
    Platform { profile: "p3", looks_up: false, verifies: true, settings: "", keys: &[("auth", "eA==")] },
    Platform {
        profile: "p4",
        looks_up: true,
        verifies: false,
        settings: "app_name = \"lienthong\"\npartner_code = \"000.00.00.H99\"",
        keys: &[("access-key", "a"), ("platform-key", "b")],
    },
    Platform {
        profile: "p5",
        looks_up: true,
        verifies: false,
        settings: "simulator = { consumer = \"a:b\" }",
        keys: &[("consumer-key", "a"), ("consumer-secret", "b")],
    },
];

/// The program, the database's simulator, and a caller for each dialect.
pub struct Desk {
    pub ground: Ground,
    pub gateway: Gateway,
    pub database: Host,
    keys: Vec<(String, String)>,
}

impl Desk {
    pub async fn open(platform: &Platform) -> Desk {
        Desk::with(platform, "").await
    }

    /// `further` are lines at the end of the configuration.
    pub async fn with(platform: &Platform, further: &str) -> Desk {
        let settings = format!("profile = \"{}\"\n{}", platform.profile, platform.settings);
        let table: toml::Table = toml::from_str(&settings).expect("settings are TOML");
        let simulator = adapters::simulator("population", "profile", &table).expect("a simulator");
        let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
        let database = Host::start(simulator, loopback, Clock::system()).await.expect("a port");
        let folder = tempfile::tempdir().expect("a folder").keep();
        let mut secrets = String::new();
        for (index, (name, secret)) in platform.keys.iter().enumerate() {
            let path = folder.join(format!("{index}.secret"));
            std::fs::write(&path, secret).expect("a writable folder");
            secrets.push_str(&format!("\"{name}\" = {{ file = \"{}\" }}\n", path.display()));
        }
        let mut peers = String::new();
        for dialect in ["citizen", "opencps", "soap"] {
            peers.push_str(&format!(
                "[peers.{dialect}]\nadapter = \"population\"\ndialect = \"{dialect}\"\nunit = \"{UNIT}\"\nmay_assert_officers = true\n"
            ));
        }
        let own_settings: String = settings
            .lines()
            .filter(|line| !line.starts_with("simulator"))
            .fold(String::new(), |text, line| text + line + "\n");
        let ground = Ground::lay(
            ([127, 0, 0, 1], 9).into(),
            &format!(
                "{peers}[peers.dan-cu]\nadapter = \"population\"\ndialect = \"profile\"\nanswer_ms_max = 5000\nconcurrency_max = 2\n\
                 endpoints.population = \"http://{}\"\n[peers.dan-cu.settings]\n{own_settings}[peers.dan-cu.keys]\n{secrets}\
                 [[licences]]\nprocedures = [\"{PROCEDURE}\"]\n{further}",
                database.address()
            ),
        );
        let mut keys = Vec::new();
        for dialect in ["citizen", "opencps", "soap"] {
            keys.push((dialect.to_owned(), ground.add_key(&[dialect])));
        }
        // A file that may not grow is an error for the program to bear, not a signal that ends it.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
        let gateway = ground.start_under(shell, lienthong());
        Desk { ground, gateway, database, keys }
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.address().expect("it listens")
    }

    pub fn key(&self, dialect: &str) -> &str {
        let found = self.keys.iter().find(|(name, _)| name == dialect);
        found.map(|(_, key)| key.as_str()).expect("a key for each dialect")
    }

    pub async fn post(&self, dialect: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Heard {
        let mut all = vec![("x-api-key", self.key(dialect)), ("content-type", "application/json")];
        for header in headers {
            all.retain(|(name, _)| !name.eq_ignore_ascii_case(header.0));
            all.push(*header);
        }
        ask(self.address(), &call("POST", path, &all, body)).await.expect("an answer")
    }

    /// A question in our own JSON.
    pub async fn citizen(&self, path: &str, question: &Value) -> Heard {
        self.post("citizen", path, &[], question.to_string().as_bytes()).await
    }

    pub fn command(&self, args: &[&str]) -> Output {
        let mut command = Command::new(lienthong());
        command.arg("--config").arg(self.ground.path("lienthong.toml")).args(args);
        command.output().expect("the program can be started")
    }

    /// The lines of the audit trail.
    pub fn trail(&self) -> Vec<Value> {
        let folder = self.ground.path("data/audit");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).expect("a trail").map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        let text: String = files.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect();
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
}

/// About the citizen whom the simulator knows, with everything that a licence asks for.
pub fn question() -> Value {
    json!({
        "procedure": PROCEDURE,
        "dossier": DOSSIER,
        "officer": { "account": "canbo.thu" },
        "person": { "identityNumber": NUMBER, "name": NAME, "birth": { "date": "1985-01-02" } },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_profile_answers_each_door() {
    for platform in &PLATFORMS {
        let desk = Desk::open(platform).await;
        let name = platform.profile;
        let mut verify = question();
        for (person, outcome) in [("NGUYỄN VĂN THỬ", "match"), ("Trần Thị Khác", "no-match")] {
            verify["person"]["name"] = json!(person);
            let heard = desk.citizen("/citizen/verify", &verify).await;
            match platform.verifies {
                true => assert_eq!(heard.json()["outcome"], outcome, "{name}: {}", heard.text()),
                false => assert_eq!(heard.json()["code"], "population.operation", "{name}: {}", heard.text()),
            }
        }
        if platform.looks_up {
            let heard = desk.citizen("/citizen/look-up", &question()).await;
            let answer = heard.json();
            assert_eq!((heard.status, &answer["outcome"]), (200, &json!("found")), "{name}: {heard:?}");
            let person = &answer["persons"][0];
            assert_eq!(person["identityNumber"], NUMBER, "{name}");
            assert!(person.get("religion").is_none() && person.get("father").is_none(), "{name}: {person}");
            let opencps = json!({
                "type": "TraCuuThongTinCongDan", "MaYeuCau": 1_767_225_600_000_u64, "MaDVC": PROCEDURE,
                "GovAgencyCode": UNIT, "StaffEmail": "canbo.thu", "HoVaTen": NAME, "NgayThangNamSinh": "1985-01-02",
                "SoDinhDanh": NUMBER,
            });
            let headers = [("x-dossier-code", DOSSIER)];
            let heard =
                desk.post("opencps", "/o/rest/v2/qldc", &headers, opencps.to_string().as_bytes()).await;
            let found = &heard.json()["Body"]["CongdanCollection"]["CongDan"];
            assert_eq!((heard.status, &found["SoDinhDanh"]), (200, &json!(NUMBER)), "{name}: {heard:?}");
        }
    }
}
