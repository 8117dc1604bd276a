//! The names under which a log's resources are served, below its prefix.

use std::fmt;
use std::str::FromStr;

use super::{Bundle, TILE_WIDTH, Tile};
use crate::text::decimal;

/// Something that a log serves, named relative to its prefix: `checkpoint`, `tile/0/x001/067.p/12`, `tile/entries/000`.
///
/// `Display` writes the path, `FromStr` reads it; each resource has exactly one path, and any other text is refused.
/// All of them but the checkpoint never change once they exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The latest signed checkpoint, `text/plain; charset=utf-8`.
    Checkpoint,
    /// A tile of hashes, `application/octet-stream`.
    Tile(Tile),
    /// A bundle of entries, `application/octet-stream`.
    Entries(Bundle),
}

/// The path is not that of a resource that a log can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log has no resource with this path")]
pub struct UnknownResource;

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Tile(tile) => {
                write!(f, "tile/{}/", tile.level())?;
                write_place(f, tile.index(), tile.width())
            }
            Self::Entries(bundle) => {
                f.write_str("tile/entries/")?;
                write_place(f, bundle.index(), bundle.width())
            }
        }
    }
}

impl FromStr for Resource {
    type Err = UnknownResource;

    fn from_str(path: &str) -> Result<Self, UnknownResource> {
        if path == "checkpoint" {
            return Ok(Self::Checkpoint);
        }
        parse_tile(path).ok_or(UnknownResource)
    }
}

fn parse_tile(path: &str) -> Option<Resource> {
    let (kind, place) = path.strip_prefix("tile/")?.split_once('/')?;
    let (index, width) = parse_place(place)?;
    if kind == "entries" {
        return Bundle::new(index, width).map(Resource::Entries);
    }
    let level = u8::try_from(decimal(kind)?).ok()?;
    Tile::new(level, index, width).map(Resource::Tile)
}

/// `x001/x234/067` for 1234067, and `.p/12` behind it for the first 12 of 256.
fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    let (last, higher) = groups.split_first().ok_or(fmt::Error)?;
    for group in higher.iter().rev() {
        write!(f, "x{group:03}/")?;
    }
    write!(f, "{last:03}")?;
    if width < TILE_WIDTH {
        write!(f, ".p/{width}")?;
    }
    Ok(())
}

fn parse_place(text: &str) -> Option<(u64, u16)> {
    let (text, width) = match text.split_once(".p/") {
        // A full tile has no suffix, so that it has one name only.
        Some((text, width)) => {
            (text, decimal(width).filter(|width| *width < u64::from(TILE_WIDTH))?)
        }
        None => (text, u64::from(TILE_WIDTH)),
    };
    let (higher, last) = text.rsplit_once('/').unwrap_or(("", text));
    let mut index = group(last)?;
    let mut unit = 1_u64;
    if !higher.is_empty() {
        for (place, part) in higher.rsplit('/').enumerate() {
            unit = unit.checked_mul(1000)?;
            let value = group(part.strip_prefix('x')?)?;
            let first = place + 1 == higher.split('/').count();
            // No group of zeroes in front: it would be a second name for the same place.
            if first && value == 0 {
                return None;
            }
            index = index.checked_add(value.checked_mul(unit)?)?;
        }
    } else if text.starts_with('/') {
        return None;
    }
    Some((index, u16::try_from(width).ok()?))
}

/// Three digits.
fn group(text: &str) -> Option<u64> {
    let digits = text.len() == 3 && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn paths_and_back() {
        let tile = |level, index, width| Resource::Tile(Tile::new(level, index, width).unwrap());
        let entries = |index, width| Resource::Entries(Bundle::new(index, width).unwrap());
        let rows = [
            ("checkpoint", Resource::Checkpoint),
            ("tile/0/000", tile(0, 0, 256)),
            ("tile/0/000.p/1", tile(0, 0, 1)),
            ("tile/3/999.p/255", tile(3, 999, 255)),
            ("tile/1/x001/000", tile(1, 1000, 256)),
            ("tile/0/x001/x234/067", tile(0, 1_234_067, 256)),
            ("tile/0/x001/x234/067.p/17", tile(0, 1_234_067, 17)),
            ("tile/entries/x001/x000/000", entries(1_000_000, 256)),
            ("tile/entries/273.p/112", entries(273, 112)),
            ("tile/0/x036/x028/x797/x018/x963/967.p/255", tile(0, 36_028_797_018_963_967, 255)),
        ];
        for (path, resource) in rows {
            assert_eq!(path.parse(), Ok(resource), "{path}");
            assert_eq!(resource.to_string(), path);
        }
    }

    #[test]
    fn other_texts_name_nothing() {
        let long = format!("tile/0/{}067", "x001/".repeat(100_000));
        let rows = [
            "",
            "/checkpoint",
            "checkpoint/",
            "Checkpoint",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0//000",
            "tile/0/000/",
            "/tile/0/000",
            "tile/00/000",
            "tile/01/000",
            "tile/8/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/x000/000",
            "tile/0/x000/x001/000",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/x001/x000",
            "tile/0/X001/000",
            "tile/0/x1/000",
            "tile/0/x001/../000",
            "tile/0/+01",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/000.P/1",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
            "tile/data/000",
            "tile/entries/",
            "tile/entries/000.p/65536",
            "tile/0/000?x",
            "tile/0/%30%30%30",
            "tile/8/0/x001/000",
            &long,
        ];
        for path in rows {
            assert_eq!(path.parse::<Resource>(), Err(UnknownResource), "{path:.60}");
        }
    }
}
