//! AWS's bad days: what the user reads, and the exit status.

use super::*;
use crate::exit::code_of;

/// Deploys against a script, which must be used up; what is read, and the exit status.
async fn told(answers: Vec<(u16, String)>, retries: bool) -> String {
    let count = answers.len();
    let replay = Replay::new(answers);
    let aws = if retries {
        replay.aws_that_retries()
    } else {
        replay.aws()
    };
    let context = Context::hidden();
    let outcome = apply(&context, &aws, &wanted(), terms(true)).await;
    assert_eq!(
        replay.operations().len(),
        count,
        "{:?}, {outcome:?}",
        replay.operations()
    );
    match outcome {
        Ok(applied) => format!("{}\nexit 0, changed: {}", said(&context), applied.changed),
        Err(error) => read(&context, &error),
    }
}

/// What was said, but for how long AWS was silent, which chance decides.
fn said(context: &Context) -> String {
    let hide = |line: &str| match line.split_once("AWS answers again, after ") {
        Some(_) => "AWS answers again, after a while".to_owned(),
        None => line.to_owned(),
    };
    context.progress.said().lines().map(hide).collect::<Vec<_>>().join("\n")
}

/// What is read of an error: what was said before it, its code, its words, what to do next, and the exit status.
fn read(context: &Context, error: &anyhow::Error) -> String {
    let mut lines = vec![said(context)];
    lines.push(format!("error[{}]: {error:#}", code_of(error).name()));
    let next = Failure::of(error).map(|failure| failure.next.clone());
    lines.extend(next.unwrap_or_default().into_iter().map(|step| format!("next: {step}")));
    lines.push(format!("exit {}", exit_of(error).code()));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn until_executed() -> Vec<(u16, String)> {
    vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
    ]
}

fn nothing_to_do() -> Vec<(u16, String)> {
    let reason = "The submitted information didn't contain changes.";
    vec![
        created_change_set(),
        change_set("FAILED", reason),
        done("DeleteChangeSet"),
        stack("UPDATE_COMPLETE"),
    ]
}

