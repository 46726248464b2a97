//! The stage infrastructure: CloudFormation brings a template to both stages at once, and ECS deploys nothing where no task
//! changes. So what the change does to both is watched here, and taken back where they don't bear it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use deployment::evidence::targets::minutes_to_notice;
use serde_json::{Value, json};
use stacks::Stage;
use tokio::time::Instant;

use super::health::{Bearing, Targets};
use super::place::Places;
use super::work::{Asking, Work};
use crate::aws::Aws;
use crate::code::Code;
use crate::exit::{Coded as _, Exit, Failure, exit_of};
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::apply::Applied;
use crate::stack::{Stack, Template, Wanted};
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;
use crate::token::{Purpose, Scope};

/// How long metrics of minutes that are over may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_mins(3);

/// How far back the minutes before the change are looked for.
const LOOK_BACK: Duration = Duration::from_mins(5);

/// How long to wait before looking again; near, looking costs nothing.
const PAUSE: Duration = Duration::from_secs(10);
const NEAR_PAUSE: Duration = Duration::from_millis(200);

/// What leaving means meanwhile.
const LEAVING: &str =
    "interrupted: the infrastructure is changed, and nobody watches what that does to Onebox and Fleet";

/// What leaving means before.
const UNCHANGED: &str = "interrupted: nothing was changed";

