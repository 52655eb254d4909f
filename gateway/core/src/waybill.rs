//! What documents and marks say of a shipment: whose it is, by which names its carrier knows it, and what the gateway says of it.
//!
//! Marks are how an adapter tells what a carrier's answers taught about an order, in words that are the same for all carriers:
//! `leg/<order number>` (the order stands under this number), `tracking/<order number>` (the carrier's number of the item) and
//! `peer/<order number>` (the carrier's number of the order), and `cancel/<either of the two numbers of the order>` (`pending` until it is
//! granted, then `done`). Everything else that an adapter remembers is its own affair.
//! Where a shipment is stands in [`crate::shipment`].

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ids::Moment;
use crate::shipment::State;

/// Which way a shipment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// The result to the citizen.
    Return,
    /// The papers from the citizen.
    Collect,
}

impl Leg {
    /// As the canonical documents write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Leg::Return => "RETURN",
            Leg::Collect => "COLLECT",
        }
    }

    /// Reads what a canonical document says.
    pub fn parse(text: &str) -> Option<Leg> {
        [Leg::Return, Leg::Collect].into_iter().find(|leg| leg.as_str() == text)
    }
}

/// Which shipment of its dossier: there is one order for each leg and number, whoever asks how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Which {
    /// Which way.
    pub leg: Leg,
    /// The how-many-eth of that leg, from 1; raised only when another one is asked for.
    pub number: u32,
}

impl Which {
    /// Reads an order or a cancellation.
    pub fn read(document: &Value) -> Option<Which> {
        let leg = Leg::parse(document.get("leg")?.as_str()?)?;
        let number = u32::try_from(document.get("shipment")?.as_u64()?).ok().filter(|number| *number > 0)?;
        Some(Which { leg, number })
    }

    /// Reads what an adapter found out of an order number; none if the number does not say it.
    pub fn of_hints(hints: &BTreeMap<String, String>) -> Option<Which> {
        let leg = Leg::parse(hints.get("leg")?)?;
        let number = hints.get("shipment")?.parse().ok().filter(|number| *number > 0)?;
        Some(Which { leg, number })
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.leg.as_str(), self.number)
    }
}

/// The names by which a carrier speaks of a shipment.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Names {
    /// Our order number, as the carrier repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The carrier's own number of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// The carrier's own number of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
}

impl Names {
    /// The names in an event.
    pub fn read(document: &Value) -> Names {
        let text = |name: &str| {
            let text = document.get(name).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Names {
            order: text("orderNumber"),
            tracking: text("trackingCode"),
            peer: None,
            carrier: text("carrier"),
        }
    }

    /// Takes over what only the other one knows. A name that is known stays: what an order is called never changes, and what
    /// contradicts it is about something else. True if anything was learnt.
    pub fn learn(&mut self, other: &Names) -> bool {
        let mut learnt = false;
        let pairs = [
            (&mut self.order, &other.order),
            (&mut self.tracking, &other.tracking),
            (&mut self.peer, &other.peer),
            (&mut self.carrier, &other.carrier),
        ];
        for (known, told) in pairs {
            if known.is_none() && told.is_some() {
                known.clone_from(told);
                learnt = true;
            }
        }
        learnt
    }
}

/// What a mark teaches about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// The order stands under this number; perhaps with the carrier's number of the item.
    Names(Names),
    /// Cancelling was asked for: granted, or not yet.
    Cancel {
        /// One of the order's numbers.
        order: String,
        /// It will not be carried.
        granted: bool,
    },
}

