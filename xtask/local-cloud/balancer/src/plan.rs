//! The desired state, as data: what listens, by which rules, and where requests may go.
//!
//! Every duration is taken as it stands; whoever speeds time up scales them first.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use crate::{
    condition::Condition,
    id::{ListenerId, TargetGroupId, TargetId},
    matcher::Matcher,
};

/// The whole desired state. Applying the same plan twice changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What each listener does with a request. A listener that is bound but absent here answers 503.
    pub listeners: BTreeMap<ListenerId, ListenerPlan>,
    /// The target groups and their registered targets.
    pub target_groups: BTreeMap<TargetGroupId, TargetGroupPlan>,
}

impl Plan {
    /// The target groups that a listener's rule or default action forwards to, whatever the weight.
    pub(crate) fn groups_in_use(&self) -> BTreeSet<&TargetGroupId> {
        let listeners = self.listeners.values();
        listeners
            .flat_map(|listener| {
                let rules = listener.rules.iter().map(|rule| &rule.action);
                rules.chain(std::iter::once(&listener.default_action))
            })
            .flat_map(|action| match action {
                Action::Forward(groups) => groups.iter().map(|(group, _)| group).collect(),
                Action::FixedResponse(_) | Action::Redirect(_) => Vec::new(),
            })
            .collect()
    }
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerPlan {
    /// The load balancer's attributes, as far as they bear on a request.
    pub attributes: Attributes,
    /// Evaluated from the lowest priority number to the highest; the first that matches acts.
    pub rules: Vec<Rule>,
    /// What happens to a request that no rule matches.
    pub default_action: Action,
}

/// Attributes of a load balancer.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// `idle_timeout.timeout_seconds`: 1 to 4000 seconds on AWS, 60 by default.
    pub idle_timeout: Duration,
    /// `client_keep_alive.seconds`: after this long a connection takes one more request; 60 to 604800 seconds, 3600 by default.
    pub client_keep_alive: Duration,
    /// `routing.http.drop_invalid_header_fields.enabled`: drop headers whose name isn't of letters, digits and hyphens.
    pub drop_invalid_header_fields: bool,
    /// `routing.http.xff_header_processing.mode`.
    pub x_forwarded_for: XForwardedFor,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_mins(1),
            client_keep_alive: Duration::from_hours(1),
            drop_invalid_header_fields: false,
            x_forwarded_for: XForwardedFor::default(),
        }
    }
}

/// What is done with `X-Forwarded-For`.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XForwardedFor {
    /// The client's address is appended.
    #[default]
    Append,
    /// The header passes as it came.
    Preserve,
    /// The header is taken out.
    Remove,
}

/// One listener rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// 1 to 50000; the lowest is tried first.
    pub priority: u32,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// What is done with a request that matches.
    pub action: Action,
}

/// What is done with a request.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends each request to one of the groups, in proportion to the weights (0 to 999). No failover from one group to another.
    Forward(Vec<(TargetGroupId, u16)>),
    /// Answers by itself.
    FixedResponse(FixedResponse),
    /// Sends the client elsewhere.
    Redirect(Redirect),
}

/// A fixed response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// 200 to 599; anything that isn't a status code is answered 500.
    pub status_code: u16,
    /// Such as `text/plain`.
    pub content_type: Option<String>,
    /// At most 1024 bytes on AWS.
    pub message_body: Option<String>,
}

/// A redirect; each part may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// 301 or 302.
    pub status_code: u16,
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: String,
    /// The host without its port.
    pub host: String,
    /// The port.
    pub port: String,
    /// Begins with a slash.
    pub path: String,
    /// Without the question mark.
    pub query: String,
}

impl Default for Redirect {
    fn default() -> Self {
        Self {
            status_code: 302,
            protocol: "#{protocol}".to_owned(),
            host: "#{host}".to_owned(),
            port: "#{port}".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
        }
    }
}

/// One target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupPlan {
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// `deregistration_delay.timeout_seconds`: 0 to 3600 seconds on AWS, 300 by default.
    pub deregistration_delay: Duration,
    /// How long requests in flight may take at the most once the target is deregistered; less than the delay counts as the
    /// delay. On AWS the two are one.
    pub drain_limit: Duration,
    /// How a target is chosen.
    pub algorithm: Algorithm,
    /// The registered targets. One that is missing from the next plan drains.
    pub targets: BTreeMap<TargetId, SocketAddr>,
}

impl Default for TargetGroupPlan {
    fn default() -> Self {
        Self {
            health_check: HealthCheck::default(),
            deregistration_delay: Duration::from_mins(5),
            drain_limit: Duration::ZERO,
            algorithm: Algorithm::default(),
            targets: BTreeMap::new(),
        }
    }
}

/// How targets are checked.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Where false, targets are `unavailable` and get requests.
    pub enabled: bool,
    /// Path and query; `/` by default.
    pub path: String,
    /// The port checked; none means the target's own (`traffic-port`).
    pub port: Option<u16>,
    /// 5 to 300 seconds on AWS, 30 by default.
    pub interval: Duration,
    /// 2 to 120 seconds on AWS, 5 by default.
    pub timeout: Duration,
    /// Passes in a row that make an unhealthy target healthy: 2 to 10, 5 by default.
    pub healthy_threshold: u32,
    /// Failures in a row that make a target unhealthy: 2 to 10, 2 by default.
    pub unhealthy_threshold: u32,
    /// The status codes that pass.
    pub matcher: Matcher,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/".to_owned(),
            port: None,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher::default(),
        }
    }
}

/// How a target is chosen within its group (`load_balancing.algorithm.type`).
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// One after another.
    #[default]
    RoundRobin,
    /// The target with the fewest requests in flight; among equals, one after another.
    LeastOutstandingRequests,
    /// At random with equal weights. Anomaly mitigation, which AWS offers with it, isn't there.
    WeightedRandom,
}
