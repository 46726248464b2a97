//! The resource types that templates may have here, and how CloudFormation reaches them.

use std::time::{Duration, SystemTime};

use provisioner::{Actual, Operation, Progress, Provider, ResourceRequest, ResourceType};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::{autoscaling, cloudwatch, codebuild, codecommit, codepipeline, ecr, ecs, elb, events, fidelity, plain};

/// A resource type: what CloudFormation must know of it, and who makes it.
pub(crate) struct Kind {
    /// `AWS::ECS::Service`
    pub(crate) type_name: &'static str,
    /// Properties whose change needs a new resource, from the type's schema (`createOnlyProperties`).
    pub(crate) create_only: &'static [&'static str],
    /// What `Fn::GetAtt` gives, from the type's schema (`readOnlyProperties`).
    pub(crate) attributes: &'static [&'static str],
    /// How long an operation may take; none means CloudFormation's default.
    pub(crate) timeout: Option<Duration>,
    /// Who makes it.
    pub(crate) handler: &'static dyn Handler,
}

/// Makes the resources of one type. Each method begins its work and returns.
pub(crate) trait Handler: Sync {
    /// What is wrong with the properties beyond what the ledger refuses: values that the local cloud can't honour.
    fn check(&self, properties: &Value) -> Vec<String> {
        let _ = properties;
        Vec::new()
    }

    /// Begins to make one and gives its physical id.
    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String>;

    /// Begins to change one in place.
    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String>;

    /// Begins to delete one; it's no error when there is none.
    fn delete(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String>;

    /// How far the last operation is.
    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        let _ = (cloud, physical_id, operation);
        Progress::Done
    }

    /// The properties that one has now, whoever gave it them; none where it isn't there.
    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value>;

    /// An attribute's value.
    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value>;
}

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

impl ResourceType for Kind {
    fn create_only(&self) -> &[&str] {
        self.create_only
    }

    fn attributes(&self) -> &[&str] {
        self.attributes
    }

    fn check(&self, properties: &Value) -> Result<(), Vec<String>> {
        let mut faults = fidelity::check(self.type_name, properties);
        faults.extend(self.handler.check(properties));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn timeout(&self, _: Operation, _: &Value) -> Option<Duration> {
        self.timeout
    }
}

impl Provider for Cloud {
    fn resource_type(&self, type_name: &str) -> Option<&dyn ResourceType> {
        kind(type_name).map(|kind| kind as &dyn ResourceType)
    }

    fn create(&mut self, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        self.faults.on_resource(request, Operation::Create)?;
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
        handler(request.type_name)?.update(self, now, request, physical_id)
    }

    fn delete(&mut self, now: SystemTime, request: &ResourceRequest<'_>, physical_id: &str) -> Result<(), String> {
        self.faults.on_resource(request, Operation::Delete)?;
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
