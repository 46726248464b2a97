//! Executions from their start to their end.

use serde_json::json;

use super::rig::{Rig, stage, three_stages};
use crate::{
    ARTIFACTS_KEPT, ActionStatus, EXECUTIONS_KEPT, ExecutionKind, ExecutionStatus, RetryMode, StageStatus, TriggerKind,
};

#[test]
fn a_change_goes_through_all_stages() {
    let mut rig = Rig::new(&three_stages());
    let id = rig.start();
    assert_eq!(rig.runs(), ["A Pull"]);
    rig.succeed("Pull");
    assert_eq!(rig.running[0].definition.configuration["Commit"], "abc");
    assert_eq!(rig.running[0].inputs[0].name, "Code");
    assert!(rig.running[0].inputs[0].key.starts_with("trial/Code/"));
    rig.succeed("Compile");
    rig.succeed("Ship");
    assert_eq!(rig.status(&id), ExecutionStatus::Succeeded);
    let execution = rig.pipeline.execution(&id).unwrap();
    assert_eq!(execution.revisions["Pull"].id, "abc");
    let expected = [
        "A STARTED",
        "A Source STARTED",
        "A Pull STARTED",
        "A Pull SUCCEEDED",
        "A Source SUCCEEDED",
        "A Build STARTED",
        "A Compile STARTED",
        "A Compile SUCCEEDED",
        "A Build SUCCEEDED",
        "A Deploy STARTED",
        "A Ship STARTED",
        "A Ship SUCCEEDED",
        "A Deploy SUCCEEDED",
        "A SUCCEEDED",
    ];
    assert_eq!(rig.told, expected);
}

#[test]
fn actions_run_by_their_order_and_those_of_one_order_at_once() {
    let mut properties = three_stages();
    properties["Stages"][2] = stage("Deploy", &[("One", 1), ("Two", 1), ("Three", 2)]);
    let mut rig = Rig::new(&properties);
    let id = rig.start();
    rig.succeed("Pull");
    rig.succeed("Compile");
    assert_eq!(rig.runs(), ["A One", "A Two"]);
    rig.fail("One");
    assert_eq!(rig.status(&id), ExecutionStatus::InProgress, "the other still runs");
    rig.succeed("Two");
    assert_eq!(rig.status(&id), ExecutionStatus::Failed);
    rig.retry(&id, "Deploy", RetryMode::FailedActions);
    assert_eq!(rig.runs(), ["A One"]);
    rig.succeed("One");
    assert_eq!(rig.runs(), ["A Three"]);
    rig.fail("Three");
    rig.retry(&id, "Deploy", RetryMode::AllActions);
    assert_eq!(rig.runs(), ["A One", "A Two"]);
    rig.finish();
    assert_eq!(rig.status(&id), ExecutionStatus::Succeeded);
}

#[test]
fn a_stage_is_locked_until_its_last_action_has_ended() {
    let mut properties = three_stages();
    properties["Stages"][2] = stage("Deploy", &[("One", 1), ("Two", 2), ("Three", 3)]);
    let mut rig = Rig::new(&properties);
    let first = rig.start();
    rig.succeed("Pull");
    rig.succeed("Compile");
    let second = rig.start();
    rig.succeed("Pull");
    rig.succeed("Compile");
    for action in ["One", "Two"] {
        assert_eq!(rig.runs(), [format!("A {action}")]);
        rig.succeed(action);
    }
    let third = rig.start();
    rig.succeed("Pull");
    rig.succeed("Compile");
    assert_eq!(rig.status(&second), ExecutionStatus::Superseded);
    assert_eq!(rig.runs(), ["A Three"]);
    rig.succeed("Three");
    assert_eq!(rig.status(&first), ExecutionStatus::Succeeded);
    assert_eq!(rig.runs(), ["C One"]);
    rig.succeed("One");
    rig.fail("Two");
    rig.retry(&third, "Deploy", RetryMode::AllActions);
    assert_eq!(rig.runs(), ["C One"], "what succeeded before the failure runs again");
}

