//! A verdict for people and for programs.

use constants::alarm::UNHEALTHY_PERCENT;
use serde_json::{Value, json};

use super::errors::Errors;
use super::latency;
use super::targets::Targets;
use super::verdict::{
    Baseline, Check, DropCheck, ErrorCheck, LatencyCheck, Received, Ruling, Source, TargetsCheck, Verdict, name,
};
use crate::stage::Stage;

impl Verdict {
    /// The verdict and its evidence, the ruling first.
    pub fn lines(&self) -> Vec<String> {
        let (comparison, reasons) = (&self.comparison, self.reasons.join("; "));
        let mut lines = vec![match self.ruling {
            Ruling::Good => format!("analysis: no significant difference ({comparison})"),
            Ruling::NotJudged => "first deployment: no baseline, skipping analysis".to_owned(),
            Ruling::Thin => format!("analysis inconclusive: not enough traffic: {reasons}"),
            Ruling::Worse => format!("analysis failed ({comparison}): {reasons}"),
        }];
        lines.extend(self.checks.iter().map(|check| format!("  {}", check.line())));
        lines.extend(self.smallest());
        if self.ruling != Ruling::NotJudged {
            lines.extend(self.not_judged.iter().map(|not| format!("  not judged: {not}")));
        }
        lines
    }

    /// The smallest detectable difference, over all checks.
    fn smallest(&self) -> Option<String> {
        let errors = self.checks.iter().filter_map(|check| match check {
            Check::Errors(check) => check.smallest,
            _ => None,
        });
        let rises = self.checks.iter().filter_map(|check| match check {
            Check::Latency(check) => check.smallest,
            _ => None,
        });
        let errors = errors
            .min_by(f64::total_cmp)
            .map(|share| format!("{} errors", percent(share)));
        let rise = rises
            .min_by(f64::total_cmp)
            .map(|rise| format!("{} latency", time(rise)));
        let parts: Vec<String> = errors.into_iter().chain(rise).collect();
        (!parts.is_empty()).then(|| format!("  smallest detectable difference: {}", parts.join(", ")))
    }

    /// The verdict and its evidence for programs.
    pub fn record(&self) -> Value {
        json!({
            "ruling": self.ruling.word(),
            "comparison": self.comparison,
            "reasons": self.reasons,
            "checks": self.checks.iter().map(Check::record).collect::<Vec<_>>(),
            "not_judged": self
                .not_judged
                .iter()
                .map(|not| json!({"what": not.what, "reason": not.reason}))
                .collect::<Vec<_>>(),
        })
    }
}

impl Check {
    /// Why the stage is worse by it; `None` if it isn't.
    pub(super) fn reason(&self) -> Option<String> {
        self.is_worse().then(|| match self {
            Self::Errors(check) => check.reason(),
            Self::Latency(check) => format!(
                "latency of {} is {} longer (slowest 10 %; {})",
                check.stage,
                time(check.rise),
                versus(check.baseline)
            ),
            Self::Drop(check) => check.reason(),
            Self::Targets(check) => check.line(),
        })
    }

    fn line(&self) -> String {
        match self {
            Self::Errors(check) => check.line(),
            Self::Latency(check) => check.line(),
            Self::Drop(check) => check.line(),
            Self::Targets(check) => check.line(),
        }
    }

    fn record(&self) -> Value {
        match self {
            Self::Errors(check) => check.record(),
            Self::Latency(check) => json!({
                "check": "latency",
                "stage": check.stage.name(),
                "baseline": check.baseline.word(),
                "latencies_seconds": check.tried,
                "baseline_latencies_seconds": check.known,
                "rise_seconds": check.rise,
                "likelihood": check.likelihood,
                "smallest_detectable_seconds": check.smallest,
                "worse": check.worse,
            }),
            Self::Drop(check) => check.record(),
            Self::Targets(check) => json!({
                "check": "targets",
                "stage": check.stage.name(),
                "healthy": check.targets.healthy,
                "unhealthy": check.targets.unhealthy,
                "worse": check.worse,
            }),
        }
    }
}

impl ErrorCheck {
    fn reason(&self) -> String {
        let (stage, tried) = (name(self.stage), self.tried);
        let compared = match self.baseline {
            Baseline::Fleet => format!("Fleet {}", percent(self.known.share())),
            Baseline::Before => format!("before {}", percent(self.known.share())),
            Baseline::Limit(limit) => format!("limit {}", percent(limit)),
        };
        let share = percent(tried.share());
        match self.source {
            Source::Probes => format!(
                "{} of {} probes to {stage} failed: {} ({share}; {compared})",
                tried.errors,
                tried.requests,
                self.failures.reasons()
            ),
            Source::Customers => format!("error rate of customers' requests to {stage} {share} ({compared})"),
            Source::Requests => format!("error rate of {stage} {share} ({compared})"),
        }
    }

