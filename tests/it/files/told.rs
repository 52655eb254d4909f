//! Addresses of papers in what software of the province is told: they become ours, and lead nobody but it.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn software_of_the_province_fetches_what_the_portal_told_it_and_nobody_else_does() {
    let (server, asked) = papers().await;
    let house = House::with(&[
        ("portal", &format!("file_hosts = [\"{server}\"]")),
        ("province", "public_url = \"http://cong.h99.example/relay\""),
    ])
    .await;
    let text = std::fs::read_to_string(conformance::tree().join("tests/stories/push-amended.json")).unwrap();
    let mut push: Value = serde_json::from_str(&text).unwrap();
    push["data"]["URLTepDangKy"] = json!(format!("http://{server}/don.pdf"));
    let key = |peer: &str| house.stage.key(peer).unwrap().reveal().to_owned();
    let headers = [("x-api-key", key("portal")), ("content-type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let path = "/VXPAdapter/RestService/forward/nhanhsdvcqg";
    let heard =
        ask(house.address(), &call("POST", path, &headers, push.to_string().as_bytes())).await.unwrap();
    assert_eq!(heard.json()["error_code"].to_string().trim_matches('"'), "0", "{heard:?}");

    let told = async || {
        let heard = house.stage.hosts["province"].heard();
        let bodies = heard.iter().filter_map(|ask| serde_json::from_slice::<Value>(&ask.body.bytes).ok());
        bodies.filter_map(|body| Some(body["data"]["URLTepDangKy"].as_str()?.to_owned())).next()
    };
    let told = until("what the province is told", told).await;
    assert!(told.starts_with("http://cong.h99.example/relay/downloadfile/"), "{told}");
    let own = key("province");
    let part = [("x-api-key", own.as_str()), ("range", "bytes=150000-")];
    let part = fetch(&house, "GET", &told, &part).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &pdf(200_000)[150_000..]));
    assert!(
        part.header("content-disposition").unwrap().contains("sua-doi.pdf"),
        "{:?}",
        part.header("content-disposition")
    );
    let whole = fetch(&house, "GET", &told, &[("x-api-key", &own)]).await;
    assert_eq!((whole.status, whole.body == pdf(200_000)), (200, true));
    assert_eq!(asked.load(Ordering::Relaxed), 1, "it was fetched once");

    // Other software of the same dialect, software of another family, and nobody.
    for headers in [vec![("x-api-key", key("relay"))], vec![("x-api-key", key("portal"))], vec![]] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, key)| (*name, key.as_str())).collect();
        let other = fetch(&house, "GET", &told, &headers).await;
        assert!(matches!(other.status, 401 | 403 | 404), "{other:?}");
        assert!(!other.everything().contains("%PDF"));
    }
    let strange = format!("{}{}", &told[..told.len() - 36], "00000000-0000-8000-8000-000000000000");
    let unknown = fetch(&house, "GET", &strange, &[("x-api-key", &own)]).await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_within_the_json_of_a_form_becomes_ours_too() {
    let (server, _) = papers().await;
    let house = House::with(&[
        ("portal", &format!("file_hosts = [\"{server}\"]")),
        ("ocps", "public_url = \"http://cong.h99.example/opencps\""),
        ("ocps", "settings.amended_action = \"8000\""),
    ])
    .await;
    let key = |peer: &str| house.stage.key(peer).unwrap().reveal().to_owned();
    let portal = key("portal");
    let headers = [("x-api-key", portal.as_str()), ("content-type", "application/json")];
    let amended = json!(format!("http://{server}/don.pdf"));
    for (end, name, place) in
        [("addtthcKhuyenMai", "push.json", None), ("nhanhsdvcqg", "push-amended.json", Some(amended))]
    {
        let mut push: Value = serde_json::from_str(&conformance::documents()[name]).unwrap();
        if let Some(address) = place {
            push["data"]["URLTepDangKy"] = address;
        }
        let path = format!("/VXPAdapter/RestService/forward/{end}");
        let heard = ask(house.address(), &call("POST", &path, &headers, push.to_string().as_bytes())).await;
        let heard = heard.unwrap();
        assert_eq!(heard.json()["error_code"].to_string().trim_matches('"'), "0", "{heard:?}");
    }
    // A form: its values are escaped, so the payload is taken out of it by its name.
    let told = async || {
        let heard = house.stage.hosts["ocps"].heard();
        let action = heard.iter().find(|ask| ask.path.ends_with("/actions"))?;
        let body = String::from_utf8_lossy(&action.body.bytes).into_owned();
        let payload = body.split('&').find_map(|field| field.strip_prefix("payload="))?;
        let payload: Value = serde_json::from_str(&plain(payload)).unwrap();
        Some(payload["application"]["url"].as_str()?.to_owned())
    };
    let told = until("what OpenCPS is told", told).await;
    assert!(told.starts_with("http://cong.h99.example/opencps/downloadfile/"), "{told}");
    let whole = fetch(&house, "GET", &told, &[("x-api-key", &key("ocps"))]).await;
    assert_eq!((whole.status, whole.body == pdf(200_000)), (200, true));
    let other = fetch(&house, "GET", &told, &[("x-api-key", &portal)]).await;
    assert!(matches!(other.status, 401 | 403 | 404), "{other:?}");
}

