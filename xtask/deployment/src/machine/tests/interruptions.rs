//! Processes that end too early, at any point: another resumes, and the result is the same.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::drive::{Crash, Run, exit, on_new};
use super::scenarios::{self, Scenario};
use super::scripts::{content, deployment, rollback};
use super::world::{Conditions, Fault, World, index};
use crate::machine::{Outcome, UpdateId};
use crate::stage::Stage::{self, Fleet, Onebox, Shared};

/// Whether two exit codes mean the same. The rest of a revert doesn't know any more that evidence was missing.
fn is_same(uninterrupted: u8, resumed: u8, run: &Run) -> bool {
    let forgot = uninterrupted == 7 && resumed == 5 && matches!(run.world.newest, Some(UpdateId::Back { .. }));
    uninterrupted == resumed || forgot
}

fn check(scenario: &Scenario, conditions: Conditions, crashes: &[Crash], pause: u64) {
    let mut run = scenario.run(conditions);
    let outcome = run.interrupted(crashes, pause);
    let transcript = &run.transcript;
    let case = format!("{}, {crashes:?}\n{transcript}", scenario.name);
    assert!(is_same(scenario.exit, exit(&outcome), &run), "{outcome:?} {case}");
    assert_eq!(on_new(&run.world), scenario.new, "{case}");
    assert_eq!(run.world.was_new[index(Fleet)], scenario.reaches_fleet, "{case}");
}

/// Every scenario at lag 2, every other with the bake time ignored, and how many actions and seconds it takes.
fn measured() -> impl Iterator<Item = (Scenario, Conditions, usize, u64)> {
    scenarios::all().into_iter().enumerate().map(|(number, scenario)| {
        let conditions = Conditions {
            is_bake_honoured: number % 2 == 0,
            ..scenario.conditions
        };
        let mut run = scenario.run(conditions);
        let began = run.world.now;
        run.finish();
        let seconds = run.world.now - began;
        (scenario, conditions, run.actions, seconds)
    })
}

#[test]
fn after_any_action() {
    for (number, (scenario, conditions, actions, _)) in measured().enumerate() {
        // A third of them each, because of the time that it takes.
        for action in (number % 3..actions).step_by(3) {
            check(&scenario, conditions, &[Crash::Actions(action)], 75);
        }
    }
}

#[test]
fn at_ten_times() {
    for (scenario, conditions, _, seconds) in measured() {
        for tenth in 0..10 {
            check(&scenario, conditions, &[Crash::Seconds(seconds * tenth / 10 + 3)], 400);
        }
    }
}

#[test]
fn a_rollback_is_resumed_as_a_rollback() {
    for action in 0..8 {
        let deployed = content(&[Onebox, Fleet], true);
        let mut run = Run::new(World::with(Conditions::DEFAULT, &deployed), rollback(deployed));
        let outcome = run.interrupted(&[Crash::Actions(action)], 75);
        assert_eq!(exit(&outcome), 0, "{}", run.transcript);
        assert_eq!(on_new(&run.world), [], "{}", run.transcript);
    }
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let kinds: [&[Stage]; 6] = [
        &[Onebox, Fleet],
        &[Shared, Onebox, Fleet],
        &[Shared],
        &[Onebox],
        &[Fleet],
        &[Shared, Fleet],
    ];
    prop::sample::select(kinds.map(<[Stage]>::to_vec).to_vec())
}

fn update() -> impl Strategy<Value = Option<UpdateId>> {
    prop_oneof![
        6 => Just(None),
        1 => (0..3_usize).prop_map(|step| Some(UpdateId::Step(step))),
        1 => (1..3_usize, 0..2_usize).prop_map(|(from, index)| Some(UpdateId::Back { from, index })),
    ]
}

fn stage() -> impl Strategy<Value = Option<Stage>> {
    prop_oneof![6 => Just(None), 1 => prop::sample::select(vec![Onebox, Fleet]).prop_map(Some)]
}

