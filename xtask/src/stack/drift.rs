//! Drift: what someone changed of a stack's resources without asking the stack.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::properties::{self, PropertyChange};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::explain;
use crate::progress::human;

/// The longest that a detection may take; AWS speaks of several minutes.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html>
const LIMIT: Duration = Duration::from_mins(15);

/// How long to wait before asking again how far it is: of AWS, and of a cloud on this machine.
const PAUSE: Duration = Duration::from_secs(3);
const NEAR_PAUSE: Duration = Duration::from_millis(500);

/// How far a detection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detection {
    /// Not at its end.
    InProgress,
    /// Every resource was looked at whose type can be.
    Complete,
    /// Some resource couldn't be looked at, in AWS's words.
    Failed(String),
}

/// A resource that isn't as it was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drifted {
    /// Its name in the template.
    pub(crate) logical_id: String,
    /// Its type.
    pub(crate) resource_type: String,
    /// Whether it isn't there any more.
    pub(crate) deleted: bool,
    /// The properties that differ: as deployed, and as they are.
    pub(crate) properties: Vec<PropertyChange>,
}

/// What there is to tell of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StackDrift {
    /// The stack's name.
    pub(crate) stack_name: String,
    /// What differs.
    pub(crate) drifted: Vec<Drifted>,
    /// How many resources were looked at.
    pub(crate) checked: usize,
    /// How many the stack has.
    pub(crate) resources: usize,
}

/// Has CloudFormation compare a stack's resources with what it last made of them, and waits for the end.
///
/// # Errors
/// When the stack's status allows it not, when a resource can't be looked at, or when it takes longer than its limit.
pub(crate) async fn detect(context: &Context, aws: &Aws, stack: &str, again: &str) -> anyhow::Result<StackDrift> {
    let id = aws.detect_drift(stack).await?;
    wait(context, aws, stack, &id, again).await?;
    let (drifted, checked) = aws.drifts(stack).await?;
    Ok(StackDrift {
        stack_name: stack.to_owned(),
        drifted,
        checked,
        resources: aws.resources(stack).await?.len(),
    })
}

async fn wait(context: &Context, aws: &Aws, stack: &str, id: &str, again: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
    loop {
        match aws.drift_detection(id).await? {
            Detection::Complete => return Ok(()),
            Detection::Failed(reason) => {
                let what = format!("drift of {stack} was not detected to its end: {reason}");
                return Err(Failure::new(Exit::Failed, what)
                    .code(Code::AwsRefused)
                    .next(format!(
                        "{} shows what was",
                        aws.cli().command(&format!(
                            "cloudformation describe-stack-resource-drifts --stack-name {stack}"
                        ))
                    ))
                    .into());
            }
            Detection::InProgress => {}
        }
        if started.elapsed() > LIMIT {
            let what = format!("drift of {stack} is still being detected after {}", human(LIMIT));
            return Err(Failure::new(Exit::Failed, what)
                .code(Code::TimeLimit)
                .next(again)
                .into());
        }
        context
            .progress
            .block(&[format!("{stack}: detecting drift, {}", human(started.elapsed()))]);
        context
            .interrupt
            .sleep("interrupted: the detection goes on", pause)
            .await?;
    }
}

impl StackDrift {
    /// For people: by resource and property, then what nobody looked at.
    pub(crate) fn render(&self) -> String {
        let name = &self.stack_name;
        let mut text = match self.drifted.len() {
            0 => format!("{name}: no drift"),
            count => format!(
                "{name}: {count} of {} resources are not as they were deployed",
                self.resources
            ),
        };
        for drifted in &self.drifted {
            let defined = explain::definition(name, &drifted.logical_id);
            let defined = defined.map(|place| format!(", {place}")).unwrap_or_default();
            let gone = if drifted.deleted { ": deleted" } else { "" };
            let _ = write!(
                text,
                "\n  {} ({}{defined}){gone}",
                drifted.logical_id, drifted.resource_type
            );
            for property in &drifted.properties {
                let _ = write!(text, "\n    {}", properties::render_whole(property));
            }
        }
        let unchecked = self.resources.saturating_sub(self.checked);
        if unchecked > 0 {
            let _ = write!(
                text,
                "\n  {unchecked} of {} resources are of types that CloudFormation doesn't look at",
                self.resources
            );
        }
        text
    }

