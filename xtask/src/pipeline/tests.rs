//! The pipeline followed against scripted answers of CodePipeline and CodeBuild.

use serde_json::json;

use super::*;
use crate::aws::replay::{LOST, Replay};
use crate::exit::exit_of;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const AGAIN: &str = "cargo xtask pipeline --local";

fn place() -> Place {
    Place {
        pipeline: "Example".to_owned(),
    }
}

fn execution(status: &str) -> (u16, String) {
    let execution = json!({
        "pipelineName": "Example",
        "pipelineExecutionId": ID,
        "status": status,
        "artifactRevisions": [{"name": "Source", "revisionId": "abcdef0123", "revisionSummary": "Answer faster\n\nwords"}],
    });
    (200, json!({"pipelineExecution": execution}).to_string())
}

/// Actions as (name, status), each begun ten seconds after the one before and lasting ten seconds.
fn actions(actions: &[(&str, &str)]) -> (u16, String) {
    let detail = |(place, (name, status)): (usize, &(&str, &str))| {
        let run = 1 + actions[..place].iter().filter(|(other, _)| other == name).count();
        let provider = if *name == "Source" { "CodeCommit" } else { "CodeBuild" };
        let is_of_production = ["Shared", "Onebox", "Fleet"].contains(name);
        let stage = if is_of_production { "Production" } else { name };
        json!({
            "pipelineExecutionId": ID,
            "actionExecutionId": format!("{name}-{run}"),
            "stageName": stage,
            "actionName": name,
            "startTime": 1000 + 10 * place,
            "lastUpdateTime": 1010 + 10 * place,
            "status": status,
            "input": {"actionTypeId": {"provider": provider}},
            "output": {"executionResult": {"externalExecutionId": format!("Example:{name}")}},
        })
    };
    // The newest first, as AWS gives them.
    let details: Vec<Value> = actions.iter().enumerate().map(detail).rev().collect();
    (200, json!({"actionExecutionDetails": details}).to_string())
}

