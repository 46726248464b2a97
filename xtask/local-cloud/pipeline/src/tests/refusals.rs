//! What is refused, by AWS's exceptions.

use std::collections::BTreeMap;

use serde_json::json;

use super::rig::{Rig, start, three_stages, trigger};
use crate::{Event, RetryMode, TriggerKind};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[track_caller]
fn check(rig: &mut Rig, event: Event, expected: &str) {
    let before = rig.pipeline.clone();
    let refusal = rig.pipeline.check(&event).expect_err("it was taken in");
    assert_eq!(refusal.code, expected, "{refusal}");
    rig.step(event);
    assert_eq!(rig.pipeline, before, "what is refused changes nothing");
}

fn stop(id: &str, abandon: bool) -> Event {
    Event::Stop {
        execution_id: id.to_owned(),
        abandon,
        reason: None,
    }
}

fn retry(id: &str, stage: &str) -> Event {
    Event::Retry {
        execution_id: id.to_owned(),
        stage: stage.to_owned(),
        mode: RetryMode::FailedActions,
    }
}

fn roll_back(stage: &str, target: &str) -> Event {
    Event::RollBack {
        stage: stage.to_owned(),
        target: target.to_owned(),
        trigger: trigger(TriggerKind::ManualRollback),
    }
}

fn start_with(variable: Option<&str>, revision: Option<&str>) -> Event {
    let map = |name: Option<&str>| name.map(|name| (name.to_owned(), "x".to_owned())).into_iter().collect();
    Event::Start {
        trigger: trigger(TriggerKind::StartPipelineExecution),
        variables: map(variable),
        revisions: map(revision),
    }
}

#[test]
fn executions_are_started_stopped_and_retried_only_where_that_means_something() {
    let mut rig = Rig::new(&three_stages());
    check(&mut rig, start_with(Some("Colour"), None), "ValidationException");
    check(&mut rig, start_with(None, Some("Compile")), "ValidationException");
    check(&mut rig, stop(NOBODY, false), "PipelineExecutionNotStoppableException");
    let id = rig.start();
    check(&mut rig, retry(&id, "Source"), "StageNotRetryableException");
    check(&mut rig, retry(&id, "Build"), "NotLatestPipelineExecutionException");
    check(&mut rig, retry(&id, "None"), "StageNotFoundException");
    rig.stop(&id, false);
    check(&mut rig, stop(&id, false), "DuplicatedStopRequestException");
    rig.stop(&id, true);
    check(&mut rig, stop(&id, true), "PipelineExecutionNotStoppableException");

    let first = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    rig.start();
    rig.succeed("Pull");
    check(&mut rig, retry(&first, "Build"), "NotLatestPipelineExecutionException");
    rig.fail("Compile");
    let second = rig.pipeline.executions().last().unwrap().id.clone();
    rig.update(&three_stages(), false);
    check(&mut rig, retry(&second, "Build"), "StageNotRetryableException");
}

#[test]
fn a_stage_goes_back_only_to_what_succeeded_in_it() {
    let mut rig = Rig::new(&three_stages());
    let good = rig.start();
    rig.finish();
    check(&mut rig, roll_back("None", &good), "StageNotFoundException");
    check(&mut rig, roll_back("Source", &good), "UnableToRollbackStageException");
    check(
        &mut rig,
        roll_back("Build", NOBODY),
        "PipelineExecutionNotFoundException",
    );
    let failed = rig.start();
    rig.succeed("Pull");
    check(&mut rig, roll_back("Build", &good), "UnableToRollbackStageException");
    rig.fail("Compile");
    check(&mut rig, roll_back("Build", &failed), "UnableToRollbackStageException");
    rig.roll_back("Build", &good);
    rig.succeed("Compile");
    let back = rig.pipeline.executions().last().unwrap().id.clone();
    check(&mut rig, roll_back("Build", &back), "UnableToRollbackStageException");
    rig.update(&three_stages(), false);
    check(
        &mut rig,
        roll_back("Build", &good),
        "PipelineExecutionOutdatedException",
    );
}

#[test]
fn a_queue_is_bounded_and_an_end_is_told_once() {
    let mut properties = three_stages();
    properties["ExecutionMode"] = json!("QUEUED");
    let mut rig = Rig::new(&properties);
    (0..50).for_each(|_| drop(rig.start()));
    check(&mut rig, start(), "ConcurrentPipelineExecutionsLimitExceededException");
    let run = rig.running[0].clone();
    rig.fail("Pull");
    check(&mut rig, super::rig::ended(&run, true), "ValidationException");
}

#[test]
fn variables_are_given_or_have_a_default() {
    let mut properties = three_stages();
    properties["Variables"] = json!([{"Name": "Colour"}, {"Name": "Size", "DefaultValue": 1}]);
    let mut rig = Rig::new(&properties);
    check(&mut rig, start(), "ValidationException");
    rig.step(start_with(Some("Colour"), None));
    let expected = BTreeMap::from([
        ("Colour".to_owned(), "x".to_owned()),
        ("Size".to_owned(), "1".to_owned()),
    ]);
    assert_eq!(rig.pipeline.executions()[0].variables, expected);
}
