//! Whether Onebox's image is as good as Fleet's: decided from what both stages' load balancer metrics show of the same
//! minutes.
//!
//! The alarms catch what is bad by any standard. This catches what is worse than what runs, and says when there was too
//! little to tell.

pub(crate) mod errors;
pub(crate) mod latency;
pub(crate) mod series;

use constants::judgement::{
    ERROR_SIGNIFICANCE, FEWEST_ERRORS, LATENCY_SIGNIFICANCE, MINIMUM_MINUTES, MINIMUM_REQUESTS, POWER,
    SMALLEST_ERROR_RISE, SMALLEST_LATENCY_RISE_SECONDS,
};
use serde_json::{Value, json};

use self::errors::Errors;

const ERROR_RULE: errors::Rule = errors::Rule {
    significance: ERROR_SIGNIFICANCE,
    smallest_rise: SMALLEST_ERROR_RISE,
    fewest: FEWEST_ERRORS,
};

const LATENCY_RULE: latency::Rule = latency::Rule {
    significance: LATENCY_SIGNIFICANCE,
    smallest_rise: SMALLEST_LATENCY_RISE_SECONDS,
};

/// What a stage did with its requests, over some minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sample {
    /// Its requests, and those that failed.
    pub(crate) errors: Errors,
    /// The response time of the slowest tenth, in seconds: one figure for each minute that had any.
    pub(crate) latencies: Vec<f64>,
}

/// What became of a change at Onebox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// As good as what Fleet runs, as far as there is something to tell by.
    Good,
    /// Worse than what Fleet runs.
    Worse,
    /// There was too little to tell by.
    Thin,
}

/// A ruling and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The ruling.
    pub(crate) ruling: Ruling,
    /// Why it isn't good, one reason each.
    pub(crate) reasons: Vec<String>,
    /// What Onebox did.
    pub(crate) onebox: Sample,
    /// What Fleet did.
    pub(crate) fleet: Sample,
}

impl Verdict {
    /// Judges Onebox by Fleet.
    ///
    /// What is worse is worse however little there was; of what isn't, only enough evidence says that it is good.
    pub(crate) fn of(onebox: Sample, fleet: Sample) -> Self {
        let (worse, thin) = (worse(&onebox, &fleet), thin(&onebox, &fleet));
        let (ruling, reasons) = match (worse.is_empty(), thin.is_empty()) {
            (false, _) => (Ruling::Worse, worse),
            (true, false) => (Ruling::Thin, thin),
            (true, true) => (Ruling::Good, Vec::new()),
        };
        Self {
            ruling,
            reasons,
            onebox,
            fleet,
        }
    }

    /// The same where alarms of Onebox's have fired, by their names: it is then worse, whatever its requests say.
    #[must_use]
    pub(crate) fn with_alarms(mut self, red: &[String]) -> Self {
        if red.is_empty() {
            return self;
        }
        let reasons = red.iter().map(|name| format!("its alarm {name} has fired"));
        let before = if self.ruling == Ruling::Worse {
            std::mem::take(&mut self.reasons)
        } else {
            Vec::new()
        };
        self.reasons = reasons.chain(before).collect();
        self.ruling = Ruling::Worse;
        self
    }

