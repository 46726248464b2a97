//! What holds whatever happens when. The world itself asserts the healthy floor and the ceiling at every action.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};

use super::world::{Behaviour, World, exited, health, settings};
use crate::{
    Action, Alarms, CircuitBreaker, DeploymentOutcome, Event, LoadBalancer, RolloutState, Settings, TargetState,
    Threshold,
};

/// Something that a user, a fault or chance does.
#[derive(Debug, Clone)]
enum Op {
    Deploy(Behaviour, Percentages, bool),
    Desired(u32),
    Grace(u64),
    StopTask(usize),
    StopDeployment(bool),
    Restart,
    Tick,
    // Faults from here on.
    Kill(usize),
    TurnUnhealthy(usize),
    TurnHealthy(usize),
    /// An event comes a second time.
    Repeat(usize),
    InAlarm(bool),
    /// An event about a task that never was, or is long gone.
    Stale(usize),
}

type Percentages = (u32, u32);

fn percentages() -> impl Strategy<Value = Percentages> {
    prop_oneof![
        3 => Just((100, 200)),
        1 => Just((50, 100)),
        1 => Just((100, 150)),
        1 => Just((0, 100)),
        1 => Just((50, 150)),
        1 => Just((100, 100)),
    ]
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        3 => Just(Behaviour::Good),
        1 => Just(Behaviour::FailsToStart),
        1 => Just(Behaviour::ExitsAtStart),
        1 => Just(Behaviour::Unhealthy),
        1 => (0_u64..100).prop_map(Behaviour::UnhealthyAfter),
        1 => (0_u64..100).prop_map(Behaviour::ExitsAfter),
    ]
}

fn harmless() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (percentages(), any::<bool>()).prop_map(|(percent, balanced)| Op::Deploy(Behaviour::Good, percent, balanced)),
        2 => (0_u32..12).prop_map(Op::Desired),
        1 => (0_u64..60).prop_map(Op::Grace),
        2 => (0_usize..20).prop_map(Op::StopTask),
        1 => Just(Op::Restart),
        1 => Just(Op::Tick),
    ]
}

fn anything() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => harmless(),
        2 => (behaviour(), percentages()).prop_map(|(behaviour, percent)| Op::Deploy(behaviour, percent, true)),
        1 => any::<bool>().prop_map(Op::StopDeployment),
        2 => (0_usize..20).prop_map(Op::Kill),
        2 => (0_usize..20).prop_map(Op::TurnUnhealthy),
        1 => (0_usize..20).prop_map(Op::TurnHealthy),
        2 => any::<usize>().prop_map(Op::Repeat),
        1 => any::<bool>().prop_map(Op::InAlarm),
        1 => (0_usize..20).prop_map(Op::Stale),
    ]
}

fn script<S: Strategy<Value = Op>>(op: S) -> impl Strategy<Value = Vec<(u64, Op)>> {
    vec((prop_oneof![Just(0_u64), 0_u64..8, 0_u64..90], op), 1..25)
}

fn settings_with((minimum_healthy_percent, maximum_percent): Percentages, balanced: bool) -> Settings {
    let load_balancer: Option<LoadBalancer> = settings().load_balancer.filter(|_| balanced);
    Settings {
        minimum_healthy_percent,
        maximum_percent,
        load_balancer,
        alarms: Some(Alarms {
            names: vec!["slow".to_owned()],
            rollback: true,
        }),
        bake: Duration::from_secs(20),
        ..settings()
    }
}

fn play(world: &mut World, script: &[(u64, Op)]) {
    world.deploy("r0", Behaviour::Good, settings_with((100, 200), true), Some(3));
    for (number, (wait, op)) in script.iter().enumerate() {
        world.run_for(*wait);
        play_op(world, number, op);
    }
}

fn play_op(world: &mut World, number: usize, op: &Op) {
    match op {
        Op::Deploy(behaviour, percent, balanced) => {
            let settings = settings_with(*percent, *balanced);
            world.deploy(&format!("r{}", number + 1), *behaviour, settings, None);
        }
        Op::Desired(desired_count) => world.deliver(Event::SetDesiredCount {
            desired_count: *desired_count,
        }),
        Op::Grace(seconds) => {
            let health_check_grace = Duration::from_secs(*seconds);
            let settings = Settings {
                health_check_grace,
                ..world.service.settings().clone()
            };
            world.deliver(Event::UpdateSettings { settings });
        }
        Op::StopDeployment(rollback) => world.deliver(Event::StopDeployment { rollback: *rollback }),
        Op::Restart => world.restart(),
        Op::Tick => world.deliver(Event::Tick),
        Op::Repeat(index) => {
            // Deploy and the like are the user's will, not news: those come once.
            let news = |event: &&Event| !matches!(event, Event::Deploy { .. } | Event::StopTask { .. });
            let past: Vec<Event> = world.delivered.iter().filter(news).cloned().collect();
            if !past.is_empty() {
                world.deliver(past[index % past.len()].clone());
            }
        }
        Op::InAlarm(on) => {
            let in_alarm = if *on { vec!["slow".to_owned()] } else { Vec::new() };
            world.deliver(Event::AlarmStates { in_alarm });
        }
        Op::Stale(index) => {
            let task = world.order[index % world.order.len()];
            world.deliver(Event::TargetUnused { task });
        }
        Op::StopTask(index) | Op::Kill(index) | Op::TurnUnhealthy(index) | Op::TurnHealthy(index) => {
            let Some(task) = world.living(*index) else { return };
            world.deliver(match op {
                Op::StopTask(_) => Event::StopTask { task, reason: None },
                Op::Kill(_) => exited(task),
                Op::TurnUnhealthy(_) => health(task, TargetState::Unhealthy),
                _ => health(task, TargetState::Healthy),
            });
        }
    }
}