#[test]
fn who_waits_gives_way_to_a_newer_one() {
    let mut rig = Rig::new(&three_stages());
    let first = rig.start();
    rig.succeed("Pull");
    let second = rig.start();
    rig.succeed("Pull");
    let third = rig.start();
    assert_eq!(rig.runs(), ["A Compile", "C Pull"]);
    rig.succeed("Pull");
    assert_eq!(rig.status(&second), ExecutionStatus::Superseded);
    assert_eq!(rig.runs(), ["A Compile"]);
    rig.succeed("Compile");
    assert_eq!(rig.runs(), ["A Ship", "C Compile"]);
    rig.finish();
    assert_eq!(rig.status(&first), ExecutionStatus::Succeeded);
    assert_eq!(rig.status(&third), ExecutionStatus::Succeeded);
}

#[test]
fn a_queue_keeps_them_all_and_parallel_ones_do_not_wait() {
    let mut properties = three_stages();
    properties["ExecutionMode"] = json!("QUEUED");
    let mut rig = Rig::new(&properties);
    let ids = [rig.start(), rig.start(), rig.start()];
    assert_eq!(rig.runs(), ["A Pull"]);
    rig.succeed("Pull");
    assert_eq!(rig.runs(), ["A Compile", "B Pull"]);
    rig.finish();
    assert!(ids.iter().all(|id| rig.status(id) == ExecutionStatus::Succeeded));

    properties["ExecutionMode"] = json!("PARALLEL");
    let mut rig = Rig::new(&properties);
    let ids = [rig.start(), rig.start()];
    assert_eq!(rig.runs(), ["A Pull", "B Pull"]);
    rig.finish();
    assert!(ids.iter().all(|id| rig.status(id) == ExecutionStatus::Succeeded));
}

#[test]
fn a_failed_stage_is_free_for_the_next() {
    let mut rig = Rig::new(&three_stages());
    let first = rig.start();
    rig.succeed("Pull");
    let second = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    assert_eq!(rig.status(&first), ExecutionStatus::Failed);
    assert_eq!(rig.runs(), ["B Compile"]);
    let state = rig.pipeline.stage_state("Build").unwrap().latest.clone();
    assert_eq!(state, Some((second, StageStatus::InProgress)));
}

#[test]
fn a_stop_waits_for_what_runs_unless_it_abandons() {
    let mut rig = Rig::new(&three_stages());
    let id = rig.start();
    rig.succeed("Pull");
    rig.stop(&id, false);
    assert_eq!(rig.status(&id), ExecutionStatus::Stopping);
    rig.succeed("Compile");
    assert_eq!(rig.status(&id), ExecutionStatus::Stopped);
    assert!(rig.running.is_empty());
    rig.retry(&id, "Build", RetryMode::FailedActions);
    assert_eq!(rig.runs(), ["A Ship"], "what succeeded isn't run again");

    rig.stop(&id, false);
    rig.stop(&id, true);
    assert_eq!(rig.status(&id), ExecutionStatus::Stopped);
    let execution = rig.pipeline.execution(&id).unwrap();
    assert_eq!(execution.actions.last().unwrap().status, ActionStatus::Abandoned);
    assert_eq!(execution.summary.as_deref(), Some("enough"));
    rig.retry(&id, "Deploy", RetryMode::FailedActions);
    rig.succeed("Ship");
    assert_eq!(rig.status(&id), ExecutionStatus::Succeeded);
}

#[test]
fn who_waits_stops_at_once() {
    let mut rig = Rig::new(&three_stages());
    rig.close("Build", Some("not now"));
    let id = rig.start();
    rig.succeed("Pull");
    assert!(rig.running.is_empty());
    rig.stop(&id, false);
    assert_eq!(rig.status(&id), ExecutionStatus::Stopped);
    let next = rig.start();
    rig.succeed("Pull");
    rig.close("Build", None);
    assert_eq!(rig.runs(), ["B Compile"]);
    assert_eq!(rig.status(&next), ExecutionStatus::InProgress);
}

#[test]
fn a_stage_goes_back_to_an_earlier_execution_and_no_further() {
    let mut rig = Rig::new(&three_stages());
    let good = rig.start();
    rig.finish();
    let bad = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    rig.roll_back("Build", &good);
    let back = rig.pipeline.executions().last().unwrap();
    assert_eq!(back.kind, ExecutionKind::Rollback { target: good.clone() });
    let (back, inputs) = (back.id.clone(), rig.running[0].inputs.clone());
    assert_eq!(inputs[0], rig.pipeline.execution(&good).unwrap().artifacts["Code"]);
    rig.succeed("Compile");
    assert_eq!(rig.status(&back), ExecutionStatus::Succeeded);
    assert!(rig.running.is_empty(), "Deploy is not touched");
    assert_eq!(rig.status(&bad), ExecutionStatus::Failed);
}

