#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use super::*;

fn cells(bytes: &[u8]) -> Vec<(u64, Vec<String>)> {
    let table = Table::read(bytes).unwrap();
    let header = std::iter::once((0, table.header().to_vec()));
    let lines =
        table.lines().map(|line| (line.number(), line.fields().map(str::to_owned).collect()));
    header.chain(lines).collect()
}

fn utf16(text: &str, octets: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(octets).collect()
}

#[test]
fn one_table_in_every_encoding() {
    let expected = [
        (0, vec!["sid".to_owned(), "name".to_owned()]),
        (2, vec!["1155123456".to_owned(), "陳, 大文 \u{1f393}".to_owned()]),
        (4, vec!["1155123457".to_owned(), String::new()]),
    ];
    let text = "sid;name\n1155123456;\"陳, 大文 \u{1f393}\"\n\n1155123457;\n";
    let marked = format!("\u{feff}{text}");
    assert_eq!(cells(text.as_bytes()), expected);
    assert_eq!(cells(marked.as_bytes()), expected);
    assert_eq!(cells(&utf16(&marked, u16::to_le_bytes)), expected);
    assert_eq!(cells(&utf16(&marked, u16::to_be_bytes)), expected);
    assert_eq!(cells(marked.replace('\n', "\r\n").as_bytes()), expected);
    assert_eq!(cells(text.replace(';', "\t").as_bytes()), expected);
    assert_eq!(cells(text.trim_end().replace(';', ",").as_bytes()), expected);
}

#[test]
fn lines_keep_their_numbers() {
    let text = "\n\nsid,note\n1,\"two\nlines\"\n\n\n2,x\n";
    let numbers: Vec<_> =
        Table::read(text.as_bytes()).unwrap().lines().map(|l| l.number()).collect();
    assert_eq!(numbers, [4, 8]);
    // What Excel is told is no line of the table.
    let hinted = cells(b"sep=;\r\nsid;name\r\n1;x\r\n");
    assert_eq!(hinted[0].1, ["sid", "name"]);
    assert_eq!(hinted[1], (3, vec!["1".to_owned(), "x".to_owned()]));
}

#[test]
fn separators_within_quotation_marks_separate_nothing() {
    let found = cells("\"Lab; 1; a; b\",sid\n90,1\n".as_bytes());
    assert_eq!(found[0].1, ["Lab; 1; a; b", "sid"]);
}

#[test]
fn a_line_of_another_length_is_told() {
    let table = Table::read(b"a,b\n1,2\n1\n1,2,3\n").unwrap();
    let found: Vec<_> = table.lines().map(|line| line.complete().map(Line::number)).collect();
    let bad = |found| Err(FieldsError { found, expected: 2 });
    assert_eq!(found, [Ok(2), bad(1), bad(3)]);
    assert_eq!(table.lines().nth(1).unwrap().field(1), "");
}

#[test]
fn what_is_no_table_is_told_apart() {
    use TableError::*;
    let refused = |bytes: &[u8]| Table::read(bytes).unwrap_err();
    assert_eq!(refused(b""), Empty);
    assert_eq!(refused(b"\r\n\n"), Empty);
    assert_eq!(refused(b"sid\n1\n\xe9\n"), NotUtf8 { line: 3 });
    assert_eq!(refused(b"\xff\xfes\0\n\0i"), NotUtf16 { line: 2 });
    assert_eq!(refused(b"\xfe\xff\xdc\x00"), NotUtf16 { line: 1 });
    assert_eq!(refused(b"s\0i\0d\0"), NotText { line: 1 });
    assert_eq!(refused(b"PK\x03\x04rest"), Workbook);
    assert_eq!(refused(b"\xd0\xcf\x11\xe0\xa1\xb1"), Workbook);
    assert_eq!(refused(&vec![b'x'; MAX_BYTES + 1]), TooLarge { found: MAX_BYTES + 1 });
    assert_eq!(refused(&vec![b','; MAX_COLUMNS]), TooManyColumns { found: MAX_COLUMNS + 1 });
    let lines = format!("a\n{}", "1\n".repeat(MAX_LINES));
    assert_eq!(Table::read(lines.as_bytes()).unwrap().lines().count(), MAX_LINES);
    assert_eq!(refused(format!("{lines}1\n").as_bytes()), TooManyLines);
}

#[test]
fn many_bad_lines_are_told_together() {
    let mut bad = BadLines::new();
    (2..25).chain([30]).for_each(|line| bad.push(line, "no"));
    let told = bad.to_string();
    assert!(told.starts_with("line 2: no\nline 3: no\n"), "{told}");
    assert!(told.ends_with("line 21: no\nand 4 more: lines 22-24, 30"), "{told}");
}
