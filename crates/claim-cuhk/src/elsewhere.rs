//! A CUHK whose root is on another machine: the request that it writes, and the answer that it takes over.
//!
//! Both lie in its folder; people carry them. Whatever is cut off is done again from the same files: the answer is put
//! aside when all of it is in its place.

mod error;
mod record;

use std::path::PathBuf;

use claim_files::{Mode as FileMode, replace};
use claim_pki::{
    AuthorityAnswer, AuthorityRequest, Certificate, Root, Sign, VerifiedTimestampAuthority,
    VerifiedWitness,
};

pub use self::error::ElsewhereError;
pub(crate) use self::record::{record, record_answer};
use crate::authority::{NextIssuing, issuing_certificates, load_root};
use crate::ceremony::{Ceremony, Service};
use crate::crl::Lists;
use crate::folder::read_public;
use crate::mode::Mode;
use crate::signing::apart;
use crate::{timestamps, witness};

/// An answer of which all was verified that can be: the root's word, this CUHK's keys.
struct Verified {
    answer: AuthorityAnswer,
    timestamp: VerifiedTimestampAuthority,
    witness: VerifiedWitness,
}

/// Writes the request for the certificates of CUHK's timestamp key and witness and, if wanted, of the next issuing
/// key, all of which are on disk when this returns.
pub(crate) async fn request(
    ceremony: &Ceremony<'_>,
    issuing: bool,
) -> Result<(AuthorityRequest, PathBuf), ElsewhereError> {
    let mode = Mode::of(&load_root(ceremony.folder)?);
    let timestamp = timestamps::key_to_certify(ceremony).await?;
    let (name, witness) = witness::key_to_certify(ceremony).await?;
    let (folder, origin) = (ceremony.folder.clone(), ceremony.origin.clone());
    let made = apart(move || {
        let key = match issuing {
            true => Some(NextIssuing::of(&folder)?.key_to_begin_with()?),
            false => None,
        };
        let issuing = key.as_ref().map(|key| (mode.issuing_common_name(), key as &dyn Sign));
        Ok::<_, ElsewhereError>(AuthorityRequest::make(
            &origin, &name, &timestamp, &witness, issuing,
        )?)
    });
    let request = made.await??;
    let path = ceremony.folder.authority_request();
    replace(&path, request.to_text().as_bytes(), FileMode::Public)?;
    Ok((request, path))
}

/// Takes over the answer in the folder, if there is one, and tells whether there was.
///
/// Nothing is changed unless all of it is good.
pub(crate) async fn take_answer(ceremony: &Ceremony<'_>) -> Result<bool, ElsewhereError> {
    let path = ceremony.folder.authority_answer();
    let limit = AuthorityAnswer::MAX_SIZE as u64;
    let Some(bytes) = read_public(&path, limit)? else { return Ok(false) };
    let answer = AuthorityAnswer::from_bytes(&bytes)
        .map_err(|source| ElsewhereError::Answer { path: path.clone(), source })?;
    let root = load_root(ceremony.folder)?;
    let verified = verify(ceremony, &root, answer)?;
    if let Some(issuing) = verified.answer.issuing.clone() {
        place_issuing(ceremony, issuing).await?;
    }
    let Verified { answer, timestamp, witness } = &verified;
    let service = Service::Timestamp(ceremony.origin.clone());
    let digest = *timestamp.public_key().fingerprint();
    record(ceremony, &service, &answer.timestamp, digest).await?;
    timestamps::place(ceremony, &answer.timestamp, timestamp.public_key())?;
    let service = Service::Witness(witness.name().clone());
    record(ceremony, &service, &answer.witness, witness.public_key().fingerprint()).await?;
    witness::place(ceremony, &answer.witness, witness.public_key())?;
    let Ceremony { folder, store, now, .. } = *ceremony;
    Lists { folder, store, now }.take_root_list(&root, &answer.list).await.map_err(Box::new)?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", answer.issuing.as_ref().unwrap_or(&answer.timestamp).serial()));
    std::fs::rename(&path, aside).map_err(|source| claim_files::FileError::System {
        action: "rename",
        path,
        source,
    })?;
    Ok(true)
}

fn verify(
    ceremony: &Ceremony<'_>,
    root: &Root,
    answer: AuthorityAnswer,
) -> Result<Verified, ElsewhereError> {
    let bad = |part| move |source| ElsewhereError::Certificate { part, source };
    let now = ceremony.now;
    let timestamp =
        root.verify_timestamp(answer.timestamp.der(), now).map_err(bad("timestamp key"))?;
    let witness = root.verify_witness(answer.witness.der(), now).map_err(bad("witness"))?;
    if timestamp.origin() != ceremony.origin {
        let (expected, found) = (ceremony.origin.clone(), timestamp.origin().clone());
        return Err(ElsewhereError::OtherOrigin { expected, found });
    }
    if let Some(issuing) = &answer.issuing {
        root.verify_issuer(issuing.der(), now).map_err(bad("issuing key"))?;
    }
    root.verify_revocation_list(&answer.list)?;
    Ok(Verified { answer, timestamp, witness })
}

/// The certificate of the issuing key that waits for it; one that is in its place already is good too.
async fn place_issuing(
    ceremony: &Ceremony<'_>,
    certificate: Certificate,
) -> Result<(), ElsewhereError> {
    let folder = ceremony.folder.clone();
    let place = move || {
        if issuing_certificates(&folder)?.iter().any(|one| one.der() == certificate.der()) {
            return Ok(());
        }
        let next = NextIssuing::of(&folder)?;
        match next.certify(&certificate)? {
            true => Ok(()),
            false => Err(ElsewhereError::OtherKey { part: "issuing key" }),
        }
    };
    apart(place).await?
}
