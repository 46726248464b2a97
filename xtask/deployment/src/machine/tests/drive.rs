//! Performs the machine's actions in the simulated world, as xtask's driver does: one event answers each.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use super::scripts::rollback;
use super::watch::Watch;
use super::world::{BEGIN, World, at};
use crate::evidence::ServerTime;
use crate::machine::{
    Action, Cause, Choices, Deployment, Event, Gate, Notice, Observation, Outcome, Position, Probes, Ruling, Script,
    Start, Tasks, UpdateEnd, UpdateId,
};
use crate::stage::Stage;

/// Seconds between two looks.
pub(super) const PAUSE: u64 = 10;

/// Seconds that a call to AWS takes.
const CALL: u64 = 2;

/// The longest that anything may take, in seconds: three hours.
const LIMIT: u64 = 3 * 3600;

/// When the process that deploys ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Crash {
    Never,
    /// After so many actions besides looking.
    Actions(usize),
    /// So many seconds after it began.
    Seconds(u64),
}

/// A deployment from its first process to its last.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) world: World,
    pub(super) script: Script,
    pub(super) choices: Choices,
    /// Whether a person requested the way back.
    is_rollback: bool,
    /// Whether probes are sent.
    pub(super) probes: bool,
    pub(super) transcript: String,
    /// The actions performed so far, besides looking.
    pub(super) actions: usize,
    /// The steps that were judged, and whether the evidence was accepted. Recorded by what was seen, not by what the
    /// machine says.
    judged: BTreeMap<usize, bool>,
    /// When the first step was judged.
    pub(super) judged_at: Option<u64>,
    crash: Crash,
}

/// One process.
struct Process<'a> {
    run: &'a mut Run,
    machine: Deployment,
    watch: Option<Watch>,
    is_observing: bool,
    /// The update that it waits for.
    running: Option<UpdateId>,
    last: Option<Observation>,
}

impl Run {
    pub(super) fn new(world: World, script: Script) -> Self {
        Self {
            world,
            is_rollback: script.steps.is_empty(),
            script,
            choices: Choices::default(),
            probes: true,
            transcript: String::new(),
            actions: 0,
            judged: BTreeMap::new(),
            judged_at: None,
            crash: Crash::Never,
        }
    }

    pub(super) fn accepting(mut self) -> Self {
        self.choices.accept = Some("known".to_owned());
        self
    }

    pub(super) fn without_probes(mut self) -> Self {
        self.probes = false;
        self
    }

    /// Runs to the end, in one process.
    pub(super) fn finish(&mut self) -> Outcome {
        let start = Start::Idle(Position::Step(0));
        let outcome = self.process(start);
        outcome.expect("it isn't interrupted")
    }

    /// Runs to the end; each process ends early, in turn, and another resumes some seconds later.
    pub(super) fn interrupted(&mut self, crashes: &[Crash], pause: u64) -> Outcome {
        let mut start = Start::Idle(Position::Step(0));
        for crash in crashes.iter().chain([&Crash::Never]) {
            self.crash = match *crash {
                Crash::Actions(actions) => Crash::Actions(self.actions + actions),
                Crash::Seconds(seconds) => Crash::Seconds(self.world.now + seconds),
                Crash::Never => Crash::Never,
            };
            if let Some(outcome) = self.process(start) {
                return outcome;
            }
            self.world.is_probing = false;
            for _ in 0..pause {
                self.world.tick();
            }
            start = self.resumed();
        }
        unreachable!("the last process isn't interrupted")
    }

    fn process(&mut self, start: Start) -> Option<Outcome> {
        let machine = Deployment::new(self.script.clone(), self.choices.clone(), start, World::MINUTE.length());
        let running = match start {
            Start::Updating(update) => Some(update),
            Start::Idle(_) | Start::Judge(_) => None,
        };
        let process = Process {
            run: self,
            machine,
            watch: None,
            is_observing: false,
            running,
            last: None,
        };
        process.drive()
    }

    /// Where another process continues, by the newest operation of the stack.
    fn resumed(&mut self) -> Start {
        match self.world.newest {
            None => Start::Idle(Position::Step(0)),
            Some(UpdateId::Step(step)) => Start::Updating(UpdateId::Step(step)),
            Some(UpdateId::Back { .. }) => {
                while !self.world.is_idle() {
                    self.world.tick();
                }
                self.script = rollback(self.world.installed.clone());
                Start::Idle(if self.is_rollback {
                    Position::Step(0)
                } else {
                    Position::Back { from: 0, done: 0 }
                })
            }
        }
    }

    fn say(&mut self, line: &str) {
        let seconds = self.world.now - BEGIN;
        writeln!(self.transcript, "{:02}:{:02} {line}", seconds / 60, seconds % 60).expect("a string takes anything");
    }
}

