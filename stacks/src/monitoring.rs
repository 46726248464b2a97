//! What tells a bad change: logs, and the alarms that roll a deployment back.
//!
//! Every alarm takes a period without data for a good one (`notBreaching`): the load balancer reports a metric only while
//! there is something to report, so a quiet minute has none. That too few requests came to judge by is for whoever
//! deploys to say, not for an alarm. It also keeps one bad minute among empty ones from alarming before its time.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

use cloudformation::generated::cloud_watch_alarm::{
    ComparisonOperator, Dimension, DimensionRequired, Metric, TreatMissingData,
};
use cloudformation::generated::logs_log_group::{LogGroup, RetentionInDays};
use cloudformation::relations::{self, AlarmWindow, BakeTime, Statistic, Watch, WatchingAlarm};
use cloudformation::{DeletionPolicy, Handle, Options, Template, Value};
use constants::APPLICATION_NAME;
use constants::alarm::{
    CONNECTION_ERRORS, DATAPOINTS_TO_ALARM, EVALUATION_PERIODS, PERIOD_SECONDS, RESPONSE_TIME_SECONDS,
    RESPONSE_TIME_STATISTIC, SERVER_ERROR_PERCENT, UNHEALTHY_DATAPOINTS_TO_ALARM, UNHEALTHY_PERCENT,
};
use constants::deployment::BAKE_MINUTES;
use constants::environment::{PRODUCTION_LOG_RETENTION_DAYS, SANDBOX_LOG_RETENTION_DAYS};

use crate::reverse_proxy::ReverseProxy;
use crate::stage::PerStage;
use crate::{Environment, Stage, arn};

const SANDBOX_RETENTION: RetentionInDays = RetentionInDays::of::<SANDBOX_LOG_RETENTION_DAYS>();
const PRODUCTION_RETENTION: RetentionInDays = RetentionInDays::of::<PRODUCTION_LOG_RETENTION_DAYS>();

/// The namespace of the load balancer's metrics.
const NAMESPACE: &str = "AWS/ApplicationELB";

/// What the alarms look at.
pub(crate) type Window = AlarmWindow<DATAPOINTS_TO_ALARM, EVALUATION_PERIODS, PERIOD_SECONDS>;

/// What the alarm on targets looks at: it stays red as long as the others, so that nobody who asks now and then misses it.
type HealthWindow = AlarmWindow<UNHEALTHY_DATAPOINTS_TO_ALARM, EVALUATION_PERIODS, PERIOD_SECONDS>;

const WINDOW: Window = Window::new();
const HEALTH_WINDOW: HealthWindow = HealthWindow::new();

/// How long the alarms go on watching a deployment.
pub(crate) const BAKE_TIME: BakeTime<Window> = BakeTime::minutes(BAKE_MINUTES);

const SLOWEST: Statistic = Statistic::new(RESPONSE_TIME_STATISTIC);
const SUM: Statistic = Statistic::new("Sum");
const MAXIMUM: Statistic = Statistic::new("Maximum");

/// Adds the log group of each stage.
pub(crate) fn add_log_groups(template: &mut Template, environment: Environment) -> PerStage<Handle<LogGroup>> {
    PerStage::each(|stage| {
        let group = LogGroup::new()
            .log_group_name(environment.log_group_name(stage))
            .retention_in_days(retention(environment));
        template.add_with(
            stage.logical_id("LogGroup"),
            "The stage's logs.",
            group,
            log_group_options(),
        )
    })
}

/// The log groups of an environment's stages, for rights on them.
pub(crate) fn log_groups_arn(environment: Environment) -> Value<String> {
    arn::of("logs", &[&"log-group:", &environment.log_group_prefix(), &"*"])
}

/// What those groups hold, for rights on it: AWS's policies know a stream as a resource of its own.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>
pub(crate) fn log_streams_arn(environment: Environment) -> Value<String> {
    let prefix = environment.log_group_prefix();
    arn::of("logs", &[&"log-group:", &prefix, &"*:log-stream:*"])
}

/// The alarms of an environment's stages, for rights on them.
pub(crate) fn alarms_arn(environment: Environment) -> Value<String> {
    arn::of("cloudwatch", &[&"alarm:", &alarm_prefix(environment), &"*"])
}

fn alarm_prefix(environment: Environment) -> String {
    format!("{APPLICATION_NAME}-{}-", environment.suffix())
}

/// A fixed name that stayed behind would stand in the next deployment's way.
fn log_group_options() -> Options {
    Options::new()
        .deletion_policy(DeletionPolicy::Delete)
        .update_replace_policy(DeletionPolicy::Retain)
}

fn retention(environment: Environment) -> RetentionInDays {
    match environment {
        Environment::Sandbox | Environment::Deployments => SANDBOX_RETENTION,
        Environment::Production => PRODUCTION_RETENTION,
    }
}

/// The alarms of each stage.
pub(crate) struct Alarms(PerStage<OfStage>);

