//! What the scheduler does, step by step, in situations that users meet.

use std::time::Duration;

use super::{
    transcript::transcript,
    world::{Behaviour, World, exited, health, settings},
};
use crate::{Alarms, CircuitBreaker, DeploymentOutcome, Event, RevisionId, Settings, TargetState, Threshold};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Do {
    Deploy(&'static str, Behaviour),
    DeployWith(&'static str, Behaviour, Settings),
    Desired(u32),
    /// Lets so many seconds pass.
    Wait(u64),
    /// The task with this number in the order of living ones dies.
    Kill(usize),
    StopTask(usize),
    StopDeployment,
    InAlarm(&'static [&'static str]),
    /// From now on the tasks of this revision behave so.
    Behave(&'static str, Behaviour),
    Delete,
    /// What came so far doesn't belong in the transcript.
    Forget,
}

/// Plays the script and compares everything the scheduler did with the snapshot of this name.
fn check(name: &str, script: &[Do]) -> World {
    let mut world = World::new();
    for step in script {
        play(&mut world, step);
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, transcript(&world));
    });
    world
}

fn play(world: &mut World, step: &Do) {
    match step.clone() {
        Do::Deploy(revision, behaviour) => world.deploy(revision, behaviour, settings(), None),
        Do::DeployWith(revision, behaviour, settings) => world.deploy(revision, behaviour, settings, None),
        Do::Desired(desired_count) => world.deliver(Event::SetDesiredCount { desired_count }),
        Do::Wait(seconds) => world.run_for(seconds),
        Do::Kill(number) => {
            let task = world.living(number).unwrap();
            world.deliver(exited(task));
        }
        Do::StopTask(number) => {
            let task = world.living(number).unwrap();
            world.deliver(Event::StopTask { task, reason: None });
        }
        Do::StopDeployment => world.deliver(Event::StopDeployment { rollback: true }),
        Do::InAlarm(names) => {
            let in_alarm = names.iter().map(|&name| name.to_owned()).collect();
            world.deliver(Event::AlarmStates { in_alarm });
        }
        Do::Behave(revision, behaviour) => {
            world.behaviours.insert(RevisionId::new(revision), behaviour);
        }
        Do::Delete => world.deliver(Event::Delete),
        Do::Forget => {
            let keep = |action: &crate::Action| matches!(action, crate::Action::DeploymentStateChanged { .. });
            world.transcript.retain(|(_, action)| keep(action));
        }
    }
}

/// A service of so many good tasks of revision v1, in its steady state.
fn steady(desired: u32) -> Vec<Do> {
    vec![
        Do::Desired(desired),
        Do::Deploy("v1", Behaviour::Good),
        Do::Wait(100),
        Do::Forget,
    ]
}

fn after_steady(desired: u32, script: &[Do]) -> Vec<Do> {
    [steady(desired), script.to_vec()].concat()
}

fn percent(minimum_healthy_percent: u32, maximum_percent: u32) -> Settings {
    Settings {
        minimum_healthy_percent,
        maximum_percent,
        ..settings()
    }
}

fn with_alarms() -> Settings {
    let names = vec!["slow".to_owned(), "errors".to_owned()];
    Settings {
        alarms: Some(Alarms { names, rollback: true }),
        bake: Duration::from_mins(4),
        ..settings()
    }
}

#[test]
fn first_deployment_then_ten() {
    let script = [
        Do::Deploy("v1", Behaviour::Good),
        Do::Wait(60),
        Do::Desired(10),
        Do::Wait(60),
    ];
    check("first_deployment_then_ten", &script);
}

#[test]
fn update_of_ten() {
    let world = check(
        "update_of_ten",
        &after_steady(10, &[Do::Deploy("v2", Behaviour::Good), Do::Wait(200)]),
    );
    assert!(world.service.is_stable() && world.service.is_steady());
}

#[test]
fn update_within_other_percentages() {
    for (name, settings, desired) in [
        ("update_50_100", percent(50, 100), 4),
        ("update_100_150", percent(100, 150), 4),
        ("update_0_100", percent(0, 100), 2),
    ] {
        let script = [Do::DeployWith("v2", Behaviour::Good, settings), Do::Wait(400)];
        let world = check(name, &after_steady(desired, &script));
        assert!(world.service.is_steady(), "{name}");
    }
}

