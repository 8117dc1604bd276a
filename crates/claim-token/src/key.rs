//! A key in a token.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use claim_files::Passphrase;
use claim_pki::{KeyError, PublicKey, Sign};
use cryptoki::error::Error as ModuleError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};

use crate::module::{in_use, restart, session};
use crate::{TokenError, TokenUri};

/// A private key on P-256 in a token, with which a session is open.
///
/// One signature is made at a time; a call waits for those before it, and for the token.
pub struct TokenKey {
    uri: TokenUri,
    pin: Passphrase,
    public: PublicKey,
    /// None when the token has ended it.
    opened: Mutex<Option<Opened>>,
}

/// A session, and the private key in it.
struct Opened {
    session: Session,
    private: ObjectHandle,
}

/// `secp256r1` (RFC 5480 §2.1.1.1).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// `id-ecPublicKey` (RFC 5480 §2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// What is signed when a key is opened, to see that both halves belong together. It is nothing that anybody believes:
/// certificates and lists begin with the octet of a SEQUENCE.
const PROBE: &[u8] = b"claim: does this key sign?";

impl TokenKey {
    /// Finds the key, or nothing where the token has no key of this name.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn find(uri: &TokenUri, pin: &Passphrase) -> Result<Option<Self>, TokenError> {
        let _module = in_use();
        let session = session(uri, pin)?;
        let found = Opened::find(uri, session)?;
        found.map(|(opened, public)| Self::new(uri, pin, opened, public)).transpose()
    }

    /// The same where the key must be there.
    ///
    /// # Errors
    /// [`TokenError`], [`TokenError::NoKey`] among them.
    pub fn open(uri: &TokenUri, pin: &Passphrase) -> Result<Self, TokenError> {
        Self::find(uri, pin)?.ok_or_else(|| TokenError::NoKey { uri: uri.clone() })
    }

    /// Makes a key pair in the token, which will not give the private key out.
    ///
    /// Whoever calls this has seen that there is none: a token takes two of one name.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn generate(uri: &TokenUri, pin: &Passphrase) -> Result<Self, TokenError> {
        let failed = |source| TokenError::Failed { uri: uri.clone(), source };
        let module = in_use();
        let session = session(uri, pin)?;
        let curve = P256.to_der().map_err(|error| malformed(uri, error))?;
        let label = Attribute::Label(uri.object().as_bytes().to_vec());
        // PKCS #11 v2.40 §2.3.3: what ties the two halves together; derived from the name, which is alone.
        let id = Attribute::Id(digest(&SHA256, uri.object().as_bytes()).as_ref()[..20].to_vec());
        let public = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(curve),
            label.clone(),
            id.clone(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            label,
            id,
        ];
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map_err(failed)?;
        drop(session);
        drop(module);
        Self::open(uri, pin)
    }

    fn new(
        uri: &TokenUri,
        pin: &Passphrase,
        opened: Opened,
        public: PublicKey,
    ) -> Result<Self, TokenError> {
        let probe = opened.sign(PROBE, &public);
        probe.map_err(|error| match error {
            SignError::Module(source) => TokenError::Failed { uri: uri.clone(), source },
            SignError::Wrong => TokenError::Inconsistent { uri: uri.clone() },
        })?;
        let (uri, pin) = (uri.clone(), pin.clone());
        Ok(Self { uri, pin, public, opened: Mutex::new(Some(opened)) })
    }

    /// A new session with the same key; where the token does not seem to be there, the module is restarted for it.
    fn reopen(&self) -> Result<Opened, TokenError> {
        use TokenError::{Failed, NoKey, NoToken};
        match self.try_reopen() {
            Err(NoToken { .. } | NoKey { .. } | Failed { .. }) => {
                restart(self.uri.module());
                self.try_reopen()
            }
            outcome => outcome,
        }
    }

    fn try_reopen(&self) -> Result<Opened, TokenError> {
        let _module = in_use();
        let no_key = || TokenError::NoKey { uri: self.uri.clone() };
        let (opened, public) =
            Opened::find(&self.uri, session(&self.uri, &self.pin)?)?.ok_or_else(no_key)?;
        match public == self.public {
            true => Ok(opened),
            false => Err(TokenError::OtherKey { uri: self.uri.clone() }),
        }
    }
}

