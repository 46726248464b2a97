//! IAM: whose call it is, and whether the policies of their role let them.
//!
//! The person may do everything here, as an account's root may. A role may do what its own policies say: the role of a
//! build while it runs, a task's role, the role that CloudFormation was handed while it changes a stack, and those of
//! pipelines and rules.

mod handlers;
mod logins;
pub(crate) mod policy;
mod resources;
mod session;
pub(crate) mod task_credentials;

use std::time::SystemTime;

use provisioner::{Operation, ResourceRequest, Stacks};
use serde_json::Value;

pub(crate) use self::logins::{Logins, password};
use self::policy::{Asked, Context, Verdict};
pub(crate) use self::session::{Session, access_key};
use crate::cloud::Cloud;
use crate::ids::Place;
use crate::plain::ROLE;
use crate::properties::text;
use crate::wire::{Call, Fault, Service};

const CLOUD_FORMATION: &str = "cloudformation.amazonaws.com";

/// AWS names no resource when it refuses this one.
/// <https://github.com/tomaszkiewicz/prometheus-alertmanager-cloudwatch-webhook/issues/3>
const PUT_METRIC_DATA: &str = "cloudwatch:PutMetricData";

/// Who makes a call: a role in a session, or nobody but the person.
pub(crate) fn session_of(cloud: &Cloud, call: &Call) -> Option<Session> {
    let key = &call.access_key;
    Session::of_build(&cloud.code.builds, key).or_else(|| Session::of_task(cloud, key))
}

/// Refuses a call that must be a task's and isn't.
///
/// # Errors
/// In AWS's words for an access key that isn't known.
pub(crate) fn check_caller(cloud: &Cloud, call: &Call, of_task: bool) -> Result<(), Fault> {
    if of_task && Session::of_task(cloud, &call.access_key).is_none() {
        // https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
        let message = "The security token included in the request is invalid.";
        return Err(Fault::forbidden("InvalidClientTokenId", message));
    }
    Ok(())
}

/// The caller's ARN.
pub(crate) fn arn_of(place: &Place, session: Option<&Session>) -> String {
    session.map_or_else(|| place.global_arn("iam", "user/local"), |session| session.arn(place))
}

/// Whether a role may make a call.
///
/// # Errors
/// When its policies don't let it, in AWS's words.
pub(crate) fn authorize(cloud: &Cloud, stacks: &Stacks, session: &Session, call: &Call) -> Result<(), Fault> {
    // Everyone may ask who they are.
    // https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    if call.service == Service::Sts {
        return Ok(());
    }
    let action = format!("{}:{}", call.service.prefix(), permission(call));
    let refused = |message| Fault::denied(call.service, message);
    let mut context = context(&cloud.place);
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    if action == PUT_METRIC_DATA {
        context.extend(text(&call.input, "Namespace").map(|namespace| ("cloudwatch:namespace", namespace)));
    }
    context.extend(resources::cluster(&cloud.place, call).map(|cluster| ("ecs:cluster", cluster)));
    for resource in resources::of(&cloud.place, stacks, call) {
        ask(cloud, session, &action, resource.as_deref(), &context).map_err(refused)?;
    }
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    let handed = text(&call.input, "RoleARN").filter(|_| call.service == Service::CloudFormation);
    handed.map_or(Ok(()), |role| {
        pass(cloud, session, &role, CLOUD_FORMATION).map_err(refused)
    })
}

/// The permission that a call needs: its own name, but for the exceptions.
fn permission(call: &Call) -> &str {
    match (call.service, call.operation.as_str()) {
        // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
        (Service::Ecr, "ListImageReferrers") => "BatchGetImage",
        (_, operation) => operation,
    }
}

/// Whether CloudFormation may do something to a resource in the role that it was handed: by its handler's main call, and
/// by what that passes on.
///
/// # Errors
/// When the role's policies don't let it, in CloudFormation's words.
pub(crate) fn lets(
    cloud: &Cloud,
    request: &ResourceRequest<'_>,
    operation: Operation,
    physical_id: &str,
) -> Result<(), String> {
    let Some(role) = request.role_arn else {
        return Ok(());
    };
    let session = Session::of_cloud_formation(role);
    let calls = handlers::calls(&cloud.place, request, operation, physical_id);
    let judged = calls
        .into_iter()
        .try_for_each(|(action, resource)| allows(cloud, &session, action, resource.as_deref()));
    let passed = handlers::passed(request, operation);
    let judged = judged.and_then(|()| {
        passed
            .into_iter()
            .try_for_each(|(role, service)| pass(cloud, &session, &role, service))
    });
    judged.map_err(|message| {
        format!(
            "Resource handler returned message: \"{message}\" (RequestToken: {}, HandlerErrorCode: AccessDenied)",
            request.token
        )
    })
}

/// Whether a service may do something in a role that a template gives it.
///
/// # Errors
/// When the role's policies don't let it, in AWS's words.
pub(crate) fn lets_service(
    cloud: &Cloud,
    now: SystemTime,
    role: &str,
    actions: &[&str],
    resource: &str,
) -> Result<(), String> {
    let session = Session::of_service(role, now);
    let mut actions = actions.iter();
    actions.try_for_each(|action| allows(cloud, &session, action, Some(resource)))
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>
fn pass(cloud: &Cloud, session: &Session, role: &str, service: &str) -> Result<(), String> {
    let mut context = context(&cloud.place);
    context.insert("iam:passedtoservice", service.to_owned());
    ask(cloud, session, "iam:PassRole", Some(role), &context)
}

fn allows(cloud: &Cloud, session: &Session, action: &str, resource: Option<&str>) -> Result<(), String> {
    ask(cloud, session, action, resource, &context(&cloud.place))
}

fn ask(
    cloud: &Cloud,
    session: &Session,
    action: &str,
    resource: Option<&str>,
    context: &Context,
) -> Result<(), String> {
    let asked = Asked {
        action,
        resource,
        context,
    };
    judged(&session.arn(&cloud.place), documents(cloud, session), asked)
}

/// What a session's role may do: nothing, where there is no such role.
fn documents<'a>(cloud: &'a Cloud, session: &Session) -> impl Iterator<Item = &'a Value> {
    let role = cloud.plain.get(ROLE).and_then(|roles| roles.get(session.role()));
    let policies = role.and_then(|role| role.properties["Policies"].as_array());
    policies.into_iter().flatten().map(|policy| &policy["PolicyDocument"])
}

fn judged<'a>(user: &str, documents: impl IntoIterator<Item = &'a Value>, asked: Asked<'_>) -> Result<(), String> {
    let why = match policy::judge(documents, asked) {
        Verdict::Allowed => return Ok(()),
        Verdict::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        Verdict::NotAllowed => format!("because no identity-based policy allows the {} action", asked.action),
    };
    Err(refusal(user, asked.action, asked.resource, &why))
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn refusal(user: &str, action: &str, resource: Option<&str>, why: &str) -> String {
    let resource = resource.filter(|_| action != PUT_METRIC_DATA);
    let on = resource.map_or_else(String::new, |resource| format!(" on resource: {resource}"));
    format!("User: {user} is not authorized to perform: {action}{on} {why}")
}

/// What is true of every call here. That it came over TLS is said although loopback has none: AWS has no other way in.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn context(place: &Place) -> Context {
    Context::from([
        ("aws:principalaccount", place.account_id.clone()),
        ("aws:requestedregion", place.region.clone()),
        ("aws:resourceaccount", place.account_id.clone()),
        ("aws:securetransport", "true".to_owned()),
    ])
}
