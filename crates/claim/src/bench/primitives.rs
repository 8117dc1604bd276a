//! The cryptography that a session or a hand-in cannot do without, each operation by itself on one thread.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use claim_core::Digest;
use claim_pki::{SigningKey, VerifiedIssuer};
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128 as HPKE;
use rustls::crypto::hpke::{Hpke, HpkePublicKey};
use serde::Serialize;

use super::cpu;
use super::hand_in::FILE;
use super::load::{Certificates, Connections, Phase, Work};
use super::now;
use super::site::Site;
use super::students::Student;

/// How often each operation is measured, before and again after the load.
const BATCHES: usize = 40;

/// How long one measurement takes, roughly.
const BATCH: Duration = Duration::from_millis(5);

/// What a server signs in the TLS handshake (RFC 8446 §4.4.3), in bytes.
const TLS_SIGNED: usize = 64 + 33 + 1 + 32;

/// What is signed at the end of step 5, in bytes, more or less.
const SESSION_SIGNED: usize = 200;

/// The HPKE `info` of step 4, in bytes, more or less.
const CONTEXT: usize = 256;

/// One operation, as the server does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Primitive {
    /// The server's part of the key exchange of TLS.
    TlsKeyExchange,
    /// The signature of TLS (CertificateVerify).
    TlsSignature,
    /// The verification of a new leaf under a known issuer: parsing, profile and one signature.
    CertificateVerification,
    /// The encryption of the session key.
    Kem,
    /// The signature of step 5, and that of the timestamp.
    Signature,
    /// One signature, by itself: the claim's. [`Self::CertificateVerification`] verifies another.
    SignatureVerification,
    /// The digest of the file.
    FileDigest,
}

impl Primitive {
    pub(super) const ALL: [Self; 7] = [
        Self::TlsKeyExchange,
        Self::TlsSignature,
        Self::CertificateVerification,
        Self::SignatureVerification,
        Self::Kem,
        Self::Signature,
        Self::FileDigest,
    ];

    /// How often a visit in this phase needs it.
    pub(super) fn times(self, phase: Phase) -> u32 {
        let hands_in = phase.work == Work::HandIn;
        match self {
            Self::TlsKeyExchange | Self::TlsSignature => {
                u32::from(phase.connections == Connections::New)
            }
            Self::CertificateVerification => u32::from(phase.certificates == Certificates::New),
            Self::Kem => 1,
            Self::Signature => 1 + u32::from(hands_in),
            Self::SignatureVerification | Self::FileDigest => u32::from(hands_in),
        }
    }
}

/// Everything that the operations need.
pub(super) struct Workbench {
    key_exchange: &'static dyn SupportedKxGroup,
    clients_share: Vec<u8>,
    key: SigningKey,
    message: Vec<u8>,
    signature: Vec<u8>,
    issuer: VerifiedIssuer,
    leaf: Vec<u8>,
    public: HpkePublicKey,
}

/// How long each operation took, batch by batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(BTreeMap<Primitive, Vec<Duration>>);

/// How long each operation takes, in microseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Primitives(BTreeMap<Primitive, f64>);

impl Workbench {
    pub(super) fn new(site: &Site, key_exchange: &'static dyn SupportedKxGroup) -> Result<Self> {
        let key = SigningKey::generate()?;
        let message = vec![1; SESSION_SIGNED];
        let signature = key.sign(&message)?;
        let student = Student::many(1, &site.issuer)?.remove(0);
        let public = student.credential.key.public_key().point().to_vec();
        Ok(Self {
            key_exchange,
            clients_share: key_exchange.start()?.pub_key().to_vec(),
            key,
            message,
            signature,
            issuer: site.root.verify_issuer(site.issuer.certificate().der(), now())?,
            leaf: student.credential.chain.leaf().to_vec(),
            public: HpkePublicKey(public),
        })
    }

    /// The name of the TLS key exchange that is measured.
    pub(super) fn key_exchange(&self) -> String {
        format!("{:?}", self.key_exchange.name())
    }

    /// Measures all operations, on this thread.
    pub(super) fn measure(&self) -> Result<Samples> {
        let mut samples = Samples::default();
        for primitive in Primitive::ALL {
            samples.0.insert(primitive, batches(|| self.run(primitive))?);
        }
        Ok(samples)
    }

    fn run(&self, primitive: Primitive) -> Result<()> {
        match primitive {
            Primitive::TlsKeyExchange => {
                black_box(self.key_exchange.start_and_complete(black_box(&self.clients_share))?);
            }
            Primitive::TlsSignature => {
                black_box(self.key.sign(black_box(&[1; TLS_SIGNED]))?);
            }
            Primitive::CertificateVerification => {
                black_box(self.issuer.verify_person(black_box(&self.leaf), now())?);
            }
            Primitive::SignatureVerification => {
                self.key.public_key().verify(black_box(&self.message), &self.signature)?;
            }
            Primitive::Kem => {
                black_box(HPKE.seal(black_box(&[1; CONTEXT]), &[], &[1; 32], &self.public)?);
            }
            Primitive::Signature => {
                black_box(self.key.sign(black_box(&self.message))?);
            }
            Primitive::FileDigest => {
                black_box(Digest::of(black_box(&[1; FILE])));
            }
        }
        Ok(())
    }
}

impl Samples {
    pub(super) fn append(&mut self, more: Self) {
        for (primitive, durations) in more.0 {
            self.0.entry(primitive).or_default().extend(durations);
        }
    }