    fn line(&self) -> String {
        let what = match (self.source, self.stage) {
            (Source::Probes, Stage::Shared) => "probes without the stage header",
            (Source::Probes, _) => "failed probes",
            (Source::Customers, _) => "errors of customers",
            (Source::Requests, _) => "errors",
        };
        let stage = match self.stage {
            Stage::Shared => String::new(),
            stage => format!("{stage} "),
        };
        let tried = of(self.tried);
        let reasons = match self.failures.reasons() {
            reasons if reasons.is_empty() => reasons,
            reasons => format!(" ({reasons})"),
        };
        let compared = match self.baseline {
            Baseline::Fleet => format!(", Fleet {}", of(self.known)),
            Baseline::Before => format!(", before {}", of(self.known)),
            Baseline::Limit(limit) => format!(" (limit {})", percent(limit)),
        };
        format!(
            "{what}: {stage}{tried}{reasons}{compared}: {}",
            difference(self.worse, self.likelihood)
        )
    }

    fn record(&self) -> Value {
        let failures = self.failures.failures.iter();
        let failures: serde_json::Map<String, Value> = failures
            .map(|(failure, count)| (failure.to_string(), json!(count)))
            .collect();
        json!({
            "check": "errors",
            "source": self.source.word(),
            "stage": self.stage.name(),
            "baseline": self.baseline.word(),
            "requests": self.tried.requests,
            "errors": self.tried.errors,
            "failures": failures,
            "baseline_requests": self.known.requests,
            "baseline_errors": self.known.errors,
            "likelihood": self.likelihood,
            "smallest_detectable_share": self.smallest,
            "worse": self.worse,
        })
    }
}

impl LatencyCheck {
    fn line(&self) -> String {
        let minutes = |latencies: &[f64]| {
            let middle = latency::median(latencies.to_vec()).map(time).unwrap_or_default();
            format!("{middle} over {} min", latencies.len())
        };
        let compared = match self.baseline {
            Baseline::Fleet => "Fleet",
            Baseline::Before | Baseline::Limit(_) => "before",
        };
        format!(
            "latency (slowest 10 %): {} {}, {compared} {}: {}",
            self.stage,
            minutes(&self.tried),
            minutes(&self.known),
            difference(self.worse, self.likelihood)
        )
    }
}

impl DropCheck {
    /// The stage, unless it is both.
    fn to(&self) -> String {
        match self.stage {
            Stage::Shared => String::new(),
            stage => format!(" to {stage}"),
        }
    }

    fn reason(&self) -> String {
        match self.received {
            Received::Share(share) => format!(
                "{} received {} of customers' requests ({} expected)",
                self.stage,
                percent(share.share()),
                percent(share.expected)
            ),
            Received::PerMinute { before, since } => {
                format!(
                    "customers' requests{} fell to {since:.0} a minute (before {before:.0})",
                    self.to()
                )
            }
        }
    }

    fn line(&self) -> String {
        match self.received {
            Received::Share(share) => format!(
                "customers' requests: {} {} of {} ({}, {} expected)",
                self.stage,
                share.requests,
                share.of,
                percent(share.share()),
                percent(share.expected)
            ),
            Received::PerMinute { before, since } => {
                format!(
                    "customers' requests{}: {since:.0} a minute, before {before:.0}",
                    self.to()
                )
            }
        }
    }

    fn record(&self) -> Value {
        let (stage, worse) = (self.stage.name(), self.worse);
        match self.received {
            Received::Share(share) => json!({
                "check": "share",
                "stage": stage,
                "requests": share.requests,
                "of": share.of,
                "expected_share": share.expected,
                "worse": worse,
            }),
            Received::PerMinute { before, since } => json!({
                "check": "requests_per_minute",
                "stage": stage,
                "before": before,
                "since": since,
                "worse": worse,
            }),
        }
    }
}

impl TargetsCheck {
    fn line(&self) -> String {
        let Targets { healthy, unhealthy } = self.targets;
        let all = healthy + unhealthy;
        format!(
            "targets of {}: {unhealthy} of {all} unhealthy (limit {UNHEALTHY_PERCENT} %)",
            self.stage
        )
    }
}

fn versus(baseline: Baseline) -> &'static str {
    match baseline {
        Baseline::Fleet => "compared with Fleet",
        Baseline::Before | Baseline::Limit(_) => "compared with before the step",
    }
}

fn difference(worse: bool, likelihood: f64) -> String {
    let words = if worse { "worse" } else { "no significant difference" };
    format!("{words} ({})", chance(likelihood))
}

/// `3 of 600 (0.5 %)`
fn of(errors: Errors) -> String {
    format!("{} of {} ({})", errors.errors, errors.requests, percent(errors.share()))
}

/// `p = 0.35`, `p < 0.001`
fn chance(likelihood: f64) -> String {
    match likelihood {
        low if low < 0.001 => "p < 0.001".to_owned(),
        low if low < 0.1 => format!("p = {}", trimmed(format!("{low:.3}"))),
        other => format!("p = {}", trimmed(format!("{other:.2}"))),
    }
}

/// `0.25 %`, `9.6 %`
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent < 1.0 {
        format!("{percent:.2}")
    } else {
        format!("{percent:.1}")
    };
    format!("{} %", trimmed(digits))
}

fn trimmed(digits: String) -> String {
    if !digits.contains('.') {
        return digits;
    }
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1.2 ms`, `3.1 s`
fn time(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{} ms", trimmed(format!("{:.1}", seconds * 1000.0)))
    } else {
        format!("{} s", trimmed(format!("{seconds:.1}")))
    }
}