    /// For programs: a record a resource.
    pub(crate) fn records(&self) -> impl Iterator<Item = Value> {
        self.drifted.iter().map(|drifted| {
            let property = |property: &PropertyChange| {
                json!({"path": property.path, "deployed": property.before, "actual": property.after})
            };
            json!({
                "stack": self.stack_name,
                "logical_id": drifted.logical_id,
                "resource_type": drifted.resource_type,
                "drift_status": if drifted.deleted { "DELETED" } else { "MODIFIED" },
                "properties": drifted.properties.iter().map(property).collect::<Vec<_>>(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use crate::exit::exit_of;
    use crate::stack::script::answer;

    const STACK: &str = "OneBoxDeploymentOnECS-Service-Sandbox";

    fn detection(status: &str) -> (u16, String) {
        let members = format!(
            "<StackId>arn</StackId><StackDriftDetectionId>id</StackDriftDetectionId><DetectionStatus>{status}</DetectionStatus>\
             <DetectionStatusReason>no right to read it</DetectionStatusReason><Timestamp>2026-11-24T00:00:00Z</Timestamp>"
        );
        answer("DescribeStackDriftDetectionStatus", &members)
    }

    fn drift(logical_id: &str, status: &str, differences: &str) -> String {
        format!(
            "<member><StackId>arn</StackId><LogicalResourceId>{logical_id}</LogicalResourceId>\
             <ResourceType>AWS::CloudWatch::Alarm</ResourceType><StackResourceDriftStatus>{status}</StackResourceDriftStatus>\
             <PropertyDifferences>{differences}</PropertyDifferences><Timestamp>2026-11-24T00:00:00Z</Timestamp></member>"
        )
    }

    fn difference(path: &str, kind: &str, expected: &str, actual: &str) -> String {
        format!(
            "<member><PropertyPath>{path}</PropertyPath><DifferenceType>{kind}</DifferenceType>\
             <ExpectedValue>{expected}</ExpectedValue><ActualValue>{actual}</ActualValue></member>"
        )
    }

    fn resources(count: usize) -> (u16, String) {
        let one = "<member><LogicalResourceId>A</LogicalResourceId><ResourceType>T</ResourceType>\
             <ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>";
        let members = format!("<StackResourceSummaries>{}</StackResourceSummaries>", one.repeat(count));
        answer("ListStackResources", &members)
    }

    async fn detected(answers: Vec<(u16, String)>) -> anyhow::Result<StackDrift> {
        let begun = answer("DetectStackDrift", "<StackDriftDetectionId>id</StackDriftDetectionId>");
        let replay = Replay::new([vec![begun], answers].concat());
        detect(&Context::hidden(), &replay.aws(), STACK, "again").await
    }

    #[tokio::test(start_paused = true)]
    async fn what_drifted_by_resource_and_property() {
        let changed = [
            difference("/Threshold", "NOT_EQUAL", "5", "9"),
            difference(
                "/AlarmActions/0",
                "ADD",
                "null",
                "arn:aws:sns:us-east-1:123456789012:topic",
            ),
            difference("/AlarmDescription", "REMOVE", "why", "null"),
        ];
        let drifts = [
            drift("FleetServerErrors", "MODIFIED", &changed.concat()),
            drift("OneboxServerErrors", "DELETED", ""),
            drift("OneboxResponseTime", "IN_SYNC", ""),
        ];
        let drifts = format!("<StackResourceDrifts>{}</StackResourceDrifts>", drifts.concat());
        let found = detected(vec![
            detection("DETECTION_IN_PROGRESS"),
            detection("DETECTION_COMPLETE"),
            answer("DescribeStackResourceDrifts", &drifts),
            resources(4),
        ]);
        let found = found.await.unwrap();
        insta::assert_snapshot!(found.render(), @"
        OneBoxDeploymentOnECS-Service-Sandbox: 2 of 4 resources are not as they were deployed
          FleetServerErrors (AWS::CloudWatch::Alarm)
            ~ Threshold: 5 → 9
            + AlarmActions/0: arn:aws:sns:us-east-1:123456789012:topic
            - AlarmDescription: why
          OneboxServerErrors (AWS::CloudWatch::Alarm): deleted
          1 of 4 resources are of types that CloudFormation doesn't look at
        ");
        assert_eq!(found.records().count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn without_drift_one_line_says_so() {
        let none = "<StackResourceDrifts></StackResourceDrifts>";
        let found = detected(vec![
            detection("DETECTION_COMPLETE"),
            answer("DescribeStackResourceDrifts", none),
            resources(0),
        ]);
        assert_eq!(found.await.unwrap().render(), format!("{STACK}: no drift"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_detection_that_fails_or_never_ends() {
        let error = detected(vec![detection("DETECTION_FAILED")]).await.unwrap_err();
        assert_eq!(exit_of(&error), Exit::Failed);
        assert_eq!(
            error.to_string(),
            format!("drift of {STACK} was not detected to its end: no right to read it")
        );
        // As many answers as fit into the limit, and one more.
        let error = detected(vec![detection("DETECTION_IN_PROGRESS"); 2000])
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("drift of {STACK} is still being detected after 15 min 0 s")
        );
    }
}
