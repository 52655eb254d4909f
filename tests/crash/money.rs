//! A payment, killed between any two writes: whatever the provider confirms, by its call or when it is asked, is settled once and told once.

use conformance::documents;
use conformance::process::{Ground, lienthong};
use conformance::senders::Sender;
use gateway_core::adapter::Ask;
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use serde_json::json;
use tokio::sync::watch;

use crate::lives::{Place, all, count, events, peer, settles, sweep, through};

const CODE: &str = "H99.14-261123-0007";

struct Counter {
    counter: Host,
    provider: Host,
    ground: Ground,
    keys: [String; 2],
}

impl Counter {
    async fn open() -> Counter {
        let counter = peer("payment", "desk", "").await;
        let known = "partner_code = \"DOITACTHU\"\nsecret = \"mat-khau-thu\"";
        let provider = peer("payment", "payplat", known).await;
        let ground = Ground::lay(([127, 0, 0, 1], 9).into(), "");
        ground.configure(&format!(
            "[peers.counter]\nadapter = \"payment\"\ndialect = \"desk\"\nunit = \"000.00.00.H99\"\nendpoints.payment = \"http://{}\"\n\
             [peers.payplat]\nadapter = \"payment\"\ndialect = \"payplat\"\nunit = \"000.00.00.H99\"\nendpoints.payment = \"http://{}\"\n\
             keys.secret = {{ file = \"{{folder}}/portal.password\" }}\nsettings.partner_code = \"DOITACTHU\"\n",
            counter.address(),
            provider.address()
        ));
        let keys = ["counter", "payplat"].map(|peer| ground.add_key(&[peer]));
        Counter { counter, provider, ground, keys }
    }

    /// Whoever pays is sent to the provider; true if there is somewhere to go.
    async fn begin(&self, place: Place) -> bool {
        let mut sender = Sender::new(&self.keys[0], place);
        let (status, _) = sender.ask_until_answered("/api/payment/start", &documents()["payment.json"]).await;
        status == 200
    }

    /// The provider says what it has to say until it is answered that it was understood.
    async fn confirm(&self, place: &Place) -> Result<(), String> {
        let told: Vec<Ask> = self.provider.due(Clock::system().now());
        for ask in told {
            let body = String::from_utf8_lossy(&ask.body.bytes).into_owned();
            let mut sender = Sender::new(&self.keys[1], place.clone());
            let (status, answer) = sender.ask_until_answered(&ask.path, &body).await;
            if (status, &answer["MaLoi"]) != (200, &json!("00")) {
                return Err(format!("a confirmation was answered {status} {answer}"));
            }
        }
        Ok(())
    }

    /// What is wrong with one payment that was made.
    fn complaints(&self, opened: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        let (told, counter) = (events(&self.ground, CODE), self.counter.state());
        let money = ["payment-paid", "payment-alert", "payment-failed"].map(|event| count(&told, event));
        if money != [1, 0, 0] || count(&told, "payment-opened") < opened {
            wrong.push(format!("the timeline: {told:?}"));
        }
        if (count(&told, "delivered"), count(&told, "dead-letter")) != (1, 0) {
            wrong.push(format!("told: {told:?}"));
        }
        // Told again under the same key where the answer died with us; never as another payment.
        if (&counter["payments"], &counter["refused"]) != (&json!(1), &json!(0)) {
            wrong.push(format!("at the counter: {counter}"));
        }
        wrong
    }
}

/// Begun, paid, confirmed by the provider's call, and confirmed once more.
async fn called_back(death: String) -> (Vec<String>, bool) {
    let house = Counter::open().await;
    let flow = async |place: Place| {
        // A try whose answer died with us is another payment, which nobody pays.
        let mut wrong = Vec::new();
        if !house.begin(place.clone()).await {
            wrong.push("no payment was begun".to_owned());
        }
        for again in ["paid", "confirms"] {
            assert!(house.provider.nudge(&[again]));
            wrong.extend(house.confirm(&place).await.err());
        }
        if !settles(&place).await {
            wrong.push("the backlog does not drain by itself".to_owned());
        }
        wrong
    };
    let (mut wrong, died) = through(&house.ground, &death, flow).await;
    wrong.extend(house.complaints(1));
    (wrong, died)
}

#[test]
fn killed_anywhere_a_payment_that_is_called_back_is_settled_and_told_once() {
    let deaths = sweep(&[("before-commit", 1..=6), ("after-commit", 1..=3), ("after-answer", 1..=1)]);
    all(deaths, 1, called_back);
}

/// The two minutes after which a payment is asked about are over, while nobody ran.
fn time_passes(ground: &Ground) {
    let store = rusqlite::Connection::open(ground.path("data/lienthong.db")).expect("the database");
    let due = store.execute("UPDATE payment SET next_poll_at = 1 WHERE next_poll_at IS NOT NULL", []);
    assert_eq!(due.expect("a payment that is open"), 1);
}

/// Begun and paid, and the confirmation got lost: found by asking; the call that comes late changes nothing.
async fn asked_about(death: String) -> (Vec<String>, bool) {
    let house = Counter::open().await;
    let gateway = house.ground.start(lienthong(), &[]);
    let begun = house.begin(watch::channel(gateway.address()).1).await;
    let mut wrong: Vec<String> = (!begun).then(|| "no payment was begun".to_owned()).into_iter().collect();
    assert!(gateway.stop().success());
    assert!(house.provider.nudge(&["paid-unheard"]));
    time_passes(&house.ground);
    let flow = async |place: Place| {
        let told = || house.counter.state()["payments"].as_u64().filter(|payments| *payments > 0);
        conformance::waiting::until("the payment at the counter", async || told()).await;
        assert!(house.provider.nudge(&["confirms"]));
        let late = house.confirm(&place).await;
        (late, settles(&place).await)
    };
    let ((late, drained), died) = through(&house.ground, &death, flow).await;
    wrong.extend(late.err());
    if !drained {
        wrong.push("the backlog does not drain by itself".to_owned());
    }
    wrong.extend(house.complaints(1));
    let queries = house.provider.state()["queries"].as_u64().unwrap_or(0);
    if !(1..=1 + u64::from(died)).contains(&queries) {
        wrong.push(format!("{queries} questions"));
    }
    (wrong, died)
}

#[test]
fn killed_anywhere_a_payment_whose_callback_got_lost_is_found_and_told_once() {
    let deaths = sweep(&[
        ("after-page-read", 1..=1),
        ("after-page-kept", 1..=1),
        ("before-commit", 1..=4),
        ("after-answer", 1..=1),
    ]);
    all(deaths, 1, asked_about);
}
