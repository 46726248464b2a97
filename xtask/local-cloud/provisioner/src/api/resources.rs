//! A stack's resources, shown.

use serde_json::{Value, json};

use crate::api::{Answer, Call, drift, page, timestamp};
use crate::error::ApiError;
use crate::resource::Resource;
use crate::stack::Stack;

impl Call<'_> {
    pub(super) fn describe_stack_resource(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["LogicalResourceId", "StackName"])?;
        let stack = self.described(&input.required("StackName")?)?;
        let wanted = input.required("LogicalResourceId")?;
        let resource = stack.resources.get(&wanted).ok_or_else(|| unknown(&wanted, stack))?;
        let detail = basics(stack, &wanted, resource, "LastUpdatedTimestamp")
            .set("StackName", stack.name.as_str())
            .set("StackId", stack.id.as_str())
            .maybe("Metadata", resource.metadata.as_ref().map(Value::to_string))
            .done();
        Ok(json!({ "StackResourceDetail": detail }))
    }

    pub(super) fn describe_stack_resources(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["LogicalResourceId", "PhysicalResourceId", "StackName"])?;
        let logical_id = input.text("LogicalResourceId");
        let physical_id = input.text("PhysicalResourceId");
        let stack = match (input.text("StackName"), &physical_id) {
            (Some(_), Some(_)) => {
                return Err(ApiError::validation(
                    "StackName and PhysicalResourceId exclude each other; give one of them",
                ));
            }
            (Some(name), None) => self.described(&name)?,
            (None, Some(physical_id)) => self.holder(physical_id)?,
            (None, None) => {
                return Err(ApiError::validation("give StackName or PhysicalResourceId"));
            }
        };
        let resources: Vec<Value> = stack
            .resources
            .iter()
            .filter(|(id, _)| logical_id.as_ref().is_none_or(|wanted| wanted == *id))
            .map(|(id, resource)| {
                basics(stack, id, resource, "Timestamp")
                    .set("StackName", stack.name.as_str())
                    .set("StackId", stack.id.as_str())
                    .done()
            })
            .collect();
        match logical_id {
            Some(wanted) if resources.is_empty() => Err(unknown(&wanted, stack)),
            _ => Ok(json!({ "StackResources": resources })),
        }
    }

    pub(super) fn list_stack_resources(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["NextToken", "StackName"])?;
        let stack = self.described(&input.required("StackName")?)?;
        let resources: Vec<(&String, &Resource)> = stack.resources.iter().collect();
        let (resources, next) = page(resources, input.text("NextToken").as_deref(), |(id, _)| (*id).clone())?;
        let summaries: Vec<Value> = resources
            .into_iter()
            .map(|(id, resource)| basics(stack, id, resource, "LastUpdatedTimestamp").done())
            .collect();
        Ok(Answer::default()
            .set("StackResourceSummaries", summaries)
            .maybe("NextToken", next)
            .done())
    }

    fn described(&self, name: &str) -> Result<&Stack, ApiError> {
        self.stacks
            .find(name)
            .map(|index| &self.stacks.list[index])
            .ok_or_else(|| ApiError::validation(format!("Stack with id {name} does not exist")))
    }

    fn holder(&self, physical_id: &str) -> Result<&Stack, ApiError> {
        self.stacks
            .list
            .iter()
            .filter(|stack| stack.deleted.is_none())
            .find(|stack| {
                stack
                    .resources
                    .values()
                    .any(|resource| resource.physical_id.as_deref() == Some(physical_id))
            })
            .ok_or_else(|| ApiError::validation(format!("Stack for {physical_id} does not exist")))
    }
}

fn unknown(logical_id: &str, stack: &Stack) -> ApiError {
    ApiError::validation(format!("Resource {logical_id} does not exist for stack {}", stack.name))
}

fn basics(stack: &Stack, logical_id: &str, resource: &Resource, timestamp_name: &str) -> Answer {
    Answer::default()
        .set("LogicalResourceId", logical_id)
        .maybe("PhysicalResourceId", resource.physical_id.as_deref())
        .set("ResourceType", resource.type_name.as_str())
        .set(timestamp_name, timestamp(resource.updated))
        .set("ResourceStatus", resource.status.to_string())
        .maybe("ResourceStatusReason", resource.status_reason.as_deref())
        .set("DriftInformation", drift::of_resource(stack, logical_id))
}
