//! What the alarms calculate from several metrics.
//!
//! A metric that the load balancer doesn't report in a minute counts as 0 (`FILL`); a share is taken only of enough
//! requests (`IF`), so that a few failures in a quiet minute are no evidence. What must be there for any verdict is never
//! filled: otherwise the minutes that aren't published yet would count as good ones, and three of four never breach.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>

use constants::alarm::MINIMUM_REQUESTS;

/// The ids of the queries that count a stage's requests and the responses of its targets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    /// Requests.
    pub(super) requests: &'static str,
    /// Responses by the first digit of their status: 2, 3, 4 and 5.
    pub(super) responses: [&'static str; 4],
}

/// Of the stage that an alarm is about.
pub(super) const OWN: Counts = Counts {
    requests: "requests",
    responses: ["own2xx", "own3xx", "own4xx", "own5xx"],
};

/// Of Fleet, where it is compared with.
pub(super) const FLEET: Counts = Counts {
    requests: "fleetRequests",
    responses: ["fleet2xx", "fleet3xx", "fleet4xx", "fleet5xx"],
};

/// The metrics of the responses, in the same order.
pub(super) const RESPONSES: [&str; 4] = [
    "HTTPCode_Target_2XX_Count",
    "HTTPCode_Target_3XX_Count",
    "HTTPCode_Target_4XX_Count",
    "HTTPCode_Target_5XX_Count",
];

/// The share of the requests that got no response from a target, in per cent: 502, 503 and 504 of the load balancer, and
/// clients that hang up. No metric of a target group counts these.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
pub(super) fn unanswered(counts: Counts) -> String {
    let requests = counts.requests;
    let responses = counts.responses.map(|id| format!("FILL({id}, 0)")).join(" - ");
    format!("IF({requests} >= {MINIMUM_REQUESTS}, 100 * ({requests} - {responses}) / {requests}, 0)")
}

/// The running tasks that a service lacks to its minimum, once it is to have so many.
pub(super) fn missing_tasks(minimum: i64) -> String {
    format!("IF(desired >= {minimum}, {minimum} - running, 0)")
}

/// The share of the load balancer's own errors, in per cent. A request for which there was no target is no request to its
/// metrics, but an error; one that a target failed is both, so the share of many is less than it seems.
pub(super) fn load_balancer_errors() -> String {
    format!("IF(FILL(requests, 0) + errors >= {MINIMUM_REQUESTS}, 100 * errors / (FILL(requests, 0) + errors), 0)")
}
