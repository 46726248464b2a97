//! What happened to a release: when it was made, and how its deployments ended.
//!
//! The content is in the manifests' annotations, because a registry returns those with the list of referrers:
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Artifact, ReleaseError, Subject};
use crate::stage::Stage;

/// The artifact type of records.
pub const RECORD_TYPE: &str = "application/vnd.onebox.release-record.v1";

/// The artifact type of outcomes.
pub const OUTCOME_TYPE: &str = "application/vnd.onebox.outcome.v1";

const TIME: &str = "onebox.time-milliseconds";
const AUTHOR: &str = "onebox.author";
const REVISION: &str = "onebox.revision";
const ENVIRONMENT: &str = "onebox.environment";
const STEPS: &str = "onebox.steps";
const END: &str = "onebox.outcome";
const REASON: &str = "onebox.reason";

/// Who made a release, when, and from which revision of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When, to the millisecond.
    pub time: SystemTime,
    /// The revision of the source.
    pub revision: String,
    /// Who.
    pub author: String,
}

/// How a deployment of a release ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When, to the millisecond.
    pub time: SystemTime,
    /// The environment.
    pub environment: String,
    /// The steps that were executed.
    pub steps: Vec<Stage>,
    /// The end.
    pub end: End,
    /// The first cause of a failure, or the reason that a person gave. Empty if there is none.
    pub reason: String,
    /// Who deployed.
    pub by: String,
}

/// The end of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Some of its steps completed and were judged good; later stages were not requested.
    Passed,
    /// It completed, and every step was judged good.
    Deployed,
    /// It completed, and a person accepted that there was too little evidence.
    Accepted,
    /// A rollback restored this release.
    Restored,
    /// It was bad and was reverted.
    RolledBack,
    /// There was too little evidence, and it was reverted.
    Inconclusive,
    /// It failed for a reason other than evidence.
    Failed,
}

impl End {
    /// Every end.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Deployed,
        Self::Accepted,
        Self::Restored,
        Self::RolledBack,
        Self::Inconclusive,
        Self::Failed,
    ];

    /// The end's name, as it is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Deployed => "deployed",
            Self::Accepted => "accepted",
            Self::Restored => "restored",
            Self::RolledBack => "rolled back",
            Self::Inconclusive => "inconclusive",
            Self::Failed => "failed",
        }
    }

    /// Whether the deployment is over.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Passed)
    }

    /// Whether both stages run the release after it.
    pub const fn is_complete(self) -> bool {
        matches!(self, Self::Deployed | Self::Accepted | Self::Restored)
    }
}

impl Record {
    /// The artifact whose subject is the release.
    pub fn artifact(&self, release: &Subject) -> Artifact {
        let annotations = [
            (TIME, milliseconds(self.time)),
            (REVISION, self.revision.clone()),
            (AUTHOR, self.author.clone()),
        ];
        Artifact::of_annotations(RECORD_TYPE, release, owned(annotations))
    }

    /// Reads a record from its manifest's annotations.
    ///
    /// # Errors
    /// If an annotation is missing or malformed.
    pub fn parse(annotations: &BTreeMap<String, String>) -> Result<Self, ReleaseError> {
        Ok(Self {
            time: time(annotations)?,
            revision: text(annotations, REVISION)?,
            author: text(annotations, AUTHOR)?,
        })
    }
}

impl Outcome {
    /// The artifact whose subject is the release.
    pub fn artifact(&self, release: &Subject) -> Artifact {
        let steps: Vec<&str> = self.steps.iter().map(|stage| stage.name()).collect();
        let annotations = [
            (TIME, milliseconds(self.time)),
            (ENVIRONMENT, self.environment.clone()),
            (STEPS, steps.join(",")),
            (END, self.end.name().to_owned()),
            (REASON, self.reason.clone()),
            (AUTHOR, self.by.clone()),
        ];
        Artifact::of_annotations(OUTCOME_TYPE, release, owned(annotations))
    }

    /// Reads an outcome from its manifest's annotations.
    ///
    /// # Errors
    /// If an annotation is missing or malformed.
    pub fn parse(annotations: &BTreeMap<String, String>) -> Result<Self, ReleaseError> {
        let (steps, end) = (text(annotations, STEPS)?, text(annotations, END)?);
        let steps = steps.split(',').filter(|name| !name.is_empty()).map(Stage::parse);
        let steps: Option<Vec<Stage>> = steps.collect();
        let end = End::ALL.into_iter().find(|known| known.name() == end);
        Ok(Self {
            time: time(annotations)?,
            environment: text(annotations, ENVIRONMENT)?,
            steps: steps.ok_or(ReleaseError::Annotation(STEPS))?,
            end: end.ok_or(ReleaseError::Annotation(END))?,
            reason: text(annotations, REASON)?,
            by: text(annotations, AUTHOR)?,
        })
    }
}

fn owned<const N: usize>(annotations: [(&str, String); N]) -> BTreeMap<String, String> {
    annotations
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn milliseconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().to_string()
}

fn time(annotations: &BTreeMap<String, String>) -> Result<SystemTime, ReleaseError> {
    let milliseconds = text(annotations, TIME)?.parse().ok().map(Duration::from_millis);
    let time = milliseconds.and_then(|since| UNIX_EPOCH.checked_add(since));
    time.ok_or(ReleaseError::Annotation(TIME))
}

fn text(annotations: &BTreeMap<String, String>, name: &'static str) -> Result<String, ReleaseError> {
    annotations.get(name).cloned().ok_or(ReleaseError::Annotation(name))
}
