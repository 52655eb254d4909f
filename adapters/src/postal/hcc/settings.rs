//! What differs between provinces: the way an order takes, addresses, the customer. Nothing secret stands here.

use std::collections::BTreeMap;

use gateway_core::fault::Defect;

use crate::postal::order::NumberForm;
use crate::settings::Reader;

/// How calls are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// `Authorization: Bearer` to paths of their own.
    Ngsp,
    /// One path, the service in `?service=`.
    LgspService,
    /// One path, the service in the header `service-code`.
    LgspHeader,
    /// The token in the header `access_token`, to paths of their own.
    AccessToken,
}

/// How a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenBy {
    /// `Authorization: Basic` of consumer key and secret.
    Basic,
    /// `Authorization: Bearer` of a fixed key.
    Bearer,
    /// User name and password as JSON.
    Password,
    /// Not at all: the token is a key.
    Fixed,
}

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::postal) struct Settings {
    pub(super) transport: Transport,
    pub(super) token_by: TokenBy,
    pub(super) token_path: String,
    pub(super) token_form: String,
    pub(super) order_path: String,
    pub(super) cancel_path: String,
    pub(super) tracking_path: String,
    pub(super) price_path: String,
    /// The names of the services on an LGSP: order, cancel, tracking, price.
    pub(super) services: [String; 4],
    pub(super) customer_code: String,
    /// Units with a customer code of their own.
    pub(super) customers: BTreeMap<String, String>,
    pub(super) flag_config: u32,
    pub(super) number_form: NumberForm,
    pub(super) page_size: u32,
    pub(super) overlap_seconds: u32,
    pub(super) every_seconds: u32,
    /// Begin with what comes from now on; what was there before is passed over.
    pub(super) from_now: bool,
    /// `EventTime` counts seconds, not milliseconds.
    pub(super) event_time_in_seconds: bool,
    pub(super) session_seconds: u32,
}

impl Settings {
    /// Seen in code for the test host; the path on the national host is not public.
    pub(super) const ORDER_PATH: &str = "/apiVNPostNGSP/p1.0/order/post";
    /// As large as the feed allows.
    const PAGE_SIZE: u32 = 1000;

    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::postal) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let transport = match reader.word("transport", &["ngsp", "lgsp-service", "lgsp-header", "access-token"]) {
            "lgsp-service" => Transport::LgspService,
            "lgsp-header" => Transport::LgspHeader,
            "access-token" => Transport::AccessToken,
            _ => Transport::Ngsp,
        };
        let token_by = match reader.word("token_by", &["basic", "bearer", "password", "fixed"]) {
            "bearer" => TokenBy::Bearer,
            "password" => TokenBy::Password,
            "fixed" => TokenBy::Fixed,
            _ => TokenBy::Basic,
        };
        let settings = Settings {
            transport,
            token_by,
            token_path: reader.text("token_path", "/token"),
            token_form: reader.text("token_form", "grant_type=client_credentials"),
            order_path: reader.text("order_path", Settings::ORDER_PATH),
            cancel_path: reader.text("cancel_path", "/apiVNPostNGSP/p1.0/order/cancel"),
            tracking_path: reader.text("tracking_path", "/apiVNPostNGSP/p1.0/order/tracking"),
            price_path: reader.text("price_path", "/apiVNPostNGSP/p1.0/order/price"),
            services: [
                reader.text("order_service", "vnpost-order-post"),
                reader.text("cancel_service", "vnpost-order-cancel"),
                reader.text("tracking_service", "vnpost-order-tracking"),
                reader.text("price_service", "vnpost-get-price"),
            ],
            customer_code: reader.text("customer_code", ""),
            customers: reader.text_of_each("customers", "code"),
            flag_config: reader.count("flag_config", 2),
            number_form: NumberForm::read(&mut reader, "{dossier}"),
            page_size: reader.count("page_size", Settings::PAGE_SIZE).min(Settings::PAGE_SIZE),
            overlap_seconds: reader.count("overlap_seconds", 600),
            every_seconds: reader.count("every_seconds", 300),
            from_now: reader.word("first_cursor", &["zero", "now"]) == "now",
            event_time_in_seconds: reader.word("event_time_unit", &["ms", "s"]) == "s",
            session_seconds: reader.count("session_seconds", 3600),
        };
        (settings, reader.finish())
    }

    /// The customer that orders for a unit.
    pub(super) fn customer(&self, unit: &str) -> &str {
        self.customers.get(unit).unwrap_or(&self.customer_code)
    }
}
