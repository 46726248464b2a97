//! The way back to the previous release.

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::staging::tests::{Case, NEW, OLD, image};
use crate::staging::{Code, Deployed, Desired, Plan, Refusal, Step, rollback};
use crate::template::Template;

/// The previous release, as it was recorded.
fn previous(case: &Case) -> Desired {
    Desired {
        template: case.template.to_string(),
        parameters: case.values.clone(),
    }
}

/// What the stack has after a deployment of the case.
fn current(case: &Case) -> Deployed {
    Deployed {
        parameters: case.desired().parameters,
        ..case.deployed()
    }
}

fn back(edit: impl FnOnce(&mut Case, &mut Case)) -> Result<Plan, Vec<Refusal>> {
    let mut before = Case::base();
    let mut after = before.clone();
    edit(&mut before, &mut after);
    rollback(&current(&after), &previous(&before))
}

fn definition(step: &Step, resource: &str) -> Value {
    let template = Template::parse(&step.template).unwrap_or_else(|problems| panic!("{problems:?}"));
    Value::Object(template.resources[resource].definition.clone())
}

#[test]
fn one_update_restores_everything_and_a_second_one_turns_the_alarms_on() {
    let plan = back(|_, after| {
        for stage in ["Onebox", "Fleet"] {
            after.variable(stage, "BAD", &json!("1"));
            after.values.insert(format!("{stage}Image"), image('b'));
        }
    });
    let plan = plan.expect("a plan");
    let [first, second] = plan.steps.as_slice() else {
        panic!("{plan:#?}")
    };
    for stage in ["Onebox", "Fleet"] {
        let service = definition(first, &format!("{stage}Service"));
        let alarms = service
            .pointer("/Properties/DeploymentConfiguration/Alarms")
            .expect("alarms");
        assert_eq!((&alarms["Enable"], &alarms["Rollback"]), (&json!(false), &json!(false)));
        let breaker = service.pointer("/Properties/DeploymentConfiguration/DeploymentCircuitBreaker/Rollback");
        assert_eq!(breaker, Some(&json!(true)));
        let variables = definition(first, &format!("{stage}TaskDefinition"));
        assert!(!variables.to_string().contains("BAD"));
        assert_eq!(first.parameters.get(&format!("{stage}Image")), Some(&image('a')));
        assert_eq!(
            first.parameters.get(&format!("{stage}Release")).map(String::as_str),
            Some(OLD)
        );
    }
    assert!(
        !definition(first, "FleetService")["DependsOn"]
            .to_string()
            .contains("OneboxService")
    );
    assert!(
        definition(second, "FleetService")["DependsOn"]
            .to_string()
            .contains("OneboxService")
    );
    assert_eq!(second.template, Case::base().template.to_string());
    let changed: Vec<&str> = second.changes.iter().map(|change| change.logical_id.as_str()).collect();
    assert_eq!(changed, ["FleetService", "OneboxService"]);
}

#[test]
fn a_stage_that_already_runs_the_release_is_left_alone() {
    let plan = back(|_, after| after.variable("Onebox", "BAD", &json!("1"))).expect("a plan");
    let first = plan.steps.first().expect("a step");
    let release = |name: &str| first.parameters.get(name).map(String::as_str);
    assert_eq!((release("OneboxRelease"), release("Release")), (Some(OLD), Some(OLD)));
    assert_eq!(release("FleetRelease"), Some(NEW), "Fleet's tasks aren't replaced");
    let replaced = first.changes.iter().filter(|change| change.kind.may_replace());
    let replaced: Vec<&str> = replaced.map(|change| change.logical_id.as_str()).collect();
    assert_eq!(replaced, ["OneboxTaskDefinition"]);
    let fleet = plan
        .steps
        .iter()
        .flat_map(|step| &step.changes)
        .filter(|change| change.stage == Stage::Fleet);
    assert_eq!(fleet.count(), 0, "not even its alarms");
}

#[test]
fn without_a_change_of_a_service_one_update_is_enough() {
    let plan = back(|_, after| after.property("LoadBalancer", "Tags", json!([]))).expect("a plan");
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps.iter().all(|step| step.last));
    let none = back(|_, _| ()).expect("a plan");
    assert!(none.steps.is_empty(), "only release parameters differ: {none:#?}");
}

#[test]
fn what_is_gone_is_refused_before_any_change() {
    let codes = |result: Result<Plan, Vec<Refusal>>| {
        let refusals = result.expect_err("a refusal").into_iter();
        refusals
            .map(|refusal| (refusal.code, refusal.resource))
            .collect::<Vec<_>>()
    };
    let retained = back(|before, _| {
        before.resource("Kept", "AWS::Logs::LogGroup", &json!({ "LogGroupName": "/kept" }));
        before.set("/Resources/Kept/DeletionPolicy", json!("Retain"));
    });
    assert_eq!(codes(retained), [(Code::Retain, "Kept".to_owned())]);
    let hidden = back(|before, after| {
        for case in [before, after] {
            case.set("/Parameters/Secret", json!({ "Type": "String", "NoEcho": true }));
            case.variable("Onebox", "SECRET", &json!({ "Ref": "Secret" }));
        }
    });
    assert_eq!(codes(hidden), [(Code::NoEcho, "Secret".to_owned())]);
    let invalid = back(|before, _| before.variable("Onebox", "A", &json!({ "Ref": "Nothing" })));
    assert_eq!(codes(invalid), [(Code::Invalid, "OneboxTaskDefinition".to_owned())]);
}

#[test]
fn a_name_that_moved_is_freed_first() {
    let plan = back(|before, after| {
        before.alarm("OneboxSpare");
        before.property("OneboxSpare", "AlarmName", json!("spare"));
        after.alarm("FleetSpare");
        after.property("FleetSpare", "AlarmName", json!("spare"));
    });
    let plan = plan.expect("a plan");
    let steps: Vec<Vec<&str>> = plan
        .steps
        .iter()
        .map(|step| step.changes.iter().map(|change| change.logical_id.as_str()).collect())
        .collect();
    let spare: Vec<Vec<&str>> = steps
        .iter()
        .map(|step| step.iter().copied().filter(|name| name.contains("Spare")).collect())
        .collect();
    assert_eq!(spare, [vec!["FleetSpare"], vec!["OneboxSpare"], vec![]], "{steps:#?}");
}
