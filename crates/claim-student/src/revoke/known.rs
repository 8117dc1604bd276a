//! Whether the certificate in the folder is still good, as CUHK's own lists say.

use std::sync::Arc;

use claim_core::Origin;
use claim_http::{ServerTrust, fetch_revocation_list, https_client, revocation_list_path};
use claim_pki::{Certificate, Root, SerialNumber};

use crate::student::Student;
use crate::wallet::Held;

impl Student {
    /// Whether CUHK's lists say that this certificate, or that of its issuer, is revoked. Without an answer it is taken for
    /// good: nothing is lost, for the servers look at the same lists.
    pub(crate) async fn is_revoked(&self, held: &Held, root: &Arc<Root>, cuhk: &Origin) -> bool {
        let of_root = root.certificate().subject_key_id();
        let Some(issuer) = held.certificates.get(1) else { return false };
        let serial = held.person.serial();
        self.listed(root, cuhk, issuer, held.person.issuer_key_id(), serial).await.unwrap_or(false)
            || match of_root {
                Some(key_id) => {
                    self.listed(root, cuhk, issuer, &key_id, issuer.serial()).await.unwrap_or(false)
                }
                None => false,
            }
    }

    /// Whether the list of this authority, root or issuer, has this serial number; `None` where nobody can tell.
    async fn listed(
        &self,
        root: &Arc<Root>,
        cuhk: &Origin,
        issuer: &Certificate,
        key_id: &[u8; 20],
        serial: &SerialNumber,
    ) -> Option<bool> {
        // What is fetched is signed, and public.
        let trust = ServerTrust::Unverified;
        let client = https_client(&trust, None, self.config.timeouts.exchange).ok()?;
        let url = cuhk.join(&revocation_list_path(key_id));
        let list = fetch_revocation_list(&client, &url).await.ok()??;
        let verified = match root.certificate().subject_key_id() == Some(*key_id) {
            true => root.verify_revocation_list(&list).ok()?,
            false => {
                let at = issuer.not_before();
                root.verify_issuer(issuer.der(), at).ok()?.verify_revocation_list(&list).ok()?
            }
        };
        Some(verified.revoked(serial).is_some())
    }
}
