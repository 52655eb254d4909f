//! Protocol pieces that several families share, without any peer's words: XML, SOAP, tables of what answers mean, what an operator is
//! told of an answer, and how a fault is told to a caller.

pub(crate) mod cause;
pub(crate) mod outcomes;
pub(crate) mod refusal;
pub(crate) mod soap;
pub(crate) mod xml;