impl Work<'_> {
    /// Brings the service stack to its template, the images as they are, and takes that back where a stage doesn't bear it.
    ///
    /// # Errors
    /// As any change of the stack; when a stage doesn't bear it (exit status 5), and when it couldn't be taken back (6).
    pub(super) async fn infrastructure(
        self,
        stack: &Stack,
        asking: Asking,
        given_up: &BTreeSet<String>,
    ) -> anyhow::Result<Applied> {
        let wanted = self.stacks.service.keeping(stack)?;
        let former = patiently(self.context, UNCHANGED, async || self.aws.template(&stack.id).await).await?;
        let began = SystemTime::now();
        let applied = self.apply(&wanted, asking).await?;
        if !applied.changed || applied.under_way {
            return Ok(applied);
        }
        let places = self.places(&applied.stack).await?;
        let trouble = self.trouble(&places, began).await;
        self.context.progress.clear();
        let trouble = trouble?;
        if trouble.is_empty() {
            return Ok(applied);
        }
        let stacks = [stack, &applied.stack];
        Err(self.take_back(stacks, former, &places, (&trouble, given_up)).await)
    }

    /// What a change that began at a moment and is made did to the stages, once health checks have had the time to notice.
    async fn trouble(self, places: &Places, began: SystemTime) -> anyhow::Result<Vec<String>> {
        let (made, started) = (SystemTime::now(), Instant::now());
        let template: Value = serde_json::from_str(&self.stacks.service.template).coded(Code::Bug)?;
        let minutes = minutes_to_notice(&template);
        // The minute in which the change was made tells nothing.
        let limit = Duration::from_mins(u64::from(minutes) + 1) + ARRIVAL_LIMIT;
        loop {
            let look = async || targets(self.aws, places, began).await;
            let targets = patiently(self.context, LEAVING, look).await?;
            let now = SystemTime::now();
            let bearings = targets.map(|targets| targets.bearing([began, made], now, minutes));
            let trouble = [failing(bearings), self.reddened(places, began, bearings).await?].concat();
            if !trouble.is_empty() || !bearings.contains(&Bearing::Unknown) {
                return Ok(trouble);
            }
            if started.elapsed() > limit {
                self.context.tell(Note::unprotected(
                    "no metrics came to tell by whether the targets bear the change: look with `cargo xtask status`",
                ));
                return Ok(Vec::new());
            }
            self.show("watching what the change does to Onebox and Fleet", started)
                .await?;
        }
    }

    /// The alarms that turned red since a moment, of the stages that weren't unwell before.
    async fn reddened(self, places: &Places, since: SystemTime, bearings: [Bearing; 2]) -> anyhow::Result<Vec<String>> {
        let stages = [&places.onebox, &places.fleet].into_iter().zip(bearings);
        let judged = stages.filter(|(_, bearing)| *bearing != Bearing::Unwell);
        let names: Vec<String> = judged.flat_map(|(place, _)| place.alarms.clone()).collect();
        let look = async || self.aws.alarms(&names).await;
        let mut alarms = patiently(self.context, LEAVING, look).await?;
        alarms.retain(|alarm| alarm.is_red() && alarm.since.is_none_or(|at| at >= since));
        let lines = alarms.iter().map(|alarm| {
            let meaning = alarm.meaning().map(|words| words + ": ").unwrap_or_default();
            format!("{meaning}{}: {}", alarm.line(), alarm.condition())
        });
        Ok(lines.collect())
    }

    /// Deploys what the stack was before, asking nobody: it is what was promised.
    async fn take_back(
        self,
        [former, changed]: [&Stack; 2],
        template: String,
        places: &Places,
        (trouble, given_up): (&[String], &BTreeSet<String>),
    ) -> anyhow::Error {
        let because = trouble.first().map(String::as_str).unwrap_or_default();
        self.context.tell(Note {
            code: EventCode::PuttingBack,
            fields: json!({"image": null, "because": because}),
            text: format!("{because}: bringing the former template back"),
        });
        let wanted = as_before(former, template.clone(), &changed.parameters);
        let asking = Asking {
            yes: true,
            detach: false,
            purpose: Purpose::deploy(Scope::Back, None),
            part: Some("infrastructure"),
        };
        let back = match self.apply(&wanted, asking).await {
            Ok(applied) => self.well_again(&applied.stack, &template, places, given_up).await,
            Err(error) => Err(error),
        };
        taken_back(&former.name, trouble, back, self.again).into()
    }

    /// Waits until all tasks run and the targets are healthy again.
    async fn well_again(
        self,
        stack: &Stack,
        template: &str,
        places: &Places,
        given_up: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let (since, started) = (SystemTime::now(), Instant::now());
        let parsed: Value = serde_json::from_str(template).coded(Code::Bug)?;
        let limit = Duration::from_mins(u64::from(minutes_to_notice(&parsed)) + 1) + ARRIVAL_LIMIT;
        loop {
            let look = async || targets(self.aws, places, since).await;
            let targets = patiently(self.context, LEAVING, look).await?;
            let now = SystemTime::now();
            if targets.iter().all(|targets| targets.are_well_since(since, now)) {
                break;
            }
            if started.elapsed() > limit {
                let what = format!("after {} not all targets are healthy again", human(limit));
                return Err(Failure::new(Exit::RollbackFailed, what).into());
            }
            self.show("waiting until all targets are healthy again", started)
                .await?;
        }
        self.context.progress.clear();
        self.wait_for_tasks(stack, template, given_up).await
    }

    async fn show(self, doing: &str, started: Instant) -> anyhow::Result<()> {
        let line = format!("{doing}, {}", human(started.elapsed()));
        self.context.progress.block(&[line]);
        let pause = if self.aws.is_near() { NEAR_PAUSE } else { PAUSE };
        self.context.interrupt.sleep(LEAVING, pause).await
    }
}

/// The former template. What the parameters are meanwhile stays, as somebody may have moved an image; what the change has
/// taken out has its former value again.
fn as_before(former: &Stack, template: String, now: &BTreeMap<String, String>) -> Wanted {
    let (kept, gone) = former
        .parameters
        .iter()
        .partition::<Vec<_>, _>(|(name, _)| now.contains_key(*name));
    Wanted {
        name: former.name.clone(),
        template: Template::Text(template),
        parameters: gone
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        kept: kept.into_iter().map(|(name, _)| name.clone()).collect(),
    }
}

/// The targets of Onebox and of Fleet, from somewhat before a moment.
async fn targets(aws: &Aws, places: &Places, began: SystemTime) -> anyhow::Result<[Targets; 2]> {
    let questions = [&places.onebox, &places.fleet]
        .map(|place| ["HealthyHostCount", "UnHealthyHostCount"].map(|metric| place.question(metric, "Maximum")));
    let from = began - LOOK_BACK;
    let mut answers = aws
        .datapoints(&questions.concat(), from, SystemTime::now())
        .await?
        .into_iter();
    Ok([(); 2].map(|()| Targets {
        healthy: answers.next().unwrap_or_default(),
        unhealthy: answers.next().unwrap_or_default(),
    }))
}

