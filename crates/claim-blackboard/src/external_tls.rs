//! A TLS certificate from elsewhere, e.g. a public authority, so that browsers trust the page.

use std::path::Path;

use claim_http::TlsIdentity;
use zeroize::Zeroizing;

use crate::config::ExternalTls;
use crate::start_error::StartError;

/// Reads certificate and key.
///
/// The key may have whatever mode its keeper gave it: programs that renew such certificates have their own ways.
pub(crate) fn load(external: &ExternalTls) -> Result<TlsIdentity, StartError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| StartError::Read { path: path.to_owned(), source })
    };
    let (certificate, key) = (read(&external.certificate)?, read(&external.key)?);
    TlsIdentity::from_pem(&certificate, &key).map_err(|source| StartError::ExternalTls {
        certificate: external.certificate.clone(),
        key: external.key.clone(),
        source,
    })
}
