//! Comparisons against scripted answers of CloudFormation.

use super::*;
use crate::aws::replay::Replay;
use crate::exit::{Exit, exit_of};
use crate::stack::changes::render_properties;
use crate::stack::script::*;

const TEMPLATE: &str = r#"{"Parameters": {"Image": {"Type": "String"}}, "Resources": {
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5, "Tags": [{"Key": "a", "Value": "b"}]}}
}}"#;

/// Compares against a script, which must be used up; the requests' bodies, and the outcome.
async fn check(answers: Vec<(u16, String)>) -> (Vec<String>, anyhow::Result<Difference>) {
    let count = answers.len();
    let replay = Replay::new(answers);
    let context = Context::hidden();
    let outcome = compare(
        &context,
        &replay.aws(),
        "Example",
        TEMPLATE,
        "token",
        "cargo xtask diff sandbox",
    )
    .await;
    let operations = replay.operations();
    assert_eq!(operations.len(), count, "{operations:?}, {outcome:?}");
    (replay.requests(), outcome)
}

fn with_parameter((status, body): (u16, String)) -> (u16, String) {
    let parameters = "<Parameters><member><ParameterKey>Image</ParameterKey>\
                      <ParameterValue>i</ParameterValue></member></Parameters><Outputs>";
    (status, body.replace("<Outputs>", parameters))
}

fn described(changes: &str) -> (u16, String) {
    answer(
        "DescribeChangeSet",
        &format!("<Status>CREATE_COMPLETE</Status><Changes>{changes}</Changes>"),
    )
}

fn asked(requests: &[String]) -> String {
    let operation = |body: &String| body.split('&').next().unwrap_or_default().replace("Action=", "");
    requests.iter().map(operation).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_by_property_and_its_change_set_deleted() {
    let changes = "<member><Type>Resource</Type><ResourceChange><Action>Modify</Action><Replacement>False</Replacement>\
        <LogicalResourceId>Queue</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType><Details>\
        <member><Target><Attribute>Properties</Attribute><Name>DelaySeconds</Name><Path>/Properties/DelaySeconds</Path>\
        <BeforeValue>1</BeforeValue><AfterValue>5</AfterValue></Target></member>\
        <member><Target><Attribute>Tags</Attribute><Path>/Properties/Tags/0/Value</Path><AfterValue>b</AfterValue></Target></member>\
        <member><Target><Attribute>Metadata</Attribute></Target></member>\
        </Details></ResourceChange></member>\
        <member><Type>Resource</Type><ResourceChange><Action>Add</Action><LogicalResourceId>New</LogicalResourceId>\
        <ResourceType>AWS::SQS::Queue</ResourceType><AfterContext>{\"Properties\":{\"QueueName\":\"n\"}}</AfterContext>\
        </ResourceChange></member>";
    let answers = vec![
        with_parameter(stack("UPDATE_COMPLETE")),
        created_change_set(),
        change_set("CREATE_IN_PROGRESS", ""),
        described(changes),
        done("DeleteChangeSet"),
    ];
    let (requests, outcome) = check(answers).await;
    let difference = outcome.unwrap();
    assert!(difference.differs);
    insta::assert_snapshot!(render_properties("Example", &difference.changes), @"
    Example: 1 to create, 1 to modify
    modify Queue (AWS::SQS::Queue)
      ~ DelaySeconds: 1 → 5
      ~ Metadata
      + Tags/0/Value: b
    create New (AWS::SQS::Queue)
      + QueueName: n
    ");
    assert!(
        requests[1].contains("ParameterKey=Image&Parameters.member.1.UsePreviousValue=true"),
        "{}",
        requests[1]
    );
    assert!(requests[3].contains("IncludePropertyValues=true"), "{}", requests[3]);
    insta::assert_snapshot!(asked(&requests), @"DescribeStacks CreateChangeSet DescribeChangeSet DescribeChangeSet DeleteChangeSet");
}

#[tokio::test(start_paused = true)]
async fn without_changes_there_is_no_difference() {
    let answers = vec![
        with_parameter(stack("CREATE_COMPLETE")),
        created_change_set(),
        change_set("FAILED", "The submitted information didn't contain changes."),
        done("DeleteChangeSet"),
    ];
    let difference = check(answers).await.1.unwrap();
    assert!(!difference.differs && difference.changes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_would_be_created_and_nothing_is_asked_for() {
    for (answer, note) in [
        (no_stack(), "there is no such stack: all of it would be created"),
        (
            stack("REVIEW_IN_PROGRESS"),
            "it is in REVIEW_IN_PROGRESS, without any resource: all of it would be created",
        ),
        (
            stack("ROLLBACK_COMPLETE"),
            "it is in ROLLBACK_COMPLETE: it would be deleted, and all of it created",
        ),
    ] {
        let difference = check(vec![answer]).await.1.unwrap();
        assert!(difference.differs);
        assert_eq!(difference.note.as_deref(), Some(note));
        insta::allow_duplicates! {
            insta::assert_snapshot!(render_properties("Example", &difference.changes), @r#"
            Example: 1 to create
            create Queue (AWS::SQS::Queue)
              + DelaySeconds: 5
              + Tags: [{"Key":"a","Value":"b"}]
            "#);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_template_leaves_no_change_set() {
    let answers = vec![
        with_parameter(stack("CREATE_COMPLETE")),
        created_change_set(),
        change_set("FAILED", "Queue has no property Colour"),
        done("DeleteChangeSet"),
    ];
    let error = check(answers).await.1.unwrap_err();
    insta::assert_snapshot!(error, @"Example: CloudFormation refuses the change: Queue has no property Colour");
}

#[tokio::test(start_paused = true)]
async fn stacks_that_allow_no_change() {
    for (answer, exit) in [
        (stack("SOMETHING_NEW"), Exit::Preflight),
        (stack("UPDATE_ROLLBACK_FAILED"), Exit::RollbackFailed),
        // The template's parameter is new to it.
        (stack("UPDATE_COMPLETE"), Exit::Preflight),
    ] {
        assert_eq!(exit_of(&check(vec![answer]).await.1.unwrap_err()), exit);
    }
    let answers = vec![
        stack("UPDATE_IN_PROGRESS"),
        events(&[(7, "Example", "UPDATE_IN_PROGRESS", "User Initiated")]),
    ];
    let error = check(answers).await.1.unwrap_err();
    assert_eq!(exit_of(&error), Exit::Preflight);
    insta::assert_snapshot!(error, @"Example is UPDATE_IN_PROGRESS since 2026-11-22T00:00:07Z, asked for as token");
}
