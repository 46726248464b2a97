//! A real terminal, and the signals that end a command: an update that never ends is followed, of a CloudFormation that this
//! test plays.

mod endless;
mod window;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::signals::{heeding, run_by, send};
use endless::Endless;
use window::Window;

/// Follows the update that never ends.
fn follow(cloud: &Endless) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["deploy", "sandbox", "--resume"]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name == "NO_COLOR") {
        command.env_remove(name);
    }
    command
        .env("AWS_ENDPOINT_URL", &cloud.url)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1")
        .env("TERM", "xterm-256color");
    command
}

/// The lines of what was written after some moment, without what moves the cursor or colours.
fn lines(written: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = written.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => drop(rest.by_ref().find(char::is_ascii_alphabetic)),
            '\r' => {}
            other => plain.push(other),
        }
    }
    plain.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_live_block_keeps_to_its_window_and_follows_it() {
    let cloud = Endless::start();
    let window = Window::open(24, 60);
    let mut child = window.run(&mut follow(&cloud));
    let mut seen = window.until(0, "updating the IAM role");
    for columns in [40, 100, 60] {
        window.resize(24, columns);
        // What was being drawn may still be of the old size; what comes next isn't.
        let from = window.until(window.until(seen, "\u{1b}[0J"), "\u{1b}[0J");
        seen = window.until(from, "\u{1b}[0J");
        let block = lines(&window.written()[from..seen]);
        let widest = block.iter().map(|line| line.chars().count()).max();
        assert!(widest < Some(columns.into()), "{columns}: {block:?}");
        assert!(!block.iter().any(|line| line.contains('…')), "{columns}: {block:?}");
    }
    assert!(window.written().contains("\u{1b}[2m"), "what is done is quiet");
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let from = window.until(seen, "error[E-INTERRUPTED]: interrupted:");
    let error = lines(&window.written()[from..window.until(from, "--resume`")]);
    let widest = error.iter().map(|line| line.chars().count()).max();
    assert!(widest < Some(60), "it keeps to the window, too: {error:?}");
    assert!(error[1].starts_with("    "), "what goes on stands in: {error:?}");
}

#[test]
fn no_color_and_a_dumb_terminal_are_heeded() {
    let cloud = Endless::start();
    for (name, value, block) in [("NO_COLOR", "1", true), ("TERM", "dumb", false)] {
        let window = Window::open(24, 80);
        let mut child = window.run(follow(&cloud).env(name, value));
        let needle = if block { "\u{1b}[0J" } else { "(UPDATE_IN_PROGRESS)" };
        window.until(0, needle);
        send(&child, Signal::TERM);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let written = window.written();
        assert_eq!(written.contains('\u{1b}'), block, "{name}: {written:?}");
        let mut sequences = written.split("\u{1b}[").skip(1);
        let colours = |sequence: &str| {
            sequence
                .trim_start_matches(|digit: char| digit.is_ascii_digit())
                .starts_with('m')
        };
        assert!(!sequences.any(colours), "{name}: {written:?}");
    }
}

/// Follows it for programs, up to its first event.
fn follow_for_programs(mut command: Command) -> (Child, impl Iterator<Item = Value>) {
    let mut child = command
        .arg("--json")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut objects = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    objects.find(|object| object["code"] == "resource-began").unwrap();
    (child, objects)
}

#[test]
fn whatever_ends_a_command_ends_its_ndjson_with_a_result() {
    let cloud = Endless::start();
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::INT] {
        let heeding = heeding(&follow(&cloud));
        let (mut child, objects) = follow_for_programs(heeding);
        send(&child, signal);
        let last = objects.last().unwrap();
        assert_eq!(
            (&last["type"], &last["code"], &last["exit"]),
            (&"result".into(), &"E-INTERRUPTED".into(), &130.into()),
            "{signal:?}"
        );
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal:?}");
    }
}

#[test]
fn what_outlives_its_terminal_by_nohup_goes_on() {
    let cloud = Endless::start();
    let command = run_by("nohup", &[], &follow(&cloud));
    let (mut child, objects) = follow_for_programs(command);
    send(&child, Signal::HUP);
    cloud.until_asked(cloud.asked() + 20);
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    send(&child, Signal::TERM);
    let last = objects.last().unwrap();
    assert!(last["error"].as_str().unwrap().starts_with("interrupted: "), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_reader_that_takes_one_line_and_goes_ends_nothing() {
    let cloud = Endless::start();
    let (mut child, objects) = follow_for_programs(follow(&cloud));
    // As `| head -1` does.
    drop(objects);
    cloud.until_asked(cloud.asked() + 20);
    assert!(child.try_wait().unwrap().is_none(), "it goes on to its end");
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
