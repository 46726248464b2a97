//! Alarms: what each watches, in words, and what it says.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::aws::rfc3339;
use crate::stack::Resource;

/// The state of an alarm that has fired.
pub(crate) const FIRED: &str = "ALARM";

/// An alarm as CloudWatch describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alarm {
    /// The name.
    pub(crate) name: String,
    /// What it tells, in the words of whoever made it.
    pub(crate) description: Option<String>,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub(crate) state: String,
    /// CloudWatch's words for the state.
    pub(crate) reason: String,
    /// Since when it is in that state.
    pub(crate) since: Option<SystemTime>,
    /// What is watched: a metric with its statistic, or an expression.
    pub(crate) watched: String,
    /// How it is compared, `GreaterThanOrEqualToThreshold`.
    pub(crate) comparison: String,
    /// With what it is compared.
    pub(crate) threshold: f64,
    /// How many of the latest periods must breach.
    pub(crate) datapoints: u64,
    /// How many periods are looked at.
    pub(crate) periods: u64,
    /// The length of a period, in seconds.
    pub(crate) period_seconds: u64,
}

/// A moment at which an alarm fired.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Firing {
    /// When.
    pub(crate) at: SystemTime,
    /// CloudWatch's words.
    pub(crate) reason: String,
    /// The data points that it looked at, the oldest first.
    pub(crate) datapoints: Vec<f64>,
    /// What they were held against.
    pub(crate) threshold: Option<f64>,
}

impl Alarm {
    /// Whether it has fired.
    pub(crate) fn is_red(&self) -> bool {
        self.state == FIRED
    }

    /// What it means when it is red, in the words of whoever made it, as the rest of a sentence; none where there are none.
    pub(crate) fn meaning(&self) -> Option<String> {
        let words = self.description.as_deref()?.trim_end_matches('.');
        (!words.is_empty()).then(|| lower_first(words))
    }

    /// What it takes for the alarm to fire: `TargetResponseTime TM(90%:100%) ≥ 3 in 3 of 4 minutes`.
    pub(crate) fn condition(&self) -> String {
        format!("{} {}", self.watched, self.limit())
    }

    /// The same without what is watched: `≥ 3 in 3 of 4 minutes`.
    pub(crate) fn limit(&self) -> String {
        let sign = match self.comparison.as_str() {
            "GreaterThanOrEqualToThreshold" => "≥",
            "GreaterThanThreshold" => ">",
            "LessThanOrEqualToThreshold" => "≤",
            "LessThanThreshold" => "<",
            other => other,
        };
        let unit = if self.period_seconds == 60 {
            "minutes".to_owned()
        } else {
            format!("periods of {} s", self.period_seconds)
        };
        format!(
            "{sign} {} in {} of {} {unit}",
            self.threshold, self.datapoints, self.periods
        )
    }

    /// One line on the alarm: name, state, since when.
    pub(crate) fn line(&self) -> String {
        let mut text = format!("{} is in {}", self.name, self.state);
        if let Some(since) = self.since {
            let _ = write!(text, " since {}", rfc3339(since));
        }
        text
    }

    /// The alarm for programs.
    pub(crate) fn record(&self) -> Value {
        json!({
            "name": self.name,
            "state": self.state,
            "since": self.since.map(rfc3339),
            "condition": self.condition(),
            "reason": self.reason,
        })
    }
}

impl Firing {
    /// The figures that made it fire, and what they were held against; CloudWatch's words where it gives none.
    fn figures(&self, alarm: Option<&Alarm>) -> String {
        let figures: Vec<String> = self.datapoints.iter().map(|value| figure(*value)).collect();
        let figures = figures.join(", ");
        match (self.threshold, alarm) {
            _ if figures.is_empty() => self.reason.clone(),
            (_, Some(alarm)) => format!("{}: {figures}; it takes {}", alarm.watched, alarm.limit()),
            (Some(threshold), None) => format!("{figures} against {}", figure(threshold)),
            (None, None) => self.reason.clone(),
        }
    }
}

/// An alarm that fired during an operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fired {
    /// Its name.
    pub(crate) name: String,
    /// The alarm itself, where CloudWatch could be asked.
    pub(crate) alarm: Option<Alarm>,
    /// When and why it fired.
    pub(crate) firing: Firing,
}

impl Fired {
    /// For people: when it fired, by which figures, and what it takes.
    pub(crate) fn describe(&self) -> String {
        let figures = self.firing.figures(self.alarm.as_ref());
        format!(
            "the alarm {} fired at {}: {figures}",
            self.name,
            rfc3339(self.firing.at)
        )
    }

    /// What it means, in the words of whoever made the alarm; its name where there are none.
    pub(crate) fn meaning(&self) -> String {
        let words = self.alarm.as_ref().and_then(Alarm::meaning);
        words.unwrap_or_else(|| format!("the alarm {} fired", self.name))
    }
}

