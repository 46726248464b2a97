//! What was seen of a scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::traffic::{Answers, Counts, NO_STAGE};

/// What was seen of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observation {
    /// What came of each command of the steps.
    pub(crate) outcomes: Vec<Outcome>,
    /// The service stack's status at the end.
    pub(crate) stack: String,
    /// The image that was offered as `{good}`.
    pub(crate) good: String,
    /// The image that the sandbox was created with.
    #[serde(default)]
    pub(crate) first: String,
    /// Onebox.
    pub(crate) onebox: StageSeen,
    /// Fleet.
    pub(crate) fleet: StageSeen,
    /// The alarms that were in ALARM at any time, after the stacks' common prefix: `Onebox-ServerErrors`.
    pub(crate) fired: BTreeSet<String>,
    /// What came of the requests.
    pub(crate) traffic: TrafficSeen,
    /// How many requests were sent at the very end.
    #[serde(default)]
    pub(crate) sent_afterwards: u64,
    /// How many of them failed.
    #[serde(default)]
    pub(crate) failed_afterwards: u64,
    /// How soon an alarm fired, where one did after requests came to harm.
    #[serde(default)]
    pub(crate) detection: Option<Detection>,
    /// Processes of tasks that ECS doesn't know.
    pub(crate) orphans: usize,
}

/// How soon an alarm fired, in AWS's minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detection {
    /// From the first harm until an alarm was seen in ALARM.
    pub(crate) minutes: f64,
    /// From the first harm until the rules allow an alarm: when as many minutes are over as must breach, the one of the
    /// first harm among them, and published.
    pub(crate) floor_minutes: f64,
}

impl Detection {
    /// How soon an alarm fired that was first seen at one moment, after the first harm at another.
    ///
    /// The periods of CloudWatch's metrics begin with the clock's minutes, which the local cloud makes as short as its
    /// speed says.
    pub(crate) fn of(first_harm: SystemTime, fired: SystemTime, (speed, lag_minutes): (f64, f64)) -> Option<Self> {
        let minute = 60.0 / speed;
        let waited = fired.duration_since(first_harm).ok()?;
        let since_epoch = first_harm.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let into_the_minute = (since_epoch.as_secs_f64() / minute).fract();
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let breaching = constants::alarm::DATAPOINTS_TO_ALARM as f64;
        Some(Self {
            minutes: waited.as_secs_f64() / minute,
            floor_minutes: breaching - into_the_minute + lag_minutes,
        })
    }
}

/// What came of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Its words.
    pub(crate) command: String,
    /// Its exit status; none where a signal ended it.
    pub(crate) exit: Option<i32>,
    /// All that it said, results and progress.
    pub(crate) said: String,
    /// After how many milliseconds it said that Fleet is being changed. `None` if it never did.
    #[serde(default)]
    pub(crate) fleet_after: Option<u64>,
}

/// What was seen of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageSeen {
    /// Its running tasks before, by id, with the image of each.
    pub(crate) before: BTreeMap<String, String>,
    /// Its running tasks at the end.
    pub(crate) after: BTreeMap<String, String>,
    /// The image that CloudFormation says it runs at the end.
    pub(crate) parameter: String,
    /// The fewest healthy targets that were seen at any time.
    pub(crate) fewest_healthy: u64,
}

/// What came of the requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrafficSeen {
    /// All of them.
    pub(crate) requests: u64,
    /// Those that failed or were slow, by the stage that answered; `none` for the load balancer's own answers and for
    /// requests without one.
    pub(crate) harmed: BTreeMap<String, u64>,
    /// How many of those were slow and nothing else, as on a machine that is too busy.
    #[serde(default)]
    pub(crate) slow: u64,
}

impl TrafficSeen {
    /// What counts say.
    pub(crate) fn of(counts: &Counts) -> Self {
        let mut harmed = BTreeMap::new();
        for (stage, answers) in &counts.stages {
            *harmed.entry(stage.clone()).or_default() += answers.server_errors() + answers.slow();
        }
        *harmed.entry(NO_STAGE.to_owned()).or_default() += counts.without_answer();
        harmed.retain(|_, count| *count > 0);
        Self {
            requests: counts.total(),
            harmed,
            slow: counts.stages.values().map(Answers::slow).sum(),
        }
    }

    /// How many came to harm.
    pub(crate) fn harmed(&self) -> u64 {
        self.harmed.values().sum()
    }
}

impl Outcome {
    /// The records that it printed.
    pub(crate) fn records(&self) -> impl Iterator<Item = Value> {
        let lines = self.said.lines().filter(|line| line.starts_with('{'));
        lines.filter_map(|line| serde_json::from_str(line).ok())
    }
}

/// In a line, for people.
impl fmt::Display for Observation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exits = self.outcomes.iter().map(|outcome| match outcome.exit {
            Some(exit) => exit.to_string(),
            None => "none".to_owned(),
        });
        write!(formatter, "exit {}", exits.collect::<Vec<_>>().join(", "))?;
        for (name, stage) in [("Onebox", &self.onebox), ("Fleet", &self.fleet)] {
            write!(formatter, "; {name} {}", stage.in_words(&self.good))?;
        }
        for alarm in &self.fired {
            write!(formatter, "; {alarm} fired")?;
        }
        if let Some(detection) = self.detection {
            let Detection { minutes, floor_minutes } = detection;
            write!(formatter, " after {minutes:.1} min, {floor_minutes:.1} at the least")?;
        }
        write!(formatter, "; {} requests", self.traffic.requests)?;
        for (stage, count) in &self.traffic.harmed {
            write!(formatter, ", {count} of {stage} harmed")?;
        }
        write!(
            formatter,
            "; {} of {} failed at the end",
            self.failed_afterwards, self.sent_afterwards
        )
    }
}

impl StageSeen {
    fn in_words(&self, good: &str) -> String {
        let image = if self.parameter == good { "new" } else { "old" };
        let kept = self.before.keys().filter(|task| self.after.contains_key(*task)).count();
        format!(
            "{image}, {} tasks, {kept} from before, at least {} healthy",
            self.after.len(),
            self.fewest_healthy
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_floor_of_detection_is_where_the_rules_put_it() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
        let check = |harm, fired, speed, minutes: f64, floor: f64| {
            let detection = Detection::of(at(harm), at(fired), (speed, 2.0)).unwrap();
            assert!((detection.minutes - minutes).abs() < 1e-9, "{detection:?}");
            assert!((detection.floor_minutes - 2.0 - floor).abs() < 1e-9, "{detection:?}");
        };
        check(600.0, 780.0, 1.0, 3.0, 3.0);
        check(645.0, 780.0, 1.0, 2.25, 2.25);
        check(603.0, 609.0, 20.0, 2.0, 3.0);
        assert_eq!(Detection::of(at(2.0), at(1.0), (1.0, 2.0)), None, "not because of it");
    }
}
