//! What a target is told: the event itself, or what its input transformer makes of it.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

use serde_json::Value;

/// The message for a target.
pub(super) fn message(target: &Value, event: &Value) -> String {
    let transformer = &target["InputTransformer"];
    let Some(template) = transformer["InputTemplate"].as_str() else {
        return event.to_string();
    };
    let paths = transformer["InputPathsMap"].as_object().into_iter().flatten();
    paths.fold(template.to_owned(), |message, (name, path)| {
        let value = path.as_str().and_then(|path| find(event, path));
        message.replace(&format!("<{name}>"), &value.unwrap_or_default())
    })
}

/// `$.detail.pipeline` and the like.
fn find(event: &Value, path: &str) -> Option<String> {
    let names = path.strip_prefix("$.")?.split('.');
    let value = names.into_iter().try_fold(event, |value, name| value.get(name))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_is_filled_with_what_the_event_has() {
        let event = json!({"detail": {"pipeline": "trial", "version": 2}, "region": "here"});
        let paths = json!({"name": "$.detail.pipeline", "version": "$.detail.version", "none": "$.none"});
        let target = |template: &str| json!({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}});
        let check = |template: &str, expected: &str| assert_eq!(message(&target(template), &event), expected);
        check("<name> failed (version <version>)", "trial failed (version 2)");
        check("<none><unknown>", "<unknown>");
        assert_eq!(message(&json!({}), &event), event.to_string());
    }
}
