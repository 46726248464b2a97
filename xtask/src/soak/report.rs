//! What came of a soak, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::growth::{Growth, Sample};
use super::judge::Attempt;
use super::plan::Step;
use crate::progress::human;
use crate::table;

/// A deployment that was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Played {
    pub(super) step: Step,
    /// What is not as it must be.
    pub(super) breaches: Vec<String>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) requests: u64,
    /// How many requests failed for a cause that is known.
    pub(super) explained: usize,
    pub(super) took: Duration,
}

impl Played {
    pub(super) fn record(&self) -> Value {
        json!({
            "step": self.step,
            "breaches": self.breaches,
            "attempts": self.attempts,
            "requests": self.requests,
            "explained": self.explained,
            "seconds": self.took.as_secs_f64(),
        })
    }

    pub(super) fn line(&self) -> String {
        let row = self.row();
        let mut line = format!(
            "{}: {}",
            row[0],
            row[1..]
                .iter()
                .filter(|cell| !cell.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join("; ")
        );
        for breach in &self.breaches {
            let _ = write!(line, "\n  BREACH: {breach}");
        }
        line
    }

    /// Each breach with the deployment's number.
    pub(super) fn in_words(&self) -> Vec<String> {
        let number = self.step.number;
        self.breaches
            .iter()
            .map(|breach| format!("deployment {number}: {breach}"))
            .collect()
    }

    fn row(&self) -> Vec<String> {
        let exits: Vec<String> = self.attempts.iter().map(Attempt::in_words).collect();
        let disturbance = self.step.disturbance.map(|disturbance| disturbance.to_string());
        vec![
            self.step.number.to_string(),
            self.step.change.to_string(),
            disturbance.unwrap_or_default(),
            format!("exit {}", exits.join(", ")),
            human(self.took),
            format!("{} requests", self.requests),
            format!("{} failed for a reason", self.explained),
            if self.breaches.is_empty() {
                "as promised"
            } else {
                "BREACH"
            }
            .to_owned(),
        ]
    }
}

/// A row for each deployment.
pub(super) fn render(all: &[Played]) -> String {
    let header = [
        "",
        "CHANGE",
        "DISTURBED",
        "ENDED",
        "TOOK",
        "REQUESTS",
        "FAILED",
        "OUTCOME",
    ];
    let rows: Vec<Vec<String>> = all.iter().map(Played::row).collect();
    table::render(&header, &rows)
}

/// The plan alone.
pub(super) fn list(steps: &[Step]) -> String {
    let row = |step: &Step| {
        let disturbance = step.disturbance.map(|disturbance| disturbance.to_string());
        vec![
            step.number.to_string(),
            step.change.to_string(),
            disturbance.unwrap_or_default(),
        ]
    };
    table::render(&["", "CHANGE", "DISTURBED"], &steps.iter().map(row).collect::<Vec<_>>())
}

/// The first deployment that isn't as promised.
pub(super) fn breached(all: &[Played]) -> Option<&Played> {
    all.iter().find(|played| !played.breaches.is_empty())
}

/// All deployments in a few lines.
pub(super) fn summary(all: &[Played], samples: &[Sample], growth: &[Growth]) -> String {
    let bad = all.iter().filter(|played| played.step.is_bad()).count();
    let disturbed = all.iter().filter(|played| played.step.disturbance.is_some()).count();
    let again = all.iter().filter(|played| played.attempts.len() > 1).count();
    let requests: u64 = all.iter().map(|played| played.requests).sum();
    let explained: usize = all.iter().map(|played| played.explained).sum();
    let took: Duration = all.iter().map(|played| played.took).sum();
    let mut text = format!(
        "{} deployments in {}, {bad} of them bad, {disturbed} disturbed, {again} given again; \
         {requests} requests, {explained} of them failed, each for a reason",
        all.len(),
        human(took)
    );
    let most = |of: fn(&Sample) -> u64| samples.iter().map(of).max().unwrap_or_default();
    let _ = write!(
        text,
        "\nat the most {} KiB of memory ({} of them its own), {} file descriptors, {} threads, {} KiB of state, {} KiB of metrics",
        most(|sample| sample.resident_kib),
        most(|sample| sample.anonymous_kib),
        most(|sample| sample.descriptors),
        most(|sample| sample.threads),
        most(|sample| sample.state_bytes / 1024),
        most(|sample| sample.metrics_bytes / 1024)
    );
    for Growth { name, slope, bound } in growth {
        let _ = write!(text, "\n{slope:+.1} {name} a deployment, at most {bound}");
    }
    text
}

pub(super) fn record(all: &[Played], samples: &[Sample], growth: &[Growth]) -> Value {
    let growth: Vec<Value> = growth
        .iter()
        .map(|growth| json!({"of": growth.name, "slope": growth.slope, "bound": growth.bound}))
        .collect();
    json!({
        "deployments": all.len(),
        "requests": all.iter().map(|played| played.requests).sum::<u64>(),
        "growth": growth,
        "samples": samples,
    })
}
