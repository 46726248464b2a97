//! The policies of people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::aws::calls::{On, rights};
use crate::flags::Target;
use crate::permissions::policy::{Place, Policy, commands, policies, resources};

/// The most characters that a policy has, white space aside.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const POLICY_CHARACTERS: usize = 6144;

/// The most policies that a user or role has, unless the quota is raised.
const POLICIES: usize = 10;

const ROLE: &str = "arn:aws:iam::123456789012:role/Deployment";

const TARGETS: [Target; 3] = [Target::Sandbox, Target::Toolchain, Target::Prod];

fn place() -> Place {
    Place::new("eu-west-1", Some("123456789012"))
}

fn statements(policy: &Policy) -> &[Value] {
    policy.document["Statement"].as_array().unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// What is wrong with a policy's form.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
fn faults(policy: &Policy) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sids = BTreeSet::new();
    if policy.document["Version"] != "2012-10-17" {
        faults.push("Version".to_owned());
    }
    for statement in statements(policy) {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        if !sids.insert(sid) || sid.is_empty() || !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            faults.push(format!("the Sid {sid:?}"));
        }
        if statement["Effect"] != "Allow" {
            faults.push(format!("the Effect of {sid}"));
        }
        for action in texts(&statement["Action"]) {
            let is_action = action.split_once(':').is_some_and(|(service, name)| {
                !service.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
            if !is_action {
                faults.push(format!("the action {action}"));
            }
        }
        for resource in texts(&statement["Resource"]) {
            let is_arn = resource.starts_with("arn:aws:") && resource.splitn(6, ':').count() == 6;
            let is_filled = !resource.contains("${");
            if resource != "*" && !(is_arn && is_filled) {
                faults.push(format!("the resource {resource}"));
            }
            if resource == "*" && statement["Condition"].is_null() {
                faults.push(format!("{sid} is allowed in every region"));
            }
        }
    }
    let length = policy.document.to_string().len();
    if length > POLICY_CHARACTERS {
        faults.push(format!("{length} characters"));
    }
    faults
}

#[test]
fn policies_are_as_iam_wants_them() {
    for target in TARGETS {
        for role in [None, Some(ROLE)] {
            let policies = policies(target, &place(), role);
            assert!(policies.len() <= POLICIES);
            for policy in policies {
                assert_eq!(faults(&policy), Vec::<String>::new(), "{}", policy.name);
            }
        }
    }
}

#[test]
fn what_iam_would_refuse_is_found() {
    let policy = policies(Target::Sandbox, &place(), None).remove(0);
    let plant = |pointer: &str, value: Value| {
        let mut planted = policy.clone();
        *planted.document.pointer_mut(pointer).unwrap() = value;
        faults(&planted)
    };
    let sid = policy.document["Statement"][1]["Sid"].clone();
    for (pointer, value) in [
        ("/Version", "2008-10-17".into()),
        ("/Statement/0/Sid", sid),
        ("/Statement/0/Effect", "Permit".into()),
        ("/Statement/0/Action/0", "cloudformation:*".into()),
        ("/Statement/0/Resource/0", "arn:aws:ecs:${AWS::Region}:1:a".into()),
        ("/Statement/0/Resource/0", "*".into()),
        (
            "/Statement/0/Action/0",
            format!("a:{}", "B".repeat(POLICY_CHARACTERS)).into(),
        ),
    ] {
        assert_eq!(plant(pointer, value.clone()).len(), 1, "{pointer} {value}");
    }
}

/// What is granted and needed besides, an action on a resource each.
fn compare(policies: &[Policy], target: Target, role: Option<&str>) -> [Vec<String>; 2] {
    let calls = statements(&policies[0]);
    let granted: BTreeSet<String> = calls
        .iter()
        .flat_map(|statement| {
            let actions = texts(&statement["Action"]).into_iter();
            actions.flat_map(|action| {
                texts(&statement["Resource"])
                    .into_iter()
                    .map(move |on| format!("{action} {on}"))
            })
        })
        .collect();
    let needed: BTreeSet<String> = rights()
        .filter(|right| right.by.iter().any(|by| commands(target).contains(by)))
        .flat_map(|right| {
            let resources = resources(right.on, target, &place(), role);
            resources.into_iter().map(move |on| format!("{} {on}", right.action))
        })
        .collect();
    [
        needed.difference(&granted).cloned().collect(),
        granted.difference(&needed).cloned().collect(),
    ]
}

#[test]
fn every_call_of_every_command_is_allowed_and_nothing_else() {
    for target in TARGETS {
        for role in [None, Some(ROLE)] {
            let policies = policies(target, &place(), role);
            assert_eq!(
                compare(&policies, target, role),
                [Vec::<String>::new(), Vec::new()],
                "{target:?}"
            );
        }
    }
    let mut policies = policies(Target::Sandbox, &place(), None);
    let actions = policies[0].document["Statement"][0]["Action"].as_array_mut().unwrap();
    actions[0] = "cloudformation:ListStacks".into();
    let [lacking, superfluous] = compare(&policies, Target::Sandbox, None);
    assert!(
        lacking[0].starts_with("cloudformation:CancelUpdateStack arn:"),
        "{lacking:?}"
    );
    assert!(superfluous[0].starts_with("cloudformation:ListStacks arn:"));
}

/// A right that no target has a resource for is granted to nobody.
#[test]
fn every_right_of_peoples_commands_has_a_resource_somewhere() {
    for right in rights().filter(|right| !matches!(right.on, On::Nothing | On::LocalCloud)) {
        let found = TARGETS.iter().any(|target| {
            let is_theirs = right.by.iter().any(|by| commands(*target).contains(by));
            is_theirs && !resources(right.on, *target, &place(), Some(ROLE)).is_empty()
        });
        assert!(found, "{right:?}");
    }
}

/// A policy as its file holds it, with its members in one order whatever `serde_json` keeps.
fn pretty(policy: &Policy) -> String {
    let mut lines = String::new();
    for statement in statements(policy) {
        let texts = |name: &str| texts(&statement[name]).join("\n    ");
        let condition = match &statement["Condition"] {
            Value::Null => String::new(),
            condition => format!("  if {condition}\n"),
        };
        let sid = statement["Sid"].as_str().unwrap();
        let (actions, resources) = (texts("Action"), texts("Resource"));
        let _ = write!(lines, "{sid}\n    {actions}\n  on\n    {resources}\n{condition}");
    }
    lines
}

#[test]
fn with_a_role_the_calls_alone_are_allowed_and_to_hand_it_on() {
    let policies = policies(Target::Sandbox, &place(), Some(ROLE));
    assert_eq!(policies.len(), 1);
    insta::assert_snapshot!(pretty(&policies[0]));
}

#[test]
fn what_the_pipeline_is_looked_at_with() {
    let policies = policies(Target::Toolchain, &Place::new("cn-north-1", None), None);
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    insta::assert_debug_snapshot!(names, @r#"
    [
        "OneBoxDeploymentOnECS-Deployments-Calls",
        "OneBoxDeploymentOnECS-Deployments-Pipeline",
        "OneBoxDeploymentOnECS-Deployments-Surroundings",
        "OneBoxDeploymentOnECS-Deployments-Foundations",
    ]
    "#);
    insta::assert_snapshot!(pretty(&policies[0]));
}
