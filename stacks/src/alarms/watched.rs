//! What each alarm looks at.

use cloudformation::Value;
use cloudformation::generated::cloud_watch_alarm::{
    Alarm, ComparisonOperator, Dimension, DimensionRequired, Metric, TreatMissingData,
};
use cloudformation::relations::{self, Query, Statistic, Watch};
use constants::alarm::{
    CONNECTION_ERRORS, LOAD_BALANCER_ERROR_PERCENT, MISSING_TASKS, RESPONSE_TIME_SECONDS, RESPONSE_TIME_STATISTIC,
    SERVER_ERROR_PERCENT, UNANSWERED_PERCENT, UNHEALTHY_PERCENT,
};

use super::expressions::{self, Counts, FLEET, OWN, RESPONSES};
use super::{HealthWindow, Subject, Window, name_prefix};
use crate::{Environment, Stage};

/// The namespace of the load balancer's metrics.
const LOAD_BALANCER: &str = "AWS/ApplicationELB";

/// The namespace of the services' metrics, which Container Insights makes.
const SERVICES: &str = "ECS/ContainerInsights";

const WINDOW: Window = Window::new();
const HEALTH_WINDOW: HealthWindow = HealthWindow::new();

const SLOWEST: Statistic = Statistic::new(RESPONSE_TIME_STATISTIC);
const SUM: Statistic = Statistic::new("Sum");
const MAXIMUM: Statistic = Statistic::new("Maximum");
const MINIMUM: Statistic = Statistic::new("Minimum");

/// A stage's service and targets, for alarms on them.
pub(super) struct Watched<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) stage: Stage,
}

