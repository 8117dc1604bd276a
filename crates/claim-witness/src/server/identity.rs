//! Who the witness is: its key, the certificate that the root gave it, and what it shows in TLS.

use std::path::Path;

use claim_core::Timestamp;
use claim_core::encoding::Bytes;
use claim_files::{Mode, replace};
use claim_http::{TlsIdentity, system_rng};
use claim_pki::{
    AuthorityName, Certificate, Ed25519SigningKey, Issuer, Profile, Root, RootSpec, SerialNumber,
    SigningKey, Validity, WitnessName, WitnessRequest,
};
use claim_store::WitnessStore;

use crate::config::Config;
use crate::error::StartError;
use crate::event::{Event, Observer};
use crate::folder::{Folder, read_public};
use crate::key::{Witness, put_aside};

/// The longest certificate file that is read, in bytes.
const MAX_CERTIFICATE_FILE: u64 = 64 * 1024;

/// Reads the root that everything leads to.
pub(super) fn root(config: &Config) -> Result<Root, StartError> {
    let path = config.root.clone().unwrap_or_else(|| config.dir.join("cuhk.cer"));
    let bytes = read_public(&path, MAX_CERTIFICATE_FILE)?;
    Root::from_pem(&String::from_utf8_lossy(&bytes))
        .map_err(|source| StartError::Root { path, source })
}

/// Loads the key and its certificate; where there is no certificate, leaves the request for one.
pub(super) async fn witness(
    config: &Config,
    folder: &Folder,
    root: &Root,
    store: &WitnessStore,
    observer: &Observer,
) -> Result<Witness, StartError> {
    let path = folder.certificate();
    let certificate = match path.exists() {
        true => Some(read(&path)?),
        false => None,
    };
    let key = key(config, folder, certificate.as_ref(), store, observer).await?;
    match certificate.filter(|_| path.exists()) {
        Some(certificate) => {
            let witness = Witness::new(certificate, &key)?;
            root.verify_witness(witness.certificate().der(), config.clock.now())
                .map_err(|source| StartError::NotVerified { path, source })?;
            Ok(witness)
        }
        None => Err(ask(config, folder, &key)?),
    }
}

/// The key that the records began with. Another one is put aside: with it, but without its memory, the witness would
/// cosign a second history.
async fn key(
    config: &Config,
    folder: &Folder,
    certificate: Option<&Certificate>,
    store: &WitnessStore,
    observer: &Observer,
) -> Result<Ed25519SigningKey, StartError> {
    let path = folder.key();
    let is_old = path.exists();
    // Without a name nothing new can be asked for: better to say so before a key is made.
    if !is_old && config.name.is_none() {
        return Err(StartError::NoName);
    }
    let key = Witness::load_or_make_key(&path, config.passphrase.as_ref())?;
    let fingerprint = key.public_key().fingerprint();
    if is_old && !store.knows_key(&fingerprint).await? {
        let mark = claim_core::Digest::from_bytes(fingerprint).to_string();
        let mark = mark.get(..16).unwrap_or(&mark);
        put_aside(&[&folder.certificate(), &folder.request(), &path], mark)?;
        observer(Event::KeyPutAside { path, name: certificate.and_then(name_of) });
        return Box::pin(self::key(config, folder, None, store, observer)).await;
    }
    if !is_old {
        store.put_key(&fingerprint, config.clock.now()).await?;
    }
    Ok(key)
}

/// Leaves the request, and says what to do with it.
fn ask(
    config: &Config,
    folder: &Folder,
    key: &Ed25519SigningKey,
) -> Result<StartError, StartError> {
    let (request, certificate) = (folder.request(), folder.certificate());
    let before = read_public(&request, WitnessRequest::MAX_SIZE as u64).ok();
    let before = before.and_then(|bytes| WitnessRequest::from_bytes(&bytes).ok());
    let name = config.name.clone().or_else(|| before.map(|before| before.name().clone()));
    let text = WitnessRequest::make(&name.ok_or(StartError::NoName)?, key)?.to_text();
    replace(&request, text.as_bytes(), Mode::Public)?;
    Ok(StartError::NotCertified { request, certificate })
}

fn read(path: &Path) -> Result<Certificate, StartError> {
    let bytes = read_public(path, MAX_CERTIFICATE_FILE)?;
    Certificate::from_pem(&String::from_utf8_lossy(&bytes))
        .map_err(|source| StartError::Certificate { path: path.to_owned(), source })
}

fn name_of(certificate: &Certificate) -> Option<WitnessName> {
    certificate.common_name()?.parse().ok()
}

/// A TLS certificate for this run, signed by its own key, that nobody needs to believe.
///
/// What a witness answers is believed by its certified key, and what it is asked is public: TLS from a known authority
/// would only hide who asks. Whoever wants it gives one with `--tls-cert`.
pub(super) fn passing_tls(now: Timestamp) -> Result<TlsIdentity, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Tls(error.to_string());
    let key = SigningKey::generate().map_err(|error| failed(&error))?;
    let pem = key.to_pkcs8_pem();
    let own = SigningKey::from_pkcs8_pem(&pem).map_err(|error| failed(&error))?;
    let name = AuthorityName::new("HK", "Claim", "a witness of logs, for TLS only");
    let spec = RootSpec { name: name.map_err(|error| failed(&error))?, domain: None };
    let serial = SerialNumber::from_random(Bytes::random(&mut system_rng()).0);
    let validity = Validity::starting(now, Profile::Root.life());
    let issuer = Issuer::self_signed_root(&spec, own, &serial, validity);
    let issuer = issuer.map_err(|error| failed(&error))?;
    let chain = [issuer.certificate().clone()];
    TlsIdentity::from_pki(&chain, &key).map_err(|error| failed(&error))
}
