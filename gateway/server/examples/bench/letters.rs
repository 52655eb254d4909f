//! A body that is nearly nothing but base64, beside what others take for the same letters.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Plan;
use crate::files::{BLOCK, Sent, addresses, block, prepare, repeated};
use crate::gateway::{Home, free_address};
use crate::out::Province;
use crate::peer::Peer;
use crate::table::{Row, Table};

/// A gateway loaded with so many bodies that are nearly nothing but base64, one after the other.
pub fn spin(plan: &Plan, times: u64) {
    let portal = free_address();
    let (_portal, told) = Peer::overheard(portal);
    let home = Home::make(plan, "files", portal);
    prepare(&home, &Province::listen());
    let (process, _) = home.start();
    // Made before, so that a profiler sees the gateway alone.
    let whole = |turn| block(turn).1.repeat(16);
    let bytes = whole(0).len();
    let calls: Vec<Sent> = (0..times).map(|turn| Sent::new(&home, turn, 1, bytes)).collect();
    for (call, turn) in calls.into_iter().zip(0..) {
        let whole = whole(turn);
        let took = call.send(home.address, |_, into| repeated(&whole, 1, into));
        addresses(&told, 1);
        println!("{:.0} MB/s", whole.len() as f64 / took.as_secs_f64() / 1e6);
    }
    process.stop();
}

pub fn measure(plan: &Plan, table: &mut Table, home: &Home, told: &Receiver<Vec<u8>>) {
    let (blocks, turns) = if plan.quick { (1, 1) } else { (16, 9) };
    let mut bytes = 0;
    let (mut ratios, mut durable, mut synced, mut tool) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for turn in 0..turns {
        // Another one each time, as people send them: what is there already would have to give way.
        let whole = block(1_000 + turn).1.repeat(blocks);
        bytes = whole.len();
        let mut plain = vec![0; BLOCK * blocks + 3];
        let began = Instant::now();
        let count = STANDARD.decode_slice(&whole, &mut plain).expect("it is base64");
        let bare = began.elapsed();
        assert_eq!(count, BLOCK * blocks);
        let rate = |took: Duration| whole.len() as f64 / took.as_secs_f64() / 1e6;
        // Whatever is answered is on disk by then, and known by its content.
        let hash = ring::digest::digest(&ring::digest::SHA256, &plain[..count]);
        assert_eq!(hash.as_ref().len(), 32);
        let kept = Instant::now();
        let out = plan.folder.join("bare.bin");
        let mut file = std::fs::File::create(&out).expect("the folder takes files");
        file.write_all(&plain[..count]).and_then(|()| file.sync_all()).expect("the disk takes it");
        synced.push(rate(kept.elapsed()));
        durable.push(rate(began.elapsed()));
        drop(plain);
        tool.push(rate(bare_tool(&whole)));
        let call = Sent::new(home, 1_000 + turn, 1, whole.len());
        let took = call.send(home.address, |_, into| repeated(&whole, 1, into));
        // Nobody fetches it; but what is told later is of other files.
        addresses(told, 1);
        ratios.push((rate(took), rate(bare)));
    }
    ratios.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    let (ours, bare) = ratios[ratios.len() / 2];
    let what = format!("JSON of {:.0} MB, 99 % base64, MB", bytes as f64 / 1e6);
    // The strongest of the limits decides; those below it say what this machine has to offer to whoever also keeps what was decoded.
    table.add(Row::share(&what, ours, "bare base64 decoder in memory, MB", bare, Some(0.5)));
    let others = [
        ("`base64 -d` from a pipe to nowhere, MB", tool),
        ("its plain bytes written and synced, nothing else, MB", synced),
        ("decoded, hashed and synced by one program, MB", durable),
    ];
    for (name, mut rates) in others {
        rates.sort_by(f64::total_cmp);
        table.add(Row::share("", ours, name, rates[rates.len() / 2], None));
    }
}

/// What the usual tool takes for the same letters.
fn bare_tool(text: &str) -> Duration {
    let began = Instant::now();
    let mut tool = Command::new("base64");
    let tool = tool.arg("-d").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut tool = tool.spawn().expect("`base64` of coreutils");
    let mut into = tool.stdin.take().expect("its input is ours");
    repeated(text, 1, &mut into);
    drop(into);
    assert!(tool.wait().is_ok_and(|status| status.success()), "base64 -d");
    began.elapsed()
}
