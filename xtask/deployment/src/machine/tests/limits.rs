//! How long the machine waits for what, minute by minute.

use super::scripts::deployment;
use super::world::{BEGIN, at};
use crate::evidence::Minute;
use crate::machine::{
    Action, Cause, Choices, Deployment, Event, Gate, Notice, Observation, Outcome, Position, Probes, Ruling, Start,
    Tasks, UpdateEnd, UpdateId,
};
use crate::stage::Stage::{Fleet, Onebox};

/// A machine, and the minutes since it began.
struct Clock {
    machine: Deployment,
    minutes: u64,
}

impl Clock {
    fn starting(start: Start) -> Self {
        let script = deployment(&[Onebox, Fleet]);
        let mut machine = Deployment::new(script, Choices::default(), start, Minute::AWS.length());
        machine.step(at(BEGIN), Event::Begin);
        Self { machine, minutes: 0 }
    }

    /// Gives an event, a minute after the one before.
    fn step(&mut self, event: Event) -> Vec<Action> {
        self.minutes += 1;
        self.machine.step(at(BEGIN + 60 * self.minutes), event)
    }

    /// Observes the same every minute, until anything but waiting follows: after how many minutes, and what.
    fn until(&mut self, seen: &Observation) -> (u64, Vec<Action>) {
        for minutes in 0..100 {
            let actions = self.step(Event::Observed(seen.clone()));
            if !actions.contains(&Action::Observe) || actions.contains(&Action::Cancel) {
                return (minutes, actions);
            }
        }
        panic!("it waits for hours");
    }
}

/// Nothing conclusive, and the gate is closed.
fn quiet() -> Observation {
    Observation {
        step: Some(0),
        red: Vec::new(),
        probes: Probes::Undecided,
        tasks: Tasks::Settled,
        gate: Gate::Wait("metrics are late".to_owned()),
        ruling: Ruling::Thin(Vec::new()),
    }
}

fn red() -> Observation {
    Observation {
        red: vec!["Onebox-ServerErrors".to_owned()],
        ..quiet()
    }
}

fn thin() -> Observation {
    Observation {
        gate: Gate::Open,
        ruling: Ruling::Thin(vec!["too few requests".to_owned()]),
        ..quiet()
    }
}

fn settling(step: Option<usize>) -> Observation {
    Observation {
        step,
        tasks: Tasks::Settling("2 of 3 tasks".to_owned()),
        ..quiet()
    }
}

fn reverting(cause: Cause) -> [Action; 3] {
    let update = UpdateId::Back { from: 1, index: 0 };
    let at = Position::Step(1);
    [
        Action::Tell(Notice::Reverting(cause)),
        Action::StopProbes,
        Action::Verify { update, at },
    ]
}

const UPDATING: Start = Start::Updating(UpdateId::Step(0));

#[test]
fn ecs_gets_two_minutes_to_react_to_an_alarm_and_then_the_update_is_cancelled() {
    let mut clock = Clock::starting(UPDATING);
    let cause = Cause::Alarms(red().red);
    let cancelling = vec![
        Action::Tell(Notice::Cancelling(cause.clone())),
        Action::Cancel,
        Action::Observe,
    ];
    assert_eq!(clock.until(&red()), (2, cancelling));
    let actions = clock.step(Event::Observed(red()));
    assert_eq!(actions, [Action::Observe], "it is cancelled once");
    let end = UpdateEnd::RolledBack("cancelled".to_owned());
    clock.step(Event::UpdateEnded(UpdateId::Step(0), end));
    let settled = Observation { step: None, ..red() };
    let actions = clock.step(Event::Observed(settled));
    assert_eq!(
        actions.last(),
        Some(&Action::Finish(Outcome::Reverted(cause))),
        "the alarm counts, not that the update was cancelled"
    );
}

#[test]
fn an_alarm_that_recovers_in_time_cancels_nothing() {
    let mut clock = Clock::starting(UPDATING);
    for seen in [red(), red(), quiet(), red(), red(), quiet()] {
        assert_eq!(clock.step(Event::Observed(seen)), [Action::Observe]);
    }
}

#[test]
fn an_update_that_completes_in_spite_of_its_cancellation_is_reverted() {
    let mut clock = Clock::starting(UPDATING);
    clock.until(&red());
    let actions = clock.step(Event::UpdateEnded(UpdateId::Step(0), UpdateEnd::Complete));
    assert_eq!(actions, reverting(Cause::Alarms(red().red)));
}

#[test]
fn an_alarm_after_the_update_reverts_at_once() {
    let mut clock = Clock::starting(Start::Judge(0));
    assert_eq!(clock.until(&red()), (0, reverting(Cause::Alarms(red().red)).to_vec()));
}

#[test]
fn more_evidence_is_awaited_for_five_minutes() {
    let mut clock = Clock::starting(Start::Judge(0));
    let cause = Cause::Inconclusive(vec!["too few requests".to_owned()]);
    assert_eq!(clock.until(&thin()), (5, reverting(cause).to_vec()));
    let mut clock = Clock::starting(Start::Judge(0));
    clock.step(Event::Observed(thin()));
    let good = Observation {
        ruling: Ruling::Good,
        ..thin()
    };
    let actions = clock.step(Event::Observed(good));
    assert_eq!(actions.first(), Some(&Action::Tell(Notice::Judged(0))));
}

#[test]
fn tasks_may_settle_for_twenty_minutes() {
    let mut clock = Clock::starting(Start::Judge(0));
    let cause = Cause::Tasks("2 of 3 tasks".to_owned());
    assert_eq!(clock.until(&settling(Some(0))), (20, reverting(cause).to_vec()));
}

#[test]
fn a_way_back_whose_tasks_never_settle_has_failed() {
    let mut clock = Clock::starting(UPDATING);
    let end = UpdateEnd::RolledBack("an alarm".to_owned());
    clock.step(Event::UpdateEnded(UpdateId::Step(0), end));
    let (minutes, actions) = clock.until(&settling(None));
    let stuck = Outcome::Stuck {
        cause: Some(Cause::RolledBack("an alarm".to_owned())),
        error: "2 of 3 tasks".to_owned(),
    };
    assert_eq!((minutes, actions.last()), (20, Some(&Action::Finish(stuck))));
}

#[test]
fn a_gate_that_never_opens_is_given_up() {
    let mut clock = Clock::starting(Start::Judge(0));
    let cause = Cause::Inconclusive(vec!["no decision after 60 min".to_owned()]);
    assert_eq!(clock.until(&quiet()), (60, reverting(cause).to_vec()));
}

#[test]
fn evidence_that_cannot_be_read_reverts_once_the_update_has_ended() {
    let unreadable = || Event::NotObserved {
        step: Some(0),
        error: "no access".to_owned(),
    };
    let mut clock = Clock::starting(UPDATING);
    assert_eq!(clock.step(unreadable()), [Action::Observe]);
    clock.step(Event::UpdateEnded(UpdateId::Step(0), UpdateEnd::Complete));
    let cause = Cause::Inconclusive(vec!["no access".to_owned()]);
    assert_eq!(clock.step(unreadable()), reverting(cause));
}
