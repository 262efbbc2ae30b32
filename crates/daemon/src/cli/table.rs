//! Calm tables: columns aligned by their widest cell, two spaces apart. Neighbour: state, which
//! prints with these.

/// A table with its header. Empty columns are left out; the last column is not padded.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    aligned(header, rows).concat()
}

/// The lines of such a table, the header's first, each with its end: something may stand between them.
pub(super) fn aligned(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let titles: Vec<String> = header.iter().map(|&title| title.to_owned()).collect();
    let mut lines = Vec::with_capacity(rows.len().saturating_add(1));
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for ((cell, title), width) in row.iter().zip(header).zip(&widths) {
            if *width > 0 {
                line.push_str(&pad(cell, (*width).max(title.chars().count())));
                line.push_str("  ");
            }
        }
        lines.push(format!("{}\n", line.trim_end()));
    }
    lines
}

/// A text with spaces after it up to a width in characters.
pub(super) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// Names and values, one a line; those without a value are left out.
pub(super) fn facts(facts: &[(&str, Option<String>)]) -> String {
    let there = || {
        facts
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_ref()?)))
    };
    let width = there()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    there()
        .map(|(name, value)| format!("{}  {value}\n", pad(name, width)))
        .collect()
}

/// A count with its noun: `1 link`, `2 links`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_empty_ones_are_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["é", "", "x"]), row(["abcd", "", "y"])];
        assert_eq!(
            table(&["A", "B", "C"], &rows),
            "A     C\né     x\nabcd  y\n"
        );
    }
}
