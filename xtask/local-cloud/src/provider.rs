//! The resource types that templates may have here, and how CloudFormation reaches them.

use std::time::SystemTime;

use provisioner::{Actual, Operation, Progress, Provider, ResourceRequest, ResourceType};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::kind::{Handler, Kind};
use crate::{autoscaling, cloudwatch, codebuild, codecommit, codepipeline, ecr, ecs, elb, events, iam, plain};

/// The kind of that name, if the local cloud has it.
pub(crate) fn kind(type_name: &str) -> Option<&'static Kind> {
    kinds().find(|kind| kind.type_name == type_name)
}

/// Every kind.
pub(crate) fn kinds() -> impl Iterator<Item = &'static Kind> {
    let all = [
        plain::KINDS,
        elb::KINDS,
        ecs::KINDS,
        ecr::KINDS,
        autoscaling::KINDS,
        cloudwatch::KINDS,
        codebuild::KINDS,
        codecommit::KINDS,
        codepipeline::KINDS,
        events::KINDS,
    ];
    all.into_iter().flatten()
}

impl Provider for Cloud {
    fn resource_type(&self, type_name: &str) -> Option<&dyn ResourceType> {
        kind(type_name).map(|kind| kind as &dyn ResourceType)
    }

    fn create(&mut self, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        self.faults.on_resource(request, Operation::Create)?;
        iam::lets(self, request, Operation::Create, "")?;
        handler(request.type_name)?.create(self, now, request)
    }

    fn update(
        &mut self,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
        _: &Value,
    ) -> Result<(), String> {
        self.faults.on_resource(request, Operation::Update)?;
        iam::lets(self, request, Operation::Update, physical_id)?;
        handler(request.type_name)?.update(self, now, request, physical_id)
    }

    fn delete(&mut self, now: SystemTime, request: &ResourceRequest<'_>, physical_id: &str) -> Result<(), String> {
        self.faults.on_resource(request, Operation::Delete)?;
        iam::lets(self, request, Operation::Delete, physical_id)?;
        handler(request.type_name)?.delete(self, now, request, physical_id)
    }

    fn progress(&self, _: SystemTime, type_name: &str, physical_id: &str, operation: Operation) -> Progress {
        match handler(type_name) {
            Ok(handler) => handler.progress(self, physical_id, operation),
            Err(reason) => Progress::Failed(reason),
        }
    }

    fn actual(&self, type_name: &str, physical_id: &str) -> Actual {
        let Some(kind) = kind(type_name) else {
            return Actual::Unsupported;
        };
        let properties = kind.handler.properties(self, physical_id);
        properties.map_or(Actual::Gone, |properties| Actual::Properties(properties.clone()))
    }

    fn reference(&self, type_name: &str, physical_id: &str) -> Value {
        // Its id has the allocation in it too, so that no two are the same; `Ref` gives the address.
        // <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html>
        let address = physical_id.split('|').next().filter(|_| type_name == "AWS::EC2::EIP");
        Value::from(address.unwrap_or(physical_id))
    }

    fn attribute(&self, type_name: &str, physical_id: &str, attribute: &str) -> Option<Value> {
        kind(type_name)?.handler.attribute(self, physical_id, attribute)
    }
}

fn handler(type_name: &str) -> Result<&'static dyn Handler, String> {
    let kind = kind(type_name).ok_or_else(|| format!("the local cloud has no resource type {type_name}"))?;
    Ok(kind.handler)
}
