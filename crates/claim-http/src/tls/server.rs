//! The server's end.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    ServerConfig, SignatureScheme, version,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{ALPN, TlsIdentity, provider};

/// The certificate that a server shows, exchangeable while it serves.
///
/// Connections that are open keep the certificate they began with.
pub struct CertificateSwitch(RwLock<Arc<CertifiedKey>>);

impl CertificateSwitch {
    /// Starts with this certificate.
    pub fn new(identity: &TlsIdentity) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::clone(identity.certified_key()))))
    }

    /// Shows this certificate from the next handshake on.
    pub fn replace(&self, identity: &TlsIdentity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::clone(identity.certified_key());
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for CertificateSwitch {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl fmt::Debug for CertificateSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateSwitch").finish_non_exhaustive()
    }
}

/// Whether a server asks its clients for a certificate in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It does not.
    None,
    /// It asks, and takes an answer without one.
    ///
    /// The handshake only proves that the client holds the P-256 key of the certificate it shows.
    /// Who issued it, for whom and until when is for the handler to check: re-enrolment takes
    /// certificates whose time has just run out, which a check in the handshake would turn away.
    Requested,
}

/// TLS for a server: 1.3 only, HTTP/2 and HTTP/1.1, no early data and no resumption.
///
/// No early data, because it can be replayed. No resumption: the hybrid key exchange is run
/// in any case and only one P-256 signature (some 20 µs) would be saved; in exchange every replica would need
/// the same rotating ticket keys, and a client certificate would outlive its own check.
///
/// # Errors
/// Only if this build of rustls lacks TLS 1.3.
pub fn server_tls(
    certificate: Arc<CertificateSwitch>,
    clients: ClientCertificates,
) -> Result<Arc<ServerConfig>, Error> {
    let provider = provider();
    let verifier: Arc<dyn ClientCertVerifier> = match clients {
        ClientCertificates::None => WebPkiClientVerifier::no_client_auth(),
        ClientCertificates::Requested => Arc::new(PossessionOnly(Arc::clone(&provider))),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// Checks that a client holds the key of the certificate it shows, and nothing about the certificate.
#[derive(Debug)]
struct PossessionOnly(Arc<CryptoProvider>);

impl PossessionOnly {
    /// More than this no path of CUHK has, with the root.
    const MAX_CERTIFICATES: usize = 4;
}

impl ClientCertVerifier for PossessionOnly {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Empty: any issuer (RFC 8446 §4.2.4), so that clients with one certificate simply show it.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if intermediates.len() >= Self::MAX_CERTIFICATES {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
