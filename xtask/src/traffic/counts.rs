//! What came of the requests.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::{Value, json};

use super::histogram::Histogram;

/// The stage of an answer that names none, such as the load balancer's own.
pub(crate) const NO_STAGE: &str = "none";

/// The response time that the alarm calls too long.
const SLOW: Duration = Duration::from_secs(constants::alarm::RESPONSE_TIME_SECONDS as u64);

/// What came of the requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The answers, by the stage that they name.
    pub(crate) stages: BTreeMap<String, Answers>,
    /// Requests without an answer, by what went wrong.
    pub(crate) unanswered: BTreeMap<String, u64>,
    /// When the first request failed, or was answered so late that it was slow.
    pub(crate) first_harm: Option<SystemTime>,
}

/// The answers of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// How many had each status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// The time from when a request was due until its whole answer was there.
    pub(crate) latency: Histogram,
}

impl Counts {
    /// Counts an answer.
    pub(crate) fn answered(&mut self, stage: &str, status: StatusCode, latency: Duration) {
        // Looked up first: an entry would need a text of its own for every request.
        if !self.stages.contains_key(stage) {
            self.stages.insert(stage.to_owned(), Answers::default());
        }
        if status.is_server_error() || latency >= SLOW {
            self.first_harm.get_or_insert_with(SystemTime::now);
        }
        if let Some(answers) = self.stages.get_mut(stage) {
            *answers.statuses.entry(status.as_u16()).or_default() += 1;
            answers.latency.record(latency);
        }
    }

    /// Counts a request that had no answer.
    pub(crate) fn unanswered(&mut self, why: String) {
        self.first_harm.get_or_insert_with(SystemTime::now);
        *self.unanswered.entry(why).or_default() += 1;
    }

    /// Requests that were answered, or failed to be.
    pub(crate) fn total(&self) -> u64 {
        let answered: u64 = self.stages.values().map(Answers::total).sum();
        answered + self.without_answer()
    }

    /// Requests without an answer.
    pub(crate) fn without_answer(&self) -> u64 {
        self.unanswered.values().sum()
    }

    /// Requests that a client would call failed: without an answer, or with a 5xx status.
    pub(crate) fn failed(&self) -> u64 {
        let errors: u64 = self.stages.values().map(Answers::server_errors).sum();
        errors + self.without_answer()
    }

    /// For programs.
    pub(crate) fn record(&self) -> Value {
        let stages: BTreeMap<&String, Value> = self
            .stages
            .iter()
            .map(|(stage, answers)| (stage, answers.record()))
            .collect();
        json!({
            "requests": self.total(),
            "failed": self.failed(),
            "stages": stages,
            "unanswered": self.unanswered,
        })
    }
}

impl Answers {
    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        self.latency.total()
    }

    /// How many had a 5xx status.
    pub(crate) fn server_errors(&self) -> u64 {
        self.statuses.range(500..600).map(|(_, count)| count).sum()
    }

    /// How many took so long that a minute of such answers would breach the alarm's threshold.
    pub(crate) fn slow(&self) -> u64 {
        self.latency.at_least(SLOW)
    }

    fn record(&self) -> Value {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        let quantile = |share| milliseconds(self.latency.quantile(share));
        json!({
            "requests": self.total(),
            "statuses": self.statuses,
            "slow": self.slow(),
            "milliseconds": {
                "p50": quantile(0.5),
                "p90": quantile(0.9),
                "p99": quantile(0.99),
                "p99.9": quantile(0.999),
                "longest": milliseconds(self.latency.longest()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_is_what_a_client_calls_failed() {
        let mut counts = Counts::default();
        for status in [200, 200, 404, 500, 503] {
            counts.answered(
                "onebox",
                StatusCode::from_u16(status).unwrap(),
                Duration::from_millis(2),
            );
        }
        counts.answered(NO_STAGE, StatusCode::BAD_GATEWAY, Duration::from_millis(1));
        counts.unanswered("connection refused".to_owned());
        assert_eq!((counts.total(), counts.failed(), counts.without_answer()), (7, 4, 1));
        assert_eq!(counts.stages["onebox"].server_errors(), 2);
        assert_eq!(counts.record()["stages"]["onebox"]["statuses"]["404"], 1);
    }
}
