//! A flow that goes on while the gateway dies in the middle of it and is started again: for what is more than one message of one sender.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use conformance::process::{Ground, PATIENCE, lienthong_that_dies};
use conformance::senders::open_deliveries;
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::sync::watch;

/// Where the gateway is at present; none while it is down.
pub type Place = watch::Receiver<Option<SocketAddr>>;

/// Runs at a time.
const AT_ONCE: usize = 3;

/// Another side, as its simulator has it.
pub async fn peer(adapter: &str, dialect: &str, settings: &str) -> Host {
    let settings = settings.parse().expect("settings are TOML");
    let sim = adapters::simulator(adapter, dialect, &settings).expect("it has a simulator");
    Host::start(sim, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port")
}

/// Lets the flow happen to its end, in as many lives of the gateway as it takes; the first dies at this point, if it comes there.
/// Gives what came of the flow, and whether the gateway died.
pub async fn through<T>(ground: &Ground, death: &str, flow: impl AsyncFnOnce(Place) -> T) -> (T, bool) {
    let mut gateway = ground.start(lienthong_that_dies(), &[("LIENTHONG_CRASH_AT", death)]);
    let (announce, place) = watch::channel(gateway.address());
    let mut died = false;
    let mut flow = std::pin::pin!(flow(place));
    let told = loop {
        tokio::select! {
            told = &mut flow => break told,
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
        if gateway.ended().is_some() {
            announce.send_replace(None);
            assert!(!died, "{death}: a life that nobody ends has ended: {:?}", gateway.log());
            died = true;
            gateway = ground.start(lienthong_that_dies(), &[]);
            announce.send_replace(gateway.address());
        }
    };
    if !gateway.stop().success() {
        // The point was passed with the stop.
        died = true;
        assert!(ground.start(lienthong_that_dies(), &[]).stop().success());
    }
    (told, died)
}

/// Waits until nothing is left to deliver, in whichever life; false if that takes too long.
pub async fn settles(place: &Place) -> bool {
    let settling = async {
        loop {
            let address = *place.borrow();
            if let Some(address) = address
                && open_deliveries(address).await == Some(0)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settling).await.is_ok()
}

/// Each of these points at each of its passes.
pub fn sweep(points: &[(&str, std::ops::RangeInclusive<u64>)]) -> Vec<String> {
    let of = |(point, passes): &(&str, std::ops::RangeInclusive<u64>)| {
        passes.clone().map(|pass| format!("{point}:{pass}")).collect::<Vec<_>>()
    };
    points.iter().flat_map(of).collect()
}

/// Plays a run for each death, some at a time; a run gives what is wrong and whether the gateway died. Nothing may be wrong, and no more
/// than so many deaths may come too late for the flow.
pub fn all<F: Future<Output = (Vec<String>, bool)>>(
    deaths: Vec<String>,
    too_late_max: usize,
    run: impl Fn(String) -> F + Sync,
) {
    let left = Mutex::new(deaths.into_iter());
    let (wrong, too_late) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                // Of its own, because a run waits for processes, and so for all that runs with it.
                let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let runtime = runtime.expect("a runtime");
                loop {
                    let next = left.lock().expect("nobody panics with it").next();
                    let Some(death) = next else { return };
                    let (complaints, died) = runtime.block_on(run(death.clone()));
                    let complaints = complaints.into_iter().map(|words| format!("{death}: {words}"));
                    wrong.lock().expect("nobody panics with it").extend(complaints);
                    if !died {
                        too_late.lock().expect("nobody panics with it").push(death);
                    }
                }
            });
        }
    });
    let (wrong, too_late) = (wrong.into_inner(), too_late.into_inner());
    let (wrong, too_late) = (wrong.expect("nobody panicked"), too_late.expect("nobody panicked"));
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    assert!(too_late.len() <= too_late_max, "nothing was under way any more at {too_late:?}");
}

/// The events of a dossier's timeline, in their order.
pub fn events(ground: &Ground, code: &str) -> Vec<String> {
    let told: Value = serde_json::from_str(&ground.command(&["timeline", code, "--json"])).expect("JSON");
    let rows = told["rows"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["event"].as_str().map(str::to_owned)).collect()
}

/// How many of these events are this one.
pub fn count(events: &[String], wanted: &str) -> u64 {
    events.iter().filter(|event| *event == wanted).count() as u64
}
