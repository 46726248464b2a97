//! Tests of what documents and errors tell people to type: every command line must be one.
//!
//! That the blocks do what they say is for `tests/end_to_end/documents.rs`, which runs them.

mod aws;
mod markdown;
mod notation;

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use self::markdown::{Document, Mark, spans};
use self::notation::{command_lines, expand, filled};
use crate::flags::Xtask;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below a folder with an extension, in order.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|known| known == extension) {
            found.push(path);
        }
    }
}

/// Every document.
fn documents() -> Vec<Document> {
    let mut paths = vec![root().join("README.md")];
    files(&root().join("docs"), "md", &mut paths);
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        Document::parse(name, &std::fs::read_to_string(path).unwrap()).unwrap()
    };
    paths.iter().map(read).collect()
}

/// What is wrong with a command line in documents' notation, if anything is.
fn wrong(line: &str) -> Option<String> {
    let lines = match expand(line) {
        Ok(lines) => lines,
        Err(problem) => return Some(problem),
    };
    lines.iter().find_map(|words| {
        let problems: Result<Vec<String>, ()> =
            filled(words).iter().map(|words| parse(words).err().ok_or(())).collect();
        problems.ok()?.pop()
    })
}

/// Whether the flags take it, or it is a command's name alone, by which text speaks of it.
fn parse(words: &[String]) -> Result<(), String> {
    let mut command = Xtask::command();
    let is_name = words.iter().all(|word| {
        let found = command.find_subcommand(word).cloned();
        found.map(|found| command = found).is_some()
    });
    if is_name {
        return Ok(());
    }
    match Xtask::try_parse_from(std::iter::once("xtask").chain(words.iter().map(String::as_str))) {
        Err(error) if error.kind() != ErrorKind::DisplayHelp => Err(format!("{}: {error}", words.join(" "))),
        _ => Ok(()),
    }
}

#[test]
fn every_command_line_in_a_document_is_one() {
    let mut seen = 0;
    for document in documents() {
        let blocks = document.blocks.iter().filter(|block| block.language != "text");
        let in_blocks = blocks.flat_map(|block| command_lines(&block.text).into_iter().map(|line| (block.line, line)));
        let in_lines = document.lines.iter().flat_map(|(number, line)| {
            let spans: Vec<String> = spans(line).flat_map(|span| command_lines(&span)).collect();
            spans.into_iter().map(|line| (*number, line))
        });
        for (number, line) in in_blocks.chain(in_lines) {
            seen += 1;
            let problem = wrong(&line);
            assert_eq!(problem, None, "{}:{number}: cargo xtask {line}", document.name);
        }
    }
    assert!(seen > 50, "only {seen} command lines were found");
}

/// What a table calls a command is written out, so that it can be copied.
#[test]
fn tables_of_commands_write_them_out() {
    for document in documents() {
        let mut in_table = false;
        for (number, line) in &document.lines {
            let first = line.strip_prefix('|').and_then(|rest| rest.split(" | ").next());
            in_table = first.is_some_and(|first| in_table || first.trim() == "command");
            for span in first.into_iter().filter(|_| in_table).flat_map(spans) {
                assert!(span.starts_with("cargo xtask"), "{}:{number}: {span}", document.name);
            }
        }
    }
}

/// The sources that say something to people: each file with its text.
fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    let mut sources = Vec::new();
    for folder in ["xtask/src", "xtask/local-cloud/src", "stacks/src"] {
        files(&root().join(folder), "rs", &mut sources);
    }
    // Here they are mistaken on purpose.
    let is_here = |path: &PathBuf| {
        let mut parts = path.components();
        parts.any(|part| part.as_os_str().to_string_lossy().starts_with("documents"))
    };
    sources.retain(|path| !is_here(path));
    sources.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    })
}

/// The code spans in what the sources say to people, each with its place.
fn said_in_sources() -> impl Iterator<Item = (String, String)> {
    sources().flat_map(|(path, text)| {
        let lines = text.lines().enumerate();
        let said = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
        let placed = said.flat_map(|(index, line)| {
            let place = format!("{}:{}", path.display(), index + 1);
            spans(line).map(move |span| (place.clone(), span)).collect::<Vec<_>>()
        });
        placed.collect::<Vec<_>>()
    })
}

#[test]
fn every_command_line_that_errors_name_is_one() {
    let mut seen = 0;
    let named = said_in_sources().filter(|(_, span)| span.starts_with("cargo xtask"));
    for (place, span) in named {
        for line in command_lines(&span) {
            seen += 1;
            assert_eq!(wrong(&line), None, "{place}: cargo xtask {line}");
        }
    }
    assert!(seen > 30, "only {seen} command lines were found");
}

#[test]
fn a_command_line_that_is_none_is_found() {
    for (line, right) in [
        ("deploy <sandbox|prod> [--local] --yes", true),
        ("deploy", true),
        ("deploy <sandbox|staging>", false),
        ("deploy sandbox --loca", false),
        ("deploy … --stage shared|onebox|fleet", true),
        ("rollback {}{}", true),
        ("status {} --watc", false),
        ("load sandbox --duration 2h", false),
    ] {
        assert_eq!(wrong(line).is_none(), right, "{line}: {:?}", wrong(line));
    }
}

/// The changes that the documents tell of fit the code as it is.
#[test]
fn the_changes_to_try_apply() {
    let folder = root().join("docs");
    let mut paths = Vec::new();
    files(&folder, "diff", &mut paths);
    assert_eq!(paths.len(), 3);
    for path in paths {
        let mut git = std::process::Command::new("git");
        git.args(["apply", "--check"]).arg(path.canonicalize().unwrap());
        let output = git.current_dir(root()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", path.display());
    }
}

/// A link to a page that isn't there leads nowhere.
#[test]
fn links_lead_to_files() {
    for document in documents() {
        let folder = root().join(&document.name).parent().unwrap().to_owned();
        for (number, line) in &document.lines {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = link.split('#').next().unwrap_or_default();
                let is_file = path.is_empty() || path.contains("://") || folder.join(path).exists();
                assert!(is_file, "{}:{number}: {link}", document.name);
            }
        }
    }
}

/// A block in another language is passed over: one that people type must be in none but these.
#[test]
fn blocks_are_in_languages_that_are_known() {
    for document in documents() {
        for block in &document.blocks {
            let known = ["sh", "diff", "rust", "text"].contains(&block.language.as_str());
            assert!(known, "{}:{}: {:?}", document.name, block.line, block.language);
        }
    }
}

/// The blocks that no test runs, each with its reason: a list to be read whenever it changes.
#[test]
fn blocks_that_are_not_run() {
    let mut list = String::new();
    for document in documents() {
        for block in document.steps() {
            if let Mark::NotRun(reason) = &block.mark {
                let first = block.text.lines().next().unwrap_or_default();
                list.extend([&document.name, ": ", first, "\n    ", reason, "\n"]);
            }
        }
    }
    insta::assert_snapshot!(list, @"
    README.md: cargo xtask test
        it is what runs the test that runs these blocks
    ");
}
