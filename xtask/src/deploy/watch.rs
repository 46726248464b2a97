//! Watches the stages while a step is deployed and judged: probes, alarms, tasks and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use constants::alarm::RESPONSE_TIME_STATISTIC;
use constants::judgement::PROBE_TIMEOUT_SECONDS;
use deployment::evidence::early::early;
use deployment::evidence::gate::{Counts, Decision, Facts, Gate};
use deployment::evidence::{
    Comparison, Evidence, Minute, Network, ProbeLog, Rules, Ruling as Found, Series, ServerTime, Span, StageEvidence,
    Verdict, judge, probe_rate,
};
use deployment::machine::{self, Observation, Ruling, Tasks};
use deployment::stage::Stage;
use deployment::staging::Step;
use tokio::time::Instant;

use super::place::{Place, Places};
use super::sides::SideBySide;
use super::tasks::{Services, tasks};
use super::work::{LEAVING, Work};
use crate::alarms::Alarm;
use crate::aws::Aws;
use crate::aws::cloudwatch::Question;
use crate::context::Context;
use crate::patience::patiently;
use crate::services::phase::Phase;
use crate::stack::Stack;
use crate::telling::note::Note;
use crate::traffic::probes::Probes;
use crate::verdict::series::Point;

/// How far back the time before a step is compared with, in AWS's minutes.
const BEFORE_MINUTES: u32 = 10;

/// How often to look while nothing is expected: about twice in one of AWS's seconds on a fast local cloud.
const LOOKS_A_MINUTE: u32 = 30;

/// How often to read metrics, which cost money: six times a minute.
const READINGS_A_MINUTE: u32 = 6;

/// The stages with services, in order.
const STAGES: [Stage; 2] = [Stage::Onebox, Stage::Fleet];

/// What is known of the stages while a step is deployed and judged, or after a way back.
pub(super) struct Watch {
    step: Option<usize>,
    comparison: Comparison,
    /// The stages whose evidence the step needs.
    affected: BTreeSet<Stage>,
    /// The stages whose ECS service the step deploys.
    deploys: BTreeSet<Stage>,
    places: Places,
    services: Services,
    side_by_side: SideBySide,
    began: ServerTime,
    /// When the update ended.
    updated: Option<ServerTime>,
    phases: [Phase; 2],
    probes: Option<Probes>,
    network: Network,
    metrics: [Series; 2],
    read: Option<Instant>,
    gate: Gate,
    verdict: Option<Verdict>,
}

impl Watch {
    /// Begins to watch a step, with probes unless they are turned off; without a step, the tasks alone.
    pub(super) async fn new(work: Work<'_>, stack: &Stack, step: Option<(usize, &Step)>) -> anyhow::Result<Self> {
        let places = work.places(stack).await?;
        let affected = step.map_or_else(|| STAGES.into(), |(_, step)| affected(step));
        let mut watch = Self {
            step: step.map(|(index, _)| index),
            comparison: comparison(&affected),
            deploys: step.map(|(_, step)| deploys(step)).unwrap_or_default(),
            services: Services::of(work, stack).await?,
            side_by_side: SideBySide::of(work.aws, stack, &places).await,
            began: work.aws.now().into(),
            updated: None,
            phases: [Phase::default(), Phase::default()],
            probes: None,
            network: Network::default(),
            metrics: [Series::default(), Series::default()],
            read: None,
            gate: Gate::default(),
            verdict: None,
            places,
            affected,
        };
        if step.is_some() && !work.deploy.caution.no_probe {
            watch.probe(work);
        }
        Ok(watch)
    }

    /// Whether it watches this step.
    pub(super) fn is_of(&self, step: usize) -> bool {
        self.step == Some(step)
    }

    /// The step that it watches. `None` after a way back.
    pub(super) fn step(&self) -> Option<usize> {
        self.step
    }

