//! Deployments of a stack against scripted answers of CloudFormation.

mod bad_days;

use std::collections::BTreeMap;

use super::*;
use crate::aws::replay::Replay;
use crate::exit::{Exit, exit_of};
use crate::stack::script::*;

fn wanted() -> Wanted {
    Wanted {
        name: "Example".to_owned(),
        template: "{}".to_owned(),
        parameters: BTreeMap::new(),
        kept: Vec::new(),
    }
}

fn terms(yes: bool) -> Terms<'static> {
    Terms {
        yes,
        token: "token",
        again: "cargo xtask deploy sandbox",
        follow: "cargo xtask deploy sandbox --resume",
        detach: false,
        part: None,
    }
}

/// Deploys against a script, which must be used up; the operations asked for, and the outcome.
async fn check(answers: Vec<(u16, String)>, yes: bool) -> (Vec<String>, anyhow::Result<Applied>) {
    let count = answers.len();
    let replay = Replay::new(answers);
    let context = Context::hidden();
    let outcome = apply(&context, &replay.aws(), &wanted(), terms(yes)).await;
    let operations = replay.operations();
    assert_eq!(
        operations.len(),
        count,
        "{operations:?}, {outcome:?}\n{}",
        context.progress.said()
    );
    (operations, outcome)
}

