//! The calls of CloudWatch. Alarms are made and changed through CloudFormation; what is here shows, and sets states.
//!
//! Moments are seconds since 1970 here; the wire puts them as its protocol does.
//! Shapes: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html>

mod alarms;
mod history;
mod metrics;
mod put;

use std::time::SystemTime;

use serde_json::Value;

use crate::cloud::Cloud;
use crate::moment;
use crate::wire::{Fault, Service};

/// Answers one call.
pub(crate) fn call(cloud: &mut Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    answer(cloud, now, operation, input).map_err(|fault| as_declared(operation, fault))
}

/// Only these operations' models have errors of their own for what is wrong with an input; of the others it is the common one.
fn as_declared(operation: &str, mut fault: Fault) -> Fault {
    let declared = matches!(operation, "GetMetricStatistics" | "ListMetrics" | "PutMetricData");
    let of_input = [INVALID_VALUE, INVALID_COMBINATION, MISSING].contains(&fault.code.as_str());
    if of_input && !declared {
        "ValidationError".clone_into(&mut fault.code);
    }
    fault
}

const INVALID_VALUE: &str = "InvalidParameterValue";
const INVALID_COMBINATION: &str = "InvalidParameterCombination";
const MISSING: &str = "MissingParameter";

fn answer(cloud: &mut Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "DescribeAlarms" => alarms::describe(cloud, input),
        "DescribeAlarmsForMetric" => alarms::describe_for_metric(cloud, input),
        "DescribeAlarmHistory" => history::describe(cloud, input),
        "SetAlarmState" => alarms::set_state(cloud, now, input),
        "EnableAlarmActions" => Ok(alarms::set_actions(cloud, input, true)),
        "DisableAlarmActions" => Ok(alarms::set_actions(cloud, input, false)),
        "GetMetricData" => metrics::get_data(cloud, now, input),
        "GetMetricStatistics" => metrics::get_statistics(cloud, now, input),
        "ListMetrics" => metrics::list_metrics(cloud, now, input),
        "PutMetricData" => put::put_data(cloud, now, input),
        _ => Err(Fault::unsupported(Service::CloudWatch, operation)),
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::client(INVALID_VALUE, message)
}

fn missing(name: &str) -> Fault {
    Fault::client(MISSING, format!("The parameter {name} is required."))
}

/// A moment that must be there.
fn moment_of(input: &Value, name: &str) -> Result<SystemTime, Fault> {
    optional_moment(input, name)?.ok_or_else(|| missing(name))
}

fn optional_moment(input: &Value, name: &str) -> Result<Option<SystemTime>, Fault> {
    match input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match moment::read(value) {
            Some(moment) => Ok(Some(moment)),
            None => Err(invalid(format!("The parameter {name} must be a moment, not {value}."))),
        },
    }
}
