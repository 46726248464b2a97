//! Stacks from their creation to their end.

use serde_json::{Value, json};

use super::rig::{Rig, template};
use crate::cloud::Effect;
use crate::wire::Service;
use crate::world::Happening;

fn cluster(rig: &mut Rig) -> Value {
    rig.ecs("ListClusters", json!({}))["clusterArns"][0].clone()
}

fn service(rig: &mut Rig) -> Value {
    let cluster = cluster(rig);
    rig.ecs("DescribeServices", json!({"cluster": cluster, "services": ["service"]}))["services"][0].clone()
}

#[test]
fn a_service_comes_up_is_replaced_and_goes_without_a_trace() {
    let mut rig = Rig::new();
    assert_eq!(rig.create("stack", &template("a", 3)), "CREATE_COMPLETE");
    assert_eq!((rig.running.len(), rig.targets(), rig.open.len()), (3, 3, 1));
    assert_eq!(service(&mut rig)["runningCount"], 3);
    let first = rig.running.clone();

    assert_eq!(rig.update("stack", &template("b", 3)), "UPDATE_COMPLETE");
    rig.run_until(|rig| rig.waiting.is_empty() && rig.running.len() == 3);
    assert!(rig.running.is_disjoint(&first));

    rig.delete("stack");
    assert_eq!((rig.running.len(), rig.targets(), rig.open.len()), (0, 0, 0));
    assert!(rig.world.cloud.elb.target_groups.is_empty());
}

#[test]
fn a_task_that_ends_is_replaced_and_its_target_forgotten() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 3));
    let task = rig.running.first().cloned().unwrap();
    rig.exit(&task, Some(1));
    rig.run_until(|rig| rig.running.len() == 3 && rig.targets() == 3 && rig.waiting.is_empty());
    let groups = rig.world.cloud.elb.target_groups.values();
    assert_eq!(groups.map(|group| group.targets.len()).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_task_that_ends_before_it_is_known_to_have_begun_leaves_nothing_to_take_back() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 1));
    let task = rig.running.first().cloned().unwrap();
    rig.exit(&task, Some(1));
    rig.run_until(|rig| {
        rig.done
            .iter()
            .filter(|effect| matches!(effect, Effect::StartTask { .. }))
            .count()
            == 2
    });
    let place = rig
        .waiting
        .iter()
        .position(|happening| matches!(happening, Happening::TaskStarted { .. }));
    let start = rig.waiting.remove(place.unwrap());
    let Happening::TaskStarted { task, .. } = &start else {
        unreachable!()
    };
    rig.exit(&task.clone(), Some(1));
    let ended = task.clone();
    rig.waiting.push(start);
    rig.run_until(|rig| rig.waiting.is_empty() || rig.running.len() == 1);
    assert!(!rig.world.cloud.known_tasks().contains_key(&ended));
}

#[test]
fn a_target_that_the_data_plane_never_heard_of_is_not_waited_for() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 1));
    let task = rig.running.first().cloned().unwrap();
    rig.exit(&task, Some(1));
    rig.run_until(|rig| {
        rig.waiting
            .iter()
            .any(|happening| matches!(happening, Happening::TaskStarted { .. }))
    });
    // The new task is registered and deregistered before anyone acts.
    for happening in std::mem::take(&mut rig.waiting) {
        rig.world.happen(rig.now, happening);
    }
    rig.delete("stack");
    assert_eq!(rig.running.len(), 0);
}

#[test]
fn the_plan_comes_first_and_once() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 2));
    rig.begin_update("stack", &template("b", 2));
    rig.done.clear();
    let mut stops = 0;
    rig.run_until(|rig| {
        let effects = std::mem::take(&mut rig.done);
        stops += effects
            .iter()
            .filter(|effect| matches!(effect, Effect::StopTask { .. }))
            .count();
        let plans = effects.iter().filter(|effect| **effect == Effect::ApplyPlan).count();
        assert!(plans <= 1, "{effects:?}");
        assert!(plans == 0 || effects[0] == Effect::ApplyPlan, "{effects:?}");
        !rig.status("stack").ends_with("_IN_PROGRESS")
    });
    assert!(stops > 0);
}

