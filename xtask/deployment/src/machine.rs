//! The deployment as a state machine: it decides what happens next, and performs nothing.
//!
//! Deploying, resuming, reverting and rolling back are all this one machine, started at different positions. A script holds
//! every stack update that it may need, worked out before the first one starts.

mod event;
mod outcome;
mod script;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use event::{Action, Event, Gate, Notice, Observation, Probes, Ruling, Tasks, UpdateEnd};
pub use outcome::{Cause, Outcome};
pub use script::{Position, Script, StackUpdate, StepScript, UpdateId};

use crate::evidence::ServerTime;

/// How often the rollback of a cancelled update is continued if it fails.
const CONTINUED_AT_MOST: u32 = 2;

/// How long ECS is given to roll a stage back by itself once an alarm fires, in AWS's minutes.
const ECS_ROLLBACK_MINUTES: u32 = 2;

/// How long tasks may take to settle after an update or a revert, in AWS's minutes.
const SETTLE_MINUTES: u32 = 20;

/// How long a gate that has data waits for enough evidence beyond that, in AWS's minutes.
const EVIDENCE_MINUTES: u32 = 5;

/// How long a step may be judged, in AWS's minutes. No gate waits this long: whatever keeps it closed is a fault.
const JUDGING_MINUTES: u32 = 60;

/// What the person who deploys has chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Why thin evidence is accepted. `None` if it isn't.
    pub accept: Option<String>,
}

/// Where a machine starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At an idle stack. Continues with the next step, or with the next update of the way back. A script without steps is a
    /// rollback; from [`Position::Back`] on, it is the rest of a revert that was interrupted.
    Idle(Position),
    /// An update is running that somebody started.
    Updating(UpdateId),
    /// A step is deployed, and whether it was judged is unknown: it is judged again.
    Judge(usize),
}

/// A deployment, a rollback, or the rest of either.
#[derive(Debug, Clone)]
pub struct Deployment {
    script: Script,
    choices: Choices,
    /// How long one of AWS's minutes lasts.
    minute: Duration,
    position: Position,
    /// The position that the stack's template and parameters have. An update without changes isn't performed, so it moves
    /// the position alone.
    installed: Position,
    phase: Phase,
    /// Why it reverts. `None` while it doesn't.
    cause: Option<Cause>,
    /// Whether any update was started, by this machine or the one that it continues.
    changed: bool,
    accepted: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Begin(Start),
    /// Waits for what the stack has now.
    Verifying(UpdateId),
    /// Waits for the change set.
    Preparing(UpdateId),
    Updating {
        update: UpdateId,
        red_since: Option<ServerTime>,
        cancelled: bool,
        /// How often its rollback was continued.
        continued: u32,
    },
    /// A step is deployed and its evidence comes in.
    Judging {
        step: usize,
        since: Option<ServerTime>,
        told: Option<String>,
        enough_until: Option<ServerTime>,
    },
    /// All updates of a way back are done; waits until tasks and targets are healthy.
    Settling {
        since: Option<ServerTime>,
    },
    Done,
}

impl Deployment {
    /// Makes the machine. `minute` is how long one of AWS's minutes lasts: 60 s, less on a local cloud that runs faster.
    pub fn new(script: Script, choices: Choices, start: Start, minute: Duration) -> Self {
        let position = match start {
            Start::Idle(position) => position,
            Start::Updating(update) => update.from(),
            Start::Judge(step) => Position::Step(step + 1),
        };
        let is_rollback = script.steps.is_empty();
        let cause = match start {
            Start::Idle(Position::Back { .. }) => Some(Cause::Resumed),
            _ if is_rollback => Some(Cause::Asked),
            Start::Updating(UpdateId::Back { .. }) => Some(Cause::Resumed),
            Start::Idle(Position::Step(_)) | Start::Updating(UpdateId::Step(_)) | Start::Judge(_) => None,
        };
        Self {
            script,
            choices,
            minute,
            position,
            installed: position,
            phase: Phase::Begin(start),
            cause,
            changed: start != Start::Idle(Position::Step(0)),
            accepted: false,
        }
    }

    /// Every update that the machine may ask for.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Where the stack is, as far as the machine knows.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// The step whose evidence counts now: the one that is being deployed or judged. `None` on the way back.
    pub fn watched_step(&self) -> Option<usize> {
        match &self.phase {
            Phase::Updating {
                update: UpdateId::Step(step),
                ..
            }
            | Phase::Judging { step, .. } => Some(*step),
            _ => None,
        }
    }

