//! The kinds of message that more than one family speaks of, in the words of `mappings/kinds.yaml`.

/// The state of a dossier.
pub(crate) const DOSSIER_RECORDED: &str = "dossier-recorded";
/// A step in the work on a dossier.
pub(crate) const DOSSIER_PROGRESSED: &str = "dossier-progressed";
/// The agency's answer about a dossier that was born on the portal.
pub(crate) const DOSSIER_ANSWERED: &str = "dossier-answered";
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

/// Beside the document: which way a shipment goes, `RETURN` or `COLLECT`, where our order number says it.
pub(crate) const HINT_LEG: &str = "leg";
/// Beside the document: which shipment of its leg, where our order number says it.
pub(crate) const HINT_SHIPMENT: &str = "shipment";
