//! Rules as CloudFormation makes them.

use std::time::SystemTime;

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::{Rule, pattern};
use crate::cloud::Cloud;
use crate::elb::only;
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::properties::text;
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[Kind {
    type_name: "AWS::Events::Rule",
    create_only: &["Name"],
    attributes: &["Arn", "RuleName"],
    timeout: None,
    handler: &Rules,
}];

struct Rules;

impl Handler for Rules {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = values::name(properties, "Name", 64, "._-");
        faults.extend(only(properties, "State", &["ENABLED", "DISABLED"]));
        let pattern = &properties["EventPattern"];
        faults.extend(values::below("EventPattern", pattern::faults(pattern)));
        faults.extend(values::each(properties, "Targets", |target| {
            let known = |arn: &str| arn.starts_with("arn:aws:codepipeline:") || arn.starts_with("arn:aws:sns:");
            values::passes(target, "Arn", "the ARN of a pipeline or of a topic", known)
        }));
        faults
    }

    fn create(&self, cloud: &mut Cloud, _: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "Name").unwrap_or_else(|| cut(request.generated_name, 64));
        if cloud.code.rules.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        let properties = request.properties.clone();
        cloud.code.rules.insert(name.clone(), Rule { properties });
        Ok(name)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let rule = cloud.code.rules.get_mut(physical_id);
        rule.ok_or_else(|| not_found(request.type_name, physical_id))?
            .properties = request.properties.clone();
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.code.rules.remove(physical_id);
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.code.rules.get(physical_id).map(|rule| &rule.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.code.rules.get(physical_id)?;
        match attribute {
            "Arn" => Some(json!(rule_arn(cloud, physical_id))),
            "RuleName" => Some(json!(physical_id)),
            _ => None,
        }
    }
}

pub(super) fn rule_arn(cloud: &Cloud, name: &str) -> String {
    cloud.place.arn("events", &format!("rule/{name}"))
}