/// A sentence as the rest of another.
fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

/// A figure with three places that count: `6.02`, `0.0105`, `1200`.
fn figure(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// The names of a stack's alarms that concern both stages.
pub(crate) fn shared(resources: &[Resource]) -> Vec<String> {
    let of_a_stage = [stacks::Stage::Onebox, stacks::Stage::Fleet]
        .map(|stage| of_stage(resources, stage))
        .concat();
    let alarms = resources
        .iter()
        .filter(|resource| resource.resource_type == "AWS::CloudWatch::Alarm" && !resource.physical_id.is_empty());
    alarms
        .map(|resource| resource.physical_id.clone())
        .filter(|name| !of_a_stage.contains(name))
        .collect()
}

/// The names of a stack's alarms for a stage, whose names in the template begin with the stage's.
pub(crate) fn of_stage(resources: &[Resource], stage: stacks::Stage) -> Vec<String> {
    let alarms = resources
        .iter()
        .filter(|resource| resource.resource_type == "AWS::CloudWatch::Alarm");
    alarms
        .filter(|resource| resource.logical_id.starts_with(stage.name()) && !resource.physical_id.is_empty())
        .map(|resource| resource.physical_id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn alarm(comparison: &str, threshold: f64, period_seconds: u64) -> Alarm {
        Alarm {
            name: "Onebox-ResponseTime".to_owned(),
            description: None,
            state: "OK".to_owned(),
            reason: String::new(),
            since: None,
            watched: "TargetResponseTime TM(90%:100%)".to_owned(),
            comparison: comparison.to_owned(),
            threshold,
            datapoints: 3,
            periods: 4,
            period_seconds,
        }
    }

    #[test]
    fn a_condition_in_words() {
        let words = |comparison, threshold, period| alarm(comparison, threshold, period).condition();
        insta::assert_snapshot!(words("GreaterThanOrEqualToThreshold", 3.0, 60), @"TargetResponseTime TM(90%:100%) ≥ 3 in 3 of 4 minutes");
        insta::assert_snapshot!(words("LessThanThreshold", 0.5, 300), @"TargetResponseTime TM(90%:100%) < 0.5 in 3 of 4 periods of 300 s");
        insta::assert_snapshot!(alarm("GreaterThanThreshold", 1.0, 60).line(), @"Onebox-ResponseTime is in OK");
    }

    #[test]
    fn a_firing_tells_its_figures() {
        let mut fired = Fired {
            name: "Onebox-ResponseTime".to_owned(),
            alarm: None,
            firing: Firing {
                at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000),
                reason: "Threshold Crossed".to_owned(),
                datapoints: vec![0.010_52, 6.021_3, 6.0, 1234.0],
                threshold: Some(3.0),
            },
        };
        insta::assert_snapshot!(fired.describe(), @"the alarm Onebox-ResponseTime fired at 2026-11-18T11:06:40Z: 0.0105, 6.02, 6, 1230 against 3");
        insta::assert_snapshot!(fired.meaning(), @"the alarm Onebox-ResponseTime fired");
        fired.alarm = Some(Alarm {
            description: Some("The slowest tenth takes too long.".to_owned()),
            ..alarm("GreaterThanOrEqualToThreshold", 3.0, 60)
        });
        insta::assert_snapshot!(fired.describe(), @"the alarm Onebox-ResponseTime fired at 2026-11-18T11:06:40Z: TargetResponseTime TM(90%:100%): 0.0105, 6.02, 6, 1230; it takes ≥ 3 in 3 of 4 minutes");
        insta::assert_snapshot!(fired.meaning(), @"the slowest tenth takes too long");
        fired.firing.datapoints.clear();
        insta::assert_snapshot!(fired.describe(), @"the alarm Onebox-ResponseTime fired at 2026-11-18T11:06:40Z: Threshold Crossed");
    }

    #[test]
    fn alarms_by_stage() {
        let resource = |logical_id: &str, resource_type: &str, physical_id: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            resource_type: resource_type.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        };
        let resources = [
            resource("OneboxServerErrorAlarm", "AWS::CloudWatch::Alarm", "a"),
            resource("FleetServerErrorAlarm", "AWS::CloudWatch::Alarm", "b"),
            resource("OneboxService", "AWS::ECS::Service", "c"),
            resource("OneboxResponseTimeAlarm", "AWS::CloudWatch::Alarm", ""),
            resource("LoadBalancerAlarm", "AWS::CloudWatch::Alarm", "d"),
            resource("UnusedAlarm", "AWS::CloudWatch::Alarm", ""),
        ];
        assert_eq!(shared(&resources), ["d"]);
        assert_eq!(of_stage(&resources, stacks::Stage::Onebox), ["a"]);
        assert_eq!(of_stage(&resources, stacks::Stage::Fleet), ["b"]);
    }
}