    /// What the step was judged by. `None` before the gate is open.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    fn probe(&mut self, work: Work<'_>) {
        let shared = self.affected.contains(&Stage::Shared).then_some(Stage::Shared);
        let stages: Vec<Stage> = shared.into_iter().chain(STAGES).collect();
        self.probes = Probes::start(&self.places.endpoint, &stages, &work.aws.clock()).ok();
    }

    /// The step's update has ended: its resources are there, and from now on they are judged.
    pub(super) async fn updated(&mut self, work: Work<'_>, stack: &Stack) -> anyhow::Result<()> {
        self.services = Services::of(work, stack).await?;
        self.places = work.places(stack).await?;
        self.updated = Some(work.aws.now().into());
        self.read = None;
        Ok(())
    }

    /// Looks after a pause. While an update runs, that is what reports interruptions and a lost network, so looking goes on
    /// until it succeeds.
    pub(super) async fn look(
        &mut self,
        work: Work<'_>,
        ignored: &BTreeSet<String>,
        is_running: bool,
    ) -> anyhow::Result<Observation> {
        let pause = (work.aws.minute() / LOOKS_A_MINUTE).clamp(Duration::from_millis(50), Duration::from_secs(2));
        if !is_running {
            work.context.interrupt.sleep(LEAVING, pause).await?;
            return patiently(work.context, LEAVING, async || {
                self.observe(work.aws, work, ignored).await
            })
            .await;
        }
        loop {
            tokio::time::sleep(pause).await;
            if let Ok(seen) = self.observe(work.aws, work, ignored).await {
                return Ok(seen);
            }
        }
    }

    async fn observe(&mut self, aws: &Aws, work: Work<'_>, ignored: &BTreeSet<String>) -> anyhow::Result<Observation> {
        let (started, at) = (Instant::now(), aws.now());
        let read = self.read_aws(aws, ignored).await;
        // Calls that hang as long as a probe may are no sign of a network that works.
        if started.elapsed() >= Duration::from_secs(PROBE_TIMEOUT_SECONDS) {
            self.network.record(at.into(), false);
        }
        self.network.record(aws.now().into(), read.is_ok());
        let (alarms, tasks) = read?;
        let now = ServerTime::from(aws.now());
        self.side_by_side.look(aws, &self.places).await;
        self.show(work.context);
        let evidence = self.evidence(now, Vec::new());
        let rules = Rules::default();
        let failing = self.step.and_then(|_| early(&rules, &evidence));
        let probes = failing.map_or(machine::Probes::Undecided, |verdict| {
            machine::Probes::Failing(verdict.reasons)
        });
        let gate = self.look_at_gate(&rules, &evidence, work);
        let ruling = match gate {
            machine::Gate::Open => self.rule(&rules, &evidence),
            _ => Ruling::Thin(Vec::new()),
        };
        Ok(Observation {
            step: self.step,
            red: alarms.iter().map(words).collect(),
            probes,
            tasks,
            gate,
            ruling,
        })
    }

    /// Reads alarms and services, and metrics when they are due.
    async fn read_aws(&mut self, aws: &Aws, ignored: &BTreeSet<String>) -> anyhow::Result<(Vec<Alarm>, Tasks)> {
        let mut alarms = aws.alarms(&self.alarms()).await?;
        alarms.retain(|alarm| alarm.is_red() && !ignored.contains(&alarm.name));
        let mut found = Vec::new();
        for (index, stage) in STAGES.into_iter().enumerate() {
            let place = self.place(stage);
            let service = aws.services(&place.cluster, &[&place.service]).await?.pop();
            if let Some(service) = &service {
                self.phases[index].look(service, aws.now());
            }
            found.push((stage, service));
        }
        found.retain(|(stage, _)| self.affected.contains(stage));
        let tasks = tasks(&self.services, &found, self.updated.is_some());
        let due = aws.minute() / READINGS_A_MINUTE;
        if self.step.is_some() && self.read.is_none_or(|read| read.elapsed() >= due) {
            self.read_metrics(aws).await?;
        }
        Ok((alarms, tasks))
    }

    /// The alarms that count: those of the affected stages, and the shared ones.
    fn alarms(&self) -> Vec<String> {
        let own = STAGES.into_iter().filter(|stage| self.affected.contains(stage));
        let own = own.flat_map(|stage| self.place(stage).alarms.clone());
        own.chain(self.places.shared_alarms.clone()).collect()
    }

    fn place(&self, stage: Stage) -> &Place {
        match stage {
            Stage::Onebox => &self.places.onebox,
            Stage::Fleet | Stage::Shared => &self.places.fleet,
        }
    }

    async fn read_metrics(&mut self, aws: &Aws) -> anyhow::Result<()> {
        let from = aws.now() - Duration::from_millis(self.age(aws)) - aws.minute() * BEFORE_MINUTES;
        let questions: Vec<Question> = STAGES
            .into_iter()
            .flat_map(|stage| questions(self.place(stage)))
            .collect();
        let mut answers = aws.datapoints(&questions, from, aws.now()).await?.into_iter();
        self.metrics = [(); 2].map(|()| series(&mut answers));
        self.read = Some(Instant::now());
        self.set_rates(aws);
        Ok(())
    }

    /// Since when the step began, in milliseconds.
    fn age(&self, aws: &Aws) -> u64 {
        ServerTime::from(aws.now()).millis().saturating_sub(self.began.millis())
    }

    /// Keeps the probes a small part of each stage's requests.
    fn set_rates(&self, aws: &Aws) {
        let Some(probes) = &self.probes else { return };
        let logs = probes.snapshot();
        let sent = |span: Span| logs.values().map(|log| log.within(span).errors.requests).sum::<u64>();
        let per_minute = self.metrics.each_ref().map(|series| {
            let newest = series.requests.iter().max_by_key(|point| point.at);
            newest.map_or(0.0, |point| {
                let span = Span {
                    from: point.at,
                    to: point.at + aws.minute(),
                };
                #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
                let probes = sent(span) as f64 / 2.0;
                // A minute is as many real seconds as one of AWS's minutes lasts here.
                (point.value - probes).max(0.0) * 60.0 / aws.minute().as_secs_f64()
            })
        });
        let [onebox, fleet] = per_minute;
        for (stage, customers) in [
            (Stage::Shared, onebox + fleet),
            (Stage::Onebox, onebox),
            (Stage::Fleet, fleet),
        ] {
            probes.set_rate(stage, probe_rate(customers, stage));
        }
    }

    /// Since when the new tasks serve alone, or else since the update ended.
    fn since(&self) -> Option<ServerTime> {
        let updated = self.updated?;
        let alone = STAGES
            .into_iter()
            .zip(&self.phases)
            .filter(|(stage, _)| self.deploys.contains(stage));
        let alone = alone.map(|(_, phase)| phase.alone_since().map_or(updated, ServerTime::from));
        Some(alone.max().unwrap_or(updated))
    }

    fn evidence(&self, now: ServerTime, red_alarms: Vec<String>) -> Evidence {
        let minute = self.minute();
        let mut logs: BTreeMap<Stage, ProbeLog> = self.probes.as_ref().map(Probes::snapshot).unwrap_or_default();
        let mut probes = |stage: Stage| logs.remove(&stage).unwrap_or_default();
        let [onebox, fleet] = self.metrics.clone();
        let before = Span {
            from: self.began - minute.times(BEFORE_MINUTES),
            to: self.began,
        };
        Evidence {
            began: self.began,
            since: self.since().unwrap_or(self.began),
            before: Some(before),
            shared_probes: probes(Stage::Shared),
            onebox: StageEvidence {
                metrics: onebox,
                probes: probes(Stage::Onebox),
            },
            fleet: StageEvidence {
                metrics: fleet,
                probes: probes(Stage::Fleet),
            },
            network: self.network.clone(),
            red_alarms,
            ..Evidence::new(self.comparison.clone(), now, minute)
        }
    }

    fn minute(&self) -> Minute {
        Minute::new(self.side_by_side.minute()).unwrap_or(Minute::AWS)
    }

    fn look_at_gate(&mut self, rules: &Rules, evidence: &Evidence, work: Work<'_>) -> machine::Gate {
        let Some(since) = self.since().filter(|_| self.step.is_some()) else {
            return machine::Gate::Wait("waiting for the update to end".to_owned());
        };
        let counts = |stage: &Stage| {
            let series = &self.metrics[usize::from(*stage == Stage::Fleet)];
            let counts = Counts {
                healthy: series.healthy.clone(),
                requests: series.requests.clone(),
            };
            (*stage, counts)
        };
        let stages = STAGES.iter().filter(|stage| self.affected.contains(stage)).map(counts);
        let facts = Facts {
            now: evidence.now,
            since,
            minute: evidence.minute,
            minutes_to_notice: self.services.minutes_to_notice,
            stages: stages.collect(),
            red: Vec::new(),
            accepted: work.deploy.caution.accept.is_some(),
        };
        match self.gate.look(rules, &facts) {
            Decision::Open | Decision::Red(_) => machine::Gate::Open,
            Decision::Wait(wait) => machine::Gate::Wait(wait.reason),
            Decision::NoData { reason } => machine::Gate::NoData(reason),
        }
    }

    fn rule(&mut self, rules: &Rules, evidence: &Evidence) -> Ruling {
        let verdict = judge(rules, evidence);
        let ruling = match verdict.ruling {
            Found::Good => Ruling::Good,
            Found::NotJudged => Ruling::NotNeeded,
            Found::Thin => Ruling::Thin(verdict.reasons.clone()),
            Found::Worse => Ruling::Worse(verdict.reasons.clone()),
        };
        self.verdict = Some(verdict);
        ruling
    }

    fn show(&self, context: &Context) {
        let changes = match (
            self.deploys.contains(&Stage::Onebox),
            self.deploys.contains(&Stage::Fleet),
        ) {
            (false, true) => stacks::Stage::Fleet,
            _ => stacks::Stage::Onebox,
        };
        let phase = &self.phases[usize::from(changes == stacks::Stage::Fleet)];
        let sides = self.side_by_side.sides((changes, phase), &self.probed());
        context.sides.see(sides);
    }

    /// The probes so far, and how many of them failed.
    fn probed(&self) -> Vec<(stacks::Stage, (u64, u64))> {
        let logs = self.probes.as_ref().map(Probes::snapshot).unwrap_or_default();
        let counts = |(stage, own): (stacks::Stage, Stage)| {
            let errors = logs.get(&own)?.total().errors;
            Some((stage, (errors.requests, errors.errors)))
        };
        let stages = [
            (stacks::Stage::Onebox, Stage::Onebox),
            (stacks::Stage::Fleet, Stage::Fleet),
        ];
        stages.into_iter().filter_map(counts).collect()
    }

    /// Stops the probes and reports what they found.
    pub(super) async fn end(self, context: &Context) {
        let Some(probes) = self.probes else { return };
        for (stage, log) in probes.end().await {
            context.tell(Note::probes(stage, &log));
        }
    }
}