fn build(words: &str) -> (u16, String) {
    let build = json!({
        "id": "Example:Onebox",
        "phases": [
            {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED"},
            {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": words}]},
        ],
        "logs": {"groupName": "/aws/codebuild/Example", "streamName": "Onebox"},
    });
    (200, json!({"builds": [build]}).to_string())
}

fn build_at(phase: &str) -> (u16, String) {
    let build = json!({
        "id": "Example:Build",
        "currentPhase": phase,
        "logs": {"groupName": "/aws/codebuild/Example", "streamName": "Build"},
    });
    (200, json!({"builds": [build]}).to_string())
}

fn log(lines: &[&str]) -> (u16, String) {
    let events: Vec<Value> = lines
        .iter()
        .map(|line| json!({"timestamp": 1, "message": format!("{line}\n")}))
        .collect();
    (200, json!({"events": events}).to_string())
}

fn service_stack() -> (u16, String) {
    let parameter = |name: &str, digit: &str| {
        let image = format!("example@sha256:{}", digit.repeat(64));
        format!("<member><ParameterKey>{name}</ParameterKey><ParameterValue>{image}</ParameterValue></member>")
    };
    let stack = format!(
        "<StackName>Service</StackName><StackId>arn</StackId><StackStatus>UPDATE_ROLLBACK_COMPLETE</StackStatus>\
         <CreationTime>2026-11-22T00:00:00Z</CreationTime><Parameters>{}{}</Parameters>\
         <Outputs><member><OutputKey>WebAPIEndpoint</OutputKey><OutputValue>http://x</OutputValue></member></Outputs>",
        parameter("OneboxImage", "1"),
        parameter("FleetImage", "1")
    );
    crate::stack::script::answer("DescribeStacks", &format!("<Stacks><member>{stack}</member></Stacks>"))
}

fn refusal(code: &str, message: &str) -> (u16, String) {
    (400, json!({"__type": code, "message": message}).to_string())
}

/// Follows an execution against a script, which must be used up; the outcome and what was said.
async fn check(answers: Vec<(u16, String)>) -> (anyhow::Result<Value>, String) {
    let count = answers.len();
    let replay = Replay::new(answers);
    let context = Context::hidden();
    let followed = Followed {
        pipeline: "Example",
        id: ID,
        before: &[],
        again: AGAIN,
    };
    let outcome = finish(&context, &replay.aws(), followed, Instant::now()).await;
    let said = context.progress.said();
    assert_eq!(replay.requests().len(), count, "{outcome:?}\n{said}");
    (outcome, said)
}

fn told(outcome: anyhow::Result<Value>) -> String {
    let error = outcome.unwrap_err();
    let next = Failure::of(&error)
        .map(|failure| failure.next.join("\n  next: "))
        .unwrap_or_default();
    let code = crate::exit::code_of(&error).name();
    format!("{} {code}: {error}\n  next: {next}", exit_of(&error).code())
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_runs_and_succeeds() {
    let (outcome, said) = check(vec![
        execution("InProgress"),
        actions(&[("Source", "Succeeded"), ("Build", "InProgress")]),
        build_at("BUILD"),
        log(&[
            "[Container] 2026-11-22T00:00:00.000Z Running command cargo xtask build prod",
            "step 1 of 5: testing service",
        ]),
        execution("InProgress"),
        actions(&[("Source", "Succeeded"), ("Build", "InProgress")]),
        build_at("BUILD"),
        log(&["step 1 of 5: testing service", "step 2 of 5: testing stacks"]),
        execution("Succeeded"),
        actions(&[("Source", "Succeeded"), ("Build", "Succeeded"), ("Fleet", "Succeeded")]),
        service_stack(),
    ])
    .await;
    assert_eq!(outcome.unwrap()["status"], "Succeeded");
    insta::assert_snapshot!(said, @r#"
    execution 11111111 of abcdef01 "Answer faster"
    Source: Succeeded, 10.0 s
    Build: InProgress
    Build: step 1 of 5: testing service
    Build: step 2 of 5: testing stacks
    Build: Succeeded, 10.0 s
    Fleet of Production: Succeeded, 10.0 s
    the pipeline succeeded in 0.2 s
      curl http://x
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_bad_change_fails_it_at_onebox_with_the_exit_status_of_the_stage() {
    let words =
        "Error while executing command: ./xtask deploy prod --stage \"$DEPLOYMENT_STAGE\". Reason: exit status 5";
    let (outcome, _) = check(vec![
        execution("Failed"),
        actions(&[("Build", "Succeeded"), ("Onebox", "Failed")]),
        service_stack(),
        build(words),
        log(&[
            "OneboxService: UPDATE_FAILED",
            "error[E-ROLLED-BACK]: OneBoxDeploymentOnECS-Prod-Onebox-ResponseTime is in ALARM",
            "  Service: UPDATE_ROLLBACK_COMPLETE, what ran before runs again",
            "  next: fix the cause and run `cargo xtask deploy prod --stage onebox --image image.json` again",
            "[Container] 2026-11-22T00:00:00.000Z Phase complete: BUILD State: FAILED",
        ]),
    ])
    .await;
    insta::assert_snapshot!(told(outcome), @r#"
    5 E-ROLLED-BACK: abcdef01 "Answer faster" failed at Onebox of Production: OneBoxDeploymentOnECS-Prod-Onebox-ResponseTime is in ALARM
      Service: UPDATE_ROLLBACK_COMPLETE, what ran before runs again
      AWS's words: Error while executing command: ./xtask deploy prod --stage "$DEPLOYMENT_STAGE". Reason: exit status 5
      Service   UPDATE_ROLLBACK_COMPLETE
      Onebox    example@sha256:1111111111111111111111111111111111111111111111111111111111111111
      Fleet     example@sha256:1111111111111111111111111111111111111111111111111111111111111111
      endpoint  http://x
      next: fix the cause, commit, and run `cargo xtask pipeline --local`, which pushes
      next: or try the same commit again with `cargo xtask pipeline retry --local`
    "#);
}

#[tokio::test(start_paused = true)]
async fn ends_that_are_no_failure_of_a_stage() {
    for status in ["Superseded", "Stopped"] {
        let (outcome, _) = check(vec![
            execution(status),
            actions(&[("Source", "Succeeded")]),
            service_stack(),
        ])
        .await;
        let told = crate::telling::report::text(&outcome.unwrap_err());
        let expected = format!("error[E-PIPELINE-FAILED]: execution {ID} was {}", status.to_lowercase());
        assert!(told.starts_with(&expected), "{told}");
    }
}

/// Summaries of executions as (id, status, commit), the newest first.
fn summaries(executions: &[(&str, &str, &str)]) -> (u16, String) {
    let summary = |(id, status, commit): &(&str, &str, &str)| {
        json!({
            "pipelineExecutionId": id,
            "status": status,
            "sourceRevisions": [{"actionName": "Source", "revisionId": commit, "revisionSummary": "Answer faster"}],
        })
    };
    let summaries: Vec<Value> = executions.iter().map(summary).collect();
    (200, json!({"pipelineExecutionSummaries": summaries}).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_push_that_changes_the_pipeline_is_followed_to_the_end_of_what_runs_it_again() {
    let (outcome, said) = check(vec![
        execution("Failed"),
        actions(&[("Build", "Succeeded"), ("UpdatePipeline", "Succeeded")]),
        summaries(&[
            ("of another", "InProgress", "1234567890"),
            ("again", "InProgress", "abcdef0123"),
            (ID, "Failed", "abcdef0123"),
        ]),
        execution("Succeeded"),
        actions(&[("Fleet", "Succeeded")]),
        service_stack(),
    ])
    .await;
    assert_eq!(outcome.unwrap()["status"], "Succeeded");
    insta::assert_snapshot!(said, @r#"
    execution 11111111 of abcdef01 "Answer faster"
    Build: Succeeded, 10.0 s
    UpdatePipeline: Succeeded, 10.0 s
    this push has changed the pipeline, which runs it again by the new definition
    execution 11111111 of abcdef01 "Answer faster"
    Fleet of Production: Succeeded, 10.0 s
    the pipeline succeeded in 0.0 s
      curl http://x
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_failed_outside_of_its_stages_with_none_after_it_has_failed() {
    let (outcome, _) = check(vec![
        execution("Failed"),
        actions(&[("Build", "Succeeded")]),
        summaries(&[(ID, "Failed", "abcdef0123"), ("earlier", "Succeeded", "abcdef0123")]),
        service_stack(),
    ])
    .await;
    let told = crate::telling::report::text(&outcome.unwrap_err());
    assert!(
        told.starts_with(&format!("error[E-PIPELINE-FAILED]: execution {ID} ended as Failed")),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_borne() {
    let (outcome, said) = check(vec![
        execution("InProgress"),
        actions(&[]),
        refusal("ThrottlingException", "Rate exceeded"),
        (LOST, String::new()),
        execution("Succeeded"),
        actions(&[("Fleet", "Succeeded")]),
        service_stack(),
    ])
    .await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(said.contains("Rate exceeded; asking again for up to"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn access_denied_is_told_and_ends_the_following_not_the_execution() {
    let (outcome, _) = check(vec![refusal(
        "AccessDeniedException",
        "User: x is not authorized to perform: codepipeline:GetPipelineExecution",
    )])
    .await;
    insta::assert_snapshot!(told(outcome), @"
    4 E-ACCESS-DENIED: cannot call CodePipeline GetPipelineExecution: AccessDeniedException: User: x is not authorized to perform: codepipeline:GetPipelineExecution
      next: use credentials that may do this (--profile), or have them allowed to
      next: execution 11111111-2222-3333-4444-555555555555 goes on; follow it again with `cargo xtask pipeline --local`
    ");
}

fn running_execution() -> (u16, String) {
    let summary = json!({"pipelineExecutionId": "running", "status": "InProgress"});
    (200, json!({"pipelineExecutionSummaries": [summary]}).to_string())
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_joined() {
    let replay = Replay::new([running_execution()]);
    let joined = joined(&Context::hidden(), &replay.aws(), &place(), &[]).await.unwrap();
    assert_eq!(joined.id, "running");
}

#[tokio::test(start_paused = true)]
async fn an_execution_with_a_fault_is_always_a_new_one() {
    let started = (200, json!({"pipelineExecutionId": ID}).to_string());
    let replay = Replay::new([running_execution(), started, execution("InProgress")]);
    let variables = [("Fault", "delay=6s")];
    let joined = joined(&Context::hidden(), &replay.aws(), &place(), &variables)
        .await
        .unwrap();
    assert_eq!(joined.id, ID);
    let request: Value = serde_json::from_str(&replay.requests()[1]).unwrap();
    assert_eq!(request["variables"], json!([{"name": "Fault", "value": "delay=6s"}]));
}

#[test]
fn the_execution_of_a_commit_is_the_newest_of_it() {
    let execution = |id: &str, commit: Option<&str>| Execution {
        id: id.to_owned(),
        status: "InProgress".to_owned(),
        reason: None,
        revision: commit.map(|commit| execution::Revision {
            id: commit.to_owned(),
            summary: String::new(),
        }),
        trigger: None,
        started: None,
        updated: None,
        fault: None,
    };
    let executions = [
        execution("3", None),
        execution("2", Some("a")),
        execution("1", Some("a")),
    ];
    assert_eq!(
        of_commit(&executions, "a").map(|execution| execution.id.as_str()),
        Some("2")
    );
    assert_eq!(of_commit(&executions, "b"), None);
}

#[test]
fn the_command_that_tries_again() {
    assert_eq!(retry_command(AGAIN), "cargo xtask pipeline retry --local");
}

#[test]
fn a_stage_that_did_not_fail_is_not_tried_again() {
    insta::assert_snapshot!(crate::telling::report::text(&nothing_failed(AGAIN).into()), @"
    error[E-NOTHING-TO-RETRY]: the newest execution has not failed: there is no stage to try again
      next: start it with `cargo xtask pipeline --local`
    ");
}

#[test]
fn source_that_went_another_way_is_not_pushed_over() {
    let head = source::Head {
        commit: "abcdef0123456789".to_owned(),
        summary: "Answer faster".to_owned(),
        uncommitted: 0,
    };
    let failure = prepare::apart("source", "http://x/source", &head);
    insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"
    error[E-SOURCE-APART]: main of source has commits that HEAD (abcdef01) lacks: nothing was pushed
      next: take them in first: `git pull --rebase http://x/source main`
    ");
}

#[test]
fn a_fault_is_shown_by_an_execution_of_its_own() {
    use clap::Parser as _;
    let arguments = ["xtask", "pipeline", "--local", "--fault", "hang"];
    let crate::flags::Command::Pipeline(flags) = crate::flags::Xtask::try_parse_from(arguments).unwrap().command else {
        panic!("{arguments:?}");
    };
    let prepared = prepare::Prepared {
        place: place(),
        starts_by_itself: Some("abcdef0123456789".to_owned()),
    };
    let error = demonstration::check(&flags, &Replay::new([]).aws(), &prepared).unwrap_err();
    insta::assert_snapshot!(crate::telling::report::text(&error), @"
    error[E-RUNS-WITHOUT-FAULT]: HEAD was not deployed yet: its execution has just begun, without the fault
      next: run the same command again once that has ended, so that the fault is the only change
    ");
}

/// What is told of trying the newest execution again, against answers that must be used up.
async fn retried(answers: Vec<(u16, String)>) -> String {
    let (count, replay) = (answers.len(), Replay::new(answers));
    let outcome = retry_newest(&Context::hidden(), &replay.aws(), &place(), AGAIN, Instant::now()).await;
    assert_eq!(replay.requests().len(), count);
    crate::telling::report::text(&outcome.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn only_what_failed_is_tried_again() {
    let executions = |status: &str| {
        let summary = json!({"pipelineExecutionId": ID, "status": status});
        (200, json!({"pipelineExecutionSummaries": [summary]}).to_string())
    };
    insta::assert_snapshot!(retried(vec![executions("Succeeded")]).await, @"
    error[E-NOTHING-TO-RETRY]: the newest execution has not failed: there is no stage to try again
      next: start it with `cargo xtask pipeline --local`
    ");
    insta::assert_snapshot!(retried(vec![executions("Failed"), actions(&[("Source", "Succeeded")])]).await, @"
    error[E-NOTHING-TO-RETRY]: execution 11111111-2222-3333-4444-555555555555 failed before any of its actions did
      next: start it anew with `cargo xtask pipeline --local`
    ");
}

#[tokio::test(start_paused = true)]
async fn of_a_stage_that_is_tried_again_only_what_is_new_is_told() {
    let before = [("Source", "Succeeded"), ("Shared", "Succeeded"), ("Onebox", "Failed")];
    let answers = vec![
        summaries(&[(ID, "Failed", "abcdef0123")]),
        actions(&before),
        (200, "{}".to_owned()),
        execution("Succeeded"),
        actions(&[&before[..], &[("Shared", "Succeeded"), ("Onebox", "Succeeded")]].concat()),
        service_stack(),
    ];
    let (count, replay, context) = (answers.len(), Replay::new(answers), Context::hidden());
    let outcome = retry_newest(&context, &replay.aws(), &place(), AGAIN, Instant::now()).await;
    assert_eq!(replay.requests().len(), count, "{outcome:?}");
    let request: Value = serde_json::from_str(&replay.requests()[2]).unwrap();
    let (stage, mode) = (&request["stageName"], &request["retryMode"]);
    assert_eq!((stage, mode), (&json!("Production"), &json!("ALL_ACTIONS")));
    insta::assert_snapshot!(context.progress.said(), @r#"
    trying Production again, of execution 11111111 of abcdef01 "Answer faster"
    Shared of Production: Succeeded, 10.0 s
    Onebox of Production: Succeeded, 10.0 s
    the pipeline succeeded in 0.0 s
      curl http://x
    "#);
}
