//! Elastic Load Balancing: whether a load balancer serves.

use super::calls::elb;
use super::{Aws, query};

/// The state of a load balancer that can't serve.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html>
const FAILED: &str = "failed";

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

    /// The load balancers that serve nobody: each one's name, and why.
    ///
    /// # Errors
    /// When AWS can't be asked.
    pub(crate) async fn failed_load_balancers(&self) -> anyhow::Result<Vec<(String, String)>> {
        let answer = query::call(self, elb::DESCRIBE_LOAD_BALANCERS, &[]).await?;
        Ok(failures(&answer))
    }
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