/// The stages whose evidence a step needs, by what it changes.
fn affected(step: &Step) -> BTreeSet<Stage> {
    let affects = step.affects();
    let stages = [
        (Stage::Shared, affects.shared),
        (Stage::Onebox, affects.onebox),
        (Stage::Fleet, affects.fleet),
    ];
    let stages = stages.into_iter().filter(|(_, is)| *is);
    stages.map(|(stage, _)| stage).collect()
}

/// What a step is compared with: Fleet, as long as Onebox alone differs; otherwise each stage with itself before.
fn comparison(affected: &BTreeSet<Stage>) -> Comparison {
    if *affected == BTreeSet::from([Stage::Onebox]) {
        Comparison::OneboxWithFleet
    } else {
        Comparison::WithItself(affected.clone())
    }
}

/// The stages whose ECS service a step deploys.
fn deploys(step: &Step) -> BTreeSet<Stage> {
    let services = step
        .changes
        .iter()
        .filter(|change| change.resource_type == "AWS::ECS::Service");
    services.map(|change| change.stage).collect()
}

/// An alarm that fired, as a reason.
fn words(alarm: &Alarm) -> String {
    let meaning = alarm.meaning().map(|words| words + ": ").unwrap_or_default();
    format!("{meaning}{}: {}", alarm.line(), alarm.condition())
}

