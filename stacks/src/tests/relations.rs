//! What must agree across resources.

use serde_json::{Value, json};

use super::{parse, resources, service_templates};
use crate::{Environment, Stage, all};

const STAGES: [Stage; 2] = [Stage::Onebox, Stage::Fleet];

fn properties<'a>(template: &'a Value, stage: Stage, resource: &str) -> &'a Value {
    let properties = &template["Resources"][stage.logical_id(resource)]["Properties"];
    assert!(properties.is_object(), "{stage:?} {resource}");
    properties
}

fn depends_on(template: &Value, logical_id: &str) -> Vec<String> {
    let names = template["Resources"][logical_id]["DependsOn"].as_array().unwrap();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// For each stage of each environment.
fn check(assertion: impl Fn(&Value, Stage)) {
    for template in service_templates() {
        for stage in STAGES {
            assertion(&template, stage);
        }
    }
}

#[test]
fn fleet_waits_for_onebox() {
    for template in service_templates() {
        assert!(depends_on(&template, "FleetService").contains(&"OneboxService".to_owned()));
        assert!(!depends_on(&template, "OneboxService").contains(&"FleetService".to_owned()));
    }
}

#[test]
fn a_service_waits_for_listener_rule_and_routes() {
    check(|template, stage| {
        let waits = depends_on(template, &stage.logical_id("Service"));
        let rule = stage.logical_id("ListenerRule");
        for name in [
            "Listener",
            &rule,
            "PrivateRoute1",
            "PrivateRoute2",
            "PrivateRoute3",
            "PrivateSubnetRouting3",
        ] {
            assert!(waits.iter().any(|wait| wait == name), "{stage:?}: {name}");
        }
    });
}

#[test]
fn container_name_and_port_agree() {
    check(|template, stage| {
        let container = &properties(template, stage, "TaskDefinition")["ContainerDefinitions"][0];
        let target = &properties(template, stage, "Service")["LoadBalancers"][0];
        assert_eq!(target["ContainerName"], container["Name"]);
        assert_eq!(target["ContainerPort"], container["PortMappings"][0]["ContainerPort"]);
        assert_eq!(
            target["TargetGroupArn"],
            json!({ "Ref": stage.logical_id("TargetGroup") })
        );
    });
}

#[test]
fn each_stage_runs_its_own_image_without_rights_on_the_machine() {
    check(|template, stage| {
        let container = &properties(template, stage, "TaskDefinition")["ContainerDefinitions"][0];
        assert_eq!(container["Image"], json!({ "Ref": format!("{}Image", stage.name()) }));
        assert_eq!(container["ReadonlyRootFilesystem"], true);
        assert!(!container["User"].as_str().unwrap().starts_with('0'));
        let variables = container["Environment"].as_array().unwrap();
        assert!(variables.contains(&json!({ "Name": "SERVICE_STAGE", "Value": stage.value() })));
    });
}

#[test]
fn nothing_resets_the_number_of_tasks() {
    check(|template, stage| {
        assert!(properties(template, stage, "Service")["DesiredCount"].is_null());
        let target = properties(template, stage, "ScalableTarget");
        let service = stage.logical_id("Service");
        let name = stage.service_name();
        assert_eq!(properties(template, stage, "Service")["ServiceName"], json!(name));
        assert_eq!(
            target["ResourceId"],
            json!({ "Fn::Sub": format!("service/${{Cluster}}/{name}") })
        );
        let target = &template["Resources"][stage.logical_id("ScalableTarget")];
        assert_eq!(target["DependsOn"], json!([service]));
    });
}

#[test]
fn weights_sum_to_one_hundred() {
    for template in service_templates() {
        let forward = &template["Resources"]["Listener"]["Properties"]["DefaultActions"][0]["ForwardConfig"];
        let weights = forward["TargetGroups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["Weight"].as_i64().unwrap());
        assert_eq!(weights.sum::<i64>(), 100);
    }
}

#[test]
fn nat_gateways_are_as_many_as_the_environment_says() {
    let gateways = |environment| resources(&parse(&crate::service(environment)), "AWS::EC2::NatGateway").len();
    let sandbox = Environment::Sandbox;
    assert_eq!(gateways(sandbox), sandbox.nat_gateways());
    assert_eq!(gateways(Environment::Production), 3);
}

#[test]
fn names_that_aws_limits_to_32_characters_fit() {
    let limited = [
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    ];
    for template in service_templates() {
        for (id, resource) in limited
            .iter()
            .flat_map(|resource_type| resources(&template, resource_type))
        {
            assert!(
                resource["Properties"]["Name"]
                    .as_str()
                    .is_none_or(|name| name.len() <= 32),
                "{id}"
            );
        }
    }
}

#[test]
fn environments_do_not_share_names() {
    let stacks = all();
    let of = |environment| stacks.iter().filter(move |stack| stack.environment == environment);
    let (sandbox, production): (Vec<_>, Vec<_>) = (
        of(Environment::Sandbox).collect(),
        of(Environment::Production).collect(),
    );
    assert_eq!(sandbox.len(), production.len());
    for stack in sandbox {
        assert!(
            !stack.template.contains("Prod") && !stack.template.contains("-prod"),
            "{}",
            stack.name
        );
    }
    for stack in production {
        assert!(!stack.template.to_lowercase().contains("sandbox"), "{}", stack.name);
    }
}
