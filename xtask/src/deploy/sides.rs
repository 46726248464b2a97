//! The stages side by side, for those who follow a deployment: weights, requests, and what is left of a bake.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use stacks::Stage;
use tokio::time::Instant;

use super::place::Places;
use crate::aws::Aws;
use crate::services::phase::Phase;
use crate::stack::{Resource, Stack};
use crate::telling::view::{Bake, Side};
use crate::verdict::series::Point;

/// How long to wait before metrics are asked for again: they come once a minute, and each answer costs.
const PAUSE: Duration = Duration::from_secs(30);

/// How long where asking costs nothing.
const NEAR_PAUSE: Duration = Duration::from_secs(1);

/// What was last seen of both stages.
#[derive(Debug)]
pub(super) struct SideBySide {
    weights: [Option<f64>; 2],
    bake_minutes: [Option<u64>; 2],
    began: SystemTime,
    requests: [Option<u64>; 2],
    /// How long one of AWS's minutes lasts.
    minute: Duration,
    last: Option<Instant>,
}

impl SideBySide {
    /// Looks at what stays as it is while images move. What can't be seen isn't shown.
    pub(super) async fn of(aws: &Aws, stack: &Stack, places: &Places) -> Self {
        let resources = aws.resources(&stack.id).await.unwrap_or_default();
        let template = aws.template(&stack.id).await.unwrap_or_default();
        let template: Value = serde_json::from_str(&template).unwrap_or_default();
        let mut bake_minutes = [None, None];
        for (minutes, place) in bake_minutes.iter_mut().zip([&places.onebox, &places.fleet]) {
            *minutes = aws.bake_minutes(&place.cluster, &place.service).await.ok().flatten();
        }
        Self {
            weights: [Stage::Onebox, Stage::Fleet].map(|stage| weight(&template, &resources, stage)),
            bake_minutes,
            began: aws.now(),
            requests: [None, None],
            minute: aws.minute(),
            last: None,
        }
    }

    /// Asks for metrics where it is time to.
    pub(super) async fn look(&mut self, aws: &Aws, places: &Places) {
        let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
        if self.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        let questions = [&places.onebox, &places.fleet].map(|place| place.question("RequestCount", "Sum"));
        if let Ok(answers) = aws.datapoints(&questions, self.began, aws.now()).await {
            self.requests = requests(&answers);
        }
        self.last = Some(Instant::now());
    }

    /// How long one of AWS's minutes lasts.
    pub(super) fn minute(&self) -> Duration {
        self.minute
    }

    /// Both stages: one changes, and is in that phase; probes go to some.
    pub(super) fn sides(&self, (changes, phase): (Stage, &Phase), probes: &[(Stage, (u64, u64))]) -> Vec<Side> {
        [Stage::Onebox, Stage::Fleet]
            .into_iter()
            .enumerate()
            .map(|(index, stage)| Side {
                stage,
                changes: stage == changes,
                weight: self.weights[index],
                requests: self.requests[index],
                probes: probes
                    .iter()
                    .find(|(probed, _)| *probed == stage)
                    .map(|(_, counts)| *counts),
                bake: match phase.baking_since() {
                    Some(since) if stage == changes => bake(since, self.bake_minutes[index], self.minute),
                    _ => Bake::No,
                },
            })
            .collect()
    }
}

fn bake(since: SystemTime, minutes: Option<u64>, minute: Duration) -> Bake {
    let minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok());
    minutes.map_or(Bake::Unknown, |minutes| Bake::Until(since + minute * minutes))
}

/// The sums of two metrics. `None` for one without data points.
fn requests(answers: &[Vec<Point>]) -> [Option<u64>; 2] {
    let sum = |index: usize| {
        let points = answers.get(index).filter(|points| !points.is_empty())?;
        Some(points.iter().map(|point| whole(point.value)).sum())
    };
    [sum(0), sum(1)]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is neither negative nor near 2^64"
)]
fn whole(count: f64) -> u64 {
    count.max(0.0).round() as u64
}

/// A stage's part of the weights among which a listener's default action chooses, in per cent.
pub(crate) fn weight(template: &Value, resources: &[Resource], stage: Stage) -> Option<f64> {
    let group = resources.iter().find(|resource| {
        resource.resource_type == "AWS::ElasticLoadBalancingV2::TargetGroup"
            && resource.logical_id.starts_with(stage.name())
    })?;
    let listeners = template["Resources"].as_object()?.values();
    let groups = listeners
        .filter(|resource| resource["Type"] == "AWS::ElasticLoadBalancingV2::Listener")
        .find_map(|listener| listener["Properties"]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"].as_array())?;
    let weight = |group: &Value| group["Weight"].as_f64().unwrap_or(1.0);
    let own = groups
        .iter()
        .find(|found| found["TargetGroupArn"]["Ref"] == group.logical_id.as_str())?;
    let all: f64 = groups.iter().map(weight).sum();
    Some(100.0 * weight(own) / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_summed_and_a_bake_ends_after_its_minutes() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let points = [(0, 3.0), (5, 4.0)].map(|(seconds, value)| Point { at: at(seconds), value });
        assert_eq!(requests(&[points.to_vec(), Vec::new()]), [Some(7), None]);
        let minute = Duration::from_secs(5);
        assert_eq!(bake(at(10), Some(6), minute), Bake::Until(at(40)));
        assert_eq!(bake(at(10), None, minute), Bake::Unknown);
    }
}
