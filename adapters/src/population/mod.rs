//! The national population database (CSDLQG về dân cư): an officer's question about a citizen, and its answer.
//!
//! One-stop software asks in one of three dialects, which differ in form only: `opencps` (the JSON that OpenCPS speaks), `citizen`
//! (our own JSON) and `soap` (our own WSDL). The fourth, `profile`, asks the database itself, through whatever platform stands
//! before it: what differs between platforms is data (`mappings/population/profiles/`). What the three have in common when a
//! question is framed stands in [`frame`], how an answer is read by those who word it in [`person`].
//!
//! Deliberately absent: who may ask what (the licence), the audit, and which fields of an answer a caller may see. These are the
//! gateway's, because they must hold whatever was spoken.

mod citizen;
mod frame;
mod opencps;
mod person;
mod profile;
mod soap;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Simulator};
use gateway_core::fault::{Blame, Defect, Fault, Remedy};

use crate::Files;
use crate::settings::{Reader, sound};

pub(crate) const DIALECTS: &[&str] = &["profile", "opencps", "citizen", "soap"];

/// A citizen's record.
const LOOK_UP: &str = "look-up-citizen";
/// Is there such a citizen: yes or no.
const VERIFY: &str = "verify-citizen";
/// A citizen with father and mother.
const VERIFY_KIN: &str = "verify-kin";

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    match dialect {
        "opencps" => Ok(Arc::new(opencps::OpenCps::new(opencps::Settings::read(settings)?))),
        "soap" => Ok(Arc::new(soap::Soap::new(soap::Settings::read(settings)?))),
        "citizen" => Ok(sound((Arc::new(citizen::Citizen), Reader::new(settings).finish()))?),
        _ => Ok(Arc::new(profile::Profile::new(profile::Settings::read(settings, files)?))),
    }
}

/// The database's side; none for the dialects that only call us.
pub(crate) fn simulator(dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    match dialect {
        "" | "profile" => Some(Box::new(profile::Simulator::new(settings)?)),
        _ => None,
    }
}

/// What a subscription that leads to a dialect of callers gets.
fn inbound_only() -> Fault {
    Fault::new(
        "population.inbound-only",
        Blame::Gateway,
        Remedy::Correct,
        "phần mềm này chỉ gửi câu hỏi, không trả lời câu hỏi; hãy sửa cấu hình",
    )
}
