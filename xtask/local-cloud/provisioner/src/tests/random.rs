//! Random templates, random failures: what must hold whatever happens.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Behaviour, Cloud};

/// One resource of a random template.
#[derive(Clone, Debug)]
struct Node {
    present: bool,
    size: u8,
    name: u8,
    /// Of the resources before it: which it refers to, and which it only waits for.
    refers: u8,
    waits: u8,
}

type Script = (usize, &'static str, Vec<Behaviour>);

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let node = (prop::bool::weighted(0.85), 0..3_u8, 0..2_u8, any::<u8>(), any::<u8>());
    vec(
        node.prop_map(|(present, size, name, refers, waits)| Node {
            present,
            size,
            name,
            refers,
            waits,
        }),
        6,
    )
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        3 => (0..4_u64).prop_map(Behaviour::After),
        1 => Just(Behaviour::Refused("refused")),
        1 => (0..4_u64).prop_map(|seconds| Behaviour::FailsAfter(seconds, "failed")),
    ]
}

/// At most one of these per resource and verb; `verbs` says what may fail.
fn scripts(verbs: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<Script>> {
    vec(
        (0..6_usize, prop::sample::select(verbs), vec(behaviour(), 1..=most)),
        0..6,
    )
}

fn id(index: usize) -> String {
    format!("R{index}")
}

/// The nodes that are there, and always one more, so that the template isn't empty.
fn template(nodes: &[Node]) -> Value {
    let mut resources = json!({ "Base": { "Type": "AWS::X::Base" } });
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.present) {
        let before = |bits: u8| {
            (0..index)
                .filter(move |other| bits & (1 << other) != 0 && nodes[*other].present)
                .map(id)
        };
        let refers: Vec<Value> = before(node.refers).map(|other| json!({ "Ref": other })).collect();
        let waits: Vec<String> = before(node.waits).collect();
        resources[id(index)] = json!({
            "Type": "AWS::X::Y",
            "Properties": { "Size": node.size, "Name": node.name, "Of": refers },
            "DependsOn": waits,
        });
    }
    json!({ "Resources": resources })
}

fn set_scripts(cloud: &mut Cloud, scripts: &[Script]) {
    for (index, verb, behaviours) in scripts {
        cloud.script(&id(*index), verb, behaviours);
    }
}

fn clear_scripts(cloud: &mut Cloud) {
    for index in 0..6 {
        for verb in ["create", "update", "delete"] {
            cloud.script(&id(index), verb, &[]);
        }
    }
}

/// In the events from `from` on, nothing begins before all that it depends on is complete.
fn check_order(cloud: &mut Cloud, template: &Value, from: usize) {
    let events = cloud.events("s");
    let lines: Vec<Vec<&str>> = events
        .lines()
        .skip(from)
        .map(|line| line.split_whitespace().take(2).collect())
        .collect();
    let deploying = lines
        .iter()
        .position(|line| line[0] == "s" && line[1] != "CREATE_IN_PROGRESS" && line[1] != "UPDATE_IN_PROGRESS");
    let lines = &lines[..deploying.unwrap_or(lines.len())];
    for (logical_id, resource) in template["Resources"].as_object().unwrap() {
        let begun = lines.iter().position(|line| line[0] == logical_id);
        let refers = resource["Properties"]["Of"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|of| of["Ref"].as_str().unwrap());
        let waits = resource["DependsOn"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap());
        for other in refers.chain(waits) {
            let last = lines.iter().rposition(|line| line[0] == other);
            if let (Some(begun), Some(last)) = (begun, last) {
                assert!(
                    last < begun,
                    "{logical_id} began before {other} was complete:\n{events}"
                );
                assert!(lines[last][1].ends_with("_COMPLETE"), "{events}");
            }
        }
    }
}

/// What is there is what the template says, and every reference leads to it.
fn check_converged(cloud: &mut Cloud, template: &Value) {
    let listed = cloud.ok("ListStackResources", &json!({ "StackName": "s" }));
    let physical: BTreeMap<String, String> = listed["StackResourceSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| {
            let text = |name: &str| resource[name].as_str().unwrap().to_owned();
            (text("LogicalResourceId"), text("PhysicalResourceId"))
        })
        .collect();
    let declared = template["Resources"].as_object().unwrap();
    assert_eq!(physical.keys().collect::<Vec<_>>(), declared.keys().collect::<Vec<_>>());
    assert_eq!(
        cloud.world.things.len(),
        declared.len(),
        "{:?}",
        cloud.world.things.keys()
    );
    for (logical_id, resource) in declared {
        let mut expected = resource.get("Properties").cloned().unwrap_or_else(|| json!({}));
        for of in expected
            .get_mut("Of")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            *of = json!(physical[of["Ref"].as_str().unwrap()]);
        }
        assert_eq!(cloud.world.things[&physical[logical_id]].properties, expected);
    }
}

