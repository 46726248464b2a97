//! The AWS CLI's commands that documents and errors tell people to type: a test runs each, or it is said here why not.

use std::collections::{BTreeMap, BTreeSet};

use super::markdown::{Document, Mark, spans};
use super::{documents, root, said_in_sources, sources};

/// The tests that run the AWS CLI's commands, one a line.
const TRANSCRIPTS: &str = "xtask/tests/end_to_end/wire/transcript.rs";

/// The commands that no test runs, each with its reason.
const NOT_RUN: [(&str, &str); 3] = [
    ("aws sso login", "it opens a browser, to sign in at AWS"),
    (
        "aws sns subscribe",
        "nobody can be told on one machine: the local cloud has no API of SNS",
    ),
    (
        "aws service-quotas request-service-quota-increase",
        "it asks people at AWS; the local cloud has no limits to raise",
    ),
];

/// The service and the operation of a command of the AWS CLI's; none of another command.
fn command(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    // A flag before the service, as for a profile, is no command of its own.
    let is_name = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let (program, service, operation) = (words.next()?, words.next()?, words.next()?);
    (program == "aws" && [service, operation].iter().all(is_name)).then(|| format!("aws {service} {operation}"))
}

/// The AWS CLI's commands in a document, each with its line: in blocks, and in the text between them.
fn told_by(document: &Document) -> Vec<(usize, String)> {
    let of_block = |block: &super::markdown::Block| {
        let (line, text) = (block.line, block.text.clone());
        text.lines()
            .filter_map(command)
            .map(|told| (line, told))
            .collect::<Vec<_>>()
    };
    let of_line = |(line, text): &(usize, String)| {
        let told = spans(text).filter_map(|span| command(&span));
        told.map(|told| (*line, told)).collect::<Vec<_>>()
    };
    let blocks = document.blocks.iter().flat_map(of_block);
    blocks.chain(document.lines.iter().flat_map(of_line)).collect()
}

/// The services whose commands errors name by `Cli::command`, which puts `aws` before them.
const NAMED_BY_ERRORS: [&str; 3] = ["cloudformation", "codecommit", "codepipeline"];

/// The AWS CLI's commands that the sources name by `Cli::command`, each with its file.
fn named_by_errors() -> impl Iterator<Item = (String, String)> {
    sources().flat_map(|(path, text)| {
        let arguments = text
            .split(".command(")
            .skip(1)
            .filter_map(|rest| rest.split('"').nth(1));
        let of_service = arguments.filter(|text| NAMED_BY_ERRORS.iter().any(|service| text.starts_with(service)));
        let named = of_service.filter_map(|text| Some((path.display().to_string(), command(&format!("aws {text}"))?)));
        named.collect::<Vec<_>>()
    })
}

/// The AWS CLI's commands that tests run: those of the transcripts, and those in documents' blocks.
fn run_by_tests() -> BTreeSet<String> {
    let transcripts = std::fs::read_to_string(root().join(TRANSCRIPTS)).unwrap();
    let of_line = |line: &str| command(line.split_once(" = ").map_or(line, |(_, rest)| rest));
    let mut run: BTreeSet<String> = transcripts.lines().filter_map(of_line).collect();
    for document in documents() {
        let steps = document.steps().filter(|step| !matches!(step.mark, Mark::NotRun(_)));
        run.extend(steps.flat_map(|step| step.text.lines().filter_map(command).collect::<Vec<_>>()));
    }
    run
}

#[test]
fn every_command_of_the_aws_cli_is_run_by_a_test() {
    let mut told = BTreeMap::new();
    for document in documents() {
        for (line, command) in told_by(&document) {
            told.insert(command, format!("{}:{line}", document.name));
        }
    }
    let in_errors = said_in_sources();
    told.extend(in_errors.filter_map(|(place, span)| Some((command(&span)?, place))));
    let by_errors: Vec<_> = named_by_errors().collect();
    assert!(by_errors.len() > 5, "only {by_errors:?} were found");
    told.extend(by_errors.into_iter().map(|(place, command)| (command, place)));
    assert!(told.len() > 12, "only {} commands were found", told.len());

    let run = run_by_tests();
    for (command, place) in &told {
        let reason = NOT_RUN.iter().find(|(name, _)| name == command);
        assert!(
            run.contains(command) != reason.is_some(),
            "{place}: `{command}`: either {TRANSCRIPTS} or a document's block runs it, or NOT_RUN says why nobody does"
        );
    }
    let stale = NOT_RUN.iter().find(|(name, _)| !told.contains_key(*name));
    assert_eq!(stale, None, "nobody tells people to type this");
}

#[test]
fn commands_of_the_aws_cli_are_found() {
    for (line, expected) in [
        ("aws sts get-caller-identity", Some("aws sts get-caller-identity")),
        (
            "aws cloudformation delete-stack --stack-name {name}",
            Some("aws cloudformation delete-stack"),
        ),
        ("aws ecs describe-services \\", Some("aws ecs describe-services")),
        ("aws", None),
        ("aws --profile people ecs list-clusters", None),
        ("aws {service} list", None),
        ("awslocal ecs list-clusters", None),
    ] {
        assert_eq!(command(line).as_deref(), expected, "{line}");
    }
}