    /// Takes an event into account. One that doesn't answer what the machine waits for, such as one that comes twice or too
    /// late, changes nothing.
    pub fn step(&mut self, now: ServerTime, event: Event) -> Vec<Action> {
        match (self.phase.clone(), event) {
            (Phase::Begin(start), Event::Begin) => self.begin(start),
            (Phase::Verifying(update), Event::Verified(of)) if of == update => self.prepare(update),
            (Phase::Verifying(_), Event::Overtaken(by)) => self.finish(Outcome::Overtaken {
                by,
                changed: self.changed,
            }),
            (Phase::Verifying(update) | Phase::Preparing(update), Event::Failed(of, error)) if of == update => {
                self.failed(error)
            }
            (
                Phase::Preparing(update),
                Event::Prepared {
                    update: of,
                    unplanned,
                    is_empty,
                },
            ) if of == update => self.prepared(update, &unplanned, is_empty),
            (Phase::Preparing(_), Event::Declined) => self.declined(),
            (Phase::Updating { update, .. }, Event::UpdateEnded(of, end)) if of == update => self.ended(update, end),
            (_, Event::Observed(seen)) => self.observed(now, seen),
            (_, Event::NotObserved { step, error }) => self.not_observed(step, error),
            _ => Vec::new(),
        }
    }

    fn observed(&mut self, now: ServerTime, seen: Observation) -> Vec<Action> {
        match (&self.phase, seen.step) {
            (Phase::Updating { update, .. }, Some(step)) if *update == UpdateId::Step(step) => {
                self.updating(now, &seen)
            }
            (Phase::Judging { step, .. }, Some(of)) if *step == of => self.judging(now, of, seen),
            (Phase::Settling { since }, None) => self.settling(now, *since, &seen),
            _ => Vec::new(),
        }
    }

    /// The evidence can't be read. While an update runs, its end still decides.
    fn not_observed(&mut self, of: Option<usize>, error: String) -> Vec<Action> {
        match (&self.phase, of) {
            (Phase::Updating { update, .. }, Some(step)) if *update == UpdateId::Step(step) => vec![Action::Observe],
            (Phase::Judging { step, .. }, Some(of)) if *step == of => self.blind(error),
            (Phase::Settling { .. }, None) => self.blind(error),
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, start: Start) -> Vec<Action> {
        match start {
            Start::Idle(Position::Step(done)) if self.cause.is_none() => self.go_to_step(done),
            Start::Idle(_) => self.go_back(),
            Start::Updating(update) => self.follow(update),
            Start::Judge(step) => self.judge(step),
        }
    }

    /// Starts a step, or ends if there is none left.
    fn go_to_step(&mut self, step: usize) -> Vec<Action> {
        if step < self.script.steps.len() {
            return self.verify(UpdateId::Step(step));
        }
        self.finish(if self.changed {
            Outcome::Deployed {
                accepted: self.accepted,
            }
        } else {
            Outcome::Unchanged
        })
    }

    /// Starts the next update of the way back, or waits for the tasks if all are done.
    fn go_back(&mut self) -> Vec<Action> {
        let (from, done) = match self.position {
            Position::Step(from) => (from, 0),
            Position::Back { from, done } => (from, done),
        };
        if done < self.script.way_back(from).len() {
            return self.verify(UpdateId::Back { from, index: done });
        }
        if !self.changed && self.cause == Some(Cause::Asked) {
            return self.finish(Outcome::Unchanged);
        }
        self.phase = Phase::Settling { since: None };
        vec![Action::StopProbes, Action::Observe]
    }

    fn verify(&mut self, update: UpdateId) -> Vec<Action> {
        self.phase = Phase::Verifying(update);
        let at = self.installed;
        vec![Action::Verify { update, at }]
    }

    fn prepare(&mut self, update: UpdateId) -> Vec<Action> {
        self.phase = Phase::Preparing(update);
        vec![Action::Prepare(update)]
    }

    fn prepared(&mut self, update: UpdateId, unplanned: &[String], is_empty: bool) -> Vec<Action> {
        if is_empty {
            self.position = update.to();
            return self.arrived(update, vec![Action::Abandon]);
        }
        let expected = unplanned.is_empty() || matches!(update, UpdateId::Back { .. });
        if expected {
            self.changed = true;
            let mut actions = vec![Action::Execute(update)];
            actions.extend(self.follow(update));
            return actions;
        }
        let mut actions = vec![Action::Abandon];
        let unplanned = unplanned.to_vec();
        actions.extend(if self.changed {
            self.revert(Cause::Unplanned(unplanned))
        } else {
            self.finish(Outcome::Unplanned(unplanned))
        });
        actions
    }

    fn declined(&mut self) -> Vec<Action> {
        let mut actions = vec![Action::Abandon];
        actions.extend(if self.changed {
            self.failed("declined".to_owned())
        } else {
            self.finish(Outcome::Declined)
        });
        actions
    }

    /// Watches an update that runs.
    fn follow(&mut self, update: UpdateId) -> Vec<Action> {
        self.phase = Phase::Updating {
            update,
            red_since: None,
            cancelled: false,
            continued: 0,
        };
        match update {
            UpdateId::Step(step) => vec![Action::StartProbes(step), Action::Observe],
            UpdateId::Back { .. } => vec![Action::StopProbes],
        }
    }

    fn updating(&mut self, now: ServerTime, seen: &Observation) -> Vec<Action> {
        let Phase::Updating {
            red_since, cancelled, ..
        } = &mut self.phase
        else {
            return Vec::new();
        };
        if *cancelled {
            return vec![Action::Observe];
        }
        *red_since = red_since.filter(|_| !seen.red.is_empty()).or_else(|| {
            let is_red = !seen.red.is_empty();
            is_red.then_some(now)
        });
        let overdue = red_since.is_some_and(|since| now.since(since) >= self.minute * ECS_ROLLBACK_MINUTES);
        let cause = match &seen.probes {
            Probes::Failing(reasons) => Some(Cause::Probes(reasons.clone())),
            Probes::Undecided if overdue => Some(Cause::Alarms(seen.red.clone())),
            Probes::Undecided => None,
        };
        let Some(cause) = cause else {
            return vec![Action::Observe];
        };
        *cancelled = true;
        self.cause = Some(cause.clone());
        vec![Action::Tell(Notice::Cancelling(cause)), Action::Cancel, Action::Observe]
    }

    fn ended(&mut self, update: UpdateId, end: UpdateEnd) -> Vec<Action> {
        match (update, end) {
            (_, UpdateEnd::Complete) => {
                self.position = update.to();
                self.installed = self.position;
                self.arrived(update, Vec::new())
            }
            (UpdateId::Step(_), UpdateEnd::RolledBack(reason)) => {
                let cause = self.cause.take().unwrap_or(Cause::RolledBack(reason));
                self.revert(cause)
            }
            (UpdateId::Step(_), UpdateEnd::NotStarted(error)) => self.failed(error),
            (UpdateId::Step(_), UpdateEnd::RollbackFailed(error)) => self.rollback_failed(update, error),
            (UpdateId::Back { .. }, UpdateEnd::RolledBack(error) | UpdateEnd::NotStarted(error))
            | (_, UpdateEnd::RollbackFailed(error)) => self.stuck(error),
        }
    }

    /// Metrics are late, so the alarms of a bad release may fire while CloudFormation restores what a cancelled update
    /// changed, and ECS then stops that as well. Continued, it succeeds: ECS ignores alarms that are red when it starts.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    fn rollback_failed(&mut self, update: UpdateId, error: String) -> Vec<Action> {
        match &mut self.phase {
            Phase::Updating {
                cancelled: true,
                continued,
                ..
            } if *continued < CONTINUED_AT_MOST => {
                *continued += 1;
                vec![Action::ContinueRollback(update)]
            }
            _ => self.stuck(error),
        }
    }

