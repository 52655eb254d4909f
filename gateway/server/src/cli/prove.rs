//! `prove`: kills the gateway again and again beside hostile peers, and accounts for every message it acknowledged.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;

use super::{Common, Ended, Outcome, block_on};
use crate::clock::chance;
use crate::prove::account::Column;
use crate::prove::{Carrier, Findings, Progress, Proof, folder_for};
use crate::words::Lang;

/// So many breaches are told one by one.
const TOLD_MAX: usize = 20;

#[derive(Args)]
pub struct Prove {
    /// So many times it is killed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// What carries the deliveries: embedded or rabbitmq
    #[arg(long, value_enum, hide_possible_values = true, default_value = "embedded")]
    carrier: Carrier,
    /// Repeats the schedule of the run that named it
    #[arg(long)]
    seed: Option<u64>,
}

pub fn prove(common: &Common, args: Prove) -> Outcome {
    let lang = common.lang();
    let seed = args.seed.unwrap_or_else(|| u64::from(u32::from_le_bytes(chance())));
    let (rounds, folder) = (args.rounds as usize, folder_for(seed));
    let proof = Proof { rounds, seed, carrier: args.carrier, folder: folder.clone() };
    let found = block_on(async {
        let mut shown = Shown { lang, rounds };
        proof.carry_out(|progress| shown.show(progress)).await.map_err(Ended::CannotStart)
    });
    let failed = found.as_ref().map_or(true, |found| !found.account.breaches.is_empty());
    if !failed {
        let _ = std::fs::remove_dir_all(&folder);
    }
    let found = found?;
    let name = match args.carrier {
        Carrier::Embedded => "embedded",
        Carrier::Rabbitmq => "rabbitmq",
    };
    if common.json {
        let told = serde_json::json!({ "seed": seed, "rounds": rounds, "carrier": name, "findings": found });
        say!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        tell(lang, &proof, &found);
    }
    if failed {
        eprintln!("{}: {}", lang.pick("dữ liệu của lần thử này", "the data of this run"), folder.display());
        return Err(Ended::NotAsItShould);
    }
    Ok(())
}

/// Progress on standard error: one line that changes, or in a file a line now and then.
struct Shown {
    lang: Lang,
    rounds: usize,
}

impl Shown {
    fn show(&mut self, progress: Progress) {
        let Progress { rounds, answers, effects } = progress;
        let (round, taken, effective) = match self.lang {
            Lang::Vi => ("vòng", "thông điệp đã nhận", "lần có hiệu lực"),
            Lang::En => ("round", "messages taken", "effects"),
        };
        let line = format!("{round} {rounds}/{}  {taken} {answers}  {effective} {effects}", self.rounds);
        let mut out = std::io::stderr();
        if out.is_terminal() {
            let end = if rounds == self.rounds { "\n" } else { "" };
            let _ = write!(out, "\r{line}{end}");
            let _ = out.flush();
        } else if rounds.is_multiple_of(10) || rounds == self.rounds {
            let _ = writeln!(out, "{line}");
        }
    }
}

/// What a row of the table shows of a class.
type Figure = fn(&Column) -> usize;

fn tell(lang: Lang, proof: &Proof, found: &Findings) {
    let heads = match lang {
        Lang::Vi => ["ghi lại được", "hỏi lại được", "không hỏi lại được"],
        Lang::En => ["repeatable", "can be asked back", "neither"],
    };
    say!("\n{:<34}{:>20}{:>20}{:>20}", "", heads[0], heads[1], heads[2]);
    let rows: [(&str, &str, Figure); 8] = [
        ("đã nhận, phải chuyển", "acknowledged, owed", |column| column.owed),
        ("đã có hiệu lực", "took effect", |column| column.done),
        ("bản mới hơn đã thay", "a newer one took its place", |column| column.superseded),
        ("chưa rõ, đã ghi rõ lý do", "in doubt, explained", |column| column.explained),
        ("MẤT", "LOST", |column| column.lost),
        ("LẶP ĐÔI", "DOUBLED", |column| column.doubled),
        ("SAI THỨ TỰ", "REORDERED", |column| column.reordered),
        ("KẸT", "STUCK", |column| column.stuck),
    ];
    for (vi, en, figure) in rows {
        let [first, second, third] = found.account.classes.each_ref().map(figure);
        say!("{:<34}{first:>20}{second:>20}{third:>20}", lang.pick(vi, en));
    }
    say!();
    for (vi, en, value) in [
        ("hạt giống (--seed)", "seed (--seed)", proof.seed),
        ("số thông điệp", "messages", found.messages as u64),
        ("lời gọi bị hệ thống nhận làm hỏng", "calls spoiled by the peers", found.spoiled),
        ("số lần bị giết (SIGKILL)", "kills (SIGKILL)", found.kills as u64),
        ("trong đó trước khi sẵn sàng", "of these before it was ready", found.kills_before_ready as u64),
        ("sẵn sàng lâu nhất sau, ms", "ready at the latest after, ms", found.ready_ms_max),
        ("vòng lâu nhất, ms", "longest round, ms", found.round_ms_max),
        ("tồn đọng tự hết sau, ms", "backlog drained by itself after, ms", found.drain_ms),
    ] {
        say!("{:<34}{value:>20}", lang.pick(vi, en));
    }
    let breaches = &found.account.breaches;
    if breaches.is_empty() {
        say!("\n{}", lang.pick("Không vi phạm cam kết nào.", "No promise was broken."));
        return;
    }
    say!("\n{} {}", lang.pick("Số vi phạm:", "Breaches:"), breaches.len());
    for breach in breaches.iter().take(TOLD_MAX) {
        say!("  {breach}");
    }
}
