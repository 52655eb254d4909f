//! The commands. Each says in `--help` what it is for, in the comments here and in `help`; those that only read work on a stopped
//! gateway too, those that act speak to the running one through its admin door. What they say is Vietnamese, or English by
//! `--lang en`; defects of files (file, line, field) and what the system itself says have one language, as codes do.

/// Prints a line for people or scripts. A reader that has seen enough (`| head`) ends the command, quietly.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        if writeln!(std::io::stdout(), $($words)*).is_err() {
            std::process::exit(0);
        }
    }};
}

mod audit;
mod backup;
mod catalogue;
mod codes;
mod data;
mod demo;
mod doctor;
mod doors;
mod help;
mod operate;
mod peers;
mod prove;
mod purge;
mod receipt;
mod serve;
mod setup;
mod show;
mod simulate;
mod topology;
mod translate;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use gateway_core::fault::{Defect, nearest};

use crate::config::Config;
use crate::files::Files;
use crate::words::Lang;

/// Liên Thông: the message gateway between one-stop-shop software and the national systems.
#[derive(Parser)]
#[command(name = "lienthong", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Where a configuration is looked for unless another place is named.
const CONFIG: &str = "/etc/lienthong/lienthong.toml";

#[derive(Args, Clone)]
struct Common {
    /// The configuration file; /dev/null for none, where a command does without
    #[arg(
        long,
        short,
        global = true,
        env = "LIENTHONG_CONFIG",
        default_value = CONFIG
    )]
    config: PathBuf,
    /// Language of the output: vi or en; without it, what the configuration says
    #[arg(long, global = true, env = "LIENTHONG_LANG")]
    lang: Option<String>,
    /// Output for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Write a configuration to start from, a sealing key and the folders
    Init(setup::Init),
    /// Keys of callers: add, list, revoke
    #[command(subcommand)]
    Keys(setup::Keys),
    /// Run the gateway until it is told to stop (SIGTERM, Ctrl-C)
    Run,
    /// Check configuration, contracts, mappings and code lists; all defects at once
    Check(data::Check),
    /// See it work: gateway, simulated peers and made-up dossiers, questions and orders on loopback ports
    Demo(demo::Demo),
    /// Kill the gateway again and again beside hostile peers, and account for every message it took
    Prove(prove::Prove),
    /// Run a peer's simulator on a port, for trying out
    Simulate(simulate::Simulate),
    /// Try one mapping on a file
    Translate(translate::Translate),
    /// Run the cases beside the mappings (UPDATE=1 rewrites what is expected)
    Test(data::Test),
    /// Print the OpenAPI document of the doors, as /openapi.json answers it
    Openapi,
    /// Print what stands at a RabbitMQ broker for this configuration
    Topology(topology::Topology),
    /// Which fields the mappings use, ignore on purpose, or lose
    Coverage(data::Coverage),
    /// What is ill, since when, and what to do next: this machine, the store, the way to each peer
    Doctor(doctor::Doctor),
    /// Everything that happened to a dossier
    Timeline(show::Timeline),
    /// The code that is printed on a citizen's receipt, for looking up the dossier
    Receipt(receipt::Receipt),
    /// Counterparts: how they are, stopping and letting go what is sent to them
    #[command(subcommand)]
    Peers(peers::Peers),
    /// Messages a peer will not take as they are, and calls in doubt
    #[command(subcommand)]
    DeadLetters(operate::DeadLetters),
    /// Offer dead letters again
    Redeliver(operate::Redeliver),
    /// The lists that peers publish: what was pulled, what changed
    #[command(subcommand)]
    Catalogue(catalogue::Catalogue),
    /// Local codes that no published list has, and what they may stand for
    #[command(subcommand)]
    Codes(codes::Codes),
    /// The audit trail of identity questions
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Copy everything but the sealing key into a folder, while the gateway runs
    Backup(backup::Backup),
    /// Is a backup whole, or the data folder itself: sums, database, seals, files, audit trail
    Verify(backup::Verify),
    /// Put a backup in the place of the data folder; the gateway then starts paused
    Restore(backup::Restore),
    /// What has had its time, as [retention] says: what would go, or have it go now
    Purge(purge::Purge),
    /// Send again what is paused since a backup was restored
    Resume,
}

/// How a command ended otherwise than well.
pub(crate) enum Ended {
    /// Something is not as it should be; it has been said.
    NotAsItShould,
    /// What was typed means nothing.
    Misused(String),
    /// Cannot start or read.
    CannotStart(String),
    /// The gateway does not run.
    NotRunning(String),
}

type Outcome = Result<(), Ended>;

