//! Notes as the specification has them, and as it has them not.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use super::*;

/// The example of signed-note v1.0.0.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

#[test]
fn the_published_example() {
    let key: VerifierKey = KEY.parse().unwrap();
    assert_eq!(key.to_string(), KEY);
    assert_eq!(key.kind(), KeyKind::Ed25519);
    let note = Note::from_bytes(NOTE.as_bytes()).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.to_bytes(), NOTE.as_bytes());
    let verified = note.verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!((verified[0].key(), verified[0].time()), (&key, None));
}

#[test]
fn any_change_of_the_text_or_signature_is_noticed() {
    let key: VerifierKey = KEY.parse().unwrap();
    let note = Note::from_bytes(NOTE.as_bytes()).unwrap();
    for place in 0..note.signatures()[0].octets().len() {
        let mut octets = note.signatures()[0].octets().to_vec();
        octets[place] ^= 1;
        let other = NoteSignature::new(key.name().clone(), key.id(), octets);
        let other = Note::new(note.text()).unwrap().with_signature(other).unwrap();
        let error = other.verify(std::slice::from_ref(&key)).unwrap_err();
        assert_eq!(error, VerifyError::BadSignature { key: Box::new(key.clone()) }, "{place}");
    }
    let other = NOTE.replacen("This", "That", 1);
    let error = Note::from_bytes(other.as_bytes()).unwrap().verify(&[key]).unwrap_err();
    assert!(matches!(error, VerifyError::BadSignature { .. }));
}