fn update_input(template: &Value, disable_rollback: bool) -> Value {
    json!({ "StackName": "s", "TemplateBody": template.to_string(), "DisableRollback": disable_rollback })
}

/// One call and whatever follows from it, then everything undone.
fn live(cloud: &mut Cloud, versions: &[(Vec<Node>, Vec<Script>, bool, u64)]) {
    for (nodes, scripts, disable_rollback, patience) in versions {
        set_scripts(cloud, scripts);
        let input = update_input(&template(nodes), *disable_rollback);
        let known = cloud.call("DescribeStacks", &json!({ "StackName": "s" })).is_ok();
        let begun = cloud.call(if known { "UpdateStack" } else { "CreateStack" }, &input);
        cloud.advance_all();
        if begun.is_ok() && *patience < 3 {
            cloud.now += std::time::Duration::from_secs(*patience);
            cloud.advance_all();
            let _ = cloud.call("CancelUpdateStack", &json!({ "StackName": "s" }));
        }
        cloud.settle();
        let status = cloud.status("s");
        assert!(!status.ends_with("_IN_PROGRESS"), "{status}");
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" if begun.is_ok() => check_converged(cloud, &template(nodes)),
            "UPDATE_ROLLBACK_FAILED" => {
                cloud.ok("ContinueUpdateRollback", &json!({ "StackName": "s" }));
                cloud.settle();
            }
            "UPDATE_FAILED" if *patience == 3 => {
                cloud.ok("RollbackStack", &json!({ "StackName": "s" }));
                cloud.settle();
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_creation_ends_complete_or_leaves_nothing(nodes in nodes(), scripts in scripts(&["create"], 1)) {
        let mut cloud = Cloud::new();
        set_scripts(&mut cloud, &scripts);
        let template = template(&nodes);
        cloud.create("s", &template);
        check_order(&mut cloud, &template, 0);
        match cloud.status("s").as_str() {
            "CREATE_COMPLETE" => check_converged(&mut cloud, &template),
            "ROLLBACK_COMPLETE" => prop_assert!(cloud.world.things.is_empty()),
            status => prop_assert!(false, "{status}"),
        }
    }

    #[test]
    fn an_update_ends_complete_or_leaves_everything_as_it_was(
        before in nodes(), after in nodes(), scripts in scripts(&["create", "update"], 1),
    ) {
        let mut cloud = Cloud::new();
        cloud.create("s", &template(&before));
        let things = cloud.world.things.clone();
        let from = cloud.events("s").lines().count();
        set_scripts(&mut cloud, &scripts);
        let after = template(&after);
        match cloud.call("UpdateStack", &update_input(&after, false)) {
            Ok(_) => cloud.settle(),
            Err(error) => {
                prop_assert_eq!(error.message, "No updates are to be performed.");
                return Ok(());
            }
        }
        check_order(&mut cloud, &after, from);
        match cloud.status("s").as_str() {
            "UPDATE_COMPLETE" => check_converged(&mut cloud, &after),
            "UPDATE_ROLLBACK_COMPLETE" => prop_assert_eq!(&cloud.world.things, &things),
            status => prop_assert!(false, "{status}"),
        }
    }

    #[test]
    fn whatever_happened_it_can_be_deleted_without_a_trace(
        versions in vec((nodes(), scripts(&["create", "update", "delete"], 2), any::<bool>(), 0..6_u64), 1..4),
    ) {
        let mut cloud = Cloud::new();
        cloud.restarts = false;
        live(&mut cloud, &versions);
        clear_scripts(&mut cloud);
        let described = cloud.ok("DescribeStacks", &json!({ "StackName": "s" }));
        let id = described["Stacks"][0]["StackId"].as_str().unwrap().to_owned();
        cloud.ok("DeleteStack", &json!({ "StackName": "s" }));
        cloud.settle();
        prop_assert_eq!(cloud.status(&id), "DELETE_COMPLETE");
        let events = cloud.events(&id);
        prop_assert!(cloud.world.things.is_empty(), "{:?}\n{}", cloud.world.things.keys(), events);
    }

    #[test]
    fn restarts_change_nothing(
        versions in vec((nodes(), scripts(&["create", "update", "delete"], 2), any::<bool>(), 0..6_u64), 1..3),
    ) {
        let [steady, restarted] = [false, true].map(|restarts| {
            let mut cloud = Cloud::new();
            cloud.restarts = restarts;
            live(&mut cloud, &versions);
            (serde_json::to_value(&cloud.stacks).unwrap(), cloud.world.log)
        });
        prop_assert_eq!(steady, restarted);
    }
}
