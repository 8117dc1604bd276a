//! The client's end: which servers it believes.

use std::sync::Arc;

use claim_pki::{Origin, Root, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, PeerIncompatible,
    RootCertStore, SignatureScheme, version,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{ALPN, TlsIdentity, provider};
use crate::clock::Clock;

/// Which servers a client believes in the TLS handshake.
#[derive(Clone, Debug)]
pub enum ServerTrust {
    /// Those with a certificate for the name in the URL that leads to `cuhk.cer`.
    Root(Arc<Root>),
    /// The same, and the leaf must be a server-profile certificate for exactly this origin.
    ///
    /// For whoever sends a one-time code: a certificate for the same host, but for another
    /// service on it, will not do.
    CuhkServer {
        /// `cuhk.cer`.
        root: Arc<Root>,
        /// The origin in the leaf's SAN URI.
        origin: Origin,
    },
    /// Those that this machine's system trusts (`--tls-roots system`).
    System,
    /// Anyone.
    ///
    /// For first contact only: to fetch `cacerts` and compare the root with the invitation's pin.
    /// Nothing secret may be sent, and nothing that is received may be believed without such a check.
    Unverified,
}

/// Why a client cannot be set up to trust as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The system has no usable root certificates.
    #[error("this system has no trusted root certificates ({found} found, none usable)")]
    NoSystemRoots {
        /// How many certificates the system gave.
        found: usize,
    },
    /// rustls does not take the root or the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] Error),
}

/// TLS for a client: 1.3 only, HTTP/2 and HTTP/1.1, with a certificate of its own where one is given.
pub(crate) fn client_tls(
    trust: &ServerTrust,
    identity: Option<&TlsIdentity>,
    clock: &Clock,
) -> Result<ClientConfig, TrustError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        ServerTrust::Root(root) => webpki_verifier(roots(root)?, &provider)?,
        ServerTrust::CuhkServer { root, origin } => Arc::new(CuhkServer {
            path: webpki_verifier(roots(root)?, &provider)?,
            root: Arc::clone(root),
            origin: origin.clone(),
        }),
        ServerTrust::System => webpki_verifier(system_roots()?, &provider)?,
        ServerTrust::Unverified => Arc::new(Anyone(Arc::clone(&provider))),
    };
    let builder = ClientConfig::builder_with_details(provider, Arc::new(clock.clone()))
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some(identity) => {
            let key = CertifiedKey::clone(identity.certified_key());
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

fn roots(root: &Root) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from(root.der().to_vec()))?;
    Ok(store)
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::warn!(%error, "some of the system's root certificates cannot be read");
    }
    let found = loaded.certs.len();
    let mut store = RootCertStore::empty();
    // Systems carry roots that webpki cannot use; one of these must not lock out the others.
    let (usable, _) = store.add_parsable_certificates(loaded.certs);
    if usable == 0 { Err(TrustError::NoSystemRoots { found }) } else { Ok(store) }
}

fn webpki_verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| Error::General(error.to_string()))
}

/// The usual path and name, then our own profile and origin.
#[derive(Debug)]
struct CuhkServer {
    path: Arc<WebPkiServerVerifier>,
    root: Arc<Root>,
    origin: Origin,
}

impl ServerCertVerifier for CuhkServer {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.path.verify_server_cert(leaf, intermediates, name, ocsp, now)?;
        let chain: Vec<&[u8]> =
            std::iter::once(leaf).chain(intermediates).map(AsRef::as_ref).collect();
        let at = Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        self.root
            .verify_server(&chain, &self.origin, at)
            .map_err(|error| CertificateError::Other(OtherError(Arc::new(error))))?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.path.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.path.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.path.supported_verify_schemes()
    }
}

/// Takes any certificate, of which the server must hold the key all the same.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
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
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
