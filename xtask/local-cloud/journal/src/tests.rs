//! The journal as those who write and read it see it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;

use crate::{Follower, Journal, STREAMS_KEPT, Source};

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn said(journal: &Journal, stream: &str) -> Vec<(u64, u64, String)> {
    let events = journal.events("/a/group", stream).unwrap().unwrap_or_default();
    let event = |event: crate::Event| (event.timestamp_millis, event.sequence, event.message);
    events.into_iter().map(event).collect()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn lines_are_kept_by_group_and_stream_with_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.append("/a/group", "s/1", at(5), ["one", "", "#3 1 1"]).unwrap();
    journal.append("/a/group", "s/1", at(7), ["two"]).unwrap();
    journal.append("/a/group", "../s", at(9), ["other"]).unwrap();
    let expected = [(5, 0, "one"), (5, 1, ""), (5, 2, "#3 1 1"), (7, 0, "two")];
    let expected = expected.map(|(time, sequence, line)| (time, sequence, line.to_owned()));
    assert_eq!(said(&Journal::open(folder.path()).unwrap(), "s/1"), expected);
    let streams = journal.streams("/a/group").unwrap();
    let streams: Vec<_> = streams
        .iter()
        .map(|stream| (stream.name.as_str(), stream.first_millis, stream.last_millis))
        .collect();
    assert_eq!(streams, [("../s", 9, 9), ("s/1", 5, 7)]);
    assert_eq!(journal.events("/a/group", "none").unwrap(), None);
    journal.remove_group("/a/group").unwrap();
    assert!(journal.streams("/a/group").unwrap().is_empty());
}

#[test]
fn what_a_kill_cut_short_is_left_out_and_the_next_line_follows() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.append("/a/group", "s", at(5), ["whole"]).unwrap();
    let file = walk(folder.path());
    append(&file, "#6 0 100\nhalf");
    let journal = Journal::open(folder.path()).unwrap();
    journal.append("/a/group", "s", at(7), ["next"]).unwrap();
    assert_eq!(
        said(&journal, "s"),
        [(5, 0, "whole".to_owned()), (7, 0, "next".to_owned())]
    );
}

fn walk(folder: &Path) -> std::path::PathBuf {
    let entry = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    if entry.is_dir() { walk(&entry) } else { entry }
}

#[test]
fn the_oldest_streams_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    for number in 0..STREAMS_KEPT + 3 {
        journal.append("/a/group", &number.to_string(), at(1), ["x"]).unwrap();
    }
    assert_eq!(journal.streams("/a/group").unwrap().len(), STREAMS_KEPT);
}

#[test]
fn streams_expire_by_what_was_said_last() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    journal.append("/a/group", "old", at(1_000), ["x"]).unwrap();
    journal.append("/a/group", "new", at(9_000), ["x"]).unwrap();
    journal.expire("/a/group", at(10_000), Duration::from_secs(5)).unwrap();
    let names: Vec<_> = journal
        .streams("/a/group")
        .unwrap()
        .into_iter()
        .map(|stream| stream.name)
        .collect();
    assert_eq!(names, ["new"]);
}

#[test]
fn a_line_without_an_end_waits_for_it_unless_nothing_more_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut follower, path) = following(folder.path());
    append(&path, "one\ntw");
    follower.look(&journal, at(1)).unwrap();
    assert_eq!(said(&journal, "s"), [(1, 0, "one".to_owned())]);
    append(&path, "o\nthree");
    follower.finish(&journal, at(2)).unwrap();
    let lines: Vec<_> = said(&journal, "s").into_iter().map(|(_, _, line)| line).collect();
    assert_eq!(lines, ["one", "two", "three"]);
}

#[test]
fn a_file_that_is_written_again_from_its_beginning_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, mut follower, path) = following(folder.path());
    append(&path, "one\ntwo\n");
    follower.look(&journal, at(1)).unwrap();
    std::fs::write(&path, "one\n").unwrap();
    follower.look(&journal, at(2)).unwrap();
    append(&path, "two\nthree\n");
    follower.look(&journal, at(3)).unwrap();
    let lines: Vec<_> = said(&journal, "s").into_iter().map(|(_, _, line)| line).collect();
    assert_eq!(lines, ["one", "two", "three"]);
}

fn following(folder: &Path) -> (Journal, Follower, std::path::PathBuf) {
    let journal = Journal::open(&folder.join("journal")).unwrap();
    let path = folder.join("c.log");
    let source = Source {
        path: path.clone(),
        group: "/a/group".to_owned(),
        stream: "s".to_owned(),
    };
    let follower = Follower::new(source, &journal).unwrap();
    (journal, follower, path)
}

#[test]
fn a_program_that_has_ended_leaves_neither_a_file_nor_one_that_is_held_open() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, follower, path) = following(folder.path());
    append(&path, "first\nlast");
    let aside = folder.path().join("c.log.1");
    std::fs::write(&aside, "").unwrap();
    follower.finish(&journal, at(1)).unwrap();
    assert_eq!(said(&journal, "s").len(), 2);
    assert!(!path.exists() && !aside.exists());
    assert_eq!(journal.held_open(), 0);
    // One that never said anything has no file.
    let (journal, follower, _) = following(folder.path());
    follower.finish(&journal, at(2)).unwrap();
}

/// What can happen to a file that is followed.
#[derive(Debug, Clone)]
enum Step {
    Say(String),
    Look,
    /// Set aside what there is, and go on from nothing.
    Cut,
    /// The process that follows is killed, and another goes on.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => "[a-z#]{0,6}".prop_map(Step::Say),
        3 => Just(Step::Look),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing is lost and nothing doubled, as long as someone looks at each file once before it is cut.
    #[test]
    fn every_line_is_taken_in_once(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, mut follower, path) = following(folder.path());
        let mut expected = Vec::new();
        let mut now = 0;
        for step in steps {
            now += 1;
            match step {
                Step::Say(line) => {
                    append(&path, &format!("{line}\n"));
                    expected.push(line);
                }
                Step::Look => follower.look(&journal, at(now)).unwrap(),
                Step::Cut if path.exists() => {
                    for line in ["some", "last"] {
                        append(&path, &format!("{line}\n"));
                        expected.push(line.to_owned());
                        if line == "some" {
                            follower.look(&journal, at(now)).unwrap();
                        }
                    }
                    std::fs::copy(&path, folder.path().join("c.log.1")).unwrap();
                    std::fs::write(&path, "").unwrap();
                    follower.look(&journal, at(now)).unwrap();
                }
                Step::Cut => {}
                Step::Restart => (journal, follower, _) = following(folder.path()),
            }
        }
        follower.finish(&journal, at(now)).unwrap();
        let lines: Vec<_> = said(&journal, "s").into_iter().map(|(_, _, line)| line).collect();
        prop_assert_eq!(lines, expected);
    }
}
