//! What the stages of a service stack do: images, weights, tasks, targets, requests, alarms.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stacks::Stage;

use crate::alarms::Alarm;
use crate::aws::{Aws, rfc3339, whole_seconds};
use crate::deploy::place::{Place, Places};
use crate::deploy::plan::{Images, short};
use crate::deploy::sides::weight;
use crate::progress::{Line, Size, human, wrap};
use crate::services::{Deployment, Service};
use crate::stack::Stack;
use crate::stack::standing::{Standing, standing};
use crate::table;
use crate::telling::tables;
use crate::verdict::series::{Point, shortest_distance};

/// How far back data points are looked for.
const LOOK_BACK: Duration = Duration::from_mins(5);

/// How long a minute lasts where no two data points tell.
const MINUTE: Duration = Duration::from_mins(1);

/// The columns of the stages.
const HEADER: [&str; 7] = [
    "STAGE",
    "WEIGHT",
    "IMAGE",
    "TASKS",
    "TARGETS",
    "REQUESTS/S",
    "DEPLOYMENT",
];

/// Those of the least worth first: how many tasks run and how the deployment stands is seen on the narrowest screen.
const LEAST: [usize; 4] = [1, 5, 2, 4];

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

    /// The stages and their alarms as tables, within a width if there is one. `alone_since` tells since when the new tasks of
    /// each stage serve alone, where someone watched.
    pub(super) fn render(&self, alone_since: [Option<SystemTime>; 2], now: SystemTime, width: Option<usize>) -> String {
        let stages = self.above(alone_since, now, width);
        format!("{stages}\n\n{}", self.alarm_table(width))
    }

    /// The same for a screen of so many rows: where they are too few, alarms that are quiet are only counted.
    pub(super) fn within(&self, alone_since: [Option<SystemTime>; 2], now: SystemTime, size: Size) -> Vec<Line> {
        let width = Some(size.columns);
        let whole = self.render(alone_since, now, width);
        if whole.lines().count() <= size.rows {
            return whole.lines().map(Line::plain).collect();
        }
        let stages = self.above(alone_since, now, width);
        let prefix = common_prefix(&self.alarms);
        let red = self.alarms.iter().filter(|alarm| alarm.is_red());
        let red = red.map(|alarm| tables::alarm(alarm, &alarm.name[prefix..], size.columns));
        let quiet = tables::quiet_alarms(&self.alarms);
        stages.lines().map(Line::plain).chain(red).chain(quiet).collect()
    }

    /// The stages, and above them that the load balancer serves nobody, if it does.
    fn above(&self, alone_since: [Option<SystemTime>; 2], now: SystemTime, width: Option<usize>) -> String {
        let rows = |words: bool| -> Vec<Vec<String>> {
            let stages = self.each.iter().zip(alone_since);
            stages.map(|(stage, since)| stage.row(since, now, words)).collect()
        };
        let stages = table::fit(&HEADER, &[rows(true), rows(false)], width, &LEAST);
        let within = |failure: String| width.map_or_else(|| failure.clone(), |width| wrap(&failure, width));
        let failure = self.failure().map(within).map(|failure| failure + "\n\n");
        failure.unwrap_or_default() + &stages
    }

    fn alarm_table(&self, width: Option<usize>) -> String {
        let whole: Vec<Vec<String>> = self.alarms.iter().map(alarm_row).collect();
        let prefix = common_prefix(&self.alarms);
        let short = |condition: fn(&Alarm) -> String| -> Vec<Vec<String>> {
            let row = |alarm: &Alarm| {
                let since = alarm.since.map(whole_seconds).unwrap_or_default();
                let name = alarm.name[prefix..].to_owned();
                vec![name, alarm.state.clone(), since, condition(alarm)]
            };
            self.alarms.iter().map(row).collect()
        };
        let variants = [whole, short(Alarm::condition), short(Alarm::limit)];
        table::fit(&["ALARM", "STATE", "SINCE", "CONDITION"], &variants, width, &[3, 2])
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
    /// A row of the table, in words or in short.
    fn row(&self, alone_since: Option<SystemTime>, now: SystemTime, words: bool) -> Vec<String> {
        let [healthy, unhealthy] = self.targets.map(|count| count.map(|count| count.to_string()));
        let all_healthy = self.targets[1].is_none_or(|unhealthy| unhealthy < 1.0);
        let targets = match (healthy, unhealthy) {
            (None, None) => "-".to_owned(),
            (Some(healthy), _) if !words && all_healthy => format!("{healthy} healthy"),
            (Some(healthy), _) if !words => {
                format!("{healthy} of {} healthy", self.targets.iter().flatten().sum::<f64>())
            }
            (healthy, unhealthy) => format!(
                "{} healthy, {} unhealthy",
                healthy.as_deref().unwrap_or("?"),
                unhealthy.as_deref().unwrap_or("?")
            ),
        };
        let dash = || "-".to_owned();
        let (mut image, mut deployment) = (short(&self.image), self.deployment(alone_since, now));
        if !words {
            image = image.trim_start_matches("sha256:");
            deployment = deployment.replace("IN_PROGRESS, ", "");
        }
        vec![
            self.stage.name().to_owned(),
            self.weight.map_or_else(dash, |weight| format!("{weight} %")),
            image.to_owned(),
            self.tasks(),
            targets,
            self.requests_per_second.map_or_else(dash, |rate| format!("{rate:.1}")),
            deployment,
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

/// How much the names of all alarms begin with alike, up to a dash: what tells none from another.
fn common_prefix(alarms: &[Alarm]) -> usize {
    let [first, others @ ..] = alarms else { return 0 };
    let mut ends = first.name.match_indices('-').map(|(place, _)| place + 1);
    let is_common = |end: &usize| {
        let begins = |alarm: &Alarm| alarm.name.starts_with(&first.name[..*end]);
        !others.is_empty() && others.iter().all(begins)
    };
    ends.rfind(is_common).unwrap_or(0)
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
pub(super) mod tests;
