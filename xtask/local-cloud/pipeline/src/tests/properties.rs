//! Whatever happens in whatever order: what must always hold.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::rig::{Rig, ended, stage, start, three_stages, trigger};
use crate::{Definition, Event, ExecutionMode, ExecutionStatus, Pipeline, RetryMode, TriggerKind};

/// Something that may happen; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Start,
    End { run: usize, succeeds: bool },
    Stop { execution: usize, abandon: bool },
    Retry { execution: usize, stage: usize, all: bool },
    RollBack { execution: usize, stage: usize },
    Close { stage: usize, closed: bool },
    Update { other: bool, restart: bool },
    Restart,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Start),
        12 => (any::<usize>(), prop::bool::weighted(0.75)).prop_map(|(run, succeeds)| Step::End { run, succeeds }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(execution, abandon)| Step::Stop { execution, abandon }),
        3 => (any::<usize>(), any::<usize>(), any::<bool>()).prop_map(|(execution, stage, all)| Step::Retry { execution, stage, all }),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(execution, stage)| Step::RollBack { execution, stage }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(stage, closed)| Step::Close { stage, closed }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(other, restart)| Step::Update { other, restart }),
        2 => Just(Step::Restart),
    ]
}

fn definition(mode: &str, other: bool) -> Value {
    let mut properties = three_stages();
    properties["ExecutionMode"] = json!(mode);
    properties["Stages"][1] = stage("Build", &[("Compile", 1), ("Check", 1), ("Sign", 2)]);
    if other {
        properties["Stages"][2] = stage("Release", &[("Publish", 1)]);
        properties["Stages"][1]["OnFailure"] = json!({"Result": "RETRY"});
    } else {
        properties["Stages"][2]["OnFailure"] = json!({"Result": "ROLLBACK"});
    }
    properties
}

fn take(rig: &mut Rig, mode: &str, step: &Step) {
    let executions = rig.pipeline.executions();
    let execution = |number: usize| {
        executions
            .get(number % executions.len().max(1))
            .map(|it| it.id.clone())
            .unwrap_or_default()
    };
    let stages = &rig.pipeline.definition().stages;
    let stage = |number: usize| stages[number % stages.len()].name.clone();
    let event = match *step {
        Step::Start => start(),
        Step::End { run, succeeds } => {
            if rig.running.is_empty() {
                return;
            }
            let run = rig.running.remove(run % rig.running.len());
            ended(&run, succeeds)
        }
        Step::Stop {
            execution: number,
            abandon,
        } => Event::Stop {
            execution_id: execution(number),
            abandon,
            reason: None,
        },
        Step::Retry {
            execution: number,
            stage: place,
            all,
        } => Event::Retry {
            execution_id: execution(number),
            stage: stage(place),
            mode: if all {
                RetryMode::AllActions
            } else {
                RetryMode::FailedActions
            },
        },
        Step::RollBack {
            execution: number,
            stage: place,
        } => Event::RollBack {
            stage: stage(place),
            target: execution(number),
            trigger: trigger(TriggerKind::ManualRollback),
        },
        Step::Close { stage: place, closed } => Event::SetTransition {
            stage: stage(place),
            closed_because: closed.then(|| "closed".to_owned()),
            by: "somebody".to_owned(),
        },
        Step::Update { other, restart } => Event::Update {
            definition: Box::new(Definition::read(&definition(mode, other)).unwrap()),
            restart: restart.then(|| trigger(TriggerKind::StartPipelineExecution)),
        },
        Step::Restart => {
            let saved = serde_json::to_vec(&rig.pipeline).unwrap();
            rig.pipeline = serde_json::from_slice(&saved).unwrap();
            return;
        }
    };
    rig.step(event);
}

/// What holds after every step, given what was before it.
fn check(before: &Pipeline, rig: &Rig) {
    let pipeline = &rig.pipeline;
    for stage in &pipeline.definition().stages {
        let inside = pipeline.executions().iter().filter(|it| it.is_in(&stage.name)).count();
        let waiting = pipeline
            .executions()
            .iter()
            .filter(|it| it.waits_for(&stage.name))
            .count();
        let mode = pipeline.definition().mode;
        assert!(
            mode == ExecutionMode::Parallel || inside <= 1,
            "{inside} in {}",
            stage.name
        );
        assert!(
            mode != ExecutionMode::Superseded || waiting <= 1,
            "{waiting} wait for {}",
            stage.name
        );
    }
    for execution in pipeline.executions() {
        let earlier = before.execution(&execution.id);
        if execution.status == ExecutionStatus::Superseded {
            assert!(execution.waiting, "only who waits gives way");
            assert!(!execution.is_busy());
        }
        if !execution.status.is_active() {
            assert!(!execution.is_busy(), "nothing runs for one that has ended");
        }
        if earlier.is_some_and(|it| matches!(it.status, ExecutionStatus::Succeeded | ExecutionStatus::Superseded)) {
            assert_eq!(
                Some(execution.status),
                earlier.map(|it| it.status),
                "that end is for good"
            );
        }
        // Where nothing runs for it, an active execution waits; for what must be visible.
        if execution.status.is_active() && !execution.is_busy() {
            let state = pipeline.stage_state(&execution.stage).expect("a stage that exists");
            let closed = state.transition.closed_because.is_some();
            let taken = pipeline
                .executions()
                .iter()
                .any(|it| it.is_in(&execution.stage) || it.waits_for(&execution.stage) && it.id != execution.id);
            assert!(execution.waiting && (closed || taken), "it hangs: {execution:?}");
        }
    }
    // What was asked to run is what is believed to run.
    let mut believed = pipeline.running().map(|(_, run)| run.id.clone()).collect::<Vec<_>>();
    let mut asked = rig.running.iter().map(|run| run.action_id.clone()).collect::<Vec<_>>();
    believed.sort();
    asked.sort();
    assert_eq!(believed, asked);
    // Whatever may still be used is kept.
    let kept = pipeline.artifact_keys();
    for run in &rig.running {
        assert!(
            run.inputs.iter().all(|artifact| kept.contains(&artifact.key)),
            "an input is gone"
        );
    }
    assert!(
        rig.forgotten.iter().all(|key| !kept.contains(key)),
        "forgotten and kept"
    );
}

/// Once every way is open and everything succeeds, everything comes to its end.
fn settle(rig: &mut Rig) {
    let stages = rig.pipeline.definition().stages.clone();
    for stage in stages {
        rig.close(&stage.name, None);
    }
    rig.finish();
    assert!(
        rig.pipeline.executions().iter().all(|it| !it.status.is_active()),
        "something goes on for ever"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_happens(
        mode in prop::sample::select(vec!["SUPERSEDED", "QUEUED", "PARALLEL"]),
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let mut rig = Rig::new(&definition(mode, false));
        for step in &steps {
            let before = rig.pipeline.clone();
            take(&mut rig, mode, step);
            check(&before, &rig);
        }
        settle(&mut rig);
    }
}
