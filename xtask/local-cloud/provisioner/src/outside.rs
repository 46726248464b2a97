//! Changes of resources that their stack isn't asked for, so that there is drift to detect.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;

use crate::provider::{Actual, Provider, ResourceRequest};
use crate::stacks::Stacks;

/// What someone does to a resource without asking its stack.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// The stack's name.
    pub stack: String,
    /// The resource's logical id.
    pub resource: String,
    /// The property, as a JSON pointer such as `/Threshold`; none deletes the resource.
    pub property: Option<String>,
    /// Its new value; none takes it away.
    pub value: Option<Value>,
}

impl Stacks {
    /// Changes or deletes a resource as its own service's calls would. The stack isn't told, and its record stays.
    ///
    /// # Errors
    ///
    /// When there is no such stack, resource or property, or the resource can't be so.
    pub fn change_from_outside(
        &mut self,
        now: SystemTime,
        provider: &mut dyn Provider,
        outside: &Outside,
    ) -> Result<(), String> {
        let (name, logical_id) = (&outside.stack, &outside.resource);
        let index = self.find(name).ok_or_else(|| format!("there is no stack {name}"))?;
        let token = self.ids.uuid();
        let stack = &self.list[index];
        let resource = stack
            .resources
            .get(logical_id)
            .filter(|resource| !resource.status.is_gone());
        let resource = resource.ok_or_else(|| format!("{name} has no resource {logical_id}"))?;
        let gone = || format!("{logical_id} isn't there");
        let physical_id = resource.physical_id.as_deref().ok_or_else(gone)?;
        let Actual::Properties(mut properties) = provider.actual(&resource.type_name, physical_id) else {
            return Err(gone());
        };
        if let Some(pointer) = &outside.property {
            set(&mut properties, pointer, outside.value.as_ref())?;
        }
        let request = ResourceRequest {
            stack_id: &stack.id,
            stack_name: &stack.name,
            logical_id,
            type_name: &resource.type_name,
            properties: &properties,
            tags: &resource.tags,
            generated_name: &resource.generated_name,
            role_arn: None,
            rolls_back: false,
            token: &token,
        };
        if outside.property.is_none() {
            return provider.delete(now, &request, physical_id);
        }
        if let Some(resource_type) = provider.resource_type(&resource.type_name) {
            resource_type.check(&properties).map_err(|faults| faults.join("; "))?;
        }
        provider.update(now, &request, physical_id, &resource.properties)
    }
}

/// Sets what a JSON pointer names, or takes it away; its parent must be there.
fn set(properties: &mut Value, pointer: &str, value: Option<&Value>) -> Result<(), String> {
    let missing = || format!("there is no property {pointer}: a path such as /Tags/0/Value");
    let (parent, last) = pointer.rsplit_once('/').ok_or_else(missing)?;
    match (properties.pointer_mut(parent).ok_or_else(missing)?, value) {
        (Value::Object(members), Some(value)) => {
            members.insert(last.to_owned(), value.clone());
        }
        (Value::Object(members), None) => {
            members.remove(last).ok_or_else(missing)?;
        }
        (Value::Array(items), value) => {
            let index: usize = last.parse().map_err(|_| missing())?;
            match value {
                Some(value) if index == items.len() => items.push(value.clone()),
                Some(value) => *items.get_mut(index).ok_or_else(missing)? = value.clone(),
                None if index < items.len() => drop(items.remove(index)),
                None => return Err(missing()),
            }
        }
        _ => return Err(missing()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the rows below are made on the spot")]
    fn check(pointer: &str, value: Option<Value>, expected: Option<Value>) {
        let mut properties = json!({"A": 1, "B": [1, 2]});
        let outcome = set(&mut properties, pointer, value.as_ref());
        assert_eq!(outcome.ok().map(|()| properties), expected, "{pointer}");
    }

    #[test]
    fn a_property_is_set_or_taken_away() {
        check("/A", Some(json!(2)), Some(json!({"A": 2, "B": [1, 2]})));
        check("/C", Some(json!(2)), Some(json!({"A": 1, "B": [1, 2], "C": 2})));
        check("/A", None, Some(json!({"B": [1, 2]})));
        check("/B/0", Some(json!(3)), Some(json!({"A": 1, "B": [3, 2]})));
        check("/B/2", Some(json!(3)), Some(json!({"A": 1, "B": [1, 2, 3]})));
        check("/B/1", None, Some(json!({"A": 1, "B": [1]})));
        for pointer in ["A", "/A/B", "/C/D", "/B/x", "/B/3"] {
            check(pointer, Some(json!(1)), None);
        }
        check("/C", None, None);
    }
}
