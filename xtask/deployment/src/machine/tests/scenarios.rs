//! What can happen to a deployment, at every metric lag, with the bake time honoured and ignored: the same outcomes.

use super::drive::{PAUSE, Run, exit, on_new};
use super::scripts::{content, deployment, rollback};
use super::world::{Conditions, Fault, World, index};
use crate::machine::UpdateId;
use crate::stage::Stage::{self, Fleet, Onebox, Shared};

/// What is deployed, in which world, and how it must end.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "what varies")]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// The steps.
    pub(super) steps: &'static [Stage],
    pub(super) conditions: Conditions,
    pub(super) probes: bool,
    pub(super) accepts: bool,
    /// The exit code.
    pub(super) exit: u8,
    /// The stages that are on the new version in the end.
    pub(super) new: &'static [Stage],
    /// Whether Fleet's service ever runs the new version.
    pub(super) reaches_fleet: bool,
    /// Whether an alarm is what finds it.
    by_alarm: bool,
}

impl Scenario {
    pub(super) fn run(&self, conditions: Conditions) -> Run {
        let run = Run::new(World::new(conditions), deployment(self.steps));
        let run = if self.probes { run } else { run.without_probes() };
        if self.accepts { run.accepting() } else { run }
    }
}

const STAGES: &[Stage] = &[Onebox, Fleet];

fn good(name: &'static str, steps: &'static [Stage]) -> Scenario {
    Scenario {
        name,
        steps,
        conditions: Conditions::DEFAULT,
        probes: true,
        accepts: false,
        exit: 0,
        new: steps,
        reaches_fleet: steps.contains(&Fleet),
        by_alarm: false,
    }
}

fn stopped(name: &'static str, exit: u8, conditions: Conditions) -> Scenario {
    Scenario {
        exit,
        new: &[],
        reaches_fleet: false,
        conditions,
        ..good(name, STAGES)
    }
}

const FAULT: Fault = Fault {
    stage: Onebox,
    customers: 0.3,
    probes: 0.3,
    after: 0,
};

/// Only requests that probes don't send fail.
const CUSTOMERS: Fault = Fault {
    customers: 0.2,
    probes: 0.0,
    ..FAULT
};

fn fault(fault: Fault) -> Conditions {
    Conditions {
        fault: Some(fault),
        ..Conditions::DEFAULT
    }
}

const QUIET: Conditions = Conditions {
    customers: [0, 0],
    ..Conditions::DEFAULT
};

/// Every scenario.
pub(super) fn all() -> Vec<Scenario> {
    [deployed(), faults(), evidence(), failures()].concat()
}

fn deployed() -> Vec<Scenario> {
    vec![
        good("both stages", STAGES),
        good("shared and both stages", &[Shared, Onebox, Fleet]),
        good("shared alone", &[Shared]),
        good("Fleet alone", &[Fleet]),
        Scenario {
            conditions: Conditions {
                customers: [0, 0],
                ..Conditions::DEFAULT
            },
            ..good("no customers, but probes", STAGES)
        },
        Scenario {
            probes: false,
            ..good("no probes, but customers", STAGES)
        },
    ]
}

fn faults() -> Vec<Scenario> {
    let by_alarm = |scenario| Scenario {
        by_alarm: true,
        ..scenario
    };
    let fleet = |fault| Fault { stage: Fleet, ..fault };
    let shared = |name, fault: Fault| Scenario {
        steps: &[Shared, Onebox, Fleet],
        ..stopped(name, 5, self::fault(Fault { stage: Shared, ..fault }))
    };
    let reaching = |scenario| Scenario {
        reaches_fleet: true,
        ..scenario
    };
    vec![
        stopped("every third request fails", 5, fault(FAULT)),
        by_alarm(stopped("requests fail that probes don't send", 5, fault(CUSTOMERS))),
        stopped(
            "2 % of the requests fail: less than an alarm fires at",
            5,
            fault(Fault {
                customers: 0.02,
                probes: 0.02,
                ..FAULT
            }),
        ),
        by_alarm(stopped(
            "only the last three minutes of the window breach, and the alarm is evaluated late",
            5,
            Conditions {
                evaluation: 59,
                ..fault(Fault {
                    after: 110,
                    ..CUSTOMERS
                })
            },
        )),
        Scenario {
            accepts: true,
            ..stopped("a fault with --accept", 5, fault(FAULT))
        },
        reaching(stopped("only Fleet shows it", 5, fault(fleet(FAULT)))),
        by_alarm(reaching(stopped(
            "only Fleet's customers see it",
            5,
            fault(fleet(CUSTOMERS)),
        ))),
        shared("shared: both stages suffer", FAULT),
        by_alarm(shared("shared: customers suffer", CUSTOMERS)),
    ]
}

fn evidence() -> Vec<Scenario> {
    let quiet = |scenario: Scenario| Scenario {
        probes: false,
        conditions: QUIET,
        ..scenario
    };
    let no_metrics = Conditions {
        no_metrics: Some(Onebox),
        ..Conditions::DEFAULT
    };
    vec![
        quiet(stopped("neither customers nor probes", 7, QUIET)),
        Scenario {
            accepts: true,
            ..quiet(good("neither, with --accept", STAGES))
        },
        Scenario {
            steps: &[Fleet],
            ..reaches(quiet(stopped("Fleet alone, neither", 7, QUIET)))
        },
        stopped("no HealthyHostCount", 7, no_metrics),
        Scenario {
            accepts: true,
            conditions: no_metrics,
            ..good("no HealthyHostCount, with --accept", STAGES)
        },
    ]
}

