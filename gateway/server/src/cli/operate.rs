//! `dead-letters` and `redeliver`: what an operator does about messages that a peer will not take.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gateway_core::ids::Moment;
use gateway_core::pipeline::DeliveryId;
use serde_json::Value;

use super::{Common, Ended, Outcome, block_on, perhaps, show};
use crate::config::Config;
use crate::http::{AdminCall, CannotCall, call_admin};
use crate::store::Filter;
use crate::words::Lang;

#[derive(Subcommand)]
pub enum DeadLetters {
    /// List dead letters and calls in doubt, newest last
    List(Select),
    /// Show one: cause, remedy, violations, the document
    Show {
        /// Its number
        id: i64,
        /// With the document, which holds personal data
        #[arg(long)]
        document: bool,
    },
    /// Put another document in its place and offer it again
    Correct {
        /// Its number
        id: i64,
        /// The canonical document, as `show --document --json` gives it, mended
        #[arg(long)]
        file: PathBuf,
    },
    /// Give a dead letter up: it is never sent
    Discard {
        /// Its number
        id: i64,
        /// Why, for the timeline
        #[arg(long)]
        reason: String,
    },
    /// For a call in doubt: say whether it took effect
    Settle {
        /// Its number
        id: i64,
        /// `happened` or `did-not`
        #[arg(value_parser = ["happened", "did-not"])]
        verdict: String,
    },
}

#[derive(Args, Default)]
pub struct Select {
    /// Only of this dossier
    #[arg(long)]
    dossier: Option<String>,
    /// Only of this peer
    #[arg(long)]
    peer: Option<String>,
    /// Only with this fault code
    #[arg(long)]
    fault: Option<String>,
    /// Only of this agency: with --since, the daily list of a unit
    #[arg(long)]
    unit: Option<String>,
    /// Only since then: 2026-11-22 or 2026-11-22T08:00:00+07:00
    #[arg(long, value_parser = moment)]
    since: Option<Moment>,
    /// Only until then, that moment not included
    #[arg(long, value_parser = moment)]
    until: Option<Moment>,
}

/// A day in Viet Nam's time, or a moment.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let day = format!("{text}T00:00:00+07:00");
    Moment::parse(text).or_else(|| Moment::parse(&day)).ok_or_else(|| "neither a day nor a moment".to_owned())
}

#[derive(Args)]
pub struct Redeliver {
    #[command(flatten)]
    select: Select,
    /// Every dead letter there is
    #[arg(long)]
    all: bool,
    /// Only say which
    #[arg(long)]
    dry_run: bool,
}

impl Select {
    fn filter(self) -> Filter {
        Filter {
            dossier: self.dossier,
            peer: self.peer.map(Into::into),
            fault: self.fault,
            unit: self.unit.map(Into::into),
            since: self.since,
            until: self.until,
            ..Filter::default()
        }
    }

    /// Could anything be of this time?
    fn possible(&self, common: &Common) -> Outcome {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => {
                let words = common.lang().pick(
                    "--since phải trước --until; --until không tính chính thời điểm ấy",
                    "--since must be before --until, and that moment itself is not included",
                );
                let (since, until) = (since.for_people(), until.for_people());
                Err(Ended::Misused(format!("{words} ({since} – {until})")))
            }
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        self.dossier.is_none()
            && self.peer.is_none()
            && self.fault.is_none()
            && self.unit.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }
}

pub fn dead_letters(common: &Common, args: DeadLetters) -> Outcome {
    match args {
        DeadLetters::List(select) => list(common, select),
        DeadLetters::Show { id, document } => show_one(common, DeliveryId(id), document),
        DeadLetters::Correct { id, file } => {
            let mut document = gateway_core::json::parse(&std::fs::read(&file)?)?;
            // The whole of what `show --document --json` gave, mended in place, will do as well.
            if let (true, Some(inner)) = (document.get("summary").is_some(), document.get("document")) {
                document = inner.clone();
            }
            act(common, AdminCall::Correct { id: DeliveryId(id), document })
        }
        DeadLetters::Discard { id, reason } => act(common, AdminCall::Discard { id: DeliveryId(id), reason }),
        DeadLetters::Settle { id, verdict } => {
            let happened = verdict == "happened";
            act(common, AdminCall::SettleDoubt { id: DeliveryId(id), happened, marks: Default::default() })
        }
    }
}