    /// An update is complete: judges a step, or continues on the way back.
    fn arrived(&mut self, update: UpdateId, mut actions: Vec<Action>) -> Vec<Action> {
        actions.extend(match update {
            UpdateId::Step(step) => match self.cause.take() {
                // The update completed before the cancellation reached it.
                Some(cause) => self.revert(cause),
                None => self.judge(step),
            },
            UpdateId::Back { .. } => self.go_back(),
        });
        actions
    }

    fn judge(&mut self, step: usize) -> Vec<Action> {
        self.phase = Phase::Judging {
            step,
            since: None,
            told: None,
            enough_until: None,
        };
        vec![Action::StartProbes(step), Action::Observe]
    }

    fn judging(&mut self, now: ServerTime, step: usize, seen: Observation) -> Vec<Action> {
        let Phase::Judging { since, .. } = &mut self.phase else {
            return Vec::new();
        };
        let since = *since.get_or_insert(now);
        if let Some(cause) = conclusive(&seen) {
            return self.revert(cause);
        }
        if now.since(since) >= self.minute * JUDGING_MINUTES {
            let reason = format!("no decision after {JUDGING_MINUTES} min");
            return self.revert(Cause::Inconclusive(vec![reason]));
        }
        if let Tasks::Settling(what) = seen.tasks {
            if now.since(since) >= self.minute * SETTLE_MINUTES {
                return self.revert(Cause::Tasks(what));
            }
            return self.wait(what);
        }
        match (seen.gate, seen.ruling) {
            (Gate::Wait(why), _) => self.wait(why),
            (Gate::NoData(why), _) => self.inconclusive(step, vec![why]),
            (Gate::Open, Ruling::Good | Ruling::NotNeeded) => self.go_on(step),
            (Gate::Open, Ruling::Thin(reasons)) => self.thin(now, step, reasons),
            (Gate::Open, Ruling::Worse(reasons)) => self.revert(Cause::Worse(reasons)),
        }
    }