async fn after_execution(answers: Vec<(u16, String)>) -> String {
    told(until_executed().into_iter().chain(answers).collect(), false).await
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let mut answers = vec![throttled(), throttled(), stack("UPDATE_COMPLETE")];
    answers.extend(nothing_to_do());
    insta::assert_snapshot!(told(answers, true).await, @"
    Example: nothing to do
    exit 0, changed: false
    ");
}

#[tokio::test(start_paused = true)]
async fn throttling_that_does_not_end_does() {
    let replay = Replay::new(vec![throttled(); 1000]);
    let context = Context::hidden();
    let error = apply(&context, &replay.aws(), &wanted(), terms(true))
        .await
        .unwrap_err();
    insta::assert_snapshot!(read(&context, &error), @"
    cannot describe the stack Example: Throttling: Rate exceeded; asking again for up to 10 min 0 s
    error[E-AWS-THROTTLED]: cannot describe the stack Example: Throttling: Rate exceeded
    next: AWS takes no more requests just now: run the same command again in a minute
    exit 1
    ");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_done_is_named() {
    let message = "User: arn:aws:iam::000000000000:user/x is not authorized to perform: \
                   cloudformation:CreateChangeSet on resource: Example";
    let answers = vec![stack("UPDATE_COMPLETE"), refusal(403, "AccessDenied", message)];
    insta::assert_snapshot!(told(answers, false).await, @"
    error[E-ACCESS-DENIED]: cannot create a change set for Example: AccessDenied: User: arn:aws:iam::000000000000:user/x is not authorized to perform: cloudformation:CreateChangeSet on resource: Example
    next: use credentials that may do this (--profile), or have them allowed to
    exit 4
    ");
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_refused_at_once() {
    let message =
        "Template format error: Unresolved resource dependencies [Vpc] in the Resources block of the template";
    let answers = vec![stack("UPDATE_COMPLETE"), refusal(400, "ValidationError", message)];
    insta::assert_snapshot!(told(answers, false).await, @"
    error[E-AWS-REFUSED]: cannot create a change set for Example: ValidationError: Template format error: Unresolved resource dependencies [Vpc] in the Resources block of the template
    exit 1
    ");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_anothers_is_waited_for() {
    let others = events(&[
        (5, "Queue", "UPDATE_IN_PROGRESS", ""),
        (3, "Example", "UPDATE_IN_PROGRESS", "User Initiated"),
        (1, "Example", "CREATE_COMPLETE", ""),
    ]);
    let others = (others.0, others.1.replace(">token<", ">Console-UpdateStack-7<"));
    let mut answers = vec![stack("UPDATE_IN_PROGRESS"), others];
    answers.extend([stack("UPDATE_IN_PROGRESS"), stack("UPDATE_COMPLETE")]);
    answers.extend(nothing_to_do());
    insta::assert_snapshot!(told(answers, false).await, @"
    Example is UPDATE_IN_PROGRESS since 2026-11-22T00:00:03Z, asked for as Console-UpdateStack-7: waiting until that has ended
    Example: nothing to do
    exit 0, changed: false
    ");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_anothers_whose_events_are_hidden_is_told_by_the_stacks_times() {
    let denied = refusal(
        403,
        "AccessDenied",
        "not authorized to perform: cloudformation:DescribeStackEvents",
    );
    let mut answers = vec![stack("UPDATE_IN_PROGRESS"), denied, stack("UPDATE_COMPLETE")];
    answers.extend(nothing_to_do());
    insta::assert_snapshot!(told(answers, false).await, @"
    Example is UPDATE_IN_PROGRESS since 2026-11-22T00:00:00Z: waiting until that has ended
    Example: nothing to do
    exit 0, changed: false
    ");
}

#[tokio::test(start_paused = true)]
async fn a_shell_that_was_left_in_review_is_created() {
    let answers = vec![
        stack("REVIEW_IN_PROGRESS"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[(2, "Example", "CREATE_COMPLETE", "")]),
        stack("CREATE_COMPLETE"),
    ];
    insta::assert_snapshot!(told(answers, false).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          0.0 s  Example: created (CREATE_COMPLETE)
    exit 0, changed: true
    ");
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_creation_left_is_named_before_it_goes() {
    let left = "<StackResourceSummaries><member><LogicalResourceId>Queue</LogicalResourceId>\
                <PhysicalResourceId>q</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>\
                <ResourceStatus>DELETE_FAILED</ResourceStatus></member></StackResourceSummaries>";
    let stuck = events(&[
        (
            3,
            "Example",
            "DELETE_FAILED",
            "The following resource(s) failed to delete: [Queue].",
        ),
        (2, "Queue", "DELETE_FAILED", "Queue is in use"),
    ]);
    let answers = vec![
        stack("ROLLBACK_COMPLETE"),
        answer("ListStackResources", left),
        done("DeleteStack"),
        (stuck.0, stuck.1.replace(">token<", ">token-clear<")),
    ];
    insta::assert_snapshot!(told(answers, false).await, @"
    Example is in ROLLBACK_COMPLETE, from which it can only be deleted; it still holds Queue
    deleting Example
          0.0 s  could not delete the SQS queue Queue after 0.0 s: Queue is in use
          1.0 s  Example: could not be deleted (DELETE_FAILED)
    error[E-STACK-FAILED]: Queue (AWS::SQS::Queue), DELETE_FAILED: Queue is in use
      Example: DELETE_FAILED, some of its resources are left
    next: remove what the cause names and run `cargo xtask deploy sandbox` again
    next: see all events: `aws cloudformation describe-stack-events --stack-name Example`
    exit 1
    ");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_failed_earlier_is_told_with_its_fix() {
    insta::assert_snapshot!(told(vec![stack("UPDATE_ROLLBACK_FAILED")], false).await, @"
    error[E-ROLLBACK-FAILED]: Example is in UPDATE_ROLLBACK_FAILED
    next: fix what the events name, then `aws cloudformation continue-update-rollback --stack-name Example`
    next: if a resource can't be fixed, skip it with `--resources-to-skip NAME`
    next: once the stack is in UPDATE_ROLLBACK_COMPLETE, run `cargo xtask deploy sandbox` again
    exit 6
    ");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_nobody_knows_stops_before_any_change() {
    insta::assert_snapshot!(told(vec![stack("SOMETHING_NEW")], false).await, @"
    error[E-STACK-STATUS]: Example is in SOMETHING_NEW, a status that this command doesn't know
    next: look at it: `aws cloudformation describe-stacks --stack-name Example`
    next: once it is in a status that ends in _COMPLETE, run `cargo xtask deploy sandbox` again
    exit 4
    ");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_nobody_knows_is_followed_on() {
    let answers = vec![
        events(&[(1, "Example", "SOMETHING_NEW", "")]),
        events(&[(2, "Example", "UPDATE_COMPLETE", "")]),
        stack("UPDATE_COMPLETE"),
    ];
    insta::assert_snapshot!(after_execution(answers).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          0.0 s  Example: in a status that isn't known (SOMETHING_NEW)
          1.0 s  Example: updated (UPDATE_COMPLETE)
    exit 0, changed: true
    ");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_borne_and_no_event_lost_with_it() {
    let newest = [(3, "Queue", "UPDATE_COMPLETE", "")];
    let oldest = [(1, "Example", "UPDATE_IN_PROGRESS", "User Initiated")];
    let answers = vec![
        lost(),
        lost(),
        followed_by(events(&newest), "next"),
        lost(),
        followed_by(events(&newest), "next"),
        events(&oldest),
        events(&[(4, "Example", "UPDATE_COMPLETE", ""), newest[0]]),
        stack("UPDATE_COMPLETE"),
    ];
    insta::assert_snapshot!(after_execution(answers).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
    cannot read the stack's events: connection reset by peer; asking again for up to 10 min 0 s
    AWS answers again, after a while
          0.0 s  Example: updating (UPDATE_IN_PROGRESS)
          2.0 s  updated the SQS queue Queue in 0.0 s
          3.0 s  Example: updated (UPDATE_COMPLETE)
    exit 0, changed: true
    ");
}

/// Answers of which each but the first is lost for five minutes before it comes.
fn lost_in_between(answers: Vec<(u16, String)>) -> Vec<(u16, String)> {
    let mut script = Vec::new();
    for answer in answers {
        if !script.is_empty() {
            // A pause takes 2 s on the average.
            script.extend(vec![lost(); 150]);
        }
        script.push(answer);
    }
    script
}

#[tokio::test(start_paused = true)]
async fn a_network_lost_for_five_minutes_at_each_call_does_not_lose_the_deployment() {
    let answers = [
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_IN_PROGRESS", ""),
        change_set("CREATE_COMPLETE", ""),
        done("ExecuteChangeSet"),
        events(&[(1, "Example", "UPDATE_IN_PROGRESS", "User Initiated")]),
        events(&[(4, "Example", "UPDATE_COMPLETE", "")]),
        stack("UPDATE_COMPLETE"),
    ];
    let told = told(lost_in_between(answers.to_vec()), false).await;
    assert!(told.ends_with("exit 0, changed: true"), "{told}");
    assert_eq!(told.matches("AWS answers again").count(), 7, "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_lost_is_borne_for_ten_minutes() {
    let replay = Replay::new(until_executed().into_iter().chain(vec![lost(); 1000]));
    let started = tokio::time::Instant::now();
    let context = Context::hidden();
    let error = apply(&context, &replay.aws(), &wanted(), terms(true))
        .await
        .unwrap_err();
    let took = started.elapsed();
    let limit = crate::patience::LIMIT;
    assert!(
        (limit..limit + std::time::Duration::from_secs(10)).contains(&took),
        "{took:?}"
    );
    insta::assert_snapshot!(read(&context, &error), @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
    cannot read the stack's events: connection reset by peer; asking again for up to 10 min 0 s
    error[E-AWS-UNREACHABLE]: cannot read the stack's events: connection reset by peer
    next: what was asked of Example goes on; follow it again with `cargo xtask deploy sandbox --resume`
    exit 1
    ");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_leaves_an_update_and_says_how_to_follow_and_to_stop_it() {
    insta::assert_snapshot!(pressed(1, under_way("UPDATE_IN_PROGRESS")).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          0.0 s  Example: updating (UPDATE_IN_PROGRESS)
    interrupted: Example goes on in CloudFormation; Ctrl-C again within 3 s stops it, and what ran before runs again
    error[E-INTERRUPTED]: interrupted: Example goes on
    next: what was asked of Example goes on; follow it again with `cargo xtask deploy sandbox --resume`
    next: or stop it, so that what ran before runs again: `aws cloudformation cancel-update-stack --stack-name Example`
    exit 130
    cancelled: false
    ");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_leaves_a_creation_and_says_how_to_delete_it() {
    insta::assert_snapshot!(pressed(2, under_way("CREATE_IN_PROGRESS")).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          0.0 s  Example: creating (CREATE_IN_PROGRESS)
    error[E-INTERRUPTED]: interrupted: Example goes on
    next: what was asked of Example goes on; follow it again with `cargo xtask deploy sandbox --resume`
    next: or stop it by deleting what there is of it: `aws cloudformation delete-stack --stack-name Example`
    exit 130
    cancelled: false
    ");
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_twice_stops_an_update() {
    let answers = [under_way("UPDATE_IN_PROGRESS"), vec![done("CancelUpdateStack")]].concat();
    insta::assert_snapshot!(pressed(2, answers).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          0.0 s  Example: updating (UPDATE_IN_PROGRESS)
    interrupted: Example goes on in CloudFormation; Ctrl-C again within 3 s stops it, and what ran before runs again
    error[E-INTERRUPTED]: interrupted twice: CloudFormation stops Example, and rolls it back
    next: follow the rollback with `cargo xtask deploy sandbox --resume`
    exit 130
    cancelled: true
    ");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_cannot_be_stopped_any_more_goes_on() {
    let late = refusal(
        400,
        "ValidationError",
        "CancelUpdateStack cannot be called from current stack status",
    );
    let answers = [under_way("UPDATE_IN_PROGRESS"), vec![late]].concat();
    insta::assert_snapshot!(pressed(2, answers).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          0.0 s  Example: updating (UPDATE_IN_PROGRESS)
    interrupted: Example goes on in CloudFormation; Ctrl-C again within 3 s stops it, and what ran before runs again
    error[E-INTERRUPTED]: interrupted twice, and Example could not be stopped: cannot cancel the update: ValidationError: CancelUpdateStack cannot be called from current stack status
    next: what was asked of Example goes on; follow it again with `cargo xtask deploy sandbox --resume`
    exit 130
    cancelled: true
    ");
}

/// An operation that goes on for as long as Ctrl-C takes to come.
fn under_way(status: &str) -> Vec<(u16, String)> {
    let going_on = events(&[(1, "Example", status, "User Initiated")]);
    [until_executed(), vec![going_on; 2]].concat()
}

/// What is read where Ctrl-C is pressed so many times, each 2.9 s after the one before.
async fn pressed(times: u8, answers: Vec<(u16, String)>) -> String {
    let replay = Replay::new(answers);
    let interrupt = crate::interrupt::Interrupt::pressed(times, std::time::Duration::from_millis(2900));
    let context = Context {
        interrupt,
        ..Context::hidden()
    };
    let error = apply(&context, &replay.aws_far(), &wanted(), terms(true))
        .await
        .unwrap_err();
    let asked = replay.requests().pop().unwrap();
    let cancelled = asked.contains("Action=CancelUpdateStack") && asked.contains("ClientRequestToken=token-cancel");
    format!("{}\ncancelled: {cancelled}", read(&context, &error))
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_left_to_itself_is_not_followed() {
    let replay = Replay::new(until_executed().into_iter().chain([stack("UPDATE_IN_PROGRESS")]));
    let terms = Terms {
        detach: true,
        ..terms(true)
    };
    let applied = apply(&Context::hidden(), &replay.aws(), &wanted(), terms)
        .await
        .unwrap();
    assert!(applied.changed && applied.under_way);
    assert_eq!(replay.operations().len(), 5, "{:?}", replay.operations());
}

#[tokio::test(start_paused = true)]
async fn who_was_quicker_is_told_by_what_their_token_says() {
    let theirs = events(&[(3, "Example", "UPDATE_IN_PROGRESS", "User Initiated")]);
    let token = ">xtask-deploy-6143503572ab-from-0b7e44c1a2b3-1-by-bob-at-desk-18b2c0ffee<";
    let theirs = (theirs.0, theirs.1.replace(">token<", token));
    let busy = "Stack:Example is in UPDATE_IN_PROGRESS state and can not be updated.";
    let answers = vec![
        stack("UPDATE_COMPLETE"),
        refusal(400, "ValidationError", busy),
        stack("UPDATE_IN_PROGRESS"),
        theirs,
    ];
    insta::assert_snapshot!(told(answers, false).await, @"
    error[E-STACK-BUSY]: another was quicker: Example is UPDATE_IN_PROGRESS since 2026-11-22T00:00:03Z, asked for by bob at desk (deploy)
      cannot create a change set for Example: ValidationError: Stack:Example is in UPDATE_IN_PROGRESS state and can not be updated.
    next: run the command again: it waits until that has ended
    exit 4
    ");
}

#[tokio::test(start_paused = true)]
async fn who_created_the_stack_first_is_told_to_whoever_meant_to() {
    let theirs = events(&[
        (4, "Example", "CREATE_COMPLETE", ""),
        (3, "Example", "CREATE_IN_PROGRESS", "User Initiated"),
    ]);
    let token = ">xtask-deploy-6143503572ab-from-0b7e44c1a2b3-1-by-bob-at-desk-18b2c0ffee<";
    let theirs = (theirs.0, theirs.1.replace(">token<", token));
    let answers = vec![
        no_stack(),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        refusal(404, "ChangeSetNotFound", "ChangeSet [token] does not exist"),
        stack("CREATE_COMPLETE"),
        theirs,
    ];
    insta::assert_snapshot!(told(answers, false).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
    error[E-STACK-BUSY]: another was quicker: Example is CREATE_COMPLETE since 2026-11-22T00:00:03Z, asked for by bob at desk (deploy)
      cannot execute the change set: ChangeSetNotFound: ChangeSet [token] does not exist
    next: run the command again: it goes on from what that has made
    exit 4
    ");
}

#[tokio::test(start_paused = true)]
async fn events_in_pages_and_out_of_order_are_told_in_order() {
    let answers = vec![
        followed_by(
            events(&[
                (4, "Queue", "UPDATE_COMPLETE", ""),
                (5, "Example", "UPDATE_COMPLETE", ""),
                (2, "Queue", "UPDATE_IN_PROGRESS", ""),
            ]),
            "next",
        ),
        events(&[
            (3, "Other", "UPDATE_COMPLETE", ""),
            (1, "Example", "UPDATE_IN_PROGRESS", "User Initiated"),
        ]),
        stack("UPDATE_COMPLETE"),
    ];
    insta::assert_snapshot!(after_execution(answers).await, @"
    Example: 1 to create
    CHANGE  RESOURCE  TYPE             BECAUSE OF
    create  Queue     AWS::SQS::Queue
          2.0 s  updated the SQS queue Other in 0.0 s
          3.0 s  updated the SQS queue Queue in 2.0 s
          4.0 s  Example: updated (UPDATE_COMPLETE)
    exit 0, changed: true
    ");
}
