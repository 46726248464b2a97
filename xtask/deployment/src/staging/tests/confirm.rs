//! Change sets as CloudFormation lists them, compared with the plan.

use serde_json::json;

use crate::staging::tests::{Case, plan_of};
use crate::staging::{ChangeSource, ListedAction, ListedChange, ListedDetail, Recreation, Replacement, Step, confirm};

fn step(edit: impl FnOnce(&mut Case)) -> Step {
    let before = Case::base();
    let mut after = before.clone();
    edit(&mut after);
    let plan = plan_of(&before, &after).unwrap_or_else(|refusals| panic!("{refusals:#?}"));
    plan.steps.into_iter().next().expect("a step")
}

fn listed(name: &str, action: ListedAction, replacement: Replacement, details: Vec<ListedDetail>) -> ListedChange {
    ListedChange {
        logical_id: name.to_owned(),
        resource_type: "AWS::Some::Type".to_owned(),
        action,
        replacement,
        details,
    }
}

/// A reference to a resource or attribute that CloudFormation evaluates when it executes the change set.
fn dynamic(property: &str, cause: &str, recreation: Recreation) -> ListedDetail {
    ListedDetail {
        attribute: "Properties".to_owned(),
        name: Some(property.to_owned()),
        recreation,
        is_dynamic: true,
        source: ChangeSource::ResourceAttribute,
        causing_entity: Some(cause.to_owned()),
        is_same_value: false,
    }
}

fn direct(property: &str) -> ListedDetail {
    ListedDetail {
        is_dynamic: false,
        source: ChangeSource::DirectModification,
        causing_entity: None,
        ..dynamic(property, "", Recreation::Never)
    }
}

fn unplanned(step: &Step, change: ListedChange) -> Vec<String> {
    confirm(step, &[change])
        .into_iter()
        .map(|unplanned| unplanned.reason)
        .collect()
}

fn idle_timeout() -> Step {
    step(|case| case.property("LoadBalancer", "LoadBalancerAttributes", json!([])))
}

/// A changed attribute of the load balancer lists sixteen resources of the stages, the target groups as "may be replaced".
#[test]
fn a_dynamic_entry_is_accepted_if_its_cause_isnt_replaced() {
    let step = idle_timeout();
    let cause = "LoadBalancer.LoadBalancerFullName";
    let alarm = vec![dynamic("Metrics", cause, Recreation::Never)];
    let change = listed("FleetServerErrorAlarm", ListedAction::Modify, Replacement::No, alarm);
    assert!(unplanned(&step, change).is_empty());
    let group = vec![dynamic("VpcId", "LoadBalancer", Recreation::Conditionally)];
    let change = listed(
        "FleetTargetGroup",
        ListedAction::Modify,
        Replacement::Conditional,
        group,
    );
    assert!(unplanned(&step, change).is_empty());
    let planned = listed(
        "LoadBalancer",
        ListedAction::Modify,
        Replacement::No,
        vec![direct("LoadBalancerAttributes")],
    );
    assert!(unplanned(&step, planned).is_empty());
}

#[test]
fn an_entry_that_the_plan_doesnt_contain_is_reported() {
    let step = idle_timeout();
    for (action, replacement) in [
        (ListedAction::Modify, Replacement::No),
        (ListedAction::Modify, Replacement::Yes),
        (ListedAction::Add, Replacement::No),
        (ListedAction::Remove, Replacement::No),
        (ListedAction::Other("Import".to_owned()), Replacement::No),
    ] {
        let change = listed("FleetService", action, replacement, vec![direct("TaskDefinition")]);
        assert_eq!(unplanned(&step, change).len(), 1);
    }
    let without_details = listed("FleetService", ListedAction::Modify, Replacement::No, Vec::new());
    assert_eq!(unplanned(&step, without_details).len(), 1);
    let removed = listed("LoadBalancer", ListedAction::Remove, Replacement::No, Vec::new());
    assert_eq!(unplanned(&step, removed).len(), 1);
    let replaced = vec![ListedDetail {
        recreation: Recreation::Always,
        ..direct("Scheme")
    }];
    let replaced = listed("LoadBalancer", ListedAction::Modify, Replacement::Yes, replaced);
    assert_eq!(unplanned(&step, replaced).len(), 1);
}

#[test]
fn a_dynamic_entry_is_reported_if_its_cause_is_replaced() {
    let step = step(|case| case.variable("Onebox", "A", &json!("1")));
    let cause = vec![dynamic("TaskDefinition", "OneboxTaskDefinition", Recreation::Never)];
    let change = listed("FleetService", ListedAction::Modify, Replacement::No, cause.clone());
    assert_eq!(unplanned(&step, change).len(), 1);
    let change = listed("OneboxService", ListedAction::Modify, Replacement::No, cause);
    assert!(unplanned(&step, change).is_empty(), "planned");
}

#[test]
fn metadata_and_equal_values_are_no_change() {
    let step = idle_timeout();
    let metadata = ListedDetail {
        attribute: "Metadata".to_owned(),
        ..direct("")
    };
    let renamed = ListedDetail {
        is_same_value: true,
        ..direct("Environment")
    };
    for detail in [metadata, renamed] {
        let change = listed(
            "FleetTaskDefinition",
            ListedAction::Modify,
            Replacement::No,
            vec![detail],
        );
        assert!(unplanned(&step, change).is_empty());
    }
}
