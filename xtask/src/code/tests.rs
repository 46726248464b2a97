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
    let fix = "fix: cargo xtask errors --markdown > docs/errors.md";
    assert!(page == markdown(), "docs/errors.md is not what the codes say; {fix}");
}

#[test]
fn every_code_has_a_name_of_its_own_and_is_listed() {
    let names: BTreeSet<&str> = CODES.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), CODES.len());
    assert!(names.iter().all(|name| name.starts_with("E-")));
}

/// The part of a file that only tests see.
fn of_tests(path: &Path, text: &str) -> String {
    // The checkout itself may be below a folder of that name.
    let is_test = path
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .unwrap_or(path)
        .components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    if is_test {
        return text.to_owned();
    }
    at_tests(text).1.to_owned()
}

/// A file's text before its module of tests, and the rest.
fn at_tests(text: &str) -> (&str, &str) {
    let mut marks = text.match_indices("#[cfg(test)]\n");
    let of_tests = |rest: &str| rest.lines().nth(1).is_some_and(|line| line.ends_with("mod tests {"));
    let place = marks.find_map(|(place, _)| of_tests(&text[place..]).then_some(place));
    text.split_at(place.unwrap_or(text.len()))
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

/// The part of a file that is no test's, if it is of a command's path.
fn of_commands<'a>(path: &Path, text: &'a str) -> &'a str {
    if of_tests(path, text) == text {
        return "";
    }
    at_tests(text).0
}

/// The sources of the command line beside its tests, by their paths below `src`.
fn commands() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = Vec::new();
    sources(&folder, &mut texts);
    let within = |path: &Path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
    texts
        .iter()
        .map(|(path, text)| (within(path), of_commands(path, text).to_owned()))
        .collect()
}

/// How failures are made, and the exit status that each has.
const MADE: [(&str, &str); 3] = [
    ("Failure::new(Exit::Failed", "1"),
    ("Failure::refused(", "3"),
    ("Failure::preflight(", "4"),
];

/// The statements of commands that make a failure: the file, the exit status, and the text.
fn failures() -> Vec<(String, &'static str, String)> {
    let mut found = Vec::new();
    for (path, text) in commands() {
        for (made, status) in MADE {
            for (place, _) in text.match_indices(made) {
                let is_comment = text[..place]
                    .lines()
                    .last()
                    .is_some_and(|line| line.trim_start().starts_with("//"));
                if !is_comment {
                    let statement = text[place..].split_inclusive(";\n").next().unwrap_or_default();
                    found.push((path.clone(), status, statement.to_owned()));
                }
            }
        }
    }
    found
}

/// A failure without a code is told as the command line's own fault.
#[test]
fn every_failure_that_a_command_tells_is_given_a_code() {
    let mut without = Vec::new();
    for (path, _, statement) in failures() {
        if !statement.contains(".code(") {
            without.push(format!("{path}: {}", statement.lines().next().unwrap_or_default()));
        }
    }
    assert_eq!(without, [""; 0]);
}

/// The exit status that a code stands by on the page.
fn status_of(wanted: Code) -> &'static str {
    let mut now = "";
    for code in CODES {
        let begins = STATUSES.iter().find(|(.., first)| *first == code);
        now = begins.map_or(now, |(status, ..)| *status);
        if code == wanted {
            break;
        }
    }
    now
}

#[test]
fn codes_stand_by_the_exit_status_of_their_failures() {
    let named = |statement: &str| {
        let name = statement.split_once(".code(Code::")?.1.split(')').next()?;
        CODES.into_iter().find(|code| format!("{code:?}") == name)
    };
    let (mut held, mut apart) = (0, Vec::new());
    for (path, status, statement) in failures() {
        let Some(code) = named(&statement) else { continue };
        held += 1;
        // The page names these two beside the tables.
        let is_known = [(Code::File, "3"), (Code::Bug, "4")].contains(&(code, status));
        if status_of(code) != status && !is_known {
            apart.push(format!("{path}: {code:?} ends with {status}"));
        }
    }
    assert_eq!(apart, [""; 0]);
    assert!(held > 30, "{held}");
}

/// Where errors are made that have no code yet, and which one they are given by whoever calls.
const CODED_BY_THEIR_CALLERS: [(&str, &str); 20] = [
    ("aws/json.rs", "E-BUG: the SDK lacks what it always has"),
    ("bench", "E-CHECKS-FAILED"),
    ("build/", "E-FILE"),
    ("cloud.rs", "E-LOCAL-CLOUD, already given"),
    ("codegen", "E-CHECKS-FAILED"),
    ("cost/", "E-NO-PRICE"),
    ("docker.rs", "E-IMAGE-PUSH"),
    ("exit.rs", "none: it gives codes"),
    ("image", "E-BUILD, E-IMAGE-PUSH"),
    ("local", "E-LOCAL-CLOUD"),
    ("output.rs", "none"),
    ("publish.rs", "E-BUILD, E-IMAGE-PUSH"),
    ("rehearse", "E-CHECKS-FAILED"),
    ("soak", "E-CHECKS-FAILED"),
    ("stack/change_set.rs", "that of the error within"),
    ("stack/script.rs", "none: it is a test's"),
    ("test", "E-CHECKS-FAILED"),
    ("traffic.rs", "none: failed requests are counted"),
    ("traffic/", "E-ADDRESS; failed requests are counted"),
    ("code/", "none: it is a test's"),
];

#[test]
fn no_error_without_a_code_is_made_on_a_commands_path() {
    let made = ["anyhow!(", "bail!(", "ensure!(", ".context(", ".with_context("];
    let mut without = Vec::new();
    for (path, text) in commands() {
        if CODED_BY_THEIR_CALLERS.iter().any(|(known, _)| path.starts_with(known)) {
            continue;
        }
        for (place, _) in made.iter().flat_map(|made| text.match_indices(made)) {
            let statement = text[place..].split_inclusive([';', '}']).next().unwrap_or_default();
            let line = text[..place].lines().last().unwrap_or_default().trim_start();
            let rest = &text[place..];
            let near: Vec<&str> = rest.lines().take(5).collect();
            if !line.starts_with("//") && !statement.contains(".coded(") && !near.join("\n").contains(".coded(") {
                without.push(format!("{path}: {}", near[0]));
            }
        }
    }
    assert_eq!(without, [""; 0]);
}