impl Watched<'_> {
    /// As a metric query, whose statistic may be any: the alarm's own `ExtendedStatistic` is documented for trimmed means
    /// up to 90 % only.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html>
    pub(super) fn response_time(&self) -> Watch<Window> {
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
    pub(super) fn server_errors(&self) -> Watch<Window> {
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
    pub(super) fn connection_errors(&self) -> Watch<Window> {
        let errors = WINDOW.metric("errors", self.metric("TargetConnectionErrorCount"), &SUM);
        self.alarm(
            "ConnectionErrors",
            "The load balancer can't connect to its targets.",
            CONNECTION_ERRORS,
            WINDOW.watch(errors, []),
        )
    }

    /// Of Onebox its share less Fleet's: clients hang up on both stages alike. With that it refers to ten metrics, and no
    /// alarm may refer to more. All counts of a minute must be published together; AWS doesn't say so, and an alarm on
    /// three of four minutes passes one that is half there.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>
    pub(super) fn unanswered(&self) -> Watch<Window> {
        const LABEL: &str = "Requests without a response from a target, in per cent";
        let own = expressions::unanswered(OWN);
        let watch = match self.stage {
            Stage::Fleet => {
                let share = WINDOW.expression("share", LABEL, own);
                WINDOW.watch(share, self.counts(OWN, Stage::Fleet))
            }
            Stage::Onebox => {
                let rise = WINDOW.expression(
                    "rise",
                    "More of them than at Fleet, in percentage points",
                    "own - FILL(fleet, 0)",
                );
                let own = WINDOW.expression("own", LABEL, own);
                let fleet = WINDOW.expression("fleet", "The same at Fleet", expressions::unanswered(FLEET));
                let counts = self.counts(OWN, Stage::Onebox).into_iter();
                let counts = counts.chain(self.counts(FLEET, Stage::Fleet));
                WINDOW.watch(rise, [own, fleet].into_iter().chain(counts))
            }
        };
        self.alarm(
            "Unanswered",
            "Too many of the requests get no response from a task.",
            UNANSWERED_PERCENT,
            watch,
        )
    }

    /// Tasks that fail their health checks. ECS replaces them, and its circuit breaker counts them while it watches, but
    /// begins anew with each replacement that passes its first check; so tasks that fail one after another never trip it.
    ///
    /// The most in the minute on both sides, as ECS takes an unhealthy target away when its replacement is healthy.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
    pub(super) fn unhealthy_targets(&self) -> Watch<HealthWindow> {
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

    /// Fewer running tasks than the stage's minimum. ECS's own count, as it is there without any task too, where the load
    /// balancer's `HealthyHostCount` has gaps.
    ///
    /// Missing data count as good, and so does a service that is to have fewer tasks: while a stack is first created there
    /// is no service, then one with a single task, and the scalable target asks for its minimum only after that. The least
    /// in each minute, so that tasks which start and end again count as missing.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html>
    pub(super) fn too_few_tasks(&self) -> Watch<Window> {
        let missing = WINDOW.expression(
            "missing",
            "Tasks that are missing to the minimum",
            expressions::missing_tasks(self.stage.capacity().minimum()),
        );
        let desired = WINDOW.metric("desired", self.of_service("DesiredTaskCount"), &MINIMUM);
        let running = WINDOW.metric("running", self.of_service("RunningTaskCount"), &MINIMUM);
        self.alarm(
            "TooFewTasks",
            "Fewer tasks run than the stage's minimum.",
            MISSING_TASKS,
            WINDOW.watch(missing, [desired, running]),
        )
    }

    fn counts(&self, counts: Counts, stage: Stage) -> Vec<Query<Window>> {
        let ids = std::iter::once(counts.requests).chain(counts.responses);
        let names = std::iter::once("RequestCount").chain(RESPONSES);
        let query = |(id, name)| WINDOW.metric(id, self.metric_of(stage, name), &SUM);
        ids.zip(names).map(query).collect()
    }

    fn alarm<W: relations::Window>(
        &self,
        name: &str,
        description: &'static str,
        threshold: u8,
        watch: Watch<W>,
    ) -> Watch<W> {
        let name = format!("{}-{name}", self.stage.name());
        watch.with(|alarm| named(alarm, self.subject.environment, &name, description, threshold))
    }

    fn metric(&self, name: &'static str) -> Metric {
        self.metric_of(self.stage, name)
    }

    fn metric_of(&self, stage: Stage, name: &'static str) -> Metric {
        let proxy = self.subject.proxy;
        Metric::new()
            .dimensions([
                dimension("LoadBalancer", proxy.full_name()),
                dimension("TargetGroup", proxy.target_group_full_name(stage)),
            ])
            .metric_name(name)
            .namespace(LOAD_BALANCER)
    }

    fn of_service(&self, name: &'static str) -> Metric {
        Metric::new()
            .dimensions([
                dimension("ClusterName", self.subject.cluster.reference().text()),
                dimension("ServiceName", self.stage.service_name().into()),
            ])
            .metric_name(name)
            .namespace(SERVICES)
    }
}

/// On all requests, as the load balancer's own errors are counted for no target group.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
pub(super) fn load_balancer_errors(subject: Subject<'_>) -> Watch<Window> {
    let metric = |name: &'static str| {
        Metric::new()
            .dimensions([dimension("LoadBalancer", subject.proxy.full_name())])
            .metric_name(name)
            .namespace(LOAD_BALANCER)
    };
    let share = WINDOW.expression(
        "share",
        "The load balancer's own 5xx responses, in per cent",
        expressions::load_balancer_errors(),
    );
    let errors = WINDOW.metric("errors", metric("HTTPCode_ELB_5XX_Count"), &SUM);
    let requests = WINDOW.metric("requests", metric("RequestCount"), &SUM);
    let description = "The load balancer itself responds to too many requests with a 5xx status.";
    WINDOW.watch(share, [errors, requests]).with(|alarm| {
        let name = "LoadBalancer-Errors";
        named(
            alarm,
            subject.environment,
            name,
            description,
            LOAD_BALANCER_ERROR_PERCENT,
        )
    })
}

/// Red from the threshold on, whatever the alarm looks at.
fn named(alarm: Alarm, environment: Environment, name: &str, description: &'static str, threshold: u8) -> Alarm {
    alarm
        .alarm_description(description)
        .alarm_name(format!("{}{name}", name_prefix(environment)))
        .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .threshold(f64::from(threshold))
        .treat_missing_data(TreatMissingData::NotBreaching)
}

fn dimension(name: &'static str, value: Value<String>) -> Dimension {
    Dimension::new(DimensionRequired {
        name: name.into(),
        value,
    })
}
