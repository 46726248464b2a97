//! Plain tables: columns two spaces apart, as wide as their widest cell.

use crate::progress::wrap::wrap_below;

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
        if fits(&table, width) {
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

/// As [`render`], whole where no width is known, and otherwise as much as fits. `variants` has the rows as they are, and
/// then ever shorter; of the shortest, columns are left away as by [`render_within`]. What is still too wide stands row by
/// row, each cell on a line of its own.
pub(crate) fn fit(header: &[&str], variants: &[Vec<Vec<String>>], width: Option<usize>, worth: &[usize]) -> String {
    let (Some(first), Some(shortest)) = (variants.first(), variants.last()) else {
        return String::new();
    };
    let Some(width) = width else {
        return render(header, first);
    };
    let mut tables = variants.iter().map(|rows| render(header, rows));
    let whole = tables.find(|table| fits(table, width));
    whole.unwrap_or_else(|| {
        let narrow = render_within(header, shortest, width, worth);
        if fits(&narrow, width) {
            narrow
        } else {
            stacked(header, shortest, width)
        }
    })
}

fn fits(table: &str, width: usize) -> bool {
    table.lines().all(|line| line.chars().count() <= width)
}

/// Each row as lines: its first cell, and below it the others with their columns' names; a single other needs none.
fn stacked(header: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let names = header.iter().skip(1).map(|name| name.chars().count());
    let gutter = names.max().unwrap_or(0);
    let block = |row: &Vec<String>| {
        let cells = header.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(name, cell)| {
            if header.len() == 2 {
                return format!("  {cell}");
            }
            let line = format!("  {:gutter$}  {cell}", name.to_lowercase());
            wrap_below(&line, width, (gutter + 4).min(width / 2))
        });
        row.first()
            .cloned()
            .into_iter()
            .chain(cells)
            .collect::<Vec<_>>()
            .join("\n")
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_does_not_fit_is_shortened_then_narrowed_then_stacked() {
        let row = |cells: [&str; 3]| vec![cells.map(str::to_owned).to_vec()];
        let variants = [
            row(["Onebox", "sha256:0123456789ab", "3 of 3"]),
            row(["Onebox", "0123456789ab", "3 of 3"]),
        ];
        let within = |width| super::fit(&["STAGE", "IMAGE", "TASKS"], &variants, width, &[1]);
        let whole = "STAGE   IMAGE                TASKS\nOnebox  sha256:0123456789ab  3 of 3";
        assert_eq!(within(None), whole);
        assert_eq!(within(Some(35)), whole);
        assert_eq!(
            within(Some(34)),
            "STAGE   IMAGE         TASKS\nOnebox  0123456789ab  3 of 3"
        );
        assert_eq!(within(Some(20)), "STAGE   TASKS\nOnebox  3 of 3");
        assert_eq!(
            within(Some(12)),
            "Onebox\n  image\n      0123456789ab\n  tasks  3\n      of 3"
        );
    }

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
