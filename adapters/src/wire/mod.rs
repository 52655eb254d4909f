//! Protocol pieces that several families share, without any peer's words: XML, SOAP, and how a fault is told to a caller.

pub(crate) mod refusal;
pub(crate) mod soap;
pub(crate) mod xml;
