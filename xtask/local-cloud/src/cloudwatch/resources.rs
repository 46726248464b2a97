//! Alarms as CloudFormation makes them.

use std::time::SystemTime;

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::{Alarm, alarm};
use crate::cloud::Cloud;
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::properties::text;
use crate::values;

/// The types of this service.
pub(crate) const KINDS: &[Kind] = &[Kind {
    type_name: "AWS::CloudWatch::Alarm",
    create_only: &["AlarmName"],
    attributes: &["Arn"],
    timeout: None,
    handler: &Alarms,
}];

/// The longest name of an alarm.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
const NAME_LIMIT: usize = 255;

struct Alarms;

impl Handler for Alarms {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = values::passes(properties, "AlarmName", "1 to 255 printable ASCII characters", |name| {
            (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        });
        faults.extend(values::flag(properties, "ActionsEnabled"));
        let judged = without_texts(properties);
        if !is_unresolved_within(&judged) {
            faults.extend(alarm::criterion(&judged).err());
        }
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "AlarmName").unwrap_or_else(|| cut(request.generated_name, NAME_LIMIT));
        alarm::criterion(request.properties)?;
        if cloud.cloudwatch.alarms.contains_key(&name) {
            return Err(already_exists(request.type_name, &name));
        }
        let alarm = Alarm::new(request.properties.clone(), now);
        cloud.cloudwatch.alarms.insert(name.clone(), alarm);
        Ok(name)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        alarm::criterion(request.properties)?;
        let alarm = cloud.cloudwatch.alarms.get_mut(physical_id);
        let alarm = alarm.ok_or_else(|| not_found(request.type_name, physical_id))?;
        alarm.configure(request.properties.clone(), now, "Updated");
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        cloud.cloudwatch.alarms.remove(physical_id);
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        cloud.cloudwatch.alarms.get(physical_id).map(|alarm| &alarm.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.cloudwatch.alarms.get(physical_id)?;
        (attribute == "Arn").then(|| json!(cloud.alarm_arn(physical_id)))
    }
}

impl Cloud {
    /// An alarm's ARN.
    pub(super) fn alarm_arn(&self, name: &str) -> String {
        self.place.arn("cloudwatch", &format!("alarm:{name}"))
    }
}

/// The part of an alarm that decides whether it can be honoured: not the texts about it, nor the values of dimensions,
/// which are names of resources that may not be there yet.
fn without_texts(properties: &Value) -> Value {
    let mut judged = properties.clone();
    if let Some(members) = judged.as_object_mut() {
        for name in [
            "AlarmName",
            "AlarmDescription",
            "Tags",
            "AlarmActions",
            "OKActions",
            "InsufficientDataActions",
        ] {
            members.remove(name);
        }
    }
    settle_dimensions(&mut judged);
    judged
}

fn settle_dimensions(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "Value" && provisioner::is_unresolved(member) {
                    *member = json!("later");
                } else {
                    settle_dimensions(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle_dimensions),
        _ => {}
    }
}

fn is_unresolved_within(value: &Value) -> bool {
    provisioner::is_unresolved(value)
        || match value {
            Value::Object(members) => members.values().any(is_unresolved_within),
            Value::Array(items) => items.iter().any(is_unresolved_within),
            _ => false,
        }
}
