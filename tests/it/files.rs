//! Files through the front doors: lifted out of what comes in, refused with everything that is wrong, gone when a call breaks off;
//! published under our own addresses, served to whom they are for, fetched from where it is allowed and from nowhere else.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::lift::Ticket;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

mod slow;
mod told;

use crate::wire::{Heard, House, Line, RELAY, ask, call, dossier, head, until};

const FILES: &str = "files: { at: { \"[].TaiLieuNop[].Base64\": { name: TenTepDinhKem } }, types: [pdf, png], bytes_max: 300000 }";

/// A relay whose papers come in its bodies.
async fn house(given: &[(&str, &str)]) -> House {
    house_taking(FILES, given).await
}

async fn house_taking(files: &str, given: &[(&str, &str)]) -> House {
    let channels =
        std::fs::read_to_string(conformance::tree().join("mappings/onestop/channels.yaml")).unwrap();
    let with_files =
        channels.replacen("    credential: key\n", &format!("    {files}\n    credential: key\n"), 1);
    assert_ne!(channels, with_files);
    House::with_overlay(&[("mappings/onestop/channels.yaml", &with_files)], given).await
}

fn pdf(bytes: usize) -> Vec<u8> {
    let mut content = b"%PDF-1.4\n".to_vec();
    content.extend((content.len()..bytes).map(|number| (number % 253) as u8));
    content
}

fn with_papers(code: &str, papers: &[(&str, String)]) -> Value {
    let papers: Vec<Value> = papers
        .iter()
        .map(|(name, text)| json!({ "TepDinhKemId": "1", "TenTepDinhKem": name, "IsDeleted": "False", "Base64": text }))
        .collect();
    dossier(code, json!({ "TaiLieuNop": papers }))
}

