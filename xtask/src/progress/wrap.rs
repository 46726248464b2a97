//! Lines that stay, broken for a terminal between words: what follows stands below the line's own text. Texts in, texts out.

use std::iter;

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter};

/// What a line begins with before its text.
const LABELS: [&str; 2] = ["next: ", "fix: "];

/// What a line begins with that is nothing but a command.
const COMMANDS: [&str; 5] = ["aws ", "cargo ", "curl ", "export ", "rustup "];

/// How far the rest of a sentence stands in: farther than the lines that belong to it, which stand in by two.
pub(crate) const HANGING: usize = 4;

/// A text for a terminal of so many columns. A command to copy stays whole, as a line or between backticks, and so does any
/// word: where a terminal breaks what is longer than itself, it is still copied as one.
pub(crate) fn wrap(text: &str, columns: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| wrap_line(line, columns)).collect();
    lines.join("\n")
}

fn wrap_line(line: &str, columns: usize) -> String {
    if is_command(line) || is_row(line) {
        return line.to_owned();
    }
    wrap_below(line, columns, hanging(line, columns / 2))
}

/// A line whose rest, where there is one, stands so many columns from the left.
pub(crate) fn wrap_below(line: &str, columns: usize, hanging: usize) -> String {
    if display_width(line) <= columns {
        return line.to_owned();
    }
    let (indent, hanging) = (&line[..indent_of(line)], " ".repeat(hanging));
    // At the last column, terminals differ in whether the cursor goes on.
    let options = Options::new(columns - 1)
        .initial_indent(indent)
        .subsequent_indent(&hanging)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::Custom(words));
    textwrap::fill(&line[indent.len()..], options)
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_command(line: &str) -> bool {
    let text = &line[text_of(line)..];
    COMMANDS.iter().any(|command| text.starts_with(command))
}

/// Where a line's text begins: after its label.
fn text_of(line: &str) -> usize {
    let indent = indent_of(line);
    let label = LABELS.iter().find(|label| line[indent..].starts_with(**label));
    indent + label.map_or(0, |label| label.len())
}

/// Where the rest of a line begins, `most` columns from the left at the most: below its text, if it has a label or a column
/// before it.
fn hanging(line: &str, most: usize) -> usize {
    let (indent, text) = (indent_of(line), text_of(line));
    let column = || {
        gaps(&line[indent..])
            .next()
            .map(|end| display_width(&line[..indent + end]))
    };
    let below = if text > indent { Some(text) } else { column() };
    below
        .filter(|below| *below <= most)
        .unwrap_or(indent + HANGING)
        .min(most)
}

/// Whether a line is a row of a table: of more than two columns, which nothing but their places holds together.
fn is_row(line: &str) -> bool {
    gaps(&line[indent_of(line)..]).nth(1).is_some()
}

/// Where the columns of a text begin, after the first: behind two spaces or more.
fn gaps(text: &str) -> impl Iterator<Item = usize> {
    let begins = |(place, _): (usize, &str)| text[place + 2..].find(|next| next != ' ').map(|more| place + 2 + more);
    let mut last = 0;
    text.match_indices("  ")
        .filter_map(begins)
        .filter(move |place| std::mem::replace(&mut last, *place) != *place)
}

/// The words of a line; what stands between backticks is one.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(iter::from_fn(move || {
        let (word, after) = rest.split_at(end_of_word(rest));
        rest = after;
        (!word.is_empty()).then(|| Word::from(word))
    }))
}

/// Where the first word ends, with the spaces after it.
fn end_of_word(text: &str) -> usize {
    let (mut quoted, mut spaces) = (false, false);
    for (place, character) in text.char_indices() {
        match character {
            ' ' if !quoted => spaces = true,
            _ if spaces => return place,
            '`' => quoted = !quoted && text[place + 1..].contains('`'),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ERROR: &str = "\
error[E-ROLLED-BACK]: Onebox was rolled back: too many of the answers have a 5xx status; Fleet was not touched
  the alarm OneBoxDeploymentOnECS-Sandbox-Onebox-ServerErrors fired at 2026-11-24T17:26:04Z: 100 * HTTPCode_Target_5XX_Count / RequestCount: 15, 15, 14.3; it takes ≥ 5 in 3 of 4 minutes
  now Onebox and Fleet run sha256:6143503572ab
  next: fix the cause and run `cargo xtask deploy sandbox --local` again
  next: cargo xtask logs sandbox --local --errors --since 10m --stage onebox
  cause  the question was answered with no; the change set was deleted and nothing was changed
  depends on  Cluster, Listener, OneboxConnectionErrorAlarm, OneboxListenerRule, OneboxResponseTimeAlarm
create  ImageRepository  AWS::ECR::Repository  OneBoxDeploymentOnECS-Foundation-Sandbox and whatever else";

    #[test]
    fn an_error_keeps_its_shape_at_every_width() {
        let at = |columns| format!("[{columns} columns]\n{}", wrap(ERROR, columns));
        insta::assert_snapshot!([40, 80, 120].map(at).join("\n"));
        assert_eq!(wrap(ERROR, 400), ERROR);
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(wrap("\u{1b}[31mone two\u{1b}[0m", 7), "\u{1b}[31mone two\u{1b}[0m");
        assert_eq!(wrap("\u{1b}[31mone two\u{1b}[0m", 6), "\u{1b}[31mone\n   two\u{1b}[0m");
    }

    proptest! {
        /// Nothing is lost, no sentence's line but one of a single word is wider than the screen, and what fits is left as it is.
        #[test]
        fn only_spaces_become_ends_of_lines(text in "( {0,4}([a-zé`:]{1,9} {1,3}){0,12}[a-z]\n?){1,4}", columns in 1..60_usize) {
            let wrapped = wrap(&text, columns);
            let letters = |text: &str| text.split_whitespace().collect::<Vec<_>>().concat();
            prop_assert_eq!(letters(&wrapped), letters(&text));
            let wide = |line: &&str| display_width(line) > columns && !is_row(line);
            for line in wrapped.split('\n').filter(wide) {
                prop_assert_eq!(words(line.trim()).count(), 1, "{:?}", line);
            }
            if text.split('\n').all(|line| display_width(line) <= columns) {
                prop_assert_eq!(wrapped, text);
            }
        }
    }
}
