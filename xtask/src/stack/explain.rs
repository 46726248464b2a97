//! What a failed operation is told as: the first cause first, then what to do next.

use std::fmt::Write as _;

use super::events::Event;
use super::standing::Outcome;
use crate::code::Code;
use crate::exit::{Exit, Failure};

/// A failed operation on a stack; none when it ended as asked.
///
/// `again` is the command that was run; `details` are further words on the cause, such as why tasks stopped.
pub(crate) fn failure(
    stack: &str,
    status: &str,
    outcome: Outcome,
    cause: Option<&Event>,
    details: &[String],
    again: &str,
) -> Option<Failure> {
    let exit = match outcome {
        Outcome::Complete => return None,
        Outcome::RolledBack => Exit::RolledBack,
        Outcome::RollbackFailed => Exit::RollbackFailed,
        Outcome::Failed => Exit::Failed,
    };
    let mut what = cause.map_or_else(|| format!("{stack} ended as {status}, and AWS gives no reason"), words);
    for detail in details {
        what.push_str("\n  ");
        what.push_str(detail);
    }
    let _ = write!(what, "\n  {stack}: {status}, {}", consequence(status));
    let mut failure = Failure::new(exit, what);
    if exit == Exit::Failed {
        failure = failure.code(Code::StackFailed);
    }
    Some(steps(stack, status, again).into_iter().fold(failure, Failure::next))
}

/// A stack whose update's rollback failed, found before anything was done.
pub(crate) fn rollback_failed(stack: &str, status: &str, reason: Option<&str>, again: &str) -> Failure {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let failure = Failure::new(Exit::RollbackFailed, format!("{stack} is in {status}{reason}"));
    steps(stack, status, again).into_iter().fold(failure, Failure::next)
}

/// A stack in a status that this command line doesn't know.
pub(crate) fn unknown(stack: &str, status: &str, again: &str) -> Failure {
    Failure::preflight(format!(
        "{stack} is in {status}, a status that this command doesn't know"
    ))
    .code(Code::StackStatus)
    .next(format!(
        "look at it: `aws cloudformation describe-stacks --stack-name {stack}`"
    ))
    .next(format!(
        "once it is in a status that ends in _COMPLETE, run `{again}` again"
    ))
}

fn words(cause: &Event) -> String {
    let reason = cause.reason.as_deref().unwrap_or("AWS gives no reason");
    format!(
        "{} ({}), {}: {reason}",
        cause.logical_id, cause.resource_type, cause.status
    )
}

fn consequence(status: &str) -> &'static str {
    match status {
        "ROLLBACK_COMPLETE" => "its creation was rolled back and nothing of it is left",
        "UPDATE_ROLLBACK_COMPLETE" => "what ran before runs again",
        "ROLLBACK_FAILED" => "its creation failed, and so did removing what had been created",
        "UPDATE_ROLLBACK_FAILED" => "neither what was asked for nor what ran before is whole",
        "DELETE_FAILED" => "some of its resources are left",
        _ => "as it stands",
    }
}

fn steps(stack: &str, status: &str, again: &str) -> Vec<String> {
    match status {
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => {
            vec![format!(
                "mend the cause and run `{again}` again: it deletes what is left of {stack} and creates it anew"
            )]
        }
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html
        "UPDATE_ROLLBACK_FAILED" => vec![
            format!(
                "mend what the events name, then `aws cloudformation continue-update-rollback --stack-name {stack}`"
            ),
            "if a resource can't be mended, skip it with `--resources-to-skip NAME`".to_owned(),
            format!("once the stack is in UPDATE_ROLLBACK_COMPLETE, run `{again}` again"),
        ],
        "DELETE_FAILED" => vec![format!("remove what the cause names and run `{again}` again")],
        _ => vec![format!("mend the cause and run `{again}` again")],
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn told(status: &str, outcome: Outcome, details: &[String]) -> String {
        let cause = Event {
            id: String::new(),
            time: SystemTime::UNIX_EPOCH,
            token: None,
            logical_id: "OneboxService".to_owned(),
            physical_id: String::new(),
            resource_type: "AWS::ECS::Service".to_owned(),
            status: "UPDATE_FAILED".to_owned(),
            reason: Some("ECS Deployment Circuit Breaker was triggered".to_owned()),
        };
        let failure = failure(
            "Example",
            status,
            outcome,
            Some(&cause),
            details,
            "cargo xtask deploy sandbox",
        )
        .unwrap();
        format!("{}\n{failure}\n{}", failure.exit.code(), failure.next.join("\n"))
    }

    #[test]
    fn an_update_that_was_rolled_back() {
        let details = ["task stopped: Essential container in task exited".to_owned()];
        insta::assert_snapshot!(told("UPDATE_ROLLBACK_COMPLETE", Outcome::RolledBack, &details), @"
        5
        OneboxService (AWS::ECS::Service), UPDATE_FAILED: ECS Deployment Circuit Breaker was triggered
          task stopped: Essential container in task exited
          Example: UPDATE_ROLLBACK_COMPLETE, what ran before runs again
        mend the cause and run `cargo xtask deploy sandbox` again
        ");
    }

    #[test]
    fn a_creation_that_was_rolled_back() {
        insta::assert_snapshot!(told("ROLLBACK_COMPLETE", Outcome::RolledBack, &[]), @"
        5
        OneboxService (AWS::ECS::Service), UPDATE_FAILED: ECS Deployment Circuit Breaker was triggered
          Example: ROLLBACK_COMPLETE, its creation was rolled back and nothing of it is left
        mend the cause and run `cargo xtask deploy sandbox` again: it deletes what is left of Example and creates it anew
        ");
    }

    #[test]
    fn a_rollback_that_failed() {
        insta::assert_snapshot!(told("UPDATE_ROLLBACK_FAILED", Outcome::RollbackFailed, &[]), @"
        6
        OneboxService (AWS::ECS::Service), UPDATE_FAILED: ECS Deployment Circuit Breaker was triggered
          Example: UPDATE_ROLLBACK_FAILED, neither what was asked for nor what ran before is whole
        mend what the events name, then `aws cloudformation continue-update-rollback --stack-name Example`
        if a resource can't be mended, skip it with `--resources-to-skip NAME`
        once the stack is in UPDATE_ROLLBACK_COMPLETE, run `cargo xtask deploy sandbox` again
        ");
    }
}
