use proptest::prelude::*;
use serde_json::json;

use super::*;

const SERVICE: &str = "arn:aws:ecs:eu-west-1:1:service/Prod/Onebox";

fn context() -> Context {
    Context::from([
        ("aws:requestedregion", "eu-west-1".to_owned()),
        ("aws:securetransport", "true".to_owned()),
        ("aws:principalarn", "arn:aws:iam::1:role/a:b/Build".to_owned()),
    ])
}

fn judge_of(statements: &[Value], action: &str, resource: Option<&str>) -> Verdict {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let context = context();
    let asked = Asked {
        action,
        resource,
        context: &context,
    };
    judge([&document], asked)
}

/// Whether one statement that allows does so.
#[track_caller]
fn check(statement: Value, action: &str, resource: &str, expected: bool) {
    let mut statement = statement;
    statement["Effect"] = json!("Allow");
    let verdict = judge_of(&[statement.clone()], action, Some(resource));
    let expected = if expected {
        Verdict::Allowed
    } else {
        Verdict::NotAllowed
    };
    assert_eq!(verdict, expected, "{statement} {action} {resource}");
}

#[test]
fn actions_and_resources_are_patterns() {
    let on = |action: Value, resource: Value| json!({"Action": action, "Resource": resource});
    let all = || json!("*");
    for (action, fits) in [
        (json!("ecs:DescribeServices"), true),
        (json!("ECS:describeservices"), true),
        (json!("ecs:Describe*"), true),
        (json!("ecs:Describe?ervices"), true),
        (json!("*"), true),
        (json!(["ecs:ListTasks", "ecs:DescribeServices"]), true),
        (json!("ecs:DescribeService"), false),
        (json!("elasticloadbalancing:*"), false),
        (json!([]), false),
    ] {
        check(on(action, all()), "ecs:DescribeServices", SERVICE, fits);
    }
    for (resource, fits) in [
        (json!(SERVICE), true),
        (json!("arn:aws:ecs:*:*:service/Prod/*"), true),
        (json!("arn:aws:ecs:*"), true),
        (json!("arn:aws:ecs:eu-west-1:1:service/prod/*"), false),
        (json!("arn:aws:ecs:eu-west-1:1:cluster/Prod"), false),
        (json!(["arn:aws:ecs:eu-west-1:1:cluster/Prod", SERVICE]), true),
        (json!({"Ref": "Later"}), false),
    ] {
        check(on(all(), resource), "ecs:DescribeServices", SERVICE, fits);
    }
    let not = |action: &str, resource: &str| json!({"NotAction": action, "NotResource": resource});
    check(not("iam:*", "arn:aws:iam::1:role/*"), "ecs:ListTasks", SERVICE, true);
    check(not("ecs:*", "arn:aws:iam::1:role/*"), "ecs:ListTasks", SERVICE, false);
    check(not("iam:*", SERVICE), "ecs:ListTasks", SERVICE, false);
    check(json!({"Resource": "*"}), "ecs:ListTasks", SERVICE, false);
    check(json!({"Action": "*"}), "ecs:ListTasks", SERVICE, false);
}

