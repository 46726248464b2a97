//! Whether the services run what the stack says.

use std::collections::{BTreeMap, BTreeSet};

use deployment::evidence::targets::minutes_to_notice;
use deployment::machine::Tasks;
use deployment::stage::Stage;
use serde_json::Value;

use super::place::services_of;
use super::work::{LEAVING, Work};
use crate::code::Code;
use crate::exit::Coded as _;
use crate::patience::patiently;
use crate::services::wait::runs_on;
use crate::services::{self, Minimum, Service, describe, is_settled};
use crate::stack::{Resource, Stack};

/// What the services of a stack must run.
#[derive(Debug, Clone, Default)]
pub(super) struct Services {
    minimums: Vec<Minimum>,
    /// The task definition of each stage, by its ARN.
    definitions: BTreeMap<Stage, String>,
    /// The minutes that health checks need to notice a fault.
    pub(super) minutes_to_notice: u32,
    /// The deployments that ECS had given up before.
    given_up: BTreeSet<String>,
}

impl Services {
    /// What the stack says now.
    pub(super) async fn of(work: Work<'_>, stack: &Stack) -> anyhow::Result<Self> {
        let read = async || {
            let resources = work.aws.resources(&stack.id).await?;
            let template = work.aws.template(&stack.id).await?;
            let found = services_of(work.aws, stack).await?;
            Ok((resources, template, found))
        };
        let (resources, template, found) = patiently(work.context, LEAVING, read).await?;
        let template: Value = serde_json::from_str(&template).coded(Code::OtherStack)?;
        Ok(Self {
            minimums: services::minimums(&template, &resources),
            definitions: definitions(&resources),
            minutes_to_notice: minutes_to_notice(&template),
            given_up: services::given_up(&found),
        })
    }

    fn minimum(&self, service: &Service) -> u64 {
        let minimum = self.minimums.iter().find(|minimum| minimum.service == service.name);
        minimum.map_or(1, |minimum| minimum.tasks)
    }
}

fn definitions(resources: &[Resource]) -> BTreeMap<Stage, String> {
    let of_type = resources
        .iter()
        .filter(|resource| resource.resource_type == "AWS::ECS::TaskDefinition");
    let stage = |resource: &Resource| {
        let stages = [Stage::Onebox, Stage::Fleet].into_iter();
        let stage = stages
            .clone()
            .find(|stage| resource.logical_id.starts_with(stage.name()))?;
        Some((stage, resource.physical_id.clone()))
    };
    of_type.filter_map(stage).collect()
}

/// Whether these services run what the stack says. Until the update has `ended`, they are on their way.
pub(super) fn tasks(wanted: &Services, found: &[(Stage, Option<Service>)], ended: bool) -> Tasks {
    let mut settling = Vec::new();
    for (stage, service) in found {
        let Some(service) = service else {
            return Tasks::Failed(format!("{stage}'s ECS service is gone"));
        };
        if ended && let Some(what) = deviates(wanted, *stage, service) {
            return Tasks::Failed(what);
        }
        let minimum = wanted.minimum(service);
        if !is_settled(service, minimum) && !runs_on(service, minimum, &wanted.given_up) {
            settling.push(describe(service, minimum));
        }
    }
    if settling.is_empty() {
        Tasks::Settled
    } else {
        Tasks::Settling(settling.join("; "))
    }
}

