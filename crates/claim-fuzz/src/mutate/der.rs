//! DER as a tree, to be changed and written again with lengths that fit.

use super::Random;

/// One element: a tag, and octets or further elements.
#[derive(Clone)]
pub(super) struct Tree {
    tag: u8,
    /// What stands before the elements: the unused bits of a BIT STRING that holds DER.
    prefix: Vec<u8>,
    content: Content,
    /// Written with a longer length than needed, as BER allows and DER does not.
    long_length: bool,
}

#[derive(Clone)]
enum Content {
    Octets(Vec<u8>),
    Elements(Vec<Tree>),
}

/// How deep elements are looked into.
const DEPTH: usize = 16;

/// Tags worth trying.
const TAGS: [u8; 18] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31, 0x80, 0xa0,
    0xa1, 0xa3,
];

impl Tree {
    /// Reads one element that takes up all the bytes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match elements(bytes, 0)?.as_slice() {
            [one] if matches!(one.content, Content::Elements(_)) => Some(one.clone()),
            _ => None,
        }
    }

    /// With one element changed, written.
    pub(super) fn changed(mut self, random: &mut Random) -> Vec<u8> {
        let count = self.count();
        let other = self.at(random.below(count)).unwrap_or(&self).clone();
        let place = random.below(count);
        if let Some(one) = self.at_mut(place) {
            one.change(other, random);
        }
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn change(&mut self, other: Self, random: &mut Random) {
        match (random.below(9), &mut self.content) {
            (0, _) => self.long_length = true,
            (1, _) => self.tag = random.one(&TAGS).copied().unwrap_or_default(),
            (2, _) => *self = other,
            (3, Content::Elements(all)) if !all.is_empty() => {
                let (a, b) = (random.below(all.len()), random.below(all.len()));
                all.swap(a, b);
            }
            (4, Content::Elements(all)) if !all.is_empty() => {
                let copy = all[random.below(all.len())].clone();
                all.insert(random.below(all.len() + 1), copy);
            }
            (5, Content::Elements(all)) if !all.is_empty() => {
                let at = random.below(all.len());
                drop(all.remove(at));
            }
            (6, Content::Elements(all)) => {
                all.insert(random.below(all.len() + 1), other);
            }
            (7, Content::Octets(octets)) => octets.clear(),
            (8, Content::Octets(octets)) => octets.insert(0, random.octet() & 0x80),
            (_, Content::Octets(octets)) => *octets = super::octets(octets.clone(), random),
            (_, Content::Elements(all)) => all.clear(),
        }
    }

    fn count(&self) -> usize {
        match &self.content {
            Content::Octets(_) => 1,
            Content::Elements(all) => 1 + all.iter().map(Self::count).sum::<usize>(),
        }
    }

    /// The element with this number, counted in the order of their tags.
    fn at(&self, mut place: usize) -> Option<&Self> {
        if place == 0 {
            return Some(self);
        }
        place -= 1;
        let Content::Elements(all) = &self.content else { return None };
        for one in all {
            let count = one.count();
            if place < count {
                return one.at(place);
            }
            place -= count;
        }
        None
    }

    fn at_mut(&mut self, mut place: usize) -> Option<&mut Self> {
        if place == 0 {
            return Some(self);
        }
        place -= 1;
        let Content::Elements(all) = &mut self.content else { return None };
        for one in all {
            let count = one.count();
            if place < count {
                return one.at_mut(place);
            }
            place -= count;
        }
        None
    }

    fn write(&self, to: &mut Vec<u8>) {
        let mut content = self.prefix.clone();
        match &self.content {
            Content::Octets(octets) => content.extend_from_slice(octets),
            Content::Elements(all) => all.iter().for_each(|one| one.write(&mut content)),
        }
        to.push(self.tag);
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
        match (content.len(), self.long_length) {
            (..=0x7f, false) => to.push(length[3]),
            (0x80..=0xff, false) => to.extend_from_slice(&[0x81, length[3]]),
            (0x100..=0xffff, false) => to.extend_from_slice(&[0x82, length[2], length[3]]),
            (_, false) => to.extend_from_slice(&[0x83, length[1], length[2], length[3]]),
            (_, true) => to.extend_from_slice(&[&[0x84], length.as_slice()].concat()),
        }
        to.append(&mut content);
    }
}

/// Reads elements one after another until the end of the bytes.
fn elements(mut bytes: &[u8], depth: usize) -> Option<Vec<Tree>> {
    let mut all = Vec::new();
    while let [tag, rest @ ..] = bytes {
        let (content, after) = content(rest)?;
        all.push(element(*tag, content, depth));
        bytes = after;
    }
    Some(all)
}

fn element(tag: u8, content: &[u8], depth: usize) -> Tree {
    // Sequences, sets and tagged elements; octet and bit strings often hold DER too.
    let prefix = usize::from(tag == 0x03).min(content.len());
    let may_hold = tag & 0x20 != 0 || tag == 0x04 || tag == 0x03;
    let inner = &content[prefix..];
    let held = if may_hold && depth < DEPTH && (tag & 0x20 != 0 || !inner.is_empty()) {
        elements(inner, depth + 1)
    } else {
        None
    };
    let (prefix, content) = match held {
        Some(all) => (content[..prefix].to_vec(), Content::Elements(all)),
        None => (Vec::new(), Content::Octets(content.to_vec())),
    };
    Tree { tag, prefix, content, long_length: false }
}

fn content(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        ..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            let length = octets.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