#[test]
fn update_without_room_sticks_and_says_so_until_there_is_room() {
    let script = [
        Do::DeployWith("v2", Behaviour::Good, percent(100, 100)),
        Do::Wait(1000),
        Do::StopTask(0),
        Do::Wait(100),
    ];
    check("update_stuck", &after_steady(1, &script));
}

#[test]
fn scale_in_drains_first() {
    check("scale_in", &after_steady(4, &[Do::Desired(2), Do::Wait(60)]));
}

#[test]
fn a_task_that_dies_is_replaced() {
    check("crash", &after_steady(3, &[Do::Kill(1), Do::Wait(60)]));
}

#[test]
fn a_task_stopped_by_its_user_is_replaced() {
    let world = check("stop_task", &after_steady(2, &[Do::StopTask(0), Do::Wait(60)]));
    let stopped = world.service.tasks().last().unwrap();
    assert_eq!(stopped.stop_code.unwrap().as_str(), "UserInitiated");
}

#[test]
fn an_old_task_that_dies_during_an_update_is_replaced_from_its_own_revision() {
    let script = [
        Do::Deploy("v2", Behaviour::Good),
        Do::Wait(2),
        Do::Kill(0),
        Do::Wait(200),
    ];
    check("kill_during_update", &after_steady(3, &script));
}

#[test]
fn new_tasks_that_exit_at_start_trip_the_breaker() {
    for (name, desired, failures) in [("breaker_at_3_of_3", 3, 3), ("breaker_at_5_of_10", 10, 5)] {
        let script = [Do::Deploy("v2", Behaviour::ExitsAtStart), Do::Wait(200)];
        let world = check(name, &after_steady(desired, &script));
        let failed = world
            .service
            .stopped_tasks
            .iter()
            .filter(|task| task.counted_as_failed)
            .count();
        assert!(failed >= failures, "{name}: {failed}");
        assert!(world.service.is_stable());
    }
}

#[test]
fn tasks_that_fail_to_start_are_tried_ever_more_seldom() {
    let settings = Settings {
        circuit_breaker: None,
        ..settings()
    };
    let script = [Do::DeployWith("v1", Behaviour::FailsToStart, settings), Do::Wait(200)];
    check("start_failures_back_off", &script);
}

#[test]
fn a_first_deployment_that_fails_stalls() {
    let script = [Do::Deploy("v1", Behaviour::ExitsAtStart), Do::Wait(10_000)];
    check("first_deployment_fails", &script);
}

#[test]
fn a_failed_deployment_without_rollback_stalls() {
    let settings = Settings {
        circuit_breaker: Some(CircuitBreaker::new(false)),
        ..settings()
    };
    let script = [Do::DeployWith("v2", Behaviour::Unhealthy, settings), Do::Wait(1000)];
    check("failed_without_rollback", &after_steady(3, &script));
}

#[test]
fn new_tasks_that_are_unhealthy_trip_the_breaker() {
    let script = [Do::Deploy("v2", Behaviour::Unhealthy), Do::Wait(300)];
    check("unhealthy_after_start", &after_steady(3, &script));
}

#[test]
fn unhealthy_reports_within_the_grace_period_are_ignored() {
    let settings = Settings {
        health_check_grace: Duration::from_mins(1),
        circuit_breaker: None,
        ..settings()
    };
    let script = [Do::DeployWith("v1", Behaviour::Unhealthy, settings), Do::Wait(90)];
    check("grace_period", &script);
}

#[test]
fn a_running_task_that_turns_unhealthy_is_replaced_first_and_stopped_then() {
    let flaky = |settings| {
        [
            Do::DeployWith("v1", Behaviour::UnhealthyAfter(300), settings),
            Do::Wait(400),
        ]
    };
    check("unhealthy_with_room", &flaky(settings()));
    check("unhealthy_without_room", &flaky(percent(100, 100)));
}

#[test]
fn a_newer_deployment_takes_over() {
    let script = [
        Do::Deploy("v2", Behaviour::Good),
        Do::Wait(7),
        Do::Deploy("v3", Behaviour::Good),
        Do::Wait(200),
    ];
    check("superseded", &after_steady(3, &script));
}