#[test]
fn a_new_target_group_gets_the_new_tasks_and_the_old_one_drains() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 2));
    let mut other = template("a", 2);
    other["Resources"]["Group"]["Properties"]["Port"] = json!(81);
    assert_eq!(rig.update("stack", &other), "UPDATE_COMPLETE");
    rig.run_until(|rig| rig.waiting.is_empty() && rig.targets() == 2 && rig.running.len() == 2);
    let groups = rig.world.cloud.elb.target_groups.values();
    assert_eq!(groups.map(|group| group.targets.len()).collect::<Vec<_>>(), [2]);
}

#[test]
fn two_load_balancers_never_share_a_port() {
    let mut both = json!({"Resources": {"Vpc": template("a", 1)["Resources"]["Vpc"], "Subnet": template("a", 1)["Resources"]["Subnet"]}});
    for name in ["One", "Two"] {
        both["Resources"][name] = template("a", 1)["Resources"]["LoadBalancer"].clone();
        both["Resources"][name]["Properties"]["Name"] = json!(name);
    }
    let mut rig = Rig::new();
    assert_eq!(rig.create("stack", &both), "CREATE_COMPLETE");
    let ports = rig
        .world
        .cloud
        .elb
        .load_balancers
        .values()
        .map(|known| known.port.unwrap());
    let mut ports = ports.collect::<Vec<_>>();
    ports.sort_unstable();
    assert_eq!(ports, [8080, 8081]);
}

#[test]
fn a_listener_that_was_deleted_while_it_was_opened_is_closed() {
    let mut rig = Rig::new();
    let listener_arn = "gone".to_owned();
    rig.open.insert(listener_arn.clone());
    let outcome = Ok("127.0.0.1:8080".parse().unwrap());
    rig.world
        .happen(rig.now, Happening::Listening { listener_arn, outcome });
    rig.act();
    assert!(rig.open.is_empty());
}

#[test]
fn a_task_without_a_free_address_says_so() {
    let mut rig = Rig::new();
    let mut small = template("a", 20);
    small["Resources"]["Subnet"]["Properties"]["CidrBlock"] = json!("10.0.0.0/28");
    assert_eq!(rig.create("stack", &small), "ROLLBACK_COMPLETE");
    assert_eq!(rig.running.len(), 0);
}

#[test]
fn what_is_over_is_forgotten() {
    let mut rig = Rig::new();
    for number in 0..30 {
        let mut named = template("a", 1);
        named["Resources"]["Service"]["Properties"]["ServiceName"] = json!(format!("service-{number}"));
        rig.create("stack", &named);
        rig.delete("stack");
    }
    rig.round();
    let ecs = &rig.world.cloud.ecs;
    assert_eq!((ecs.services.len(), ecs.clusters.len()), (20, 0));
    assert!(
        ecs.tasks.len() <= 20 && ecs.task_definitions.len() <= 20,
        "{}, {}",
        ecs.tasks.len(),
        ecs.task_definitions.len()
    );
}

#[test]
fn the_hundredth_deployment_is_one_as_the_first_and_from_there_on_nothing_grows() {
    let mut rig = Rig::new();
    rig.create("stack", &template("image-0", 1));
    let mut sizes = Vec::new();
    for number in 1..=130 {
        let image = format!("image-{number:03}");
        assert_eq!(rig.update("stack", &template(&image, 1)), "UPDATE_COMPLETE");
        rig.run_until(|rig| rig.running.len() == 1);
        let ecs = &rig.world.cloud.ecs;
        let task = rig.running.iter().find_map(|task| ecs.tasks.get(task)).unwrap();
        let definition = &ecs.task_definitions[&task.task_definition_arn];
        assert_eq!(definition.properties["ContainerDefinitions"][0]["Image"], image);
        sizes.push(serde_json::to_vec(&rig.world).unwrap().len());
    }
    let (full, last) = (sizes[117], sizes[129]);
    assert!(
        last.abs_diff(full) * 100 < full,
        "{full} bytes, and twelve deployments later {last}"
    );
}

#[test]
fn to_read_is_not_to_change() {
    let mut rig = Rig::new();
    rig.create("stack", &template("a", 2));
    rig.run_until(|rig| rig.waiting.is_empty());
    let before = serde_json::to_value(&rig.world).unwrap();
    rig.world.changed = false;
    rig.status("stack");
    rig.reasons("stack");
    service(&mut rig);
    rig.cloudformation("GetTemplate", json!({"StackName": "stack"}));
    rig.cloudformation("ListStackResources", json!({"StackName": "stack"}));
    rig.world.settle(rig.now);
    assert!(!rig.world.changed);
    assert_eq!(serde_json::to_value(&rig.world).unwrap(), before);
    rig.cloudformation("DeleteStack", json!({"StackName": "stack"}));
    assert!(rig.world.changed);
}

