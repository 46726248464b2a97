//! What belongs to which stage, and what a release says of itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{parse, service_templates};
use crate::service::{FLEET_RELEASE, ONEBOX_RELEASE, RELEASE};
use crate::{METADATA_KEY, Stage, all};

const STAGES: [Stage; 2] = [Stage::Onebox, Stage::Fleet];

/// The stage that a resource's name says it belongs to.
fn named(logical_id: &str) -> Option<Stage> {
    STAGES.into_iter().find(|stage| logical_id.starts_with(stage.name()))
}

/// The resources of a stage, by what they are called in both.
fn types(template: &Value, stage: Stage) -> BTreeMap<&str, &Value> {
    let resources = template["Resources"].as_object().unwrap().iter();
    let own = resources.filter_map(|(id, resource)| Some((id.strip_prefix(stage.name())?, &resource["Type"])));
    own.collect()
}

#[test]
fn a_resource_says_its_stage_and_a_shared_one_says_none() {
    for stack in all() {
        let template = parse(&stack);
        for (id, resource) in template["Resources"].as_object().unwrap() {
            let expected = named(id).map_or(Value::Null, |stage| json!(stage.name()));
            assert_eq!(resource["Metadata"][METADATA_KEY], expected, "{}: {id}", stack.name);
        }
    }
}

#[test]
fn both_stages_have_the_same_kinds_of_resources() {
    for template in service_templates() {
        let [onebox, fleet] = STAGES.map(|stage| types(&template, stage));
        assert!(onebox.len() > 15, "{onebox:?}");
        assert_eq!(onebox, fleet);
    }
}

/// What is changed for both stages at once can't be judged at Onebox first.
#[test]
fn only_the_network_the_balancer_and_the_cluster_are_shared() {
    for template in service_templates() {
        let resources = template["Resources"].as_object().unwrap();
        let mut shared: Vec<&str> = resources
            .iter()
            .filter(|(id, _)| named(id).is_none())
            .map(|(_, resource)| resource["Type"].as_str().unwrap())
            .filter(|kind| !kind.starts_with("AWS::EC2::") || kind.contains("SecurityGroup"))
            .collect();
        shared.sort_unstable();
        assert_eq!(
            shared,
            [
                "AWS::CloudWatch::Alarm",
                "AWS::EC2::SecurityGroup",
                "AWS::ECS::Cluster",
                "AWS::ElasticLoadBalancingV2::Listener",
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
            ]
        );
    }
}

#[test]
fn a_service_uses_what_is_its_own_stages() {
    for template in service_templates() {
        for stage in STAGES {
            let properties = |resource| &template["Resources"][stage.logical_id(resource)]["Properties"];
            let attribute = |resource, name: &str| json!({ "Fn::GetAtt": [stage.logical_id(resource), name] });
            let network = &properties("Service")["NetworkConfiguration"]["AwsvpcConfiguration"];
            assert_eq!(
                network["SecurityGroups"],
                json!([attribute("TaskSecurityGroup", "GroupId")])
            );
            let task = properties("TaskDefinition");
            assert_eq!(task["TaskRoleArn"], attribute("TaskRole", "Arn"));
            assert_eq!(task["ExecutionRoleArn"], attribute("ExecutionRole", "Arn"));
        }
    }
}

/// The ingress rule of a stage's tasks and the load balancer's towards them are of the same ports and groups.
#[test]
fn the_balancer_reaches_the_tasks_of_each_stage() {
    for template in service_templates() {
        for stage in STAGES {
            let properties = |resource| &template["Resources"][stage.logical_id(resource)]["Properties"];
            let egress = properties("LoadBalancerEgress");
            let ingress = &properties("TaskSecurityGroup")["SecurityGroupIngress"][0];
            let container = &properties("Service")["LoadBalancers"][0]["ContainerPort"];
            for port in ["FromPort", "ToPort"] {
                assert_eq!(egress[port], *container);
                assert_eq!(ingress[port], *container);
            }
            let group = stage.logical_id("TaskSecurityGroup");
            assert_eq!(
                egress["DestinationSecurityGroupId"],
                json!({ "Fn::GetAtt": [group, "GroupId"] })
            );
            assert_eq!(ingress["SourceSecurityGroupId"], egress["GroupId"]);
            let waits = &template["Resources"][stage.logical_id("Service")]["DependsOn"];
            assert!(
                waits
                    .as_array()
                    .unwrap()
                    .contains(&json!(stage.logical_id("LoadBalancerEgress")))
            );
        }
    }
}

/// Another name or port replaces a target group, and requests would go to the new one while it is empty.
#[test]
fn nothing_about_a_release_replaces_a_target_group() {
    for template in service_templates() {
        for stage in STAGES {
            let group = &template["Resources"][stage.logical_id("TargetGroup")]["Properties"];
            assert!(group["Name"].is_null());
            assert_eq!(group["Port"], constants::load_balancer::TARGET_GROUP_PORT);
        }
    }
}

#[test]
fn each_stage_and_the_stack_name_their_release() {
    for template in service_templates() {
        for name in [ONEBOX_RELEASE, FLEET_RELEASE, RELEASE] {
            let parameter = &template["Parameters"][name];
            assert_eq!(parameter["Default"], "");
            assert_eq!(parameter["AllowedPattern"], "^(sha256:[0-9a-f]{64})?$");
        }
        assert_eq!(template["Outputs"][RELEASE]["Value"], json!({ "Ref": RELEASE }));
        for (stage, parameter) in [(Stage::Onebox, ONEBOX_RELEASE), (Stage::Fleet, FLEET_RELEASE)] {
            let task = &template["Resources"][stage.logical_id("TaskDefinition")]["Properties"];
            let variables = task["ContainerDefinitions"][0]["Environment"].as_array().unwrap();
            let expected = json!({ "Name": "SERVICE_RELEASE", "Value": { "Ref": parameter } });
            assert!(variables.contains(&expected), "{stage:?}");
        }
    }
}

/// Otherwise a parameter of its own would restart tasks, or a stack's release would.
#[test]
fn only_a_stages_own_tasks_see_its_release() {
    for template in service_templates() {
        for (id, resource) in template["Resources"].as_object().unwrap() {
            let text = resource.to_string();
            let refers = |name: &str| text.contains(&format!(r#"{{"Ref":"{name}"}}"#));
            assert!(!refers(RELEASE), "{id}");
            assert_eq!(refers(ONEBOX_RELEASE), id == "OneboxTaskDefinition", "{id}");
            assert_eq!(refers(FLEET_RELEASE), id == "FleetTaskDefinition", "{id}");
        }
    }
}
