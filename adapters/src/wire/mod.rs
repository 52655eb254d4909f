//! Protocol pieces that several families share, without any peer's words: forms, XML, SOAP, places of a document, tokens and other proofs of
//! who calls, tables of what answers mean, what an operator is told of an answer, and how a fault is told to a caller.

pub(crate) mod cause;
pub(crate) mod download;
pub(crate) mod form;
pub(crate) mod node;
pub(crate) mod outcomes;
pub(crate) mod refusal;
pub(crate) mod soap;
pub(crate) mod token;
pub(crate) mod xml;
