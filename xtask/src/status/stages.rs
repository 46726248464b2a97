//! What the stages of a service stack do: images, weights, tasks, targets, requests, alarms.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stacks::Stage;

use crate::alarms::Alarm;
use crate::aws::{Aws, rfc3339};
use crate::deploy::place::{Place, Places};
use crate::deploy::plan::{Images, short};
use crate::deploy::sides::weight;
use crate::progress::human;
use crate::services::{Deployment, Service};
use crate::stack::Stack;
use crate::stack::standing::{Standing, standing};
use crate::table;
use crate::verdict::series::{Point, shortest_distance};

/// How far back data points are looked for.
const LOOK_BACK: Duration = Duration::from_mins(5);

/// How long a minute lasts where no two data points tell.
const MINUTE: Duration = Duration::from_mins(1);

/// What both stages of a service stack do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages {
    /// Onebox, and Fleet.
    pub(super) each: [StageStatus; 2],
    /// Their alarms.
    alarms: Vec<Alarm>,
    /// Why the load balancer serves nobody, if it doesn't.
    load_balancer_failure: Option<String>,
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StageStatus {
    stage: Stage,
    /// The image that it is to run.
    image: String,
    /// Its part of the listener's weights, in per cent.
    weight: Option<f64>,
    pub(super) service: Option<Service>,
    /// How long its deployments bake, in the time that passes here.
    bake: Option<Duration>,
    /// Its healthy and unhealthy targets, as last counted.
    targets: [Option<f64>; 2],
    requests_per_second: Option<f64>,
}

impl Stages {
    /// Looks at the stages of a service stack; none where the stack isn't one whose stages run.
    pub(crate) async fn gather(aws: &Aws, stack: &Stack) -> anyhow::Result<Option<Self>> {
        let runs = matches!(standing(Some(&stack.status)), Standing::Ready | Standing::Busy);
        let (true, Some(images)) = (runs, Images::of(stack)) else {
            return Ok(None);
        };
        // While the stack is created, its parts aren't there yet.
        let Ok(places) = Places::of(aws, stack).await else {
            return Ok(None);
        };
        let resources = aws.resources(&stack.id).await?;
        let template: Value = serde_json::from_str(&aws.template(&stack.id).await?).unwrap_or_default();
        let looked = SystemTime::now();
        let mut stages = Vec::new();
        for (stage, image) in [(Stage::Onebox, images.onebox), (Stage::Fleet, images.fleet)] {
            let place = places.of_stage(stage);
            let metrics = Metrics::gather(aws, place, looked).await?;
            let bake = aws.bake_minutes(&place.cluster, &place.service).await?;
            stages.push(StageStatus {
                stage,
                image,
                weight: weight(&template, &resources, stage),
                service: aws.services(&place.cluster, &[&place.service]).await?.pop(),
                bake: bake.map(|minutes| metrics.minute * u32::try_from(minutes).unwrap_or(u32::MAX)),
                targets: metrics.targets,
                requests_per_second: metrics.requests_per_second,
            });
        }
        let Ok(stages) = <[StageStatus; 2]>::try_from(stages) else {
            return Ok(None);
        };
        let alarms = aws.alarms(&places.alarms()).await?;
        Ok(Some(Self {
            each: stages,
            alarms,
            load_balancer_failure: aws.load_balancer_failure(&places.load_balancer).await?,
        }))
    }

    /// The stages and their alarms as tables. `alone_since` tells since when the new tasks of each stage serve alone, where
    /// someone watched.
    pub(super) fn render(&self, alone_since: Option<[Option<SystemTime>; 2]>) -> String {
        let now = SystemTime::now();
        let since = alone_since.unwrap_or_default();
        let rows: Vec<Vec<String>> = self
            .each
            .iter()
            .zip(since)
            .map(|(stage, since)| stage.row(since, now))
            .collect();
        let header = [
            "STAGE",
            "WEIGHT",
            "IMAGE",
            "TASKS",
            "TARGETS",
            "REQUESTS/S",
            "DEPLOYMENT",
        ];
        let stages = table::render(&header, &rows);
        let rows: Vec<Vec<String>> = self.alarms.iter().map(alarm_row).collect();
        let alarms = table::render(&["ALARM", "STATE", "SINCE", "CONDITION"], &rows);
        let failure = self.failure().map(|failure| failure + "\n\n").unwrap_or_default();
        format!("{failure}{stages}\n\n{alarms}")
    }

    /// That the load balancer serves nobody, and why.
    fn failure(&self) -> Option<String> {
        let reason = self.load_balancer_failure.as_ref()?;
        Some(format!("The load balancer serves nobody: {reason}"))
    }

    /// What changed is worth a line in a log: images, tasks, deployments and alarms, not how many requests there were.
    pub(super) fn lines(&self) -> Vec<String> {
        let stage = |stage: &StageStatus| {
            let deployment = stage.deployment(None, SystemTime::UNIX_EPOCH);
            format!(
                "{}: {}, tasks {}, {deployment}",
                stage.stage.name(),
                short(&stage.image),
                stage.tasks()
            )
        };
        let red = self.alarms.iter().filter(|alarm| alarm.is_red());
        let stages = self.each.iter().map(stage);
        stages.chain(red.map(Alarm::line)).chain(self.failure()).collect()
    }

