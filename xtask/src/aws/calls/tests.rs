//! That there is no way around the list.

mod requests;

use std::collections::BTreeSet;
use std::path::Path;

use super::{BESIDES, Call, LIST};

/// What makes a way to call, and the one file that may.
const WAYS: [(&str, &str); 3] = [
    ("sdk::Client::from_conf(", "aws/calls/macros.rs"),
    (":Operation=Operation{service:", "aws/calls/macros.rs"),
    ("operation::Operation::builder()", "aws/json.rs"),
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replace('$', "").split_whitespace().collect();
            found.push((path.to_str().unwrap().to_owned(), text));
        }
    }
}

#[test]
fn calls_are_made_in_no_other_way() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.retain(|(path, _)| !path.ends_with("aws/calls/tests.rs"));
    for (way, file) in WAYS {
        let makers: Vec<&str> = found
            .iter()
            .filter(|(_, text)| text.contains(way))
            .map(|(path, _)| path.as_str())
            .collect();
        assert!(makers.len() == 1 && makers[0].ends_with(file), "{way}: {makers:?}");
    }
    let clients = found.iter().filter(|(_, text)| {
        ["cloudformation", "ecr", "sts"]
            .iter()
            .any(|sdk| text.contains(&format!("aws_sdk_{sdk}::Client")))
    });
    assert_eq!(
        clients.count(),
        0,
        "an SDK's client is made or held outside of the list"
    );
}

#[test]
fn no_right_is_listed_twice() {
    let actions = LIST.into_iter().flatten().map(Call::action);
    let actions: Vec<String> = actions
        .chain(BESIDES.iter().map(|besides| besides.action.to_owned()))
        .collect();
    let distinct: BTreeSet<&String> = actions.iter().collect();
    assert_eq!(distinct.len(), actions.len());
}
