//! What the balancer counted and the tasks used, made into metrics each minute.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html>

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use balancer::{ListenerCounts, ListenerId, RequestCounts, TargetGroupCounts, TargetGroupId};
use monitor::{Distribution, Metric, Minute};
use runtime::Usage;
use serde::{Deserialize, Serialize};

use super::collector::Hosts;
use crate::cloud::{Cloud, Effect};
use crate::elb;
use crate::properties::text;

const LOAD_BALANCING: &str = "AWS/ApplicationELB";
const CONTAINERS: &str = "AWS/ECS";

const BYTES_OF_A_MEBIBYTE: f64 = 1_048_576.0;

/// What the balancer had counted when a minute was over.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) minute: Minute,
    pub(crate) counts: RequestCounts,
}

/// What tasks had used at a moment, soon after a minute was over.
#[derive(Debug)]
pub(crate) struct Used {
    pub(crate) minute: Minute,
    pub(crate) at: SystemTime,
    pub(crate) usages: Vec<(String, Usage)>,
}

/// A line of the metrics' file: what was recorded for a minute.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MetricLine {
    /// How long a minute was: at another speed it is another minute.
    minute_nanos: u64,
    minute: Minute,
    samples: Vec<(Metric, Distribution)>,
}

/// The samples of a minute, on their way into the store.
pub(super) type Samples = Vec<(Metric, Distribution)>;

impl Cloud {
    /// When the minute that is being collected is over; none while there is nothing to measure.
    pub(crate) fn next_measurement(&self) -> Option<SystemTime> {
        let nothing =
            self.elb.load_balancers.is_empty() && self.ecs.services.is_empty() && self.cloudwatch.alarms.is_empty();
        if nothing {
            return None;
        }
        let pace = self.pace();
        let start = |minute| pace.start(minute + 1);
        Some(self.cloudwatch.collector.minute.map_or(SystemTime::UNIX_EPOCH, start))
    }

    /// Has everything read once a minute is over.
    pub(crate) fn measure(&mut self, now: SystemTime) {
        let minute = self.pace().minute(now);
        // A clock that is set back must not keep minutes from passing.
        let is_same = self.cloudwatch.collector.minute == Some(minute);
        if is_same || self.next_measurement().is_none() {
            return;
        }
        let before = self.cloudwatch.collector.minute.replace(minute);
        if before.is_some() {
            let tasks = self.ecs.tasks.iter().filter(|(_, task)| task.identity.is_some());
            self.effects.push(Effect::Measure {
                minute: minute.saturating_sub(1),
                tasks: tasks.map(|(id, _)| id.clone()).collect(),
            });
        }
    }

    /// Takes in what the balancer counted, and evaluates the alarms if that is published. Says whether one has changed its
    /// state.
    pub(crate) fn counted(&mut self, now: SystemTime, counted: Counted) -> bool {
        let before = std::mem::replace(&mut self.cloudwatch.collector.counts, counted.counts);
        let hosts = std::mem::take(&mut self.cloudwatch.collector.hosts);
        let mut samples = self.of_target_groups(&before, hosts);
        samples.extend(self.of_listeners(&before));
        samples.extend(self.of_services());
        self.record(counted.minute, samples);
        self.cloudwatch.store.forget_before(counted.minute);
        self.cloudwatch.evaluations.collect(counted.minute);
        self.evaluate_alarms_if_due(now)
    }

    /// Takes in what tasks have used, and scales the services by what is published. Says whether the state has changed.
    pub(crate) fn used(&mut self, now: SystemTime, used: &Used) -> bool {
        let Used { minute, at, usages } = used;
        let before = std::mem::take(&mut self.cloudwatch.collector.looks);
        let mut samples = Samples::new();
        for (task, usage) in usages {
            let since = before.get(task).copied();
            samples.extend(self.of_task(task, *usage, *at, since).into_iter().flatten());
            self.cloudwatch.collector.looks.insert(task.clone(), (*at, usage.cpu));
        }
        self.record(*minute, samples);
        let published = self.pace().published(now);
        self.scale_services(now, published.min(minute + 1))
    }

