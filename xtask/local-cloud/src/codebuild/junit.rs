//! Test reports in `JUnit`'s format: elements `testsuite` with `testcase`, at any depth.
//!
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html>

use std::time::Duration;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::{Deserialize, Serialize};

/// One test, as a report has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TestCase {
    pub(crate) suite: String,
    /// The class, which is what `CodeBuild` shows as the prefix.
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) status: TestStatus,
    pub(crate) took: Duration,
    /// Why it failed, or was skipped; empty where nothing says.
    pub(crate) message: String,
    /// The file that says so, below the source.
    pub(crate) file: String,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TestStatus {
    Succeeded,
    Failed,
    Error,
    Skipped,
}

impl TestStatus {
    pub(crate) const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Error, Self::Skipped];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Error => "ERROR",
            Self::Skipped => "SKIPPED",
        }
    }

    /// What an element within a test says of it.
    fn of_element(name: &str) -> Option<Self> {
        match name {
            "failure" => Some(Self::Failed),
            "error" => Some(Self::Error),
            "skipped" => Some(Self::Skipped),
            _ => None,
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    suites: Vec<String>,
    open: Option<TestCase>,
    found: Vec<TestCase>,
}

/// The tests in a file of this name.
///
/// # Errors
/// One line: why it isn't XML.
pub(super) fn parse(text: &str, file: &str) -> Result<Vec<TestCase>, String> {
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::default();
    let malformed = |error: &dyn std::fmt::Display| format!("{file}: {error}");
    loop {
        match reader.read_event().map_err(|error| malformed(&error))? {
            Event::Start(element) => reading.begins(&element, file).map_err(|error| malformed(&error))?,
            Event::Empty(element) => {
                reading.begins(&element, file).map_err(|error| malformed(&error))?;
                reading.ends(element.name().as_ref());
            }
            Event::End(element) => reading.ends(element.name().as_ref()),
            Event::Eof => return Ok(reading.found),
            _ => {}
        }
    }
}

impl Reading {
    fn begins(&mut self, element: &BytesStart<'_>, file: &str) -> Result<(), String> {
        let name = element.name();
        match name.as_ref() {
            "testsuite" => self.suites.push(attribute(element, "name")?),
            "testcase" => {
                let seconds = attribute(element, "time")?.parse::<f64>().unwrap_or_default();
                self.open = Some(TestCase {
                    suite: self.suites.last().cloned().unwrap_or_default(),
                    prefix: attribute(element, "classname")?,
                    name: attribute(element, "name")?,
                    status: TestStatus::Succeeded,
                    took: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
                    message: String::new(),
                    file: file.to_owned(),
                });
            }
            inner => {
                if let (Some(case), Some(status)) = (&mut self.open, TestStatus::of_element(inner)) {
                    case.status = status;
                    case.message = attribute(element, "message")?;
                }
            }
        }
        Ok(())
    }

    fn ends(&mut self, name: &str) {
        match name {
            "testsuite" => drop(self.suites.pop()),
            "testcase" => self.found.extend(self.open.take()),
            _ => {}
        }
    }
}

/// An attribute's text; empty where there is none.
fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, String> {
    let found = element.try_get_attribute(name).map_err(|error| error.to_string())?;
    let text = found.map(|found| {
        found
            .normalized_value(XmlVersion::Implicit1_0)
            .map(std::borrow::Cow::into_owned)
    });
    text.transpose()
        .map(Option::unwrap_or_default)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_with_every_way_a_test_can_end() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuites>
              <testsuite name="service" tests="4">
                <testcase classname="service::faults" name="a &lt;b&gt;" time="0.25"/>
                <testcase classname="service::faults" name="c" time="1"><failure message="1 is not 2">trace</failure></testcase>
                <testcase classname="service::faults" name="d"><error message="gone"/></testcase>
                <testcase classname="service::faults" name="e"><system-out>said</system-out><skipped/></testcase>
              </testsuite>
              <testsuite name="stacks"><testcase name="f" time="soon"></testcase></testsuite>
            </testsuites>"#;
        let cases = parse(text, "a.xml").unwrap();
        let told: Vec<String> = cases
            .iter()
            .map(|case| {
                let place = [case.suite.as_str(), &case.prefix, &case.name].join("/");
                format!("{place} {} {:?} {:?}", case.status.as_str(), case.took, case.message)
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        service/service::faults/a <b> SUCCEEDED 250ms ""
        service/service::faults/c FAILED 1s "1 is not 2"
        service/service::faults/d ERROR 0ns "gone"
        service/service::faults/e SKIPPED 0ns ""
        stacks//f SUCCEEDED 0ns ""
        "#);
    }

    #[test]
    fn what_is_no_xml_is_named() {
        let error = parse("<testsuite><testcase name=a></testsuite>", "a.xml").unwrap_err();
        assert!(error.starts_with("a.xml: "), "{error}");
    }
}
