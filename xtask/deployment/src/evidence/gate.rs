//! When a step has been watched for long enough: the gate at its end.
//!
//! It doesn't rely on ECS to watch the alarms (`BakeTimeInMinutes` may be ignored for rolling deployments), and waits for
//! CloudWatch, which publishes a load balancer's minute 52 s to about 4 min after it closed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;
use super::series::Point;
use super::time::{Minute, ServerTime};
use crate::stage::Stage;

/// What CloudWatch shows at a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The server's time. Read the alarms and metrics at or after it, never before.
    pub now: ServerTime,
    /// Since when the new tasks serve alone, or what isn't deployed by ECS is in place.
    pub since: ServerTime,
    /// The length of a minute.
    pub minute: Minute,
    /// The minutes that health checks need to notice a fault ([`super::targets::minutes_to_notice`]). The window isn't
    /// shorter.
    pub minutes_to_notice: u32,
    /// The metrics of each stage that the step changed: Onebox, Fleet or both.
    pub stages: BTreeMap<Stage, Counts>,
    /// The names of the alarms in ALARM that concern the step.
    pub red: Vec<String>,
    /// Whether missing evidence is accepted (`--accept`). Alarms never are.
    pub accepted: bool,
}

/// The two metrics of a stage that show whether its minutes are readable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// `HealthyHostCount`.
    pub healthy: Vec<Point>,
    /// `RequestCount`.
    pub requests: Vec<Point>,
}

/// What the gate decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Enough was watched and no alarm is in ALARM.
    Open,
    /// Look again.
    Wait(Wait),
    /// Metrics are missing and the longest lag has passed: exit 7.
    NoData {
        /// What is missing, for the user.
        reason: String,
    },
    /// Alarms are in ALARM.
    Red(Vec<String>),
}

/// Why the gate is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// For the user: `CloudWatch metrics are about 2 min late`.
    pub reason: String,
    /// When it opens at the earliest.
    pub earliest: ServerTime,
}

/// The gate at the end of a step. A resumed deployment begins a new one, which can only wait longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Since when every minute of the window is readable.
    readable_since: Option<ServerTime>,
}

impl Gate {
    /// Takes a look.
    ///
    /// It opens when `HealthyHostCount` and `RequestCount` of every stage are readable for each minute of the alarms' window,
    /// the first whole minute since [`Facts::since`] on, and then one more minute has passed in which the alarms evaluated
    /// them, and none is in ALARM.
    pub fn look(&mut self, rules: &Rules, facts: &Facts) -> Decision {
        if !facts.red.is_empty() {
            return Decision::Red(facts.red.clone());
        }
        let window = Window::of(rules, facts);
        let missing = window.missing(rules, facts);
        if missing.is_none() {
            let since = *self.readable_since.get_or_insert(facts.now);
            let opens = since.max(window.end) + facts.minute.times(rules.evaluation_minutes);
            if opens <= facts.now {
                return Decision::Open;
            }
            return Decision::Wait(Wait {
                reason: "metrics have arrived; waiting one minute for the alarms to evaluate them".to_owned(),
                earliest: opens,
            });
        }
        self.readable_since = None;
        let last = window.end + facts.minute.times(rules.longest_lag_minutes + rules.evaluation_minutes);
        match missing {
            Some(_) if last <= facts.now && facts.accepted => Decision::Open,
            Some(missing) if last <= facts.now => Decision::NoData { reason: missing },
            _ => Decision::Wait(window.wait(rules, facts)),
        }
    }
}

/// The minutes that must be readable.
struct Window {
    starts: Vec<ServerTime>,
    end: ServerTime,
}

impl Window {
    /// The alarms' window since the new tasks serve alone, at the minutes that the data points have.
    fn of(rules: &Rules, facts: &Facts) -> Self {
        let points = facts.stages.values().flat_map(|counts| &counts.healthy);
        let phase = points.map(|point| point.at).max();
        let first = facts.minute.first_from(facts.since, phase);
        let minutes = rules.alarm_window_minutes.max(facts.minutes_to_notice);
        let starts = (0..minutes).map(|minute| first + facts.minute.times(minute));
        Self {
            starts: starts.collect(),
            end: first + facts.minute.times(minutes),
        }
    }

    /// The first metric that isn't readable for a minute of the window; `None` if all are.
    fn missing(&self, rules: &Rules, facts: &Facts) -> Option<String> {
        if self.end > facts.now {
            return Some("the alarm window isn't over".to_owned());
        }
        facts.stages.iter().find_map(|(stage, counts)| {
            let metric = self.starts.iter().find_map(|start| {
                if !has(&counts.healthy, *start, facts.minute) {
                    return Some("HealthyHostCount");
                }
                (!requests_readable(rules, facts, counts, *start)).then_some("RequestCount")
            })?;
            let minutes = rules.longest_lag_minutes + rules.evaluation_minutes;
            Some(format!("no {metric} of {stage} after {minutes} min"))
        })
    }

    fn wait(&self, rules: &Rules, facts: &Facts) -> Wait {
        let evaluation = facts.minute.times(rules.evaluation_minutes);
        if self.end > facts.now {
            let left = minutes(self.end.since(facts.now), facts.minute);
            return Wait {
                reason: format!(
                    "watching for {} min since the new tasks serve alone, {left} min left",
                    self.starts.len()
                ),
                earliest: self.end + evaluation,
            };
        }
        let newest = |counts: &Counts| {
            counts
                .healthy
                .iter()
                .map(|point| point.at + facts.minute.length())
                .max()
        };
        let oldest = facts.stages.values().map(newest).min().flatten();
        let reason = match oldest {
            // The newest minute closed a lag ago, and up to a minute more.
            Some(closed) => {
                let late = facts.now.since(closed).as_millis() / facts.minute.length().as_millis().max(1);
                format!("CloudWatch metrics are about {} min late", late.max(1))
            }
            None => "CloudWatch has no metrics yet".to_owned(),
        };
        Wait {
            reason,
            earliest: facts.now + evaluation,
        }
    }
}

/// Whether a minute has a data point, within the rounding of timestamps.
fn has(points: &[Point], start: ServerTime, minute: Minute) -> bool {
    points
        .iter()
        .any(|point| point.at.distance(start) < minute.length() / 2)
}

/// Whether it is known how many requests a minute had.
///
/// AWS documents `RequestCount` as reported whenever targets are registered, so 0 as well; the local cloud and graphs on
/// AWS have gaps in minutes without requests. So a minute without a data point had no requests if a later minute has one,
/// or if the longest lag has passed since it closed.
fn requests_readable(rules: &Rules, facts: &Facts, counts: &Counts, start: ServerTime) -> bool {
    let published = counts
        .requests
        .iter()
        .any(|point| point.at + facts.minute.length() / 2 > start);
    let settled = start + facts.minute.times(1 + rules.longest_lag_minutes);
    published || settled <= facts.now
}

/// A duration in minutes, rounded up.
fn minutes(duration: Duration, minute: Minute) -> u128 {
    duration.as_millis().div_ceil(minute.length().as_millis().max(1))
}

#[cfg(test)]
mod tests;
