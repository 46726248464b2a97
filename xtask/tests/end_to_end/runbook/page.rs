//! The runbook's tables, row by row.

use std::path::Path;

use crate::documents::markdown::{Document, spans};

/// A symptom, and what to do about it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What is seen, as it stands on the page.
    pub(super) seen: String,
    /// The commands that show more.
    pub(super) more: Vec<String>,
    /// The commands that fix it, in order.
    pub(super) fixes: Vec<String>,
}

impl Row {
    /// The exit status that is named, if one is.
    pub(super) fn status(&self) -> Option<i32> {
        let number = self.seen.strip_prefix("exit status ")?;
        number
            .split(|character: char| !character.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    }

    /// The words that are on the screen.
    pub(super) fn words(&self) -> Vec<String> {
        spans(&self.seen).collect()
    }
}

/// Every row of the runbook, in order.
pub(super) fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbook.md");
    let document = Document::parse("docs/runbook.md", &std::fs::read_to_string(path).unwrap()).unwrap();
    let lines = document.lines.iter().map(|(_, line)| line.as_str());
    lines.filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line
        .strip_prefix("| ")?
        .strip_suffix('|')?
        .split('|')
        .map(str::trim)
        .collect();
    let [seen, _, more, fixes] = cells[..] else {
        panic!("a row has four cells: {line}");
    };
    let commands = |cell: &str| {
        let is_command = |span: &String| span.starts_with("cargo xtask ") || span.starts_with("aws ");
        spans(cell).filter(is_command).collect()
    };
    (seen != "you see").then(|| Row {
        seen: seen.to_owned(),
        more: commands(more),
        fixes: commands(fixes),
    })
}
