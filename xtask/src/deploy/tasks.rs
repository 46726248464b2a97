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
