//! Reads Markdown as far as the tests of the documents need it: fenced blocks with their marks, and code spans.
//!
//! A mark is a comment, which nobody sees, on the line before a block's fence:
//!
//! - `<!-- not run: REASON -->`: the block can't be run here.
//! - `<!-- not sent: REASON -->`: the block is one command of the AWS CLI, which reads and checks it, but calls nobody.
//! - `<!-- exit status: 5 -->`: the block's last command ends so; 0 where there is no mark.
//! - `<!-- output -->`: the block is what the block before it said, among other lines.
//!
//! A line that follows a block and begins ``prints `TEXT` `` holds that block's results against the text.

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// Its path from the checkout's root.
    pub(crate) name: String,
    /// Its fenced blocks.
    pub(crate) blocks: Vec<Block>,
    /// Its other lines, each with its number from 1.
    pub(crate) lines: Vec<(usize, String)>,
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its opening fence, from 1.
    pub(crate) line: usize,
    /// The word after the opening fence.
    pub(crate) language: String,
    /// What is between the fences.
    pub(crate) text: String,
    /// What the comment before it says.
    pub(crate) mark: Mark,
    /// What it is said to print.
    pub(crate) prints: Option<String>,
}

/// What is said of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It ends with this exit status.
    Ends(i32),
    /// It can't be run here, for this reason.
    NotRun(String),
    /// The AWS CLI can read it, but must not send it, for this reason.
    NotSent(String),
    /// It is what the block before it said.
    Output,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// A block without an end, or a mark that isn't one.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut document = Self {
            name: name.to_owned(),
            blocks: Vec::new(),
            lines: Vec::new(),
        };
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let mut before = "";
        while let Some((number, line)) = lines.next() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let mark = mark(before).map_err(|problem| format!("{name}:{number}: {problem}"))?;
                let body: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| line.trim() != "```")
                    .collect();
                document.blocks.push(Block {
                    line: number,
                    language: language.to_owned(),
                    text: body.join("\n"),
                    mark,
                    prints: None,
                });
                // A block that the text's end cuts off would swallow what follows it.
                let end = text.lines().nth(number + body.len()).map(str::trim);
                if end != Some("```") {
                    return Err(format!("{name}:{number}: the block has no end"));
                }
                before = "";
                continue;
            }
            if let (Some(printed), Some(block)) = (printed(line), document.blocks.last_mut())
                && before.is_empty()
            {
                block.prints = Some(printed.to_owned());
            }
            if !line.trim().is_empty() {
                before = line;
            }
            document.lines.push((number, line.to_owned()));
        }
        Ok(document)
    }

    /// The blocks that a reader carries out: what a shell runs, and changes of files as `git apply` takes them.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Block> {
        self.blocks
            .iter()
            .filter(|block| matches!(block.language.as_str(), "sh" | "diff"))
    }

    /// What a document says that a block of its own says: the output blocks right after it.
    pub(crate) fn output_of(&self, block: &Block) -> Option<&Block> {
        let next = self.blocks.iter().find(|other| other.line > block.line)?;
        (next.mark == Mark::Output).then_some(next)
    }
}

/// What a comment on the line before a block says of it.
fn mark(line: &str) -> Result<Mark, String> {
    let Some(comment) = line
        .trim()
        .strip_prefix("<!--")
        .and_then(|rest| rest.strip_suffix("-->"))
    else {
        return Ok(Mark::Ends(0));
    };
    match comment.trim().split_once(": ") {
        None if comment.trim() == "output" => Ok(Mark::Output),
        Some(("not run", reason)) if !reason.is_empty() => Ok(Mark::NotRun(reason.to_owned())),
        Some(("not sent", reason)) if !reason.is_empty() => Ok(Mark::NotSent(reason.to_owned())),
        Some(("exit status", status)) => status
            .parse()
            .map(Mark::Ends)
            .map_err(|_| format!("no exit status: {status}")),
        _ => Err(format!("no mark: {comment}")),
    }
}

/// What a line says that the block before it prints.
fn printed(line: &str) -> Option<&str> {
    line.strip_prefix("prints `")?.split_once('`').map(|(text, _)| text)
}

/// The code spans of a line. In a table a `\|` stands for `|`.
pub(crate) fn spans(line: &str) -> impl Iterator<Item = String> {
    line.split('`').skip(1).step_by(2).map(|span| span.replace("\\|", "|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\n```sh\nfirst\n```\n\nprints `one` and more.\n\n<!-- exit status: 5 -->\n```sh\nsecond\n```\n\n<!-- output -->\n```text\nsaid\n```\n\n<!-- not run: no account -->\n\n```sh\nthird\n```\n";

    #[test]
    fn blocks_with_their_marks() {
        let document = Document::parse("a.md", TEXT).unwrap();
        let steps: Vec<_> = document.steps().collect();
        let marks: Vec<_> = steps.iter().map(|block| (block.text.as_str(), &block.mark)).collect();
        let expected = [
            ("first", &Mark::Ends(0)),
            ("second", &Mark::Ends(5)),
            ("third", &Mark::NotRun("no account".to_owned())),
        ];
        assert_eq!(marks, expected);
        assert_eq!(steps[0].prints.as_deref(), Some("one"));
        assert_eq!(document.output_of(steps[0]), None);
        assert_eq!(document.output_of(steps[1]).unwrap().text, "said");
    }

    #[test]
    fn what_is_no_mark_and_no_block_is_refused() {
        for (text, problem) in [
            ("<!-- not run -->\n```sh\n```\n", "a.md:2: no mark:  not run "),
            ("<!-- exit status: no -->\n```sh\n```\n", "a.md:2: no exit status: no"),
            ("```sh\nfirst\n", "a.md:1: the block has no end"),
        ] {
            assert_eq!(Document::parse("a.md", text), Err(problem.to_owned()));
        }
    }

    #[test]
    fn spans_of_a_line() {
        let found: Vec<_> = spans(r"| `a <b\|c>` | and `d` |").collect();
        assert_eq!(found, ["a <b|c>", "d"]);
    }
}