impl Process<'_> {
    fn drive(mut self) -> Option<Outcome> {
        let mut actions = VecDeque::from(self.step(&Event::Begin));
        loop {
            if self.is_over() {
                return None;
            }
            let event = match actions.pop_front() {
                Some(Action::Finish(outcome)) => {
                    self.run.say(&format!("{outcome:?}"));
                    return Some(outcome);
                }
                Some(action) => {
                    self.run.actions += usize::from(action != Action::Observe);
                    self.perform(&action)
                }
                None => Some(self.wait()?),
            };
            if let Some(event) = event {
                actions.extend(self.step(&event));
            }
        }
    }

    fn is_over(&mut self) -> bool {
        let is_over = match self.run.crash {
            Crash::Never => false,
            Crash::Actions(actions) => actions <= self.run.actions,
            Crash::Seconds(seconds) => seconds <= self.run.world.now,
        };
        if is_over {
            self.run.say("the process ends");
        }
        is_over
    }

    fn now(&self) -> ServerTime {
        at(self.run.world.now)
    }

    fn step(&mut self, event: &Event) -> Vec<Action> {
        assert!(self.run.world.now < BEGIN + LIMIT, "it goes on for hours");
        let actions = self.machine.step(self.now(), event.clone());
        if let Event::Observed(seen) = event {
            self.last = Some(seen.clone());
        }
        for action in &actions {
            if let Action::Tell(Notice::Judged(step)) = action {
                let accepted = self.is_accepted(*step);
                self.run.judged.insert(*step, accepted);
                let now = self.run.world.now;
                self.run.judged_at.get_or_insert(now);
            }
        }
        if actions != [Action::Observe] {
            let actions: Vec<String> = actions.iter().map(words).collect();
            self.run
                .say(&format!("{} -> {}", event_words(event), actions.join(", ")));
        }
        actions
    }

    /// Checks that what was seen last allows to continue, and returns whether evidence was missing and accepted.
    fn is_accepted(&self, step: usize) -> bool {
        let seen = self.last.as_ref().expect("nothing was observed");
        assert_eq!(seen.step, Some(step), "another step was observed");
        assert!(
            seen.red.is_empty() && seen.probes == Probes::Undecided && seen.tasks == Tasks::Settled,
            "{seen:?}"
        );
        let good = seen.gate == Gate::Open && matches!(seen.ruling, Ruling::Good | Ruling::NotNeeded);
        let bad =
            seen.gate == Gate::Open && matches!(seen.ruling, Ruling::Worse(_)) || matches!(seen.gate, Gate::Wait(_));
        assert!(good || !bad && self.run.choices.accept.is_some(), "{seen:?}");
        !good
    }

    /// Lets time pass.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.run.world.tick();
            if let Some(watch) = &mut self.watch {
                watch.record(&self.run.world);
            }
        }
    }

    fn perform(&mut self, action: &Action) -> Option<Event> {
        match *action {
            Action::Verify { update, at } => Some(self.verify(update, at)),
            Action::Prepare(update) => Some(self.prepare(update)),
            Action::Execute(update) => self.execute(update),
            Action::Observe => {
                self.is_observing = true;
                None
            }
            Action::Cancel => {
                self.run.world.cancel();
                None
            }
            Action::ContinueRollback(update) => {
                self.run.world.continue_rollback();
                self.running = Some(update);
                None
            }
            Action::StartProbes(step) => {
                self.start_watching(step);
                None
            }
            Action::StopProbes => {
                self.watch = None;
                self.run.world.is_probing = false;
                None
            }
            Action::Tell(Notice::Reverting(_) | Notice::Cancelling(_)) => {
                let now = self.run.world.now;
                self.run.world.reacted.get_or_insert(now);
                None
            }
            Action::Abandon | Action::Tell(_) | Action::Finish(_) => None,
        }
    }

    fn verify(&mut self, update: UpdateId, at: Position) -> Event {
        self.pass(CALL);
        let world = &mut self.run.world;
        if world.conditions.overtaken == Some(update) {
            world.overtake();
        }
        if world.is_idle() && self.machine.script().at(at) == Some(&world.installed) {
            Event::Verified(update)
        } else {
            Event::Overtaken("another".to_owned())
        }
    }

    fn prepare(&mut self, update: UpdateId) -> Event {
        self.pass(CALL);
        let conditions = self.run.world.conditions;
        let unplanned = (conditions.unplanned == Some(update)).then(|| "a subnet".to_owned());
        Event::Prepared {
            update,
            unplanned: unplanned.into_iter().collect(),
            is_empty: conditions.empty == Some(update),
        }
    }

    fn execute(&mut self, update: UpdateId) -> Option<Event> {
        self.check(update);
        self.pass(CALL);
        if self.run.world.conditions.refused == Some(update) {
            let end = UpdateEnd::NotStarted("refused".to_owned());
            return Some(Event::UpdateEnded(update, end));
        }
        let content = self.machine.script().update(update).expect("the script has it").clone();
        self.run.world.execute(update, &content);
        self.running = Some(update);
        None
    }

    /// Nothing reaches a later stage before the steps to the earlier ones were judged good or accepted.
    fn check(&self, update: UpdateId) {
        assert!(self.run.world.is_idle(), "an update runs already");
        if let UpdateId::Step(step) = update {
            for earlier in 0..step {
                let accepted = self.run.judged.get(&earlier);
                let accepted = accepted.unwrap_or_else(|| panic!("step {earlier} wasn't judged"));
                assert!(!accepted || self.run.choices.accept.is_some());
            }
        }
    }

    fn start_watching(&mut self, step: usize) {
        if self.watch.as_ref().is_some_and(|watch| watch.step == Some(step)) {
            return;
        }
        let run = &mut *self.run;
        let mut watch = Watch::new(&run.world, &run.script, Some(step), run.choices.accept.is_some());
        if self.running.is_none() {
            watch.updated(&run.world);
        }
        run.world.is_probing = run.probes;
        self.watch = Some(watch);
    }

    /// Waits for the end of the update that runs, or for the next look. `None` if the process ends meanwhile.
    fn wait(&mut self) -> Option<Event> {
        if self.is_observing && self.watch.is_none() {
            let run = &self.run;
            self.watch = Some(Watch::new(&run.world, &run.script, None, false));
        }
        let mut waited = 0;
        loop {
            if let Some(update) = self.running
                && let Some(end) = self.run.world.ended.clone()
            {
                self.running = None;
                self.is_observing = false;
                if let Some(watch) = &mut self.watch {
                    watch.updated(&self.run.world);
                }
                return Some(Event::UpdateEnded(update, end));
            }
            if self.is_observing && PAUSE <= waited {
                self.is_observing = false;
                let seen = self.watch.as_mut().map(|watch| watch.look(&self.run.world));
                return seen.map(Event::Observed);
            }
            if self.is_over() {
                return None;
            }
            assert!(self.running.is_some() || self.is_observing, "it waits for nothing");
            assert!(self.run.world.now < BEGIN + LIMIT, "it waits for hours");
            self.pass(1);
            waited += 1;
        }
    }
}

