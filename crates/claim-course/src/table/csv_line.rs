//! Lines of CSV, as spreadsheets and mail merges read them.

/// One line without its end. A field that a spreadsheet would compute is made text by a leading apostrophe.
pub fn csv_line(fields: &[&str]) -> String {
    fields.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",")
}

fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if field.contains([',', ';', '\t', '"', '\r', '\n']) || field.trim() != field {
        format!("\"{guard}{}\"", field.replace('"', "\"\""))
    } else {
        format!("{guard}{field}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let line = csv_line(&["1155123456", "O'Neil, \"Ann\"", "", "a;b", " x", "=1+1", "\t=1"]);
        assert_eq!(line, "1155123456,\"O'Neil, \"\"Ann\"\"\",,\"a;b\",\" x\",'=1+1,\"'\t=1\"");
    }
}
