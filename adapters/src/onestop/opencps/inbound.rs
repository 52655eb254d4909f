//! Frames a call of OpenCPS into items: their kind, the dossier, the unit, the idempotency key.
//!
//! Who calls is known by the key of the door and by nothing in the call: the headers by which OpenCPS let callers name themselves
//! (`userid`, `localaccess`) are not read.

use gateway_core::adapter::{Arrival, Heard, Item, Payload};
use gateway_core::fault::Fault;
use serde_json::Value;

use super::OpenCps;
use super::frame::{self, Said};
use crate::kinds::{DOSSIER_ANSWERED, DOSSIER_PROGRESSED, DOSSIER_RECORDED};
use crate::onestop::call::{self, Call};

impl OpenCps {
    /// A form is one item, a body of documents one for each.
    pub(super) fn hear(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        let said = Said::of(arrival).ok_or_else(|| {
            let words = "đường dẫn phải là dossiers/publish, dossiers/inform/{referenceUid}, Document/SyncDocument hoặc \
                         Document/UpdateDocumentTraces";
            Fault::sender("door.not-found", words)
        })?;
        let items = match said {
            Said::Publish | Said::Inform => vec![self.pushed(arrival, said)?],
            Said::Document => self.documents(arrival, DOSSIER_RECORDED, "OrganInchargeIdLevel1")?,
            Said::Traces => self.documents(arrival, DOSSIER_PROGRESSED, "OrganizationInchargeIdLevel1")?,
        };
        Ok(Heard::Messages(items))
    }

    /// An inform of a dossier that was born on the portal answers the portal; one that names no procedure tells of a step only.
    fn pushed(&self, arrival: &Arrival, said: Said) -> Result<Item, Fault> {
        let form = frame::form(arrival, said, &self.settings.deciding_states)?;
        let text = |name: &str| form.get(name).and_then(call::text);
        let (own, born) = (text("dossierNo"), text("originDossierNo").filter(|_| said == Said::Inform));
        let kind = match born {
            Some(_) => DOSSIER_ANSWERED,
            None if said == Said::Publish || text("serviceCode").is_some() => DOSSIER_RECORDED,
            None => DOSSIER_PROGRESSED,
        };
        let (unit, dossier) = (text("govAgencyCode"), born.or(own));
        Ok(self.call(arrival, kind, unit).item(0, dossier, Payload::Json(Value::Object(form))))
    }

    fn documents(&self, arrival: &Arrival, kind: &'static str, unit: &str) -> Result<Vec<Item>, Fault> {
        let item = |(index, document): (usize, Value)| {
            let text = |name: &str| document.get(name).and_then(call::text);
            let (dossier, unit) = (text("DocCode"), text(unit));
            self.call(arrival, kind, unit).item(index, dossier, Payload::Json(document))
        };
        Ok(frame::documents(arrival)?.into_iter().enumerate().map(item).collect())
    }

    /// The agency that is named, else the one whose site this is.
    fn call(&self, arrival: &Arrival, kind: &'static str, unit: Option<String>) -> Call {
        let by_group = || self.settings.unit_of(arrival.ask.header("groupid")?.trim());
        let unit = unit.or_else(|| by_group().map(str::to_owned));
        Call { kind, unit, updating: None, form: None, key: call::key(arrival) }
    }
}
