use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;
use crate::report::TargetState::{Draining, Healthy, Initial, Unavailable, Unhealthy, Unused};

const DELAY: Duration = Duration::from_mins(5);

fn wish() -> Wish {
    let check = HealthCheck {
        healthy_threshold: 3,
        unhealthy_threshold: 2,
        ..HealthCheck::default()
    };
    Wish {
        registered: true,
        in_use: true,
        check,
        deregistration_delay: DELAY,
        drain_limit: DELAY,
    }
}

fn deregistered() -> Wish {
    Wish {
        registered: false,
        ..wish()
    }
}

/// A machine with a clock; checks are answered at once.
struct Rig {
    now: SystemTime,
    machine: Machine,
    states: Vec<TargetState>,
    checks: Vec<u64>,
    finished: bool,
}

impl Rig {
    fn new(wish: Wish) -> Self {
        let (machine, actions) = Machine::new(UNIX_EPOCH, wish);
        let mut rig = Self {
            now: UNIX_EPOCH,
            machine,
            states: vec![],
            checks: vec![],
            finished: false,
        };
        rig.note(&actions);
        rig
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        let actions = self.machine.step(self.now, event);
        self.note(&actions);
        actions
    }

    fn note(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Report(health) => self.states.push(health.state),
                Action::Check => self.checks.push(self.elapsed().as_millis().try_into().unwrap()),
                Action::Finish(health) => {
                    self.states.push(health.state);
                    self.finished = true;
                }
                Action::AbandonCheck | Action::CloseConnections => {}
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.now.duration_since(UNIX_EPOCH).unwrap()
    }

    fn checked(&mut self, outcome: Outcome) {
        assert!(matches!(self.machine.phase, Phase::Checking { .. }), "no check runs");
        self.step(Event::Checked(outcome));
    }

    fn wake(&mut self) {
        self.now = self.machine.wake_at().expect("something to wait for");
        self.step(Event::Tick { busy: false });
    }
}

#[track_caller]
fn check(outcomes: &[Outcome], expected: &[TargetState]) -> Rig {
    let mut rig = Rig::new(wish());
    for (index, &outcome) in outcomes.iter().enumerate() {
        if index > 0 {
            rig.wake();
        }
        rig.checked(outcome);
    }
    assert_eq!(rig.states, expected, "{outcomes:?}");
    rig
}

#[test]
fn the_first_pass_makes_healthy_whatever_the_threshold() {
    check(&[Outcome::Passed], &[Initial, Healthy]);
    check(&[Outcome::Failed, Outcome::Passed], &[Initial, Healthy]);
}

#[test]
fn thresholds_count_in_a_row() {
    let failed = Outcome::Mismatch(500);
    let passed = Outcome::Passed;
    check(&[passed, failed, passed, failed], &[Initial, Healthy]);
    check(&[passed, failed, failed], &[Initial, Healthy, Unhealthy]);
    check(&[failed, failed, passed, passed], &[Initial, Unhealthy]);
    check(
        &[failed, failed, passed, passed, failed, passed, passed, passed],
        &[Initial, Unhealthy, Healthy],
    );
}

#[test]
fn reasons_follow_the_last_failure() {
    let rig = check(
        &[Outcome::TimedOut, Outcome::TimedOut, Outcome::Mismatch(503)],
        &[Initial, Unhealthy, Unhealthy],
    );
    assert_eq!(rig.machine.health.reason, Some(Reason::ResponseCodeMismatch(503)));
}

#[test]
fn checks_come_at_once_and_then_at_the_interval() {
    let rig = check(
        &[Outcome::Passed, Outcome::Passed, Outcome::Passed],
        &[Initial, Healthy],
    );
    assert_eq!(rig.checks, [0, 30_000, 60_000]);
}

