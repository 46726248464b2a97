//! `EventBridge`: rules that a change elsewhere sets off, and what they do.

mod message;
mod pattern;

use std::time::SystemTime;

use provisioner::ResourceRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;
use crate::elb::only;
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::moment;
use crate::properties::{list, text};
use crate::values;

/// A rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) properties: Value,
}

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

fn rule_arn(cloud: &Cloud, name: &str) -> String {
    cloud.place.arn("events", &format!("rule/{name}"))
}

impl Cloud {
    /// Notes a change that rules may be for.
    ///
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>
    pub(crate) fn publish(
        &mut self,
        now: SystemTime,
        source: &str,
        detail_type: &str,
        resources: &[String],
        detail: &Value,
    ) {
        let event = json!({
            "version": "0",
            "id": self.ids.uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": self.place.account_id,
            "time": moment::iso8601(now),
            "region": self.place.region,
            "resources": resources,
            "detail": detail,
        });
        self.code.events.push(event);
    }

    /// Asks every rule about the events so far, and does what those that match say; true when there were any. What comes of
    /// that is left for the next round, so that a rule that sets itself off again takes its turns with everything else.
    pub(crate) fn deliver_events(&mut self, now: SystemTime) -> bool {
        let events = std::mem::take(&mut self.code.events);
        for event in &events {
            self.deliver(now, event);
        }
        !events.is_empty()
    }

    fn deliver(&mut self, now: SystemTime, event: &Value) {
        let matching = self.code.rules.iter().filter(|(_, rule)| {
            rule.properties["State"] != "DISABLED" && pattern::matches(&rule.properties["EventPattern"], event)
        });
        let targets = matching.flat_map(|(name, rule)| {
            let targets = list(&rule.properties, "Targets").iter();
            targets.filter_map(|target| {
                let arn = text(target, "Arn")?;
                Some((rule_arn(self, name), arn, message::message(target, event)))
            })
        });
        for (rule, target, message) in targets.collect::<Vec<_>>() {
            if let Some(pipeline) = target.strip_prefix(&self.place.arn("codepipeline", "")) {
                self.start_by_rule(now, pipeline, &rule);
            } else {
                let topic = target;
                self.effects.push(Effect::Code(CodeEffect::Publish { topic, message }));
            }
        }
    }
}
