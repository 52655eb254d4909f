//! What differs between contracts at MyVNPost. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::postal::order::NumberForm;
use crate::settings::Reader;

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::postal) struct Settings {
    /// Before every path: none, or `/customer-partner` as older integrations have it.
    pub(super) prefix: String,
    pub(super) customer_code: String,
    pub(super) contract_code: String,
    /// The service of orders that name none.
    pub(super) service_code: String,
    /// The additional service that collects money, and the property that says how much.
    pub(super) cod_service: String,
    pub(super) cod_property: String,
    pub(super) vehicle: String,
    pub(super) send_type: String,
    /// The `type` of a question for a history.
    pub(super) history_type: String,
    /// Where a line of a history says when it happened.
    pub(super) history_time_field: String,
    /// A second order of one `saleOrderCode` is refused. No document says so, so a lost answer is a person's question until it is set.
    pub(super) sale_order_code_unique: bool,
    pub(super) number_form: NumberForm,
    pub(super) session_seconds: u32,
    pub(super) every_seconds: u32,
}

impl Settings {
    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::postal) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings {
            prefix: reader.text("prefix", ""),
            customer_code: reader.text("customer_code", ""),
            contract_code: reader.text("contract_code", ""),
            service_code: reader.text("service_code", ""),
            cod_service: reader.text("cod_service", "GTG021"),
            cod_property: reader.text("cod_property", "PROP0018"),
            vehicle: reader.text("vehicle", "BO"),
            send_type: reader.text("send_type", "1"),
            history_type: reader.text("history_type", "1"),
            history_time_field: reader.text("history_time_field", "statusDate"),
            sale_order_code_unique: reader.word("sale_order_code_unique", &["no", "yes"]) == "yes",
            number_form: NumberForm::read(&mut reader, "{dossier}/{leg}{shipment}"),
            session_seconds: reader.count("session_seconds", 3600),
            every_seconds: reader.count("every_seconds", 7200),
        };
        (settings, reader.finish())
    }
}