#[test]
fn conditions_hold_all_together() {
    let on = |condition: Value| json!({"Action": "*", "Resource": "*", "Condition": condition});
    for (condition, holds) in [
        (json!({}), true),
        (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), true),
        (
            json!({"StringEquals": {"AWS:requestedregion": ["us-east-1", "eu-west-1"]}}),
            true,
        ),
        (json!({"StringEquals": {"aws:RequestedRegion": "eu-*"}}), false),
        (json!({"StringLike": {"aws:RequestedRegion": "eu-*"}}), true),
        (json!({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}), false),
        (json!({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}), true),
        (json!({"StringEquals": {"aws:SourceAccount": "1"}}), false),
        (json!({"StringNotEquals": {"aws:SourceAccount": "1"}}), true),
        (json!({"Bool": {"aws:SecureTransport": true}}), true),
        (json!({"Bool": {"aws:SecureTransport": "false"}}), false),
        (
            json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}),
            true,
        ),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:role/*"}}), false),
        (
            json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}, "Bool": {"aws:SecureTransport": "false"}}),
            false,
        ),
        (
            json!({"StringLike": {"aws:RequestedRegion": "eu-*", "aws:SourceAccount": "1"}}),
            false,
        ),
    ] {
        check(on(condition), "ecs:ListTasks", SERVICE, holds);
    }
}

#[test]
fn a_condition_that_is_not_known_allows_nothing_and_is_refused_beforehand() {
    let condition = json!({"NumericLessThan": {"s3:max-keys": "10"}});
    let statement =
        |effect: &str| json!({"Sid": "Look", "Effect": effect, "Action": "*", "Resource": "*", "Condition": condition});
    let verdict = |effect: &str| judge_of(&[statement(effect)], "ecs:ListTasks", None);
    assert_eq!(verdict("Allow"), Verdict::NotAllowed);
    assert_eq!(verdict("Deny"), Verdict::Denied);
    let role = |statement: Value| json!({"Policies": [{"PolicyDocument": {"Statement": [statement]}}]});
    let check = |statement: Value, expected: &[&str]| assert_eq!(faults(&role(statement)), expected);
    check(
        statement("Allow"),
        &["Policies/0: statement Look: the local cloud doesn't know the condition operator NumericLessThan"],
    );
    check(
        json!({"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}", "Condition": {"StringEquals": {"a": "${b}"}}}),
        &[
            "Policies/0: statement without a Sid: the local cloud doesn't know policy variables: arn:aws:s3:::b/${aws:username}",
            "Policies/0: statement without a Sid: the local cloud doesn't know policy variables: ${b}",
        ],
    );
    check(
        json!({"Effect": "Perhaps"}),
        &["Policies/0: statement without a Sid: Effect is Allow or Deny, and not Perhaps"],
    );
    check(
        json!({"Effect": "Allow", "Resource": [{"Fn::Sub": "${Bucket.Arn}/*"}], "Condition": {"StringNotLike": {"a": {"Ref": "B"}}}}),
        &[],
    );
    assert_eq!(faults(&json!({"Policies": {"Fn::If": []}})), [""; 0]);
}

#[test]
fn what_cannot_be_told_is_judged_by_action_alone() {
    let allow = json!({"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": SERVICE});
    assert_eq!(
        judge_of(std::slice::from_ref(&allow), "ecs:ListTasks", None),
        Verdict::Allowed
    );
    assert_eq!(judge_of(&[allow], "ecs:StopTask", None), Verdict::NotAllowed);
}

/// Statements over few actions and resources, so that they meet often.
fn statements() -> impl Strategy<Value = Vec<Value>> {
    let effect = prop_oneof![Just("Allow"), Just("Deny")];
    let action = prop_oneof![Just("a:One"), Just("a:Two"), Just("a:*"), Just("*")];
    let resource = prop_oneof![Just("arn:1"), Just("arn:2"), Just("arn:*"), Just("*")];
    let statement = (effect, action, resource)
        .prop_map(|(effect, action, resource)| json!({"Effect": effect, "Action": action, "Resource": resource}));
    prop::collection::vec(statement, 0..6)
}

proptest! {
    #[test]
    fn a_denial_wins_in_whatever_order_and_document(
        (statements, shuffled) in statements().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        at in 0_usize..7,
    ) {
        let asked = |statements: &[Value]| judge_of(statements, "a:One", Some("arn:1"));
        let verdict = asked(&statements);
        prop_assert_eq!(verdict, asked(&shuffled));
        let of = |effect: &str| statements.iter().filter(|statement| statement["Effect"] == effect).cloned().collect::<Vec<_>>();
        let (allows, denies) = (asked(&of("Allow")), asked(&of("Deny")));
        let expected = if denies == Verdict::Denied { denies } else { allows };
        prop_assert_eq!(verdict, expected);
        for (effect, expected) in [("Deny", Verdict::Denied), ("Allow", if denies == Verdict::Denied { denies } else { Verdict::Allowed })] {
            let mut more = statements.clone();
            let whole = json!({"Effect": effect, "Action": "*", "Resource": "*"});
            more.insert(at.min(more.len()), whole);
            prop_assert_eq!(asked(&more), expected);
        }
        let documents = statements.iter().map(|statement| json!({"Statement": statement})).collect::<Vec<_>>();
        let context = context();
        let apart = judge(&documents, Asked { action: "a:One", resource: Some("arn:1"), context: &context });
        prop_assert_eq!(verdict, apart);
    }
}