    /// Puts samples in the store, and in its file.
    pub(super) fn record(&mut self, minute: Minute, samples: Samples) {
        let samples = samples
            .into_iter()
            .filter(|(_, samples)| !samples.is_empty())
            .collect::<Vec<_>>();
        for (metric, samples) in &samples {
            self.cloudwatch.store.record(metric, minute, samples);
        }
        if samples.is_empty() {
            return;
        }
        let line = MetricLine {
            minute_nanos: self.pace().minute_nanos(),
            minute,
            samples,
        };
        match serde_json::to_string(&line) {
            Ok(line) => self.effects.push(Effect::KeepMetrics { line }),
            Err(error) => tracing::warn!(%error, "metrics can't be written as JSON"),
        }
    }

    /// Takes back what an earlier run recorded at the same speed.
    pub(crate) fn take_back_metrics(&mut self, now: SystemTime, lines: impl Iterator<Item = MetricLine>) {
        let pace = self.pace();
        for line in lines.filter(|line| line.minute_nanos == pace.minute_nanos()) {
            for (metric, samples) in &line.samples {
                self.cloudwatch.store.record(metric, line.minute, samples);
            }
        }
        self.cloudwatch.store.forget_before(pace.minute(now));
    }

    /// By target group with its load balancer, and by load balancer for all of its groups.
    fn of_target_groups(&self, before: &RequestCounts, mut hosts: BTreeMap<String, Hosts>) -> Samples {
        let (mut samples, mut of_load_balancers) = (Samples::new(), BTreeMap::new());
        for (arn, group) in &self.elb.target_groups {
            let Some(owner) = self.elb.load_balancers_of(arn).into_iter().next() else {
                continue;
            };
            let (owner, name) = (elb::full_name(&owner).to_owned(), elb::full_name(arn));
            let id = TargetGroupId::from(arn);
            let counts = self.cloudwatch.collector.counts.target_groups.get(&id).cloned();
            let earlier = before.target_groups.get(&id).cloned().unwrap_or_default();
            let counts = counts.unwrap_or_default().since(&earlier);
            let dimensions = || [("LoadBalancer", owner.as_str()), ("TargetGroup", name)];
            let mut hosts = hosts.remove(arn).unwrap_or_default();
            hosts.look(group);
            // "Reported if there are registered targets", which these are as well.
            let reported = if hosts.any_registered() {
                of_targets(&counts)
            } else {
                Vec::new()
            };
            for (metric, distribution) in reported {
                let total: &mut Distribution = of_load_balancers.entry((owner.clone(), metric)).or_default();
                total.merge(&distribution);
                samples.push((Metric::new(LOAD_BALANCING, metric, dimensions()), distribution));
            }
            for (metric, distribution) in [
                ("HealthyHostCount", hosts.healthy),
                ("UnHealthyHostCount", hosts.unhealthy),
            ] {
                samples.push((Metric::new(LOAD_BALANCING, metric, dimensions()), distribution));
            }
        }
        samples.extend(of_load_balancers.into_iter().map(|((owner, metric), distribution)| {
            let dimensions = [("LoadBalancer", owner.as_str())];
            (Metric::new(LOAD_BALANCING, metric, dimensions), distribution)
        }));
        samples
    }

