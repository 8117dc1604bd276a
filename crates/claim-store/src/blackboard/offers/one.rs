//! One assignment as one student has it: for staff.

use claim_core::{AssignmentRef, Sid};

use super::{Offer, counting_and_why, last_of};
use crate::StoreError;
use crate::blackboard::BlackboardStore;
use crate::blackboard::assignments::HolderRow;
use crate::blackboard::courses::{self, Place, choices};

impl BlackboardStore {
    /// The assignment as this student has it, also before it is visible; `None` where there is no such assignment. The
    /// place is a stranger's where the student is not on the roster.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn offer_to(
        &self,
        sid: &Sid,
        reference: &AssignmentRef,
    ) -> Result<Option<Offer>, StoreError> {
        let claims = self.claims_of_student(sid).await?.remove(reference).unwrap_or_default();
        let chosen = choices::of_student(&self.database, sid).await?;
        let mut reader = self.database.reader().await?;
        let connection = reader.connection();
        let Some(known) = courses::known(connection, reference).await? else {
            reader.done();
            return Ok(None);
        };
        let place = courses::place_of(connection, &known, sid).await?;
        let (holder_row, ask) = match &place {
            Place::Holder { holder, .. } => {
                (last_of(connection, reference, holder).await?, Vec::new())
            }
            Place::NoGroup => {
                let ask = courses::whom_to_ask(connection, &reference.course).await?;
                (HolderRow::default(), ask)
            }
            Place::Stranger => (HolderRow::default(), Vec::new()),
        };
        reader.done();
        let chosen: Vec<_> =
            chosen.iter().filter(|choice| choice.reference == *reference).collect();
        let (counting, reason) = counting_and_why(&claims, &chosen);
        let zone = known.zone();
        Ok(Some(Offer {
            plan: known.plan,
            zone,
            place,
            ask,
            known: holder_row,
            claims,
            counting,
            reason,
        }))
    }
}
