//! Filter patterns of plain terms.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

use std::fmt;

/// What a line must contain: every term, none that is excluded, and one of the optional ones if there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

/// A pattern of a kind that isn't supported: of JSON, of fields, or a regular expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedPattern(String);

impl fmt::Display for UnsupportedPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the pattern `{}` is not supported: give terms, \"quoted terms\", ?one-of or -excluded terms",
            self.0
        )
    }
}

impl std::error::Error for UnsupportedPattern {}

impl Pattern {
    /// Reads a pattern; an empty one is in every line.
    ///
    /// # Errors
    /// When it isn't of plain terms.
    pub fn parse(text: &str) -> Result<Self, UnsupportedPattern> {
        let unsupported = || UnsupportedPattern(text.to_owned());
        let mut pattern = Self::default();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let terms = match first {
                '?' => &mut pattern.any,
                '-' => &mut pattern.none,
                '{' | '[' | '%' => return Err(unsupported()),
                _ => &mut pattern.all,
            };
            rest = rest.trim_start_matches(['?', '-']);
            let (term, after) = term(rest).ok_or_else(unsupported)?;
            terms.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    /// Whether a line is one of those asked for. Case counts.
    pub fn matches(&self, line: &str) -> bool {
        let has = |term: &String| line.contains(term.as_str());
        self.all.iter().all(has) && !self.none.iter().any(has) && (self.any.is_empty() || self.any.iter().any(has))
    }
}

/// The first term, and what follows it; none where a quote isn't closed.
fn term(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"'),
        None => Some(text.split_once(char::is_whitespace).unwrap_or((text, ""))),
    }
    .filter(|(term, _)| !term.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_all_terms_and_no_excluded_one() {
        let check = |pattern: &str, line: &str, expected: bool| {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(line),
                expected,
                "`{pattern}` in `{line}`"
            );
        };
        check("", "anything", true);
        check("ERROR", "an ERROR", true);
        check("ERROR", "an error", false);
        check("ERROR Exception", "Exception: ERROR", true);
        check("ERROR Exception", "ERROR", false);
        check("\"not found\"", "it was not found", true);
        check("\"not found\"", "not yet found", false);
        check("?ERROR ?WARN", "WARN", true);
        check("?ERROR ?WARN", "INFO", false);
        check("ERROR -expected", "expected ERROR", false);
        check("ERROR -\"as usual\"", "ERROR as ever", true);
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        for pattern in ["{ $.a = 1 }", "[ip, user]", "%a+%", "\"open", "? x"] {
            let error = Pattern::parse(pattern).unwrap_err();
            assert!(error.to_string().contains(pattern), "{error}");
        }
    }
}
