//! The streams of the command line: who reads them, and who has gone away.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    xtask(arguments).output().unwrap()
}

/// The objects that a command printed.
fn objects(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    for json in [false, true] {
        let mut arguments = vec!["explain", "AWS::ECS::Service"];
        arguments.extend(json.then_some("--json"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = xtask(&arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn an_error_has_its_status_whether_or_not_anybody_reads_it() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = xtask(&["explain", "Nothing"])
        .stdout(Stdio::null())
        .stderr(writer)
        .status();
    assert_eq!(output.unwrap().code(), Some(3));
}

#[test]
fn one_result_ends_every_outcome() {
    for (arguments, exit) in [
        (&["explain", "AWS::ECS::Service", "--json"][..], 0),
        (&["explain", "Nothing", "--json"], 3),
        (&["deploy", "nowhere", "--json"], 3),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}");
        let objects = objects(&output);
        let results = objects.iter().filter(|object| object["type"] == "result").count();
        assert_eq!(results, 1, "{arguments:?}");
        let last = objects.last().unwrap();
        assert_eq!(
            (&last["type"], last["exit"].as_i64()),
            (&"result".into(), Some(exit.into()))
        );
        assert!(objects.iter().all(|object| object["time"].is_string()), "{objects:?}");
    }
}

#[test]
fn what_is_no_terminal_gets_neither_colours_nor_a_block() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "xterm-256color")] {
        let output = xtask(&["explain", "Nothing"]).env(name, value).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("error[E-UNKNOWN-NAME]: "), "{said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
}
