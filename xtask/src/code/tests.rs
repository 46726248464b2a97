//! That the page, the codes and the tests of errors go together.

mod provoked;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;

fn sources(folder: &Path, texts: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("src/code/tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            texts.push((path, text));
        }
    }
}

#[test]
fn the_page_is_what_the_codes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mend = "mend: cargo xtask errors --markdown > docs/errors.md";
    assert!(page == markdown(), "docs/errors.md is not what the codes say; {mend}");
}

#[test]
fn every_code_has_a_name_of_its_own_and_is_listed() {
    let names: BTreeSet<&str> = CODES.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), CODES.len());
    assert!(names.iter().all(|name| name.starts_with("E-")));
}

/// The part of a file that only tests see.
fn of_tests(path: &Path, text: &str) -> String {
    let is_test = path
        .components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    if is_test {
        return text.to_owned();
    }
    text.split_once("#[cfg(test)]\nmod tests {")
        .map(|(_, tests)| tests.to_owned())
        .unwrap_or_default()
}

#[test]
fn a_test_provokes_every_code_and_reads_what_is_told() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    sources(&package.join("src"), &mut texts);
    sources(&package.join("tests"), &mut texts);
    let texts: Vec<String> = texts.iter().map(|(path, text)| of_tests(path, text)).collect();
    let unread: Vec<&str> = CODES
        .iter()
        .map(|code| code.name())
        .filter(|name| !texts.iter().any(|text| text.contains(&format!("error[{name}]"))))
        .collect();
    assert_eq!(unread, [""; 0], "no test reads an error with these codes");
}
