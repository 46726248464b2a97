//! Which load balancer a target group belongs to.

use serde_json::{Value, json};

use super::rig::{Rig, template};

/// Adds a resource to a template, or changes one.
fn with(mut template: Value, changes: &Value) -> Value {
    for (logical_id, resource) in changes.as_object().unwrap() {
        template["Resources"][logical_id] = resource.clone();
    }
    template
}

fn listener(load_balancer: &str, port: u16, action: &Value) -> Value {
    json!({"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": {
        "LoadBalancerArn": {"Ref": load_balancer}, "Port": port, "Protocol": "HTTP", "DefaultActions": [action],
    }})
}

/// What changes, the template after it, and the resource that fails, if one does.
type Row = (&'static str, Value, Option<&'static str>);

fn rows() -> Vec<Row> {
    let before = template("a", 1);
    let load_balancer = before["Resources"]["LoadBalancer"].clone();
    let mut renamed = load_balancer.clone();
    renamed["Properties"]["Name"] = json!("another");
    let (group, other_group) = (json!({"Ref": "Group"}), json!({"Ref": "OtherGroup"}));
    let forward = |group: &Value| json!({"Type": "forward", "TargetGroupArn": group});
    // A group with weight 0 belongs to the load balancer as well.
    let weighted = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": other_group, "Weight": 1}, {"TargetGroupArn": group, "Weight": 0},
    ]}});
    let fixed = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}});
    let rule = json!({"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": {
        "ListenerArn": {"Ref": "OtherListener"}, "Priority": 1, "Actions": [forward(&group)],
        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}],
    }});
    let with_other = |changes: Value| {
        let group = before["Resources"]["Group"].clone();
        let base = with(before.clone(), &json!({"Other": load_balancer, "OtherGroup": group}));
        with(base, &changes)
    };
    vec![
        (
            "a replaced load balancer",
            with(before.clone(), &json!({"LoadBalancer": renamed})),
            Some("Listener"),
        ),
        (
            "a listener of a second one",
            with_other(json!({"OtherListener": listener("Other", 80, &forward(&group))})),
            Some("OtherListener"),
        ),
        (
            "a second group of its own, and the first with weight 0",
            with_other(json!({"OtherListener": listener("Other", 80, &weighted)})),
            Some("OtherListener"),
        ),
        (
            "a rule of a second one",
            with_other(json!({"OtherListener": listener("Other", 80, &fixed), "Rule": rule})),
            Some("Rule"),
        ),
        (
            "a second listener of the same one",
            with_other(json!({"OtherListener": listener("LoadBalancer", 81, &forward(&group))})),
            None,
        ),
        (
            "a group of its own",
            with_other(json!({"OtherListener": listener("Other", 80, &forward(&other_group))})),
            None,
        ),
    ]
}

/// The source of the words:
/// <https://github.com/hashicorp/terraform-provider-aws/issues/22005>
#[test]
fn a_target_group_belongs_to_one_load_balancer() {
    for (name, after, refused) in rows() {
        let mut rig = Rig::new();
        rig.create("stack", &template("a", 1));
        let load_balancers: Vec<String> = rig.world.cloud.elb.load_balancers.keys().cloned().collect();
        let Some(refused) = refused else {
            assert_eq!(rig.update("stack", &after), "UPDATE_COMPLETE", "{name}");
            continue;
        };
        assert_eq!(rig.update("stack", &after), "UPDATE_ROLLBACK_COMPLETE", "{name}");
        let events = rig.cloudformation("DescribeStackEvents", json!({"StackName": "stack"}));
        let events = events["StackEvents"].as_array().unwrap();
        let arn = rig.world.cloud.elb.target_groups.keys().next().unwrap();
        let reason = format!(
            "Resource handler returned message: \"The following target groups cannot be associated with more than one load \
             balancer: {arn} (Service: ElasticLoadBalancingV2, Status Code: 400, Error Code: TargetGroupAssociationLimit)\" \
             (RequestToken: "
        );
        let reason_of = |event: &Value| event["ResourceStatusReason"].as_str().unwrap_or_default().to_owned();
        let failed = events.iter().find(|event| reason_of(event).starts_with(&reason));
        let failed = failed.unwrap_or_else(|| panic!("{name}: {events:?}"));
        assert_eq!(failed["LogicalResourceId"], refused, "{name}");
        assert!(
            reason_of(failed).ends_with(", HandlerErrorCode: ServiceLimitExceeded)"),
            "{name}"
        );
        assert_eq!(
            rig.world.cloud.elb.load_balancers.keys().cloned().collect::<Vec<_>>(),
            load_balancers,
            "{name}"
        );
    }
}
