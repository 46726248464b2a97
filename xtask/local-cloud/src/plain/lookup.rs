//! What other services ask of the records, and what they note there by themselves.

use std::time::SystemTime;

use serde_json::json;

use super::{CREATED_MILLIS, Record};
use crate::cloud::Cloud;
use crate::moment;
use crate::properties::text;

impl Cloud {
    /// The CIDR blocks and zones of subnets, in the order given.
    pub(crate) fn subnets(&self, ids: &[String]) -> Vec<(String, String)> {
        let records = self.plain.get("AWS::EC2::Subnet");
        let subnets = ids.iter().filter_map(|id| records?.get(id));
        subnets
            .filter_map(|subnet| {
                Some((
                    text(&subnet.properties, "CidrBlock")?,
                    text(&subnet.properties, "AvailabilityZone").unwrap_or_default(),
                ))
            })
            .collect()
    }

    /// The VPC that a subnet is in.
    pub(crate) fn vpc_of(&self, subnet_id: &str) -> Option<String> {
        text(&self.plain.get("AWS::EC2::Subnet")?.get(subnet_id)?.properties, "VpcId")
    }

    /// Makes a log group if there is none of that name, as services do that log by themselves.
    pub(crate) fn ensure_log_group(&mut self, now: SystemTime, name: &str) {
        let arn = self.place.arn("logs", &format!("log-group:{name}:*"));
        let attributes = [("Arn", json!(arn)), (CREATED_MILLIS, json!(moment::millis(now)))];
        let groups = self.plain.entry("AWS::Logs::LogGroup".to_owned()).or_default();
        groups.entry(name.to_owned()).or_insert_with(|| Record {
            properties: json!({"LogGroupName": name}),
            attributes: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
        });
    }

    /// Whether a log group of that name exists.
    pub(crate) fn has_log_group(&self, name: &str) -> bool {
        self.plain
            .get("AWS::Logs::LogGroup")
            .is_some_and(|groups| groups.contains_key(name))
    }
}
