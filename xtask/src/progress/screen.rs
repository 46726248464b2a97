//! The live block on a terminal: how it is drawn, taken back and kept within the screen. Texts in, bytes out.

/// What a terminal shows: rows and columns, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// A live block as it was drawn last.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The width of each line that stands, in columns.
    widths: Vec<usize>,
}

impl Screen {
    /// What is to be written so that lines that stay follow what stands above the block, and the block follows those.
    ///
    /// `block` has each line as it is painted, with the columns that it takes; it must fit the screen.
    pub(super) fn redraw(&mut self, above: Option<&str>, block: &[(String, usize)], size: Size) -> String {
        let mut bytes = self.take_back(size);
        if let Some(above) = above {
            bytes.push_str(above);
            bytes.push('\n');
        }
        for (painted, _) in block {
            bytes.push_str(painted);
            bytes.push('\n');
        }
        self.widths = block.iter().map(|(_, width)| *width).collect();
        bytes
    }

    /// Whether nothing stands.
    pub(super) fn is_empty(&self) -> bool {
        self.widths.is_empty()
    }

    /// Goes up to where the block begins and clears what follows. A line that was as wide as the screen takes several
    /// rows once that has become narrower; what has left the screen at its top can't be reached.
    fn take_back(&self, size: Size) -> String {
        let rows: usize = self
            .widths
            .iter()
            .map(|width| width.div_ceil(size.columns).max(1))
            .sum();
        match rows.min(size.rows - 1) {
            0 => "\r\u{1b}[0J".to_owned(),
            rows => format!("\r\u{1b}[{rows}A\u{1b}[0J"),
        }
    }
}

/// As many lines as a screen holds beside the line that the cursor is on, each cut to the width; the last one says how
/// many don't fit.
pub(super) fn fit<T: Clone>(lines: &[T], size: Size, more: impl Fn(usize) -> T) -> Vec<T> {
    let rows = size.rows - 1;
    if lines.len() <= rows {
        return lines.to_vec();
    }
    let Some(shown) = rows.checked_sub(1) else {
        return Vec::new();
    };
    let mut fitting = lines[..shown].to_vec();
    fitting.push(more(lines.len() - shown));
    fitting
}

/// A text cut to a width: what is left ends in an ellipsis.
///
/// One column less than the screen's is used: at the last one, terminals differ in whether the cursor goes on.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    let most = columns.saturating_sub(1);
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for character in text.chars() {
        taken += columns_of(character);
        if taken >= most {
            break;
        }
        cut.push(character);
    }
    if most > 0 {
        cut.push('…');
    }
    cut
}

/// How many columns a text takes: at the most, so that a line never takes a second row.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The scripts whose characters take two columns, and all symbols that may, lie behind U+1100, beside the few signs of
/// punctuation that are used here.
fn columns_of(character: char) -> usize {
    match character {
        '\u{2000}'..='\u{25ff}' | '\0'..='\u{10ff}' => 1,
        _ => 2,
    }
}

