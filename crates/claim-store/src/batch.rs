//! Many rows in one statement: a roster of thousands costs a few hundred round trips instead of one each.

/// How many rows go into one statement; SQLite takes 32,766 parameters in all.
pub(crate) const BATCH: usize = 200;

/// The list behind `VALUES` for so many rows: `($1, $2), ($3, $4)`.
pub(crate) fn values(rows: usize, columns: usize) -> String {
    let row = |row: usize| format!("({})", parameters(row * columns + 1, columns));
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// So many parameters, from this number on: `$3, $4`.
pub(crate) fn parameters(first: usize, count: usize) -> String {
    let one = |number: usize| format!("${number}");
    (first..first + count).map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_a_number_of_its_own() {
        assert_eq!(values(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(parameters(3, 2), "$3, $4");
    }
}
