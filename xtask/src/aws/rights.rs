//! What the command line calls, against what the pipeline's roles may call.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// What only people's commands call, with people's own rights: none of the pipeline's roles may.
const BY_HAND: &[&str] = &[
    // `pipeline`
    "codebuild:BatchGetBuilds",
    "codecommit:GetBranch",
    // `logs`
    "logs:FilterLogEvents",
    // `status`, `destroy`
    "ecr:BatchDeleteImage",
    "ecr:DescribeImages",
    // `doctor`
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
];

/// What needs no right: everyone may ask who they are.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
const FREE: &[&str] = &["sts:GetCallerIdentity"];

/// The modules of calls that only people's commands make, with operations that aren't in the text of the call.
const FOR_PEOPLE: &[&str] = &["codepipeline.rs", "rehearsal.rs"];

/// The calls in a source without white space: those of the SDK's clients, and those that name their operation as text.
fn calls(source: &str) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for client in ["cloudformation", "ecr"] {
        for rest in source.split(&format!("self.{client}.")).skip(1) {
            let operation: String = rest.chars().take_while(|character| *character != '(').collect();
            calls.insert(format!("{client}:{}", camel(&operation)));
        }
    }
    for rest in source.split("call(&self.config,json::").skip(1) {
        if let Some((service, rest)) = rest.split_once(",\"") {
            let operation = rest.split('"').next().unwrap_or_default();
            calls.insert(format!("{}:{operation}", service.replace('_', "").to_lowercase()));
        }
    }
    calls
}

/// `create_change_set` is `CreateChangeSet`.
fn camel(operation: &str) -> String {
    let mut camel = String::new();
    for word in operation.split('_') {
        let (first, rest) = word.split_at(word.len().min(1));
        camel.push_str(&first.to_uppercase());
        camel.push_str(rest);
    }
    camel
}

/// Every call that the sources make.
fn made() -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name != "rights.rs" && !FOR_PEOPLE.contains(&name.as_str()) {
            let source = std::fs::read_to_string(&path).unwrap();
            made.extend(calls(&source.split_whitespace().collect::<String>()));
        }
    }
    made
}

/// What a role of the pipeline's may do.
fn granted(role: &str) -> BTreeSet<String> {
    let template: Value = serde_json::from_str(&stacks::toolchain().template).unwrap();
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let statements = policies.as_array().unwrap().iter();
    let statements = statements.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_the_command_line_calls_is_allowed_to_the_pipeline_or_left_to_people() {
    let granted: BTreeSet<String> = ["BuildRole", "UpdatePipelineRole", "DeployRole"]
        .into_iter()
        .flat_map(granted)
        .collect();
    let made = made();
    let left: Vec<&str> = made
        .iter()
        .map(String::as_str)
        .filter(|call| !granted.contains(*call) && !FREE.contains(call))
        .collect();
    let mut by_hand = BY_HAND.to_vec();
    by_hand.sort_unstable();
    assert_eq!(
        left, by_hand,
        "grant it in stacks/src/permissions/toolchain.rs, or list it here"
    );
}

/// What CodeBuild itself does in the role of a build, and CloudFormation's passing of a role.
const OF_THE_SERVICE: &[&str] = &[
    "iam:PassRole",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:GetObjectVersion",
];

/// The rights of a deploying role that nothing needs.
fn superfluous(granted: &BTreeSet<String>) -> Vec<String> {
    let made = made();
    let is_needed = |right: &&String| made.contains(*right) || OF_THE_SERVICE.contains(&right.as_str());
    granted.iter().filter(|right| !is_needed(right)).cloned().collect()
}

#[test]
fn what_deploys_may_do_nothing_that_it_does_not_call() {
    for role in ["UpdatePipelineRole", "DeployRole"] {
        let mut granted = granted(role);
        assert_eq!(superfluous(&granted), Vec::<String>::new(), "{role}");
        granted.insert("ecs:UpdateService".to_owned());
        assert_eq!(superfluous(&granted), ["ecs:UpdateService"]);
    }
}

#[test]
fn calls_are_found_however_they_are_written() {
    let source = "self.cloudformation.create_change_set().stack_name(x) self.ecr.describe_images() \
                  json::call(&self.config,json::CODE_BUILD,\"BatchGetBuilds\",input)";
    let found = calls(source);
    let expected = [
        "cloudformation:CreateChangeSet",
        "codebuild:BatchGetBuilds",
        "ecr:DescribeImages",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(made().len() > 10, "{:?}", made());
}
