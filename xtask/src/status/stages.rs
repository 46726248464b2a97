//! What the stages of a service stack do: images, weights, tasks, targets, requests, alarms.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stacks::{Stage, service};

use super::health::{Kind, Problem, problems};
use crate::alarms::Alarm;
use crate::aws::elb::Targets;
use crate::aws::{Aws, rfc3339, whole_seconds};
use crate::code::Code;
use crate::deploy::place::{Place, Places};
use crate::deploy::plan::{Images, short};
use crate::deploy::sides::weight;
use crate::exit::code_of;
use crate::progress::{Line, Size, human};
use crate::services::{Deployment, Minimum, Service, minimums};
use crate::stack::Stack;
use crate::stack::standing::{Standing, standing};
use crate::telling::tables;
use crate::unread::readable;
use crate::verdict::series::{Point, shortest_distance};
use crate::{releases, table};

/// How far back data points are looked for.
const LOOK_BACK: Duration = Duration::from_mins(5);

/// How long a minute lasts where no two data points tell.
const MINUTE: Duration = Duration::from_mins(1);

/// The columns of the stages.
const HEADER: [&str; 8] = [
    "STAGE",
    "WEIGHT",
    "RELEASE",
    "IMAGE",
    "TASKS",
    "TARGETS",
    "REQUESTS/S",
    "DEPLOYMENT",
];

/// Those of the least worth first: how many tasks run and how the deployment stands is seen on the narrowest screen.
const LEAST: [usize; 5] = [1, 6, 3, 5, 2];

/// What both stages of a service stack do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages {
    /// Onebox, and Fleet.
    pub(super) each: [StageStatus; 2],
    /// Their alarms.
    pub(super) alarms: Vec<Alarm>,
    /// Why the load balancer serves nobody, if it doesn't.
    load_balancer_failure: Option<String>,
    /// What the credentials may not read.
    pub(super) unread: Vec<String>,
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StageStatus {
    pub(super) stage: Stage,
    /// The release that it runs. `None` if none was ever deployed.
    pub(super) release: Option<String>,
    /// The image that it is to run.
    pub(super) image: String,
    /// Whether that image is known to be missing from the repository.
    pub(super) image_gone: bool,
    /// Its part of the listener's weights, in per cent.
    weight: Option<f64>,
    pub(super) service: Option<Service>,
    /// Whether ECS could be asked for the service.
    pub(super) is_read: bool,
    /// The fewest tasks that it must have.
    pub(super) minimum: u64,
    /// How long its deployments bake, in the time that passes here.
    bake: Option<Duration>,
    /// Its targets. `None` if they can't be read.
    pub(super) targets: Option<Targets>,
    requests_per_second: Option<f64>,
}

impl Stages {
    /// Looks at the stages of a service stack; none where the stack isn't one whose stages run.
    pub(crate) async fn gather(aws: &Aws, stack: &Stack) -> anyhow::Result<Option<Self>> {
        let runs = matches!(standing(Some(&stack.status)), Standing::Ready | Standing::Busy);
        let (true, Some(images)) = (runs, Images::of(stack)) else {
            return Ok(None);
        };
        let places = match Places::of(aws, stack).await {
            Ok(places) => places,
            // While the stack is created, its parts aren't there yet.
            Err(error) if code_of(&error) == Code::OtherStack => return Ok(None),
            Err(error) => return Err(error),
        };
        let resources = aws.resources(&stack.id).await?;
        let template: Value = serde_json::from_str(&aws.template(&stack.id).await?).unwrap_or_default();
        let minimums = minimums(&template, &resources);
        let mut unread = Vec::new();
        let mut stages = Vec::new();
        for (stage, image) in [(Stage::Onebox, images.onebox), (Stage::Fleet, images.fleet)] {
            let own = |minimum: &&Minimum| minimum.service == places.of_stage(stage).service;
            let unread_stage = StageStatus {
                weight: weight(&template, &resources, stage),
                release: release(stack, stage),
                minimum: minimums.iter().find(own).map_or(1, |minimum| minimum.tasks),
                ..StageStatus::new(stage, image)
            };
            stages.push(unread_stage.read(aws, &places, &mut unread).await?);
        }
        let Ok(stages) = <[StageStatus; 2]>::try_from(stages) else {
            return Ok(None);
        };
        let alarms = aws.alarms(&places.alarms()).await;
        let alarms = readable(&mut unread, "the alarms", alarms)?.unwrap_or_default();
        let failure = aws.load_balancer_failure(&places.load_balancer).await;
        let failure = readable(&mut unread, "the load balancer", failure)?;
        Ok(Some(Self {
            each: stages,
            alarms,
            load_balancer_failure: failure.flatten(),
            unread,
        }))
    }

