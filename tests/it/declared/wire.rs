//! What goes over the wire to the worked examples, held against their own schemas by somebody else's validator.

use std::process::Command;

use gateway_core::ids::Moment;
use lienthong::clock::Clock;
use lienthong::story::{self, Stage};

async fn told(story: &str) -> (Stage, tempfile::TempDir) {
    let story = story::parse(story).remove(0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = Clock::manual(Moment::parse("2026-11-23T08:00:00+07:00").expect("a moment"));
    let stage =
        Stage::set(folder.path().to_owned(), clock, conformance::documents(), story.given.clone()).await;
    let mut stage = stage.unwrap_or_else(|error| panic!("{error}"));
    stage.play(&story, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    (stage, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soap_goes_out_as_its_schemas_ask_for() {
    let (stage, folder) = told(
        "story: x\n with declared/so-dat-dai\n so-dat-dai answers ok lost-after\n\
         relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0601, LoaiDoiTuong=1 -> 0\n\
         relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0602, LoaiDoiTuong=2, NgayHenTra= -> 0\n after 5m\n",
    )
    .await;
    let heard = stage.hosts["so-dat-dai"].heard();
    assert_eq!(heard.len(), 3, "two dossiers and a look-up");
    let schema = conformance::tree().join("tests/fixtures/declared/so-dat-dai/schemas/so-dat-dai.xsd");
    let mut seen = Vec::new();
    for ask in &heard {
        assert!(
            ask.header("soapaction").is_some_and(|action| action.starts_with("\"urn:h99:so-dat-dai:1/")),
            "{ask:?}"
        );
        let text = String::from_utf8(ask.body.bytes.clone()).expect("text");
        assert_eq!(text.matches("mat-khau-thu").count(), 1, "the secret stands in its block of the header");
        let (head, rest) = text.split_once("<soap:Body>").expect("a body");
        assert!(head.contains("<soap:Header><XacThuc"), "{head}");
        let (body, _) = rest.split_once("</soap:Body>").expect("its end");
        let file = folder.path().join("body.xml");
        std::fs::write(&file, body).expect("a file");
        let xmllint =
            Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(&schema).arg(&file).output();
        // Where it is not installed the gateway's own validator has judged the same documents.
        if let Ok(xmllint) = xmllint {
            assert!(xmllint.status.success(), "{}\n{body}", String::from_utf8_lossy(&xmllint.stderr));
        }
        seen.push(body.to_owned());
    }
    assert!(seen[0].contains("CaNhan") && !seen[0].contains("ToChuc"), "{}", seen[0]);
    assert!(seen[1].contains("TenToChuc") && seen[1].contains("xsi:nil=\"true\""), "{}", seen[1]);
    assert!(seen[2].contains("<TraCuu") && seen[2].contains("H99.14-261122-0602"), "{}", seen[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_goes_out_in_lists_with_a_token_that_is_asked_for_once() {
    let (stage, _folder) = told(
        "story: x\n with declared/ho-kinh-doanh\n\
         relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0611 -> 0\n\
         relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0612 -> 0\n",
    )
    .await;
    let heard = stage.hosts["ho-kinh-doanh"].heard();
    let of = |path: &str| heard.iter().filter(|ask| ask.path == path).collect::<Vec<_>>();
    assert_eq!(of("/oauth/token").len(), 1);
    let told = of("/api/v2/dossiers");
    assert_eq!(told.len(), 2);
    for ask in told {
        assert_eq!(ask.header("authorization"), Some("Bearer phien-1"));
        let body: serde_json::Value = serde_json::from_slice(&ask.body.bytes).expect("JSON");
        assert_eq!(body.as_array().map(Vec::len), Some(1), "{body}");
        assert_eq!(body[0]["state"], "NEW");
    }
}

/// The description of the doors speaks of a declared door as of every other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_door_is_described_and_its_calls_are_counted() {
    let (stage, _folder) =
        told("story: x\n with declared/ho-kinh-doanh\n relay sends dossier-recorded dossier.json -> 0\n")
            .await;
    let described: serde_json::Value = serde_json::from_slice(&stage.app().openapi).expect("JSON");
    let door = &described["paths"]["/ho-kinh-doanh/thong-bao"]["post"];
    assert_eq!(door["operationId"], "declared.ho-kinh-doanh.thong-bao");
    let item = "/requestBody/content/application~1json/schema/items/$ref";
    assert_eq!(
        door.pointer(item).and_then(|name| name.as_str()),
        Some("#/components/schemas/declared.ho-kinh-doanh.change")
    );
    let counted = String::from_utf8(stage.app().metrics.render()).expect("text");
    assert!(counted.contains("peer=\"ho-kinh-doanh\""), "{counted:.2000}");
}
