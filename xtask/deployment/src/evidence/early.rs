//! Whether probes already show that a step is bad, while it runs and before metrics arrive.

use std::time::Duration;

use super::analysis::{Comparison, Evidence, judged_stages};
use super::errors::{self, Errors};
use super::probes::Compared;
use super::rules::Rules;
use super::time::Span;
use super::verdict::{Baseline, Check, ErrorCheck, Ruling, Source, Verdict};
use crate::stage::Stage;

/// The verdict if the probes so far are conclusive: always worse. `None` if they aren't.
///
/// Call it again at every look, about once a second; see [`super::rules::Early`] for the rate of false reverts.
pub fn early(rules: &Rules, evidence: &Evidence) -> Option<Verdict> {
    let checks: Vec<Check> = conclusive(rules, evidence).into_iter().map(Check::Errors).collect();
    if checks.is_empty() {
        return None;
    }
    Some(Verdict {
        ruling: Ruling::Worse,
        comparison: evidence.comparison.words(),
        reasons: checks.iter().filter_map(Check::reason).collect(),
        checks,
        not_judged: Vec::new(),
    })
}

/// The stages to which probes fail beyond doubt.
pub(super) fn conclusive(rules: &Rules, evidence: &Evidence) -> Vec<ErrorCheck> {
    let stages = match &evidence.comparison {
        Comparison::FirstDeployment => Vec::new(),
        Comparison::OneboxWithFleet => vec![Stage::Onebox],
        Comparison::WithItself(stages) => {
            let mut judged = judged_stages(stages);
            judged.extend(stages.contains(&Stage::Shared).then_some(Stage::Shared));
            judged
        }
    };
    let recent = evidence.now - Duration::from_secs(rules.early.recent_seconds);
    let check = |stage: Stage| {
        let windows = [recent.max(evidence.began), evidence.began];
        windows.into_iter().find_map(|from| {
            let span = Span {
                from,
                to: evidence.now + Duration::from_secs(1),
            };
            is_conclusive(rules, stage, evidence, evidence.compared_probes(stage, span))
        })
    };
    stages.into_iter().filter_map(check).collect()
}

fn is_conclusive(rules: &Rules, stage: Stage, evidence: &Evidence, probes: Compared) -> Option<ErrorCheck> {
    let (tried, mut known) = (probes.tried.errors, probes.known.errors);
    if probes.tried.failing_seconds < rules.early.minimum_failing_seconds {
        return None;
    }
    let baseline = match evidence.comparison {
        Comparison::OneboxWithFleet => Baseline::Fleet,
        _ if known.requests >= rules.minimum_requests => Baseline::Before,
        _ => Baseline::Limit(rules.tolerated_share),
    };
    let rule = errors::Rule {
        significance: rules.early.significance,
        ..rules.errors
    };
    let (worse, likelihood) = match baseline {
        Baseline::Limit(limit) => {
            known = Errors::default();
            (rule.is_above(tried, limit), errors::likelihood_at(tried, limit))
        }
        Baseline::Fleet | Baseline::Before => (rule.is_worse(tried, known), errors::likelihood(tried, known)),
    };
    worse.then_some(ErrorCheck {
        stage,
        baseline,
        source: Source::Probes,
        tried,
        known,
        failures: probes.tried,
        likelihood,
        smallest: None,
        worse,
    })
}