/// The alarms of one stage.
struct OfStage {
    /// On what clients meet: they watch the stage's own deployment.
    answers: Vec<WatchingAlarm<Window>>,
    /// On the targets themselves. ECS's circuit breaker counts the same failures sooner while the stage's own deployment
    /// goes on. The alarm would then turn red on the way back, and may fail that as well: AWS's guide doesn't say that it can't.
    targets: WatchingAlarm<Window>,
}

impl Alarms {
    /// Adds the alarms to a template.
    pub(crate) fn add(template: &mut Template, environment: Environment, proxy: &ReverseProxy) -> Self {
        Self(PerStage::each(|stage| {
            let watched = Watched {
                environment,
                stage,
                proxy,
            };
            let why = "Rolls a bad deployment back.";
            let alarms = [
                ("ResponseTimeAlarm", watched.response_time()),
                ("ServerErrorAlarm", watched.server_errors()),
                ("ConnectionErrorAlarm", watched.connection_errors()),
            ];
            let answers = alarms
                .into_iter()
                .map(|(name, alarm)| alarm.add(template, stage.logical_id(name), why))
                .collect();
            let targets = watched
                .unhealthy_targets()
                .add(template, stage.logical_id("UnhealthyTargetAlarm"), why);
            OfStage {
                answers,
                targets: targets.beside(),
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
                answers.chain([&onebox.targets]).cloned().collect()
            }
        }
    }
}

/// The targets that an alarm is about.
struct Watched<'a> {
    environment: Environment,
    stage: Stage,
    proxy: &'a ReverseProxy,
}

impl Watched<'_> {
    /// As a metric query, whose statistic may be any: the alarm's own `ExtendedStatistic` is documented for trimmed means
    /// up to 90 % only.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html>
    fn response_time(&self) -> Watch<Window> {
        let slowest = WINDOW.metric("slowest", self.metric("TargetResponseTime"), &SLOWEST);
        self.alarm(
            "ResponseTime",
            "The slowest tenth of the answers takes too long.",
            RESPONSE_TIME_SECONDS,
            WINDOW.watch(slowest, []),
        )
    }

    /// A share, because a number of errors means little without the number of requests. Fast errors make the response
    /// time look better, so it alone would pass them. A minute without errors has no data point, and counts as good.
    fn server_errors(&self) -> Watch<Window> {
        let share = WINDOW.expression(
            "share",
            "Answers with a 5xx status, in per cent",
            "100 * errors / requests",
        );
        let errors = WINDOW.metric("errors", self.metric("HTTPCode_Target_5XX_Count"), &SUM);
        let requests = WINDOW.metric("requests", self.metric("RequestCount"), &SUM);
        self.alarm(
            "ServerErrors",
            "Too many of the answers have a 5xx status.",
            SERVER_ERROR_PERCENT,
            WINDOW.watch(share, [errors, requests]),
        )
    }

    /// Targets that don't answer at all: such requests have neither response time nor status.
    fn connection_errors(&self) -> Watch<Window> {
        let errors = WINDOW.metric("errors", self.metric("TargetConnectionErrorCount"), &SUM);
        self.alarm(
            "ConnectionErrors",
            "The load balancer can't connect to its targets.",
            CONNECTION_ERRORS,
            WINDOW.watch(errors, []),
        )
    }

    /// Tasks that fail their health checks. ECS replaces them, and its circuit breaker counts them while it watches, but
    /// begins anew with each replacement that passes its first check; so tasks that fail one after another never trip it.
    ///
    /// The most in the minute on both sides, as ECS takes an unhealthy target away when its replacement is healthy.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
    fn unhealthy_targets(&self) -> Watch<HealthWindow> {
        let share = HEALTH_WINDOW.expression(
            "share",
            "Targets that fail their health checks, in per cent",
            "100 * unhealthy / (unhealthy + healthy)",
        );
        let unhealthy = HEALTH_WINDOW.metric("unhealthy", self.metric("UnHealthyHostCount"), &MAXIMUM);
        let healthy = HEALTH_WINDOW.metric("healthy", self.metric("HealthyHostCount"), &MAXIMUM);
        self.alarm(
            "UnhealthyTargets",
            "Too many of the tasks fail their health checks.",
            UNHEALTHY_PERCENT,
            HEALTH_WINDOW.watch(share, [unhealthy, healthy]),
        )
    }

    fn alarm<W: relations::Window>(
        &self,
        name: &str,
        description: &'static str,
        threshold: u8,
        watch: Watch<W>,
    ) -> Watch<W> {
        let (prefix, stage) = (alarm_prefix(self.environment), self.stage.name());
        watch.with(|alarm| {
            alarm
                .alarm_description(description)
                .alarm_name(format!("{prefix}{stage}-{name}"))
                .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
                .threshold(f64::from(threshold))
                .treat_missing_data(TreatMissingData::NotBreaching)
        })
    }

    fn metric(&self, name: &'static str) -> Metric {
        let dimension = |name: &'static str, value| {
            Dimension::new(DimensionRequired {
                name: name.into(),
                value,
            })
        };
        Metric::new()
            .dimensions([
                dimension("LoadBalancer", self.proxy.full_name()),
                dimension("TargetGroup", self.proxy.target_group_full_name(self.stage)),
            ])
            .metric_name(name)
            .namespace(NAMESPACE)
    }
}