    /// For programs.
    pub(super) fn record(&self) -> Value {
        json!({
            "stages": self.each.iter().map(StageStatus::record).collect::<Vec<_>>(),
            "alarms": self.alarms.iter().map(Alarm::record).collect::<Vec<_>>(),
            "load_balancer_failure": self.load_balancer_failure,
        })
    }
}

impl StageStatus {
    fn row(&self, alone_since: Option<SystemTime>, now: SystemTime) -> Vec<String> {
        let [healthy, unhealthy] = self.targets.map(|count| count.map(|count| count.to_string()));
        let targets = match (healthy, unhealthy) {
            (None, None) => "-".to_owned(),
            (healthy, unhealthy) => format!(
                "{} healthy, {} unhealthy",
                healthy.as_deref().unwrap_or("?"),
                unhealthy.as_deref().unwrap_or("?")
            ),
        };
        let dash = || "-".to_owned();
        vec![
            self.stage.name().to_owned(),
            self.weight.map_or_else(dash, |weight| format!("{weight} %")),
            short(&self.image).to_owned(),
            self.tasks(),
            targets,
            self.requests_per_second.map_or_else(dash, |rate| format!("{rate:.1}")),
            self.deployment(alone_since, now),
        ]
    }

    fn tasks(&self) -> String {
        let Some(service) = &self.service else {
            return "none".to_owned();
        };
        let mut text = format!("{} of {}", service.running, service.desired);
        if service.pending > 0 {
            let _ = write!(text, ", {} starting", service.pending);
        }
        text
    }

    /// What its deployment does, and how long it still bakes.
    fn deployment(&self, alone_since: Option<SystemTime>, now: SystemTime) -> String {
        let Some(service) = &self.service else {
            return "-".to_owned();
        };
        let newest = service.deployments.first();
        let state = newest
            .and_then(|deployment| deployment.rollout_state.as_deref())
            .unwrap_or("-");
        if state != "IN_PROGRESS" {
            return state.to_owned();
        }
        if newest.is_some_and(Deployment::rolls_back) {
            return format!("{state}, bringing back what ran before");
        }
        if !self.bakes() {
            return format!("{state}, replacing tasks");
        }
        let left = alone_since
            .zip(self.bake)
            .map(|(since, bake)| bake.saturating_sub(now.duration_since(since).unwrap_or_default()));
        match left {
            Some(left) => format!("{state}, baking, {} left", human(left)),
            None => format!("{state}, baking"),
        }
    }

    /// Whether the new tasks serve alone while their deployment is still watched.
    fn bakes(&self) -> bool {
        let alone = |service: &Service| service.deployments.len() == 1 && service.running >= service.desired;
        self.service.as_ref().is_some_and(alone)
    }

    fn record(&self) -> Value {
        json!({
            "stage": self.stage.value(),
            "image": self.image,
            "weight_percent": self.weight,
            "desired": self.service.as_ref().map(|service| service.desired),
            "running": self.service.as_ref().map(|service| service.running),
            "healthy_targets": self.targets[0],
            "unhealthy_targets": self.targets[1],
            "requests_per_second": self.requests_per_second,
            "deployment": self.deployment(None, SystemTime::UNIX_EPOCH),
        })
    }
}

fn alarm_row(alarm: &Alarm) -> Vec<String> {
    vec![
        alarm.name.clone(),
        alarm.state.clone(),
        alarm.since.map(rfc3339).unwrap_or_default(),
        alarm.condition(),
    ]
}

/// What the load balancer measured of a stage lately.
struct Metrics {
    targets: [Option<f64>; 2],
    requests_per_second: Option<f64>,
    /// How long a minute lasts.
    minute: Duration,
}

impl Metrics {
    async fn gather(aws: &Aws, place: &Place, now: SystemTime) -> anyhow::Result<Self> {
        let questions = [
            place.question("HealthyHostCount", "Minimum"),
            place.question("UnHealthyHostCount", "Maximum"),
            place.question("RequestCount", "Sum"),
        ];
        let answers = aws.datapoints(&questions, now - LOOK_BACK, now).await?;
        Ok(Self::of(&answers, now))
    }

    fn of(answers: &[Vec<Point>], now: SystemTime) -> Self {
        let minute = shortest_distance(answers.iter().flatten()).unwrap_or(MINUTE);
        let newest = |points: Option<&Vec<Point>>, until: SystemTime| {
            let points = points.into_iter().flatten().filter(|point| point.at <= until);
            points.max_by_key(|point| point.at).copied()
        };
        let whole = now.checked_sub(minute).unwrap_or(now);
        let requests = newest(answers.get(2), whole);
        // A minute without requests has no data point.
        let requests = requests.filter(|point| now.duration_since(point.at).is_ok_and(|age| age <= minute * 3));
        Self {
            targets: [0, 1].map(|index| newest(answers.get(index), now).map(|point| point.value)),
            requests_per_second: requests.map(|point| point.value / minute.as_secs_f64()),
            minute,
        }
    }
}

#[cfg(test)]
mod tests;
