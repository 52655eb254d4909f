//! Whoever looks up a dossier for the citizen who holds its receipt, and what prints that receipt.
//!
//! `enquiry`: a province's portal, a kiosk, a telephone hotline asks how a dossier stands, with its code in the path and the receipt
//! code in a header. `printer`: the software that prints receipts asks for the receipt code. Both are answered by the gateway from what
//! it knows; here they are framed, and their answers worded: JSON, faults as problem documents.
//!
//! Deliberately absent: who may ask how often, whether the code is right, what is told: the server's, the core's, the mapping's.

mod enquiry;
mod frame;
mod printer;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Simulator, Turn};
use gateway_core::fault::{Blame, Defect, Fault, Remedy};

use crate::Files;
use crate::settings::{Reader, sound};

pub(crate) const DIALECTS: &[&str] = &["enquiry", "printer"];

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    _files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let receive = if dialect == "printer" { printer::receive } else { enquiry::receive };
    sound((Arc::new(Kiosk { receive }) as Arc<dyn Adapter>, Reader::new(settings).finish()))
}

/// None: it calls and is never called.
pub(crate) fn simulator(_dialect: &str, _settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    None
}

/// The embassy. It has no settings: everything stands in the call.
struct Kiosk {
    receive: fn(&Arrival) -> Result<Heard, Fault>,
}

impl Adapter for Kiosk {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        (self.receive)(arrival)
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        frame::reply(said)
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let words = "bên tra cứu chỉ hỏi, không nhận thông điệp; hãy sửa cấu hình đăng ký nhận";
        Err(Fault::new("kiosk.inbound-only", Blame::Gateway, Remedy::Correct, words))
    }
}
