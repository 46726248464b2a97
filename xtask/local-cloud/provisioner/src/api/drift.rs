//! Drift: detected at once, where AWS takes minutes, and shown.

use serde_json::{Value, json};

use crate::api::{Answer, Call, page, timestamp};
use crate::drift::{Difference, Drift, ResourceDrift};
use crate::error::ApiError;
use crate::resource::Resource;
use crate::stack::{Stack, StackStatus};
use crate::wire::name;

/// The most differences that one page shows.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResourceDrifts.html>
const MAX_RESULTS: usize = 100;

impl Call<'_> {
    pub(super) fn detect_stack_drift(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["LogicalResourceIds", "StackName"])?;
        let wanted = input.required("StackName")?;
        let only = input.texts("LogicalResourceIds")?;
        let index = self.stacks.find(&wanted).ok_or_else(|| missing(&wanted))?;
        let stack = &self.stacks.list[index];
        if !may_be_checked(stack.status) {
            return Err(ApiError::validation(format!(
                "Drift detection cannot be performed on stack [{wanted}] in the status [{}].",
                stack.status
            )));
        }
        let checked = stack
            .resources
            .iter()
            .filter(|(id, resource)| !resource.status.is_gone() && (only.is_empty() || only.contains(*id)));
        let found = checked.filter_map(|(id, resource)| {
            let physical_id = resource.physical_id.as_deref()?;
            let actual = self.provider.actual(&resource.type_name, physical_id);
            Some((id.clone(), ResourceDrift::of(resource, actual, self.now)?))
        });
        let resources = found.collect();
        let id = self.stacks.ids.uuid();
        self.stacks.list[index].drift = Some(Drift {
            id: id.clone(),
            at: self.now,
            resources,
        });
        Ok(json!({ "StackDriftDetectionId": id }))
    }

    pub(super) fn describe_stack_drift_detection_status(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["StackDriftDetectionId"])?;
        let wanted = input.required("StackDriftDetectionId")?;
        let drift_of = |stack: &'_ Stack| stack.drift.clone().filter(|drift| drift.id == wanted);
        let found = self
            .stacks
            .list
            .iter()
            .find_map(|stack| Some((stack, drift_of(stack)?)));
        let (stack, drift) =
            found.ok_or_else(|| ApiError::validation(format!("Drift detection with id {wanted} does not exist")))?;
        Ok(json!({
            "StackId": stack.id,
            "StackDriftDetectionId": drift.id,
            "StackDriftStatus": drift.status(),
            "DetectionStatus": "DETECTION_COMPLETE",
            "DriftedStackResourceCount": drift.drifted(),
            "Timestamp": timestamp(drift.at),
        }))
    }

    pub(super) fn describe_stack_resource_drifts(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&[
            "MaxResults",
            "NextToken",
            "StackName",
            "StackResourceDriftStatusFilters",
        ])?;
        let wanted = input.required("StackName")?;
        let filters = input.texts("StackResourceDriftStatusFilters")?;
        let limit: Option<usize> = input.number("MaxResults")?;
        if limit.is_some_and(|limit| !(1..=MAX_RESULTS).contains(&limit)) {
            return Err(ApiError::validation("MaxResults is from 1 to 100"));
        }
        let index = self.stacks.find(&wanted).ok_or_else(|| missing(&wanted))?;
        let stack = &self.stacks.list[index];
        let found = stack
            .drift
            .iter()
            .flat_map(|drift| &drift.resources)
            .filter_map(|(id, drift)| {
                let resource = stack.resources.get(id)?;
                let is_wanted = filters.is_empty() || filters.contains(&name(&drift.status));
                is_wanted.then_some((id, resource, drift))
            });
        let (found, next) = page(found.collect(), input.text("NextToken").as_deref(), |(id, ..)| {
            (*id).clone()
        })?;
        let limit = limit.unwrap_or(MAX_RESULTS);
        let next = found
            .get(limit)
            .and(found.get(limit - 1))
            .map(|(id, ..)| (*id).clone())
            .or(next);
        let drifts = found.into_iter().take(limit).map(|found| describe(stack, found));
        Ok(Answer::default()
            .set("StackResourceDrifts", drifts.collect::<Vec<_>>())
            .maybe("NextToken", next)
            .done())
    }
}

/// Where nothing goes on and everything is there.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html>
fn may_be_checked(status: StackStatus) -> bool {
    matches!(
        status,
        StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::UpdateRollbackComplete
            | StackStatus::UpdateRollbackFailed
    )
}

fn missing(wanted: &str) -> ApiError {
    ApiError::validation(format!("Stack with id {wanted} does not exist"))
}

/// What is known of a stack's drift.
pub(super) fn of_stack(stack: &Stack) -> Value {
    match &stack.drift {
        None => json!({ "StackDriftStatus": "NOT_CHECKED" }),
        Some(drift) => json!({ "StackDriftStatus": drift.status(), "LastCheckTimestamp": timestamp(drift.at) }),
    }
}

/// What is known of a resource's drift.
pub(super) fn of_resource(stack: &Stack, logical_id: &str) -> Value {
    match stack.drift.as_ref().and_then(|drift| drift.resources.get(logical_id)) {
        None => json!({ "StackResourceDriftStatus": "NOT_CHECKED" }),
        Some(drift) => {
            json!({ "StackResourceDriftStatus": name(&drift.status), "LastCheckTimestamp": timestamp(drift.at) })
        }
    }
}

fn describe(stack: &Stack, (id, resource, drift): (&String, &Resource, &ResourceDrift)) -> Value {
    let differences: Vec<Value> = drift.differences.iter().map(difference).collect();
    Answer::default()
        .set("StackId", stack.id.as_str())
        .set("LogicalResourceId", id.as_str())
        .maybe("PhysicalResourceId", resource.physical_id.as_deref())
        .set("ResourceType", resource.type_name.as_str())
        .set("ExpectedProperties", drift.expected.to_string())
        .maybe("ActualProperties", drift.actual.as_ref().map(Value::to_string))
        .set("PropertyDifferences", differences)
        .set("StackResourceDriftStatus", name(&drift.status))
        .set("Timestamp", timestamp(drift.at))
        .done()
}

fn difference(difference: &Difference) -> Value {
    json!({
        "PropertyPath": difference.path,
        "ExpectedValue": text(&difference.expected),
        "ActualValue": text(&difference.actual),
        "DifferenceType": name(&difference.kind),
    })
}

/// A value as a text: what is a text already, without quotation marks.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
