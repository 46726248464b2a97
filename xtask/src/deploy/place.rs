//! Where a service stack's stages are: services, load balancer, target groups and alarms, by its resources.

use anyhow::Context as _;
use stacks::{Stage, service};

use crate::alarms;
use crate::aws::Aws;
use crate::aws::cloudwatch::Question;
use crate::code::Code;
use crate::exit::Coded as _;
use crate::services::Service;
use crate::stack::{Resource, Stack};

const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";

/// A stage's place in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The load balancer, as metrics name it: `app/name/id`.
    pub(crate) load_balancer: String,
    /// The target group, as metrics name it: `targetgroup/name/id`.
    pub(crate) target_group: String,
    /// The names of its alarms.
    pub(crate) alarms: Vec<String>,
    /// The cluster's name.
    pub(crate) cluster: String,
    /// The ECS service's name.
    pub(crate) service: String,
}

/// The places of both stages of a service stack, and where clients find them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// Onebox's.
    pub(crate) onebox: Place,
    /// Fleet's.
    pub(crate) fleet: Place,
    /// The load balancer's ARN.
    pub(crate) load_balancer: String,
    /// The names of the alarms that concern both.
    pub(crate) shared_alarms: Vec<String>,
    /// The endpoint's URL.
    pub(crate) endpoint: String,
}

impl Places {
    /// The places of a deployed service stack.
    ///
    /// # Errors
    /// When a resource or an output isn't there.
    pub(crate) async fn of(aws: &Aws, stack: &Stack) -> anyhow::Result<Self> {
        let resources = aws.resources(&stack.id).await?;
        Ok(Self {
            onebox: Place::of(Stage::Onebox, stack, &resources)?,
            fleet: Place::of(Stage::Fleet, stack, &resources)?,
            load_balancer: only(LOAD_BALANCER, None, stack, &resources)?.to_owned(),
            shared_alarms: alarms::shared(&resources),
            endpoint: stack.output(service::WEB_API_ENDPOINT)?.to_owned(),
        })
    }

    /// A stage's place.
    pub(crate) fn of_stage(&self, stage: Stage) -> &Place {
        match stage {
            Stage::Onebox => &self.onebox,
            Stage::Fleet => &self.fleet,
        }
    }

    /// The ARN of a stage's target group. It differs from the load balancer's in its last part alone.
    pub(crate) fn target_group_arn(&self, stage: Stage) -> String {
        let account = self.load_balancer.split(":loadbalancer/").next().unwrap_or_default();
        format!("{account}:{}", self.of_stage(stage).target_group)
    }

    /// The names of all alarms.
    pub(crate) fn alarms(&self) -> Vec<String> {
        [&self.onebox, &self.fleet]
            .iter()
            .flat_map(|place| place.alarms.iter().cloned())
            .chain(self.shared_alarms.iter().cloned())
            .collect()
    }
}

impl Place {
    fn of(stage: Stage, stack: &Stack, resources: &[Resource]) -> anyhow::Result<Self> {
        let output = match stage {
            Stage::Onebox => service::ONEBOX_SERVICE_NAME,
            Stage::Fleet => service::FLEET_SERVICE_NAME,
        };
        let balancer = only(LOAD_BALANCER, None, stack, resources)?;
        let group = only(
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            Some(stage),
            stack,
            resources,
        )?;
        Ok(Self {
            load_balancer: after(balancer, ":loadbalancer/"),
            target_group: format!("targetgroup/{}", after(group, ":targetgroup/")),
            alarms: alarms::of_stage(resources, stage),
            cluster: stack.output(service::CLUSTER_NAME)?.to_owned(),
            service: stack.output(output)?.to_owned(),
        })
    }

    /// The question for a statistic of one of the load balancer's metrics.
    pub(crate) fn question(&self, metric: &'static str, statistic: &'static str) -> Question {
        Question {
            load_balancer: self.load_balancer.clone(),
            target_group: self.target_group.clone(),
            metric,
            statistic,
        }
    }
}

/// The services of both stages that a stack's outputs name; none where it names none.
///
/// # Errors
/// When AWS can't be asked.
pub(super) async fn services_of(aws: &Aws, stack: &Stack) -> anyhow::Result<Vec<Service>> {
    let names = [
        service::CLUSTER_NAME,
        service::ONEBOX_SERVICE_NAME,
        service::FLEET_SERVICE_NAME,
    ];
    let [Ok(cluster), Ok(onebox), Ok(fleet)] = names.map(|name| stack.output(name)) else {
        return Ok(Vec::new());
    };
    aws.services(cluster, &[onebox, fleet]).await
}

/// The resource of a type, of a stage's where one is named: its name in AWS.
fn only<'a>(
    resource_type: &str,
    stage: Option<Stage>,
    stack: &Stack,
    resources: &'a [Resource],
) -> anyhow::Result<&'a str> {
    let found = resources.iter().find(|resource| {
        let of_stage = stage.is_none_or(|stage| resource.logical_id.starts_with(stage.name()));
        resource.resource_type == resource_type && of_stage
    });
    found
        .map(|resource| resource.physical_id.as_str())
        .with_context(|| format!("{} has no {resource_type}", stack.name))
        .coded(Code::OtherStack)
}

/// What follows a part of an ARN: metrics name load balancers and target groups without it.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
fn after(arn: &str, part: &str) -> String {
    arn.split_once(part).map_or(arn, |(_, name)| name).to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::telling::report::text as report;

    /// The places of an example.
    pub(in crate::deploy) fn places() -> Places {
        let place = |name: &str| Place {
            load_balancer: "app/a/1".to_owned(),
            target_group: format!("targetgroup/{name}/2"),
            alarms: vec![format!("{name}-ServerErrors")],
            cluster: "Cluster".to_owned(),
            service: name.to_owned(),
        };
        Places {
            onebox: place("Onebox"),
            fleet: place("Fleet"),
            load_balancer: "arn".to_owned(),
            shared_alarms: Vec::new(),
            endpoint: "http://127.0.0.1:1".to_owned(),
        }
    }

    #[test]
    fn places_by_resources_and_outputs() {
        let stack = Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: BTreeMap::new(),
            outputs: [("ClusterName", "Cluster"), ("FleetServiceName", "Fleet")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        let resource = |logical_id: &str, resource_type: &str, physical_id: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            resource_type: resource_type.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        };
        let arn = "arn:aws:elasticloadbalancing:us-east-1:1";
        let group = "AWS::ElasticLoadBalancingV2::TargetGroup";
        let resources = [
            resource(
                "LoadBalancer",
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                &format!("{arn}:loadbalancer/app/a/1"),
            ),
            resource("OneboxTargetGroup", group, &format!("{arn}:targetgroup/b/2")),
            resource("FleetTargetGroup", group, &format!("{arn}:targetgroup/c/3")),
            resource("FleetAlarm", "AWS::CloudWatch::Alarm", "alarm"),
        ];
        let place = Place::of(Stage::Fleet, &stack, &resources).unwrap();
        let expected = Place {
            load_balancer: "app/a/1".to_owned(),
            target_group: "targetgroup/c/3".to_owned(),
            alarms: vec!["alarm".to_owned()],
            cluster: "Cluster".to_owned(),
            service: "Fleet".to_owned(),
        };
        assert_eq!(place, expected);
        let error = Place::of(Stage::Fleet, &stack, &resources[1..]).unwrap_err();
        assert_eq!(
            report(&error),
            "error[E-OTHER-STACK]: Example has no AWS::ElasticLoadBalancingV2::LoadBalancer"
        );
    }
}
