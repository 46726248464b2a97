//! A CloudFormation in which an update of the sandbox never ends.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cloud::{SERVICE_STACK, until};
use crate::recorder::read;

const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/Example/1";

/// What plays CloudFormation, as long as the test runs.
pub(super) struct Endless {
    /// The URL to send requests to.
    pub(super) url: String,
    asked: Arc<AtomicUsize>,
}

impl Endless {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::default();
        let counted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                // A client that goes ends its thread.
                std::thread::spawn(move || drop(serve(&client, &counted)));
            }
        });
        Self { url, asked }
    }

    /// How many requests came so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn until_asked(&self, times: usize) {
        until("it is asked more", || self.asked() >= times);
    }
}

fn serve(client: &TcpStream, asked: &AtomicUsize) -> std::io::Result<()> {
    let mut requests = BufReader::new(client.try_clone()?);
    let mut client = client;
    while let Some((_, body)) = read(&mut requests)? {
        asked.fetch_add(1, Ordering::SeqCst);
        let (status, body) = answer(&String::from_utf8_lossy(&body));
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        client.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

/// The answer to a request: the environment's other stack isn't there, and what isn't asked of CloudFormation is refused.
fn answer(request: &str) -> (&'static str, String) {
    let operation = request
        .split('&')
        .next()
        .unwrap_or_default()
        .trim_start_matches("Action=");
    let result = match operation {
        "GetCallerIdentity" => {
            "<Arn>arn:aws:iam::123456789012:user/alice</Arn><Account>123456789012</Account>".to_owned()
        }
        "DescribeStacks" if request.contains(SERVICE_STACK) || request.contains("stack%2FExample") => format!(
            "<Stacks><member><StackName>{SERVICE_STACK}</StackName><StackId>{STACK}</StackId>\
             <StackStatus>UPDATE_IN_PROGRESS</StackStatus><CreationTime>2026-11-24T00:00:00Z</CreationTime></member></Stacks>"
        ),
        "DescribeStacks" => return refusal("Stack with id Foundation does not exist"),
        "DescribeStackEvents" => format!("<StackEvents>{}</StackEvents>", events()),
        other => return refusal(&format!("{other} isn't played")),
    };
    let answer = format!("<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>");
    ("200 OK", answer)
}

fn refusal(message: &str) -> (&'static str, String) {
    let error = format!("<Error><Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message></Error>");
    (
        "400 Bad Request",
        format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"),
    )
}

/// The newest first, as AWS gives them.
fn events() -> String {
    let events = [
        ("Role", "AWS::IAM::Role", "UPDATE_IN_PROGRESS", 3),
        ("Policy", "AWS::IAM::Policy", "UPDATE_COMPLETE", 2),
        ("Policy", "AWS::IAM::Policy", "UPDATE_IN_PROGRESS", 1),
        (SERVICE_STACK, "AWS::CloudFormation::Stack", "UPDATE_IN_PROGRESS", 0),
    ];
    let member = |(name, resource_type, status, seconds): (&str, &str, &str, u8)| {
        let id = if name == SERVICE_STACK { STACK } else { name };
        format!(
            "<member><EventId>{name}-{status}</EventId><StackId>{STACK}</StackId><StackName>{SERVICE_STACK}</StackName>\
             <Timestamp>2026-11-24T00:00:{seconds:02}Z</Timestamp><ClientRequestToken>token</ClientRequestToken>\
             <LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>{id}</PhysicalResourceId>\
             <ResourceType>{resource_type}</ResourceType><ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>User Initiated</ResourceStatusReason></member>"
        )
    };
    events.map(member).concat()
}
