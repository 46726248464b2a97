//! The recorded sessions in `docs/sessions/`: what the terminal shows at what people do first.
//!
//! `UPDATE_SESSIONS=1 cargo test --package xtask --test end_to_end sessions` records them anew. Without the variable they are
//! held against a run: which lines come when depends on the machine's speed, so the first and the last must be the same but
//! for numbers, and most of the others must be there.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::shape::shape;
use crate::cloud::{Cloud, Outcome};

/// The sessions: file, what is typed after `cargo xtask`, how it ends.
const SESSIONS: [(&str, &str, i32); 4] = [
    ("first-deploy", "deploy sandbox --local --yes", 0),
    ("nothing-to-do", "deploy sandbox --local --yes", 0),
    ("rolled-back", "deploy sandbox --local --yes --fault error=500@10%", 5),
    ("destroy", "destroy sandbox --local --yes", 0),
];

/// The share of a recorded session's lines that a run must show, in per cent.
const LINES_TO_FIND: usize = 60;

fn path(name: &str) -> PathBuf {
    super::root().join("docs/sessions").join(format!("{name}.txt"))
}

/// Types a command, and gives what both streams showed, in order.
fn type_in(cloud: &Cloud, line: &str, status: i32) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$0" "$@" 2>&1"#, env!("CARGO_BIN_EXE_xtask")]);
    shell.args(line.split(' '));
    cloud.surround(&mut shell);
    let outcome = Outcome::of(shell);
    outcome.expect(status);
    let shown = outcome.stdout.lines().filter(|line| !is_cargos(line)).map(without_ids);
    let lines: Vec<String> = shown.collect();
    format!("$ cargo xtask {line}\n{}\n$ echo $?\n{status}\n", lines.join("\n"))
}

/// What cargo says while it compiles is different each time.
fn is_cargos(line: &str) -> bool {
    ["Compiling", "Finished", "Blocking", "Downloaded", "Downloading"]
        .contains(&line.split_whitespace().next().unwrap_or_default())
}

/// A line with times, digests and ids left away, so that recording it again changes nothing that hasn't changed.
fn without_ids(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let end = word.trim_end_matches([',', '.', ':', ';', ')']).len();
        let (name, mark) = word.split_at(end);
        let kept = if let Some((before, _)) = name.split_once("sha256:") {
            format!("{before}sha256:<digest>")
        } else if name.len() > 18 && name.as_bytes()[4] == b'-' && name.ends_with('Z') {
            "<time>".to_owned()
        } else if let Some((before, _)) = name.split_once("ecs-svc/") {
            format!("{before}ecs-svc/<id>")
        } else {
            name.to_owned()
        };
        kept + mark
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn sessions_are_as_recorded() {
    let cloud = Cloud::without_docker();
    let update = std::env::var_os("UPDATE_SESSIONS").is_some();
    // What must be compiled is compiled here: a session doesn't show how long that takes.
    let mut build = Command::new(env!("CARGO_BIN_EXE_xtask"));
    build.args(["image", "build"]);
    cloud.surround(&mut build);
    Outcome::of(build).expect(0);
    for (name, line, status) in SESSIONS {
        let seen = type_in(&cloud, line, status);
        if update {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), &seen).unwrap();
        }
        check(name, &fs::read_to_string(path(name)).unwrap(), &seen);
    }
}

fn check(name: &str, recorded: &str, seen: &str) {
    let fix = "fix: UPDATE_SESSIONS=1 cargo test --package xtask --test end_to_end sessions";
    let shapes = |text: &str| text.lines().map(shape).collect::<Vec<String>>();
    let (recorded, lines) = (shapes(recorded), shapes(seen));
    // The last two lines are the exit status.
    let ends = |lines: &[String]| [lines[0].clone(), lines[lines.len() - 3].clone()];
    assert_eq!(
        ends(&recorded),
        ends(&lines),
        "docs/sessions/{name}.txt is out of date; {fix}"
    );
    let there: BTreeSet<&String> = lines.iter().collect();
    let distinct: BTreeSet<&String> = recorded.iter().collect();
    let found = distinct.intersection(&there).count();
    assert!(
        found * 100 >= distinct.len() * LINES_TO_FIND,
        "docs/sessions/{name}.txt is out of date: of {} lines {found} were seen; {fix}\n{seen}",
        distinct.len()
    );
}

#[test]
fn ids_are_left_away() {
    for (line, expected) in [
        ("now both run sha256:6143503572ab", "now both run sha256:<digest>"),
        ("fired at 2026-11-24T17:26:04Z: 15", "fired at <time>: 15"),
        (
            "(deployment ecs-svc/8741619883458938009); it",
            "(deployment ecs-svc/<id>); it",
        ),
    ] {
        assert_eq!(without_ids(line), expected);
    }
}
