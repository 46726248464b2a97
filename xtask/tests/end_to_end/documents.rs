//! Every block of every document that a shell can run, in the order in which people read them.
//!
//! They are typed into one terminal, so to say: in one copy of the checkout, with one local cloud, and what a block sets or
//! where it goes is there for the next. `cargo xtask` is the program under test, so that it isn't built once more.

#[path = "../../src/documents/markdown.rs"]
pub(crate) mod markdown;
mod sessions;
#[path = "../../src/documents/shape.rs"]
mod shape;
pub(crate) mod terminal;

use std::path::{Path, PathBuf};
use std::time::Instant;

use optional_programs::{Program, skip_without};

use self::markdown::{Block, Document, Mark};
use self::shape::shape;
use self::terminal::Terminal;
use crate::cloud::Outcome;

/// The documents whose blocks are run, in the order in which they are read. The last changes the checkout for good.
const READ: [&str; 5] = [
    "README.md",
    "docs/permissions.md",
    "docs/walkthrough.md",
    "docs/json.md",
    "docs/how-to.md",
];

/// Has the AWS CLI read a command, and hold its parameters against the service's model, but find nobody to send it to.
const NOT_SENT: (&str, &str) = (
    "AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_MAX_ATTEMPTS=1",
    "--region us-east-1 --endpoint-url http://127.0.0.1:1",
);

/// What it says then, and how it ends.
const NOBODY: (&str, i32) = ("Could not connect to the endpoint URL", 255);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document(name: &str) -> Document {
    Document::parse(name, &std::fs::read_to_string(root().join(name)).unwrap()).unwrap()
}

#[test]
fn every_block_of_the_documents_does_what_it_says() {
    if skip_without(&[Program::AwsCli, Program::Curl]) {
        return;
    }
    let terminal = Terminal::new();
    for name in READ {
        let document = document(name);
        for block in document.steps() {
            run(&terminal, &document, block);
        }
    }
}

/// Does what a block says, and holds it against what its document says of it.
fn run(terminal: &Terminal, document: &Document, block: &Block) {
    let (text, status) = match (&block.mark, block.language.as_str()) {
        (Mark::Ends(status), "diff") => (format!("git apply <<'END'\n{}\nEND", block.text), *status),
        (Mark::Ends(status), _) => (block.text.clone(), *status),
        (Mark::NotSent(_), _) => (format!("{} {} {}", NOT_SENT.0, block.text, NOT_SENT.1), NOBODY.1),
        (Mark::NotRun(_) | Mark::Output, _) => return,
    };
    let started = Instant::now();
    let outcome = terminal.enter(&text);
    println!("{}:{}: {:.1?}", document.name, block.line, started.elapsed());
    check(document, block, status, &outcome);
    if matches!(block.mark, Mark::NotSent(_)) {
        assert!(outcome.stderr.contains(NOBODY.0), "{}", outcome.stderr);
    }
}

/// Holds what a block did against what its document says.
fn check(document: &Document, block: &Block, status: i32, outcome: &Outcome) {
    let Outcome { code, stdout, stderr } = outcome;
    let said = format!(
        "{}:{}: {}\nexit status {code:?}\nstdout:\n{stdout}\nstderr:\n{stderr}",
        document.name, block.line, block.text
    );
    assert_eq!(*code, Some(status), "{said}");
    if let Some(expected) = &block.prints {
        assert_eq!(stdout.trim_end().lines().last(), Some(expected.as_str()), "{said}");
    }
    let Some(output) = document.output_of(block) else {
        return;
    };
    let mut shapes = stderr.lines().chain(stdout.lines()).map(shape);
    for line in output.text.lines() {
        let wanted = shape(line);
        assert!(
            shapes.any(|shape| shape == wanted),
            "not said, or not in this order: {line}\n{said}"
        );
    }
}

/// A document whose blocks nobody runs would be held by nothing.
#[test]
fn every_document_with_blocks_is_read() {
    let pages = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let pages = pages.map(|name| format!("docs/{}", name.to_str().unwrap()));
    let pages = pages
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"))
        .chain(["README.md".to_owned()]);
    for name in pages {
        let document = document(&name);
        let runs = document.steps().any(|block| !matches!(block.mark, Mark::NotRun(_)));
        assert_eq!(runs, READ.contains(&name.as_str()), "{name}");
    }
}
