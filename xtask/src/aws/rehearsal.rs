//! What a rehearsal asks of AWS, and no other command.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::calls::{cloudwatch, ecs};
use super::json::{items, text};
use super::{Aws, json};

impl Aws {
    /// The running tasks of a service, by id, with the image of each.
    pub(crate) async fn running_tasks(&self, cluster: &str, service: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let tasks = self.describe_running(cluster, service).await?;
        let running = tasks.iter().filter(|task| task["lastStatus"] == "RUNNING");
        Ok(running
            .filter_map(|task| Some((id(task)?, text(&task["containers"][0]["image"]))))
            .collect())
    }

    /// The ids of a service's tasks that are to run, the oldest first, and those of one moment by their private addresses:
    /// an order that comes again wherever the same happens again, as ids don't.
    pub(crate) async fn tasks_by_age(&self, cluster: &str, service: &str) -> anyhow::Result<Vec<String>> {
        let mut tasks = self.describe_running(cluster, service).await?;
        let address = |task: &Value| {
            let address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"].as_str();
            address.and_then(|address| address.parse::<Ipv4Addr>().ok())
        };
        tasks.sort_by(|one, other| {
            let created = |task: &Value| task["createdAt"].as_f64().unwrap_or_default();
            let by_age = created(one).total_cmp(&created(other));
            by_age.then_with(|| address(one).cmp(&address(other)))
        });
        Ok(tasks.iter().filter_map(id).collect())
    }

    async fn describe_running(&self, cluster: &str, service: &str) -> anyhow::Result<Vec<Value>> {
        let input = json!({"cluster": cluster, "serviceName": service, "desiredStatus": "RUNNING", "maxResults": 100});
        let answer = json::call(self, ecs::LIST_TASKS, input).await?;
        let tasks: Vec<&str> = items(&answer["taskArns"]).filter_map(Value::as_str).collect();
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let input = json!({"cluster": cluster, "tasks": tasks});
        let answer = json::call(self, ecs::DESCRIBE_TASKS, input).await?;
        Ok(items(&answer["tasks"]).cloned().collect())
    }

    /// How many targets of a group are healthy.
    pub(crate) async fn healthy_targets(&self, target_group: &str) -> anyhow::Result<u64> {
        Ok(self.targets(target_group).await?.healthy)
    }

    /// The names of the alarms that begin with these words and are in ALARM.
    pub(crate) async fn alarms_in_alarm(&self, prefix: &str) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut input = json!({"AlarmNamePrefix": prefix, "StateValue": "ALARM", "MaxRecords": 100});
            if !next.is_null() {
                input["NextToken"] = next;
            }
            let page = json::call(self, cloudwatch::DESCRIBE_ALARMS, input).await?;
            names.extend(
                items(&page["MetricAlarms"])
                    .filter_map(|alarm| alarm["AlarmName"].as_str())
                    .map(ToOwned::to_owned),
            );
            next = page["NextToken"].clone();
            if next.is_null() {
                return Ok(names);
            }
        }
    }

    /// Sets an alarm's state until it is next evaluated.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html>
    pub(crate) async fn set_alarm_state(&self, alarm: &str, state: &str, reason: &str) -> anyhow::Result<()> {
        let input = json!({"AlarmName": alarm, "StateValue": state, "StateReason": reason});
        json::call(self, cloudwatch::SET_ALARM_STATE, input).await?;
        Ok(())
    }
}

/// A task's id, the end of its ARN.
fn id(task: &Value) -> Option<String> {
    Some(task["taskArn"].as_str()?.rsplit('/').next()?.to_owned())
}
