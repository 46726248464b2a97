//! What the steps amount to: a table, and the failure if there is one.

use std::time::Duration;

use optional_programs::{ALL_VARIABLE, Missing, Skip};

use crate::code::Code;
use crate::exit::{Exit, Failure};
use crate::progress::human;
use crate::table;

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed(String),
    Skipped(Missing),
}

/// A step that was run or skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    /// The tests of it that were skipped.
    pub(super) skips: Vec<Skip>,
}

/// What a run with hidden programs must have skipped, by the reasons that tests record.
const HIDDEN: [&str; 3] = [
    "no Docker daemon answers",
    "no docker-registry",
    "no AWS CLI in target/venv",
];

/// A row for each step, and below it a row for each group of skipped tests: those that lack the same program.
pub(super) fn render(done: &[Done]) -> String {
    let rows: Vec<Vec<String>> = done.iter().flat_map(rows).collect();
    table::render(&["STEP", "OUTCOME", "TOOK", "WHY", "TO RUN IT"], &rows)
}

fn rows(done: &Done) -> Vec<Vec<String>> {
    let (outcome, why, install) = match &done.outcome {
        Outcome::Passed => ("passed", "", ""),
        Outcome::Failed(why) => ("FAILED", why.lines().next().unwrap_or_default(), ""),
        Outcome::Skipped(missing) => ("skipped", missing.why.as_str(), missing.install.as_str()),
    };
    let took = human(done.took);
    let step = [done.name, outcome, &took, why, install].map(str::to_owned).to_vec();
    std::iter::once(step).chain(groups(&done.skips)).collect()
}

fn groups(skips: &[Skip]) -> Vec<Vec<String>> {
    let mut reasons: Vec<(&str, &str)> = skips.iter().map(|skip| (&*skip.why, &*skip.install)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let row = |(why, install): (&str, &str)| {
        let mut tests: Vec<&str> = skips
            .iter()
            .filter(|skip| skip.why == why && skip.install == install)
            .map(|skip| skip.test.as_str())
            .collect();
        tests.sort_unstable();
        tests.dedup();
        let number = if tests.len() == 1 {
            "1 test".to_owned()
        } else {
            format!("{} tests", tests.len())
        };
        let mut modules: Vec<&str> = tests
            .iter()
            .map(|test| test.rsplit_once("::").map_or(*test, |(module, _)| module))
            .collect();
        modules.dedup();
        let why = format!("{why}: {number} of {}", modules.join(", "));
        ["", "skipped", "", &why, install].map(str::to_owned).to_vec()
    };
    reasons.into_iter().map(row).collect()
}

/// The failure of the run: a step failed, or something was skipped although everything is required. `None` otherwise.
pub(super) fn failure(done: &[Done], all_required: bool) -> Option<Failure> {
    let named = |wanted: fn(&Done) -> bool| -> Vec<&str> {
        done.iter().filter(|done| wanted(done)).map(|done| done.name).collect()
    };
    let failed = named(|done| matches!(done.outcome, Outcome::Failed(_)));
    let skipped = named(|done| matches!(done.outcome, Outcome::Skipped(_)) || !done.skips.is_empty());
    let again = |names: &[&str]| format!("`cargo xtask test {}` runs just that", names.join(" "));
    if !failed.is_empty() {
        return Some(failing(format!("failed: {}", failed.join(", "))).next(again(&failed)));
    }
    if all_required && !skipped.is_empty() {
        let what = format!("skipped, which {ALL_VARIABLE}=1 doesn't allow: {}", skipped.join(", "));
        return Some(failing(what).next(again(&skipped)));
    }
    None
}

/// The failure of a run with hidden programs in which tests that need them weren't skipped. `None` if they all were.
pub(super) fn not_hidden(done: &[Done]) -> Option<Failure> {
    let skipped = |why: &&str| done.iter().flat_map(|done| &done.skips).any(|skip| skip.why == *why);
    let unskipped: Vec<&str> = HIDDEN.into_iter().filter(|why| !skipped(why)).collect();
    (!unskipped.is_empty()).then(|| {
        let what = format!("no test was skipped for this reason: {}", unskipped.join("; "));
        failing(what).next("`cargo xtask test --hide-programs` runs just that")
    })
}

fn failing(what: String) -> Failure {
    Failure::new(Exit::Failed, what).code(Code::ChecksFailed)
}

#[cfg(test)]
mod tests {
    use optional_programs::Program;

    use super::*;

    fn done(outcome: Outcome, skips: &[(&str, &str)]) -> Done {
        let skip = |&(test, why): &(&str, &str)| Skip {
            test: test.to_owned(),
            why: why.to_owned(),
            install: format!("apt-get install {}", why.replace("no ", "")),
        };
        Done {
            name: "clippy",
            outcome,
            took: Duration::from_millis(1200),
            skips: skips.iter().map(skip).collect(),
        }
    }

    fn missing() -> Missing {
        Missing {
            program: Program::Docker,
            why: "no Docker".to_owned(),
            install: "start it".to_owned(),
        }
    }

    #[test]
    fn a_skip_fails_only_if_all_is_required() {
        for skipped in [
            done(Outcome::Skipped(missing()), &[]),
            done(Outcome::Passed, &[("one", "no wrk")]),
        ] {
            assert!(failure(std::slice::from_ref(&skipped), false).is_none());
            let failure = failure(&[skipped], true).unwrap();
            assert_eq!(failure.what, "skipped, which ONEBOX_TEST_ALL=1 doesn't allow: clippy");
        }
        assert!(failure(&[done(Outcome::Passed, &[])], true).is_none());
    }

    #[test]
    fn a_failure_names_the_command_that_repeats_it() {
        let all = [done(Outcome::Passed, &[]), done(Outcome::Failed("no".to_owned()), &[])];
        insta::assert_snapshot!(crate::telling::report::text(&failure(&all, false).unwrap().into()), @"
        error[E-CHECKS-FAILED]: failed: clippy
          next: `cargo xtask test clippy` runs just that
        ");
    }

    #[test]
    fn hidden_programs_must_have_been_missed() {
        let skips = HIDDEN.map(|why| ("one", why));
        assert!(not_hidden(&[done(Outcome::Passed, &skips)]).is_none());
        let failure = not_hidden(&[done(Outcome::Passed, &skips[..2])]).unwrap();
        assert_eq!(
            failure.what,
            "no test was skipped for this reason: no AWS CLI in target/venv"
        );
    }

    #[test]
    fn outcomes_and_skipped_groups_in_a_table() {
        let skips = [
            ("xtask push::tests::two", "no wrk"),
            ("xtask push::tests::one", "no wrk"),
            ("xtask push::tests::one", "no wrk"),
            ("runtime tests::three", "no nginx"),
            ("runtime other::four", "no wrk"),
        ];
        let all = [
            done(Outcome::Passed, &skips),
            done(Outcome::Failed("two\nlines".to_owned()), &[]),
            done(Outcome::Skipped(missing()), &[]),
        ];
        insta::assert_snapshot!(render(&all), @"
        STEP    OUTCOME  TOOK   WHY                                                  TO RUN IT
        clippy  passed   1.2 s
                skipped         no nginx: 1 test of runtime tests                    apt-get install nginx
                skipped         no wrk: 3 tests of runtime other, xtask push::tests  apt-get install wrk
        clippy  FAILED   1.2 s  two
        clippy  skipped  1.2 s  no Docker                                            start it
        ");
    }
}
