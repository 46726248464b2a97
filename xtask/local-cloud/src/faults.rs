//! Faults that are asked for, to see what clients make of them. A table, kept with the state until each has happened as
//! often as it was to, or is cleared.
//!
//! `POST /_local/faults` adds one, `GET` lists them, `DELETE` clears them all and `DELETE /_local/faults/<id>` one. No
//! client of AWS's sends anything there. What is added is JSON:
//!
//! ```json
//! {"fault": "throttling", "operation": "DescribeStacks", "times": 3}
//! ```
//!
//! | fault | members | what happens |
//! |---|---|---|
//! | `throttling` | `operation`, `times` | the next calls are refused: the rate is exceeded |
//! | `expired_credentials` | `operation`, `times` | calls are refused: the token has expired |
//! | `access_denied` | `operation`, `times` | calls are refused: not allowed |
//! | `lost_connection` | `operation`, `times` | the call is carried out, and the connection ends without its answer |
//! | `resource` | `resource`, `operation`, `reason`, `times` | the resource's next creation, update or deletion fails |
//! | `rollback` | `resource`, `reason`, `times` | the resource's next change by a rollback fails |
//!
//! A call's operation is its name, and every call without it; a resource is named by logical id or by type. `times` is 1
//! unless given, but refusals of credentials and permissions stay until cleared.