#[test]
fn tags_are_shown_to_whoever_asks_for_them() {
    let mut tagged = template("a", 1);
    for name in ["Service", "Definition"] {
        tagged["Resources"][name]["Properties"]["Tags"] = json!([{"Key": "team", "Value": "blue"}]);
    }
    let mut rig = Rig::new();
    rig.create("stack", &tagged);
    let expected = json!([{"key": "team", "value": "blue"}]);
    let cluster = cluster(&mut rig);
    assert!(service(&mut rig).get("tags").is_none());
    let asked = json!({"cluster": cluster, "services": ["service"], "include": ["TAGS"]});
    assert_eq!(rig.ecs("DescribeServices", asked)["services"][0]["tags"], expected);
    let asked = json!({"taskDefinition": "service", "include": ["TAGS"]});
    assert_eq!(rig.ecs("DescribeTaskDefinition", asked)["tags"], expected);
    let wrong = rig.call(
        Service::Ecs,
        "DescribeTaskDefinition",
        json!({"taskDefinition": "service:latest"}),
    );
    assert_eq!(wrong.unwrap_err().code, "ClientException");
}

#[test]
fn an_elastic_address_is_referred_to_by_its_address() {
    let address = json!({"Resources": {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}},
        "Outputs": {"Address": {"Value": {"Ref": "Address"}}}});
    let mut rig = Rig::new();
    assert_eq!(rig.create("stack", &address), "CREATE_COMPLETE");
    let stacks = rig.cloudformation("DescribeStacks", json!({"StackName": "stack"}));
    let value = stacks["Stacks"][0]["Outputs"][0]["OutputValue"].as_str().unwrap();
    assert!(value.parse::<std::net::Ipv4Addr>().is_ok(), "{value}");
}

#[test]
fn what_a_service_refers_to_must_be_there() {
    let check = |path: &str, value: Value, expected: &str| {
        let mut wrong = template("a", 1);
        *wrong
            .pointer_mut(&format!("/Resources/Service/Properties{path}"))
            .unwrap() = value;
        let mut rig = Rig::new();
        assert_eq!(rig.create("stack", &wrong), "ROLLBACK_COMPLETE");
        let reasons = rig.reasons("stack");
        assert!(reasons.contains(expected), "{reasons}");
        assert!(rig.world.cloud.ecs.services.is_empty());
    };
    let network = "/NetworkConfiguration/AwsvpcConfiguration/Subnets";
    check(network, json!([]), "Network Configuration must be provided");
    check(network, json!(["subnet-0"]), "The subnet ID 'subnet-0' does not exist");
    check(
        "/LoadBalancers/0/ContainerPort",
        json!(81),
        "did not have a container port 81",
    );
    check("/Cluster", json!("other"), "Cluster not found.");
}

#[test]
fn no_template_makes_it_panic() {
    let refused = |template: Value| {
        let mut rig = Rig::new();
        let input = json!({"StackName": "stack", "TemplateBody": template.to_string()});
        if rig.call(Service::CloudFormation, "CreateStack", input).is_ok() {
            let status = rig.finish("stack");
            assert_eq!(status, "ROLLBACK_COMPLETE", "{template}");
        }
    };
    let mut letters = template("a", 1);
    letters["Resources"]["éééééééééééééééééééééééé"] = letters["Resources"]["LoadBalancer"].clone();
    refused(letters);
    let mut edge = template("a", 1);
    edge["Resources"]["Subnet"]["Properties"]["CidrBlock"] = json!("255.255.255.255/32");
    refused(edge);
    let properties = template("a", 1)["Resources"]["Service"]["Properties"].clone();
    for name in properties.as_object().unwrap().keys() {
        for value in [
            json!([]),
            json!({}),
            json!(-1),
            json!("é"),
            json!([[{}]]),
            json!({"Ref": "Service"}),
        ] {
            // Without a load balancer, with the defaults of its deployments, or with a number for a name, a service can be.
            let fine = [
                ("LoadBalancers", json!([])),
                ("DeploymentConfiguration", json!({})),
                ("ServiceName", json!(-1)),
            ];
            if fine.contains(&(name.as_str(), value.clone())) {
                continue;
            }
            let mut wrong = template("a", 1);
            wrong["Resources"]["Service"]["Properties"][name] = value;
            refused(wrong);
        }
    }
}
