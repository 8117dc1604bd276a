//! DER written and read by hand, where every octet counts (X.690).

use der::asn1::AnyRef;
use der::{Decode, Encode, ErrorKind, Reader, SliceReader, Tag, TagNumber, Tagged};

/// One value: tag, length, content.
pub(crate) fn tlv(tag: Tag, content: &[u8]) -> der::Result<Vec<u8>> {
    AnyRef::new(tag, content)?.to_der()
}

/// A SEQUENCE of values in DER.
pub(crate) fn sequence(values: &[&[u8]]) -> der::Result<Vec<u8>> {
    tlv(Tag::Sequence, &values.concat())
}

/// A SET OF values in DER, in the order that X.690 §11.6 demands.
pub(crate) fn set_of(values: Vec<Vec<u8>>) -> der::Result<Vec<u8>> {
    tlv(Tag::Set, &set_content(values))
}

/// The content of such a set.
pub(crate) fn set_content(mut values: Vec<Vec<u8>>) -> Vec<u8> {
    values.sort();
    values.concat()
}

/// The tag `[number]` of something constructed.
pub(crate) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The values inside another, whatever its tag; more than `limit` are refused.
pub(crate) fn children<'a>(outer: &AnyRef<'a>, limit: usize) -> der::Result<Vec<AnyRef<'a>>> {
    let mut reader = SliceReader::new(outer.value())?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        if all.len() == limit {
            return Err(ErrorKind::Overlength.into());
        }
        all.push(AnyRef::decode(&mut reader)?);
    }
    Ok(all)
}

/// The values inside another that must have this tag.
pub(crate) fn children_of<'a>(
    outer: &AnyRef<'a>,
    tag: Tag,
    limit: usize,
) -> der::Result<Vec<AnyRef<'a>>> {
    outer.tag().assert_eq(tag)?;
    children(outer, limit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn sets_are_sorted_and_sequences_are_not() {
        let (one, two) = (vec![2, 1, 1], vec![2, 1, 2]);
        assert_eq!(set_of(vec![two.clone(), one.clone()]).unwrap(), [0x31, 6, 2, 1, 1, 2, 1, 2]);
        assert_eq!(sequence(&[&two, &one]).unwrap(), [0x30, 6, 2, 1, 2, 2, 1, 1]);
    }

    #[test]
    fn children_have_a_budget() {
        let outer = sequence(&[&[5, 0], &[5, 0]]).unwrap();
        let outer = AnyRef::from_der(&outer).unwrap();
        assert_eq!(children(&outer, 2).unwrap().len(), 2);
        assert!(children(&outer, 1).is_err());
        assert!(children_of(&outer, Tag::Set, 2).is_err());
    }
}
