//! The verdict on a step, from everything that was observed.

use std::collections::BTreeSet;

use super::checks::Analysis;
use super::network::Network;
use super::probes::{Compared, ProbeLog, side_by_side, with_itself};
use super::rules::Rules;
use super::series::Series;
use super::time::{Minute, ServerTime, Span};
use super::verdict::Verdict;
use crate::stage::Stage;

/// What a step is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Nothing runs yet: a first deployment.
    FirstDeployment,
    /// Onebox changed and Fleet didn't: Onebox with Fleet over the same minutes.
    OneboxWithFleet,
    /// Each of these stages with itself before the step. [`Stage::Shared`] means both stages, and probes without a stage's
    /// header.
    WithItself(BTreeSet<Stage>),
}

impl Comparison {
    /// What is compared, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::FirstDeployment => "first deployment".to_owned(),
            Self::OneboxWithFleet => "Onebox with Fleet".to_owned(),
            Self::WithItself(stages) => {
                let names: Vec<&str> = judged_stages(stages).into_iter().map(Stage::name).collect();
                format!("{}, before and since the step", names.join(" and "))
            }
        }
    }
}

/// The stages with metrics that a step concerns.
pub(super) fn judged_stages(stages: &BTreeSet<Stage>) -> Vec<Stage> {
    let shared = stages.contains(&Stage::Shared);
    let concerns = |stage: &Stage| shared || stages.contains(stage);
    [Stage::Onebox, Stage::Fleet].into_iter().filter(concerns).collect()
}

/// What was observed of a stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StageEvidence {
    /// Its metrics, before the step and since.
    pub metrics: Series,
    /// The probes to it.
    pub probes: ProbeLog,
}

/// Everything that was observed of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What to compare.
    pub comparison: Comparison,
    /// When the step began.
    pub began: ServerTime,
    /// Since when the new tasks serve alone, or what isn't deployed by ECS is in place. Minutes from then on count.
    pub since: ServerTime,
    /// The current time.
    pub now: ServerTime,
    /// The time before the step to compare with.
    pub before: Option<Span>,
    /// The length of a minute.
    pub minute: Minute,
    /// Probes without a stage's header.
    pub shared_probes: ProbeLog,
    /// Onebox's.
    pub onebox: StageEvidence,
    /// Fleet's.
    pub fleet: StageEvidence,
    /// Whether AWS was reached.
    pub network: Network,
    /// The names of the alarms in ALARM that concern the step.
    pub red_alarms: Vec<String>,
}

impl Evidence {
    /// Of a step that begins now: nothing was observed yet.
    pub fn new(comparison: Comparison, now: ServerTime, minute: Minute) -> Self {
        Self {
            comparison,
            began: now,
            since: now,
            now,
            before: None,
            minute,
            shared_probes: ProbeLog::default(),
            onebox: StageEvidence::default(),
            fleet: StageEvidence::default(),
            network: Network::default(),
            red_alarms: Vec::new(),
        }
    }

    /// A stage's evidence; `None` for what is shared.
    pub(super) fn stage(&self, stage: Stage) -> Option<&StageEvidence> {
        match stage {
            Stage::Shared => None,
            Stage::Onebox => Some(&self.onebox),
            Stage::Fleet => Some(&self.fleet),
        }
    }

    /// The probes to a stage.
    pub(super) fn probes(&self, stage: Stage) -> &ProbeLog {
        self.stage(stage).map_or(&self.shared_probes, |stage| &stage.probes)
    }

    /// The probes to a stage over a span, and what they are compared with.
    pub(super) fn compared_probes(&self, stage: Stage, span: Span) -> Compared {
        if self.comparison == Comparison::OneboxWithFleet {
            return side_by_side(&self.onebox.probes, &self.fleet.probes, span);
        }
        let others: Vec<&ProbeLog> = Stage::ALL
            .into_iter()
            .filter(|other| *other != stage)
            .map(|other| self.probes(other))
            .filter(|log| !log.is_empty())
            .collect();
        with_itself(self.probes(stage), &others, &self.network, span, self.before)
    }
}

/// Judges a step once it has been watched for long enough.
///
/// What is worse is worse however little evidence there is. What isn't, only enough evidence shows to be good: more of it
/// never makes a good step inconclusive.
pub fn judge(rules: &Rules, evidence: &Evidence) -> Verdict {
    let mut analysis = Analysis::new(rules, evidence);
    match &evidence.comparison {
        Comparison::FirstDeployment => {
            analysis.not_judged("analysis", "first deployment: no baseline, skipping analysis");
        }
        Comparison::OneboxWithFleet => analysis.onebox_with_fleet(),
        Comparison::WithItself(stages) => analysis.with_itself(stages),
    }
    let verdict = analysis.verdict();
    verdict.with_alarms(&evidence.red_alarms)
}
