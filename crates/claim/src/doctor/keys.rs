//! Whether keys belong to their certificates.

use std::path::Path;

use claim_files::{FileError, read_private};
use claim_pki::{Certificate, Ed25519SigningKey, KeyError, SigningKey};

use super::finding::Findings;
use super::place::{Kind, Place};
use super::read_public;
use crate::cli::Check;

/// A certificate's file and its key's, without their folder.
struct Pair {
    certificate: String,
    key: String,
    /// What to do where the key is gone or another's.
    next: &'static str,
    /// Whether the key may be elsewhere.
    elsewhere: bool,
}

const RESTORE: &str = "Copy the file from a backup, mode 0600 (claim cuhk backup).";
const AFRESH: &str = "Move both files away and start the server again: it makes new ones.";
const ENROL: &str =
    "Copy both files from one backup, or enrol anew: claim cuhk invite --server ORIGIN.";
const PERSON: &str = "Enrol anew: claim student enroll, with a new invitation.";
const WITNESS: &str = "Copy both files from where they are whole, or have a new key certified.";

pub(super) fn look(place: &Place, findings: &mut Findings) {
    for pair in pairs(place) {
        compare(place, &pair, findings);
    }
}

fn pairs(place: &Place) -> Vec<Pair> {
    let pair = |stem: &str, next, elsewhere| Pair {
        certificate: format!("{stem}.cer"),
        key: format!("{stem}.key"),
        next,
        elsewhere,
    };
    match &place.kind {
        Kind::Cuhk { serve, .. } => {
            let keys = &serve.keys;
            let mut pairs =
                vec![pair("cuhk", RESTORE, keys.root_elsewhere || keys.root_key.is_some())];
            let issuing = issuing_stems(&place.dir);
            pairs
                .extend(issuing.iter().map(|stem| pair(stem, RESTORE, keys.issuing_key.is_some())));
            pairs.extend(
                ["cuhk-server", "cuhk-witness", "cuhk-timestamp"]
                    .map(|stem| pair(stem, AFRESH, false)),
            );
            pairs
        }
        Kind::Blackboard(_) => vec![pair("blackboard", ENROL, false)],
        Kind::Witness => vec![pair("witness", WITNESS, false)],
        Kind::Person(id) => vec![pair(&id.to_string(), PERSON, false)],
    }
}

/// The names of the issuing certificates without their ends, the oldest first.
pub(super) fn issuing_stems(dir: &Path) -> Vec<String> {
    let mut stems = Vec::new();
    for number in 1.. {
        let stem = match number {
            1 => "cuhk-issuing".to_owned(),
            number => format!("cuhk-issuing-{number}"),
        };
        if !dir.join(format!("{stem}.cer")).exists() {
            return stems;
        }
        stems.push(stem);
    }
    stems
}

/// The first certificate in a file.
pub(super) fn first(path: &Path) -> Option<Certificate> {
    Certificate::chain_from_pem(&read_public(path)?).ok()?.into_iter().next()
}

fn compare(place: &Place, pair: &Pair, findings: &mut Findings) {
    let (path, key_path) = (place.path(&pair.certificate), place.path(&pair.key));
    let (certificate, key) = (&pair.certificate, &pair.key);
    if !path.exists() {
        return;
    }
    let Some(found) = first(&path) else {
        let what = format!("{certificate} is not a certificate.");
        findings.wrong(Check::Keys, what, "It cannot be read as one in PEM.", pair.next);
        return;
    };
    match spki(&key_path) {
        Ok(spki) if spki == found.spki_der() => {
            findings.well(Check::Keys, format!("{key} belongs to {certificate}."));
        }
        Ok(_) => findings.wrong(
            Check::Keys,
            format!("{key} does not belong to {certificate}."),
            "The certificate is for another key: one of the two files comes from elsewhere.",
            pair.next,
        ),
        Err(Unread::Missing) if pair.elsewhere => {
            findings.well(Check::Keys, format!("The key of {certificate} is not in this folder, as set."));
        }
        Err(Unread::Missing) => findings.wrong(
            Check::Keys,
            format!("{key} is missing."),
            format!("Without it {certificate} is of no use."),
            pair.next,
        ),
        Err(Unread::Encrypted) => findings.well(
            Check::Keys,
            format!("{key} has a passphrase; whether it belongs to {certificate} the server says at its start."),
        ),
        // Told by the permissions.
        Err(Unread::NotPrivate) => {}
        Err(Unread::Unusable(why)) => {
            findings.wrong(Check::Keys, format!("{key} cannot be read."), why, pair.next);
        }
    }
}

enum Unread {
    Missing,
    NotPrivate,
    Encrypted,
    Unusable(String),
}

/// The public half of a private key of either kind, as certificates have it.
fn spki(path: &Path) -> Result<Vec<u8>, Unread> {
    let text = read_private(path).map_err(|error| match error {
        FileError::Missing { .. } => Unread::Missing,
        FileError::NotPrivate { .. } => Unread::NotPrivate,
        error => Unread::Unusable(error.to_string()),
    })?;
    let text =
        std::str::from_utf8(&text).map_err(|_| Unread::Unusable("it is no text".to_owned()))?;
    match SigningKey::from_pkcs8_pem(text) {
        Ok(key) => Ok(key.public_key().spki_der().to_vec()),
        Err(KeyError::Encrypted) => Err(Unread::Encrypted),
        Err(error) => match Ed25519SigningKey::from_pkcs8_pem(text) {
            Ok(key) => Ok(key.public_key().spki_der().to_vec()),
            Err(_) => Err(Unread::Unusable(error.to_string())),
        },
    }
}