#[test]
fn a_refused_newcomer_is_tried_again_soon_but_fails_by_the_interval_only() {
    let refused = [Outcome::Refused; 121];
    let rig = check(&refused, &[Initial, Unhealthy]);
    assert_eq!(rig.checks[..4], [0, 250, 500, 750]);
    assert_eq!(
        rig.checks[120], 30_000,
        "the second failure counts one interval after the first"
    );
    let soon = check(
        &[Outcome::Refused, Outcome::Refused, Outcome::Passed],
        &[Initial, Healthy],
    );
    assert_eq!(soon.elapsed(), Duration::from_millis(500));
}

#[test]
fn draining_lasts_the_whole_delay() {
    let mut rig = check(&[Outcome::Passed], &[Initial, Healthy]);
    rig.now += Duration::from_secs(7);
    rig.step(Event::Wanted(deregistered()));
    assert_eq!(rig.machine.wake_at(), Some(rig.now + DELAY));
    rig.now += DELAY;
    rig.now -= Duration::from_millis(1);
    assert_eq!(rig.step(Event::Tick { busy: false }), []);
    rig.wake();
    assert_eq!(rig.states, [Initial, Healthy, Draining, Unused]);
    assert!(rig.finished);
}

#[test]
fn a_request_in_flight_has_the_limit_that_the_delay_is_short_of() {
    let mut rig = check(&[Outcome::Passed], &[Initial, Healthy]);
    let mut now = deregistered();
    now.drain_limit = DELAY * 10;
    let since = rig.now;
    rig.step(Event::Wanted(now.clone()));
    rig.now = since + DELAY * 3;
    assert_eq!(rig.step(Event::Tick { busy: true }), []);
    rig.wake();
    assert_eq!(rig.states, [Initial, Healthy, Draining, Unused], "once it has ended");

    let mut rig = check(&[Outcome::Passed], &[Initial, Healthy]);
    let since = rig.now;
    rig.step(Event::Wanted(now));
    while !rig.finished {
        rig.now = rig.machine.wake_at().unwrap();
        rig.step(Event::Tick { busy: true });
    }
    assert_eq!(rig.now, since + DELAY * 10, "and not for ever");
}

#[test]
fn connections_are_closed_before_unused_is_said() {
    let mut rig = check(&[Outcome::Passed], &[Initial, Healthy]);
    let mut now = deregistered();
    now.deregistration_delay = Duration::ZERO;
    now.drain_limit = Duration::ZERO;
    let actions = rig.step(Event::Wanted(now));
    let unused = Health::new(Unused, Reason::NotRegistered);
    let draining = Health::new(Draining, Reason::DeregistrationInProgress);
    let expected = [
        Action::Report(draining),
        Action::CloseConnections,
        Action::Finish(unused),
    ];
    assert_eq!(actions, expected);
}

#[test]
fn deregistering_gives_up_the_check_that_runs() {
    let mut rig = Rig::new(wish());
    let actions = rig.step(Event::Wanted(deregistered()));
    assert_eq!(actions[0], Action::AbandonCheck);
    assert_eq!(rig.step(Event::Checked(Outcome::Passed)), []);
    assert_eq!(rig.states, [Initial, Draining]);
}

#[test]
fn registered_again_while_draining() {
    let mut rig = check(&[Outcome::Passed], &[Initial, Healthy]);
    rig.step(Event::Wanted(deregistered()));
    rig.step(Event::Wanted(wish()));
    rig.checked(Outcome::Passed);
    assert_eq!(rig.states, [Initial, Healthy, Draining, Initial, Healthy]);
}

#[test]
fn a_group_that_nobody_uses() {
    let mut rig = Rig::new(Wish {
        in_use: false,
        ..wish()
    });
    assert_eq!((rig.states.clone(), rig.checks.len()), (vec![Unused], 0));
    rig.step(Event::Wanted(wish()));
    assert_eq!(rig.checks.len(), 1);
    rig.step(Event::Wanted(Wish {
        in_use: false,
        registered: false,
        ..wish()
    }));
    assert_eq!(rig.states, [Unused, Initial, Draining]);
    let mut unused = Rig::new(Wish {
        in_use: false,
        ..wish()
    });
    unused.step(Event::Wanted(Wish {
        in_use: false,
        ..deregistered()
    }));
    assert_eq!(
        unused.states,
        [Unused, Unused],
        "nothing to drain: unused, then not registered"
    );
    assert!(unused.finished);
}

