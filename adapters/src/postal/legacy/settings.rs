//! What differs between customers of the old interface. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::postal::order::NumberForm;
use crate::settings::Reader;

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::postal) struct Settings {
    pub(super) order_path: String,
    pub(super) delivery_path: String,
    pub(super) acceptance_path: String,
    pub(super) customer_code: String,
    /// The offices that fetch and that take the message; none leaves them out.
    pub(super) collecting_office: String,
    pub(super) receiving_office: String,
    /// Orders go out as `PostalAcceptance` in XML, not as JSON.
    pub(super) orders_in_xml: bool,
    /// A second order of one number is refused. No document says so, so a lost answer is a person's question until it is set.
    pub(super) order_number_unique: bool,
    pub(super) number_form: NumberForm,
    pub(super) every_seconds: u32,
    /// Where the feeds begin.
    pub(super) first_record: String,
}

impl Settings {
    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::postal) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings {
            order_path: reader.text("order_path", "/serviceApi/v1/postDieuTin"),
            delivery_path: reader.text("delivery_path", "/serviceApi/v1/getDelivery"),
            acceptance_path: reader.text("acceptance_path", "/serviceApi/v1/getAcceptance"),
            customer_code: reader.text("customer_code", ""),
            collecting_office: reader.text("collecting_office", ""),
            receiving_office: reader.text("receiving_office", ""),
            orders_in_xml: reader.word("orders_in", &["json", "xml"]) == "xml",
            order_number_unique: reader.word("order_number_unique", &["no", "yes"]) == "yes",
            number_form: NumberForm::read(&mut reader, "{dossier}/{leg}{shipment}"),
            every_seconds: reader.count("every_seconds", 900),
            first_record: reader.text("first_record", "0"),
        };
        (settings, reader.finish())
    }
}