#[tokio::test(start_paused = true)]
async fn a_new_stack_is_created() {
    let answers = vec![
        no_stack(),
        created_change_set(),
        change_set("CREATE_IN_PROGRESS", ""),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[(1, "Example", "CREATE_IN_PROGRESS", "User Initiated")]),
        events(&[
            (2, "Queue", "CREATE_IN_PROGRESS", ""),
            (1, "Example", "CREATE_IN_PROGRESS", "User Initiated"),
        ]),
        events(&[
            (4, "Example", "CREATE_COMPLETE", ""),
            (3, "Queue", "CREATE_COMPLETE", ""),
        ]),
        stack("CREATE_COMPLETE"),
    ];
    let (operations, outcome) = check(answers, true).await;
    let applied = outcome.unwrap();
    assert!(applied.changed);
    assert_eq!(applied.stack.outputs["Endpoint"], "http://x");
    insta::assert_snapshot!(operations.join("\n"), @"
    DescribeStacks
    CreateChangeSet
    DescribeChangeSet
    DescribeChangeSet
    ExecuteChangeSet
    DescribeStackEvents
    DescribeStackEvents
    DescribeStackEvents
    DescribeStacks
    ");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_finds_nothing_to_do() {
    for reason in [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ] {
        let answers = vec![
            stack("CREATE_COMPLETE"),
            created_change_set(),
            change_set("FAILED", reason),
            done("DeleteChangeSet"),
            stack("CREATE_COMPLETE"),
        ];
        let (_, outcome) = check(answers, false).await;
        assert!(!outcome.unwrap().changed, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_told_by_its_first_cause() {
    let answers = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[
            (6, "Example", "UPDATE_ROLLBACK_COMPLETE", ""),
            (
                4,
                "Example",
                "UPDATE_ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Queue, Other].",
            ),
            (3, "Other", "CREATE_FAILED", "Resource creation cancelled"),
            (2, "Queue", "CREATE_FAILED", "Queue already exists"),
            (1, "Example", "UPDATE_IN_PROGRESS", "User Initiated"),
        ]),
    ];
    let (_, outcome) = check(answers, true).await;
    let error = outcome.unwrap_err();
    assert_eq!(exit_of(&error), Exit::RolledBack);
    insta::assert_snapshot!(crate::telling::report::text(&error), @"
    error[E-ROLLED-BACK]: Queue (AWS::SQS::Queue), CREATE_FAILED: Queue already exists
      then given up because of it: Other
      Example: UPDATE_ROLLBACK_COMPLETE, what ran before runs again
      next: fix the cause and run `cargo xtask deploy sandbox` again
      next: see all events: `aws cloudformation describe-stack-events --stack-name Example`
    ");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_asks_for_action() {
    let answers = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[
            (3, "Example", "UPDATE_ROLLBACK_FAILED", "stuck"),
            (2, "Queue", "UPDATE_FAILED", "no"),
        ]),
    ];
    let (_, outcome) = check(answers, true).await;
    assert_eq!(exit_of(&outcome.unwrap_err()), Exit::RollbackFailed);
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_rollback_failed_is_left_alone() {
    let (operations, outcome) = check(vec![stack("UPDATE_ROLLBACK_FAILED")], true).await;
    assert_eq!(exit_of(&outcome.unwrap_err()), Exit::RollbackFailed);
    assert_eq!(operations, ["DescribeStacks"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_creation_left_is_deleted_and_created_anew() {
    // The deletion has a token of its own.
    let gone = events(&[(1, "Example", "DELETE_COMPLETE", "")]);
    let gone = (gone.0, gone.1.replace(">token<", ">token-clear<"));
    let answers = vec![
        stack("ROLLBACK_COMPLETE"),
        answer("ListStackResources", "<StackResourceSummaries/>"),
        done("DeleteStack"),
        gone,
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[(2, "Example", "CREATE_COMPLETE", "")]),
        stack("CREATE_COMPLETE"),
    ];
    let (_, outcome) = check(answers, true).await;
    assert!(outcome.unwrap().changed);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_of_the_credentials() {
    let expired = refusal(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    );
    let (_, outcome) = check(vec![expired], true).await;
    let error = outcome.unwrap_err();
    assert_eq!(exit_of(&error), Exit::Preflight);
    insta::assert_snapshot!(error.to_string(), @"cannot describe the stack Example: ExpiredToken: The security token included in the request is expired");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_while_following_says_how_to_follow_again() {
    let answers = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        refusal(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
    ];
    let (_, outcome) = check(answers, true).await;
    let error = outcome.unwrap_err();
    assert_eq!(exit_of(&error), Exit::Preflight);
    insta::assert_snapshot!(Failure::of(&error).unwrap().next.join("\n"), @"
    get new credentials (`aws sso login`, or as you got these) and run the same command again
    what was asked of Example goes on; follow it again with `cargo xtask deploy sandbox --resume`
    ");
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_leaves_no_change_set_and_no_shell_of_a_stack() {
    let answers = vec![
        no_stack(),
        created_change_set(),
        change_set("FAILED", "Template error: Queue has no property Colour"),
        done("DeleteChangeSet"),
        change_sets(&[]),
        stack("REVIEW_IN_PROGRESS"),
        done("DeleteStack"),
    ];
    let (_, outcome) = check(answers, true).await;
    insta::assert_snapshot!(outcome.unwrap_err().to_string(), @"Example: CloudFormation refuses the change: Template error: Queue has no property Colour");
}

#[tokio::test(start_paused = true)]
async fn without_a_terminal_nobody_is_asked_and_the_change_set_goes() {
    let answers = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("DeleteChangeSet"),
    ];
    let (_, outcome) = check(answers, false).await;
    let error = outcome.unwrap_err();
    assert_eq!(exit_of(&error), Exit::Refused);
    assert_eq!(Failure::of(&error).unwrap().next, ["answer with --yes"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_somebody_says_no_to_goes_with_its_change_set() {
    let answers = [
        no_stack(),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("DeleteChangeSet"),
        change_sets(&[]),
        stack("REVIEW_IN_PROGRESS"),
        done("DeleteStack"),
    ];
    for answer in ["n", "", "no, thanks"] {
        let replay = Replay::new(answers.clone());
        let outcome = apply(&Context::answered(answer), &replay.aws(), &wanted(), terms(false)).await;
        let error = outcome.unwrap_err();
        assert_eq!(exit_of(&error), Exit::Refused);
        insta::allow_duplicates! {
            insta::assert_snapshot!(crate::telling::report::text(&error), @"error[E-DECLINED]: Example was left as it is");
        }
        assert_eq!(
            replay.operations()[3..],
            ["DeleteChangeSet", "ListChangeSets", "DescribeStacks", "DeleteStack"]
        );
    }
}

/// What becomes of the shell of a stack, of which this is seen once its creation was declined.
async fn after_declining(seen: Vec<(u16, String)>) -> Vec<String> {
    let mut answers = vec![
        no_stack(),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("DeleteChangeSet"),
    ];
    answers.extend(seen);
    let replay = Replay::new(answers);
    let outcome = apply(&Context::answered("n"), &replay.aws(), &wanted(), terms(false)).await;
    assert_eq!(exit_of(&outcome.unwrap_err()), Exit::Refused);
    replay.operations()[4..].to_vec()
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_made_or_means_to_make_of_a_shell_is_left_alone() {
    let theirs = "arn:aws:cloudformation:us-east-1:000000000000:changeSet/theirs/1";
    assert_eq!(
        after_declining(vec![change_sets(&[SET, theirs])]).await,
        ["ListChangeSets"]
    );
    for status in ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"] {
        let asked = after_declining(vec![change_sets(&[]), stack(status)]).await;
        assert_eq!(asked, ["ListChangeSets", "DescribeStacks"], "{status}");
    }
    let asked = after_declining(vec![change_sets(&[SET]), no_stack()]).await;
    assert_eq!(asked, ["ListChangeSets", "DescribeStacks"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_somebody_says_yes_to_is_made() {
    let answers = [
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[(2, "Example", "UPDATE_COMPLETE", "")]),
        stack("UPDATE_COMPLETE"),
    ];
    let replay = Replay::new(answers);
    let outcome = apply(&Context::answered("y"), &replay.aws(), &wanted(), terms(false)).await;
    assert!(outcome.unwrap().changed);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_creation_left_stays_where_somebody_says_no() {
    let left = [
        stack("ROLLBACK_COMPLETE"),
        answer("ListStackResources", "<StackResourceSummaries/>"),
    ];
    let replay = Replay::new(left);
    let outcome = apply(&Context::answered("n"), &replay.aws(), &wanted(), terms(false)).await;
    let told = crate::telling::report::text(&outcome.unwrap_err());
    assert_eq!(told, "error[E-DECLINED]: Example was left as it is");
}
