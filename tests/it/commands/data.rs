//! `check`, `translate`, `test`, `coverage` as somebody uses them who writes a mapping for a province.

use serde_json::{Value, json};

use super::{Place, Said, said};

fn overlay(place: &Place) {
    place.done(&["init", "--folder", "etc"]);
}

fn tree(path: &str) -> String {
    std::fs::read_to_string(conformance::tree().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const RECORDED: &str = "mappings/onestop/relay/in-dossier-recorded";

#[test]
fn check_names_file_line_field_and_nearest_name_of_everything_at_once() {
    let place = Place::new();
    overlay(&place);
    let wrong = tree(&format!("{RECORDED}.yaml"))
        .replace("from: SoBienNhan,", "from: SoBienNhann,")
        .replace("code: onestop/channel", "code: onestop/chanel")
        .replace("{ from: MaDoiTuong, as: text }", "{ from: MaDoiTuong, as: text, limt: 3 }")
        .replace("unreadable: refuse", "unreadable: refuze");
    let line = |text: &str| wrong.lines().position(|line| line.contains(text)).map_or(0, |index| index + 1);
    place.write(&format!("etc/{RECORDED}.yaml"), &wrong);
    place.write("etc/schemas/of-ours.schema.json", "{");
    place.write("etc/mappings/portal/channels.yaml", "channels: 3\n");
    let said = place.run(&["check"]);
    assert_eq!(said.status, 1);
    for (line, what) in [
        (
            line("SoBienNhann"),
            "dossier.receiptNumber: onestop/relay/dossier has no field `SoBienNhann` (did you mean `SoBienNhan`?)",
        ),
        (line("chanel"), "channel: there is no code list onestop/chanel (did you mean `onestop/channel`?)"),
        (line("limt"), "applicant.techId: limt is no word of a rule (did you mean `limit`?)"),
        (line("refuze"), "submittedAt: unreadable: must be refuse or omit or keep (did you mean `refuse`?)"),
    ] {
        let whole = format!("{RECORDED}.yaml:{line}: {what}");
        assert!(said.err.contains(&whole), "{whole}\n{}", said.err);
    }
    assert!(said.err.contains("schemas/of-ours.schema.json:1: is not JSON"), "{}", said.err);
    assert!(said.err.contains("mappings/portal/channels.yaml:1: expected"), "{}", said.err);
    let shown = place.run(&["check", "--json"]);
    let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert!(shown["defects"].as_array().is_some_and(|defects| defects.len() > 5), "{shown:#}");
    assert!(shown["overlay"][format!("{RECORDED}.yaml")].is_string(), "{shown:#}");
}

#[test]
fn a_slip_in_the_name_of_the_configuration_is_no_configuration_without_defects() {
    let place = Place::new();
    for command in ["check", "run", "coverage", "test"] {
        place.ends(3, "there is no such configuration file", &[command, "-c", "etc/lienthongg.toml"]);
    }
    place.done(&["check", "-c", "/dev/null"]);
}

#[test]
fn a_defect_of_a_peer_names_the_peer() {
    let place = Place::new();
    overlay(&place);
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    for (old, new, what) in [
        (
            "dialect = \"relay\"",
            "dialect = \"relai\"",
            "peers.mot-cua.dialect: adapter `onestop` has no dialect",
        ),
        ("username = ", "usernam = ", "peers.portal.settings.usernam"),
    ] {
        place.write("etc/lienthong.toml", &config.replace(old, new));
        place.ends(1, what, &["check"]);
    }
}

#[test]
fn every_case_beside_a_built_in_mapping_passes() {
    let report = Place::new().json(&["test"]);
    assert_eq!(report["failed"], json!({}));
    assert!(report["passed"].as_u64().is_some_and(|passed| passed > 50), "{report}");
}

#[test]
fn an_overlay_brings_its_mapping_with_its_cases() {
    let place = Place::new();
    overlay(&place);
    let changed = tree(&format!("{RECORDED}.yaml"))
        .replace("{ from: SoBienNhan, as: text }", "{ from: SoBienNhan, as: text, case: lower }");
    place.write(&format!("etc/{RECORDED}.yaml"), &changed);
    place.write(
        &format!("etc/{RECORDED}.cases/90-ours.in.json"),
        &tree(&format!("{RECORDED}.cases/02-full.in.json")),
    );
    place.ends(0, &format!("overlay = {RECORDED}.yaml: write `# over: "), &["check"]);
    // The built-in case tells what the change does to what was shown before.
    let said = place.run(&["test"]);
    assert_eq!(said.status, 1);
    assert!(
        said.out.contains("\"receiptNumber\": \"BN-0007\"") && said.out.contains("bn-0007"),
        "{}",
        said.out
    );
    assert!(said.out.contains("90-ours\n  has no .out.json"), "{}", said.out);
    let update = said_with_update(&place, &["test"]);
    assert!(
        update.out.contains("90-ours.out.json") && update.out.contains("02-full.out.json"),
        "{}",
        update.out
    );
    assert!(!update.out.contains("portal"), "what is as expected is not written again: {}", update.out);
    assert_eq!(place.json(&["test"])["failed"], json!({}));
    place.done(&["test", "onestop/relay"]);
}

fn said_with_update(place: &Place, args: &[&str]) -> Said {
    said(place.command(args).env("UPDATE", "1"))
}

#[test]
fn translate_takes_one_item_or_a_whole_call() {
    let place = Place::new();
    let one = tree("mappings/onestop/xml/in-dossier-recorded.cases/01-plain.in.xml");
    let (from, to) = (one.find("<HoSo>").expect("an item"), one.find("</HoSo>").expect("an item") + 7);
    let two = format!("{}{}{}", &one[..to], &one[from..to], &one[to..]);
    place.write("one.xml", &one);
    place.write("two.xml", &two);
    let documents = |file: &str, mapping: &str| {
        place.json(&["translate", mapping, file])["documents"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(documents("one.xml", "onestop/xml/in-dossier-recorded"), 1);
    assert_eq!(documents("two.xml", "onestop/xml/in-dossier-recorded"), 2);
    let item = tree(&format!("{RECORDED}.cases/02-full.in.json"));
    place.write("one.json", &item);
    place.write("two.json", &format!("[{item},{item}]"));
    assert_eq!(documents("one.json", "onestop/relay/in-dossier-recorded"), 1);
    assert_eq!(documents("two.json", "onestop/relay/in-dossier-recorded"), 2);
    // Out again: what one command prints, the next one takes.
    place.write(
        "canonical.json",
        &place.done(&["translate", "onestop/relay/in-dossier-recorded", "one.json"]),
    );
    let out = place.done(&["translate", "portal/out-dossier-recorded", "canonical.json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON")["MaHoSo"], "H99.14-260310-0007");
    let words = item.replace("\"TrangThaiHoSo\": \"10\"", "\"TrangThaiHoSo\": \"processing\"");
    place.write("words.json", &words);
    let codes = ["--codes", "onestop/status=onestop/status-opencps"];
    let args = [&["translate", "onestop/relay/in-dossier-recorded", "words.json"][..], &codes].concat();
    assert_eq!(place.json(&args)["documents"][0]["status"], "4");
    place.ends(
        2,
        "there is no code list `nowhere`",
        &[&args[..3], &["--codes", "onestop/status=nowhere"]].concat(),
    );
    place.write("wrong.json", "{\"MaHoSo\": 7,\n \"MaHoSo\": 8}");
    place.ends(1, "MaHoSo", &["translate", "onestop/relay/in-dossier-recorded", "wrong.json"]);
    place.write("bad.json", "{\"MaHoSo\": \"x\", \"TaiLieuNop\": [{}, {\"IsDeleted\": []}]}");
    place.ends(
        1,
        "TaiLieuNop[2].IsDeleted [type]",
        &["translate", "onestop/relay/in-dossier-recorded", "bad.json"],
    );
}

#[test]
fn coverage_fails_where_a_field_is_lost() {
    let place = Place::new();
    overlay(&place);
    place.done(&["coverage", "--lost"]);
    assert!(place.json(&["coverage"]).as_array().is_some_and(|all| all.len() > 5));
    let text = tree(&format!("{RECORDED}.yaml"));
    let lost: String =
        text.lines().filter(|line| !line.contains("from: Fax")).map(|line| format!("{line}\n")).collect();
    place.write(&format!("etc/{RECORDED}.yaml"), &lost);
    place.ends(1, "onestop/relay/in-dossier-recorded Fax\n", &["coverage", "--lost"]);
    place.done(&["coverage", "--lost", "portal"]);
}
