//! The roles of the pipeline's builds, against the calls of the commands that they run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::aws::calls::{By, On, Right, rights};
use crate::flags::Target;
use crate::permissions::policy::{Place, resources};

/// What a build runs, in which role.
struct Build {
    role: &'static str,
    runs: By,
    target: Target,
    /// The stacks that it asks about.
    stacks: &'static [&'static str],
    /// What the command needs by hand and not here, and why not.
    unneeded: &'static [(On, &'static str)],
    /// What CodeBuild itself does in the role.
    of_service: &'static [&'static str],
}

/// What CodeBuild does in the role of every build.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html>
const OF_EVERY_BUILD: &[&str] = &[
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:GetObjectVersion",
];

const BUILDS: [Build; 3] = [
    Build {
        role: "BuildRole",
        runs: By::Build,
        target: Target::Prod,
        stacks: &["OneBoxDeploymentOnECS-Foundation-Prod"],
        unneeded: &[],
        of_service: &[
            "codebuild:BatchPutTestCases",
            "codebuild:CreateReport",
            "codebuild:CreateReportGroup",
            "codebuild:UpdateReport",
            "s3:PutObject",
        ],
    },
    Build {
        role: "UpdatePipelineRole",
        runs: By::DeployToolchain,
        target: Target::Toolchain,
        stacks: &[
            "OneBoxDeploymentOnECS-Foundation-Deployments",
            "OneBoxDeploymentOnECS-Toolchain-Deployments",
        ],
        unneeded: &[(On::Source, "it deploys the pipeline alone, whose source is there")],
        of_service: &[],
    },
    Build {
        role: "DeployRole",
        runs: By::Deploy,
        target: Target::Prod,
        stacks: &[
            "OneBoxDeploymentOnECS-Foundation-Prod",
            "OneBoxDeploymentOnECS-Service-Prod",
        ],
        unneeded: &[],
        of_service: &[],
    },
];

/// The role that a build hands CloudFormation: what its stack imports.
fn deployment_role(build: &Build) -> String {
    let name = match build.target {
        Target::Toolchain => "ToolchainDeploymentRoleArn",
        _ => "ProductionDeploymentRoleArn",
    };
    format!("OneBoxDeploymentOnECS-Foundation-Deployments-{name}")
}

fn place() -> Place {
    Place::new("us-east-1", Some("123456789012"))
}

fn template() -> Value {
    serde_json::from_str(&stacks::toolchain().template).unwrap()
}

/// A text of the template, with the functions in it worked out; what is imported by the name of the import.
fn text(value: &Value) -> String {
    let text = value
        .as_str()
        .or(value["Fn::Sub"].as_str())
        .or(value["Fn::ImportValue"].as_str());
    text.unwrap_or("of this template")
        .replace("${AWS::Partition}", "aws")
        .replace("${AWS::Region}", "us-east-1")
        .replace("${AWS::AccountId}", "123456789012")
}

/// What a role may do, by action.
fn granted(template: &Value, role: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut granted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let policies = template["Resources"][role]["Properties"]["Policies"]
        .as_array()
        .unwrap();
    let statements = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    for statement in statements {
        for action in statement["Action"].as_array().unwrap() {
            let on = granted.entry(action.as_str().unwrap().to_owned()).or_default();
            on.extend(statement["Resource"].as_array().unwrap().iter().map(text));
        }
    }
    granted
}

/// What the command of a build needs, by action.
fn needed(build: &Build) -> BTreeMap<String, BTreeSet<String>> {
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let is_needed = |right: &Right| {
        let unneeded = build.unneeded.iter().any(|(on, _)| *on == right.on);
        right.by.contains(&build.runs) && right.on != On::Nothing && !unneeded
    };
    for right in rights().filter(is_needed) {
        let role = deployment_role(build);
        let on = resources(right.on, build.target, &place(), Some(&role));
        needed.entry(right.action).or_default().extend(on);
    }
    needed
}

/// What a role lacks, and what it has too much of.
fn compare(template: &Value, build: &Build) -> Vec<String> {
    let (mut granted, needed) = (granted(template, build.role), needed(build));
    granted.retain(|action, _| {
        let of_service = OF_EVERY_BUILD.iter().chain(build.of_service);
        !of_service.into_iter().any(|known| known == action)
    });
    let mut faults = Vec::new();
    let actions: BTreeSet<&String> = granted.keys().chain(needed.keys()).collect();
    for action in actions {
        match (granted.get(action), needed.get(action)) {
            (Some(_), None) => faults.push(format!("{action} is granted, and no call needs it")),
            (None, Some(_)) => faults.push(format!("{action} is called, and not granted")),
            (Some(granted), Some(needed)) => faults.extend(on_others(action, granted, needed, build)),
            (None, None) => {}
        }
    }
    faults
}

/// Where an action is granted on something else than it is called on. A build asks about some of the stacks that people
/// do, and not every call about each.
fn on_others(action: &str, granted: &BTreeSet<String>, needed: &BTreeSet<String>, build: &Build) -> Vec<String> {
    let of_stack = |name: &str| format!("arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/*");
    if action.starts_with("cloudformation:") {
        let own: BTreeSet<String> = build.stacks.iter().map(|name| of_stack(name)).collect();
        let strange = granted.difference(&own);
        return strange.map(|on| format!("{action} is granted on {on}")).collect();
    }
    if granted == needed {
        return Vec::new();
    }
    vec![format!("{action} is granted on {granted:?} and called on {needed:?}")]
}

#[test]
fn a_builds_role_allows_every_call_of_its_command_and_nothing_else() {
    for build in &BUILDS {
        assert_eq!(compare(&template(), build), Vec::<String>::new(), "{}", build.role);
    }
}

#[test]
fn what_is_lacking_or_superfluous_is_found() {
    for build in &BUILDS {
        let statements = format!(
            "/Resources/{}/Properties/Policies/0/PolicyDocument/Statement",
            build.role
        );
        let mut lacking = template();
        let all = lacking.pointer_mut(&statements).unwrap().as_array_mut().unwrap();
        all.retain(|statement| statement["Action"][0].as_str().unwrap().starts_with("logs:"));
        assert!(
            compare(&lacking, build)
                .iter()
                .all(|fault| fault.ends_with("is called, and not granted"))
        );
        let mut superfluous = template();
        let all = superfluous.pointer_mut(&statements).unwrap().as_array_mut().unwrap();
        all.push(serde_json::json!({"Action": ["ecs:UpdateService"], "Resource": ["*"]}));
        all.push(serde_json::json!({"Action": ["cloudformation:DescribeStacks"], "Resource": ["*"]}));
        let found = compare(&superfluous, build);
        let expected = [
            "cloudformation:DescribeStacks is granted on *",
            "ecs:UpdateService is granted, and no call needs it",
        ];
        assert_eq!(found, expected);
    }
}
