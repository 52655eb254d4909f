//! `demo`: the gateway and simulators on loopback ports, and a story of dossiers, of a question, of a parcel and of a payment through
//! the real doors. What a newcomer sees first, and with `--once` a smoke test of the whole.

use std::collections::BTreeMap;

use clap::Args;
use gateway_core::ids::hex;

use super::{Common, Ended, Outcome, audit, block_on, serve, show};
use crate::clock::Clock;
use crate::store::{Event, TimelineRow};
use crate::story::{self, Documents, Otherwise, Stage, Story};
use crate::words::Lang;

const STORY: &str = include_str!("../../../../ops/demo.story");

/// Files below a folder, by their paths in it.
macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../", $folder, "/", $path)))),*]
    };
}

const DOCUMENTS: &[(&str, &str)] = files! { "ops/demo":
    "dossier.json", "step.json", "question.json", "order.json",
    "push.json", "push-notice.json", "push-paid.json", "fees.json", "payment.json",
};
/// The declared system: one of the worked examples, as a province would lay it into its overlay.
const DECLARED: &[(&str, &str)] = files! { "tests/fixtures":
    "declared/ho-kinh-doanh/channels.yaml",
    "declared/ho-kinh-doanh/peer.yaml",
    "declared/ho-kinh-doanh/schemas/answer.schema.json",
    "declared/ho-kinh-doanh/schemas/change.schema.json",
    "declared/ho-kinh-doanh/schemas/dossier.schema.json",
    "declared/ho-kinh-doanh/schemas/page.schema.json",
    "declared/ho-kinh-doanh/schemas/values.schema.json",
    "declared/ho-kinh-doanh/examples/00-token.yaml",
    "declared/ho-kinh-doanh/examples/05-session.yaml",
    "declared/ho-kinh-doanh/examples/10-has-it.yaml",
    "declared/ho-kinh-doanh/examples/20-takes-it.yaml",
    "declared/ho-kinh-doanh/examples/30-changes.yaml",
    "declared/ho-kinh-doanh/examples/35-changes-without-session.yaml",
    "declared/ho-kinh-doanh/examples/60-changed.yaml",
    "declared/ho-kinh-doanh/examples/61-tells.yaml",
    "declared/ho-kinh-doanh/mappings/in-dossier-progressed.yaml",
    "declared/ho-kinh-doanh/mappings/out-dossier-recorded.yaml",
    "declared/ho-kinh-doanh/mappings/codes/state-in.yaml",
    "declared/ho-kinh-doanh/mappings/codes/state-out.yaml",
};

#[derive(Args)]
pub struct Demo {
    /// End by itself; exit status 0 only if every dossier is where it should be
    #[arg(long)]
    once: bool,
    /// Keep the folder (configuration, store, keys) of this run
    #[arg(long)]
    keep: bool,
}

pub fn demo(common: &Common, args: Demo) -> Outcome {
    crate::telemetry::start_quiet_log();
    let folder = std::env::temp_dir().join(format!("lienthong-demo-{}", hex(&crate::clock::chance::<4>())));
    let lang = common.lang();
    let ended = block_on(async {
        let all = DOCUMENTS.iter().chain(DECLARED);
        let documents: Documents = all.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let stories = story::parse(STORY);
        // One stage for all of them: whoever is in any of them.
        let given = stories.iter().flat_map(|story| story.given.clone()).collect();
        let mut stage = Stage::set(folder.clone(), Clock::system(), documents, given)
            .await
            .map_err(Ended::CannotStart)?;
        say!(
            "{}",
            lang.pick(
                "Đã chạy: cổng liên thông; bản giả lập của Cổng DVCQG, CSDL dân cư, bưu chính, bên đăng ký nhận tin, phần mềm một cửa, nền tảng thanh toán và một hệ thống khai báo.",
                "Up: the gateway; simulators of the portal, the population database, a carrier, a subscriber, the one-stop-shop, the Payment Platform and a declared system."
            )
        );
        let ended = play(&mut stage, &stories, lang).await;
        timelines(&stage, lang).await?;
        match &ended {
            Ok(()) => {
                say!("\n{}", lang.pick("Mọi hồ sơ đều đến đúng nơi.", "Every dossier is where it should be."))
            }
            Err(otherwise) => {
                say!(
                    "\n{}: ops/demo.story {otherwise}",
                    lang.pick("Diễn biến khác dự kiến", "It went otherwise")
                );
            }
        }
        if !args.once {
            invite(&stage, lang);
            serve::stopped()?.await;
        }
        stage.stop().await;
        ended.map_err(|_| Ended::NotAsItShould)
    });
    if args.keep {
        say!("{}", folder.display());
    } else {
        let _ = std::fs::remove_dir_all(&folder);
    }
    ended
}

async fn play(stage: &mut Stage, stories: &[Story], lang: Lang) -> Result<(), Otherwise> {
    let lines = stories.iter().flat_map(|story| &story.lines);
    let total = lines.filter(|(_, line)| line.starts_with(TELL)).count();
    let mut done = 0;
    for story in stories {
        say!("\n{}", translated(&story.title, lang));
        // The lines themselves are for the stage; who watches reads what stands in front of each.
        let progress = |line: &str| {
            if let Some(told) = line.strip_prefix(TELL) {
                done += 1;
                say!("  [{done:>2}/{total}] {}", translated(told, lang));
            }
        };
        stage.play(story, progress).await?;
        if story.lines.iter().any(|(_, line)| line.starts_with(AUDIT)) {
            let found = stage.trail().await.map_err(|seen| Otherwise { line: 0, seen })?;
            say!("\n  lienthong audit verify\n  {}", audit::told(&found, lang).replace('\n', "\n  "));
        }
    }
    Ok(())
}