impl<E: std::error::Error> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended::CannotStart(error.to_string())
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // The allocator asks for huge pages, of which each holds two megabytes for what may be a few hundred bytes: an idle gateway would
    // weigh ten megabytes more and be no faster. A system that cannot say so has none to give.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let mut args: Vec<OsString> = std::env::args_os().collect();
    // `lienthong help keys add`, as other programs have it, is `lienthong keys add --help`.
    if args.get(1).is_some_and(|arg| arg == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    let lang = help::lang(&args);
    let parsed = help::spoken(Cli::command(), lang).try_get_matches_from(args);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        // Help and version were asked for; a command that is missing is answered with what there is.
        Err(asked) if !asked.use_stderr() || asked.kind() == DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = asked.print();
            return ExitCode::from(if asked.use_stderr() { 2 } else { 0 });
        }
        Err(slip) => {
            eprintln!("lienthong: {}", help::misuse(&slip, lang).trim_end());
            return ExitCode::from(2);
        }
    };
    let mut common = cli.common;
    if common.lang.is_none() {
        common.lang = Config::load(&common.config).ok().map(|config| config.gateway.lang);
    }
    let ended = match cli.command {
        Command::Init(args) => setup::init(&common, args),
        Command::Keys(args) => setup::keys(&common, args),
        Command::Run => serve::run(&common),
        Command::Check(args) => data::check(&common, &args),
        Command::Demo(args) => demo::demo(&common, args),
        Command::Prove(args) => prove::prove(&common, args),
        Command::Simulate(args) => simulate::simulate(&common, args),
        Command::Translate(args) => translate::translate(&common, args),
        Command::Test(args) => data::test(&common, args),
        Command::Openapi => doors::openapi(&common),
        Command::Topology(args) => topology::topology(&common, args),
        Command::Coverage(args) => data::coverage(&common, args),
        Command::Doctor(args) => doctor::doctor(&common, args),
        Command::Timeline(args) => show::timeline(&common, args),
        Command::Receipt(args) => receipt::receipt(&common, args),
        Command::Peers(args) => peers::peers(&common, args),
        Command::DeadLetters(args) => operate::dead_letters(&common, args),
        Command::Redeliver(args) => operate::redeliver(&common, args),
        Command::Catalogue(args) => catalogue::catalogue(&common, args),
        Command::Codes(args) => codes::codes(&common, args),
        Command::Audit(args) => audit::audit(&common, args),
        Command::Backup(args) => backup::backup(&common, args),
        Command::Verify(args) => backup::verify(&common, args),
        Command::Restore(args) => backup::restore(&common, args),
        Command::Purge(args) => purge::purge(&common, args),
        Command::Resume => backup::resume(&common),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::NotAsItShould) => ExitCode::from(1),
        Err(Ended::Misused(words)) => {
            eprintln!("lienthong: {}", words.trim_end());
            ExitCode::from(2)
        }
        Err(Ended::CannotStart(words)) => {
            eprintln!("lienthong: {}", words.trim_end());
            ExitCode::from(3)
        }
        Err(Ended::NotRunning(words)) => {
            eprintln!("lienthong: {words}");
            ExitCode::from(4)
        }
    }
}

impl Common {
    fn lang(&self) -> Lang {
        Lang::parse(self.lang.as_deref().unwrap_or_default())
    }

    fn load(&self) -> Result<Config, Ended> {
        if !self.is_configured()? {
            let words = self.lang().pick(
                "chưa có cấu hình; tạo cấu hình ban đầu bằng `lienthong init`",
                "there is no configuration; `lienthong init` writes one to start from",
            );
            return Err(Ended::CannotStart(format!("{}: {words}", self.config.display())));
        }
        Config::load(&self.config).map_err(|defects| Ended::CannotStart(list(&defects)))
    }

    /// The data rooms: with the overlay of the configuration if there is one, else the built-in ones.
    fn files(&self) -> Result<Files, Ended> {
        match self.is_configured()? {
            true => Ok(Files::with_overlay(&self.load()?.gateway.overlay)?),
            false => Ok(Files::built_in()),
        }
    }

    /// Is there a configuration? Commands about the data rooms do without one, but not without one that was named: a slip in
    /// its name must not pass for a configuration without defects.
    fn is_configured(&self) -> Result<bool, Ended> {
        if self.config == Path::new("/dev/null") {
            return Ok(false);
        }
        if self.config.exists() || self.config == Path::new(CONFIG) {
            return Ok(self.config.exists());
        }
        let words = self.lang().pick("không có tệp cấu hình này", "there is no such configuration file");
        Err(Ended::CannotStart(format!("{}: {words}", self.config.display())))
    }
}

/// What may have been meant, as the end of a sentence; nothing if nothing is like it.
fn perhaps<'a>(lang: Lang, word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let words = lang.pick("có phải", "did you mean");
    nearest(word, known).map(|near| format!(" ({words} `{near}`?)")).unwrap_or_default()
}

fn list(defects: &[Defect]) -> String {
    let lines: Vec<String> = defects.iter().map(Defect::to_string).collect();
    lines.join("\n")
}

/// A runtime for a command that needs one.
fn block_on<T>(task: impl Future<Output = Result<T, Ended>>) -> Result<T, Ended> {
    // The store's writer is a thread of its own and needs a core as much as all calls together: with a worker on every core they
    // push each other aside, and a message costs a tenth more.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.saturating_sub(1).max(1);
    tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?.block_on(task)
}
