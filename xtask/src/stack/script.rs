//! Answers of CloudFormation about a stack named Example, for scripts that tests play.

pub(crate) const STACK: &str = "arn:aws:cloudformation:us-east-1:000000000000:stack/Example/1";
pub(crate) const SET: &str = "arn:aws:cloudformation:us-east-1:000000000000:changeSet/token/1";

pub(crate) fn answer(operation: &str, body: &str) -> (u16, String) {
    let namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
    let result = format!("<{operation}Result>{body}</{operation}Result>");
    (
        200,
        format!("<{operation}Response xmlns=\"{namespace}\">{result}</{operation}Response>"),
    )
}

pub(crate) fn refusal(status: u16, code: &str, message: &str) -> (u16, String) {
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
    (
        status,
        format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"),
    )
}

pub(crate) fn no_stack() -> (u16, String) {
    refusal(400, "ValidationError", "Stack with id Example does not exist")
}

pub(crate) fn stack(status: &str) -> (u16, String) {
    let output =
        "<Outputs><member><OutputKey>Endpoint</OutputKey><OutputValue>http://x</OutputValue></member></Outputs>";
    let stack = format!(
        "<StackName>Example</StackName><StackId>{STACK}</StackId><StackStatus>{status}</StackStatus>\
         <CreationTime>2026-11-22T00:00:00Z</CreationTime>{output}"
    );
    answer("DescribeStacks", &format!("<Stacks><member>{stack}</member></Stacks>"))
}

pub(crate) fn created_change_set() -> (u16, String) {
    answer("CreateChangeSet", &format!("<Id>{SET}</Id><StackId>{STACK}</StackId>"))
}

/// The change sets of a stack, by their ids.
pub(crate) fn change_sets(ids: &[&str]) -> (u16, String) {
    let member = |id: &&str| format!("<member><ChangeSetId>{id}</ChangeSetId></member>");
    let members: String = ids.iter().map(member).collect();
    answer("ListChangeSets", &format!("<Summaries>{members}</Summaries>"))
}

pub(crate) fn change_set(status: &str, reason: &str) -> (u16, String) {
    let change = "<Changes><member><Type>Resource</Type><ResourceChange><Action>Add</Action>\
                  <LogicalResourceId>Queue</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>\
                  </ResourceChange></member></Changes>";
    let changes = if status == "CREATE_COMPLETE" { change } else { "" };
    answer(
        "DescribeChangeSet",
        &format!("<Status>{status}</Status><StatusReason>{reason}</StatusReason>{changes}"),
    )
}

/// Events as (seconds, logical id, status, reason), the newest first, as AWS gives them.
pub(crate) fn events(events: &[(u8, &str, &str, &str)]) -> (u16, String) {
    let member = |(seconds, logical_id, status, reason): &(u8, &str, &str, &str)| {
        let (physical_id, resource_type) = if *logical_id == "Example" {
            (STACK, "AWS::CloudFormation::Stack")
        } else {
            ("physical", "AWS::SQS::Queue")
        };
        format!(
            "<member><EventId>{seconds}-{logical_id}-{status}</EventId><StackId>{STACK}</StackId><StackName>Example</StackName>\
             <Timestamp>2026-11-22T00:00:{seconds:02}Z</Timestamp><ClientRequestToken>token</ClientRequestToken>\
             <LogicalResourceId>{logical_id}</LogicalResourceId><PhysicalResourceId>{physical_id}</PhysicalResourceId>\
             <ResourceType>{resource_type}</ResourceType><ResourceStatus>{status}</ResourceStatus>\
             <ResourceStatusReason>{reason}</ResourceStatusReason></member>"
        )
    };
    let members: String = events.iter().map(member).collect();
    answer("DescribeStackEvents", &format!("<StackEvents>{members}</StackEvents>"))
}

pub(crate) fn done(operation: &str) -> (u16, String) {
    answer(operation, "")
}

/// Events that another page, of which the token tells, goes on with.
pub(crate) fn followed_by((status, body): (u16, String), token: &str) -> (u16, String) {
    let next = format!("</StackEvents><NextToken>{token}</NextToken>");
    (status, body.replace("</StackEvents>", &next))
}

/// An answer that never comes.
pub(crate) fn lost() -> (u16, String) {
    (crate::aws::replay::LOST, String::new())
}

pub(crate) fn throttled() -> (u16, String) {
    refusal(400, "Throttling", "Rate exceeded")
}