#[test]
fn a_stage_may_go_back_or_try_again_by_itself() {
    let mut properties = three_stages();
    properties["Stages"][2]["OnFailure"] = json!({"Result": "ROLLBACK"});
    properties["Stages"][1]["OnFailure"] =
        json!({"Result": "RETRY", "RetryConfiguration": {"RetryMode": "ALL_ACTIONS"}});
    let mut rig = Rig::new(&properties);
    let first = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    assert_eq!(rig.runs(), ["A Compile"], "once more");
    rig.succeed("Compile");
    rig.fail("Ship");
    assert_eq!(rig.status(&first), ExecutionStatus::Failed, "nothing to go back to");
    let second = rig.start();
    rig.finish();
    let third = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    rig.succeed("Compile");
    rig.fail("Ship");
    assert_eq!(rig.status(&third), ExecutionStatus::Failed);
    let back = rig.pipeline.executions().last().unwrap();
    assert_eq!(back.kind, ExecutionKind::Rollback { target: second });
    assert_eq!(back.trigger.kind, TriggerKind::AutomatedRollback);
    rig.fail("Ship");
    assert_eq!(rig.pipeline.executions().len(), 4, "a rollback that fails ends there");
    let fifth = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    rig.fail("Compile");
    assert_eq!(rig.status(&fifth), ExecutionStatus::Failed, "twice is enough");
}

#[test]
fn an_update_lets_what_runs_finish_and_fails_it_and_the_restart_goes_on() {
    let mut rig = Rig::new(&three_stages());
    let old = rig.start();
    rig.succeed("Pull");
    let mut properties = three_stages();
    properties["Stages"][2] = stage("Release", &[("Publish", 1)]);
    rig.update(&properties, true);
    assert_eq!(rig.status(&old), ExecutionStatus::InProgress);
    assert_eq!(rig.runs(), ["A Compile", "B Pull"]);
    rig.succeed("Pull");
    assert_eq!(rig.runs(), ["A Compile"], "the stage is not free yet");
    rig.succeed("Compile");
    assert_eq!(rig.status(&old), ExecutionStatus::Failed);
    assert!(
        rig.pipeline
            .execution(&old)
            .unwrap()
            .summary
            .as_ref()
            .unwrap()
            .contains("updated")
    );
    assert_eq!(rig.runs(), ["B Compile"]);
    rig.succeed("Compile");
    rig.succeed("Publish");
    let new = rig.pipeline.executions().last().unwrap();
    assert_eq!((new.status, new.version), (ExecutionStatus::Succeeded, 2));
    assert!(rig.pipeline.stage_state("Deploy").is_none());
}

#[test]
fn what_an_action_needs_and_nobody_gave_fails_it() {
    let mut properties = three_stages();
    properties["Stages"][1]["Actions"][0]["Configuration"] = json!({"Image": "#{Elsewhere.Image}"});
    let mut rig = Rig::new(&properties);
    let id = rig.start();
    rig.succeed("Pull");
    assert_eq!(rig.status(&id), ExecutionStatus::Failed);
    let error = rig.pipeline.execution(&id).unwrap().actions[1].error.clone().unwrap();
    assert!(error.message.contains("#{Elsewhere.Image}"), "{error:?}");
}

#[test]
fn history_and_artifacts_are_bounded() {
    let mut rig = Rig::new(&three_stages());
    let failed = rig.start();
    rig.succeed("Pull");
    rig.fail("Compile");
    rig.close("Build", Some("kept for a retry"));
    for _ in 0..EXECUTIONS_KEPT + 10 {
        rig.start();
        rig.finish();
    }
    assert_eq!(rig.pipeline.executions().len(), EXECUTIONS_KEPT);
    assert!(rig.pipeline.execution(&failed).is_none(), "the oldest goes first");
    rig.close("Build", None);
    rig.finish();
    for _ in 0..EXECUTIONS_KEPT {
        rig.start();
        rig.finish();
    }
    assert_eq!(rig.pipeline.artifact_keys().len(), 2 * ARTIFACTS_KEPT);
    let kept = rig.pipeline.artifact_keys();
    assert!(rig.forgotten.iter().all(|key| !kept.contains(key)));
}
