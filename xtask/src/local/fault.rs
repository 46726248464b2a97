//! Faults that the local cloud is to show; `local-cloud`'s `faults.rs` says what each does.

use anyhow::Context as _;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use local_cloud::Running;
use serde_json::{Value, json};

use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::flags::{CallFault, Fault, FaultCommand, ResourceOperation};
use crate::table;

/// The longest list that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Adds, lists or clears faults, and shows those that are left.
///
/// # Errors
/// When no local cloud runs (exit status 4), or it refuses (3).
pub(super) async fn run(context: &Context, command: FaultCommand) -> anyhow::Result<Value> {
    let running = running(context)?;
    let (method, path, body) = match command {
        FaultCommand::Add { fault } => (Method::POST, String::new(), wanted(fault).to_string()),
        FaultCommand::List => (Method::GET, String::new(), String::new()),
        FaultCommand::Clear { id: None } => (Method::DELETE, String::new(), String::new()),
        FaultCommand::Clear { id: Some(id) } => (Method::DELETE, format!("/{id}"), String::new()),
    };
    let location = format!("{}/_local/faults{path}", running.endpoint);
    let answer = send(method, &location, body).await?;
    let faults = answer["faults"].as_array().map_or(&[][..], Vec::as_slice);
    if faults.is_empty() {
        context.output.line("no fault waits");
    } else {
        let rows: Vec<Vec<String>> = faults.iter().map(row).collect();
        let columns = ["ID", "FAULT", "OF", "OPERATION", "TIMES", "REASON"];
        context.output.line(&table::render(&columns, &rows));
    }
    Ok(answer)
}

/// Changes a resource without asking its stack.
///
/// # Errors
/// When no local cloud runs (exit status 4), or it refuses (3): there is no such resource, or it can't be so.
pub(super) async fn change_from_outside(context: &Context, outside: &Value) -> anyhow::Result<Value> {
    let location = format!("{}/_local/drift", running(context)?.endpoint);
    send(Method::POST, &location, outside.to_string()).await?;
    let what = if outside["property"].is_null() {
        "deleted"
    } else {
        "changed"
    };
    let (stack, resource) = (&outside["stack"], &outside["resource"]);
    let (stack, resource) = (
        stack.as_str().unwrap_or_default(),
        resource.as_str().unwrap_or_default(),
    );
    context
        .output
        .line(&format!("{what} {resource}, which {stack} isn't told"));
    Ok(Value::Null)
}

fn running(context: &Context) -> anyhow::Result<Running> {
    Ok(context.home().running()?.ok_or_else(super::not_running)?)
}

fn wanted(fault: Fault) -> Value {
    let of_call =
        |name: &str, fault: CallFault| json!({"fault": name, "operation": fault.operation, "times": fault.times});
    match fault {
        Fault::Throttling(fault) => of_call("throttling", fault),
        Fault::ExpiredCredentials(fault) => of_call("expired_credentials", fault),
        Fault::AccessDenied(fault) => of_call("access_denied", fault),
        Fault::LostConnection(fault) => of_call("lost_connection", fault),
        Fault::Resource {
            resource,
            operation,
            reason,
            times,
        } => {
            let operation = operation.map(|operation| match operation {
                ResourceOperation::Create => "create",
                ResourceOperation::Update => "update",
                ResourceOperation::Delete => "delete",
            });
            json!({"fault": "resource", "resource": resource, "operation": operation, "reason": reason, "times": times})
        }
        Fault::Rollback {
            resource,
            reason,
            times,
        } => json!({"fault": "rollback", "resource": resource, "reason": reason, "times": times}),
    }
}

fn row(fault: &Value) -> Vec<String> {
    let or = |name: &str, otherwise: &str| match &fault[name] {
        Value::Null => otherwise.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    vec![
        or("id", ""),
        // As it is typed.
        or("fault", "").replace('_', "-"),
        or("resource", "calls"),
        or("operation", "any"),
        or("times", "until cleared"),
        or("reason", ""),
    ]
}

async fn send(method: Method, location: &str, body: String) -> anyhow::Result<Value> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder().method(method).uri(location);
    let request = request
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    let response = client
        .request(request)
        .await
        .context("the local cloud does not answer")?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body
        .map_err(|error| anyhow::anyhow!("the local cloud's answer broke off: {error}"))?
        .to_bytes();
    let answer: Value = serde_json::from_slice(&body).context("the local cloud's answer is not JSON")?;
    if !status.is_success() {
        let words = answer["message"].as_str().unwrap_or_default();
        return Err(Failure::refused(format!("the local cloud refuses: {words}"))
            .code(Code::LocalFault)
            .into());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_put_as_the_local_cloud_takes_it() {
        let call = |operation: Option<&str>, times| CallFault {
            operation: operation.map(str::to_owned),
            times,
        };
        for (fault, expected) in [
            (
                Fault::Throttling(call(Some("DescribeStacks"), Some(3))),
                json!({"fault": "throttling", "operation": "DescribeStacks", "times": 3}),
            ),
            (
                Fault::ExpiredCredentials(call(None, None)),
                json!({"fault": "expired_credentials", "operation": null, "times": null}),
            ),
            (
                Fault::Resource {
                    resource: "FleetService".to_owned(),
                    operation: Some(ResourceOperation::Update),
                    reason: "no".to_owned(),
                    times: 1,
                },
                json!({"fault": "resource", "resource": "FleetService", "operation": "update", "reason": "no", "times": 1}),
            ),
            (
                Fault::Rollback {
                    resource: "AWS::ECS::Service".to_owned(),
                    reason: "no".to_owned(),
                    times: 2,
                },
                json!({"fault": "rollback", "resource": "AWS::ECS::Service", "reason": "no", "times": 2}),
            ),
        ] {
            assert_eq!(wanted(fault), expected);
        }
    }
}
