//! Files over lines that are slow, over calls that never end, and many at once: nobody else waits, and nothing is done twice.

use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::*;

/// So many threads for work that blocks, in the test of who holds them.
const HANDS: usize = 8;

/// A house whose portal is told addresses of ours for papers at these paths of that server; and what it is told.
async fn published(server: &str, paths: &[&str], given: &[(&str, &str)]) -> (House, Vec<String>) {
    let hosts = format!("file_hosts = [\"{server}\"]");
    let public = format!("public_url = \"{PUBLIC}\"");
    let door = "door = { addresses = [\"127.0.0.1/32\"], accepts = [\"address\"] }";
    let mut settings = vec![("relay", hosts.as_str()), ("portal", public.as_str()), ("portal", door)];
    settings.extend(given);
    let house = house(&settings).await;
    let paper = |path: &&str| {
        json!({ "TepDinhKemId": "1", "TenTepDinhKem": "don.pdf", "IsDeleted": "False",
            "DuongDanTaiTepTin": format!("http://{server}/{path}") })
    };
    let papers: Vec<Value> = paths.iter().map(paper).collect();
    let code = "H99.14-261123-0911";
    let heard = house.send(RELAY, &[dossier(code, json!({ "TaiLieuNop": papers }))]).await;
    assert_eq!(RELAY.said(&heard).0, "0", "{heard:?}");
    let told = until("what the portal is told", async || {
        Some(told(&house, code)).filter(|told| told.len() == paths.len())
    });
    let told = told.await;
    (house, told)
}

#[test]
fn slow_lines_with_files_hold_up_nobody_else() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(HANDS).enable_all().build().unwrap();
    runtime.block_on(async {
        let (server, _) = papers().await;
        let (house, told) = published(&server, &["lon.pdf"], &[]).await;
        // It is here before many want it.
        assert_eq!(fetch(&house, "HEAD", &told[0], &[]).await.status, 200);
        let path = told[0].strip_prefix("http://cong.h99.example").unwrap();
        let mut lines = Vec::new();
        for _ in 0..HANDS + 4 {
            // Whoever reads nothing lets the answer stand in the way.
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut line = Line::over(socket.connect(house.address()).await.unwrap());
            line.say(&head("GET", path, &[])).await;
            lines.push(line);
        }
        for number in 0..HANDS + 4 {
            let code = format!("H99.14-261123-{}", 2000 + number);
            let body = RELAY.body(&[with_papers(&code, &[("don.pdf", STANDARD.encode(pdf(200_000)))])]);
            let whole = house.post(RELAY, &body);
            let mut line = Line::open(house.address()).await;
            line.say(&whole[..whole.len() / 2]).await;
            lines.push(line);
        }
        let other = [with_papers("H99.14-261123-0912", &[("a.pdf", STANDARD.encode(pdf(99)))])];
        let other = timeout(Duration::from_secs(20), house.send(RELAY, &other)).await;
        let other = other.expect("nobody waits for a slow line");
        assert_eq!(RELAY.said(&other).0, "0", "{other:?}");
        let part = fetch(&house, "GET", &told[0], &[("range", "bytes=8000000-8000009")]);
        let part = timeout(Duration::from_secs(20), part).await.expect("nobody waits for a slow line");
        assert_eq!((part.status, part.body.as_slice()), (206, &pdf(8 << 20)[8_000_000..8_000_010]));
        // And who was slow gets all of it, once it reads.
        let mut first = lines.swap_remove(0);
        assert_eq!(first.hear().await.unwrap().body.len(), 8 << 20);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_of_nothing_but_white_space_has_an_end() {
    let house = house(&[("limits", "files_bytes_max = 500000")]).await;
    let body = RELAY.body(&[with_papers("H99.14-261123-0913", &[("don.pdf", "JVBERi0x".to_owned())])]);
    let at = body.windows(8).position(|eight| eight == b"JVBERi0x").unwrap();
    for blank in ["    ", "\\n  "] {
        let key = house.key(RELAY);
        let headers = [
            ("x-api-key", key.as_str()),
            ("content-type", "application/json"),
            ("transfer-encoding", "chunked"),
        ];
        let mut line = Line::open(house.address()).await;
        line.say(&head("POST", RELAY.path, &headers)).await;
        let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        line.say(&chunk(&body[..at])).await;
        let blank = chunk(blank.repeat(16_384).as_bytes());
        for _ in 0..64 {
            line.say(&blank).await;
        }
        let heard = timeout(Duration::from_secs(20), line.hear()).await.expect("it is not heard for ever");
        assert_eq!(heard.map(|heard| heard.status), Some(413));
    }
    until("nothing", async || kept(&house).is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_that_many_want_at_once_is_fetched_once() {
    let (server, asked) = papers().await;
    let (house, told) = published(&server, &["lon.pdf"], &[]).await;
    let one = || fetch(&house, "GET", &told[0], &[("range", "bytes=0-9")]);
    let (a, b, c, d, e, f) = tokio::join!(one(), one(), one(), one(), one(), one());
    for part in [a, b, c, d, e, f] {
        assert_eq!((part.status, part.body.as_slice()), (206, &pdf(10)[..]));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_the_place_of_a_paper_is_none() {
    let (server, asked) = papers().await;
    let (house, told) = published(&server, &["trang.pdf", "ngan.pdf"], &[]).await;
    for address in &told {
        let heard = fetch(&house, "GET", address, &[]).await;
        assert_eq!(heard.status, 502, "{heard:?}");
        assert!(!heard.everything().contains("Phiên") && !heard.everything().contains(&server));
    }
    assert_eq!(house.turned_away("file.unfetched").await, 2.0);
    // Nothing of it is kept for the next who asks.
    until("nothing", async || kept(&house).is_empty().then_some(())).await;
    fetch(&house, "GET", &told[0], &[]).await;
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_a_matter_of_getting_and_a_weak_tag_is_known_again() {
    let (server, _) = papers().await;
    let (house, told) = published(&server, &["don.pdf"], &[]).await;
    let whole = fetch(&house, "GET", &told[0], &[]).await;
    let tag = whole.header("etag").unwrap().to_owned();
    let mut line = Line::open(house.address()).await;
    let path = told[0].strip_prefix("http://cong.h99.example").unwrap();
    line.say(&head("HEAD", path, &[("range", "bytes=0-9")])).await;
    line.say(&head("GET", "/healthz", &[])).await;
    let answers = line.raw_until("ok\n").await;
    assert!(answers.starts_with("HTTP/1.1 200") && answers.contains("content-length: 200000"), "{answers}");
    for tags in [format!("W/{tag}"), format!("\"x\", W/{tag}"), "*".to_owned()] {
        assert_eq!(fetch(&house, "GET", &told[0], &[("if-none-match", &tags)]).await.status, 304, "{tags}");
    }
    let weak = format!("W/{tag}");
    let date = "Mon, 23 Nov 2026 01:00:00 GMT";
    for changed in [weak.as_str(), "\"x\"", date] {
        let part = fetch(&house, "GET", &told[0], &[("range", "bytes=5-9"), ("if-range", changed)]).await;
        assert_eq!((part.status, part.body.len()), (200, 200_000), "{changed}");
    }
    for (range, status, length) in [
        ("bytes=-5", 206, 5),
        ("bytes=-0", 416, 0),
        ("bytes=199999-", 206, 1),
        ("bytes=0-1,5-6", 200, 200_000),
    ] {
        let part = fetch(&house, "GET", &told[0], &[("range", range)]).await;
        assert_eq!((part.status, part.body.len()), (status, length), "{range}");
    }
}
