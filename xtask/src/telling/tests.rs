//! What each outcome is shown as, in all three renderings.

mod outcomes;
mod play;
mod screens;
mod sequence;

use std::time::{Duration, SystemTime};

use super::view::STACK_TYPE;
use crate::alarms::Alarm;
use crate::services::stopped::Group;
use crate::stack::events::Event;

/// A moment, in seconds.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
}

/// An event of the stack named Example, or of a resource of it whose type its name ends in.
pub(crate) fn event(seconds: u64, logical_id: &str, status: &str, reason: &str) -> Event {
    let (physical_id, resource_type) = match logical_id {
        "Example" => (
            "arn:aws:cloudformation:us-east-1:000000000000:stack/Example/1".to_owned(),
            STACK_TYPE,
        ),
        _ if logical_id.ends_with("Service") => (
            format!("arn:aws:ecs:us-east-1:000000000000:service/Cluster/{logical_id}"),
            "AWS::ECS::Service",
        ),
        _ if logical_id.ends_with("TaskDefinition") => (
            format!("arn:aws:ecs:us-east-1:000000000000:task-definition/{logical_id}:2"),
            "AWS::ECS::TaskDefinition",
        ),
        _ => (logical_id.to_lowercase(), "AWS::IAM::Role"),
    };
    Event {
        id: format!("{seconds}-{logical_id}-{status}"),
        time: at(seconds),
        token: Some("ours".to_owned()),
        logical_id: logical_id.to_owned(),
        physical_id,
        resource_type: resource_type.to_owned(),
        status: status.to_owned(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
    }
}

/// An alarm on errors.
pub(crate) fn alarm(name: &str, state: &str) -> Alarm {
    Alarm {
        name: name.to_owned(),
        description: None,
        state: state.to_owned(),
        reason: "Threshold Crossed".to_owned(),
        since: None,
        watched: "100 * HTTPCode_Target_5XX_Count / RequestCount".to_owned(),
        comparison: "GreaterThanOrEqualToThreshold".to_owned(),
        threshold: 5.0,
        datapoints: 3,
        periods: 4,
        period_seconds: 60,
    }
}

/// So many tasks that stopped for a reason.
pub(crate) fn group(reason: &str, failed: bool, count: usize, words: &[&str]) -> Group {
    Group {
        reason: reason.to_owned(),
        failed,
        tasks: (1..=count).map(|number| format!("task{number}")).collect(),
        words: words.iter().map(ToString::to_string).collect(),
    }
}
