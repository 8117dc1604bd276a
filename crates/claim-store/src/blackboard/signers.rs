//! Who signed a claim: by the signed claim itself, which was verified before it was stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use claim_core::PersonId;
use claim_core::claim::ClaimId;
use claim_pki::{ContentType, SignedData};

use super::BlackboardStore;
use super::claims::ClaimOutline;
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// Of so many claims of groups it is remembered who signed: some megabytes.
const MOST: usize = 16_384;

/// Who signed which claims.
#[derive(Clone, Debug, Default)]
pub struct Signers(BTreeMap<ClaimId, Arc<[PersonId]>>);

impl Signers {
    /// Who signed this claim, by id; nobody where it was not asked for, or is not on record any more.
    pub fn of(&self, claim: ClaimId) -> Vec<PersonId> {
        self.0.get(&claim).map(|signers| signers.to_vec()).unwrap_or_default()
    }
}

/// What was read before; it never changes once a claim is lodged.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<ClaimId, Arc<[PersonId]>>>);

impl Memory {
    fn get(&self, claim: ClaimId) -> Option<Arc<[PersonId]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&claim).cloned()
    }

    fn keep(&self, claim: ClaimId, signers: Arc<[PersonId]>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(claim, signers);
    }
}

impl BlackboardStore {
    /// Who signed each of these claims.
    ///
    /// Whoever hands in alone has signed, and so has the member of staff who hands in for one student: what such a claim
    /// was lodged by is read already. The signed claims of groups are read, one after the other.
    ///
    /// # Errors
    /// Whatever befalls the database; [`StoreError::Foreign`] where a signed claim is not one.
    pub async fn signers(&self, claims: &[&ClaimOutline]) -> Result<Signers, StoreError> {
        let mut all = BTreeMap::new();
        for ClaimOutline { id, holder, person, .. } in claims {
            if all.contains_key(id) {
                continue;
            }
            let signers = match (holder.sids(), self.signers.get(*id)) {
                ([_], _) => Some(Arc::from([person.clone()])),
                (_, known @ Some(_)) => known,
                (_, None) => self.signers_on_record(*id).await?,
            };
            all.extend(signers.map(|signers| (*id, signers)));
        }
        Ok(Signers(all))
    }

    async fn signers_on_record(
        &self,
        claim: ClaimId,
    ) -> Result<Option<Arc<[PersonId]>>, StoreError> {
        let row = sqlx::query(
            "SELECT cms FROM claims WHERE id = $1 \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id)",
        )
        .bind(claim.to_string())
        .read_optional(&self.database)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns::new("claims", &row);
        let signers = signed_by(&columns.bytes("cms")?).ok_or_else(|| columns.foreign("cms"))?;
        let signers: Arc<[PersonId]> = signers.into();
        self.signers.keep(claim, Arc::clone(&signers));
        Ok(Some(signers))
    }
}

/// Whom the certificates of those who signed name, in order. It was verified when the claim was lodged.
fn signed_by(cms: &[u8]) -> Option<Vec<PersonId>> {
    let signed = SignedData::from_der(ContentType::Claim, cms).ok()?;
    let mut signers: Vec<_> =
        signed.unverified_signers().map(|one| one.person_id()).collect::<Option<_>>()?;
    signers.sort();
    Some(signers)
}
