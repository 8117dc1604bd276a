//! Frames of HTTP/2, written byte by byte: no honest library sends what attackers do.

/// The beginning of every connection (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 §6).
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// Flags of HEADERS: the request has no content; the header is complete.
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The setting SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.5.2).
const INITIAL_WINDOW: u16 = 4;

/// A frame; the payload is at most 16 KiB.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[..], &[kind, flags], &stream, payload].concat()
}

/// SETTINGS with this window for each stream.
pub(super) fn window(bytes: u32) -> Vec<u8> {
    let payload = [&INITIAL_WINDOW.to_be_bytes()[..], &bytes.to_be_bytes()].concat();
    frame(SETTINGS, 0, 0, &payload)
}

/// The header block of a GET (RFC 7541): the static table's entries for GET and https, then path and authority.
pub(super) fn get(authority: &str, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    for (index, value) in [(4, path), (1, authority)] {
        block.push(index);
        string(&mut block, value.as_bytes());
    }
    block
}

/// A field that goes into the dynamic table, where it is number 62.
pub(super) fn remembered(name: &str, value: &[u8]) -> Vec<u8> {
    let mut block = vec![0x40];
    string(&mut block, name.as_bytes());
    string(&mut block, value);
    block
}

/// That field once more, in one byte.
pub(super) const AGAIN: u8 = 0x80 | 62;

/// A string literal without Huffman coding (RFC 7541 §5.2), its length as an integer with a 7-bit prefix (§5.1).
fn string(block: &mut Vec<u8>, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length @ 0..127) => block.push(length),
        _ => {
            block.push(127);
            let mut rest = bytes.len() - 127;
            while rest >= 128 {
                block.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            block.push(rest as u8);
        }
    }
    block.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_and_a_block_are_as_the_rfcs_have_them() {
        assert_eq!(frame(PING, 0, 0, b"12345678"), b"\0\0\x08\x06\0\0\0\0\x0012345678");
        assert_eq!(get("x", "/"), [0x82, 0x87, 4, 1, b'/', 1, 1, b'x']);
        // RFC 7541 §C.1.2 has 1337 with a 5-bit prefix; with 7 bits it is 127 + 1210 = 127 + 58 + 9 * 128.
        let long = remembered("n", &[b'v'; 1337]);
        assert_eq!(long[..6], [0x40, 1, b'n', 127, 58 | 128, 9]);
        assert_eq!(window(0), [0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    }
}