impl Sign for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let elsewhere = |reason: String| KeyError::Elsewhere { reason };
        let mut place = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let module = in_use();
        // Out of its place while it is used: what fails is not used again.
        if let Some(opened) = place.take()
            && let Ok(signature) = opened.sign(message, &self.public)
        {
            *place = Some(opened);
            return Ok(signature);
        }
        drop(module);
        // The session may have ended with the token, which is there again.
        let opened = self.reopen().map_err(|error| elsewhere(error.to_string()))?;
        let _module = in_use();
        let signature =
            opened.sign(message, &self.public).map_err(|error| elsewhere(error.to_string()))?;
        *place = Some(opened);
        Ok(signature)
    }

    fn is_elsewhere(&self) -> bool {
        true
    }
}

/// Why one signature was not made.
#[derive(Debug, thiserror::Error)]
enum SignError {
    #[error(transparent)]
    Module(#[from] ModuleError),
    #[error("its signature is wrong")]
    Wrong,
}

/// `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
#[derive(Sequence)]
struct Signature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl Opened {
    /// The private key of this name and the public key beside it, where there are both.
    fn find(uri: &TokenUri, session: Session) -> Result<Option<(Self, PublicKey)>, TokenError> {
        let public = one(&session, ObjectClass::PUBLIC_KEY, uri)?;
        let private = one(&session, ObjectClass::PRIVATE_KEY, uri)?;
        let (Some(public), Some(private)) = (public, private) else { return Ok(None) };
        let public = public_key(&session, public, uri)?;
        Ok(Some((Self { session, private }, public)))
    }

    /// Signs, and looks whether what came back is good: a wrong signature is of no use, and may betray the key.
    fn sign(&self, message: &[u8], public: &PublicKey) -> Result<Vec<u8>, SignError> {
        // The digest is made here: not every token has a mechanism that makes it.
        let digest = digest(&SHA256, message);
        let raw = self.session.sign(&Mechanism::Ecdsa, self.private, digest.as_ref())?;
        let (r, s) = raw.split_at_checked(raw.len() / 2).unwrap_or_default();
        let uint = |octets| UintRef::new(octets).map_err(|_| SignError::Wrong);
        let signature = Signature { r: uint(r)?, s: uint(s)? };
        let signature = signature.to_der().map_err(|_| SignError::Wrong)?;
        public.verify(message, &signature).map_err(|_| SignError::Wrong)?;
        Ok(signature)
    }
}

/// The one object of this class and name, if there is any.
fn one(
    session: &Session,
    class: ObjectClass,
    uri: &TokenUri,
) -> Result<Option<ObjectHandle>, TokenError> {
    let template = [
        Attribute::Token(true),
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Label(uri.object().as_bytes().to_vec()),
    ];
    let found = session.find_objects(&template);
    let found = found.map_err(|source| TokenError::Failed { uri: uri.clone(), source })?;
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(TokenError::ManyKeys { uri: uri.clone() }),
    }
}

fn public_key(
    session: &Session,
    public: ObjectHandle,
    uri: &TokenUri,
) -> Result<PublicKey, TokenError> {
    let wanted = [AttributeType::EcParams, AttributeType::EcPoint];
    let attributes = session.get_attributes(public, &wanted);
    let attributes =
        attributes.map_err(|source| TokenError::Failed { uri: uri.clone(), source })?;
    let (mut curve, mut point) = (Vec::new(), Vec::new());
    for attribute in attributes {
        match attribute {
            Attribute::EcParams(value) => curve = value,
            Attribute::EcPoint(value) => point = value,
            _ => {}
        }
    }
    let spki = spki(&curve, &point).map_err(|error| malformed(uri, error))?;
    PublicKey::from_spki_der(&spki).map_err(|source| TokenError::Key { uri: uri.clone(), source })
}

/// PKCS #11 v2.40 §2.3.3 has the point in an OCTET STRING; some tokens give it bare.
fn spki(curve: &[u8], point: &[u8]) -> der::Result<Vec<u8>> {
    let wrapped = <&OctetStringRef>::from_der(point).map(OctetStringRef::as_bytes);
    #[derive(Sequence)]
    struct Algorithm<'a> {
        oid: ObjectIdentifier,
        curve: AnyRef<'a>,
    }
    #[derive(Sequence)]
    struct Info<'a> {
        algorithm: Algorithm<'a>,
        key: BitStringRef<'a>,
    }
    let algorithm = Algorithm { oid: EC_PUBLIC_KEY, curve: AnyRef::from_der(curve)? };
    Info { algorithm, key: BitStringRef::from_bytes(wrapped.unwrap_or(point))? }.to_der()
}

fn malformed(uri: &TokenUri, error: der::Error) -> TokenError {
    TokenError::Key { uri: uri.clone(), source: KeyError::Malformed(error) }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenKey").field(&self.uri.to_string()).field(&self.public).finish()
    }
}
