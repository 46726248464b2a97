//! What Rust's own test runner says, as reports in `JUnit`'s format: it writes them itself only on unstable Rust.
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html>

use std::fmt::Write as _;

/// A test that was run, or passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// Its path in the crate.
    pub(super) name: String,
    /// How it went.
    pub(super) outcome: Outcome,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Ignored,
    /// With what it said.
    Failed(String),
}

impl Case {
    /// What a test that failed said.
    pub(super) fn failure(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Failed(said) => Some(said),
            Outcome::Passed | Outcome::Ignored => None,
        }
    }
}

/// The tests in what the runner printed, in their order.
pub(super) fn cases(output: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = output.lines().filter_map(case).collect();
    let mut saying: Option<usize> = None;
    for line in output.lines() {
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            saying = cases
                .iter()
                .position(|case| case.name == name && case.failure().is_some_and(str::is_empty));
        } else if line == "failures:" || line.starts_with("test result: ") {
            saying = None;
        } else if let Some(Outcome::Failed(said)) = saying.map(|index| &mut cases[index].outcome) {
            said.push_str(line);
            said.push('\n');
        }
    }
    cases
}

/// `test a::b ... ok`.
fn case(line: &str) -> Option<Case> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let outcome = match outcome {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed(String::new()),
        ignored if ignored.starts_with("ignored") => Outcome::Ignored,
        _ => return None,
    };
    let name = name.trim_end_matches(" - should panic").to_owned();
    Some(Case { name, outcome })
}

/// The report of a suite.
pub(super) fn report(suite: &str, cases: &[Case]) -> String {
    let count = |wanted: fn(&Case) -> bool| cases.iter().filter(|case| wanted(case)).count();
    let failed = count(|case| case.failure().is_some());
    let skipped = count(|case| case.outcome == Outcome::Ignored);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
         <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\">\n",
        escaped(suite),
        cases.len(),
    );
    for case in cases {
        let (suite, name) = (escaped(suite), escaped(&case.name));
        let inner = match &case.outcome {
            Outcome::Passed => String::new(),
            Outcome::Ignored => "<skipped/>".to_owned(),
            Outcome::Failed(said) => format!("<failure message=\"failed\">{}</failure>", escaped(said)),
        };
        let _ = writeln!(
            text,
            "<testcase classname=\"{suite}\" name=\"{name}\">{inner}</testcase>"
        );
    }
    text + "</testsuite>\n</testsuites>\n"
}

/// Text as XML has it, without the characters that it can't have at all.
/// <https://www.w3.org/TR/xml/#charsets>
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            control if control.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 3 tests
test a::passes ... ok
test a::is_slow ... ignored, takes an hour
test b::fails ... FAILED
test c::panics - should panic ... ok

failures:

---- b::fails stdout ----

thread 'b::fails' panicked at src/b.rs:1:
left: <1> & \"2\"\u{1b}[0m

failures:
    b::fails

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out

running 1 test
test other ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
";

    #[test]
    fn what_the_runner_says_is_understood() {
        let cases = cases(OUTPUT);
        let outcomes: Vec<(&str, bool)> = cases
            .iter()
            .map(|case| (case.name.as_str(), case.failure().is_some()))
            .collect();
        let expected = [
            ("a::passes", false),
            ("a::is_slow", false),
            ("b::fails", true),
            ("c::panics", false),
            ("other", false),
        ];
        assert_eq!(outcomes, expected);
        let said = cases[2].failure().unwrap();
        assert!(said.contains("panicked at src/b.rs:1"), "{said}");
        assert!(!said.contains("test result"), "{said}");
    }

    #[test]
    fn the_report_is_xml_whatever_a_test_says() {
        insta::assert_snapshot!(report("service", &cases(OUTPUT)));
    }
}
