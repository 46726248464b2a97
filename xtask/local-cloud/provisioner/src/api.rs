//! The API's calls.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html>

mod change_sets;
mod describe;
mod drift;
mod input;
mod operations;
mod prepare;
mod recover;
mod resources;
mod templates;

use std::time::SystemTime;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::error::ApiError;
use crate::provider::Provider;
use crate::stacks::Stacks;

use input::Input;

/// One page of any list. AWS's pages end at 1 MB or 100 items.
const PAGE_ITEMS: usize = 100;

/// A call under way.
struct Call<'a> {
    stacks: &'a mut Stacks,
    now: SystemTime,
    provider: &'a mut dyn Provider,
    operation: &'a str,
    input: &'a Value,
}

impl Stacks {
    /// One API call, `operation` and the members of input and output named as in the API.
    ///
    /// Lists are arrays; numbers and booleans in the input may be strings; timestamps in the output are RFC 3339 strings.
    /// An operation under way is begun here and carried on by [`advance`](Self::advance); no call asks the provider to make,
    /// change or delete anything. A call that fails changes nothing.
    ///
    /// # Errors
    ///
    /// The API's own, `InvalidAction` for a call that isn't implemented, and `ValidationError` for a member that isn't.
    pub fn call(
        &mut self,
        now: SystemTime,
        provider: &mut dyn Provider,
        operation: &str,
        input: &Value,
    ) -> Result<Value, ApiError> {
        let answer = call(self, now, provider, operation, input)?;
        self.forget_deleted();
        Ok(answer)
    }
}

/// Answers one call; null where the model has no output at all, not even an empty one.
fn call(
    stacks: &mut Stacks,
    now: SystemTime,
    provider: &mut dyn Provider,
    operation: &str,
    input: &Value,
) -> Result<Value, ApiError> {
    let mut call = Call {
        stacks,
        now,
        provider,
        operation,
        input,
    };
    match operation {
        "CancelUpdateStack" => call.cancel_update_stack(),
        "ContinueUpdateRollback" => call.continue_update_rollback(),
        "CreateChangeSet" => call.create_change_set(),
        "CreateStack" => call.create_stack(),
        "DeleteChangeSet" => call.delete_change_set(),
        "DeleteStack" => call.delete_stack(),
        "DescribeChangeSet" => call.describe_change_set(),
        "DescribeStackDriftDetectionStatus" => call.describe_stack_drift_detection_status(),
        "DescribeStackEvents" => call.describe_stack_events(),
        "DescribeStackResource" => call.describe_stack_resource(),
        "DescribeStackResourceDrifts" => call.describe_stack_resource_drifts(),
        "DescribeStackResources" => call.describe_stack_resources(),
        "DescribeStacks" => call.describe_stacks(),
        "DetectStackDrift" => call.detect_stack_drift(),
        "ExecuteChangeSet" => call.execute_change_set(),
        "GetTemplate" => call.get_template(),
        "GetTemplateSummary" => call.get_template_summary(),
        "ListChangeSets" => call.list_change_sets(),
        "ListExports" => call.list_exports(),
        "ListImports" => call.list_imports(),
        "ListStackResources" => call.list_stack_resources(),
        "ListStacks" => call.list_stacks(),
        "RollbackStack" => call.rollback_stack(),
        "UpdateStack" => call.update_stack(),
        "UpdateTerminationProtection" => call.update_termination_protection(),
        "ValidateTemplate" => call.validate_template(),
        _ => Err(ApiError::invalid_action(operation)),
    }
}

impl<'a> Call<'a> {
    fn input(&self, known: &[&str]) -> Result<Input<'a>, ApiError> {
        Input::new(self.operation, self.input, known)
    }
}

/// An answer of members that may be missing.
#[derive(Default)]
struct Answer(Map<String, Value>);

impl Answer {
    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// In UTC, to the millisecond.
fn timestamp(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

/// The items after the one that the token names, and the token of the next page.
fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    id: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let start = match token {
        None => 0,
        Some(token) => items
            .iter()
            .position(|item| id(item) == token)
            .map(|position| position + 1)
            .ok_or_else(|| ApiError::validation("NextToken is not valid; begin again without it"))?,
    };
    let more = items.len() > start + PAGE_ITEMS;
    let items: Vec<T> = items.into_iter().skip(start).take(PAGE_ITEMS).collect();
    let next = items.last().filter(|_| more).map(id);
    Ok((items, next))
}