/// A text from elsewhere made fit for a terminal: what would move the cursor, colour or turn the text is left out.
pub(crate) fn clean(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text.trim_end().chars().peekable());
    while let Some(character) = rest.next() {
        match character {
            // A sequence goes up to the first character from `@` on: ECMA-48, 5.4.
            '\u{1b}' if rest.next_if_eq(&'[').is_some() => {
                rest.by_ref().find(|end| ('@'..='~').contains(end));
            }
            '\n' | '\t' => plain.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            character if character.is_control() => {}
            character => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A terminal that knows what the block needs: lines, the way up, clearing, and wrapping at its edge.
    struct Terminal {
        size: Size,
        /// What has scrolled away and what stands, a row each.
        rows: Vec<String>,
        /// The row that the cursor is in.
        row: usize,
    }

    impl Terminal {
        fn new(size: Size) -> Self {
            Self {
                size,
                rows: vec![String::new()],
                row: 0,
            }
        }

        fn write(&mut self, bytes: &str) {
            let mut rest = bytes.chars();
            while let Some(character) = rest.next() {
                match character {
                    '\r' => {}
                    '\n' => self.down(),
                    '\u{1b}' => {
                        self.escape(&sequence(&mut rest));
                    }
                    character => {
                        if width(&self.rows[self.row]) + columns_of(character) > self.size.columns {
                            self.down();
                        }
                        self.rows[self.row].push(character);
                    }
                }
            }
        }

        fn escape(&mut self, sequence: &str) {
            if let Some(up) = sequence.strip_prefix('[').and_then(|rest| rest.strip_suffix('A')) {
                let top = self.rows.len().saturating_sub(self.size.rows);
                self.row = self.row.saturating_sub(up.parse().unwrap()).max(top);
            } else {
                assert_eq!(sequence, "[0J");
                self.rows.truncate(self.row);
                self.rows.push(String::new());
            }
        }

        fn down(&mut self) {
            self.row += 1;
            if self.row == self.rows.len() {
                self.rows.push(String::new());
            }
        }

        /// The rows are laid out anew, as terminals do.
        fn resize(&mut self, size: Size) {
            let old = std::mem::replace(self, Self::new(size));
            self.write(&old.rows.join("\n"));
        }
    }

    /// What follows an escape: up to the letter that ends the sequence.
    fn sequence(rest: &mut std::str::Chars<'_>) -> String {
        let mut text = String::new();
        for character in rest {
            text.push(character);
            if character.is_ascii_alphabetic() {
                break;
            }
        }
        text
    }

    fn drawn(lines: &[String], size: Size) -> Vec<(String, usize)> {
        let lines: Vec<String> = lines.iter().map(|line| cut(line, size.columns)).collect();
        let lines = fit(&lines, size, |more| cut(&format!("… and {more} more"), size.columns));
        lines.into_iter().map(|line| (line.clone(), width(&line))).collect()
    }

    fn sizes() -> impl Strategy<Value = Size> {
        (1..12_usize, 1..30_usize).prop_map(|(rows, columns)| Size { rows, columns })
    }

    proptest! {
        /// Whatever is drawn, one screen holds it, and when it goes away nothing of it is left.
        #[test]
        fn a_block_stays_within_the_screen_and_goes_without_a_trace(
            size in sizes(),
            blocks in proptest::collection::vec(proptest::collection::vec("[a-zé…界 ]{0,40}", 0..15), 1..6),
        ) {
            let (mut screen, mut terminal) = (Screen::default(), Terminal::new(size));
            for lines in &blocks {
                let block = drawn(lines, size);
                prop_assert!(block.len() < size.rows);
                prop_assert!(block.iter().all(|(_, width)| *width < size.columns));
                terminal.write(&screen.redraw(None, &block, size));
                let stands: Vec<&str> = terminal.rows.iter().map(String::as_str).collect();
                let expected: Vec<&str> = block.iter().map(|(line, _)| line.as_str()).chain([""]).collect();
                prop_assert_eq!(stands, expected);
            }
            terminal.write(&screen.redraw(None, &[], size));
            prop_assert_eq!(&terminal.rows, &[String::new()]);
        }

        /// A window that becomes narrower or wider leaves nothing of the block behind, as long as it still holds it.
        #[test]
        fn a_resized_window_leaves_nothing_behind(
            columns in (8..30_usize, 8..30_usize),
            lines in proptest::collection::vec("[a-z ]{0,40}", 0..6),
        ) {
            let size = |columns| Size { rows: 40, columns };
            let (mut screen, mut terminal) = (Screen::default(), Terminal::new(size(columns.0)));
            terminal.write(&screen.redraw(Some("stays"), &drawn(&lines, size(columns.0)), size(columns.0)));
            terminal.resize(size(columns.1));
            terminal.write(&screen.redraw(Some("too"), &drawn(&lines, size(columns.1)), size(columns.1)));
            let block = drawn(&lines, size(columns.1));
            let expected: Vec<&str> = ["stays", "too"]
                .into_iter()
                .chain(block.iter().map(|(line, _)| line.as_str()))
                .chain([""])
                .collect();
            prop_assert_eq!(terminal.rows.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        }

        /// Nothing that AWS or a task says can move the cursor.
        #[test]
        fn a_clean_text_has_no_controls(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(char::is_control));
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let lines: Vec<String> = (0..5).map(|number| format!("line {number}")).collect();
        let size = Size { rows: 4, columns: 80 };
        let fitting = fit(&lines, size, |more| format!("… and {more} more"));
        assert_eq!(fitting, ["line 0", "line 1", "… and 3 more"]);
        assert_eq!(cut("line 0", 6), "line…");
        assert_eq!(cut("line 0", 7), "line 0");
        assert_eq!(clean("\u{1b}[1;31mred\u{202e}\tand\nmore\u{1b}[0m\r\n"), "red and more");
    }
}
