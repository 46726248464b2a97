//! Calls that end an update, or mend what one left.

use serde_json::{Value, json};

use crate::api::Call;
use crate::api::operations::USER_INITIATED;
use crate::change_set::ExecutionStatus;
use crate::engine::{delete, roll_back};
use crate::error::ApiError;
use crate::resource::ResourceStatus;
use crate::run::Phase;
use crate::stack::{Stack, StackStatus};

impl Call<'_> {
    pub(super) fn cancel_update_stack(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ClientRequestToken", "StackName"])?;
        let index = self.existing(&input)?;
        let mut stack = self.stacks.list[index].clone();
        if stack.status != StackStatus::UpdateInProgress || stack.stable.is_none() {
            return Err(ApiError::validation(
                "CancelUpdateStack cannot be called from current stack status",
            ));
        }
        stack.token = input.text("ClientRequestToken");
        if let Some(mut run) = stack.run.take() {
            self.engine(|engine| engine.cancel(&mut stack, &mut run));
        }
        stack.finish_execution(ExecutionStatus::ExecuteFailed);
        self.begin_rollback(&mut stack);
        self.stacks.list[index] = stack;
        Ok(Value::Null)
    }

    pub(super) fn continue_update_rollback(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ClientRequestToken", "ResourcesToSkip", "RoleARN", "StackName"])?;
        let index = self.existing(&input)?;
        let skipped = input.texts("ResourcesToSkip")?;
        let mut stack = self.stacks.list[index].clone();
        if stack.status != StackStatus::UpdateRollbackFailed {
            return Err(ApiError::validation(format!(
                "Stack:{} is in {} state and can not continue rolling back.",
                stack.id, stack.status
            )));
        }
        for id in &skipped {
            let failed = stack
                .resources
                .get(id)
                .is_some_and(|resource| resource.status == ResourceStatus::UpdateFailed);
            if !failed {
                return Err(ApiError::validation(format!(
                    "Resource [{id}] is not in UPDATE_FAILED state; only such resources can be skipped"
                )));
            }
        }
        stack.token = input.text("ClientRequestToken");
        if let Some(role_arn) = input.text("RoleARN") {
            stack.deployment.role_arn = Some(role_arn);
        }
        roll_back::skip(&mut stack, &skipped);
        self.begin_rollback(&mut stack);
        self.stacks.list[index] = stack;
        Ok(json!({}))
    }

    pub(super) fn rollback_stack(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ClientRequestToken", "RetainExceptOnCreate", "RoleARN", "StackName"])?;
        let index = self.existing(&input)?;
        let retain = input.boolean("RetainExceptOnCreate")?.unwrap_or(false);
        let mut stack = self.stacks.list[index].clone();
        if !matches!(stack.status, StackStatus::CreateFailed | StackStatus::UpdateFailed) {
            return Err(ApiError::validation(format!(
                "Stack:{} is in {} state and can not be rolled back.",
                stack.id, stack.status
            )));
        }
        stack.token = input.text("ClientRequestToken");
        stack.retain_except_on_create = retain;
        if stack.stable.is_some() {
            self.begin_rollback(&mut stack);
        } else {
            stack.set_status(
                self.now,
                &mut self.stacks.ids,
                StackStatus::RollbackInProgress,
                Some(USER_INITIATED.to_owned()),
            );
            stack.run = Some(delete::everything(&mut stack, Phase::Rollback));
        }
        let id = stack.id.clone();
        self.stacks.list[index] = stack;
        Ok(json!({ "StackId": id }))
    }

    fn begin_rollback(&mut self, stack: &mut Stack) {
        stack.set_status(
            self.now,
            &mut self.stacks.ids,
            StackStatus::UpdateRollbackInProgress,
            Some(USER_INITIATED.to_owned()),
        );
        stack.run = Some(roll_back::run(stack));
    }
}