/// Reads a mark; none if it is not about an order.
pub fn lesson(name: &str, value: &str) -> Option<Lesson> {
    let (about, order) = name.split_once('/')?;
    let order = || order.to_owned();
    match (about, value) {
        ("leg", _) => Some(Lesson::Names(Names { order: Some(order()), ..Names::default() })),
        ("tracking" | "peer", "") => None,
        ("peer", id) => {
            Some(Lesson::Names(Names { order: Some(order()), peer: Some(id.to_owned()), ..Names::default() }))
        }
        ("tracking", code) => {
            let tracking = Some(code.to_owned());
            Some(Lesson::Names(Names { order: Some(order()), tracking, ..Names::default() }))
        }
        ("cancel", "pending") => Some(Lesson::Cancel { order: order(), granted: false }),
        ("cancel", "done") => Some(Lesson::Cancel { order: order(), granted: true }),
        _ => None,
    }
}

/// The canonical document that tells of a shipment's confirmed state.
pub fn told(dossier: &str, which: Which, names: &Names, state: State, at: Moment) -> Value {
    let mut document = json!({
        "dossier": { "code": dossier },
        "leg": which.leg.as_str(),
        "shipment": which.number,
        "state": state.as_str(),
        "at": at.to_string(),
    });
    if let Some(tracking) = &names.tracking {
        document["trackingCode"] = json!(tracking);
    }
    document["carrier"] = json!(names.carrier.as_deref().unwrap_or("?"));
    document["confirmed"] = json!(true);
    document
}

/// The canonical document of a dossier's last step, said in the stead of software that cannot be told that its result was handed over.
pub fn handed_over(dossier: &str, at: Moment) -> Value {
    json!({
        "dossier": { "code": dossier },
        "status": HANDED_OVER,
        "at": at.to_string(),
        "work": "Đã trả kết quả qua dịch vụ bưu chính công ích",
    })
}

/// The national status of a dossier whose result was handed over.
pub const HANDED_OVER: &str = "10";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_teach_what_an_order_is_called() {
        let names = |order: &str, tracking: Option<&str>| {
            Some(Lesson::Names(Names {
                order: Some(order.to_owned()),
                tracking: tracking.map(str::to_owned),
                ..Names::default()
            }))
        };
        assert_eq!(lesson("leg/H99-1/R1", "RETURN"), names("H99-1/R1", None));
        assert_eq!(lesson("tracking/H99-1/R1", "RX1VN"), names("H99-1/R1", Some("RX1VN")));
        let cancel = |granted| Some(Lesson::Cancel { order: "A".to_owned(), granted });
        assert_eq!(lesson("cancel/A", "pending"), cancel(false));
        assert_eq!(lesson("cancel/A", "done"), cancel(true));
        for (name, value) in [("at-portal", "1"), ("peer/A", ""), ("tracking/A", ""), ("cancel/A", "?")] {
            assert_eq!(lesson(name, value), None, "{name}");
        }
    }

    #[test]
    fn a_known_name_is_never_overwritten() {
        let mut names = Names::read(&json!({ "orderNumber": "A", "carrier": "VNPOST" }));
        assert!(names.learn(&Names::read(&json!({ "orderNumber": "B", "trackingCode": "RX1" }))));
        assert_eq!((names.order.as_deref(), names.tracking.as_deref()), (Some("A"), Some("RX1")));
        assert!(!names.learn(&Names::read(&json!({ "trackingCode": " " }))));
    }

    #[test]
    fn orders_say_which_shipment_they_are() {
        let which = |document: Value| Which::read(&document).map(|which| which.to_string());
        assert_eq!(which(json!({ "leg": "RETURN", "shipment": 2 })).as_deref(), Some("RETURN/2"));
        assert_eq!(which(json!({ "leg": "RETURN", "shipment": 0 })), None);
        assert_eq!(which(json!({ "leg": "AWAY", "shipment": 1 })), None);
        let hints = |leg: &str, shipment: &str| {
            let pairs = [("leg", leg), ("shipment", shipment)].map(|(n, v)| (n.to_owned(), v.to_owned()));
            Which::of_hints(&BTreeMap::from(pairs))
        };
        assert_eq!(hints("COLLECT", "3"), Some(Which { leg: Leg::Collect, number: 3 }));
        assert_eq!(hints("COLLECT", "x"), None);
    }
}