#[test]
fn the_desired_count_may_change_during_a_deployment() {
    for (name, desired) in [("scale_out_during_update", 5), ("scale_in_during_update", 1)] {
        let script = [
            Do::Deploy("v2", Behaviour::Good),
            Do::Wait(7),
            Do::Desired(desired),
            Do::Wait(200),
        ];
        let world = check(name, &after_steady(3, &script));
        assert!(world.service.is_steady(), "{name}");
    }
}

#[test]
fn a_service_can_be_deleted_during_a_deployment() {
    let script = [
        Do::Deploy("v2", Behaviour::Good),
        Do::Wait(3),
        Do::Delete,
        Do::Wait(200),
    ];
    let world = check("delete_during_update", &after_steady(2, &script));
    assert!(world.service.is_gone());
}

#[test]
fn a_deployment_can_be_stopped_with_a_rollback() {
    let script = [
        Do::Deploy("v2", Behaviour::Good),
        Do::Wait(7),
        Do::StopDeployment,
        Do::Wait(200),
    ];
    check("stop_deployment", &after_steady(2, &script));
}

#[test]
fn an_alarm_during_the_bake_rolls_back_and_the_rollback_is_not_watched_while_it_lasts() {
    let script = [
        Do::DeployWith("v2", Behaviour::Good, with_alarms()),
        Do::Wait(100),
        Do::InAlarm(&["slow", "unrelated"]),
        Do::Wait(400),
    ];
    check("alarm_during_bake", &after_steady(2, &script));
}

#[test]
fn an_alarm_that_turns_red_once_a_rollback_has_begun_does_not_fail_it() {
    let script = [
        Do::DeployWith("v2", Behaviour::Unhealthy, with_alarms()),
        Do::Wait(40),
        Do::InAlarm(&["errors"]),
        Do::Wait(100),
    ];
    let world = check("alarm_during_rollback", &after_steady(2, &script));
    assert!(world.service.is_steady());
}

#[test]
fn a_rollback_that_fails_too_stalls() {
    let script = [
        Do::DeployWith("v2", Behaviour::Good, with_alarms()),
        Do::Wait(100),
        Do::Behave("v1", Behaviour::FailsToStart),
        Do::InAlarm(&["errors"]),
        Do::Wait(1000),
    ];
    let world = check("rollback_fails", &after_steady(1, &script));
    assert_eq!(
        world.service.running_count(),
        1,
        "the task of the failed deployment still serves"
    );
}

#[test]
fn a_quiet_bake_completes() {
    let script = [Do::DeployWith("v2", Behaviour::Good, with_alarms()), Do::Wait(400)];
    check("bake", &after_steady(2, &script));
}

#[test]
fn an_alarm_that_was_red_before_does_not_matter() {
    let script = [
        Do::InAlarm(&["slow"]),
        Do::DeployWith("v2", Behaviour::Good, with_alarms()),
        Do::Wait(60),
        Do::InAlarm(&["slow", "errors"]),
        Do::Wait(400),
    ];
    check("alarm_red_before", &after_steady(1, &script));
}

