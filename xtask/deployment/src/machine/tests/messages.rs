//! The machine alone, with answers of any kind: any may be an error, come twice or much later, and looks may be lost.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::scripts::{deployment, rollback};
use super::world::{BEGIN, at};
use crate::evidence::Minute;
use crate::machine::{
    Action, Choices, Deployment, Event, Gate, Notice, Observation, Outcome, Position, Probes, Ruling, Script, Start,
    Tasks, UpdateEnd, UpdateId,
};
use crate::stage::Stage::{Fleet, Onebox, Shared};

/// The longest that a deployment may take whatever is answered, in seconds: six hours.
const LIMIT: u64 = 6 * 3600;

/// A driver that answers at random, and checks what the machine does.
struct Driver {
    random: fastrand::Rng,
    machine: Deployment,
    accepts: bool,
    now: u64,
    /// Every event so far, which may come again.
    past: Vec<Event>,
    is_observing: bool,
    /// The step that the observation is about.
    observed: Option<usize>,
    running: Option<UpdateId>,
    /// What was executed, and the updates that are through.
    executed: BTreeSet<UpdateId>,
    through: BTreeSet<UpdateId>,
    judged: BTreeSet<usize>,
    watched: Option<usize>,
}

impl Driver {
    fn new(seed: u64, script: Script, start: Start) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let accepts = random.bool();
        let choices = Choices {
            accept: accepts.then(|| "known".to_owned()),
        };
        let done = match start {
            Start::Idle(Position::Step(done)) | Start::Updating(UpdateId::Step(done)) | Start::Judge(done) => done,
            Start::Idle(Position::Back { .. }) | Start::Updating(UpdateId::Back { .. }) => 0,
        };
        let mut through: BTreeSet<UpdateId> = (0..done).map(UpdateId::Step).collect();
        if let Start::Judge(step) = start {
            through.insert(UpdateId::Step(step));
        }
        Self {
            random,
            accepts,
            now: BEGIN,
            past: Vec::new(),
            is_observing: false,
            observed: None,
            running: match start {
                Start::Updating(update) => Some(update),
                Start::Idle(_) | Start::Judge(_) => None,
            },
            executed: BTreeSet::new(),
            through,
            judged: (0..done).collect(),
            watched: None,
            machine: Deployment::new(script, choices, start, Minute::AWS.length()),
        }
    }

    fn run(&mut self) -> Outcome {
        let mut actions = VecDeque::from(self.machine.step(at(self.now), Event::Begin));
        loop {
            assert!(self.now < BEGIN + LIMIT, "it goes on for hours");
            if !self.past.is_empty() && self.random.u8(..) < 40 {
                let again = self.past[self.random.usize(..self.past.len())].clone();
                actions.extend(self.deliver(&again));
            }
            let event = match actions.pop_front() {
                Some(Action::Finish(outcome)) => {
                    assert!(actions.is_empty() && self.machine.is_done());
                    return outcome;
                }
                Some(action) => self.perform(&action),
                None => Some(self.wait()),
            };
            if let Some(event) = event {
                actions.extend(self.deliver(&event));
                self.past.push(event);
            }
        }
    }

    fn deliver(&mut self, event: &Event) -> Vec<Action> {
        let actions = self.machine.step(at(self.now), event.clone());
        for action in &actions {
            match action {
                Action::Tell(Notice::Judged(step)) => self.check_judged(*step, event),
                Action::Execute(update) => self.check_executed(*update, event),
                _ => {}
            }
        }
        actions
    }

    fn check_judged(&mut self, step: usize, event: &Event) {
        let Event::Observed(seen) = event else {
            panic!("judged by {event:?}");
        };
        assert!(
            seen.step == Some(step) && self.through.contains(&UpdateId::Step(step)),
            "{seen:?}"
        );
        assert!(seen.red.is_empty() && seen.tasks == Tasks::Settled && seen.probes == Probes::Undecided);
        let passes = match (&seen.gate, &seen.ruling) {
            (Gate::Open, Ruling::Good | Ruling::NotNeeded) => true,
            (Gate::Open, Ruling::Thin(_)) | (Gate::NoData(_), _) => self.accepts,
            (Gate::Open, Ruling::Worse(_)) | (Gate::Wait(_), _) => false,
        };
        assert!(passes, "{seen:?}");
        self.judged.insert(step);
    }

    fn check_executed(&mut self, update: UpdateId, event: &Event) {
        assert!(
            matches!(event, Event::Prepared { update: of, unplanned, is_empty: false }
                if *of == update && (unplanned.is_empty() || matches!(update, UpdateId::Back { .. }))),
            "{event:?}"
        );
        assert!(self.executed.insert(update), "{update:?} again");
        assert_eq!(self.running, None, "an update runs already");
        match update {
            UpdateId::Step(step) => assert!((0..step).all(|earlier| self.judged.contains(&earlier))),
            UpdateId::Back { index: 0, .. } => {}
            UpdateId::Back { from, index } => {
                let before = UpdateId::Back { from, index: index - 1 };
                assert!(self.through.contains(&before));
            }
        }
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    fn perform(&mut self, action: &Action) -> Option<Event> {
        self.now += 1;
        match *action {
            Action::Verify { update, .. } => Some(match self.random.u8(..100) {
                0..3 => Event::Overtaken("another".to_owned()),
                3..8 => Event::Failed(update, "no access".to_owned()),
                _ => Event::Verified(update),
            }),
            Action::Prepare(update) => Some(self.prepared(update)),
            Action::Execute(update) => {
                if self.chance(5) {
                    let end = UpdateEnd::NotStarted("refused".to_owned());
                    return Some(Event::UpdateEnded(update, end));
                }
                self.running = Some(update);
                None
            }
            Action::ContinueRollback(update) => {
                self.running = Some(update);
                None
            }
            Action::Observe => {
                self.is_observing = true;
                self.observed = self.watched;
                None
            }
            Action::StartProbes(step) => {
                self.watched = Some(step);
                None
            }
            Action::StopProbes => {
                self.watched = None;
                None
            }
            Action::Abandon | Action::Cancel | Action::Tell(_) | Action::Finish(_) => None,
        }
    }

    fn prepared(&mut self, update: UpdateId) -> Event {
        match self.random.u8(..100) {
            0..4 => return Event::Failed(update, "invalid".to_owned()),
            4..6 => return Event::Declined,
            _ => {}
        }
        let is_empty = self.chance(5);
        if is_empty {
            self.through.insert(update);
        }
        let unplanned = self.chance(5).then(|| "a subnet".to_owned());
        Event::Prepared {
            update,
            unplanned: unplanned.into_iter().collect(),
            is_empty,
        }
    }

    /// The end of the update, or a look.
    fn wait(&mut self) -> Event {
        self.now += self.random.u64(1..90);
        if let Some(update) = self.running
            && (!self.is_observing || self.chance(10))
        {
            self.running = None;
            self.is_observing = false;
            return self.ended(update);
        }
        assert!(self.is_observing, "it waits for nothing: {:?}", self.machine);
        // A look that is lost is repeated.
        while self.chance(10) {
            self.now += 60;
        }
        self.is_observing = false;
        let step = self.observed;
        if self.chance(2) {
            return Event::NotObserved {
                step,
                error: "no access".to_owned(),
            };
        }
        Event::Observed(self.observation(step))
    }

    fn ended(&mut self, update: UpdateId) -> Event {
        let end = match self.random.u8(..100) {
            0..8 => UpdateEnd::RolledBack("an alarm".to_owned()),
            8..11 => UpdateEnd::RollbackFailed("no capacity".to_owned()),
            _ => UpdateEnd::Complete,
        };
        if end == UpdateEnd::Complete {
            self.through.insert(update);
        }
        Event::UpdateEnded(update, end)
    }

    fn observation(&mut self, step: Option<usize>) -> Observation {
        let why = || "for a reason".to_owned();
        // What runs isn't judged yet.
        let judges = self.running.is_none();
        Observation {
            step,
            red: if self.chance(2) { vec![why()] } else { Vec::new() },
            probes: if self.chance(2) {
                Probes::Failing(vec![why()])
            } else {
                Probes::Undecided
            },
            tasks: match self.random.u8(..100) {
                0..2 => Tasks::Failed(why()),
                2..30 => Tasks::Settling(why()),
                _ => Tasks::Settled,
            },
            gate: match self.random.u8(..100) {
                0..10 if judges => Gate::Open,
                10..12 if judges => Gate::NoData(why()),
                _ => Gate::Wait(why()),
            },
            ruling: match self.random.u8(..10) {
                0 => Ruling::Worse(vec![why()]),
                1..5 => Ruling::Thin(vec![why()]),
                5 => Ruling::NotNeeded,
                _ => Ruling::Good,
            },
        }
    }

    /// Checks that the outcome says truly what was done.
    fn check_outcome(&self, outcome: &Outcome) {
        let steps = self.machine.script().steps.len();
        match outcome {
            Outcome::Deployed { accepted } => {
                assert!((0..steps).all(|step| self.judged.contains(&step)));
                assert!(!accepted || self.accepts);
            }
            Outcome::Reverted(_) => {
                let from = match self.machine.position() {
                    Position::Step(from) | Position::Back { from, .. } => from,
                };
                let back = self.machine.script().way_back(from).len();
                let mut back = (0..back).map(|index| UpdateId::Back { from, index });
                assert!(back.all(|update| self.through.contains(&update)), "{:?}", self.machine);
            }
            Outcome::Declined | Outcome::Unplanned(_) | Outcome::NotStarted(_) | Outcome::Unchanged => {
                let through = |update: &UpdateId| self.through.contains(update) && self.executed.contains(update);
                assert!(!self.executed.iter().any(through));
            }
            Outcome::Overtaken { .. } | Outcome::Stuck { .. } => {}
        }
    }
}

fn starts() -> impl Strategy<Value = (Script, Start)> {
    let script = deployment(&[Shared, Onebox, Fleet]);
    let starts = [
        Start::Idle(Position::Step(0)),
        Start::Idle(Position::Step(1)),
        Start::Updating(UpdateId::Step(0)),
        Start::Updating(UpdateId::Step(1)),
        Start::Judge(1),
        Start::Updating(UpdateId::Back { from: 2, index: 0 }),
    ];
    let rollback = rollback(super::scripts::content(&[Onebox], true));
    let back = [
        Start::Idle(Position::Step(0)),
        Start::Idle(Position::Back { from: 0, done: 0 }),
    ];
    let starts = starts.map(|start| (script.clone(), start)).into_iter();
    let starts = starts.chain(back.map(|start| (rollback.clone(), start)));
    prop::sample::select(starts.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_is_answered_it_ends_as_documented((script, start) in starts(), seed: u64) {
        let mut driver = Driver::new(seed, script, start);
        let outcome = driver.run();
        driver.check_outcome(&outcome);
        for event in driver.past.clone() {
            prop_assert_eq!(driver.machine.step(at(driver.now), event), [], "it has ended");
        }
    }
}
