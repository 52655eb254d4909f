//! A carrier's webhooks, accepted durably: a thousand a second, about shipments that were ordered, each a change of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::client::{paced, percentile, post};
use crate::gateway::{Home, free_address};
use crate::table::{Row, Table};
use crate::{Plan, limits};

const A_SECOND: u32 = 1_000;
const CONNECTIONS: u32 = 16;
const SHIPMENTS: u32 = 200;

pub fn measure(plan: &Plan, table: &mut Table) {
    let mut home = Home::make(plan, "webhooks", free_address());
    let secret = home.folder.join("secret");
    std::fs::write(&secret, "thu").expect("the folder takes files");
    home.configure(&format!(
        "[peers.quay]\nadapter = \"postal\"\ndialect = \"desk\"\nunit = \"000.00.00.H99\"\n\
         [peers.ems]\nadapter = \"postal\"\ndialect = \"ems\"\nendpoints.post = \"http://{}\"\n\
         keys.merchant_token = {{ file = \"{}\" }}\n",
        free_address(),
        secret.display()
    ));
    home.key_of("quay");
    let desk = home.key.clone();
    home.key_of("ems");
    let (process, _) = home.start();
    for number in 0..SHIPMENTS {
        order(&home, &desk, number);
    }
    let call = |number: u32| {
        let body = format!(
            "{{\"tracking_code\":\"EX{:09}VN\",\"order_code\":\"{}/R1\",\"status_code\":4,\"status_name\":\"Đang vận chuyển\",\
             \"note\":\"\",\"locate\":\"990100 - BC Mẫu\",\"datetime\":\"{:02}/10/2026 {:02}:{:02}:{:02}\",\"total_weight\":50,\
             \"money_collect\":0,\"total_fee\":26000}}",
            number % SHIPMENTS,
            code(number % SHIPMENTS),
            1 + number / 86_400 % 28,
            number / 3_600 % 24,
            number / 60 % 60,
            number % 60
        );
        let transaction = format!("7{number:09}");
        let headers = [
            ("X-Api-Key", home.key.as_str()),
            ("Content-Type", "application/json"),
            ("ems-transaction", &transaction),
        ];
        post("/postal/ems", &headers, body.as_bytes())
    };
    let time = plan.seconds(8.0);
    let took = paced(home.address, (A_SECOND, CONNECTIONS), time, call);
    let rate = took.len() as f64 / time.as_secs_f64();
    let appends = limits::appends(&plan.folder, plan.seconds(1.0));
    let what = format!("webhooks accepted at {A_SECOND}/s, p99");
    table.add(Row::below(&what, percentile(&took, 99), 50.0, |ms| format!("{ms:.1} ms")));
    let note = format!("{rate:.0}/s; the disk appends and syncs {appends:.0}/s one by one");
    table.add(Row::plain("", &format!("p50 {:.1} ms", percentile(&took, 50)), &note));
    process.stop();
}

fn code(number: u32) -> String {
    format!("H99.07-261001-{number:04}")
}

/// An order for the way back of a dossier; its shipment is what the webhooks are about.
fn order(home: &Home, key: &str, number: u32) {
    let body = include_str!("../../../../ops/demo/order.json");
    let body = serde_json::from_str::<serde_json::Value>(body).map(|mut order| {
        order["dossier"]["code"] = code(number).into();
        order.to_string()
    });
    let body = body.expect("an order is JSON");
    let call = post(
        "/postal/orders",
        &[("X-Api-Key", key), ("Content-Type", "application/json"), ("Connection", "close")],
        body.as_bytes(),
    );
    let mut stream = TcpStream::connect(home.address).expect("the door is open");
    stream.write_all(&call).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}
