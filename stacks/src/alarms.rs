//! The alarms that roll a deployment back, and those that whoever deploys looks at besides.
//!
//! Every alarm takes a period without data for a good one (`notBreaching`): the load balancer reports a metric only while
//! there is something to report, so a quiet minute has none. That too few requests came to judge by is for whoever
//! deploys to say, not for an alarm. It also keeps one bad minute among empty ones from alarming before its time, and
//! every alarm from alarming while a stack is first created.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

mod expressions;
mod watched;

use cloudformation::generated::ecs_cluster::Cluster;
use cloudformation::generated::ecs_service::Service;
use cloudformation::relations::{AlarmWindow, BakeTime, WatchingAlarm};
use cloudformation::{Handle, Template, Value};
use constants::APPLICATION_NAME;
use constants::alarm::{
    DATAPOINTS_TO_ALARM, EVALUATION_PERIODS, LONGEST_METRIC_LAG_MINUTES, PERIOD_SECONDS, UNHEALTHY_DATAPOINTS_TO_ALARM,
};
use constants::deployment::BAKE_MINUTES;

use self::watched::Watched;
use crate::reverse_proxy::ReverseProxy;
use crate::stage::PerStage;
use crate::{Environment, Stage, arn};

/// What the alarms look at.
pub(crate) type Window = AlarmWindow<DATAPOINTS_TO_ALARM, EVALUATION_PERIODS, PERIOD_SECONDS>;

/// What the alarm on targets looks at: it stays red as long as the others, so that nobody who asks now and then misses it.
type HealthWindow = AlarmWindow<UNHEALTHY_DATAPOINTS_TO_ALARM, EVALUATION_PERIODS, PERIOD_SECONDS>;

/// How long the alarms go on watching a deployment.
pub(crate) const BAKE_TIME: BakeTime<Window> = BakeTime::minutes(BAKE_MINUTES, LONGEST_METRIC_LAG_MINUTES);

const WHY: &str = "Rolls a bad deployment back.";

/// The alarms of an environment, for rights on them.
pub(crate) fn arn(environment: Environment) -> Value<String> {
    arn::of("cloudwatch", &[&"alarm:", &name_prefix(environment), &"*"])
}

fn name_prefix(environment: Environment) -> String {
    format!("{APPLICATION_NAME}-{}-", environment.suffix())
}

/// What the alarms are about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) environment: Environment,
    pub(crate) proxy: &'a ReverseProxy,
    pub(crate) cluster: &'a Handle<Cluster>,
}

/// The alarms of each stage.
pub(crate) struct Alarms(PerStage<OfStage>);

/// The alarms of one stage.
struct OfStage {
    /// On what clients see: they watch the stage's own deployment.
    answers: Vec<WatchingAlarm<Window>>,
    /// On the tasks themselves. ECS's circuit breaker counts the same failures sooner while the stage's own deployment
    /// goes on. These alarms would then turn red on the way back, and may fail that as well: AWS's guide doesn't say that
    /// they can't.
    tasks: [WatchingAlarm<Window>; 2],
}

impl Alarms {
    /// Adds the alarms of both stages to a template.
    pub(crate) fn add(template: &mut Template, subject: Subject<'_>) -> Self {
        Self(PerStage::add(template, |template, stage| {
            let watched = Watched { subject, stage };
            let alarms = [
                ("ResponseTimeAlarm", watched.response_time()),
                ("ServerErrorAlarm", watched.server_errors()),
                ("ConnectionErrorAlarm", watched.connection_errors()),
                ("UnansweredAlarm", watched.unanswered()),
            ];
            let answers = alarms
                .into_iter()
                .map(|(name, alarm)| alarm.add(template, stage.logical_id(name), WHY))
                .collect();
            let targets = watched
                .unhealthy_targets()
                .add(template, stage.logical_id("UnhealthyTargetAlarm"), WHY);
            let capacity = watched
                .too_few_tasks()
                .add(template, stage.logical_id("TooFewTasksAlarm"), WHY);
            OfStage {
                answers,
                tasks: [targets.beside(), capacity],
            }
        }))
    }

    /// The alarms that roll a stage's deployment back: its own on answers, and for Fleet all of Onebox's as well. What
    /// shows only after a while shows at Onebox first, which had the change before, and by then nothing else watches it.
    pub(crate) fn watching(&self, stage: Stage) -> Vec<WatchingAlarm<Window>> {
        let PerStage { onebox, fleet } = &self.0;
        match stage {
            Stage::Onebox => onebox.answers.clone(),
            Stage::Fleet => {
                let answers = fleet.answers.iter().chain(&onebox.answers);
                answers.chain(&onebox.tasks).cloned().collect()
            }
        }
    }
}

/// Adds the alarm on the load balancer's own errors, which whoever deploys looks at after each step.
///
/// No deployment is watched by it. Onebox's share of the requests is too small to raise it; what Fleet's tasks do to it,
/// Fleet's own alarms tell as well. And a red alarm makes ECS ignore all alarms of a deployment that begins, such as the
/// one that repairs what made it red. Created after the services, so that requests that come before there is any task
/// don't count.
pub(crate) fn add_shared(template: &mut Template, subject: Subject<'_>, last: &Handle<Service>) {
    watched::load_balancer_errors(subject).add_after(
        template,
        "LoadBalancerErrorAlarm",
        "Tells that the load balancer itself refuses requests.",
        last,
    );
}
