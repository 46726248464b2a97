//! The checks of a step, one after the other, and the ruling that follows from them.

use std::collections::BTreeSet;

use super::analysis::{Comparison, Evidence, judged_stages};
use super::customers::Customers;
use super::errors::Errors;
use super::probes::{Compared, Tally};
use super::requests::{Share, count};
use super::rules::Rules;
use super::series::{Sample, Settled, sample};
use super::targets::{Health, health};
use super::time::Span;
use super::verdict::{
    Baseline, Check, DropCheck, ErrorCheck, LatencyCheck, NotJudged, Received, Ruling, Source, TargetsCheck, Verdict,
    name,
};
use super::{early, errors, latency};
use crate::stage::Stage;

/// An analysis in progress.
pub(super) struct Analysis<'a> {
    rules: &'a Rules,
    evidence: &'a Evidence,
    settled: Settled,
    checks: Vec<Check>,
    thin: Vec<String>,
    not_judged: Vec<NotJudged>,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(rules: &'a Rules, evidence: &'a Evidence) -> Self {
        let metrics = [&evidence.onebox.metrics, &evidence.fleet.metrics];
        Self {
            rules,
            evidence,
            settled: Settled::of(metrics, evidence.minute, evidence.now, rules.longest_lag_minutes),
            checks: Vec::new(),
            thin: Vec::new(),
            not_judged: Vec::new(),
        }
    }

    /// Records that something wasn't judged.
    pub(super) fn not_judged(&mut self, what: impl Into<String>, reason: impl Into<String>) {
        self.not_judged.push(NotJudged::new(what, reason));
    }

    fn since(&self) -> Span {
        Span {
            from: self.evidence.since,
            to: self.evidence.now,
        }
    }

    fn sample(&self, stage: Stage, span: Span) -> Sample {
        let most = self.rules.maximum_minutes;
        let series = self.evidence.stage(stage).map(|stage| &stage.metrics);
        series.map_or_else(Sample::default, |series| sample(series, span, self.settled, most))
    }

    /// Compares Onebox with Fleet over the same minutes.
    pub(super) fn onebox_with_fleet(&mut self) {
        let span = self.since();
        let [onebox, fleet] = [Stage::Onebox, Stage::Fleet].map(|stage| self.sample(stage, span));
        let probes = self.evidence.compared_probes(Stage::Onebox, span);
        self.left_out(Stage::Onebox, &probes);
        let amounts = [
            (Stage::Onebox, probes.tried.errors.requests.max(onebox.errors.requests)),
            (Stage::Fleet, probes.known.errors.requests.max(fleet.errors.requests)),
        ];
        self.probes(Stage::Onebox, Baseline::Fleet, probes);
        self.errors(
            (Stage::Onebox, Source::Requests),
            Baseline::Fleet,
            onebox.errors,
            fleet.errors,
        );
        let customers = [(Stage::Onebox, &onebox), (Stage::Fleet, &fleet)];
        let [tried, known] = customers.map(|(stage, sample)| self.customers(stage, sample).certain);
        if let Some((tried, known)) = self.enough_customers(Stage::Onebox, tried, known) {
            self.errors((Stage::Onebox, Source::Customers), Baseline::Fleet, tried, known);
        }
        self.minimum(&amounts);
        self.latencies(Stage::Onebox, Baseline::Fleet, (onebox.latencies, fleet.latencies));
        self.targets(Stage::Onebox);
        self.share();
    }

    /// Compares each of these stages with itself before the step.
    pub(super) fn with_itself(&mut self, stages: &BTreeSet<Stage>) {
        let span = self.since();
        for stage in judged_stages(stages) {
            let since = self.sample(stage, span);
            let before = self.evidence.before.map(|before| self.sample(stage, before));
            let before = before.unwrap_or_default();
            let probes = self.evidence.compared_probes(stage, span);
            self.left_out(stage, &probes);
            let amount = probes.tried.errors.requests.max(since.errors.requests);
            self.probes(stage, Baseline::Before, probes);
            self.errors((stage, Source::Requests), Baseline::Before, since.errors, before.errors);
            let [tried, known] = [&since, &before].map(|sample| self.customers(stage, sample).certain);
            if let Some((tried, known)) = self.enough_customers(stage, tried, known) {
                self.errors((stage, Source::Customers), Baseline::Before, tried, known);
            }
            self.minimum(&[(stage, amount)]);
            self.latencies(stage, Baseline::Before, (since.latencies, before.latencies));
            self.targets(stage);
        }
        // The one stage, or what is shared if there are two.
        let path = match judged_stages(stages).as_slice() {
            [stage] => *stage,
            _ => Stage::Shared,
        };
        let probes = self.evidence.compared_probes(path, span);
        let covered = probes.tried.errors.requests >= self.rules.minimum_requests;
        if stages.contains(&Stage::Shared) {
            self.left_out(path, &probes);
            self.probes(path, Baseline::Before, probes);
        }
        self.drop_since_before(path, covered);
    }

    /// Compares probes, if there are any.
    fn probes(&mut self, stage: Stage, baseline: Baseline, probes: Compared) {
        if probes.tried.errors.requests == 0 {
            let what = format!("probes to {}", name(stage));
            self.not_judged(what, "no probes");
            return;
        }
        let (tried, known) = (probes.tried.errors, probes.known.errors);
        let check = self.error_check((stage, Source::Probes), baseline, (tried, known), probes.tried);
        self.checks.push(Check::Errors(check));
    }

    fn errors(&mut self, (stage, source): (Stage, Source), baseline: Baseline, tried: Errors, known: Errors) {
        if tried.requests > 0 {
            let check = self.error_check((stage, source), baseline, (tried, known), Tally::default());
            self.checks.push(Check::Errors(check));
        }
    }

    /// A stage without enough requests before the step is compared with a limit.
    fn error_check(
        &self,
        (stage, source): (Stage, Source),
        baseline: Baseline,
        (tried, known): (Errors, Errors),
        failures: Tally,
    ) -> ErrorCheck {
        let rule = self.rules.errors;
        let limited = baseline == Baseline::Before && known.requests < self.rules.minimum_requests;
        let limit = self.rules.tolerated_share;
        let (baseline, known) = if limited {
            (Baseline::Limit(limit), Errors::default())
        } else {
            (baseline, known)
        };
        ErrorCheck {
            stage,
            baseline,
            source,
            tried,
            known,
            failures,
            likelihood: match baseline {
                Baseline::Limit(limit) => errors::likelihood_at(tried, limit),
                Baseline::Fleet | Baseline::Before => errors::likelihood(tried, known),
            },
            smallest: match baseline {
                Baseline::Limit(_) => None,
                Baseline::Fleet | Baseline::Before => rule.smallest_shown(tried.requests, known, self.rules.power),
            },
            worse: match baseline {
                Baseline::Limit(limit) => rule.is_above(tried, limit),
                Baseline::Fleet | Baseline::Before => rule.is_worse(tried, known),
            },
        }
    }

    /// Says how many seconds of probes weren't used.
    fn left_out(&mut self, stage: Stage, probes: &Compared) {
        if probes.left_out > 0 {
            let what = format!("{} s of probes to {}", probes.left_out, name(stage));
            let reason = match self.evidence.comparison {
                Comparison::OneboxWithFleet | Comparison::FirstDeployment => "probes to both stages failed alike",
                Comparison::WithItself(_) => "probes failed while AWS couldn't be reached",
            };
            self.not_judged(what, reason);
        }
    }

    /// The requests of customers within a sample.
    fn customers(&self, stage: Stage, sample: &Sample) -> Customers {
        Customers::within(sample, self.evidence.probes(stage))
    }

    /// Both sides' customers, if they can be told from the probes; otherwise all requests were compared already.
    fn enough_customers(&mut self, stage: Stage, tried: Errors, known: Errors) -> Option<(Errors, Errors)> {
        let probed = !self.evidence.probes(stage).is_empty();
        let enough = tried.requests.min(known.requests) >= self.rules.minimum_requests;
        if probed && !enough {
            let what = format!("customers' requests to {} by themselves", name(stage));
            self.not_judged(what, "too few beside the probes");
        }
        (probed && enough).then_some((tried, known))
    }

    /// Demands the fewest requests that say anything, and that one check compared as many on both sides.
    fn minimum(&mut self, amounts: &[(Stage, u64)]) {
        let minimum = self.rules.minimum_requests;
        let short = amounts.iter().filter(|(_, amount)| *amount < minimum);
        let short: Vec<String> = short
            .map(|(stage, amount)| format!("{stage} had {amount} requests (at least {minimum} needed)"))
            .collect();
        let compared = self.checks.iter().any(|check| match check {
            Check::Errors(check) if amounts.iter().any(|(stage, _)| *stage == check.stage) => {
                let limited = matches!(check.baseline, Baseline::Limit(_));
                check.tried.requests >= minimum && (limited || check.known.requests >= minimum)
            }
            _ => false,
        });
        if short.is_empty() && !compared {
            let reason = "no kind of request reached both sides often enough to compare them";
            self.thin.push(reason.to_owned());
        }
        self.thin.extend(short);
    }

    fn latencies(&mut self, stage: Stage, baseline: Baseline, (tried, known): (Vec<f64>, Vec<f64>)) {
        let (rules, minimum) = (self.rules.latency, self.rules.minimum_minutes);
        let what = format!("latency of {stage}");
        if baseline == Baseline::Before && known.len() < minimum {
            let reason = format!("response times in {} minutes before the step", known.len());
            self.not_judged(what, reason);
            return;
        }
        let sides = [
            (stage, tried.len()),
            if baseline == Baseline::Fleet {
                (Stage::Fleet, known.len())
            } else {
                (stage, known.len())
            },
        ];
        if let Some((stage, minutes)) = sides.into_iter().find(|(_, minutes)| *minutes < minimum) {
            if self.thin.is_empty() {
                let reason = format!("{stage} had response times in {minutes} minutes (at least {minimum} needed)");
                self.thin.push(reason);
            }
            self.not_judged(what, format!("response times in {minutes} minutes"));
            return;
        }
        let Some(rise) = latency::rise(&tried, &known) else {
            return;
        };
        self.checks.push(Check::Latency(LatencyCheck {
            stage,
            baseline,
            likelihood: latency::likelihood(&tried, &known),
            rise,
            smallest: rules.smallest_shown(&tried, &known),
            worse: rules.is_worse(&tried, &known),
            tried,
            known,
        }));
    }

    /// Looks at the health checks of a stage's targets.
    fn targets(&mut self, stage: Stage) {
        let evidence = self.evidence;
        let Some(observed) = evidence.stage(stage) else {
            return;
        };
        let (targets, worse) = match health(&observed.metrics, evidence.began, self.since(), evidence.minute) {
            Health::Healthy(targets) => (targets, false),
            Health::Failing(targets) => (targets, true),
            Health::Unknown => return self.not_judged(format!("targets of {stage}"), "no host counts since the step"),
            Health::FailedBefore => {
                return self.not_judged(format!("targets of {stage}"), "they failed before the step already");
            }
        };
        let check = TargetsCheck { stage, targets, worse };
        self.checks.push(Check::Targets(check));
    }

    /// Compares Onebox's share of the customers' requests with its weight, or with its share before the step if that was
    /// smaller: requests that name a stage in their header don't follow the weights.
    fn share(&mut self) {
        let shares = |span: Span| {
            let [onebox, fleet] =
                [Stage::Onebox, Stage::Fleet].map(|stage| self.customers(stage, &self.sample(stage, span)));
            Share {
                requests: onebox.possible,
                of: onebox.possible + fleet.certain.requests,
                expected: self.rules.drop.onebox_share,
            }
        };
        let before = self.evidence.before.map(shares);
        let before = before.filter(|share| self.rules.drop.can_tell(*share));
        let mut share = shares(self.since());
        share.expected = before.map_or(share.expected, |before| before.share().min(share.expected));
        if !self.rules.drop.can_tell(share) {
            let what = "Onebox's share of customers' requests";
            self.not_judged(what, "too few customers' requests");
            return;
        }
        self.checks.push(Check::Drop(DropCheck {
            stage: Stage::Onebox,
            received: Received::Share(share),
            worse: self.rules.drop.is_worse(share),
        }));
    }

    /// Compares the customers' requests a minute with before the step: a stage's, or both stages' for [`Stage::Shared`].
    ///
    /// Probes on the same path tell more than traffic that may change by itself: with enough of them, a fall isn't judged.
    fn drop_since_before(&mut self, stage: Stage, covered: bool) {
        let what = "number of customers' requests";
        let before = self.evidence.before;
        let before = before.and_then(|before| self.per_minute(stage, before, |customers| customers.certain.requests));
        let since = self.per_minute(stage, self.since(), |customers| customers.possible);
        let (Some(before), Some(since)) = (before, since) else {
            self.not_judged(what, "no metrics to compare");
            return;
        };
        let worse = self.rules.drop.is_worse_than_before(before, since);
        if worse && covered {
            let reason = "it fell, but probes on the same path reach the service";
            self.not_judged(what, reason);
            return;
        }
        self.checks.push(Check::Drop(DropCheck {
            stage,
            received: Received::PerMinute { before, since },
            worse,
        }));
    }

    /// The customers' requests a minute over a span; `None` without metrics.
    fn per_minute(&self, stage: Stage, span: Span, of: fn(Customers) -> u64) -> Option<f64> {
        let stages = judged_stages(&[stage].into());
        let samples: Vec<_> = stages
            .into_iter()
            .map(|stage| (stage, self.sample(stage, span)))
            .collect();
        let spans = samples.iter().filter_map(|(_, sample)| sample.span);
        let longest = spans.map(|span| span.to.since(span.from)).max()?;
        let customers = samples.iter().map(|(stage, sample)| self.customers(*stage, sample));
        let requests: u64 = customers.map(of).sum();
        Some(count(requests) * self.evidence.minute.length().as_secs_f64() / longest.as_secs_f64())
    }

    /// The ruling and everything it rests on.
    pub(super) fn verdict(self) -> Verdict {
        let early = early::conclusive(self.rules, self.evidence);
        let mut checks = self.checks;
        for check in early {
            // The same probes may show less over the whole time, if they failed in a part of it.
            let covered = checks
                .iter()
                .any(|known| matches!(known, Check::Errors(known) if known.worse && known.source == Source::Probes && known.stage == check.stage));
            if !covered {
                checks.insert(0, Check::Errors(check));
            }
        }
        let worse: Vec<String> = checks.iter().filter_map(Check::reason).collect();
        let first = self.evidence.comparison == Comparison::FirstDeployment;
        let (ruling, reasons) = match (worse.is_empty(), self.thin.is_empty()) {
            (false, _) => (Ruling::Worse, worse),
            (true, false) => (Ruling::Thin, self.thin),
            (true, true) if first => (Ruling::NotJudged, Vec::new()),
            (true, true) => (Ruling::Good, Vec::new()),
        };
        Verdict {
            ruling,
            comparison: self.evidence.comparison.words(),
            reasons,
            checks,
            not_judged: self.not_judged,
        }
    }
}