    /// Marks the stages whose image isn't among those of its repository.
    pub(super) fn mark_gone(&mut self, repository: &str, digests: &BTreeSet<String>) {
        for stage in &mut self.each {
            let Some((name, digest)) = stage.image.split_once('@') else {
                continue;
            };
            stage.image_gone |= name.ends_with(&format!("/{repository}")) && !digests.contains(digest);
        }
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

    /// The stages.
    fn above(&self, alone_since: [Option<SystemTime>; 2], now: SystemTime, width: Option<usize>) -> String {
        let rows = |words: bool| -> Vec<Vec<String>> {
            let stages = self.each.iter().zip(alone_since);
            stages.map(|(stage, since)| stage.row(since, now, words)).collect()
        };
        table::fit(&HEADER, &[rows(true), rows(false)], width, &LEAST)
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

    /// That the load balancer isn't accepting traffic, and why.
    pub(super) fn failure(&self) -> Option<String> {
        let reason = self.load_balancer_failure.as_ref()?;
        Some(format!("the load balancer isn't accepting traffic: {reason}"))
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
        let problems = problems(self)
            .into_iter()
            .filter(|problem| problem.kind != Kind::Alarms);
        let problems = problems.map(|problem| problem.words);
        stages.chain(red.map(Alarm::line)).chain(problems).collect()
    }

    /// For programs.
    pub(super) fn record(&self) -> Value {
        json!({
            "stages": self.each.iter().map(StageStatus::record).collect::<Vec<_>>(),
            "alarms": self.alarms.iter().map(Alarm::record).collect::<Vec<_>>(),
            "load_balancer_failure": self.load_balancer_failure,
            "problems": problems(self).iter().map(Problem::record).collect::<Vec<_>>(),
        })
    }
}

/// The release that the stack says a stage runs.
fn release(stack: &Stack, stage: Stage) -> Option<String> {
    let name = match stage {
        Stage::Onebox => service::ONEBOX_RELEASE,
        Stage::Fleet => service::FLEET_RELEASE,
    };
    stack
        .parameters
        .get(name)
        .filter(|release| !release.is_empty())
        .cloned()
}

impl StageStatus {
    fn new(stage: Stage, image: String) -> Self {
        Self {
            stage,
            release: None,
            image,
            image_gone: false,
            weight: None,
            service: None,
            is_read: false,
            minimum: 1,
            bake: None,
            targets: None,
            requests_per_second: None,
        }
    }

    /// Reads its service, targets and requests.
    async fn read(self, aws: &Aws, places: &Places, unread: &mut Vec<String>) -> anyhow::Result<Self> {
        let (name, place) = (self.stage.name(), places.of_stage(self.stage));
        let services = aws.services(&place.cluster, &[&place.service]).await;
        let services = readable(unread, &format!("{name}'s ECS service"), services)?;
        let is_read = services.is_some();
        let service = services.and_then(|mut services| services.pop());
        let bake = match service {
            Some(_) => aws.bake_minutes(&place.cluster, &place.service).await?,
            None => None,
        };
        let targets = aws.targets(&places.target_group_arn(self.stage)).await;
        let metrics = Metrics::gather(aws, place, aws.now()).await;
        let metrics = readable(unread, &format!("{name}'s metrics"), metrics)?;
        let minute = metrics.as_ref().map_or(MINUTE, |metrics| metrics.minute);
        Ok(Self {
            targets: readable(unread, &format!("{name}'s target health"), targets)?,
            bake: bake.map(|minutes| minute * u32::try_from(minutes).unwrap_or(u32::MAX)),
            requests_per_second: metrics.and_then(|metrics| metrics.requests_per_second),
            service,
            is_read,
            ..self
        })
    }

    /// A row of the table, in words or in short.
    fn row(&self, alone_since: Option<SystemTime>, now: SystemTime, words: bool) -> Vec<String> {
        let dash = || "-".to_owned();
        let (mut image, mut deployment) = (short(&self.image), self.deployment(alone_since, now));
        if !words {
            image = image.trim_start_matches("sha256:");
            deployment = deployment.replace("IN_PROGRESS, ", "");
        }
        vec![
            self.stage.name().to_owned(),
            self.weight.map_or_else(dash, |weight| format!("{weight} %")),
            self.release
                .as_deref()
                .map_or_else(dash, |release| releases::short(release).to_owned()),
            format!("{image}{}", mark(self.image_gone)),
            format!("{}{}", self.tasks(), mark(self.lacks_tasks())),
            self.targets.as_ref().map_or_else(dash, |found| targets(found, words)),
            self.requests_per_second.map_or_else(dash, |rate| format!("{rate:.1}")),
            deployment,
        ]
    }

    fn tasks(&self) -> String {
        let Some(service) = &self.service else {
            return "none".to_owned();
        };
        let mut text = format!("{} of {}", service.running, self.wanted());
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
            "release": self.release,
            "image": self.image,
            "image_gone": self.image_gone,
            "weight_percent": self.weight,
            "desired": self.service.as_ref().map(|service| service.desired),
            "running": self.service.as_ref().map(|service| service.running),
            "minimum": self.minimum,
            "healthy_targets": self.targets.as_ref().map(|targets| targets.healthy),
            "unhealthy_targets": self.targets.as_ref().map(|targets| targets.unhealthy),
            "other_targets": self.targets.as_ref().map(|targets| targets.others),
            "requests_per_second": self.requests_per_second,
            "deployment": self.deployment(None, SystemTime::UNIX_EPOCH),
        })
    }
}

