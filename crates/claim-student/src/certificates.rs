//! What CUHK has issued to the person, and what of it is news: a certificate that somebody else got shows here.

use std::collections::BTreeSet;

use claim_core::PersonId;
use claim_core::certificates::{CERTIFICATES, CertificateList, ListedCertificate};
use claim_core::json;
use claim_core::messages::JSON;
use claim_files::{FileError, Mode, replace};
use claim_http::{EstError, ProblemAnswer, TlsIdentity, https_client, send};
use http::StatusCode;

use crate::enrol::{EnrolError, foreign};
use crate::student::Student;
use crate::wallet::{Wallet, WalletError};

/// The longest answer that is read, in bytes.
const MAX_LIST: usize = 256 * 1024;

/// A person's certificates, as CUHK tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// All of them, the newest first.
    pub list: CertificateList,
    /// Serial number of the one in this folder.
    pub own: String,
    /// Those that were issued since the last look from this folder, and are neither the one in it nor one that led to it.
    pub news: Vec<ListedCertificate>,
}

impl Student {
    /// Asks CUHK for the certificates of this id, with one attempt.
    ///
    /// What is news stays news until [`Self::looked_at`].
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn certificates(&self, id: &PersonId) -> Result<Certificates, EnrolError> {
        let root = self.root()?;
        let held = self.wallet().held(id, &root, self.now())?;
        let cuhk = &self.config.cuhk;
        let identity = TlsIdentity::from_pki(&held.certificates, &held.credential.key)?;
        let trust = self.code_trust(&root, cuhk);
        let client =
            https_client(&trust, Some(&identity), self.hurried().config.timeouts.exchange)?;
        let answer = send(client.get(cuhk.join(CERTIFICATES)), MAX_LIST).await;
        let answer = answer.map_err(|source| self.cuhk_error(cuhk, EstError::Reach(source)))?;
        if answer.status != StatusCode::OK || answer.media_type() != JSON {
            let error = match ProblemAnswer::from_answer(&answer) {
                Some(problem) => EstError::Refused(Box::new(problem)),
                None => {
                    let media_type = answer.media_type();
                    EstError::NotEst { status: answer.status, media_type }
                }
            };
            return Err(self.cuhk_error(cuhk, error));
        }
        let list: CertificateList = json::from_slice(&answer.body)
            .map_err(|error| foreign(cuhk, answer.status, error.to_string()))?;
        let own = held.person.serial().to_string();
        let seen = self.wallet().seen(id)?;
        let news = news(&list, &own, seen.as_ref());
        Ok(Certificates { list, own, news })
    }

    /// The person has seen these.
    ///
    /// # Errors
    /// [`WalletError`] when that cannot be kept; then they are news again.
    pub fn looked_at(&self, id: &PersonId, certificates: &Certificates) -> Result<(), WalletError> {
        self.wallet().keep_seen(id, &certificates.list)
    }
}

/// What of the list is news: what was not there at the last look, or, at the first look, whatever is younger than the
/// first certificate of this folder. Its own, and what led to it, never is.
fn news(
    list: &CertificateList,
    own: &str,
    seen: Option<&BTreeSet<String>>,
) -> Vec<ListedCertificate> {
    let lineage = list.lineage(own);
    let first = lineage.last().copied().unwrap_or(own);
    let begun_at = list.certificates.iter().find(|one| one.serial == first);
    let begun_at = begun_at.map(|one| one.issued_at);
    let is_news = |one: &&ListedCertificate| {
        let unseen = match seen {
            Some(seen) => !seen.contains(&one.serial),
            None => begun_at.is_none_or(|begun_at| one.issued_at > begun_at),
        };
        unseen && !lineage.contains(&one.serial.as_str())
    };
    list.certificates.iter().filter(is_news).cloned().collect()
}

impl Wallet {
    fn seen_path(&self, id: &PersonId) -> std::path::PathBuf {
        self.dir().join(format!(".{}.seen", crate::wallet::stem(id)))
    }

    /// The serial numbers that the person saw at the last look; `None` when there was none.
    fn seen(&self, id: &PersonId) -> Result<Option<BTreeSet<String>>, WalletError> {
        let Some(text) = crate::wallet::read_public(&self.seen_path(id))? else { return Ok(None) };
        Ok(Some(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()))
    }

    fn keep_seen(&self, id: &PersonId, list: &CertificateList) -> Result<(), WalletError> {
        let mut text = String::new();
        for one in &list.certificates {
            // Serial numbers are hexadecimal; what is not is no line of this file.
            if one.serial.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                text.push_str(&one.serial);
                text.push('\n');
            }
        }
        let written: Result<(), FileError> =
            replace(&self.seen_path(id), text.as_bytes(), Mode::Public);
        Ok(written?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::Timestamp;

    use super::*;

    fn listed(serial: &str, predecessor: Option<&str>, issued_at: i64) -> ListedCertificate {
        ListedCertificate {
            serial: serial.to_owned(),
            device: None,
            authenticated_by: None,
            issued_at: Timestamp::from_seconds(issued_at),
            not_after: Timestamp::from_seconds(1000),
            predecessor: predecessor.map(str::to_owned),
            renewed_by: None,
            revoked_at: None,
            revocation_reason: None,
        }
    }

    fn told(list: &[ListedCertificate], own: &str, seen: Option<&[&str]>) -> Vec<String> {
        let list = CertificateList { limit: Some(3), certificates: list.to_vec() };
        let seen = seen.map(|seen| seen.iter().map(|&one| one.to_owned()).collect());
        news(&list, own, seen.as_ref()).into_iter().map(|one| one.serial).collect()
    }

    #[test]
    fn only_what_others_got_meanwhile_is_news() {
        // An older device, then this one, renewed once; then a thief's.
        let list = [
            listed("d", None, 40),
            listed("c", Some("b"), 30),
            listed("b", None, 20),
            listed("a", None, 10),
        ];
        assert_eq!(told(&list, "c", None), ["d"], "the first look");
        assert_eq!(told(&list, "c", Some(&["a", "b"])), ["d"]);
        assert_eq!(told(&list, "c", Some(&["a", "b", "c", "d"])), [""; 0]);
        // Whoever has stolen the key renews it: that does not descend to the one in this folder, but from it.
        let list = [listed("e", Some("b"), 50), listed("b", None, 20)];
        assert_eq!(told(&list, "b", Some(&["b"])), ["e"]);
        assert_eq!(told(&list, "b", None), ["e"]);
        // One that is not in the list at all shows everything.
        assert_eq!(told(&list, "x", None), ["e", "b"]);
    }
}
