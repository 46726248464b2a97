//! Variables in an action's configuration: `#{namespace.name}`.
//!
//! <https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html>

use std::collections::BTreeMap;

/// A text with its variables replaced.
///
/// # Errors
/// Names the variable that nothing has given.
pub(crate) fn resolve(text: &str, lookup: impl Fn(&str, &str) -> Option<String>) -> Result<String, String> {
    let (mut resolved, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("#{") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        let value = name
            .split_once('.')
            .and_then(|(namespace, name)| lookup(namespace, name));
        resolved.push_str(&rest[..start]);
        resolved
            .push_str(&value.ok_or_else(|| format!("the variable #{{{name}}} was not given by any earlier action"))?);
        rest = &rest[start + length + 1..];
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// A whole configuration with its variables replaced.
///
/// # Errors
/// Names the variable that nothing has given.
pub(crate) fn resolve_all(
    configuration: &BTreeMap<String, String>,
    lookup: impl Fn(&str, &str) -> Option<String>,
) -> Result<BTreeMap<String, String>, String> {
    let resolved = configuration
        .iter()
        .map(|(name, value)| Ok((name.clone(), resolve(value, &lookup)?)));
    resolved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_or_named() {
        let lookup = |namespace: &str, name: &str| (namespace == "Source").then(|| format!("<{name}>"));
        let check = |text: &str, expected: Result<&str, &str>| match (resolve(text, lookup), expected) {
            (Ok(actual), Ok(expected)) => assert_eq!(actual, expected),
            (Err(actual), Err(expected)) => assert!(actual.contains(expected), "{actual}"),
            other => panic!("{text}: {other:?}"),
        };
        check("", Ok(""));
        check("plain # {text}", Ok("plain # {text}"));
        check("a #{Source.CommitId} b #{Source.B}", Ok("a <CommitId> b <B>"));
        check("open #{Source.CommitId", Ok("open #{Source.CommitId"));
        check("#{Build.Image}", Err("#{Build.Image}"));
        check("#{alone}", Err("#{alone}"));
    }
}
