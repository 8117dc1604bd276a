//! DER by hand, for tests that make what no library would.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;

/// The content octets of `2.25.304274850276117055762681507612542191110.<kind>.<number>`.
pub(crate) fn ours(kind: u8, number: u8) -> Vec<u8> {
    let arc = [
        0x69, 0x83, 0xc9, 0xe9, 0x9a, 0x97, 0xa6, 0xa6, 0xba, 0xa7, 0x87, 0x81, 0xfa, 0xe3, 0xb2,
        0xc5, 0xf2, 0xd5, 0x8c, 0x06,
    ];
    [&arc[..], &[kind, number]].concat()
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let header = match length {
        0..=0x7f => vec![tag, u8::try_from(length).unwrap()],
        _ => {
            let octets: Vec<u8> =
                length.to_be_bytes().into_iter().skip_while(|&octet| octet == 0).collect();
            [&[tag, 0x80 | u8::try_from(octets.len()).unwrap()], octets.as_slice()].concat()
        }
    };
    [header, content.to_vec()].concat()
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

pub(crate) fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(SET, &parts.concat())
}

/// `[number]`, constructed.
pub(crate) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// An AlgorithmIdentifier without parameters.
pub(crate) fn algorithm(oid: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(OID, oid)])
}

pub(crate) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
pub(crate) const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
pub(crate) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
pub(crate) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
