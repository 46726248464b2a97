//! Which status codes pass a health check.

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// Status codes and ranges of them, such as `200`, `200,202` or `200-299`.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher(Vec<RangeInclusive<u16>>);

impl Matcher {
    /// Whether the code passes.
    pub fn matches(&self, status_code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status_code))
    }
}

impl Default for Matcher {
    fn default() -> Self {
        Self(vec![200..=200])
    }
}

/// Why a text isn't a matcher.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidMatcher(String);

impl fmt::Display for InvalidMatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(
            formatter,
            "health check matcher `{text}` isn't codes from 200 to 499, such as `200`, `200,202` or `200-299`"
        )
    }
}

impl std::error::Error for InvalidMatcher {}

impl FromStr for Matcher {
    type Err = InvalidMatcher;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(Self).ok_or_else(|| InvalidMatcher(text.to_owned()))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (code(first)?, code(last)?);
    (first <= last).then_some(first..=last)
}

/// "For Application Load Balancers, you can specify values between 200 and 499."
fn code(text: &str) -> Option<u16> {
    let code = text.trim().parse().ok()?;
    (200..=499).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, passing: &[u16], failing: &[u16]) {
        let matcher: Matcher = text.parse().unwrap();
        assert!(passing.iter().all(|&code| matcher.matches(code)), "{text} {passing:?}");
        assert!(!failing.iter().any(|&code| matcher.matches(code)), "{text} {failing:?}");
    }

    #[test]
    fn codes_and_ranges() {
        check("200", &[200], &[199, 201, 500]);
        check("200,202", &[200, 202], &[201]);
        check("200-299, 404", &[200, 250, 299, 404], &[300, 403, 405]);
    }

    #[test]
    fn refused() {
        for text in ["", "abc", "200-", "299-200", "99", "200-500", "200;201"] {
            assert!(text.parse::<Matcher>().is_err(), "{text}");
        }
    }
}