fn reaches(scenario: Scenario) -> Scenario {
    Scenario {
        reaches_fleet: true,
        ..scenario
    }
}

fn failures() -> Vec<Scenario> {
    let at = |of: fn(&mut Conditions, UpdateId), update| {
        let mut conditions = Conditions::DEFAULT;
        of(&mut conditions, update);
        conditions
    };
    let no_start = |stage| Conditions {
        no_start: Some(stage),
        ..Conditions::DEFAULT
    };
    let unplanned = |update| at(|conditions, update| conditions.unplanned = Some(update), update);
    let refused = |update| at(|conditions, update| conditions.refused = Some(update), update);
    let overtaken = |update| at(|conditions, update| conditions.overtaken = Some(update), update);
    let empty = |update| at(|conditions, update| conditions.empty = Some(update), update);
    let (first, second) = (UpdateId::Step(0), UpdateId::Step(1));
    let back = UpdateId::Back { from: 1, index: 0 };
    let onebox_stays = |name, exit, conditions| Scenario {
        new: &[Onebox],
        ..stopped(name, exit, conditions)
    };
    vec![
        stopped("Onebox's tasks don't start", 5, no_start(Onebox)),
        reaches(stopped("Fleet's tasks don't start", 5, no_start(Fleet))),
        stopped("the first step has an unplanned change", 3, unplanned(first)),
        stopped("the second step has an unplanned change", 5, unplanned(second)),
        stopped("the first step is refused", 1, refused(first)),
        stopped("the second step is refused", 5, refused(second)),
        stopped("overtaken before the first step", 4, overtaken(first)),
        onebox_stays("overtaken before the second step", 4, overtaken(second)),
        onebox_stays(
            "the way back is refused",
            6,
            Conditions {
                refused: Some(back),
                ..unplanned(second)
            },
        ),
        onebox_stays(
            "CloudFormation can't restore",
            6,
            Conditions {
                restoring_fails: true,
                ..no_start(Onebox)
            },
        ),
        Scenario {
            conditions: empty(first),
            ..good("the first change set is empty", STAGES)
        },
    ]
}

/// The scenario's conditions at every lag, with the bake time honoured and ignored.
pub(super) fn combinations(conditions: Conditions) -> impl Iterator<Item = Conditions> {
    let honoured = [true, false].into_iter();
    honoured.flat_map(move |is_bake_honoured| {
        [0, 2, 4].map(|lag| Conditions {
            lag,
            is_bake_honoured,
            ..conditions
        })
    })
}

fn check(scenario: &Scenario, conditions: Conditions) {
    let mut run = scenario.run(conditions);
    let outcome = run.finish();
    let (world, transcript) = (&run.world, &run.transcript);
    let case = format!(
        "{}, lag {}, bake honoured: {}\n{transcript}",
        scenario.name, conditions.lag, conditions.is_bake_honoured
    );
    assert_eq!(exit(&outcome), scenario.exit, "{case}");
    assert_eq!(on_new(world), scenario.new, "{case}");
    assert_eq!(world.was_new[index(Fleet)], scenario.reaches_fleet, "{case}");
    if scenario.by_alarm {
        let fired = world.fired.unwrap_or_else(|| panic!("no alarm fired: {case}"));
        let reacted = world.reacted.unwrap_or_else(|| panic!("nothing reacted: {case}"));
        assert!((fired..=fired + PAUSE).contains(&reacted), "{fired} {reacted}\n{case}");
    }
}

fn check_all(scenarios: &[Scenario]) {
    for scenario in scenarios {
        for conditions in combinations(scenario.conditions) {
            check(scenario, conditions);
        }
    }
}

#[test]
fn good_changes_are_deployed() {
    check_all(&deployed());
}

#[test]
fn faults_are_found_where_they_show_first_and_as_soon_as_the_lag_allows() {
    check_all(&faults());
}

#[test]
fn missing_evidence_reverts_unless_accepted() {
    check_all(&evidence());
}

#[test]
fn failures_of_aws_end_as_documented() {
    check_all(&failures());
}

/// The alarm fires in the last minute before a good change would be judged; without the bake time, that is the gate's.
#[test]
fn an_alarm_at_the_last_moment_is_in_time() {
    let last = faults()
        .into_iter()
        .find(|scenario| scenario.conditions.evaluation == 59);
    let last = last.expect("it is among the faults");
    for conditions in combinations(last.conditions).filter(|conditions| !conditions.is_bake_honoured) {
        let mut good = last.run(Conditions {
            fault: None,
            ..conditions
        });
        good.finish();
        let mut bad = last.run(conditions);
        bad.finish();
        let (opens, fired) = (good.judged_at.unwrap(), bad.world.fired.unwrap());
        assert!(
            fired < opens && opens <= fired + 60,
            "{fired} {opens}\n{}",
            bad.transcript
        );
    }
}

#[test]
fn a_rollback_ignores_alarms() {
    for conditions in combinations(fault(Fault { stage: Fleet, ..FAULT })) {
        let deployed = content(STAGES, true);
        let world = World::with(conditions, &deployed);
        assert!(world.is_red(Fleet));
        let mut run = Run::new(world, rollback(deployed));
        let outcome = run.finish();
        assert_eq!(exit(&outcome), 0, "{}", run.transcript);
        assert_eq!(on_new(&run.world), [], "{}", run.transcript);
    }
}

#[test]
fn a_rollback_of_what_runs_changes_nothing() {
    let mut run = Run::new(World::new(Conditions::DEFAULT), rollback(content(&[], true)));
    assert_eq!(run.finish(), crate::machine::Outcome::Unchanged);
}
