//! What a peer's answer says that others should hear of: admitted in the transaction that settles the delivery.
//!
//! It is prepared before, like any call's items, so a change that runs twice writes the same rows. After a restart the delivery is
//! settled and what it said is admitted, or neither is; then the next attempt says it again from the answers that were kept.

use gateway_core::pipeline::DeliveryId;

use super::admit::DossierFound;
use super::error::StoreError;
use super::prepare::Prepared;
use super::types::Admitted;
use super::writer::Writing;

impl Writing<'_> {
    /// Admits what was said in answer to a delivery about this dossier.
    pub(super) fn say_of(
        &self,
        delivery: DeliveryId,
        dossier: i64,
        items: &[Prepared],
    ) -> Result<Vec<Admitted>, StoreError> {
        let asked: Option<String> = self
            .db
            .prepare_cached(
                "SELECT m.code FROM delivery d JOIN message m ON m.seq = d.message WHERE d.id = ?1",
            )?
            .query_row([delivery.0], |row| row.get(0))?;
        let one = |item: &Prepared| {
            // By the code it was given, a peer means the dossier it was given: also where that code has no known form, which by itself
            // would be this peer's own.
            let same = item.dossier.as_ref().is_some_and(|code| Some(code.as_str()) == asked.as_deref());
            match same {
                true => self.admit_about(item, Some(DossierFound { id: dossier, is_new: false })),
                false => self.admit(item),
            }
        };
        items.iter().map(one).collect()
    }
}
