//! Every block of every document that a shell can run, in the order in which people read them.
//!
//! They are typed into one terminal, so to say: in one copy of the checkout, with one local cloud, and what a block sets or
//! where it goes is there for the next. `cargo xtask` is the program under test, so that it isn't built once more.

#[path = "../../src/documents/markdown.rs"]
mod markdown;
mod sessions;
#[path = "../../src/documents/shape.rs"]
mod shape;
mod terminal;

use std::path::{Path, PathBuf};

use self::markdown::{Block, Document, Mark};
use self::shape::shape;
use self::terminal::Terminal;
use crate::cloud::Outcome;
use crate::wire::pinned;

/// The documents whose blocks are run each time, in the order in which they are read.
const READ: [&str; 2] = ["README.md", "docs/permissions.md"];

/// The document whose blocks are run when someone asks.
const WALK_THROUGH: &str = "docs/walkthrough.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document(name: &str) -> Document {
    Document::parse(name, &std::fs::read_to_string(root().join(name)).unwrap()).unwrap()
}

#[test]
fn every_block_of_the_documents_does_what_it_says() {
    run(&READ);
}

#[test]
#[ignore = "several deployments at the local cloud's usual speed: minutes"]
fn every_block_of_the_walkthrough_does_what_it_says() {
    run(&[WALK_THROUGH]);
}

fn run(names: &[&str]) {
    if pinned("aws").is_none() {
        return;
    }
    let terminal = Terminal::new();
    for name in names {
        let document = document(name);
        for block in document.steps() {
            let Mark::Ends(status) = block.mark else { continue };
            println!("{name}:{}", block.line);
            let outcome = if block.language == "diff" {
                terminal.apply(&block.text)
            } else {
                terminal.enter(&block.text)
            };
            check(&document, block, status, &outcome);
        }
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
        let runs = document(&name).steps().any(|block| matches!(block.mark, Mark::Ends(_)));
        let is_read = READ.contains(&name.as_str()) || name == WALK_THROUGH;
        assert_eq!(runs, is_read, "{name}");
    }
}
