//! TLS 1.3 (RFC 8446) on both ends: what is offered, and whom each side believes.

mod external;
mod identity;
mod server;
mod trust;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub use external::{ExternalChange, ExternalTls, ExternalTlsError, ExternalWatch, KeyPassphrase};
pub use identity::{IdentityError, TlsIdentity};
pub use server::{CertificateSwitch, ClientCertificates, server_tls};
pub(crate) use trust::client_tls;
pub use trust::{ServerTrust, TrustError};

/// The protocols of RFC 7301, the preferred one first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// AWS-LC with TLS 1.3 suites only, and the hybrid key exchange first: what is handed in today
/// should not be readable by whoever records it and owns a quantum computer later.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups: vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
        ],
        cipher_suites: vec![
            aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
            aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
            aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    })
}
