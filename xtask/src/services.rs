//! Whether the services of a stack run: what the template asks for, and what ECS says of it.

pub(crate) mod last_words;
pub(crate) mod phase;
pub(crate) mod stopped;
pub(crate) mod wait;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::Value;

use crate::stack::Resource;

/// What a service of the stack must run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Minimum {
    /// The cluster's name.
    pub(crate) cluster: String,
    /// The service's name.
    pub(crate) service: String,
    /// How many tasks its scalable target keeps at the least; 1 where it has none.
    pub(crate) tasks: u64,
}

/// A service as ECS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// The name.
    pub(crate) name: String,
    /// How many tasks ECS keeps up.
    pub(crate) desired: u64,
    /// How many run.
    pub(crate) running: u64,
    /// How many are starting.
    pub(crate) pending: u64,
    /// The deployments, the newest first; one when nothing changes.
    pub(crate) deployments: Vec<Deployment>,
    /// ECS's own messages, newest first.
    pub(crate) events: Vec<ServiceEvent>,
}

/// What ECS reports of a service: `(service Fleet) was unable to place a task. Reason: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceEvent {
    /// When.
    pub(crate) at: Option<SystemTime>,
    /// AWS's words.
    pub(crate) message: String,
}

/// A deployment of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// The id, `ecs-svc/…`.
    pub(crate) id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub(crate) status: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`; none where ECS doesn't say.
    pub(crate) rollout_state: Option<String>,
    /// AWS's words for it.
    pub(crate) reason: Option<String>,
    /// The ARN of the task definition that it brings.
    pub(crate) task_definition: String,
    /// How many tasks of it are to run.
    pub(crate) desired: u64,
    /// How many run.
    pub(crate) running: u64,
    /// How many are starting.
    pub(crate) pending: u64,
    /// How many have failed, one after the other, since one was healthy.
    pub(crate) failed: u64,
}

impl Deployment {
    /// Whether ECS has given it up.
    pub(crate) fn has_failed(&self) -> bool {
        self.rollout_state.as_deref() == Some("FAILED")
    }

    /// Whether it takes the place of one that failed, by ECS's words for it: `ECS deployment circuit breaker: rolling back
    /// to deploymentId ecs-svc/….`
    pub(crate) fn rolls_back(&self) -> bool {
        self.reason
            .as_ref()
            .is_some_and(|reason| reason.contains("rolling back"))
    }
}

/// What the services of a stack must run, by its template and resources.
///
/// A scalable target's physical id begins with the `service/<cluster>/<service>` that it scales:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalabletarget.html>.
pub(crate) fn minimums(template: &Value, resources: &[Resource]) -> Vec<Minimum> {
    let of_type = |wanted: &'static str| {
        resources
            .iter()
            .filter(move |resource| resource.resource_type == wanted)
    };
    of_type("AWS::ECS::Service")
        .filter_map(|service| {
            let path = service.physical_id.split_once(":service/")?.1;
            let (cluster, name) = path.split_once('/')?;
            let scaled = format!("service/{path}");
            let target = of_type("AWS::ApplicationAutoScaling::ScalableTarget")
                .find(|target| target.physical_id.split('|').next() == Some(scaled.as_str()));
            let minimum = target
                .and_then(|target| template["Resources"][&target.logical_id]["Properties"]["MinCapacity"].as_u64());
            Some(Minimum {
                cluster: cluster.to_owned(),
                service: name.to_owned(),
                tasks: minimum.unwrap_or(1),
            })
        })
        .collect()
}

/// Whether a service runs all that it must and nothing changes.
pub(crate) fn is_settled(service: &Service, minimum: u64) -> bool {
    let [deployment] = service.deployments.as_slice() else {
        return false;
    };
    let complete = deployment
        .rollout_state
        .as_deref()
        .is_none_or(|state| state == "COMPLETED");
    complete && service.desired >= minimum && service.running >= service.desired && service.pending == 0
}

/// The deployments that ECS has given up, by their ids.
pub(crate) fn given_up(services: &[Service]) -> BTreeSet<String> {
    let deployments = services.iter().flat_map(|service| &service.deployments);
    let failed = deployments.filter(|deployment| deployment.has_failed());
    failed.map(|deployment| deployment.id.clone()).collect()
}

/// One line on a service, for people who wait for it.
pub(crate) fn describe(service: &Service, minimum: u64) -> String {
    let wanted = service.desired.max(minimum);
    let mut text = format!("{}: {} of {wanted} tasks run", service.name, service.running);
    if service.pending > 0 {
        let _ = write!(text, ", {} starting", service.pending);
    }
    if let Some(state) = service
        .deployments
        .first()
        .and_then(|deployment| deployment.rollout_state.as_deref())
    {
        let _ = write!(text, ", deployment {state}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(desired: u64, running: u64, pending: u64, states: &[&str]) -> Service {
        let deployment = |state: &&str| Deployment {
            id: (*state).to_owned(),
            status: "PRIMARY".to_owned(),
            rollout_state: Some((*state).to_owned()),
            reason: None,
            task_definition: "arn".to_owned(),
            desired,
            running,
            pending,
            failed: 0,
        };
        let deployments = states.iter().map(deployment).collect();
        Service {
            name: "Fleet".to_owned(),
            desired,
            running,
            pending,
            deployments,
            events: Vec::new(),
        }
    }

    #[test]
    fn settled_means_the_minimum_runs_and_one_completed_deployment() {
        for (service, expected) in [
            (service(10, 10, 0, &["COMPLETED"]), true),
            (service(12, 12, 0, &["COMPLETED"]), true),
            (service(12, 11, 1, &["COMPLETED"]), false),
            (service(0, 0, 0, &["COMPLETED"]), false),
            (service(10, 10, 0, &["IN_PROGRESS"]), false),
            (service(10, 10, 0, &["IN_PROGRESS", "COMPLETED"]), false),
            (service(10, 10, 2, &["COMPLETED"]), false),
        ] {
            assert_eq!(is_settled(&service, 10), expected, "{service:?}");
        }
    }

    #[test]
    fn the_minimum_is_the_scalable_targets() {
        let template = json!({"Resources": {"FleetScaling": {"Properties": {"MinCapacity": 10}}}});
        let resource = |logical_id: &str, resource_type: &str, physical_id: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.to_owned(),
            resource_type: resource_type.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        };
        let resources = [
            resource(
                "Fleet",
                "AWS::ECS::Service",
                "arn:aws:ecs:us-east-1:1:service/Cluster/Fleet",
            ),
            resource(
                "Onebox",
                "AWS::ECS::Service",
                "arn:aws:ecs:us-east-1:1:service/Cluster/Onebox",
            ),
            resource(
                "FleetScaling",
                "AWS::ApplicationAutoScaling::ScalableTarget",
                "service/Cluster/Fleet|ecs:service:DesiredCount|ecs",
            ),
        ];
        let expected = |service: &str, tasks| Minimum {
            cluster: "Cluster".to_owned(),
            service: service.to_owned(),
            tasks,
        };
        assert_eq!(
            minimums(&template, &resources),
            [expected("Fleet", 10), expected("Onebox", 1)]
        );
    }

    #[test]
    fn a_line_for_those_who_wait() {
        insta::assert_snapshot!(describe(&service(3, 1, 2, &["IN_PROGRESS"]), 10), @"Fleet: 1 of 10 tasks run, 2 starting, deployment IN_PROGRESS");
    }
}
