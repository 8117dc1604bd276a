#![allow(clippy::unwrap_used, reason = "a test panics to fail")]
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Result<FileName, FileNameError> {
    text.to_owned().try_into()
}

#[test]
fn ordinary_names_of_the_whole_world() {
    for text in [
        "report.pdf",
        "data/run 1/out.csv",
        "報告.pdf",
        "naïve.txt",
        "отчёт.docx",
        "דוח.pdf",
        "👩.png",
        ".gitignore",
        "a.b.c",
        " leading space",
        "-rf",
        "~",
        "console.log",
        "com10",
        "lpt",
        "auxiliary.txt",
        "\u{2ebf0}", // new in Unicode 15.1
        &"x".repeat(255),
    ] {
        assert_eq!(name(text).unwrap().as_str(), text);
    }
}

#[test]
fn no_way_out_of_the_folder() {
    for text in ["", "/", "/etc/passwd", "a//b", "a/", "..", "../x", "a/../b", "./a", "a/."] {
        assert!(matches!(name(text), Err(FileNameError::NotRelative { .. })), "{text:?}");
    }
    for text in ["C:\\x", "a\\b", "C:x", "a:stream", "a*", "a?", "\"a\"", "<a>", "a|b"] {
        assert!(matches!(name(text), Err(FileNameError::Character { .. })), "{text:?}");
    }
}

#[test]
fn nothing_that_hides_or_turns_text() {
    for text in [
        "a\0b",
        "a\nb",
        "a\u{7f}",
        "a\u{9b}b",
        "invoice\u{202e}fdp.exe", // right-to-left override
        "a\u{200b}b",             // zero width space
        "\u{feff}a",
        "a\u{ad}b",   // soft hyphen
        "a\u{200d}b", // zero width joiner: Cf
        "a\u{e0061}", // tag
        "\u{378}",    // unassigned
        "\u{ffff}",   // noncharacter
        "\u{1fdd0}",  // unassigned in 15.1
        "\u{10d40}",  // Garay digit zero: new in Unicode 16
    ] {
        assert!(matches!(name(text), Err(FileNameError::Character { .. })), "{text:?}");
    }
}

#[test]
fn one_spelling() {
    assert!(matches!(name("nai\u{308}ve"), Err(FileNameError::NotNormal { .. })));
    assert!(matches!(name("\u{212b}"), Err(FileNameError::NotNormal { .. })));
    assert_eq!(FileName::normalised("nai\u{308}ve").unwrap().as_str(), "na\u{ef}ve");
}

#[test]
fn what_windows_cannot_keep() {
    for text in ["a.", "a ", "a/b./c", "...", "a /b"] {
        assert!(matches!(name(text), Err(FileNameError::Ending { .. })), "{text:?}");
    }
    for text in [
        "CON",
        "nul.txt",
        "a/Prn",
        "aux.tar.gz",
        "COM1",
        "lpt9.doc",
        "com\u{b9}",
        "NUL .txt",
        "conin$",
    ] {
        assert!(matches!(name(text), Err(FileNameError::Device { .. })), "{text:?}");
    }
}

#[test]
fn lengths() {
    assert!(matches!(name(&"x".repeat(256)), Err(FileNameError::LongSegment { .. })));
    assert!(matches!(name(&"é".repeat(128)), Err(FileNameError::LongSegment { .. })));
    let long = vec!["x".repeat(200); 5].join("/");
    assert!(name(&(long.clone() + "/" + &"y".repeat(19))).is_ok());
    assert_eq!(name(&(long + "/" + &"y".repeat(20))), Err(FileNameError::TooLong { found: 1025 }));
}

fn together(names: &[&str]) -> Result<(), CollisionError> {
    let names: Vec<FileName> = names.iter().map(|text| name(text).unwrap()).collect();
    check_together(&names)
}

#[test]
fn names_that_some_system_takes_for_one() {
    for [first, second] in [
        ["a", "A"],
        ["Straße", "STRASSE"],
        ["Σίσυφος", "ΣΊΣΥΦΟΣ"],
        ["data/x", "Data/X"],
        ["ﬁle", "file"],
        ["\u{1e9e}", "ss"],
        ["same", "same"],
    ] {
        assert!(
            matches!(together(&[first, second]), Err(CollisionError::Same { .. })),
            "{first} {second}"
        );
    }
    assert_eq!(together(&["a", "b", "data/a", "data/b", "data2"]), Ok(()));
}

#[test]
fn a_file_is_no_folder() {
    for names in [["a", "a/b"], ["A", "a/b/c"], ["x/y/z", "x/Y"]] {
        assert!(matches!(together(&names), Err(CollisionError::Folder { .. })), "{names:?}");
    }
}

proptest! {
    #[test]
    fn accepted_names_are_safe(text in any::<String>()) {
        if let Ok(name) = name(&text) {
            prop_assert!(!name.as_str().chars().any(char::is_control));
            prop_assert!(name.as_str().split('/').all(|part| !part.is_empty() && part != ".."));
            prop_assert_eq!(FileName::normalised(&text).unwrap(), name);
        }
    }

    #[test]
    fn normalised_never_panics(text in "\\PC{0,80}") {
        if let Ok(name) = FileName::normalised(&text) {
            prop_assert!(is_nfc(name.as_str()));
        }
    }
}
