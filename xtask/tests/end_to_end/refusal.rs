//! Templates that can't be, and resources that fail.

use serde_json::json;

use crate::cloud::{Cloud, SERVICE_STACK, until};

fn create(cloud: &Cloud, template: &serde_json::Value) -> crate::client::Answer {
    let template = template.to_string();
    cloud.query(
        "cloudformation",
        &[
            ("Action", "CreateStack"),
            ("StackName", "trial"),
            ("TemplateBody", &template),
        ],
    )
}

#[test]
fn what_is_not_supported_is_named_and_nothing_is_made() {
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    let cluster = json!({"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "trial"}});
    for (resource, named) in [
        (json!({"Type": "AWS::SQS::Queue"}), "AWS::SQS::Queue"),
        (
            json!({"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "dedicated"}}),
            "InstanceTenancy",
        ),
        (
            json!({"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": {"Fn::Transform": {"Name": "x"}}}}),
            "Fn::Transform",
        ),
    ] {
        let answer = create(&cloud, &json!({"Resources": {"Cluster": cluster, "Other": resource}}));
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(
            answer.body.contains("ValidationError") && answer.body.contains(named),
            "{}",
            answer.body
        );
    }
    let clusters = cloud.json("ecs", "ListClusters", &json!({}));
    assert_eq!(clusters, json!({"clusterArns": []}));
}

#[test]
fn a_stack_that_failed_is_told_of_and_made_anew_on_request() {
    let cloud = Cloud::new();
    let deployed = cloud.deploy();
    assert!(deployed.starts_with("http://"));
    // The service stack goes, its name comes back as one that failed: the cluster it makes is somebody else's.
    cloud.query(
        "cloudformation",
        &[("Action", "DeleteStack"), ("StackName", SERVICE_STACK)],
    );
    until("the stack is gone", || {
        cloud
            .query(
                "cloudformation",
                &[("Action", "DescribeStacks"), ("StackName", SERVICE_STACK)],
            )
            .status
            == 400
    });
    let taken = json!({"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": crate::cloud::CLUSTER}}}});
    assert_eq!(create(&cloud, &taken).status, 200);

    let failed = cloud.xtask(&["deploy", "sandbox", "--local", "--yes"]);
    failed.expect(5);
    assert!(
        failed.stderr.contains("Cluster") && failed.stderr.contains("already exists"),
        "{}",
        failed.stderr
    );
    let stack = cloud
        .query(
            "cloudformation",
            &[("Action", "DescribeStacks"), ("StackName", SERVICE_STACK)],
        )
        .body;
    assert!(
        stack.contains("<StackStatus>ROLLBACK_COMPLETE</StackStatus>"),
        "{stack}"
    );

    cloud.query("cloudformation", &[("Action", "DeleteStack"), ("StackName", "trial")]);
    let asked = cloud.xtask(&["deploy", "sandbox", "--local"]);
    asked.expect(3);
    assert!(
        asked.stderr.contains("ROLLBACK_COMPLETE") && asked.stderr.contains("--yes"),
        "{}",
        asked.stderr
    );
    cloud.local(&["deploy", "sandbox", "--yes"]);
}