/// A value of a form without its escapes.
fn plain(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// A document of OpenCPS with two papers, as JSON or as XML: a PDF, and a scan that was deleted.
fn document(code: &str, xml: bool, paper: &str) -> (&'static str, String) {
    let cases = conformance::tree().join("mappings/onestop/opencps/document/in-dossier-recorded.cases");
    let text = std::fs::read_to_string(cases.join("01-plain.in.json")).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["DocCode"] = json!(code);
    document["Attachments"] = json!([
        { "AttachmentId": "1", "AttachmentName": "Đơn.pdf", "IsDeleted": "false", "Base64": paper },
        { "AttachmentId": "2", "AttachmentName": "Ảnh.jpg", "IsDeleted": "true" },
    ]);
    if !xml {
        return ("application/json", document.to_string());
    }
    let mut body = String::new();
    for (name, value) in document.as_object().unwrap() {
        match value {
            Value::Array(items) => {
                body.push_str(&format!("<{name}>"));
                for item in items {
                    let members = item.as_object().unwrap().iter();
                    let inner: String = members
                        .map(|(name, value)| format!("<{name}>{}</{name}>", plain_text(value)))
                        .collect();
                    body.push_str(&format!("<Item>{inner}</Item>"));
                }
                body.push_str(&format!("</{name}>"));
            }
            other => body.push_str(&format!("<{name}>{}</{name}>", plain_text(other))),
        }
    }
    ("application/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document>{body}</Document>"))
}

fn plain_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_within_a_document_of_opencps_reach_the_portal_whether_it_is_json_or_xml() {
    let house = House::with(&[
        ("portal", &format!("public_url = \"{PUBLIC}\"")),
        ("ocps", "public_url = \"http://cong.h99.example/opencps\""),
    ])
    .await;
    let key = |peer: &str| house.stage.key(peer).unwrap().reveal().to_owned();
    let (own, portal) = (key("ocps"), key("portal"));
    let send = async |(content, body): (&str, String)| {
        let headers = [("x-api-key", own.as_str()), ("content-type", content)];
        let call = call("POST", "/api/Document/SyncDocument", &headers, body.as_bytes());
        ask(house.address(), &call).await.unwrap()
    };
    for (number, xml) in [(1, false), (2, true)] {
        let code = format!("H99.14-261123-09{number:02}");
        let paper = pdf(100_000 + number);
        let heard = send(document(&code, xml, &STANDARD.encode(&paper))).await;
        assert_eq!(heard.status, 200, "{heard:?}");
        let papers =
            until("what the portal is told", async || Some(told(&house, &code)).filter(|all| all.len() == 2))
                .await;
        assert!(
            papers[0].starts_with(&format!("{PUBLIC}/downloadfile/")) && papers[1].is_empty(),
            "{papers:?}"
        );
        let fetched = fetch(&house, "GET", &papers[0], &[("x-api-key", &portal)]).await;
        assert_eq!((fetched.status, fetched.body == paper), (200, true));

        // What is no base64, or is another thing than its name says, is named, and nothing of it stays.
        let before = kept(&house).len();
        let code = format!("H99.14-261123-08{number:02}");
        for (wrong, rule) in
            [("JVBE*".to_owned(), "base64"), (STANDARD.encode(b"\x89PNG\r\n\x1a\n0"), "file-name")]
        {
            let heard = send(document(&code, xml, &wrong)).await;
            assert!(heard.status >= 400 && heard.text().contains("Attachments"), "{heard:?}");
            assert!(heard.text().contains(rule), "{heard:?}");
        }
        assert_eq!(kept(&house).len(), before);
        // A text like the name of a file that is kept is none of this call's.
        let heard = send(document(&code, xml, &Ticket::of(&paper).text())).await;
        assert!(heard.status >= 400, "{heard:?}");
    }
}