    /// Half of the batches were faster, half slower: what disturbed a few of them does not show.
    pub(super) fn medians(self) -> Primitives {
        self.0.into_iter().map(|(which, samples)| (which, median(samples))).collect()
    }
}

impl Primitives {
    /// One operation, in microseconds.
    pub(super) fn micros(&self, primitive: Primitive) -> f64 {
        self.0.get(&primitive).copied().unwrap_or_default()
    }

    /// All that a visit in this phase needs, in microseconds.
    pub(super) fn unavoidable(&self, phase: Phase) -> f64 {
        self.0.iter().map(|(primitive, micros)| f64::from(primitive.times(phase)) * micros).sum()
    }
}

impl FromIterator<(Primitive, f64)> for Primitives {
    fn from_iter<I: IntoIterator<Item = (Primitive, f64)>>(micros: I) -> Self {
        Self(micros.into_iter().collect())
    }
}

/// What every byte of a file costs at least, in seconds a GiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Bulk {
    /// Of records of TLS.
    pub(super) decryption: f64,
    /// SHA-256.
    pub(super) digest: f64,
}

impl Bulk {
    /// Both, for so many bytes.
    pub(super) fn seconds(&self, bytes: u64) -> f64 {
        let (decryption, digest) = self.parts(bytes);
        decryption + digest
    }

    /// Decryption and digest of so many bytes, in seconds.
    pub(super) fn parts(&self, bytes: u64) -> (f64, f64) {
        let gib = bytes as f64 / GIB;
        (self.decryption * gib, self.digest * gib)
    }
}

/// The largest record of TLS (RFC 8446 §5.1), in bytes.
const RECORD: usize = 16 * 1024;

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Measures what every byte costs, on this thread.
pub(super) fn bulk() -> Result<Bulk> {
    // The suite that the students' end asks for.
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[1; 16])?);
    let nonce = || Nonce::assume_unique_for_key([2; NONCE_LEN]);
    let mut sealed = vec![3; RECORD];
    key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed)?;
    let mut buffer = sealed.clone();
    let decryption = micros_each(|| {
        buffer.copy_from_slice(&sealed);
        black_box(key.open_in_place(nonce(), Aad::empty(), &mut buffer)?);
        Ok(())
    })?;
    let digest = micros_each(|| {
        black_box(Digest::of(black_box(&[3; RECORD])));
        Ok(())
    })?;
    let a_gib = |micros: f64| micros / 1e6 * GIB / RECORD as f64;
    Ok(Bulk { decryption: a_gib(decryption), digest: a_gib(digest) })
}

/// How long one run takes on this thread, in microseconds: the median of some batches.
pub(super) fn micros_each(run: impl FnMut() -> Result<()>) -> Result<f64> {
    Ok(median(batches(run)?))
}

/// In microseconds.
fn median(mut durations: Vec<Duration>) -> f64 {
    durations.sort_unstable();
    let middle = durations.get(durations.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() * 1e6
}

/// The processor time of one run, measured in batches: what the server's is compared with.
fn batches(mut run: impl FnMut() -> Result<()>) -> Result<Vec<Duration>> {
    let mut time = |runs: u32| -> Result<Duration> {
        let begin = cpu::of_this_thread();
        for _ in 0..runs {
            run()?;
        }
        Ok((cpu::of_this_thread() - begin) / runs)
    };
    let rough = time(20)?.max(Duration::from_nanos(1));
    let runs = u32::try_from(BATCH.as_nanos() / rough.as_nanos()).unwrap_or(u32::MAX).max(1);
    (0..BATCHES).map(|_| time(runs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_is_charged_with_what_it_needs() {
        let primitives: Primitives =
            Primitive::ALL.into_iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]).collect();
        for (work, connections, certificates, expected) in [
            (Work::Session, Connections::New, Certificates::New, 1.0 + 2.0 + 4.0 + 16.0 + 32.0),
            (Work::Session, Connections::New, Certificates::Known, 1.0 + 2.0 + 16.0 + 32.0),
            (Work::Session, Connections::Kept, Certificates::New, 4.0 + 16.0 + 32.0),
            (Work::Session, Connections::Kept, Certificates::Known, 16.0 + 32.0),
            (Work::HandIn, Connections::New, Certificates::New, 127.0 + 32.0),
            (Work::HandIn, Connections::Kept, Certificates::Known, 8.0 + 16.0 + 2.0 * 32.0 + 64.0),
        ] {
            let phase = Phase { work, connections, certificates };
            let unavoidable = primitives.unavoidable(phase);
            assert!((unavoidable - expected).abs() < 1e-9, "{phase:?}");
        }
    }

    #[test]
    fn a_disturbed_batch_does_not_show() {
        let mut before = Samples::default();
        let micros = |all: &[u64]| all.iter().copied().map(Duration::from_micros).collect();
        before.0.insert(Primitive::Kem, micros(&[10, 11]));
        let mut after = Samples::default();
        after.0.insert(Primitive::Kem, micros(&[5_000, 12, 9]));
        before.append(after);
        assert!((before.medians().micros(Primitive::Kem) - 11.0).abs() < 1e-9);
    }

    #[test]
    fn what_fails_is_not_measured() {
        assert!(batches(|| anyhow::bail!("no")).is_err());
        assert_eq!(batches(|| Ok(())).map(|batches| batches.len()).ok(), Some(BATCHES));
    }
}