use provisioner::{Operation, ResourceRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::wire::{Call, Fault};

/// How many faults may wait at once.
const FAULTS_MAX: usize = 100;

/// The faults that have yet to happen.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    next_id: u64,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    id: u64,
    #[serde(flatten)]
    wanted: Wanted,
    /// How often it still happens; none means until it is cleared.
    times: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
enum Wanted {
    Throttling {
        operation: Option<String>,
    },
    ExpiredCredentials {
        operation: Option<String>,
    },
    AccessDenied {
        operation: Option<String>,
    },
    LostConnection {
        operation: Option<String>,
    },
    Resource {
        resource: String,
        operation: Option<ResourceOperation>,
        reason: String,
    },
    Rollback {
        resource: String,
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResourceOperation {
    Create,
    Update,
    Delete,
}

/// What is asked of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// Add this.
    Add(Value),
    /// Show all.
    List,
    /// Forget one, or all.
    Clear(Option<u64>),
    /// Change a resource without its stack.
    Outside(Value),
}

impl Faults {
    /// Adds, lists or clears; gives what is in the table then.
    ///
    /// # Errors
    /// When what is to be added is no fault, or the one to clear isn't there.
    pub(crate) fn request(&mut self, request: Request) -> Result<Value, Fault> {
        match request {
            Request::Add(wanted) => self.add(wanted)?,
            // What is done at once waits for nothing, and is the world's to do.
            Request::List | Request::Outside(_) => {}
            Request::Clear(None) => self.entries.clear(),
            Request::Clear(Some(id)) => {
                let before = self.entries.len();
                self.entries.retain(|entry| entry.id != id);
                if self.entries.len() == before {
                    return Err(invalid(format!("there is no fault {id}")));
                }
            }
        }
        Ok(json!({"faults": self.entries}))
    }

    fn add(&mut self, mut wanted: Value) -> Result<(), Fault> {
        if self.entries.len() >= FAULTS_MAX {
            return Err(invalid(format!("{FAULTS_MAX} faults wait already; clear some")));
        }
        let times = wanted.as_object_mut().and_then(|members| members.remove("times"));
        let times = match times {
            None | Some(Value::Null) => None,
            Some(times) => {
                let times = times.as_u64().and_then(|times| u32::try_from(times).ok());
                Some(
                    times
                        .filter(|times| *times > 0)
                        .ok_or_else(|| invalid("times must be a whole number from 1"))?,
                )
            }
        };
        let wanted =
            serde_json::from_value::<Wanted>(wanted).map_err(|error| invalid(format!("not a fault: {error}")))?;
        let usual = match wanted {
            Wanted::ExpiredCredentials { .. } | Wanted::AccessDenied { .. } => None,
            _ => Some(1),
        };
        self.next_id += 1;
        self.entries.push(Entry {
            id: self.next_id,
            wanted,
            times: times.or(usual),
        });
        Ok(())
    }

    /// How a call is refused, if it is to be.
    pub(crate) fn on_call(&mut self, caller: &str, call: &Call) -> Option<Fault> {
        let wanted = self.take(|wanted| match wanted {
            Wanted::Throttling { operation }
            | Wanted::ExpiredCredentials { operation }
            | Wanted::AccessDenied { operation } => concerns(operation.as_ref(), call),
            _ => false,
        })?;
        Some(refusal(&wanted, caller, call))
    }

    /// Whether the connection of a call is to end without its answer.
    pub(crate) fn loses(&mut self, call: &Call) -> bool {
        let lost = self.take(|wanted| match wanted {
            Wanted::LostConnection { operation } => concerns(operation.as_ref(), call),
            _ => false,
        });
        lost.is_some()
    }

    /// Why an operation on a resource fails, if it is to.
    pub(crate) fn on_resource(&mut self, request: &ResourceRequest<'_>, operation: Operation) -> Result<(), String> {
        let names = |resource: &str| [request.logical_id, request.type_name].contains(&resource);
        let wanted = self.take(|wanted| match wanted {
            Wanted::Resource {
                resource,
                operation: of,
                ..
            } => !request.rolls_back && names(resource) && of.is_none_or(|of| of.is(operation)),
            Wanted::Rollback { resource, .. } => request.rolls_back && names(resource),
            _ => false,
        });
        match wanted {
            Some(Wanted::Resource { reason, .. } | Wanted::Rollback { reason, .. }) => Err(reason),
            _ => Ok(()),
        }
    }

    /// The first that fits; it has then happened once.
    fn take(&mut self, fits: impl Fn(&Wanted) -> bool) -> Option<Wanted> {
        let index = self.entries.iter().position(|entry| fits(&entry.wanted))?;
        let entry = &mut self.entries[index];
        let wanted = entry.wanted.clone();
        if let Some(times) = &mut entry.times {
            *times -= 1;
            if *times == 0 {
                self.entries.remove(index);
            }
        }
        Some(wanted)
    }
}

impl ResourceOperation {
    fn is(self, operation: Operation) -> bool {
        matches!(
            (self, operation),
            (Self::Create, Operation::Create) | (Self::Update, Operation::Update) | (Self::Delete, Operation::Delete)
        )
    }
}

fn concerns(operation: Option<&String>, call: &Call) -> bool {
    operation.is_none_or(|operation| *operation == call.operation)
}

/// In the words and by the codes that are common to all services.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
fn refusal(wanted: &Wanted, caller: &str, call: &Call) -> Fault {
    let json = call.service.speaks_json();
    let code = |of_query: &'static str, of_json: &'static str| if json { of_json } else { of_query };
    match wanted {
        Wanted::ExpiredCredentials { .. } => {
            let code = code("ExpiredToken", "ExpiredTokenException");
            Fault::forbidden(code, "The security token included in the request is expired")
        }
        Wanted::AccessDenied { .. } => {
            let action = format!("{}:{}", call.service.prefix(), call.operation);
            let message = format!("User: {caller} is not authorized to perform: {action}");
            Fault::denied(call.service, message)
        }
        _ => Fault::client(code("Throttling", "ThrottlingException"), "Rate exceeded"),
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::client("ValidationError", message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wire::Service;

    fn faults(wanted: &[Value]) -> Faults {
        let mut faults = Faults::default();
        for wanted in wanted {
            faults.request(Request::Add(wanted.clone())).unwrap();
        }
        faults
    }

    fn call(service: Service, operation: &str) -> Call {
        Call {
            service,
            operation: operation.to_owned(),
            input: json!({}),
            access_key: "local".to_owned(),
        }
    }

    #[test]
    fn a_call_is_refused_as_often_as_asked_for() {
        let check = |wanted: Value, service, operation: &str, expected: &[Option<&str>]| {
            let mut faults = faults(std::slice::from_ref(&wanted));
            let codes = expected
                .iter()
                .map(|_| faults.on_call("arn:aws:iam::000000000000:user/local", &call(service, operation)));
            let codes = codes.map(|fault| fault.map(|fault| fault.code)).collect::<Vec<_>>();
            let expected = expected.iter().map(|code| code.map(str::to_owned)).collect::<Vec<_>>();
            assert_eq!(codes, expected, "{wanted} {operation}");
        };
        let twice = json!({"fault": "throttling", "operation": "DescribeStacks", "times": 2});
        let throttled = Some("Throttling");
        check(
            twice.clone(),
            Service::CloudFormation,
            "DescribeStacks",
            &[throttled, throttled, None],
        );
        check(twice, Service::CloudFormation, "ListStacks", &[None]);
        let once = json!({"fault": "throttling"});
        check(once, Service::Ecs, "ListTasks", &[Some("ThrottlingException"), None]);
        let expired = json!({"fault": "expired_credentials"});
        check(
            expired.clone(),
            Service::Sts,
            "GetCallerIdentity",
            &[Some("ExpiredToken"); 5],
        );
        check(expired, Service::Ecr, "ListImages", &[Some("ExpiredTokenException"); 5]);
        let denied = json!({"fault": "access_denied", "operation": "ListTasks", "times": 1});
        check(
            denied,
            Service::Ecs,
            "ListTasks",
            &[Some("AccessDeniedException"), None],
        );
        let lost = json!({"fault": "lost_connection"});
        check(lost, Service::Ecs, "ListTasks", &[None]);
    }

    #[test]
    fn a_resource_fails_in_the_change_or_in_the_rollback() {
        let check = |wanted: &Value, logical_id: &str, operation, rolls_back, expected: &[bool]| {
            let mut faults = faults(std::slice::from_ref(wanted));
            let (properties, tags) = (json!({}), BTreeMap::new());
            let request = ResourceRequest {
                stack_id: "",
                stack_name: "",
                logical_id,
                type_name: "AWS::ECS::Service",
                properties: &properties,
                tags: &tags,
                generated_name: "",
                role_arn: None,
                rolls_back,
                token: "",
            };
            let failed = expected
                .iter()
                .map(|_| faults.on_resource(&request, operation).is_err());
            assert_eq!(
                failed.collect::<Vec<_>>(),
                expected,
                "{wanted} {logical_id} {operation:?} {rolls_back}"
            );
        };
        let update = json!({"fault": "resource", "resource": "Fleet", "operation": "update", "reason": "no"});
        check(&update, "Fleet", Operation::Update, false, &[true, false]);
        check(&update, "Fleet", Operation::Create, false, &[false]);
        check(&update, "Fleet", Operation::Update, true, &[false]);
        check(&update, "Onebox", Operation::Update, false, &[false]);
        let any = json!({"fault": "resource", "resource": "AWS::ECS::Service", "reason": "no", "times": 2});
        check(&any, "Onebox", Operation::Create, false, &[true, true, false]);
        let rollback = json!({"fault": "rollback", "resource": "Fleet", "reason": "no"});
        check(&rollback, "Fleet", Operation::Update, false, &[false]);
        check(&rollback, "Fleet", Operation::Update, true, &[true, false]);
    }

    #[test]
    fn a_lost_connection_is_of_its_operation() {
        let mut faults = faults(&[json!({"fault": "lost_connection", "operation": "CreateStack"})]);
        assert!(!faults.loses(&call(Service::CloudFormation, "DescribeStacks")));
        assert!(faults.loses(&call(Service::CloudFormation, "CreateStack")));
        assert!(!faults.loses(&call(Service::CloudFormation, "CreateStack")));
    }

    #[test]
    fn faults_are_listed_cleared_and_kept() {
        let mut faults = faults(&[json!({"fault": "throttling"}), json!({"fault": "access_denied"})]);
        let kept: Faults = serde_json::from_value(serde_json::to_value(&faults).unwrap()).unwrap();
        assert_eq!(kept, faults);
        let listed = faults.request(Request::List).unwrap();
        let expected = json!({"faults": [
            {"id": 1, "fault": "throttling", "operation": null, "times": 1},
            {"id": 2, "fault": "access_denied", "operation": null, "times": null},
        ]});
        assert_eq!(listed, expected);
        assert_eq!(faults.request(Request::Clear(Some(1))).unwrap()["faults"][0]["id"], 2);
        assert!(faults.request(Request::Clear(Some(1))).is_err());
        assert_eq!(faults.request(Request::Clear(None)).unwrap(), json!({"faults": []}));
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        let check = |wanted: Value, expected: &str| {
            let fault = Faults::default().request(Request::Add(wanted)).unwrap_err();
            assert!(fault.message.contains(expected), "{}", fault.message);
        };
        check(json!({"fault": "fire"}), "fire");
        check(json!({"fault": "throttling", "often": 1}), "often");
        check(json!({"fault": "throttling", "times": 0}), "times");
        check(json!({"fault": "resource", "reason": "no"}), "resource");
        check(json!([]), "not a fault");
    }
}
