//! What the machine learns, and what it asks for.

use super::outcome::{Cause, Outcome};
use super::script::{Position, UpdateId};

/// Something that happened, or an answer to an action. An answer names what it is about, so that one that comes twice or too
/// late isn't taken for another.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Starts the machine.
    Begin,
    /// The stack is where it has to be for this update.
    Verified(UpdateId),
    /// The stack isn't: somebody else changed it. Says what was found.
    Overtaken(String),
    /// The change set of an update is there.
    Prepared {
        /// The update.
        update: UpdateId,
        /// Changes that the plan doesn't contain, in words.
        unplanned: Vec<String>,
        /// Whether it would change nothing.
        is_empty: bool,
    },
    /// The person declined.
    Declined,
    /// An update ended.
    UpdateEnded(UpdateId, UpdateEnd),
    /// What the stages and their evidence look like.
    Observed(Observation),
    /// Looking failed for good.
    NotObserved {
        /// The step that is watched. `None` after a way back.
        step: Option<usize>,
        /// What AWS says.
        error: String,
    },
    /// An update can't be verified or prepared, for good. Holds what AWS says.
    Failed(UpdateId, String),
}

/// How a stack update ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateEnd {
    /// `UPDATE_COMPLETE`.
    Complete,
    /// CloudFormation restored what was there before. Holds the first cause.
    RolledBack(String),
    /// Neither: `UPDATE_ROLLBACK_FAILED`, for example.
    RollbackFailed(String),
    /// CloudFormation refused to start it.
    NotStarted(String),
}

/// What the stages and their evidence look like at one moment, as far as the step that is watched is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The step. `None` after a way back.
    pub step: Option<usize>,
    /// The alarms in ALARM among those that count for the step, in words.
    pub red: Vec<String>,
    /// What the probes say.
    pub probes: Probes,
    /// The tasks of the stages that the step changes.
    pub tasks: Tasks,
    /// Whether the evidence is complete.
    pub gate: Gate,
    /// What the analysis says. Counts only once the gate is open.
    pub ruling: Ruling,
}

/// What the probes say so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probes {
    /// Nothing conclusive.
    Undecided,
    /// So many fail that no metric needs to be awaited. Says which.
    Failing(Vec<String>),
}

/// Whether the services run what the stack says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tasks {
    /// All tasks run the stack's task definitions, and nothing changes.
    Settled,
    /// Not yet. Says what is missing.
    Settling(String),
    /// They run something else, or ECS gave up.
    Failed(String),
}

/// Whether a step's evidence is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// Everything that counts is readable.
    Open,
    /// Not yet. Says what is awaited, for people.
    Wait(String),
    /// The longest lag has passed, and data is still missing.
    NoData(String),
}

/// What the analysis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// As good as what it is compared with.
    Good,
    /// Nothing changed that could be compared.
    NotNeeded,
    /// Too little to tell.
    Thin(Vec<String>),
    /// Worse.
    Worse(Vec<String>),
}

/// Something to perform. Every action but the last five is answered by one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read the stack's template, parameters and status, and compare them with a position.
    Verify {
        /// The update that comes next.
        update: UpdateId,
        /// What the stack must have.
        at: Position,
    },
    /// Create the change set of an update and compare it with the plan.
    Prepare(UpdateId),
    /// Execute the change set; the end is an event of its own.
    Execute(UpdateId),
    /// Look at the stages and their evidence after a pause.
    Observe,
    /// Delete the change set.
    Abandon,
    /// Cancel the update that runs.
    Cancel,
    /// Continue the rollback of this update, which failed; the end is an event of its own.
    ContinueRollback(UpdateId),
    /// Send probes to what a step changes. Nothing if they run already.
    StartProbes(usize),
    /// Stop sending probes.
    StopProbes,
    /// Report something.
    Tell(Notice),
    /// The deployment has ended.
    Finish(Outcome),
}

/// Something to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The update is cancelled.
    Cancelling(Cause),
    /// What was deployed so far is reverted.
    Reverting(Cause),
    /// Why it waits.
    Waiting(String),
    /// A step passed.
    Judged(usize),
    /// Thin evidence is accepted.
    Accepted {
        /// Why, as the person said.
        reason: String,
        /// What the evidence lacks.
        reasons: Vec<String>,
    },
}