fn fault() -> impl Strategy<Value = Option<Fault>> {
    let share = || prop::sample::select(vec![0.0, 0.005, 0.05, 0.3, 1.0]);
    let fault = (0..3_usize, share(), share(), 0..1_200_u64).prop_map(|(stage, customers, probes, after)| Fault {
        stage: Stage::ALL[stage],
        customers,
        probes,
        after,
    });
    prop_oneof![Just(None), fault.prop_map(Some)]
}

prop_compose! {
    fn conditions()(
        (lag, is_bake_honoured, evaluation) in (0..6_u64, any::<bool>(), 0..60_u64),
        (fault, customers, restoring_fails) in (
            fault(),
            prop::sample::select(vec![[0, 0], [1, 99], [10, 990]]),
            prop::bool::weighted(0.1),
        ),
        (no_start, no_metrics) in (stage(), stage()),
        (refused, unplanned, overtaken, empty) in (update(), update(), update(), update()),
    ) -> Conditions {
        Conditions {
            lag, is_bake_honoured, evaluation, fault, customers, no_start, no_metrics, restoring_fails, refused, unplanned,
            overtaken, empty,
        }
    }
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![
        (0..30_usize).prop_map(Crash::Actions),
        (0..2_400_u64).prop_map(Crash::Seconds),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, rng_seed: RngSeed::Fixed(1848), ..ProptestConfig::default() })]

    /// Whatever happens, and however often it is interrupted, it ends; the result says truly what runs; and nothing reaches
    /// a stage before the earlier ones were judged, which each run checks.
    #[test]
    fn it_ends_and_says_what_runs(
        stages in stages(),
        conditions in conditions(),
        crashes in prop::collection::vec(crash(), 0..4),
        (pause, probes, accepts) in (0..900_u64, any::<bool>(), any::<bool>()),
    ) {
        let mut run = Run::new(World::new(conditions), deployment(&stages));
        run.probes = probes;
        if accepts {
            run = run.accepting();
        }
        let outcome = run.interrupted(&crashes, pause);
        let new = on_new(&run.world);
        match outcome {
            Outcome::Deployed { .. } => prop_assert!(conditions.empty.is_some() || new == stages, "{}", run.transcript),
            Outcome::Reverted(_) | Outcome::Unplanned(_) | Outcome::NotStarted(_) => {
                prop_assert_eq!(new, [], "{}", run.transcript);
            }
            // Tasks that don't start hold an interrupted way back up, so a resumed one may find it elsewhere.
            Outcome::Overtaken { .. } => prop_assert!(conditions.overtaken.is_some() || conditions.no_start.is_some()),
            Outcome::Stuck { .. } => prop_assert!(
                conditions.restoring_fails || conditions.refused.is_some() || conditions.no_start.is_some(),
                "{}",
                run.transcript
            ),
            Outcome::Unchanged => prop_assert!(conditions.empty.is_some(), "{}", run.transcript),
            Outcome::Declined => prop_assert!(false, "{}", run.transcript),
        }
    }

    /// A fault that shows early enough in the alarms' window for three minutes never reaches Fleet.
    #[test]
    fn a_fault_of_onebox_never_reaches_fleet(
        lag in 0..=4_u64,
        (is_bake_honoured, evaluation, after) in (any::<bool>(), 0..60_u64, 0..=120_u64),
        (probes, accepts) in (any::<bool>(), any::<bool>()),
        crashes in prop::collection::vec(crash(), 0..3),
    ) {
        let fault = Fault { stage: Onebox, customers: 0.2, probes: 0.0, after };
        let conditions = Conditions { lag, is_bake_honoured, evaluation, fault: Some(fault), ..Conditions::DEFAULT };
        let mut run = Run::new(World::new(conditions), deployment(&[Onebox, Fleet]));
        run.probes = probes;
        if accepts {
            run = run.accepting();
        }
        let outcome = run.interrupted(&crashes, 75);
        prop_assert_eq!(exit(&outcome), 5, "{}", run.transcript);
        prop_assert!(!run.world.was_new[index(Fleet)], "{}", run.transcript);
    }
}
