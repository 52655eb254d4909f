//! How does this dossier stand? For a province's portal, a kiosk, a telephone hotline.

mod inbound;

pub(super) use inbound::receive;