    /// The verdict and its evidence, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (onebox, fleet) = (&self.onebox, &self.fleet);
        let mut lines = vec![match self.ruling {
            Ruling::Good => "verdict: Onebox is as good as Fleet".to_owned(),
            Ruling::Worse => format!("verdict: Onebox is worse than Fleet: {}", self.reasons.join("; ")),
            Ruling::Thin => format!("verdict: too little to judge by: {}", self.reasons.join("; ")),
        }];
        lines.push(format!(
            "  requests: Onebox {}, Fleet {}",
            onebox.errors.requests, fleet.errors.requests
        ));
        lines.push(format!(
            "  errors: Onebox {} ({}), Fleet {} ({}); p = {:.3} if both were alike",
            onebox.errors.errors,
            percent(onebox.errors.share()),
            fleet.errors.errors,
            percent(fleet.errors.share()),
            self.errors_likelihood(),
        ));
        lines.push(format!(
            "  slowest tenth: Onebox {}, Fleet {}; p = {:.3} if both were alike",
            minutes(&onebox.latencies),
            minutes(&fleet.latencies),
            self.latency_likelihood(),
        ));
        let errors = self.smallest_errors().map_or_else(
            || "no share of errors".to_owned(),
            |share| format!("errors of {} or more", percent(share)),
        );
        let rise = self.smallest_rise().map_or_else(
            || "no rise of the response time".to_owned(),
            |rise| format!("a response time {} longer", time(rise)),
        );
        lines.push(format!("  so many requests are enough to notice {errors}, and {rise}"));
        lines
    }

    /// The verdict and its evidence for programs.
    pub(crate) fn record(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "requests": sample.errors.requests,
                "errors": sample.errors.errors,
                "latencies_seconds": sample.latencies,
            })
        };
        json!({
            "ruling": match self.ruling {
                Ruling::Good => "good",
                Ruling::Worse => "worse",
                Ruling::Thin => "thin",
            },
            "reasons": self.reasons,
            "onebox": sample(&self.onebox),
            "fleet": sample(&self.fleet),
            "errors_likelihood": self.errors_likelihood(),
            "latency_likelihood": self.latency_likelihood(),
            "smallest_error_share": self.smallest_errors(),
            "smallest_latency_rise_seconds": self.smallest_rise(),
        })
    }

    fn errors_likelihood(&self) -> f64 {
        errors::likelihood(self.onebox.errors, self.fleet.errors)
    }

    fn latency_likelihood(&self) -> f64 {
        latency::likelihood(&self.onebox.latencies, &self.fleet.latencies)
    }

    fn smallest_errors(&self) -> Option<f64> {
        ERROR_RULE.smallest_shown(self.onebox.errors.requests, self.fleet.errors, POWER)
    }

    fn smallest_rise(&self) -> Option<f64> {
        LATENCY_RULE.smallest_shown(&self.onebox.latencies, &self.fleet.latencies)
    }
}

/// What Onebox does worse than Fleet.
fn worse(onebox: &Sample, fleet: &Sample) -> Vec<String> {
    let errors = ERROR_RULE.is_worse(onebox.errors, fleet.errors).then(|| {
        format!(
            "{} of its answers are errors, and {} of Fleet's",
            percent(onebox.errors.share()),
            percent(fleet.errors.share())
        )
    });
    let slower = LATENCY_RULE.is_worse(&onebox.latencies, &fleet.latencies);
    let slower = slower
        .then(|| latency::rise(&onebox.latencies, &fleet.latencies))
        .flatten();
    let slower = slower.map(|rise| format!("the slowest tenth of its answers take {} longer", time(rise)));
    errors.into_iter().chain(slower).collect()
}

/// What there is too little of.
fn thin(onebox: &Sample, fleet: &Sample) -> Vec<String> {
    let mut reasons = Vec::new();
    for (name, sample) in [("Onebox", onebox), ("Fleet", fleet)] {
        let (requests, minutes) = (sample.errors.requests, sample.latencies.len());
        if requests < MINIMUM_REQUESTS {
            reasons.push(format!(
                "{name} had {requests} requests, and {MINIMUM_REQUESTS} are the least"
            ));
        } else if minutes < MINIMUM_MINUTES {
            reasons.push(format!(
                "{name} had response times in {minutes} minutes, and {MINIMUM_MINUTES} are the least"
            ));
        }
    }
    reasons
}

/// `0.25 %`
fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// The middle of some minutes' figures, and how many they are.
fn minutes(latencies: &[f64]) -> String {
    match latency::median(latencies.to_vec()) {
        Some(middle) => format!("{} over {} minutes", time(middle), latencies.len()),
        None => "none".to_owned(),
    }
}

/// `1.2 ms`, `3.1 s`
fn time(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1000.0)
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests;