/// What stands behind a cell that is a problem.
fn mark(is_problem: bool) -> &'static str {
    if is_problem { " !" } else { "" }
}

fn targets(targets: &Targets, words: bool) -> String {
    if !words && targets.unhealthy + targets.others > 0 {
        let all = targets.healthy + targets.unhealthy + targets.others;
        return format!("{} of {all}{}", targets.healthy, mark(targets.unhealthy > 0));
    }
    let mut text = format!("{} healthy", targets.healthy);
    if targets.unhealthy > 0 {
        let _ = write!(text, ", {} unhealthy !", targets.unhealthy);
    }
    if targets.others > 0 {
        let _ = write!(text, ", {} other", targets.others);
    }
    text
}

/// How much the names of all alarms begin with alike, up to a dash: what tells none from another.
pub(super) fn common_prefix(alarms: &[Alarm]) -> usize {
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
    requests_per_second: Option<f64>,
    /// How long a minute lasts.
    minute: Duration,
}

impl Metrics {
    async fn gather(aws: &Aws, place: &Place, now: SystemTime) -> anyhow::Result<Self> {
        let questions = [place.question("RequestCount", "Sum")];
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
        let requests = newest(answers.first(), whole);
        // A minute without requests has no data point.
        let requests = requests.filter(|point| now.duration_since(point.at).is_ok_and(|age| age <= minute * 3));
        Self {
            requests_per_second: requests.map(|point| point.value / minute.as_secs_f64()),
            minute,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
