//! What differs between accounts at EMS. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::postal::order::NumberForm;
use crate::settings::{Reader, defect};

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::postal) struct Settings {
    /// Calls are made in the second version; calls to us are understood in both.
    pub(super) second: bool,
    pub(super) create_path: String,
    pub(super) tracking_path: String,
    /// The pick-up point of the first version.
    pub(super) inventory: String,
    /// The same of the second.
    pub(super) warehouse_code: String,
    pub(super) customer_code: String,
    /// The service of orders that name none.
    pub(super) service: String,
    pub(super) addition_services: Vec<String>,
    /// EMS refuses a second order of one `order_code`. No document says so, so a lost answer is a person's question until it is set.
    pub(super) order_code_unique: bool,
    pub(super) number_form: NumberForm,
    pub(super) every_seconds: u32,
}

impl Settings {
    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::postal) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let second = reader.word("version", &["v1", "v2"]) == "v2";
        let (create, tracking) = match second {
            false => ("/orders/create-v2", "/orders/tracking"),
            true => ("/shipments", "/shipments/detail"),
        };
        let settings = Settings {
            second,
            create_path: reader.text("create_path", create),
            tracking_path: reader.text("tracking_path", tracking),
            inventory: reader.text("inventory", ""),
            warehouse_code: reader.text("warehouse_code", ""),
            customer_code: reader.text("customer_code", ""),
            service: reader.text("service", ""),
            addition_services: reader.texts("addition_services", &[]),
            order_code_unique: reader.word("order_code_unique", &["no", "yes"]) == "yes",
            number_form: NumberForm::read(&mut reader, "{dossier}/{leg}{shipment}"),
            every_seconds: reader.count("every_seconds", 7200),
        };
        if !second && !settings.service.is_empty() && settings.service.parse::<i64>().is_err() {
            reader.push(defect("service", "in v1 a service is a number"));
        }
        (settings, reader.finish())
    }
}