/// What stands below the folder of the claims.
fn kept(house: &House) -> Vec<PathBuf> {
    let Ok(folders) = std::fs::read_dir(house.stage.folder().join("data/claims")) else { return Vec::new() };
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_leave_the_body_and_are_kept_sealed() {
    let house = house(&[("limits", "body_bytes_max = 60000")]).await;
    let papers = [pdf(20), pdf(250_000)];
    let lines: String = STANDARD
        .encode(&papers[1])
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", String::from_utf8_lossy(line)))
        .collect();
    let sent = [
        ("don.pdf", STANDARD.encode(&papers[0])),
        ("b.PDF", format!("data:application/pdf;base64,{lines}")),
        ("c.pdf", String::new()),
    ];
    // Longer than what may stay in memory, and shorter without its papers.
    let heard = house.send(RELAY, &[with_papers("H99.14-261123-0901", &sent)]).await;
    assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
    let (store, tickets) = (&house.stage.app().store, papers.each_ref().map(|paper| Ticket::of(paper)));
    for (paper, ticket) in papers.iter().zip(&tickets) {
        assert_eq!(store.file(ticket).unwrap().read(0).unwrap(), &paper[..paper.len().min(64 << 10)]);
    }
    assert_eq!(kept(&house).len(), 2);
    for path in kept(&house) {
        let sealed = std::fs::read(path).unwrap();
        assert!(!sealed.windows(9).any(|window| window == b"%PDF-1.4\n"));
    }
    // The same call again: the same files, and no news.
    let heard = house.send(RELAY, &[with_papers("H99.14-261123-0901", &sent)]).await;
    assert_eq!(RELAY.said(&heard).0, "0");
    assert_eq!(kept(&house).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_wrong_with_papers_is_said_at_once_and_nothing_stays() {
    let house = house(&[]).await;
    let forged = Ticket::of(&pdf(99)).text();
    let sent = [
        ("don.pdf", STANDARD.encode(pdf(99))),
        ("hong.pdf", "JVBERi0x*".to_owned()),
        ("anh.pdf", STANDARD.encode(b"\x89PNG\r\n\x1a\n....")),
        ("thu.txt", STANDARD.encode("Xin chào")),
        ("lon.pdf", STANDARD.encode(pdf(300_001))),
        ("gia.pdf", forged),
    ];
    let heard = house.send(RELAY, &[with_papers("H99.14-261123-0902", &sent)]).await;
    let (code, words) = RELAY.said(&heard);
    assert_eq!((heard.status, code.as_str()), (400, "-1"), "{heard:?}");
    for (number, rule) in [(1, "base64"), (2, "file-name"), (3, "file-type"), (4, "file-size"), (5, "base64")]
    {
        assert!(words.contains(&format!("[0].TaiLieuNop[{number}].Base64 [{rule}]")), "{rule}: {words}");
    }
    assert!(!words.contains("TaiLieuNop[0]"), "{words}");
    assert_eq!(house.turned_away("file.refused").await, 1.0);
    assert_eq!(kept(&house), Vec::<PathBuf>::new());
    assert_eq!(house.events("H99.14-261123-0902").await, Vec::<&str>::new());
}

/// Most of it is on the disk by the time that its end is seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_paper_that_is_broken_at_its_end_leaves_nothing_and_a_whole_one_all_of_it() {
    let house = house_taking(&FILES.replace("300000", "9000000"), &[]).await;
    let large = pdf(5_000_011);
    let broken = format!("{}*", STANDARD.encode(&large));
    let sent = [("don.pdf", STANDARD.encode(&large)), ("hong.pdf", broken)];
    let heard = house.send(RELAY, &[with_papers("H99.14-261123-0911", &sent)]).await;
    let (_, words) = RELAY.said(&heard);
    assert!(heard.status == 400 && words.contains("[0].TaiLieuNop[1].Base64 [base64]"), "{heard:?}");
    assert!(!words.contains("TaiLieuNop[0]"), "{words}");
    assert_eq!(kept(&house), Vec::<PathBuf>::new());
    let heard = house.send(RELAY, &[with_papers("H99.14-261123-0911", &sent[..1])]).await;
    assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
    let mut file = house.stage.app().store.file(&Ticket::of(&large)).unwrap();
    let mut at = 0;
    while at < large.len() {
        let some = file.read(at as u64).unwrap();
        assert!(!some.is_empty() && large[at..].starts_with(some), "at {at}");
        at += some.len();
    }
    assert_eq!(kept(&house).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_breaks_off_in_the_middle_of_a_paper_leaves_nothing() {
    let house = house(&[]).await;
    let body =
        RELAY.body(&[with_papers("H99.14-261123-0903", &[("don.pdf", STANDARD.encode(pdf(290_000)))])]);
    let whole = house.post(RELAY, &body);
    let mut line = Line::open(house.address()).await;
    line.say(&whole[..whole.len() - 50_000]).await;
    until("a draft", async || (!kept(&house).is_empty()).then_some(())).await;
    drop(line);
    until("nothing", async || kept(&house).is_empty().then_some(())).await;
    let heard = ask(house.address(), &whole).await.unwrap();
    assert_eq!(RELAY.said(&heard).0, "0", "{heard:?}");
    assert_eq!(kept(&house).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_papers_of_a_call_together_are_bounded() {
    let house = house(&[("limits", "files_bytes_max = 500000")]).await;
    let paper = || ("don.pdf", STANDARD.encode(pdf(290_000)));
    let body = RELAY.body(&[with_papers("H99.14-261123-0904", &[paper(), paper()])]);
    let heard = ask(house.address(), &house.post(RELAY, &body)).await.unwrap();
    assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (413, "-1"), "{heard:?}");
    until("nothing", async || kept(&house).is_empty().then_some(())).await;
}

/// A server of papers that behaves as its paths say.
async fn papers() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
                while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
                    match stream.read(&mut bytes).await {
                        Ok(0) | Err(_) => return,
                        Ok(count) => seen.extend_from_slice(&bytes[..count]),
                    }
                }
                counted.fetch_add(1, Ordering::Relaxed);
                let path = String::from_utf8_lossy(&seen).split(' ').nth(1).unwrap_or_default().to_owned();
                let whole = |status: &str, more: &str, body: &[u8]| {
                    let head = format!(
                        "HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    [head.as_bytes(), body].concat()
                };
                let answer = match path.as_str() {
                    "/don.pdf" => whole("200 OK", "", &pdf(200_000)),
                    "/lon.pdf" => whole("200 OK", "", &pdf(8 << 20)),
                    "/trang.pdf" => {
                        let page = "<!DOCTYPE html><html><body>Phiên làm việc đã hết</body></html>";
                        whole("200 OK", "content-type: application/pdf\r\n", page.as_bytes())
                    }
                    "/ngan.pdf" => {
                        let mut short = whole("200 OK", "", &pdf(5_000));
                        short.truncate(3_000);
                        short
                    }
                    "/moved" => whole("302 Found", "location: http://127.0.0.1:1/secret\r\n", b""),
                    "/gone" => whole("410 Gone", "", b""),
                    "/endless" => {
                        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                        let _ = stream.write_all(head.as_bytes()).await;
                        let chunk = [b"10000\r\n".as_slice(), &[7; 65_536], b"\r\n"].concat();
                        while stream.write_all(&chunk).await.is_ok() {}
                        return;
                    }
                    _ => whole("404 Not Found", "", b""),
                };
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    (address, asked)
}

/// What the portal was told of a dossier's papers, in order.
fn told(house: &House, code: &str) -> Vec<String> {
    let heard = house.stage.portal.heard();
    let bodies = heard.iter().filter_map(|ask| serde_json::from_slice::<Value>(&ask.body.bytes).ok());
    let items = bodies.flat_map(|body| body["data"].as_array().cloned().unwrap_or_default());
    let item = items.into_iter().find(|item| item["MaHoSo"] == code && item["TaiLieuNop"].is_array());
    let papers =
        item.map(|item| item["TaiLieuNop"].as_array().cloned().unwrap_or_default()).unwrap_or_default();
    papers.iter().map(|paper| paper["DuongDanTaiTepTin"].as_str().unwrap_or_default().to_owned()).collect()
}

const PUBLIC: &str = "http://cong.h99.example/XrdAdapter/RestService/forward";

async fn fetch(house: &House, method: &str, address: &str, headers: &[(&str, &str)]) -> Heard {
    let path =
        address.strip_prefix("http://cong.h99.example").unwrap_or_else(|| panic!("{address} is not ours"));
    let mut line = Line::open(house.address()).await;
    // Some answers have no body and say no length: they end with the line.
    line.say(&head(method, path, &[headers, &[("connection", "close")]].concat())).await;
    line.hear().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_papers_become_ours_and_lead_only_whom_they_are_for_to_what_is_allowed() {
    let (server, asked) = papers().await;
    let house = house(&[
        ("relay", &format!("file_hosts = [\"{server}\"]")),
        ("relay", "answer_ms_max = 3000"),
        ("portal", &format!("public_url = \"{PUBLIC}\"")),
        ("portal", "door = { addresses = [\"127.0.0.1/32\"], accepts = [\"address\"] }"),
        ("limits", "files_bytes_max = 1000000"),
    ])
    .await;
    let code = "H99.14-261123-0905";
    let at = |path: &str| format!("http://{server}/{path}");
    let given = [
        at("don.pdf"),
        at("moved"),
        at("gone"),
        at("endless"),
        "http://127.0.0.1:1/trong".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
    ];
    let papers: Vec<Value> = given
        .iter()
        .map(|address| json!({ "TepDinhKemId": "1", "TenTepDinhKem": "Đơn.pdf", "IsDeleted": "False", "DuongDanTaiTepTin": address }))
        .collect();
    let heard = house.send(RELAY, &[dossier(code, json!({ "TaiLieuNop": papers }))]).await;
    assert_eq!(RELAY.said(&heard).0, "0", "{heard:?}");
    let told =
        until("what the portal is told", async || Some(told(&house, code)).filter(|told| !told.is_empty()))
            .await;
    assert_eq!(told.len(), 6);
    // Where nobody allows us to ask, we promise nothing.
    assert_eq!(told[4..], given[4..]);
    for address in &told[..4] {
        let id = address.strip_prefix(&format!("{PUBLIC}/downloadfile/")).unwrap();
        assert_eq!(id.len(), 36, "{id}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody asked for them yet");

    let paper = pdf(200_000);
    let whole = fetch(&house, "GET", &told[0], &[]).await;
    assert_eq!((whole.status, whole.body == paper), (200, true));
    assert_eq!(whole.header("content-type"), Some("application/pdf"));
    assert!(whole.header("content-disposition").unwrap().contains("filename*=UTF-8''%C4%90%C6%A1n.pdf"));
    let tag = whole.header("etag").unwrap().to_owned();
    let part = fetch(&house, "GET", &told[0], &[("range", "bytes=65000-70000"), ("if-range", &tag)]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &paper[65_000..70_001]));
    assert_eq!(part.header("content-range"), Some("bytes 65000-70000/200000"));
    let none = fetch(&house, "GET", &told[0], &[("range", "bytes=200000-")]).await;
    assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */200000")));
    let same = fetch(&house, "GET", &told[0], &[("if-none-match", &tag)]).await;
    assert_eq!(same.status, 304);
    let mut line = Line::open(house.address()).await;
    line.say(&head("HEAD", told[0].strip_prefix("http://cong.h99.example").unwrap(), &[])).await;
    line.say(&head("GET", "/healthz", &[])).await;
    // Its length is told and its body is not: the next answer follows at once.
    let answers = line.raw_until("ok\n").await;
    assert!(answers.contains("content-length: 200000") && !answers.contains("%PDF"), "{answers}");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "it was fetched once");

    for (address, status, fault) in
        [(&told[1], 502, "file.unfetched"), (&told[2], 404, "file.gone"), (&told[3], 502, "file.unfetched")]
    {
        let heard = fetch(&house, "GET", address, &[]).await;
        assert_eq!(heard.status, status, "{fault}: {heard:?}");
        assert!(!heard.everything().contains("thành công") && !heard.everything().contains(&server));
        assert!(house.turned_away(fault).await >= 1.0, "{fault}");
    }
    let strange = format!("{PUBLIC}/downloadfile/00000000-0000-8000-8000-000000000000");
    assert_eq!(fetch(&house, "GET", &strange, &[]).await.status, 404);
    assert_eq!(
        fetch(&house, "GET", &format!("{PUBLIC}/downloadfile/../../etc/passwd"), &[]).await.status,
        404
    );
    // With the key of another system it is nobody's file.
    let key = house.key(RELAY);
    let other = fetch(&house, "GET", &told[0], &[("x-api-key", &key)]).await;
    assert!(matches!(other.status, 401 | 403 | 404), "{other:?}");
    assert!(!other.everything().contains("%PDF"));
    let posted = ask(
        house.address(),
        &call("POST", told[0].strip_prefix("http://cong.h99.example").unwrap(), &[], b""),
    )
    .await;
    assert_ne!(posted.unwrap().status, 200);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    // What was fetched in vain left nothing; what is cached is one file.
    until("one file", async || (kept(&house).len() == 1).then_some(())).await;
}