/// The stages whose targets fail since, in words.
fn failing(bearings: [Bearing; 2]) -> Vec<String> {
    let stages = [Stage::Onebox, Stage::Fleet].into_iter().zip(bearings);
    let failing = stages.filter_map(|(stage, bearing)| match bearing {
        Bearing::Failing(1.0) => Some(format!("1 of {}'s targets fails its health checks", stage.name())),
        Bearing::Failing(count) => Some(format!(
            "{count} of {}'s targets fail their health checks",
            stage.name()
        )),
        _ => None,
    });
    failing.collect()
}

/// What a change of the infrastructure that wasn't borne is told as.
fn taken_back(stack: &str, trouble: &[String], back: anyhow::Result<()>, again: &str) -> Failure {
    let what = trouble.join("\n  ");
    match back {
        Ok(()) => Failure::new(
            Exit::RolledBack,
            format!("the change of the infrastructure was rolled back: {what}"),
        )
        .also(&format!(
            "{stack} has its former template again, and all tasks and targets are healthy"
        ))
        .next(format!("fix what the template changes, and run `{again}` again")),
        Err(error) => {
            let exit = match exit_of(&error) {
                Exit::Interrupted => Exit::Interrupted,
                _ => Exit::RollbackFailed,
            };
            let mut what = format!("the change of the infrastructure couldn't be rolled back: {what}");
            let _ = write!(what, "\n  {stack}, with its former template: {error:#}");
            let steps = Failure::of(&error)
                .map(|failure| failure.next.clone())
                .unwrap_or_default();
            let failure = Failure::new(exit, what).next("see what runs with `cargo xtask status`, and fix that first");
            steps.into_iter().fold(failure, Failure::next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telling::report::text as report;

    #[test]
    fn a_change_that_was_not_borne() {
        let trouble = failing([Bearing::Failing(3.0), Bearing::Failing(1.0)]);
        let told = |back| {
            let error = taken_back("Example", &trouble, back, "cargo xtask deploy sandbox --local").into();
            format!("{}\nexit {}", report(&error), exit_of(&error).code())
        };
        insta::assert_snapshot!(told(Ok(())), @"
        error[E-ROLLED-BACK]: the change of the infrastructure was rolled back: 3 of Onebox's targets fail their health checks
          1 of Fleet's targets fails its health checks
          Example has its former template again, and all tasks and targets are healthy
          next: fix what the template changes, and run `cargo xtask deploy sandbox --local` again
        exit 5
        ");
        let stuck = Failure::new(Exit::RolledBack, "Example: UPDATE_ROLLBACK_COMPLETE").next("act");
        insta::assert_snapshot!(told(Err(stuck.into())), @"
        error[E-ROLLBACK-FAILED]: the change of the infrastructure couldn't be rolled back: 3 of Onebox's targets fail their health checks
          1 of Fleet's targets fails its health checks
          Example, with its former template: Example: UPDATE_ROLLBACK_COMPLETE
          next: see what runs with `cargo xtask status`, and fix that first
          next: act
        exit 6
        ");
        assert!(failing([Bearing::Unwell, Bearing::Well]).is_empty());
    }

    #[test]
    fn going_back_leaves_what_somebody_moved_meanwhile() {
        let parameters = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let former = Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: parameters(&[("OneboxImage", "old"), ("TakenOut", "7")]),
            outputs: BTreeMap::new(),
        };
        let now = parameters(&[("OneboxImage", "new"), ("Added", "1")]);
        let wanted = as_before(&former, "{}".to_owned(), &now);
        assert_eq!(wanted.kept, ["OneboxImage"]);
        assert_eq!(wanted.parameters, parameters(&[("TakenOut", "7")]));
    }
}