/// The exit code of an outcome, as the manual has them.
pub(super) fn exit(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Deployed { .. } | Outcome::Unchanged | Outcome::Reverted(Cause::Asked) => 0,
        Outcome::NotStarted(_) => 1,
        Outcome::Declined | Outcome::Unplanned(_) => 3,
        Outcome::Overtaken { .. } => 4,
        Outcome::Reverted(Cause::Inconclusive(_)) => 7,
        Outcome::Reverted(_) => 5,
        Outcome::Stuck { .. } => 6,
    }
}

/// The stages on the new version.
pub(super) fn on_new(world: &World) -> Vec<Stage> {
    Stage::ALL.into_iter().filter(|stage| world.is_new(*stage)).collect()
}

fn words(action: &Action) -> String {
    match action {
        Action::Verify { update, .. } => format!("Verify {}", name(*update)),
        Action::Prepare(update) => format!("Prepare {}", name(*update)),
        Action::Execute(update) => format!("Execute {}", name(*update)),
        Action::Tell(Notice::Waiting(why)) => format!("Waiting ({why})"),
        Action::Tell(Notice::Judged(step)) => format!("Judged {}", step + 1),
        Action::Tell(Notice::Cancelling(cause)) => format!("Cancelling ({cause})"),
        Action::Tell(Notice::Reverting(cause)) => format!("Reverting ({cause})"),
        Action::Tell(Notice::Accepted { reason, reasons }) => format!("Accepted ({reason}: {})", reasons.join("; ")),
        Action::ContinueRollback(update) => format!("ContinueRollback {}", name(*update)),
        Action::StartProbes(step) => format!("StartProbes {}", step + 1),
        Action::Observe | Action::Abandon | Action::Cancel | Action::StopProbes | Action::Finish(_) => {
            let text = format!("{action:?}");
            text.split('(').next().unwrap_or_default().to_owned()
        }
    }
}

fn event_words(event: &Event) -> String {
    match event {
        Event::Verified(update) => format!("verified {}", name(*update)),
        Event::Prepared { update, .. } => format!("prepared {}", name(*update)),
        Event::UpdateEnded(update, end) => format!("ended {}: {end:?}", name(*update)),
        Event::Observed(seen) => {
            let red = if seen.red.is_empty() { "" } else { ", red" };
            format!("observed{red}")
        }
        Event::Begin | Event::Declined | Event::Overtaken(_) | Event::NotObserved { .. } | Event::Failed(..) => {
            format!("{event:?}")
        }
    }
}

fn name(update: UpdateId) -> String {
    match update {
        UpdateId::Step(step) => format!("step {}", step + 1),
        UpdateId::Back { from, index } => format!("back {} from {from}", index + 1),
    }
}
