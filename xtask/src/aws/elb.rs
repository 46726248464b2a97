//! Elastic Load Balancing: whether a load balancer serves.

use super::calls::elb;
use super::{Aws, query};

/// The state of a load balancer that can't serve.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html>
const FAILED: &str = "failed";

/// The targets of a target group, by their health.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Targets {
    /// How many pass their health checks.
    pub(crate) healthy: u64,
    /// How many fail them.
    pub(crate) unhealthy: u64,
    /// How many are being registered or drained, or aren't checked.
    pub(crate) others: u64,
    /// AWS's reason for one that fails: `Target.Timeout`.
    pub(crate) reason: Option<String>,
}

impl Aws {
    /// Why a load balancer serves nobody, in AWS's words; none where it does.
    ///
    /// # Errors
    /// When there is none with this ARN, or AWS can't be asked.
    pub(crate) async fn load_balancer_failure(&self, arn: &str) -> anyhow::Result<Option<String>> {
        let fields = [("LoadBalancerArns.member.1", arn)];
        let answer = query::call(self, elb::DESCRIBE_LOAD_BALANCERS, &fields).await?;
        Ok(query::elements(&answer, "State").next().and_then(failure))
    }

    /// The targets of a target group.
    ///
    /// # Errors
    /// If there is no such target group, or AWS can't be reached.
    pub(crate) async fn targets(&self, target_group: &str) -> anyhow::Result<Targets> {
        let fields = [("TargetGroupArn", target_group)];
        let answer = query::call(self, elb::DESCRIBE_TARGET_HEALTH, &fields).await?;
        Ok(targets(&answer))
    }

    /// The load balancers that serve nobody: each one's name, and why.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub(crate) async fn failed_load_balancers(&self) -> anyhow::Result<Vec<(String, String)>> {
        let answer = query::call(self, elb::DESCRIBE_LOAD_BALANCERS, &[]).await?;
        Ok(failures(&answer))
    }
}

fn targets(answer: &str) -> Targets {
    let mut targets = Targets::default();
    for health in query::elements(answer, "TargetHealth") {
        let text = |name: &str| query::elements(health, name).next();
        match text("State") {
            Some("healthy") => targets.healthy += 1,
            Some("unhealthy" | "unavailable") => {
                targets.unhealthy += 1;
                targets.reason = text("Reason").map(ToOwned::to_owned).or(targets.reason);
            }
            _ => targets.others += 1,
        }
    }
    targets
}

/// Each load balancer has one name and one state.
fn failures(answer: &str) -> Vec<(String, String)> {
    let names = query::elements(answer, "LoadBalancerName").map(ToOwned::to_owned);
    let states = query::elements(answer, "State").map(failure);
    let failed = names.zip(states).filter_map(|(name, failure)| Some((name, failure?)));
    failed.collect()
}

/// The reason of a state that says failure.
fn failure(state: &str) -> Option<String> {
    let text = |name: &str| query::elements(state, name).next();
    let failed = text("Code") == Some(FAILED);
    failed.then(|| text("Reason").unwrap_or("no reason is given").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failed_is_a_failure() {
        let check = |state: &str, expected: Option<&str>| assert_eq!(failure(state).as_deref(), expected, "{state}");
        check("<Code>active</Code>", None);
        check("<Code>active_impaired</Code><Reason>slow</Reason>", None);
        check("<Code>failed</Code><Reason>no port</Reason>", Some("no port"));
        check("<Code>failed</Code>", Some("no reason is given"));
    }

    #[test]
    fn targets_are_counted_by_their_health() {
        let target = |state: &str| format!("<member><TargetHealth><State>{state}</State></TargetHealth></member>");
        let failing =
            "<member><TargetHealth><State>unhealthy</State><Reason>Target.Timeout</Reason></TargetHealth></member>";
        let answer = [
            target("healthy"),
            failing.to_owned(),
            target("draining"),
            target("initial"),
        ]
        .concat();
        let expected = Targets {
            healthy: 1,
            unhealthy: 1,
            others: 2,
            reason: Some("Target.Timeout".to_owned()),
        };
        assert_eq!(targets(&answer), expected);
        assert_eq!(targets(""), Targets::default());
    }

    #[test]
    fn those_that_failed_are_named() {
        let member = |name: &str, state: &str| {
            format!(
                "<member><LoadBalancerName>{name}</LoadBalancerName><State><Code>{state}</Code><Reason>no port</Reason>\
                 </State><AvailabilityZones><member><ZoneName>a</ZoneName></member></AvailabilityZones></member>"
            )
        };
        let answer = [member("One", "active"), member("Two", "failed")].concat();
        assert_eq!(failures(&answer), [("Two".to_owned(), "no port".to_owned())]);
    }
}
