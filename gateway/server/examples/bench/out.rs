//! Files on their way out as base64 within JSON: the portal pushes a dossier with a paper, and software of the province takes such pushes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Plan;
use crate::files::{BLOCK, EXTRA_MEMORY_MAX, answer, block, head, length, repeated};
use crate::gateway::{Home, Process, free_address};
use crate::table::{Row, Table};

const PATH: &str = "/XrdAdapter/RestService/forward/addtthcKhuyenMai";
/// Where the paper stands in what the portal pushes and in what the province takes.
const PLACE: &str = "\"TepDonDangKy\":\"";

/// Software of the province that takes pushes.
pub struct Province {
    address: SocketAddr,
    heard: Receiver<Heard>,
}

/// One push: how long it took from its first byte to its last, and its paper.
struct Heard {
    took: Duration,
    body: Vec<u8>,
}

impl Province {
    /// Listens for as long as this program runs.
    pub fn listen() -> Province {
        let address = free_address();
        let listener = TcpListener::bind(address).expect("a free port");
        let (told, heard) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = told.clone();
                std::thread::spawn(move || take(stream, &told));
            }
        });
        Province { address, heard }
    }

    /// Its entry in the configuration.
    pub fn entry(&self) -> String {
        format!(
            "[peers.tiep-nhan]\nadapter = \"onestop\"\ndialect = \"relay\"\n\
             endpoints = {{ relay = \"http://{}\" }}\nreceives = [\"dossier-submitted\"]\n",
            self.address
        )
    }
}

fn take(mut stream: TcpStream, told: &Sender<Heard>) {
    loop {
        if stream.peek(&mut [0]).is_ok_and(|count| count > 0) {
            let began = Instant::now();
            let (head, mut body) = head(&mut stream);
            let early = body.len();
            body.resize(length(&head), 0);
            stream.read_exact(&mut body[early..]).expect("all of it comes");
            let took = began.elapsed();
            let said = "{\"error_code\":\"0\",\"message\":\"ok\"}";
            let kind = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
            let answered = write!(stream, "{kind} {}\r\n\r\n{said}", said.len());
            if answered.is_ok() && told.send(Heard { took, body }).is_ok() {
                continue;
            }
        }
        return;
    }
}

pub fn measure(plan: &Plan, table: &mut Table, home: &Home, process: &Process, province: &Province) {
    let (blocks, turns) = if plan.quick { (1, 1) } else { (30, 5) };
    let (mut rates, mut extra) = (Vec::new(), 0.0_f64);
    for turn in 0..turns {
        let (plain, text) = block(5_000 + turn);
        let whole = plain.repeat(blocks);
        let began = Instant::now();
        let bare = STANDARD.encode(&whole);
        let bare_took = began.elapsed();
        assert_eq!(bare.len(), text.len() * blocks);
        drop(whole);
        process.forget_peak();
        let before = process.memory("VmHWM");
        push(home, turn, &text, blocks);
        let heard = province.heard.recv_timeout(Duration::from_secs(120)).expect("the province is told");
        extra = extra.max(process.memory("VmHWM") - before);
        let opening = String::from_utf8_lossy(&heard.body[..heard.body.len().min(64 << 10)]);
        let from = opening.find(PLACE).expect("the paper is in it") + PLACE.len();
        let paper = heard.body.get(from..from + bare.len()).expect("all of the paper");
        assert!(paper == bare.as_bytes(), "another paper came");
        let rate = |took: Duration| bare.len() as f64 / took.as_secs_f64() / 1e6;
        rates.push((rate(heard.took), rate(bare_took)));
    }
    rates.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    let (ours, bare) = rates[rates.len() / 2];
    let what = format!("file of {:.0} MB out as base64 in JSON, MB", (blocks * BLOCK) as f64 / 1e6);
    table.add(Row::share(&what, ours, "bare base64 encoder in memory, MB", bare, None));
    table.add(Row::below("  memory for both ways of it, at its peak", extra, EXTRA_MEMORY_MAX, |mb| {
        format!("{mb:.1} MB")
    }));
}

/// The portal's call with one paper.
fn push(home: &Home, number: u64, text: &str, blocks: usize) {
    let document = json!({
        "MaHoSo": format!("G22.99-261123-{number:06}"), "MaTTHC": "2.000033", "SoVanBan": "01/TB-THU",
        "NgayNopHoSo": "20261123085900", "TenThuongNhan": "Công ty TNHH Thử Nghiệm", "MaSoThue": "0000000000",
        "DienThoai": "0900000000", "Email": "thu@example.invalid", "NguoiLienHe": "Lê Văn Giả",
        "TenTepDonDangKy": "don.pdf", "TepDonDangKy": "<paper>", "TaiLieuNop": [],
    });
    let body = document.to_string();
    let (before, behind) = body.split_once("<paper>").expect("its place");
    let length = before.len() + behind.len() + text.len() * blocks;
    let mut stream = TcpStream::connect(home.address).expect("the door is open");
    write!(
        stream,
        "POST {PATH} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{before}"
    )
    .expect("it reads");
    repeated(text, blocks, &mut stream);
    stream.write_all(behind.as_bytes()).expect("it reads");
    let (status, body) = answer(&mut stream);
    let body = String::from_utf8_lossy(&body);
    assert!(status == 200 && !body.contains("\"-1\""), "{status} {body}");
}
