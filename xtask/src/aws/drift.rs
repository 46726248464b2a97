//! CloudFormation's verbs of drift.

use aws_sdk_cloudformation::types::{self, StackDriftDetectionStatus, StackResourceDriftStatus};

use super::Aws;
use super::error::{failure, lacking};
use crate::stack::drift::{Detection, Drifted};
use crate::stack::properties::{PropertyChange, within};

impl Aws {
    /// Begins to detect drift of a stack; the detection's id.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html>
    pub(crate) async fn detect_drift(&self, stack: &str) -> anyhow::Result<String> {
        let answer = self.cloudformation.detect_stack_drift().stack_name(stack).send().await;
        let answer = answer.map_err(|error| failure(&format!("detect drift of {stack}"), &error))?;
        let id = answer.stack_drift_detection_id();
        Ok(id
            .ok_or_else(|| lacking("CloudFormation names no drift detection"))?
            .to_owned())
    }

    /// How far a detection is.
    pub(crate) async fn drift_detection(&self, id: &str) -> anyhow::Result<Detection> {
        let request = self.cloudformation.describe_stack_drift_detection_status();
        let answer = request.stack_drift_detection_id(id).send().await;
        let answer = answer.map_err(|error| failure("ask how far the detection of drift is", &error))?;
        Ok(match answer.detection_status() {
            Some(StackDriftDetectionStatus::DetectionComplete) => Detection::Complete,
            Some(StackDriftDetectionStatus::DetectionFailed) => {
                Detection::Failed(answer.detection_status_reason().unwrap_or("no reason given").to_owned())
            }
            _ => Detection::InProgress,
        })
    }

    /// What the last detection found: the resources that differ, and how many were looked at.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResourceDrifts.html>
    pub(crate) async fn drifts(&self, stack: &str) -> anyhow::Result<(Vec<Drifted>, usize)> {
        let (mut drifted, mut checked) = (Vec::new(), 0);
        let mut next = None;
        loop {
            let request = self.cloudformation.describe_stack_resource_drifts();
            let page = request.stack_name(stack).set_next_token(next).send().await;
            let page = page.map_err(|error| failure(&format!("read what drifted of {stack}"), &error))?;
            for drift in page.stack_resource_drifts() {
                checked += usize::from(is_checked(drift));
                drifted.extend(differing(drift));
            }
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                return Ok((drifted, checked));
            }
        }
    }
}

fn is_checked(drift: &types::StackResourceDrift) -> bool {
    matches!(
        drift.stack_resource_drift_status(),
        Some(StackResourceDriftStatus::InSync | StackResourceDriftStatus::Modified | StackResourceDriftStatus::Deleted)
    )
}

/// A resource, if it isn't as it was deployed.
fn differing(drift: &types::StackResourceDrift) -> Option<Drifted> {
    let deleted = match drift.stack_resource_drift_status() {
        Some(StackResourceDriftStatus::Modified) => false,
        Some(StackResourceDriftStatus::Deleted) => true,
        _ => return None,
    };
    Some(Drifted {
        logical_id: drift.logical_resource_id().unwrap_or_default().to_owned(),
        resource_type: drift.resource_type().unwrap_or_default().to_owned(),
        deleted,
        properties: drift.property_differences().iter().flat_map(properties).collect(),
    })
}

/// What was added had no value before, and what was removed has none now, whatever text stands for that.
fn properties(difference: &types::PropertyDifference) -> Vec<PropertyChange> {
    let kind = difference.difference_type();
    let expected = difference
        .expected_value()
        .filter(|_| kind != Some(&types::DifferenceType::Add));
    let actual = difference
        .actual_value()
        .filter(|_| kind != Some(&types::DifferenceType::Remove));
    within(difference.property_path().unwrap_or_default(), expected, actual)
}
