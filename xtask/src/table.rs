//! Plain tables: columns two spaces apart, as wide as their widest cell.

/// Renders rows under a header; every line ends without trailing spaces, the last without a newline.
pub(crate) fn render(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let columns = header.len();
    let width = |column: usize| {
        std::iter::once(&header)
            .chain(rows)
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = std::iter::once(&header).chain(rows).map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

/// As [`render`], within a width: where that is too narrow, columns are left away, those of the least worth first. `worth`
/// has their numbers in that order; columns that it doesn't name stay.
pub(crate) fn render_within(header: &[&str], rows: &[Vec<String>], width: usize, worth: &[usize]) -> String {
    let mut table = render(header, rows);
    for left in 1..=worth.len() {
        if table.lines().all(|line| line.chars().count() <= width) {
            break;
        }
        let stays = |column: &usize| !worth[..left].contains(column);
        let columns: Vec<usize> = (0..header.len()).filter(stays).collect();
        let header: Vec<&str> = columns.iter().map(|column| header[*column]).collect();
        let cells = |row: &Vec<String>| columns.iter().filter_map(|column| row.get(*column).cloned()).collect();
        table = render(&header, &rows.iter().map(cells).collect::<Vec<_>>());
    }
    table
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_of_little_worth_are_left_away_where_there_is_no_room() {
        let rows = [vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]];
        let within = |width| super::render_within(&["one", "two", "three"], &rows, width, &[1, 0]);
        assert_eq!(within(15), "one  two  three\na    b    c");
        assert_eq!(within(14), "one  three\na    c");
        assert_eq!(within(9), "three\nc");
        assert_eq!(within(1), "three\nc");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "long cell".to_owned()],
            vec!["longer".to_owned(), String::new()],
        ];
        assert_eq!(
            super::render(&["name", "value"], &rows),
            "name    value\na       long cell\nlonger"
        );
    }
}