/// What begins a line that is only told.
const TELL: &str = "tell ";
/// What begins a line about the audit trail; who watches then reads what the command says of it.
const AUDIT: &str = "audit ";

/// Titles and told lines of the story carry both languages: `tiếng Việt | English`.
fn translated(title: &str, lang: Lang) -> &str {
    match title.split_once('|') {
        Some((vi, en)) => lang.pick(vi.trim(), en.trim()),
        None => title,
    }
}

async fn timelines(stage: &Stage, lang: Lang) -> Result<(), Ended> {
    say!("\n{}", lang.pick("Dòng thời gian của từng hồ sơ", "Timelines"));
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    let mut shown: Vec<&str> = Vec::new();
    for code in &stage.dossiers {
        if let Some(found) = stage.app().store.timeline(code).await? {
            // A dossier of two codes is one.
            if found.codes.iter().any(|(code, _)| shown.contains(&code.as_str())) {
                continue;
            }
            shown.push(code);
            say!();
            show::print(code, &found, false, lang);
            // How a dossier stands is not changed by its sender's saying something twice.
            let repeats = [Event::Duplicate, Event::LateRepeat];
            let stands = |row: &&TimelineRow| row.event.is_milestone() && !repeats.contains(&row.event);
            if let Some(last) = found.rows.iter().rev().find(stands) {
                *ends.entry(crate::words::event_words(lang, last.event.as_str(), "")).or_default() += 1;
            }
        }
    }
    say!("\n{}", lang.pick("Tổng kết", "Summary"));
    say!("  {:<38} {}", lang.pick("hồ sơ", "dossiers"), shown.len());
    for (end, count) in ends {
        say!("  {:<38} {count}", format!("→ {end}"));
    }
    let state = stage.portal.state();
    let others = |peer: &str, count: &str| {
        stage.hosts.get(peer).and_then(|host| host.state()[count].as_u64()).unwrap_or_default()
    };
    for (words, value) in [
        (
            lang.pick("Cổng DVCQG ghi nhận hồ sơ", "dossiers at the portal"),
            state["dossiers"].as_object().map_or(0, |all| all.len() as u64),
        ),
        (
            lang.pick("Cổng DVCQG ghi nhận bước", "steps at the portal"),
            state["progress"].as_array().map_or(0, |all| all.len() as u64),
        ),
        (
            lang.pick("CSDL dân cư được hỏi", "questions at the population database"),
            others("database", "calls"),
        ),
        (lang.pick("bưu chính nhận đơn", "orders at the carrier"), others("myvnpost", "orders")),
        (
            lang.pick("bên đăng ký được báo tin", "facts told to the subscriber"),
            others("subscriber", "facts"),
        ),
        (lang.pick("một cửa nhận từ Cổng DVCQG", "dossiers from the portal"), others("province", "dossiers")),
        (lang.pick("khoản đã thanh toán", "payments made"), others("payplat", "paid")),
        (
            lang.pick("hệ thống khai báo nhận hồ sơ", "dossiers at the declared system"),
            others("ho-kinh-doanh", "taken"),
        ),
    ] {
        say!("  {words:<38} {value}");
    }
    Ok(())
}

fn invite(stage: &Stage, lang: Lang) {
    let address = stage.address();
    let config = stage.folder().join("lienthong.toml");
    let key = |peer: &str| stage.key(peer).map(|key| key.reveal().to_owned()).unwrap_or_default();
    let code = stage.dossiers.first().cloned().unwrap_or_default();
    say!("\n{}", lang.pick("Thử tiếp (Ctrl-C để dừng):", "Try next (Ctrl-C stops):"));
    // As it was called, because a newcomer has it in no search path.
    let program = std::env::args().next().unwrap_or_else(|| "lienthong".to_owned());
    say!("  curl http://{address}/readyz");
    say!("  curl http://{address}/metrics");
    say!("  {program} -c {} timeline {code} --all", config.display());
    say!("  {program} -c {} dead-letters list", config.display());
    say!("  {program} -c {} audit verify", config.display());
    for (peer, file, path) in [
        ("relay", "dossier.json", format!("DongBoHoSoMC?MaDinhDanhDV={}&isUpdating=False", story::UNIT)),
        ("citizen", "question.json", "citizen/look-up".to_owned()),
        ("desk", "order.json", "postal/orders".to_owned()),
        ("portal", "push.json", "VXPAdapter/RestService/forward/addtthcKhuyenMai".to_owned()),
    ] {
        say!(
            "  curl -H 'X-Api-Key: {}' -H 'Content-Type: application/json' -d @ops/demo/{file} \\\n       'http://{address}/api/{path}'",
            key(peer)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_told_in_both_languages() {
        for story in story::parse(STORY) {
            let mut told = false;
            let (vi, en) = (translated(&story.title, Lang::Vi), translated(&story.title, Lang::En));
            assert!(vi != en, "{vi}");
            for (number, line) in &story.lines {
                let Some(words) = line.strip_prefix(TELL) else {
                    assert!(told, "line {number}: nothing is told of «{line}»");
                    told = false;
                    continue;
                };
                let (vi, en) = (translated(words, Lang::Vi), translated(words, Lang::En));
                assert!(!told && vi != en && en.is_ascii() && !vi.is_ascii(), "line {number}: {words}");
                told = true;
            }
        }
    }
}
