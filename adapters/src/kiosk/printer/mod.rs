//! What is to be printed on the receipt of this dossier? For the software at the counter.

mod inbound;

pub(super) use inbound::receive;