/// Alarms as the settings have them while the deployment bakes and an alarm goes off: what became of the deployment.
fn outcome_with_alarms(alarms: Option<Alarms>, while_it_bakes: bool) -> DeploymentOutcome {
    let (watched, changed) = (
        with_alarms(),
        Settings {
            alarms,
            ..with_alarms()
        },
    );
    let mut world = World::new();
    let before = if while_it_bakes { watched } else { changed.clone() };
    let script = [Do::DeployWith("v2", Behaviour::Good, before), Do::Wait(100)];
    after_steady(2, &script).iter().for_each(|step| play(&mut world, step));
    if while_it_bakes {
        world.deliver(Event::UpdateSettings { settings: changed });
    }
    [Do::InAlarm(&["errors"]), Do::Wait(400)]
        .iter()
        .for_each(|step| play(&mut world, step));
    let newest = world.service.service_deployments().next().unwrap();
    assert_eq!(
        newest.revision.as_str(),
        "v2",
        "a change of settings starts no deployment"
    );
    newest.outcome()
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentAlarms.html>
#[test]
fn alarms_that_are_off_fail_nothing_and_without_rollback_nothing_is_rolled_back() {
    let alarms = |rollback| {
        let names = vec!["errors".to_owned()];
        Some(Alarms { names, rollback })
    };
    let reason = "ECS deployment alarms: alarm detected.".to_owned();
    for while_it_bakes in [false, true] {
        let outcome = |alarms| outcome_with_alarms(alarms, while_it_bakes);
        assert_eq!(outcome(None), DeploymentOutcome::Completed, "Enable is false");
        let (failed, rolled_back) = (outcome(alarms(false)), outcome(alarms(true)));
        assert_eq!(failed, DeploymentOutcome::Failed { reason: reason.clone() });
        assert_eq!(rolled_back, DeploymentOutcome::RolledBack { reason: reason.clone() });
    }
}

#[test]
fn without_a_load_balancer_a_task_is_healthy_after_running_for_forty_seconds() {
    let settings = Settings {
        load_balancer: None,
        ..settings()
    };
    let deploy = |revision| Do::DeployWith(revision, Behaviour::Good, settings.clone());
    check(
        "no_load_balancer",
        &[deploy("v1"), Do::Wait(100), deploy("v2"), Do::Wait(100)],
    );
}

#[test]
fn the_threshold_follows_the_documented_examples() {
    let default = Threshold::default();
    for (threshold, desired, expected) in [
        (default, 0, 3),
        (default, 1, 3),
        (default, 10, 5),
        (default, 25, 13),
        (default, 400, 200),
        (default, 1000, 200),
        (Threshold::UnboundedPercent(50), 1, 1),
        (Threshold::UnboundedPercent(50), 1000, 500),
        (Threshold::Count(7), 1000, 7),
        (Threshold::Count(0), 10, 1),
    ] {
        assert_eq!(threshold.tasks(desired), expected, "{threshold:?} of {desired}");
    }
}

#[test]
fn floor_and_ceiling_round_as_documented() {
    for (desired, minimum, maximum, floor, ceiling) in [
        (1, 50, 150, 1, 1),
        (2, 50, 150, 1, 3),
        (3, 50, 200, 2, 6),
        (4, 50, 100, 2, 4),
        (0, 100, 200, 0, 0),
    ] {
        let settings = percent(minimum, maximum);
        assert_eq!(
            (settings.healthy_floor(desired), settings.task_ceiling(desired)),
            (floor, ceiling),
            "{desired}"
        );
    }
}

#[test]
fn events_about_unknown_stopped_or_not_yet_registered_tasks_change_nothing() {
    let mut world = World::new();
    world.deploy("v1", Behaviour::Good, settings(), None);
    let starting = world.order[0];
    let before = world.service.clone();
    assert_eq!(
        world.service.step(world.now, health(starting, TargetState::Unhealthy)),
        vec![]
    );
    assert_eq!(world.service, before, "the target isn't registered yet");
    world.run_for(60);
    world.deliver(exited(starting));
    world.run_for(60);
    let before = world.service.clone();
    let unknown = "0123456789abcdef0123456789abcdef".parse().unwrap();
    for task in [starting, unknown] {
        for event in [
            Event::TaskPending { task },
            Event::TaskRunning { task },
            exited(task),
            Event::TaskStartFailed {
                task,
                reason: "late".to_owned(),
            },
            health(task, TargetState::Healthy),
            health(task, TargetState::Unused),
            Event::TargetUnused { task },
            Event::StopTask { task, reason: None },
        ] {
            assert_eq!(world.service.step(world.now, event.clone()), vec![], "{event:?}");
        }
    }
    assert_eq!(world.service, before);
}

#[test]
fn what_was_under_way_is_asked_for_again_after_a_restart() {
    let mut world = World::new();
    world.deploy("v1", Behaviour::Good, settings(), Some(2));
    world.run_for(60);
    world.deliver(Event::SetDesiredCount { desired_count: 1 });
    world.deploy("v2", Behaviour::Good, settings(), None);
    let mut kinds: Vec<String> = world
        .service
        .unfinished()
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    for kind in &mut kinds {
        kind.truncate(kind.find(' ').unwrap());
    }
    kinds.sort();
    assert_eq!(kinds, ["DeregisterTarget", "RegisterTarget", "StartTask"]);
    world.run_for(31);
    let stops = world.service.unfinished();
    assert!(
        stops
            .iter()
            .any(|action| matches!(action, crate::Action::StopTask { .. })),
        "{stops:?}"
    );
}
