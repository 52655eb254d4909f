//! The kinds of message that more than one family speaks of, in the words of `mappings/kinds.yaml`.

/// The state of a dossier.
pub(crate) const DOSSIER_RECORDED: &str = "dossier-recorded";
/// A step in the work on a dossier.
pub(crate) const DOSSIER_PROGRESSED: &str = "dossier-progressed";
/// The agency's answer about a dossier that was born on the portal.
pub(crate) const DOSSIER_ANSWERED: &str = "dossier-answered";
/// What those who rated an agency said in a month.
pub(crate) const SATISFACTION_REPORTED: &str = "satisfaction-reported";
/// A question that an agency is to answer.
pub(crate) const INQUIRY_RECEIVED: &str = "inquiry-received";
/// An agency's answer to it.
pub(crate) const INQUIRY_ANSWERED: &str = "inquiry-answered";
/// A question and its answer that an agency publishes.
pub(crate) const INQUIRY_PUBLISHED: &str = "inquiry-published";
/// A dossier that was submitted on the portal.
pub(crate) const DOSSIER_SUBMITTED: &str = "dossier-submitted";
/// A change that its applicant made there.
pub(crate) const DOSSIER_AMENDED: &str = "dossier-amended";
/// The tax authority's notice about a dossier.
pub(crate) const LAND_TAX_NOTICED: &str = "land-tax-noticed";
/// Proof that a land tax was paid.
pub(crate) const LAND_TAX_PAID: &str = "land-tax-paid";
/// A question to the portal, passed on as it is.
pub(crate) const ASK_PORTAL: &str = "ask-portal";

/// Beside the document: did the sender call this an update (`true`) or a first recording (`false`)?
pub(crate) const HINT_UPDATING: &str = "updating";
/// Beside the document: the portal's `type` of a status answer.
pub(crate) const HINT_TYPE: &str = "type";
/// Beside the document: the end of the path a question came in by.
pub(crate) const HINT_REST: &str = "rest";

/// The one-stop-shop wants something carried.
pub(crate) const POSTAL_ORDER_REQUESTED: &str = "postal-order-requested";
/// The one-stop-shop wants a shipment cancelled.
pub(crate) const POSTAL_ORDER_CANCELLED: &str = "postal-order-cancelled";
/// The one-stop-shop wants a shipment corrected that was ordered.
pub(crate) const POSTAL_ORDER_CORRECTED: &str = "postal-order-corrected";
/// What would it cost to carry something?
pub(crate) const ASK_POSTAL_PRICE: &str = "ask-postal-price";
/// A carrier told something of a shipment.
pub(crate) const POSTAL_EVENT_OBSERVED: &str = "postal-event-observed";
/// A shipment's confirmed state has changed.
pub(crate) const POSTAL_STATUS_CHANGED: &str = "postal-status-changed";

/// Something is to be paid: what would the citizen open?
pub(crate) const START_PAYMENT: &str = "start-payment";
/// What was to be paid is taken back.
pub(crate) const PAYMENT_CANCELLED: &str = "payment-cancelled";
/// A provider told what became of a payment.
pub(crate) const PAYMENT_OBSERVED: &str = "payment-observed";
/// A payment is made.
pub(crate) const PAYMENT_CONFIRMED: &str = "payment-confirmed";
/// Where is the receipt of a payment?
pub(crate) const ASK_PAYMENT_RECEIPT: &str = "ask-payment-receipt";
/// What is to be paid for a dossier.
pub(crate) const FEES_DUE: &str = "fees-due";
/// What is to be paid for a dossier? Answered by ourselves.
pub(crate) const ASK_FEES_DUE: &str = "ask-fees-due";
/// Beside the document: what the provider is told as the reference of a payment.
pub(crate) const HINT_REFERENCE: &str = "reference";

/// Beside the document: which way a shipment goes, `RETURN` or `COLLECT`, where our order number says it.
pub(crate) const HINT_LEG: &str = "leg";
/// Beside the document: which shipment of its leg, where our order number says it.
pub(crate) const HINT_SHIPMENT: &str = "shipment";
