//! What must hold for every door whatever comes in: no panic, and no refusal that sounds like success.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use gateway_core::adapter::{Adapter, Arrival, Ask, Body, Fate, Heard as Said, Keys, Level, Secret};
use gateway_core::fault::Fault;
use gateway_core::ids::{ChannelName, PeerName};
use support::chance::Chance;
use support::{build, noon};

#[test]
fn no_bytes_make_a_door_panic_and_no_refusal_sounds_like_success() {
    let seeds: [&[u8]; 6] = [
        br#"[{"MaHoSo":"H99.14-260310-0007"},{"MaHoSo":7}]"#,
        br#"{"session":"s","madonvi":"H99","service":"DongBoHoSoMC","isUpdating":"True","data":[{"MaHoSo":"x"}]}"#,
        br#"{"service":"DongBoTrangThaiHoSo","type":2,"data":{"MaHoSo":"x"}}"#,
        br#"{"username":"a","password":"b"}"#,
        b"<?xml version='1.0'?><DongBoHoSoMC xmlns='urn:lienthong:onestop:hoso:1'><HoSo><MaHoSo>a&amp;b</MaHoSo></HoSo></DongBoHoSoMC>",
        "<p:DongBoHoSoMC xmlns:p='urn:lienthong:onestop:hoso:1'><p:HoSo><p:MaHoSo><![CDATA[Hồ]]></p:MaHoSo></p:HoSo></p:DongBoHoSoMC>".as_bytes(),
    ];
    let adapters: Vec<_> = ["relay", "envelope", "xml"].map(|dialect| build("onestop", dialect, "")).into();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..12_000 {
        let body = chance.damaged(seeds[round % seeds.len()]);
        let path = ["/a/DongBoHoSoMC", "/XrdAdapter/RestService/forward/mapi/g", "/forward/mapi/login"]
            [chance.next(3)];
        for adapter in &adapters {
            knock(&**adapter, path, body.clone());
        }
    }
}

#[test]
fn no_bytes_make_a_door_of_the_postal_services_panic() {
    let seeds: [&[u8]; 6] = [
        br#"{"tracking_code":"EX000000001VN","order_code":"H99.07-261001-0042/R1","status_code":4,"datetime":"01/10/2026 15:04:05"}"#,
        br#"{"TrackingCode":"EX000000001VN","StatusCode":11000,"CreatedAt":"2026-10-01 15:04:05","Fee":[]}"#,
        br#"{"data":[{"itemCode":"PX1","status":12},"x"],"sendDate":"02/10/2026 09:30:00","signature":"c2ln"}"#,
        b"<PostalDelivery><DeliveryID>1</DeliveryID><ItemCode>RX1</ItemCode><IsDeliverable>true</IsDeliverable></PostalDelivery>",
        b"<?xml version='1.0'?><PostalAcceptance><DataCode>a&amp;b/R1</DataCode><!-- c --><Opt><![CDATA[x]]></Opt></PostalAcceptance>",
        br#"{"dossier":{"code":"H99.07-261001-0042"},"leg":"RETURN","shipment":1,"sender":{},"receiver":{}}"#,
    ];
    let adapters: Vec<_> =
        adapters::dialects("postal").iter().map(|dialect| build("postal", dialect, "")).collect();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..6_000 {
        let body = chance.damaged(seeds[round % seeds.len()]);
        let path = ["/postal/orders", "/postal/price", "/postal/ems"][chance.next(3)];
        for adapter in &adapters {
            let (text, _) = answered(&**adapter, path, body.clone());
            assert!(!text.to_lowercase().contains("thành công"), "{text}");
        }
    }
}

#[test]
fn no_bytes_make_a_door_of_those_who_take_money_panic_or_believe() {
    let seeds: [&[u8]; 4] = [
        br#"{"LoaiBanTin":"CONFIRM","MaLoi":"00","MaDoiTac":"DOITACTHU","MaThamChieu":"TC1","SoTien":"50000","MaXacThuc":"f294"}"#,
        br#"{"orderId":"H99-1","errorCode":"00","amount":50000,"requestCode":"H99-1","transactionNo":"PG1","checksum":"00"}"#,
        br#"{"dossier":{"code":"H99.14-260310-0007"},"amount":50000,"lines":[{"name":"x","amount":"50000"}]}"#,
        br#"{"MaHoSo":"H99.14-260310-0007"}"#,
    ];
    let adapters: Vec<_> =
        adapters::dialects("payment").iter().map(|dialect| build("payment", dialect, "")).collect();
    let fixed = std::collections::BTreeMap::from([("secret".to_owned(), Secret::new("KHOABIMATTHU"))]);
    let keys = Keys { fixed: &fixed, session: None };
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..4_000 {
        let body = chance.damaged(seeds[round % seeds.len()]);
        let path = ["/dpnhankqthanhtoanhs", "/dptracuuthanhtoanhs", "/payment/start", "/payment/paygov"]
            [chance.next(4)];
        for adapter in &adapters {
            let (text, _) = answered(&**adapter, path, body.clone());
            assert!(!text.to_lowercase().contains("thành công"), "{text}");
            let ask = Ask {
                method: "POST".to_owned(),
                path: path.to_owned(),
                query: vec![],
                headers: vec![],
                body: Body::of(body.clone()),
            };
            assert_ne!(adapter.vouches(&ask, &keys), Some(true), "{}", String::from_utf8_lossy(&body));
        }
    }
}

fn knock(adapter: &dyn Adapter, path: &str, body: Vec<u8>) {
    let (text, _) = answered(adapter, path, body);
    assert!(!text.to_lowercase().contains("thành công"), "{text}");
    assert!(text.contains("-1"), "{text}");
}

/// The text and status of the answer to a call whose items are all refused.
fn answered(adapter: &dyn Adapter, path: &str, body: Vec<u8>) -> (String, u16) {
    let ask = Ask {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: vec![],
        headers: vec![],
        body: Body::of(body),
    };
    let _ = adapter.credential(&ask);
    let mut arrival = Arrival {
        files: Vec::new(),
        dossiers: Vec::new(),
        channel: ChannelName::from("onestop/test"),
        caller: Some(PeerName::from("mot-cua")),
        ask,
        rest: path.split_once("/forward/").map_or(String::new(), |(_, rest)| rest.to_owned()),
        officer: None,
        level: Level::Token,
        at: noon(),
    };
    let refused = Fault::sender("contract.violated", "Đồng bộ không THÀNH công");
    let heard = adapter.receive(&arrival);
    if let Ok(heard) = &heard {
        arrival.framed(heard);
    }
    let answer = match heard {
        Ok(Said::Messages(items)) => {
            let fates: Vec<Fate> = items.iter().map(|_| Fate::Refused(refused.clone())).collect();
            adapter.reply(&arrival, Ok(&fates))
        }
        Ok(_) => adapter.reply(&arrival, Ok(&[Fate::Refused(refused)])),
        Err(fault) => adapter.reply(&arrival, Err(&fault)),
    };
    let status = answer.status;
    (String::from_utf8(answer.body.bytes).expect("answers are UTF-8"), status)
}
