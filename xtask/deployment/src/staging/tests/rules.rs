//! The rules of composition, one by one.

use serde_json::{Value, json};

use crate::staging::tests::{Case, NEW, OLD, image, outcome, plan_of};
use crate::staging::{ChangeKind, Code, Plan, Refusal, Replacement, Step, undo};
use crate::template::Template;

fn planned(before: &Case, after: &Case) -> Plan {
    plan_of(before, after).unwrap_or_else(|refusals| panic!("{refusals:#?}"))
}

fn parsed(step: &Step) -> Template {
    Template::parse(&step.template).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn edited(edit: impl FnOnce(&mut Case)) -> (Case, Case) {
    let before = Case::base();
    let mut after = before.clone();
    edit(&mut after);
    (before, after)
}

fn refusals(edit: impl FnOnce(&mut Case)) -> Vec<(Code, String)> {
    let (before, after) = edited(edit);
    let refusals: Vec<Refusal> = plan_of(&before, &after).expect_err("a refusal");
    refusals
        .into_iter()
        .map(|refusal| (refusal.code, refusal.resource))
        .collect()
}

fn changed(step: &Step) -> Vec<&str> {
    step.changes.iter().map(|change| change.logical_id.as_str()).collect()
}

#[test]
fn a_stack_without_stages_is_adopted() {
    let plan = planned(&Case::main(), &Case::plain());
    insta::assert_snapshot!(told(&plan));
}

/// A plan as text: the changes of each step.
fn told(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for step in &plan.steps {
        lines.push(format!("{}, {} parameters", step.stage, step.parameters.len()));
        for change in &step.changes {
            lines.push(format!("  {} {} ({})", change.kind, change.logical_id, change.stage));
        }
        lines.extend(step.outputs.iter().map(|output| format!("  output {output}")));
    }
    lines.join("\n")
}

#[test]
fn the_last_step_is_the_release_byte_for_byte() {
    let (before, after) = edited(|case| case.variable("Onebox", "A", &json!("1")));
    let mut desired = after.desired();
    desired.template.push_str(" \n");
    let plan = crate::staging::plan(&before.deployed(), &desired).expect("a plan");
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps.last().map(|step| &step.template), Some(&desired.template));
}

#[test]
fn a_composed_template_that_is_too_large_goes_without_notes() {
    let (before, after) = edited(|case| {
        let padding = "x".repeat(48_500 - case.template.to_string().len());
        case.set("/Resources/Vpc/Metadata", json!({ "Note": padding }));
        for number in 1..=3 {
            case.rename(&format!("PrivateSubnet{number}"), &format!("InnerSubnet{number}"));
            case.rename(
                &format!("PrivateSubnetRouting{number}"),
                &format!("InnerSubnetRouting{number}"),
            );
            let range = json!(format!("10.0.{}.0/20", 48 + 16 * number));
            case.property(&format!("InnerSubnet{number}"), "CidrBlock", range);
            for more in 0..6 {
                case.resource(
                    &format!("OneboxTopic{number}{more}"),
                    "AWS::SNS::Topic",
                    &json!({ "DisplayName": "more" }),
                );
            }
        }
    });
    let plan = planned(&before, &after);
    let noted: Vec<bool> = plan.steps.iter().map(|step| step.template.contains("xxx")).collect();
    assert_eq!(noted, [true, false, true]);
    assert_eq!(parsed(&plan.steps[1]).resources["FleetService"].stage.name(), "Fleet");
}

#[test]
fn a_stages_release_changes_only_with_the_stage() {
    let release = |step: &Step, name: &str| step.parameters.get(name).cloned().unwrap_or_default();
    let (before, after) = edited(|case| drop(case.values.insert("FleetImage".to_owned(), image('b'))));
    let plan = planned(&before, &after);
    let step = plan.steps.first().expect("a step");
    assert_eq!(release(step, "OneboxRelease"), OLD);
    assert_eq!(release(step, "FleetRelease"), NEW);
    assert_eq!(release(step, "Release"), NEW);

    let (before, after) = edited(|case| {
        case.variable("Onebox", "A", &json!("1"));
        case.variable("Fleet", "A", &json!("1"));
    });
    let plan = planned(&before, &after);
    let names = ["OneboxRelease", "FleetRelease", "Release"];
    let rows: Vec<Vec<String>> = plan
        .steps
        .iter()
        .map(|step| names.iter().map(|name| release(step, name)).collect())
        .collect();
    // The output of the stack's release, and so its parameter, keeps its deployed value until the last step.
    assert_eq!(rows, [[NEW, OLD, OLD], [NEW, NEW, NEW]]);
}

