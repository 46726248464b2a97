//! Application Auto Scaling for ECS services: scalable targets hold the task count between a minimum and a maximum.
//!
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html>

mod api;
mod resources;
mod scale;
mod tracking;

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use resources::KINDS;

use tracking::Tracking;

/// A service whose task count is scaled.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ScalableTarget {
    pub(crate) minimum: u32,
    pub(crate) maximum: u32,
    pub(crate) properties: Value,
    #[serde(default = "long_ago")]
    pub(crate) created_at: SystemTime,
    /// By name.
    pub(crate) policies: BTreeMap<String, Policy>,
    #[serde(default)]
    tracking: Tracking,
    /// Newest first.
    #[serde(default)]
    pub(crate) activities: VecDeque<Activity>,
}

/// A policy of a scalable target.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) arn: String,
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
}

/// A change of a service's number of tasks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) id: String,
    pub(crate) at: SystemTime,
    pub(crate) count: u32,
    pub(crate) cause: String,
}

/// How many changes are kept for whoever asks, the newest first to stay. AWS keeps them for six weeks.
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html>
const ACTIVITIES_KEPT: usize = 100;

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

const DIMENSION: &str = "ecs:service:DesiredCount";
const NAMESPACE: &str = "ecs";

impl ScalableTarget {
    fn new(now: SystemTime) -> Self {
        Self {
            minimum: 0,
            maximum: 0,
            properties: Value::Null,
            created_at: now,
            policies: BTreeMap::new(),
            tracking: Tracking::default(),
            activities: VecDeque::new(),
        }
    }
}
