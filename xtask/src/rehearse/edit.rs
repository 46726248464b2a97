//! Editing a template: values put at JSON pointers.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::scenario::Edit;

/// The template with the edits made.
///
/// # Errors
/// When there is no such place in the template, or the value is no JSON.
pub(crate) fn edit(template: &str, edits: &[Edit<'_>]) -> anyhow::Result<String> {
    let mut template: Value = serde_json::from_str(template)?;
    for edit in edits {
        put(&mut template, edit).with_context(|| format!("cannot edit {}", edit.pointer))?;
    }
    // Without spaces, as CloudFormation takes no more than 51,200 bytes.
    Ok(serde_json::to_string(&template)?)
}

/// Puts a value where there is one, at the end of a list, or under a new name (`/Resources/+Name`).
fn put(template: &mut Value, edit: &Edit<'_>) -> anyhow::Result<()> {
    let value: Value = serde_json::from_str(edit.value).context("the value is no JSON")?;
    if let Some(list) = edit.pointer.strip_suffix("/-") {
        let list = template.pointer_mut(list).and_then(Value::as_array_mut);
        list.context("there is no such list")?.push(value);
        return Ok(());
    }
    if let Some((object, name)) = edit.pointer.rsplit_once("/+") {
        let object = template.pointer_mut(object).and_then(Value::as_object_mut);
        let before = object
            .context("there is no such object")?
            .insert(name.to_owned(), value);
        ensure!(before.is_none(), "the name is taken");
        return Ok(());
    }
    let place = template.pointer_mut(edit.pointer).context("there is no such value")?;
    ensure!(*place != value, "the value is there already");
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Stacks;
    use crate::flags::Environment;
    use crate::rehearse::scenario::Step;
    use crate::rehearse::scenarios::SCENARIOS;

    #[test]
    fn values_are_replaced_and_lists_grow() {
        let template = r#"{"a": [{"b": 1}]}"#;
        let edited = |pointer, value| {
            let edited = edit(template, &[Edit { pointer, value }]).ok()?;
            Some(serde_json::from_str::<Value>(&edited).unwrap().to_string())
        };
        assert_eq!(edited("/a/0/b", "2").as_deref(), Some(r#"{"a":[{"b":2}]}"#));
        assert_eq!(edited("/a/-", "3").as_deref(), Some(r#"{"a":[{"b":1},3]}"#));
        assert_eq!(edited("/a/0/b", "1"), None, "nothing would change");
        assert_eq!(edited("/a/0/c", "1"), None);
        assert_eq!(edited("/b/-", "1"), None);
    }

    #[test]
    fn every_scenarios_edits_find_their_place() {
        let template = Stacks::of(Environment::Sandbox).service.template;
        for scenario in SCENARIOS {
            edit(&template, scenario.edits).unwrap();
            for step in scenario.steps {
                if let Step::Edit(edits) = step {
                    edit(&template, edits).unwrap();
                }
            }
        }
    }
}
