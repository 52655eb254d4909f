//! What differs between accounts at PayGov. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::settings::Reader;

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::payment) struct Settings {
    pub(super) partner_code: String,
    pub(super) service_code: String,
    pub(super) return_url: String,
    /// Before our number in `orderId`.
    pub(super) order_prefix: String,
    pub(super) start_path: String,
    pub(super) token_path: String,
    pub(super) session_seconds: u32,
    /// What the checksum of a callback is made of, in this order; `secretKey` and `accessKey` are the keys.
    pub(super) callback_signed: Vec<String>,
}

/// What the checksum of a request is made of.
pub(super) const REQUEST_SIGNED: [&str; 6] =
    ["secretKey", "accessKey", "partnerCode", "orderId", "requestCode", "amount"];

impl Settings {
    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::payment) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings {
            partner_code: reader.text("partner_code", ""),
            service_code: reader.text("service_code", ""),
            return_url: reader.text("return_url", ""),
            order_prefix: reader.text("order_prefix", ""),
            start_path: reader.text("start_path", "/paygov/payment"),
            token_path: reader.text("token_path", "/token"),
            session_seconds: reader.count("session_seconds", 3600),
            callback_signed: reader.texts("callback_signed", &REQUEST_SIGNED),
        };
        (settings, reader.finish())
    }
}
