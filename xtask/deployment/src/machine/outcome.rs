//! How a deployment ends.

use std::fmt;

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is deployed and judged.
    Deployed {
        /// Whether evidence was too thin and accepted.
        accepted: bool,
    },
    /// Nothing had to change.
    Unchanged,
    /// The person declined, and nothing was changed.
    Declined,
    /// The first change set contains changes that the plan doesn't; nothing was changed.
    Unplanned(Vec<String>),
    /// Somebody else changed the stack.
    Overtaken {
        /// What was found.
        by: String,
        /// Whether this deployment had changed anything.
        changed: bool,
    },
    /// The first update couldn't start; nothing was changed.
    NotStarted(String),
    /// What ran before runs again.
    Reverted(Cause),
    /// What ran before couldn't be restored.
    Stuck {
        /// Why it was to be restored. `None` if an update and its rollback failed.
        cause: Option<Cause>,
        /// What failed.
        error: String,
    },
}

/// Why a deployment reverts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Probes failed.
    Probes(Vec<String>),
    /// Alarms fired.
    Alarms(Vec<String>),
    /// The analysis says that it is worse.
    Worse(Vec<String>),
    /// Tasks don't run as they should.
    Tasks(String),
    /// CloudFormation rolled the update back.
    RolledBack(String),
    /// A later change set contains changes that the plan doesn't.
    Unplanned(Vec<String>),
    /// Something else failed between two updates.
    Failed(String),
    /// There was too little evidence.
    Inconclusive(Vec<String>),
    /// A rollback was asked for.
    Asked,
    /// Another process had begun to revert.
    Resumed,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probes(reasons) => write!(formatter, "probes failed: {}", reasons.join("; ")),
            Self::Alarms(names) => write!(formatter, "in ALARM: {}", names.join("; ")),
            Self::Worse(reasons) => formatter.write_str(&reasons.join("; ")),
            Self::Tasks(what) | Self::RolledBack(what) | Self::Failed(what) => formatter.write_str(what),
            Self::Unplanned(changes) => write!(formatter, "unplanned changes: {}", changes.join("; ")),
            Self::Inconclusive(reasons) => write!(formatter, "not enough evidence: {}", reasons.join("; ")),
            Self::Asked => formatter.write_str("rollback requested"),
            Self::Resumed => formatter.write_str("continues a revert that was interrupted"),
        }
    }
}