    /// Tells why it waits, once for each reason, and looks again.
    fn wait(&mut self, why: String) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Phase::Judging { told, .. } = &mut self.phase
            && told.as_ref() != Some(&why)
        {
            *told = Some(why.clone());
            actions.push(Action::Tell(Notice::Waiting(why)));
        }
        actions.push(Action::Observe);
        actions
    }

    /// Too little evidence though metrics are there: waits a while for more, as probes bring it.
    fn thin(&mut self, now: ServerTime, step: usize, reasons: Vec<String>) -> Vec<Action> {
        if self.choices.accept.is_some() {
            return self.inconclusive(step, reasons);
        }
        let limit = now + self.minute * EVIDENCE_MINUTES;
        let Phase::Judging { enough_until, .. } = &mut self.phase else {
            return Vec::new();
        };
        if now < *enough_until.get_or_insert(limit) {
            return self.wait(format!("waiting for more evidence: {}", reasons.join("; ")));
        }
        self.inconclusive(step, reasons)
    }

    fn inconclusive(&mut self, step: usize, reasons: Vec<String>) -> Vec<Action> {
        let Some(reason) = self.choices.accept.clone() else {
            return self.revert(Cause::Inconclusive(reasons));
        };
        self.accepted = true;
        let mut actions = vec![Action::Tell(Notice::Accepted { reason, reasons })];
        actions.extend(self.go_on(step));
        actions
    }

    fn go_on(&mut self, step: usize) -> Vec<Action> {
        let mut actions = vec![Action::Tell(Notice::Judged(step)), Action::StopProbes];
        actions.extend(self.go_to_step(step + 1));
        actions
    }

    fn settling(&mut self, now: ServerTime, since: Option<ServerTime>, seen: &Observation) -> Vec<Action> {
        let since = since.unwrap_or(now);
        self.phase = Phase::Settling { since: Some(since) };
        match &seen.tasks {
            Tasks::Settled => self.reverted(),
            Tasks::Failed(what) => self.stuck(what.clone()),
            Tasks::Settling(what) if now.since(since) >= self.minute * SETTLE_MINUTES => self.stuck(what.clone()),
            Tasks::Settling(_) => vec![Action::Observe],
        }
    }

    /// Reverts what was deployed so far. What has no effect any more isn't touched.
    fn revert(&mut self, cause: Cause) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.position != Position::Step(0) {
            actions.push(Action::Tell(Notice::Reverting(cause.clone())));
        }
        actions.push(Action::StopProbes);
        self.cause = Some(cause);
        actions.extend(self.go_back());
        actions
    }

    /// Something failed between updates, or before one started.
    fn failed(&mut self, error: String) -> Vec<Action> {
        match (&self.cause, self.position) {
            (Some(_), _) => self.stuck(error),
            (None, Position::Step(0)) => self.finish(Outcome::NotStarted(error)),
            (None, _) => self.revert(Cause::Failed(error)),
        }
    }

    /// The evidence can't be read for good: a step isn't judged, so it doesn't stay.
    fn blind(&mut self, error: String) -> Vec<Action> {
        if self.cause.is_some() {
            return self.stuck(error);
        }
        self.revert(Cause::Inconclusive(vec![error]))
    }

    fn reverted(&mut self) -> Vec<Action> {
        let cause = self.cause.clone().unwrap_or(Cause::Resumed);
        self.finish(Outcome::Reverted(cause))
    }

    fn stuck(&mut self, error: String) -> Vec<Action> {
        let cause = self.cause.clone();
        self.finish(Outcome::Stuck { cause, error })
    }

    fn finish(&mut self, outcome: Outcome) -> Vec<Action> {
        self.phase = Phase::Done;
        vec![Action::StopProbes, Action::Finish(outcome)]
    }
}

/// What says at once, without waiting for the gate, that a deployed step is bad. The analysis doesn't: it is made for one look
/// at complete evidence.
fn conclusive(seen: &Observation) -> Option<Cause> {
    if let Probes::Failing(reasons) = &seen.probes {
        return Some(Cause::Probes(reasons.clone()));
    }
    if !seen.red.is_empty() {
        return Some(Cause::Alarms(seen.red.clone()));
    }
    match &seen.tasks {
        Tasks::Failed(what) => Some(Cause::Tasks(what.clone())),
        Tasks::Settled | Tasks::Settling(_) => None,
    }
}