/// Every fault stops: revisions are mended, targets recover, alarms are silent.
fn mend(world: &mut World) {
    for behaviour in world.behaviours.values_mut() {
        *behaviour = Behaviour::Good;
    }
    world.deliver(Event::AlarmStates { in_alarm: Vec::new() });
    world.run_for(300);
    for task in world.order.clone() {
        if world.tasks[&task].is_living() {
            world.deliver(health(task, TargetState::Healthy));
        }
    }
    world.run_for(20_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happened, once faults stop there is an end: a steady state, a failed deployment, or one that the percentages hold up.
    #[test]
    fn it_always_settles(script in script(anything())) {
        let mut world = World::new();
        play(&mut world, &script);
        mend(&mut world);
        prop_assert!(world.is_quiet(), "something is still to happen: {:?}", world.service);
        let service = &world.service;
        let primary = &service.deployments()[0];
        let settings = service.settings();
        let desired = service.desired_count();
        let no_room = settings.healthy_floor(desired) == settings.task_ceiling(desired) && service.deployments().len() > 1;
        prop_assert!(
            service.is_steady() || primary.rollout_state == RolloutState::Failed || no_room,
            "{:#?}", service
        );
    }

    /// Nothing fails, and nothing is rolled back, unless something went wrong.
    #[test]
    fn without_a_fault_nothing_fails(script in script(harmless())) {
        let mut world = World::new();
        play(&mut world, &script);
        mend(&mut world);
        for record in world.service.service_deployments() {
            let fine = matches!(
                record.outcome(),
                DeploymentOutcome::Completed | DeploymentOutcome::Stopped | DeploymentOutcome::InProgress
            );
            prop_assert!(fine, "{record:?}");
        }
    }

    /// A tripped circuit breaker has counted at least its threshold of tasks that failed by themselves.
    #[test]
    fn the_breaker_has_its_cause(script in script(anything())) {
        let mut world = World::new();
        play(&mut world, &script);
        for (_, action) in &world.transcript {
            if let Action::DeploymentStateChanged { deployment, state: RolloutState::Failed, reason } = action
                && reason.starts_with("ECS deployment circuit breaker")
            {
                let failures = world.failures.get(deployment).copied().unwrap_or_default();
                prop_assert!(failures >= Threshold::default().tasks(0), "{failures} failures");
            }
        }
    }

    /// An alarm fails what someone deployed, never the way back from it.
    #[test]
    fn no_alarm_fails_a_rollback(script in script(anything())) {
        let mut world = World::new();
        play(&mut world, &script);
        let mut back = None;
        for (_, action) in &world.transcript {
            let Action::DeploymentStateChanged { deployment, state, reason } = action else { continue };
            match state {
                RolloutState::InProgress => back = reason.contains("rolling back").then_some(*deployment),
                RolloutState::Failed => {
                    let by_alarm = reason.starts_with("ECS deployment alarms");
                    prop_assert!(!(by_alarm && back == Some(*deployment)), "{deployment} {reason}");
                }
                RolloutState::Completed => {}
            }
        }
    }

    /// A step leaves nothing undone: to look again at the same moment brings no action.
    #[test]
    fn a_second_look_finds_nothing_to_do(script in script(anything())) {
        let mut world = World { looks_twice: true, ..World::new() };
        play(&mut world, &script);
    }

    /// A deleted service stops everything and then is gone.
    #[test]
    fn a_deleted_service_goes(script in script(anything())) {
        let mut world = World::new();
        play(&mut world, &script);
        world.deliver(Event::Delete);
        world.run_for(1000);
        prop_assert!(world.service.is_gone());
        prop_assert!(world.is_quiet());
        prop_assert_eq!(world.service.step(world.now, Event::Tick), vec![]);
    }
}

proptest! {
    // Fewer cases: saving at every step takes most of the time.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same events give the same actions, also when every step goes through saved state.
    #[test]
    fn saving_and_restoring_changes_nothing(script in script(anything())) {
        let mut world = World::new();
        play(&mut world, &script);
        let mut saved = World { saves_every_step: true, ..World::new() };
        play(&mut saved, &script);
        prop_assert_eq!(world.transcript, saved.transcript);
        prop_assert_eq!(world.service, saved.service);
    }
}

#[test]
fn a_breaker_that_counts_one_task_fails_at_one() {
    let breaker = CircuitBreaker {
        threshold: Threshold::Count(1),
        ..CircuitBreaker::new(true)
    };
    let mut world = World::new();
    world.deploy("v1", Behaviour::Good, settings(), None);
    world.run_for(60);
    let settings = Settings {
        circuit_breaker: Some(breaker),
        ..settings()
    };
    world.deploy("v2", Behaviour::FailsToStart, settings, None);
    let failed = world.service.primary_deployment().unwrap();
    world.run_for(60);
    assert!(matches!(
        world.service.outcome(failed),
        Some(DeploymentOutcome::RolledBack { .. })
    ));
}