#[test]
fn a_changed_name_keeps_its_meaning_under_a_second_one() {
    let (before, after) = edited(|case| {
        case.set("/Parameters/Level/AllowedValues", json!(["debug"]));
        case.values.insert("Level".to_owned(), "debug".to_owned());
    });
    let plan = planned(&before, &after);
    let step = plan.steps.first().expect("a step");
    let template = parsed(step);
    let fleet = Value::Object(template.resources["FleetTaskDefinition"].definition.clone()).to_string();
    assert!(fleet.contains(r#"{"Ref":"DeployedLevel"}"#), "{fleet}");
    assert!(fleet.contains(r#""Fn::If":["DeployedVerbose""#), "{fleet}");
    assert_eq!(
        template.conditions["DeployedVerbose"],
        json!({ "Fn::Equals": [{ "Ref": "DeployedLevel" }, "debug"] })
    );
    assert_eq!(template.parameters["DeployedLevel"].default().as_deref(), Some("info"));
    assert_eq!(step.parameters.get("DeployedLevel").map(String::as_str), Some("info"));
    assert_eq!(step.parameters.get("Level").map(String::as_str), Some("debug"));
}

#[test]
fn what_a_deployed_definition_needs_is_brought_back() {
    let (before, after) = edited(|case| {
        for service in ["OneboxService", "FleetService"] {
            case.unwatch(service, "OneboxConnectionErrorAlarm");
        }
        case.remove("/Resources/OneboxConnectionErrorAlarm");
    });
    let plan = planned(&before, &after);
    let steps: Vec<Vec<&str>> = plan.steps.iter().map(changed).collect();
    assert_eq!(
        steps,
        [
            vec!["OneboxService", "OneboxTaskDefinition"],
            vec!["FleetService", "FleetTaskDefinition", "OneboxConnectionErrorAlarm"]
        ],
        "the task definitions change with the stages' releases"
    );
}

#[test]
fn a_dependency_on_something_absent_is_dropped_until_it_comes() {
    let (before, after) = edited(|case| {
        case.resource("FleetTopic", "AWS::SNS::Topic", &json!({}));
        case.push("/Resources/OneboxService/DependsOn", json!("FleetTopic"));
        case.variable("Onebox", "A", &json!("1"));
    });
    let plan = planned(&before, &after);
    let first = parsed(plan.steps.first().expect("a step"));
    let after = &first.resources["OneboxService"].depends_on;
    assert!(!after.contains(&"FleetTopic".to_owned()) && after.contains(&"Listener".to_owned()));
}

#[test]
fn shared_resources_that_only_the_deployed_template_has_stay_until_fleet_is_done() {
    let (before, after) = edited(|case| {
        case.remove("/Resources/LogsEndpoint");
        case.variable("Fleet", "A", &json!("1"));
        case.property("LoadBalancer", "Tags", json!([]));
    });
    let plan = planned(&before, &after);
    assert_eq!(outcome(&Ok(plan.clone())), "1, 3");
    assert!(parsed(&plan.steps[0]).resources.contains_key("LogsEndpoint"));
    assert!(plan.steps[0].affects().onebox && plan.steps[0].affects().fleet);
    assert!(plan.steps[1].affects().onebox, "something shared is removed");
}

#[test]
fn a_change_of_fleet_needs_no_evidence_of_onebox() {
    let (before, after) = edited(|case| case.variable("Fleet", "A", &json!("1")));
    let affected = planned(&before, &after).steps[0].affects();
    assert!(affected.fleet && !affected.onebox && !affected.shared);
}

#[test]
fn replacements_are_told_from_changes_in_place() {
    let (before, after) = edited(|case| case.variable("Fleet", "A", &json!("1")));
    let plan = planned(&before, &after);
    let kinds: Vec<(&str, Option<Replacement>)> = plan.steps[0]
        .changes
        .iter()
        .map(|change| {
            let replacement = match change.kind {
                ChangeKind::Modify { replacement, .. } => Some(replacement),
                ChangeKind::Add | ChangeKind::Remove => None,
            };
            (change.logical_id.as_str(), replacement)
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("FleetService", Some(Replacement::No)),
            ("FleetTaskDefinition", Some(Replacement::Yes))
        ]
    );
}

#[test]
fn undo_replays_the_templates_before_with_alarms_ignored() {
    let (before, after) = edited(|case| {
        case.resource("Topic", "AWS::SNS::Topic", &json!({}));
        for stage in ["Onebox", "Fleet"] {
            case.variable(stage, "TOPIC", &json!({ "Ref": "Topic" }));
        }
    });
    let plan = planned(&before, &after);
    for (reached, expected) in [
        (1, vec!["Shared"]),
        (2, vec!["Onebox", "Shared"]),
        (3, vec!["Fleet", "Onebox", "Shared"]),
    ] {
        let back = undo(&plan, &before.deployed(), reached);
        let stages: Vec<&str> = back.iter().map(|step| step.stage.name()).collect();
        assert_eq!(stages, expected);
        let last = back.last().expect("a step");
        assert_eq!(last.template, before.deployed().template);
        let mut values = before.values.clone();
        values.insert("Level".to_owned(), "info".to_owned());
        assert_eq!(last.parameters, values, "defaults included");
    }
    let back = undo(&plan, &before.deployed(), 2);
    assert_eq!(changed(&back[0]), ["OneboxService", "OneboxTaskDefinition"]);
    let alarms = "/Properties/DeploymentConfiguration/Alarms/Enable";
    let enabled = |step: &Step, service: &str| {
        let definition = Value::Object(parsed(step).resources[service].definition.clone());
        definition.pointer(alarms).cloned()
    };
    assert_eq!(enabled(&back[0], "OneboxService"), Some(json!(false)));
    assert_eq!(enabled(&back[0], "FleetService"), Some(json!(true)));
    assert_eq!(changed(&back[1]), ["OneboxService", "Topic"]);
}

#[test]
fn other_refusals_name_the_resource() {
    assert_eq!(
        refusals(|case| case.set("/Resources/Settings/Type", json!("AWS::SNS::Topic"))),
        [(Code::Type, "Settings".to_owned())]
    );
    assert_eq!(
        refusals(|case| case.property("OneboxLogGroup", "LogGroupName", json!("/other"))),
        [(Code::Retain, "OneboxLogGroup".to_owned())]
    );
    assert_eq!(
        refusals(|case| case.property("OneboxListenerRule", "Priority", json!(2))),
        [(Code::Name, "OneboxListenerRule".to_owned())]
    );
    assert_eq!(
        refusals(|case| {
            case.rename("PrivateSubnet3\"", "InnerSubnet3\"");
            case.property("InnerSubnet3", "CidrBlock", json!("10.0.32.0/24"));
        }),
        [(Code::Name, "InnerSubnet3".to_owned())]
    );
    assert_eq!(
        refusals(|case| case.variable("Fleet", "A", &json!({ "Ref": "Nothing" }))),
        [(Code::Invalid, "FleetTaskDefinition".to_owned())]
    );
    for section in ["Transform", "Hooks"] {
        assert_eq!(
            refusals(|case| case.set(&format!("/{section}"), json!("AWS::Serverless-2016-10-31"))),
            [(Code::Invalid, "template".to_owned())]
        );
    }
    for value in ["{{resolve:ssm:name}}", "{{resolve:secretsmanager:id:SecretString:key}}"] {
        assert_eq!(
            refusals(|case| case.variable("Fleet", "A", &json!(value))),
            [(Code::Invalid, "FleetTaskDefinition".to_owned())]
        );
    }
}

#[test]
fn a_shared_resource_that_waits_for_fleet_and_that_onebox_uses_is_refused() {
    let found = refusals(|case| {
        case.resource("FleetTopic", "AWS::SNS::Topic", &json!({}));
        case.property("Settings", "Value", json!({ "Ref": "FleetTopic" }));
        case.variable("Onebox", "A", &json!("1"));
    });
    assert_eq!(found, [(Code::Late, "Settings".to_owned())]);
}

#[test]
fn an_export_in_use_stays() {
    let mut before = Case::base();
    before.set("/Outputs/ClusterName/Export", json!({ "Name": "Cluster" }));
    let mut after = before.clone();
    after.remove("/Outputs/ClusterName");
    let mut deployed = before.deployed();
    assert_eq!(outcome(&crate::staging::plan(&deployed, &after.desired())), "3");
    deployed.imported_exports.insert("Cluster".to_owned());
    assert_eq!(
        outcome(&crate::staging::plan(&deployed, &after.desired())),
        "refused EXPORT"
    );
}

/// The recipe for `TARGETS`: a second group with the service in both, then the listener, then without the first group.
#[test]
fn a_target_group_is_exchanged_in_three_releases() {
    let base = Case::base();
    let mut both = base.clone();
    let group = both.at("/Resources/OneboxTargetGroup").clone();
    both.set("/Resources/OneboxTargets", group);
    both.property("OneboxTargets", "Port", json!(9090));
    let rule = json!({
        "Actions": [{ "Type": "forward", "TargetGroupArn": { "Ref": "OneboxTargets" } }],
        "Conditions": [{ "Field": "http-header" }], "ListenerArn": { "Ref": "Listener" }, "Priority": 20
    });
    both.resource("OneboxTargetsRule", "AWS::ElasticLoadBalancingV2::ListenerRule", &rule);
    let second =
        json!({ "ContainerName": "service", "ContainerPort": 8080, "TargetGroupArn": { "Ref": "OneboxTargets" } });
    both.push("/Resources/OneboxService/Properties/LoadBalancers", second.clone());
    assert_eq!(outcome(&plan_of(&base, &both)), "2");

    let mut moved = both.clone();
    let target = "/Resources/Listener/Properties/DefaultActions/0/ForwardConfig/TargetGroups/0/TargetGroupArn";
    moved.set(target, json!({ "Ref": "OneboxTargets" }));
    assert_eq!(outcome(&plan_of(&both, &moved)), "1");
    assert_eq!(outcome(&plan_of(&base, &moved)), "refused TARGETS");

    let mut dropped = moved.clone();
    dropped.property("OneboxService", "LoadBalancers", json!([second]));
    dropped.remove("/Resources/OneboxTargetsRule");
    let actions = json!([{ "Type": "forward", "TargetGroupArn": { "Ref": "OneboxTargets" } }]);
    dropped.property("OneboxListenerRule", "Actions", actions);
    assert_eq!(
        outcome(&plan_of(&moved, &dropped)),
        "refused TARGETS",
        "probes' rule still forwards to the first"
    );
    let mut probed = moved.clone();
    probed.property(
        "OneboxListenerRule",
        "Actions",
        dropped.at("/Resources/OneboxListenerRule/Properties/Actions").clone(),
    );
    assert_eq!(outcome(&plan_of(&moved, &probed)), "2");
    dropped.set(
        "/Resources/OneboxTargetsRule",
        probed.at("/Resources/OneboxTargetsRule").clone(),
    );
    assert_eq!(outcome(&plan_of(&probed, &dropped)), "2");
}

/// The recipe for `PORTS`: open, move, close.
#[test]
fn a_port_is_moved_in_three_releases() {
    let base = Case::base();
    let mut open = base.clone();
    for stage in ["Onebox", "Fleet"] {
        let ingress = format!("/Resources/{stage}TaskSecurityGroup/Properties/SecurityGroupIngress");
        let mut rule = open.at(&format!("{ingress}/0")).clone();
        rule["FromPort"] = json!(9090);
        rule["ToPort"] = json!(9090);
        open.push(&ingress, rule);
        let mut egress = open.at(&format!("/Resources/{stage}LoadBalancerEgress")).clone();
        egress["Properties"]["FromPort"] = json!(9090);
        egress["Properties"]["ToPort"] = json!(9090);
        open.set(&format!("/Resources/{stage}NewEgress"), egress);
    }
    assert_eq!(outcome(&plan_of(&base, &open)), "2, 3");
    let mut moved = open.clone();
    for stage in ["Onebox", "Fleet"] {
        moved.container(stage, "PortMappings", json!([{ "ContainerPort": 9090 }]));
        let port = format!("/Resources/{stage}Service/Properties/LoadBalancers/0/ContainerPort");
        moved.set(&port, json!(9090));
    }
    assert_eq!(outcome(&plan_of(&open, &moved)), "2, 3");
    assert_eq!(
        outcome(&plan_of(&base, &moved)),
        "refused PORTS",
        "undoing would close the new port"
    );
    let mut closed = moved.clone();
    for stage in ["Onebox", "Fleet"] {
        let ingress = format!("/Resources/{stage}TaskSecurityGroup/Properties/SecurityGroupIngress");
        closed.at(&ingress).as_array_mut().expect("a list").remove(0);
        closed.remove(&format!("/Resources/{stage}LoadBalancerEgress"));
        let after = closed.at(&format!("/Resources/{stage}Service/DependsOn"));
        let old = format!("{stage}LoadBalancerEgress");
        after.as_array_mut().expect("a list").retain(|name| *name != json!(old));
    }
    assert_eq!(outcome(&plan_of(&moved, &closed)), "2, 3");
    assert_eq!(outcome(&plan_of(&open, &closed)), "refused PORTS");
}

/// A load balancer is moved in four releases: add a second one, forward and publish it, redirect the old listener, drop it.
#[test]
fn a_load_balancer_is_exchanged_in_four_releases() {
    let base = Case::base();
    let mut added = base.clone();
    for name in ["LoadBalancer", "Listener"] {
        let copy = added.at(&format!("/Resources/{name}")).clone();
        added.set(&format!("/Resources/New{name}"), copy);
    }
    added.property("NewListener", "LoadBalancerArn", json!({ "Ref": "NewLoadBalancer" }));
    added.property("NewListener", "DefaultActions", json!([{ "Type": "fixed-response" }]));
    for stage in ["Onebox", "Fleet"] {
        let group = added.at(&format!("/Resources/{stage}TargetGroup")).clone();
        added.set(&format!("/Resources/{stage}Targets"), group);
        let mut rule = added.at(&format!("/Resources/{stage}ListenerRule")).clone();
        rule["Properties"]["ListenerArn"] = json!({ "Ref": "NewListener" });
        rule["Properties"]["Actions"][0]["TargetGroupArn"] = json!({ "Ref": format!("{stage}Targets") });
        added.set(&format!("/Resources/{stage}Rule"), rule);
        let mut entry = added
            .at(&format!("/Resources/{stage}Service/Properties/LoadBalancers/0"))
            .clone();
        entry["TargetGroupArn"] = json!({ "Ref": format!("{stage}Targets") });
        added.push(&format!("/Resources/{stage}Service/Properties/LoadBalancers"), entry);
    }
    assert_eq!(outcome(&plan_of(&base, &added)), "1, 2, 3");

    let mut published = added.clone();
    let mut actions = published.at("/Resources/Listener/Properties/DefaultActions").clone();
    for (index, stage) in ["Onebox", "Fleet"].iter().enumerate() {
        let group = &mut actions[0]["ForwardConfig"]["TargetGroups"][index]["TargetGroupArn"];
        *group = json!({ "Ref": format!("{stage}Targets") });
    }
    published.property("NewListener", "DefaultActions", actions);
    published.set(
        "/Outputs/WebAPIEndpoint/Value",
        json!({ "Fn::Sub": "http://${NewLoadBalancer.DNSName}" }),
    );
    assert_eq!(outcome(&plan_of(&added, &published)), "1");
    assert_eq!(outcome(&plan_of(&base, &published)), "refused CYCLE");

    let mut redirected = published.clone();
    redirected.property("Listener", "DefaultActions", json!([{ "Type": "redirect" }]));
    assert_eq!(outcome(&plan_of(&published, &redirected)), "1");

    let mut dropped = redirected.clone();
    for stage in ["Onebox", "Fleet"] {
        dropped.remove(&format!("/Resources/{stage}ListenerRule"));
        dropped
            .at(&format!("/Resources/{stage}Service/Properties/LoadBalancers"))
            .as_array_mut()
            .expect("a list")
            .remove(0);
        dropped
            .at(&format!("/Resources/{stage}Service/DependsOn"))
            .as_array_mut()
            .expect("a list")
            .retain(|name| *name != json!("Listener") && *name != json!(format!("{stage}ListenerRule")));
        dropped.remove(&format!("/Resources/{stage}TargetGroup"));
        dropped.rename(&format!("\"{stage}TargetGroup\""), &format!("\"{stage}Targets\""));
    }
    dropped.remove("/Resources/Listener");
    dropped.remove("/Resources/LoadBalancer");
    dropped.rename(
        "\"LoadBalancer\",\"LoadBalancerFullName\"",
        "\"NewLoadBalancer\",\"LoadBalancerFullName\"",
    );
    assert_eq!(outcome(&plan_of(&redirected, &dropped)), "1, 2, 3");
}
