//! Why a release can't be staged, and what to do instead.

use std::fmt;

/// Why a release can't be staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A shared resource is replaced, so a later stage would change with it.
    Both,
    /// A resource of Onebox that Fleet refers to is replaced.
    Other,
    /// A shared resource must wait for Fleet, but Onebox uses it.
    Late,
    /// Onebox needs something that only comes with Fleet.
    Cycle,
    /// A target group would receive requests without targets.
    Targets,
    /// A port would close on which tasks run.
    Ports,
    /// An ECS service is replaced or removed.
    Service,
    /// A name, rule priority or address range is still taken.
    Name,
    /// A retained resource with a fixed name is replaced.
    Retain,
    /// A hidden shared value changes.
    NoEcho,
    /// An export in use changes.
    Export,
    /// A logical id changes its type.
    Type,
    /// The template is invalid or can't be composed.
    Invalid,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::Both,
        Self::Other,
        Self::Late,
        Self::Cycle,
        Self::Targets,
        Self::Ports,
        Self::Service,
        Self::Name,
        Self::Retain,
        Self::NoEcho,
        Self::Export,
        Self::Type,
        Self::Invalid,
    ];

    /// The code's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Other => "OTHER",
            Self::Late => "LATE",
            Self::Cycle => "CYCLE",
            Self::Targets => "TARGETS",
            Self::Ports => "PORTS",
            Self::Service => "SERVICE",
            Self::Name => "NAME",
            Self::Retain => "RETAIN",
            Self::NoEcho => "NOECHO",
            Self::Export => "EXPORT",
            Self::Type => "TYPE",
            Self::Invalid => "INVALID",
        }
    }

    /// What to do instead.
    pub const fn way_out(self) -> &'static str {
        match self {
            Self::Both | Self::Other => {
                "use a new logical id and a new name, so that the old resource stays until Fleet is done; or make it per stage"
            }
            Self::Late => "make it per stage",
            Self::Cycle => "deploy it in two releases: first what is needed, then what needs it",
            Self::Targets => {
                "use three releases: add a second target group with the service in both; move the listener; drop the first group"
            }
            Self::Ports => "use three releases: open the new port; move the tasks; close the old port",
            Self::Service => "keep the service's logical id, name, cluster and launch type, and change what is in it",
            Self::Name => "change the name, priority or address range as well",
            Self::Retain => "use a new logical id as well",
            Self::NoEcho => "make the parameter per stage",
            Self::Export => "stop importing the export first, or add a second output beside it",
            Self::Type => "use a new logical id",
            Self::Invalid => "correct the template",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A reason not to deploy a release in steps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{code}: {resource}: {reason}; {way_out}")]
pub struct Refusal {
    /// Which rule refuses.
    pub code: Code,
    /// The logical id, or another name in the template; `template` if it is the whole.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// What to do instead.
    pub way_out: &'static str,
}

impl Refusal {
    pub(super) fn new(code: Code, resource: &str, reason: impl Into<String>) -> Self {
        Self {
            code,
            resource: if resource.is_empty() { "template" } else { resource }.to_owned(),
            reason: reason.into(),
            way_out: code.way_out(),
        }
    }

    pub(super) fn instead(mut self, way_out: &'static str) -> Self {
        self.way_out = way_out;
        self
    }
}

/// Keeps the first refusal of each code and resource.
pub(super) fn distinct(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let mut kept: Vec<Refusal> = Vec::new();
    for refusal in refusals {
        if !kept
            .iter()
            .any(|other| other.code == refusal.code && other.resource == refusal.resource)
        {
            kept.push(refusal);
        }
    }
    kept
}
