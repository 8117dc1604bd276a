//! The hashes of the Merkle tree: RFC 6962 §2.1, which RFC 9162 §2.1.1 keeps.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::text::{decode_hash, encode_base64};

/// A SHA-256 hash: of an entry, of a node of the tree, or of a whole tree.
///
/// It is public, so equality is not constant-time. As text (`Display`, [`Hash::from_base64`]) it is the base64 that
/// checkpoints and proofs carry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LENGTH]);

impl Hash {
    /// The length in octets.
    pub const LENGTH: usize = 32;

    /// The root of the tree without entries: the SHA-256 of nothing (RFC 6962 §2.1).
    pub const EMPTY_TREE: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// The hash with these octets.
    pub const fn from_bytes(octets: [u8; Self::LENGTH]) -> Self {
        Self(octets)
    }

    /// The octets.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// Reads 44 characters of padded base64 (RFC 4648 §4); `None` for any other text.
    pub fn from_base64(text: &str) -> Option<Self> {
        decode_hash(text)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_base64(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The hash of an entry as a leaf: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0x00], entry])
}

/// The hash of a node above two others: SHA-256(0x01 ‖ left ‖ right).
///
/// The first octet keeps leaves and nodes apart: without it an entry of 64 octets could pose as a node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[0x01], left.as_bytes(), right.as_bytes()])
}

/// SHA-256 over these octets, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut octets = [0; Hash::LENGTH];
    octets.copy_from_slice(context.finish().as_ref());
    Hash(octets)
}

/// The root of a complete subtree, given its leaves (or the roots of equally large subtrees).
///
/// The number of hashes must be a power of two; tiles are sliced such that it is.
pub(crate) fn subtree_hash(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two());
    match hashes {
        [] => Hash::EMPTY_TREE,
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&subtree_hash(left), &subtree_hash(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::digest;

    use super::*;

    #[test]
    fn the_empty_tree_is_the_hash_of_nothing() {
        assert_eq!(Hash::EMPTY_TREE.as_bytes(), digest(&SHA256, b"").as_ref());
    }

    /// The root of one empty entry is the published leaf hash of Certificate Transparency's reference implementation.
    #[test]
    fn an_empty_entry() {
        assert_eq!(leaf_hash(b"").to_string(), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    }

    #[test]
    fn leaves_and_nodes_are_kept_apart() {
        let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let both = [left.as_bytes().as_slice(), right.as_bytes()].concat();
        assert_ne!(node_hash(&left, &right), leaf_hash(&both));
        assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
    }

    #[test]
    fn text_and_back() {
        let hash = leaf_hash(b"x");
        assert_eq!(Hash::from_base64(&hash.to_string()), Some(hash));
        assert_eq!(format!("{hash:?}"), format!("Hash({hash})"));
        for other in ["", "AA==", &"A".repeat(44), &format!("{hash}\n"), &format!("{hash}AAAA")] {
            assert_eq!(Hash::from_base64(other), None, "{other}");
        }
    }
}