    fn of_listeners(&self, before: &RequestCounts) -> Samples {
        let mut totals = BTreeMap::<(String, &'static str), Distribution>::new();
        for (arn, listener) in &self.elb.listeners {
            let id = ListenerId::from(arn);
            let Some(counts) = self.cloudwatch.collector.counts.listeners.get(&id) else {
                continue;
            };
            let earlier = before.listeners.get(&id).cloned().unwrap_or_default();
            let owner = elb::full_name(&listener.load_balancer_arn);
            for (metric, count) in of_listener(counts, &earlier) {
                let total = totals.entry((owner.to_owned(), metric)).or_default();
                total.merge(&ones(count));
            }
        }
        let samples = totals.into_iter().map(|((owner, metric), distribution)| {
            let dimensions = [("LoadBalancer", owner.as_str())];
            (Metric::new(LOAD_BALANCING, metric, dimensions), distribution)
        });
        samples.collect()
    }

    /// A task's share of what its task definition reserves, in per cent, as a sample of its service.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html>
    fn of_task(
        &self,
        task: &str,
        usage: Usage,
        at: SystemTime,
        since: Option<(SystemTime, Duration)>,
    ) -> Option<Vec<(Metric, Distribution)>> {
        let record = self.ecs.tasks.get(task)?;
        let service = self.ecs.services.get(&record.service_arn)?;
        let definition = self.ecs.task_definitions.get(&record.task_definition_arn)?;
        let reserved = |name: &str| text(&definition.properties, name)?.parse::<f64>().ok();
        let dimensions = || {
            [
                ("ClusterName", service.cluster.as_str()),
                ("ServiceName", service.name.as_str()),
            ]
        };
        let mut samples = Vec::new();
        if let Some(mebibytes) = reserved("Memory") {
            #[expect(clippy::cast_precision_loss, reason = "a task has less than 2^53 bytes")]
            let used = usage.memory_bytes as f64 / BYTES_OF_A_MEBIBYTE;
            let percent = Distribution::of(100.0 * used / mebibytes, 1.0);
            samples.push((Metric::new(CONTAINERS, "MemoryUtilization", dimensions()), percent));
        }
        let elapsed = since.and_then(|(then, _)| at.duration_since(then).ok());
        if let (Some((_, before)), Some(elapsed), Some(units)) = (since, elapsed, reserved("Cpu"))
            && !elapsed.is_zero()
        {
            // 1,024 units are one vCPU.
            let cpus = usage.cpu.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64();
            let percent = Distribution::of(100.0 * cpus * 1024.0 / units, 1.0);
            samples.push((Metric::new(CONTAINERS, "CPUUtilization", dimensions()), percent));
        }
        Some(samples)
    }
}

/// What targets did. Every request is a sample of 1, so that the sum is the number; what didn't happen has none.
fn of_targets(counts: &TargetGroupCounts) -> Vec<(&'static str, Distribution)> {
    let mut response_times = Distribution::default();
    for (time, count) in counts.response_times.samples() {
        response_times.add(time.as_secs_f64(), number(count));
    }
    let [_, successes, redirects, client_errors, server_errors] = counts.made_by_targets;
    vec![
        ("RequestCount", ones(counts.requests)),
        ("HTTPCode_Target_2XX_Count", ones(successes)),
        ("HTTPCode_Target_3XX_Count", ones(redirects)),
        ("HTTPCode_Target_4XX_Count", ones(client_errors)),
        ("HTTPCode_Target_5XX_Count", ones(server_errors)),
        ("TargetConnectionErrorCount", ones(counts.connection_errors)),
        ("TargetResponseTime", response_times),
    ]
}

/// What the load balancer did itself.
fn of_listener(now: &ListenerCounts, before: &ListenerCounts) -> Vec<(&'static str, u64)> {
    let made = |from: u16, to: u16| {
        let sum = |counts: &ListenerCounts| {
            counts
                .made_by_load_balancer
                .range(from..=to)
                .map(|(_, count)| count)
                .sum::<u64>()
        };
        sum(now).saturating_sub(sum(before))
    };
    vec![
        (
            "NewConnectionCount",
            now.new_connections.saturating_sub(before.new_connections),
        ),
        ("HTTPCode_ELB_3XX_Count", made(300, 399)),
        ("HTTPCode_ELB_4XX_Count", made(400, 499)),
        ("HTTPCode_ELB_5XX_Count", made(500, 599)),
        ("HTTPCode_ELB_500_Count", made(500, 500)),
        ("HTTPCode_ELB_502_Count", made(502, 502)),
        ("HTTPCode_ELB_503_Count", made(503, 503)),
        ("HTTPCode_ELB_504_Count", made(504, 504)),
    ]
}

fn ones(count: u64) -> Distribution {
    Distribution::of(1.0, number(count))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a minute are below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