#[test]
fn unknown_keys_are_ignored_and_known_ones_must_be_right() {
    let (one, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let name: KeyName = "example.com/foo".parse().unwrap();
    let signed = |key: &SigningKey, text: &str| key.sign_note(&name, text, None).unwrap();
    let key = one.verifier(name.clone(), KeyKind::Ed25519);
    let stranger = other.verifier(name.clone(), KeyKind::Ed25519);
    let text = "text\n";
    let by_other = Note::new(text).unwrap().with_signature(signed(&other, text)).unwrap();
    assert_eq!(by_other.verify(std::slice::from_ref(&key)), Err(VerifyError::NoKnownKey));
    assert_eq!(by_other.verify(&[]), Err(VerifyError::NoKnownKey));

    let by_both = by_other.with_signature(signed(&one, text)).unwrap();
    assert_eq!(by_both.verify(std::slice::from_ref(&key)).unwrap().len(), 1);
    assert_eq!(by_both.verify(&[key.clone(), stranger.clone()]).unwrap().len(), 2);
    let once = by_both.clone().with_signature(signed(&one, text)).unwrap();
    assert_eq!(once, by_both, "the same signature is not added twice");

    // One good signature does not make up for a bad one by a known key.
    let worse = by_both.with_signature(signed(&one, "other text\n")).unwrap();
    assert_eq!(worse.verify(&[stranger]).unwrap().len(), 1);
    let error = worse.verify(std::slice::from_ref(&key)).unwrap_err();
    assert_eq!(error, VerifyError::BadSignature { key: Box::new(key) });
}

#[test]
fn the_text_ends_at_the_last_blank_line() {
    let key = SigningKey::generate().unwrap();
    let name: KeyName = "k".parse().unwrap();
    for text in ["\n", "\n\n", "a\n\nb\n", "\n\n\na\n\n", "\u{2014} k AAAA\n"] {
        let signature = key.sign_note(&name, text, None).unwrap();
        let note = Note::new(text).unwrap().with_signature(signature).unwrap();
        let again = Note::from_bytes(&note.to_bytes()).unwrap();
        assert_eq!(again, note, "{text:?}");
        assert!(again.verify(&[key.verifier(name.clone(), KeyKind::Ed25519)]).is_ok());
    }
}

#[test]
fn what_is_not_a_note() {
    let line = NOTE.rsplit_once("\n\n").unwrap().1;
    type Row = (String, fn(&NoteError) -> bool);
    let rows: Vec<Row> = vec![
        (String::new(), |error| *error == NoteError::NoSignatures),
        ("text\n".to_owned(), |error| *error == NoteError::NoSignatures),
        ("text\n\n".to_owned(), |error| *error == NoteError::NoSignatures),
        (format!("text\n{line}"), |error| *error == NoteError::NoSignatures),
        (format!("\n{line}"), |error| *error == NoteError::NoSignatures),
        (NOTE.trim_end().to_owned(), |error| *error == NoteError::Unterminated),
        (NOTE.replace('\n', "\r\n"), |error| *error == NoteError::NoSignatures),
        (NOTE.replacen("\n", "\r\n", 1), |error| *error == NoteError::Control { code: 13 }),
        (NOTE.replacen(".\n", "\t.\n", 1), |error| *error == NoteError::Control { code: 9 }),
        (NOTE.replacen(".\n", "\0.\n", 1), |error| *error == NoteError::Control { code: 0 }),
        (format!("{NOTE}more\n"), |error| matches!(error, NoteError::Signature(_))),
        (format!("{NOTE}\n"), |error| matches!(error, NoteError::NoSignatures)),
        (NOTE.replace('\u{2014}', "-"), |error| matches!(error, NoteError::Signature(_))),
        (NOTE.replace("foo ", "foo  "), |error| matches!(error, NoteError::Signature(_))),
        (NOTE.replace("foo ", "foo\u{a0}"), |error| matches!(error, NoteError::Signature(_))),
        (NOTE.replace("/foo", "/+foo"), |error| matches!(error, NoteError::Signature(_))),
        (NOTE.replace("aQM=", "aQM"), |error| matches!(error, NoteError::Signature(_))),
        (NOTE.replace("aQM=", "aQN="), |error| matches!(error, NoteError::Signature(_))),
        ("t\n\n\u{2014} k AAAAAA==\n".to_owned(), |error| matches!(error, NoteError::Signature(_))),
        (format!("t\n\n{}", line.repeat(MAX_SIGNATURES + 1)), |error| {
            *error == NoteError::TooManySignatures
        }),
        (format!("{}\n\n{line}", "t".repeat(MAX_NOTE_LENGTH)), |error| {
            matches!(error, NoteError::TooLong { .. })
        }),
    ];
    for (text, expected) in rows {
        let error = Note::from_bytes(text.as_bytes()).unwrap_err();
        assert!(expected(&error), "{text:.80}: {error:?}");
    }
    let error = Note::from_bytes(&[NOTE.as_bytes(), &[0xff]].concat()).unwrap_err();
    assert_eq!(error, NoteError::NotUtf8 { valid_up_to: NOTE.len() });
    assert_eq!(Note::new("text"), Err(NoteError::Unterminated));
    assert_eq!(Note::new("\u{7}\n"), Err(NoteError::Control { code: 7 }));
    assert!(Note::from_bytes(format!("t\n\n{}", line.repeat(16)).as_bytes()).is_ok());
}

#[test]
fn what_is_not_a_verifier_key() {
    let rows = [
        ("", KeyError::Malformed),
        ("name", KeyError::Malformed),
        ("name+530d903a", KeyError::Malformed),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Malformed),
        (&KEY.replace("530d903a", "530D903A"), KeyError::Malformed),
        (&KEY.replace("530d903a", "+30d903a"), KeyError::Malformed),
        (&KEY.replace("530d903a", "0530d903a"), KeyError::Malformed),
        (&KEY.replace("3U2k", "3U2"), KeyError::Malformed),
        (&KEY.replace("3U2k", "3U2kAAAA"), KeyError::Malformed),
        (&KEY.replace("+Aeky", "+Auky"), KeyError::Kind { number: 2 }),
        (&format!("{KEY}\n"), KeyError::Malformed),
    ];
    for (text, expected) in rows {
        assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
    }
    for other in [KEY.replace("/foo", "/fou"), KEY.replace("3U2k", "3U2l")] {
        let error = other.parse::<VerifierKey>().unwrap_err();
        assert!(matches!(error, KeyError::Id { .. }), "{other}: {error}");
    }
}