/// The metrics of a stage.
fn questions(place: &Place) -> [Question; 8] {
    [
        place.question("RequestCount", "Sum"),
        place.question("HTTPCode_Target_2XX_Count", "Sum"),
        place.question("HTTPCode_Target_3XX_Count", "Sum"),
        place.question("HTTPCode_Target_4XX_Count", "Sum"),
        place.question("HTTPCode_Target_5XX_Count", "Sum"),
        place.question("TargetResponseTime", RESPONSE_TIME_STATISTIC),
        place.question("HealthyHostCount", "Maximum"),
        place.question("UnHealthyHostCount", "Maximum"),
    ]
}

/// The answers to the questions of one stage.
fn series(answers: &mut impl Iterator<Item = Vec<Point>>) -> Series {
    let mut next = || -> Vec<_> { answers.next().unwrap_or_default().into_iter().map(Into::into).collect() };
    Series {
        requests: next(),
        good_responses: [next(), next(), next()].concat(),
        server_errors: next(),
        latency: next(),
        healthy: next(),
        unhealthy: next(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use deployment::staging::{ChangeKind, PlannedChange};

    use super::*;

    fn step(changes: &[(Stage, &str)]) -> Step {
        let change = |(stage, resource_type): &(Stage, &str)| PlannedChange {
            logical_id: "Resource".to_owned(),
            resource_type: (*resource_type).to_owned(),
            stage: *stage,
            kind: ChangeKind::Add,
        };
        Step {
            stage: Stage::Onebox,
            template: String::new(),
            parameters: BTreeMap::new(),
            changes: changes.iter().map(change).collect(),
            outputs: Vec::new(),
            last: false,
        }
    }

    #[test]
    fn what_a_step_is_compared_with() {
        let service = "AWS::ECS::Service";
        let [onebox, fleet] = STAGES;
        let onebox_alone = step(&[(onebox, service), (onebox, "AWS::CloudWatch::Alarm")]);
        assert_eq!(affected(&onebox_alone), [onebox].into());
        assert_eq!(deploys(&onebox_alone), [onebox].into());
        assert_eq!(comparison(&affected(&onebox_alone)), Comparison::OneboxWithFleet);
        let fleet_alone = step(&[(fleet, service)]);
        assert_eq!(
            comparison(&affected(&fleet_alone)),
            Comparison::WithItself([fleet].into())
        );
        // What is shared affects both stages, and deploys neither service.
        let shared = step(&[(Stage::Shared, "AWS::ElasticLoadBalancingV2::Listener")]);
        let all: BTreeSet<Stage> = Stage::ALL.into();
        assert_eq!(affected(&shared), all);
        assert_eq!(deploys(&shared), BTreeSet::new());
        assert_eq!(comparison(&all), Comparison::WithItself(all));
        assert_eq!(affected(&step(&[])), BTreeSet::new());
    }

    #[test]
    fn answers_are_the_questions_in_their_order() {
        let points = |value: f64| {
            vec![Point {
                at: SystemTime::UNIX_EPOCH,
                value,
            }]
        };
        let place = super::super::place::tests::places().onebox;
        let metrics = questions(&place).map(|question| question.metric);
        let mut answers = (1_u8..).map(|number| points(f64::from(number))).take(metrics.len());
        let series = series(&mut answers);
        let number = |metric: &str| {
            let place = metrics.iter().position(|found| *found == metric).unwrap();
            f64::from(u8::try_from(place + 1).unwrap())
        };
        for (found, metric) in [
            (&series.requests, "RequestCount"),
            (&series.server_errors, "HTTPCode_Target_5XX_Count"),
            (&series.latency, "TargetResponseTime"),
            (&series.healthy, "HealthyHostCount"),
            (&series.unhealthy, "UnHealthyHostCount"),
        ] {
            assert_eq!(
                found.iter().map(|point| point.value).collect::<Vec<_>>(),
                [number(metric)],
                "{metric}"
            );
        }
        assert_eq!(series.good_responses.len(), 3);
        assert_eq!(super::series(&mut std::iter::empty()), Series::default());
    }

    #[test]
    fn an_alarm_that_fired_as_a_reason() {
        let alarm = Alarm {
            name: "Onebox-ServerErrors".to_owned(),
            description: Some("Too many 5xx responses.".to_owned()),
            state: "ALARM".to_owned(),
            reason: "Threshold Crossed".to_owned(),
            since: None,
            watched: "HTTPCode_Target_5XX_Count Sum".to_owned(),
            comparison: "GreaterThanThreshold".to_owned(),
            threshold: 5.0,
            datapoints: 3,
            periods: 4,
            period_seconds: 60,
        };
        insta::assert_snapshot!(words(&alarm), @"too many 5xx responses: Onebox-ServerErrors is in ALARM: HTTPCode_Target_5XX_Count Sum > 5 in 3 of 4 minutes");
        insta::assert_snapshot!(words(&Alarm { description: None, ..alarm }), @"Onebox-ServerErrors is in ALARM: HTTPCode_Target_5XX_Count Sum > 5 in 3 of 4 minutes");
    }
}
