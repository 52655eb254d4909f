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