fn list(common: &Common, select: Select) -> Outcome {
    select.possible(common)?;
    let store = show::open(common)?;
    let found = block_on(async { Ok(store.dead_letters(select.filter()).await?) })?;
    if common.json {
        say!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    if found.is_empty() {
        say!("{}", common.lang().pick("không có thư chết", "no dead letters"));
    }
    for letter in found {
        say!(
            "{:>6}  {}  {:<10} {:<20} {:<10} {}",
            letter.delivery.0,
            letter.since.for_people(),
            letter.peer,
            letter.dossier,
            letter.state.as_str(),
            letter.fault_code,
        );
    }
    Ok(())
}

fn show_one(common: &Common, id: DeliveryId, with_document: bool) -> Outcome {
    let store = show::open(common)?;
    let Some(letter) = block_on(async { Ok(store.dead_letter(id).await?) })? else {
        eprintln!(
            "{}",
            common.lang().pick("không có thư chết mang số này", "no dead letter has this number")
        );
        return Err(Ended::NotAsItShould);
    };
    let document = with_document.then_some(&letter.envelope.document);
    if common.json {
        let shown =
            serde_json::json!({ "summary": letter.summary, "fault": letter.fault, "document": document });
        say!("{shown:#}");
        return Ok(());
    }
    say!("{}  {}  {}", letter.summary.delivery.0, letter.summary.peer, letter.summary.dossier);
    if let Some(fault) = &letter.fault {
        say!("  {}: {}", fault.code, fault.words);
        if !fault.cause.is_empty() {
            say!("  {}: {}", common.lang().pick("nguyên nhân", "cause"), fault.cause);
        }
        for violation in &fault.violations {
            say!("  - {violation}");
        }
    }
    if let Some(document) = document {
        say!("{document:#}");
    }
    Ok(())
}

pub fn redeliver(common: &Common, args: Redeliver) -> Outcome {
    if args.select.is_empty() && !args.all {
        let words = common.lang().pick("hãy nêu rõ gửi lại những gì:", "say which:");
        return Err(Ended::Misused(format!(
            "{words} --dossier, --peer, --fault, --unit, --since, --until, --all"
        )));
    }
    let config = common.load()?;
    args.select.possible(common)?;
    if let Some(name) = args.select.peer.as_ref().filter(|name| !config.peers.contains_key(*name)) {
        let words = common.lang().pick("không có trong cấu hình", "is not configured");
        let hint = perhaps(common.lang(), name, config.peers.keys().map(String::as_str));
        let see = common.lang().pick("xem `lienthong peers list`", "see `lienthong peers list`");
        return Err(Ended::Misused(format!("[peers.{name}] {words}{hint}; {see}")));
    }
    act(common, AdminCall::Redeliver { filter: args.select.filter(), dry_run: args.dry_run })
}

fn act(common: &Common, call: AdminCall) -> Outcome {
    let document = ask_running(common, &common.load()?, &call)?;
    if common.json {
        say!("{document}");
    } else {
        tell(&document, common.lang());
    }
    Ok(())
}

/// The same, by the configuration that is given.
pub(super) fn ask(common: &Common, call: &AdminCall) -> Result<Value, Ended> {
    ask_running(common, &common.load()?, call)
}

/// What the running gateway says to this; a refusal of its has been said.
pub(super) fn ask_running(common: &Common, config: &Config, call: &AdminCall) -> Result<Value, Ended> {
    let socket = config.gateway.admin_socket();
    match block_on(async { Ok(call_admin(&socket, call).await) })? {
        Ok(document) => Ok(document),
        Err(CannotCall::NotRunning(error)) => {
            let words = common.lang().pick(
                "cổng liên thông không chạy (hoặc cửa quản trị ở nơi khác); chạy `lienthong run` rồi thử lại",
                "the gateway does not run (or its admin door is elsewhere); start `lienthong run` and try again",
            );
            Err(Ended::NotRunning(format!("{words}: {}: {error}", socket.display())))
        }
        Err(CannotCall::Refused(problem)) => {
            eprintln!("{}", problem["title"].as_str().unwrap_or("?"));
            for violation in problem["violations"].as_array().into_iter().flatten() {
                let text = |name: &str| violation[name].as_str().map(str::to_owned).unwrap_or_default();
                eprintln!("- {} [{}] {}", text("path"), text("rule"), text("detail"));
            }
            Err(Ended::NotAsItShould)
        }
    }
}

/// What was done, for people: a line for each delivery, or that it is done.
fn tell(document: &Value, lang: Lang) {
    let Some(deliveries) = document["deliveries"].as_array() else {
        say!("{}", lang.pick("đã ghi nhận; xem `lienthong timeline`", "done; see `lienthong timeline`"));
        return;
    };
    for delivery in deliveries {
        let text = |name: &str| delivery[name].as_str().unwrap_or("-").to_owned();
        say!(
            "{:>6}  {:<10} {:<20} {}",
            delivery["delivery"],
            text("peer"),
            text("dossier"),
            text("fault_code")
        );
    }
    let words = match document["dry_run"] == true {
        true => lang.pick("sẽ được gửi lại (chưa làm gì)", "would be offered again (nothing was done)"),
        false => lang.pick("được gửi lại", "offered again"),
    };
    say!("{} {words}", deliveries.len());
}
