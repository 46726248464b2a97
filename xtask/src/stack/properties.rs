//! The properties of a resource that a change set would change, before and after.

use serde_json::Value;

/// The longest value that people are shown in full, in characters.
const SHOWN_CHARACTERS: usize = 160;

/// What stands in a change set for a value that CloudFormation learns only while it runs:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-samples.html>.
const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// A property's change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PropertyChange {
    /// Where it is, without `/Properties`: `ContainerDefinitions/0/Image`.
    pub(crate) path: String,
    /// The value before, text bare and anything else as JSON; none where there was none.
    pub(crate) before: Option<String>,
    /// The value after; the same as before where it changes only if what it refers to does.
    pub(crate) after: Option<String>,
}

/// The changes within one property as a change set tells them: values that hold others are taken apart, so that each
/// change stands where it happens.
pub(crate) fn within(path: &str, before: Option<&str>, after: Option<&str>) -> Vec<PropertyChange> {
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix("Properties/").unwrap_or(path);
    let (before, after) = (before.map(parse), after.map(parse));
    let mut changes = Vec::new();
    collect(path, before.as_ref(), after.as_ref(), &mut changes);
    if changes.is_empty() {
        changes.push(change(path, before.as_ref(), after.as_ref()));
    }
    changes
}

/// The properties of a resource that is created.
pub(crate) fn added(properties: &Value) -> Vec<PropertyChange> {
    let properties = properties.as_object().into_iter().flatten();
    properties
        .map(|(name, value)| change(name, None, Some(value)))
        .collect()
}

/// One line for people, who are shown the beginning of long values.
pub(crate) fn render(change: &PropertyChange) -> String {
    line(change, beginning)
}

/// The same with all of every value.
pub(crate) fn render_whole(change: &PropertyChange) -> String {
    line(change, whole)
}

fn line(change: &PropertyChange, shown: fn(&str) -> String) -> String {
    let PropertyChange { path, before, after } = change;
    match (before.as_deref(), after.as_deref()) {
        (None, None) => format!("~ {path}"),
        (None, Some(after)) => format!("+ {path}: {}", shown(after)),
        (Some(before), None) => format!("- {path}: {}", shown(before)),
        (Some(before), Some(after)) if before == after => {
            format!("? {path}: {}, unless what it refers to changes", shown(before))
        }
        (Some(before), Some(after)) => format!("~ {path}: {} → {}", shown(before), shown(after)),
    }
}

/// Text that holds an object or a list is one; anything else is text, since change sets give numbers and text alike.
fn parse(text: &str) -> Value {
    let compound = text.starts_with(['{', '[']);
    let parsed = compound.then(|| serde_json::from_str(text).ok()).flatten();
    parsed.unwrap_or_else(|| Value::from(text))
}

fn collect(path: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<PropertyChange>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for (name, value) in before {
                collect(&format!("{path}/{name}"), Some(value), after.get(name), changes);
            }
            for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
                collect(&format!("{path}/{name}"), None, Some(value), changes);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                collect(&format!("{path}/{index}"), Some(before), Some(after), changes);
            }
        }
        (before, after) => changes.push(change(path, before, after)),
    }
}

fn change(path: &str, before: Option<&Value>, after: Option<&Value>) -> PropertyChange {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    PropertyChange {
        path: path.to_owned(),
        before: before.map(text),
        after: after.map(text),
    }
}

fn whole(value: &str) -> String {
    let value = value.replace(KNOWN_AFTER_APPLY, "(known after the deployment)");
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    with_short_digests(&value.replace('\n', "\\n"))
}

fn beginning(value: &str) -> String {
    let one_line = whole(value);
    if one_line.chars().count() <= SHOWN_CHARACTERS {
        return one_line;
    }
    let start: String = one_line.chars().take(SHOWN_CHARACTERS).collect();
    format!("{start}…")
}

/// The text with each digest of an image cut to the digits that tell it from others, as everywhere.
fn with_short_digests(text: &str) -> String {
    const PREFIX: &str = "sha256:";
    const DIGITS: usize = 64;
    const SHOWN: usize = 12;
    let mut parts = text.split(PREFIX);
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short.push_str(PREFIX);
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = part.bytes().take_while(is_digit).count();
        if digits == DIGITS {
            short.push_str(&part[..SHOWN]);
            short.push_str(&part[DIGITS..]);
        } else {
            short.push_str(part);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_told_by_the_first_digits_of_its_digest() {
        let image = |digit: &str| format!("host/repository@sha256:{}", digit.repeat(64));
        let change = PropertyChange {
            path: "ContainerDefinitions/0/Image".to_owned(),
            before: Some(image("1")),
            after: Some(format!("[\"{}\",\"sha256:12\"]", image("e"))),
        };
        insta::assert_snapshot!(render(&change), @r#"~ ContainerDefinitions/0/Image: host/repository@sha256:111111111111 → ["host/repository@sha256:eeeeeeeeeeee","sha256:12"]"#);
    }

    fn check(path: &str, before: Option<&str>, after: Option<&str>, expected: &[&str]) {
        let lines: Vec<String> = within(path, before, after).iter().map(render).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_change_stands_where_it_happens() {
        check("/Properties/Port", Some("80"), Some("8080"), &["~ Port: 80 → 8080"]);
        check("/Properties/Name", None, Some(""), &["+ Name: \"\""]);
        check("/Properties/Name", Some("x"), None, &["- Name: x"]);
        check(
            "/Properties/Definitions",
            Some(r#"[{"Image":"a","Port":1,"Old":true}]"#),
            Some(r#"[{"Image":"b","Port":1,"New":{"x":[]}}]"#),
            &[
                "~ Definitions/0/Image: a → b",
                "- Definitions/0/Old: true",
                "+ Definitions/0/New: {\"x\":[]}",
            ],
        );
        check(
            "/Properties/Subnets",
            Some(r#"["a"]"#),
            Some(r#"["a","b"]"#),
            &[r#"~ Subnets: ["a"] → ["a","b"]"#],
        );
    }

    #[test]
    fn what_may_stay_as_it_is_says_so() {
        check(
            "/Properties/Role",
            Some("arn"),
            Some("arn"),
            &["? Role: arn, unless what it refers to changes"],
        );
        check("/Properties/Role", None, None, &["~ Role"]);
    }

    #[test]
    fn what_only_the_deployment_can_tell_says_so() {
        check(
            "/Properties/Role",
            Some("arn"),
            Some("{{changeSet:KNOWN_AFTER_APPLY}}"),
            &["~ Role: arn → (known after the deployment)"],
        );
    }

    #[test]
    fn text_that_only_looks_like_json_is_text() {
        check("/Properties/Name", Some("{a"), Some("[b"), &["~ Name: {a → [b"]);
    }

    #[test]
    fn long_values_are_cut_for_people_only() {
        let long = "x".repeat(1000);
        let changes = within("/Properties/Name", None, Some(&long));
        assert_eq!(changes[0].after.as_deref(), Some(long.as_str()));
        assert_eq!(render(&changes[0]), format!("+ Name: {}…", "x".repeat(160)));
    }
}