#[test]
fn checks_switched_off() {
    let mut off = wish();
    off.check.enabled = false;
    let mut rig = Rig::new(off);
    assert_eq!((rig.states.clone(), rig.checks.len()), (vec![Unavailable], 0));
    rig.step(Event::Wanted(wish()));
    rig.checked(Outcome::Passed);
    assert_eq!(rig.states, [Unavailable, Initial, Healthy]);
}

#[derive(Clone, Debug)]
enum Move {
    Checked(Outcome),
    Wanted {
        registered: bool,
        in_use: bool,
        enabled: bool,
    },
    Wake,
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let outcome = prop_oneof![
        Just(Outcome::Passed),
        Just(Outcome::Refused),
        Just(Outcome::TimedOut),
        Just(Outcome::Failed),
        (200..600_u16).prop_map(Outcome::Mismatch),
    ];
    let wanted = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(registered, in_use, enabled)| Move::Wanted {
        registered,
        in_use,
        enabled,
    });
    let one = prop_oneof![
        6 => outcome.prop_map(Move::Checked),
        1 => wanted,
        6 => Just(Move::Wake),
        2 => (0..60_000_u64).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 0..80)
}

proptest! {
    /// Whatever happens in whatever order, one check runs at most, nothing follows the end, and every state is rightly come by.
    #[test]
    fn any_order_of_events(moves in moves()) {
        let mut rig = Rig::new(wish());
        let (mut running, mut passes, mut failures, mut before) = (true, 0, 0, Initial);
        for one in moves {
            let event = match one {
                Move::Checked(outcome) => Event::Checked(outcome),
                Move::Wanted { registered, in_use, enabled } => {
                    let mut wish = Wish { registered, in_use, ..wish() };
                    wish.check.enabled = enabled;
                    Event::Wanted(wish)
                }
                Move::Wake => {
                    rig.now = rig.machine.wake_at().unwrap_or(rig.now);
                    Event::Tick { busy: false }
                }
                Move::Wait(millis) => {
                    rig.now += Duration::from_millis(millis);
                    Event::Tick { busy: false }
                }
            };
            if let (Event::Checked(outcome), true) = (&event, running) {
                running = false;
                let passed = *outcome == Outcome::Passed;
                (passes, failures) = if passed { (passes + 1, 0) } else { (0, failures + 1) };
            }
            let finished = rig.finished;
            let seen = rig.states.len();
            for action in rig.step(event) {
                match action {
                    Action::Check => {
                        prop_assert!(!running, "two checks at once");
                        running = true;
                    }
                    Action::AbandonCheck => running = false,
                    _ => {}
                }
            }
            for &state in &rig.states[seen..] {
                match state {
                    Healthy => prop_assert!(passes >= 3 || (before == Initial && passes >= 1)),
                    Unhealthy => prop_assert!(failures >= 2 || before == Unhealthy),
                    Initial => (passes, failures) = (0, 0),
                    Draining => prop_assert!(!rig.machine.wish.registered),
                    Unused => prop_assert!(!rig.machine.wish.registered || !rig.machine.wish.in_use),
                    Unavailable => prop_assert!(!rig.machine.wish.check.enabled),
                }
                before = state;
            }
            if finished {
                // Only a new registration may wake it.
                prop_assert!(rig.states.len() == seen || rig.machine.wish.registered);
                rig.finished &= !rig.machine.wish.registered;
            }
            prop_assert!(!running || rig.machine.wake_at().is_none(), "a running check is awaited, not timed");
        }
    }
}
