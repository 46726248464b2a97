//! The whole state, and its three doors.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ApiError;
use crate::ids::Ids;
use crate::provider::Provider;

/// How long an operation on one resource may take where its type states nothing.
///
/// A named choice: AWS's default for a handler is two hours, and an ECS service's is three
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-service-cloudformation.html>).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_hours(3);

/// Every stack of one account in one region. Write it as JSON after every change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stacks {
    pub(crate) account_id: String,
    pub(crate) region: String,
    pub(crate) ids: Ids,
}

impl Stacks {
    /// No stack yet. The same seed and the same calls give the same ids.
    pub fn new(account_id: impl Into<String>, region: impl Into<String>, seed: u64) -> Self {
        Self {
            account_id: account_id.into(),
            region: region.into(),
            ids: Ids::new(seed),
        }
    }

    /// One API call, `operation` and the members of input and output named as in the API.
    ///
    /// Lists are arrays; numbers and booleans in the input may be strings; timestamps in the output are RFC 3339 strings.
    /// An operation under way is begun here and carried on by [`advance`](Self::advance).
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
        let _ = (now, provider, input, &mut self.ids);
        Err(ApiError::invalid_action(operation))
    }

    /// Carries every operation under way as far as it goes now. True when anything changed: call it again until false.
    ///
    /// Call it after every call, after every change of a resource, and at [`next_deadline`](Self::next_deadline).
    pub fn advance(&mut self, now: SystemTime, provider: &mut dyn Provider) -> bool {
        let _ = (now, provider, &mut self.ids);
        false
    }

    /// When [`advance`](Self::advance) must be called even if nothing else happens.
    pub fn next_deadline(&self) -> Option<SystemTime> {
        None
    }
}