/// How a service deviates from its stack: ECS gave the deployment up, or restored another one by itself.
fn deviates(wanted: &Services, stage: Stage, service: &Service) -> Option<String> {
    let newest = service.deployments.first()?;
    if newest.has_failed() && !wanted.given_up.contains(&newest.id) {
        let reason = newest.reason.as_deref().unwrap_or("ECS gives no reason");
        return Some(format!("ECS gave up {stage}'s deployment: {reason}"));
    }
    let definition = wanted
        .definitions
        .get(&stage)
        .filter(|wanted| **wanted != newest.task_definition)?;
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    Some(format!(
        "{stage} runs {}, and the stack says {}: ECS restored it after CloudFormation had completed the update",
        name(&newest.task_definition),
        name(definition)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Deployment;

    fn service(deployments: Vec<Deployment>) -> Service {
        Service {
            name: "Onebox".to_owned(),
            desired: 3,
            running: deployments.iter().map(|deployment| deployment.running).sum(),
            pending: 0,
            deployments,
            last_event: None,
        }
    }

    fn deployment(definition: &str, state: &str, running: u64) -> Deployment {
        Deployment {
            id: format!("ecs-svc/{definition}"),
            status: "PRIMARY".to_owned(),
            rollout_state: Some(state.to_owned()),
            reason: None,
            task_definition: format!("arn:task-definition/{definition}"),
            desired: 3,
            running,
            pending: 0,
            failed: 0,
        }
    }

    /// A stack in which Onebox must run three tasks of the definition `new`.
    fn wanted() -> Services {
        Services {
            minimums: vec![Minimum {
                cluster: "Cluster".to_owned(),
                service: "Onebox".to_owned(),
                tasks: 3,
            }],
            definitions: [(Stage::Onebox, "arn:task-definition/new".to_owned())].into(),
            ..Services::default()
        }
    }

    #[test]
    fn tasks_settle_or_fail() {
        let given_up = Services {
            given_up: ["ecs-svc/new".to_owned()].into(),
            ..wanted()
        };
        let on_the_way = vec![deployment("new", "IN_PROGRESS", 1), deployment("old", "COMPLETED", 2)];
        let table = [
            ("settled", wanted(), vec![deployment("new", "COMPLETED", 3)]),
            ("too few", wanted(), vec![deployment("new", "COMPLETED", 2)]),
            ("on the way", wanted(), on_the_way),
            ("given up", wanted(), vec![deployment("new", "FAILED", 0)]),
            ("given up before", given_up, vec![deployment("new", "FAILED", 3)]),
            ("restored", wanted(), vec![deployment("old", "COMPLETED", 3)]),
        ];
        let mut lines = Vec::new();
        for (name, wanted, deployments) in table {
            let found = [(Stage::Onebox, Some(service(deployments)))];
            for ended in [false, true] {
                lines.push(format!("{name}, ended {ended}: {:?}", tasks(&wanted, &found, ended)));
            }
        }
        lines.push(format!("gone: {:?}", tasks(&wanted(), &[(Stage::Fleet, None)], false)));
        lines.push(format!("none watched: {:?}", tasks(&wanted(), &[], true)));
        insta::assert_snapshot!(lines.join("\n"), @r#"
        settled, ended false: Settled
        settled, ended true: Settled
        too few, ended false: Settling("Onebox: 2 of 3 tasks run, deployment COMPLETED")
        too few, ended true: Settling("Onebox: 2 of 3 tasks run, deployment COMPLETED")
        on the way, ended false: Settling("Onebox: 3 of 3 tasks run, deployment IN_PROGRESS")
        on the way, ended true: Settling("Onebox: 3 of 3 tasks run, deployment IN_PROGRESS")
        given up, ended false: Settling("Onebox: 0 of 3 tasks run, deployment FAILED")
        given up, ended true: Failed("ECS gave up Onebox's deployment: ECS gives no reason")
        given up before, ended false: Settled
        given up before, ended true: Settled
        restored, ended false: Settled
        restored, ended true: Failed("Onebox runs old, and the stack says new: ECS restored it after CloudFormation had completed the update")
        gone: Failed("Fleet's ECS service is gone")
        none watched: Settled
        "#);
    }

    #[test]
    fn definitions_by_stage() {
        let resource = |logical_id: &str, resource_type: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: format!("arn:{logical_id}"),
            resource_type: resource_type.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        };
        let task = "AWS::ECS::TaskDefinition";
        let resources = [
            resource("OneboxTaskDefinition", task),
            resource("FleetTaskDefinition", task),
            resource("MigrationTaskDefinition", task),
            resource("FleetService", "AWS::ECS::Service"),
        ];
        let expected = [
            (Stage::Onebox, "arn:OneboxTaskDefinition".to_owned()),
            (Stage::Fleet, "arn:FleetTaskDefinition".to_owned()),
        ];
        assert_eq!(definitions(&resources), expected.into());
    }
}
