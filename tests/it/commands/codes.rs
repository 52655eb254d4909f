//! `catalogue pull`, `codes unmapped`, `codes suggest`: from a local code that nobody has entered to a row that mends it.

use conformance::process::Gateway;
use conformance::waiting::wait_for;
use serde_json::{Value, json};

use super::Place;
use super::operator::{Simulator, code, configure, dossier, post};

const LIST: &str = "etc/mappings/onestop/codes/procedure.yaml";

/// A dossier of this procedure, as its software calls it.
fn of(number: u32, procedure: &str, name: &str) -> Value {
    let mut items = dossier(number, "2");
    items[0]["MaTTHC"] = json!(procedure);
    items[0]["TenTTHC"] = json!(name);
    items
}

/// What `codes` prints as JSON, whether there is anything or not.
fn shown(place: &Place, args: &[&str]) -> Value {
    let said = place.run(&[args, &["--json"]].concat());
    assert!(said.status <= 1, "{args:?}: {}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", said.out))
}

#[test]
fn a_local_code_is_listed_before_it_fails_and_the_row_that_is_offered_mends_it() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let portal = Simulator::start(place.command(&["simulate", "--listen", "127.0.0.1:0"]));
    configure(&place, &portal.address);
    let key = place.json(&["keys", "add", "mot-cua"])["key"].as_str().expect("a key").to_owned();
    let gateway = Gateway::start(place.command(&["run"]));
    let address = gateway.address().expect("it listens");
    place.ends(3, "run `lienthong catalogue pull`", &["codes", "unmapped"]);
    let pulled = place.json(&["catalogue", "pull"]);
    assert!(pulled["pulled"].as_array().is_some_and(|lists| !lists.is_empty()), "{pulled}");

    let sent = [
        of(1, "1.003560", "Thủ tục thử nghiệm cấp giấy xác nhận"),
        of(2, "1.003560.H99.99", "Cấp giấy xác nhận"),
        of(3, "TSMN.H99", "TUYỂN SINH trường mầm non công lập"),
        of(4, "KHAC.H99", "Đăng ký khai sinh"),
        of(5, "KHAC.H99", "Đăng ký khai sinh"),
        // The built-in list knows it.
        of(6, "1.003560.H99", "Cấp giấy xác nhận"),
    ];
    for body in &sent {
        let (status, answer) = post(address, &key, body);
        assert_eq!((status, &answer["error_code"]), (200, &json!("0")), "{answer}");
    }
    let seen = shown(&place, &["codes", "unmapped"]);
    let of_code = |code: &str| {
        let found = seen.as_array().into_iter().flatten().find(|one| one["code"] == *code);
        found.cloned().unwrap_or_default()
    };
    let codes: Vec<&str> = seen.as_array().unwrap().iter().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(codes, ["1.003560.H99.99", "KHAC.H99", "TSMN.H99"]);
    let local = of_code("1.003560.H99.99");
    assert_eq!(
        (&local["list"], &local["suggestion"]["code"], &local["suggestion"]["likely_percent"]),
        (&json!("onestop/procedure"), &json!("1.003560"), &json!(100))
    );
    assert_eq!(of_code("TSMN.H99")["suggestion"]["code"], "9.000001");
    let strange = of_code("KHAC.H99");
    assert_eq!((&strange["suggestion"], &strange["seen"]["messages"]), (&Value::Null, &json!(2)));
    assert_eq!(
        (&strange["seen"]["peer"], &strange["seen"]["name"]),
        (&json!("mot-cua"), &json!("Đăng ký khai sinh"))
    );
    assert!(!seen.to_string().contains("Nguyễn Văn Thử"), "nobody's name is in it: {seen}");
    place.ends(1, "KHAC.H99", &["codes", "unmapped"]);
    assert_eq!(shown(&place, &["codes", "unmapped", "--since", "2099-01-01"]), json!([]));
    place.done(&["codes", "unmapped", "--since", "2099-01-01"]);

    // The sure one is a row, what a person must judge is a remark.
    let said = place.run(&["codes", "suggest"]);
    assert_eq!(said.status, 1, "{}", said.err);
    let line = |code: &str| said.out.lines().find(|line| line.contains(code)).unwrap_or_default().to_owned();
    let row = line("1.003560.H99.99");
    assert!(row.starts_with("  \"1.003560.H99.99\": \"1.003560\""), "{row}");
    assert!(line("TSMN.H99").starts_with("  # \"TSMN.H99\": \"9.000001\""), "{}", said.out);
    assert!(line("KHAC.H99").starts_with("  # \"KHAC.H99\": ?"), "{}", said.out);
    assert!(gateway.stop().success());

    // The row as it was printed, in the file that the list belongs to; then neither old messages nor new ones are found any more.
    let head =
        "list: onestop/procedure\ntitle: T\nsource: mappings/onestop/SOURCE.md\nunknown: as-is\nvalues:\n";
    place.write(LIST, &format!("{head}{row}\n"));
    place.done(&["check"]);
    let codes = |seen: &Value| -> Vec<String> {
        let each = seen.as_array().unwrap().iter();
        each.filter_map(|one| one["code"].as_str().map(str::to_owned)).collect()
    };
    // What only the built-in list knew, the file in its place does not; it was read then, and stays read.
    assert_eq!(codes(&shown(&place, &["codes", "unmapped"])), ["KHAC.H99", "TSMN.H99"]);
    let gateway = Gateway::start(place.command(&["run"]));
    let address = gateway.address().expect("it listens");
    assert_eq!(post(address, &key, &of(7, "1.003560.H99.99", "Cấp giấy xác nhận")).0, 200);
    wait_for("it is taken", || place.done(&["timeline", &code(7)]).contains("delivered").then_some(()));
    assert_eq!(codes(&shown(&place, &["codes", "unmapped"])), ["KHAC.H99", "TSMN.H99"]);
    assert!(gateway.stop().success());
}
