//! Change sets as AWS's answers to the same calls were recorded: the cases in `change-sets.json`.

use serde_json::{Value, json};

use super::Cloud;

const CASES: &str = include_str!("change-sets.json");

fn parameters(case: &Value, when: &str) -> Value {
    let values = case["parameters"][when].as_object();
    let parameters = values
        .into_iter()
        .flatten()
        .map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": value}));
    parameters.collect()
}

/// `Action LogicalId Replacement: Evaluation Source [Entity] Property Recreation, …`
fn line(change: &Value) -> String {
    let change = &change["ResourceChange"];
    let detail = |detail: &Value| {
        let (target, entity) = (&detail["Target"], detail["CausingEntity"].as_str());
        let words = [&detail["Evaluation"], &detail["ChangeSource"]].map(|word| word.as_str().unwrap_or("-"));
        let target = [&target["Name"], &target["RequiresRecreation"]].map(|word| word.as_str().unwrap_or("-"));
        let words = words.into_iter().chain(entity).chain(target);
        words.collect::<Vec<_>>().join(" ")
    };
    let text = |name: &str| change[name].as_str().unwrap_or("-").to_owned();
    let details: Vec<String> = change["Details"].as_array().unwrap().iter().map(detail).collect();
    let details = details.join(", ");
    let line = format!(
        "{} {} {}: {details}",
        text("Action"),
        text("LogicalResourceId"),
        text("Replacement")
    );
    line.trim_end().to_owned()
}

fn described(cloud: &mut Cloud, values: bool) -> Vec<String> {
    let input = json!({"StackName": "s", "ChangeSetName": "c", "IncludePropertyValues": values});
    let described = cloud.ok("DescribeChangeSet", &input);
    assert_eq!(
        (&described["Status"], &described["ExecutionStatus"]),
        (&json!("CREATE_COMPLETE"), &json!("AVAILABLE"))
    );
    described["Changes"].as_array().unwrap().iter().map(line).collect()
}

/// A cloud with the case's change set made.
fn made(case: &Value) -> Cloud {
    let mut cloud = Cloud::new();
    let is_update = case.get("before").is_some();
    if is_update {
        let input = json!({
            "StackName": "s", "TemplateBody": case["before"].to_string(), "Parameters": parameters(case, "before"),
        });
        cloud.ok("CreateStack", &input);
        cloud.settle();
    }
    cloud.ok(
        "CreateChangeSet",
        &json!({
            "StackName": "s", "ChangeSetName": "c", "TemplateBody": case["after"].to_string(),
            "ChangeSetType": if is_update { "UPDATE" } else { "CREATE" }, "Parameters": parameters(case, "after"),
        }),
    );
    cloud
}

#[test]
fn change_sets_are_those_that_aws_was_recorded_to_make() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let mut cloud = made(case);
        for (listing, values) in [("plain", false), ("with_values", true)] {
            assert_eq!(
                json!(described(&mut cloud, values)),
                case[listing],
                "{}: {listing}",
                case["case"]
            );
        }
    }
}

fn exporter() -> Value {
    json!({
        "Resources": {"R": {"Type": "AWS::X::Y"}},
        "Outputs": {"O": {"Value": "exported", "Export": {"Name": "nope"}}},
    })
}

/// `without` anything else happening, and `with` the missing export there by then.
#[test]
fn executing_them_ends_as_recorded() {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    for case in cases.iter().filter(|case| case.get("executed").is_some()) {
        for (when, status) in case["executed"].as_object().unwrap() {
            let mut cloud = made(case);
            if when == "with" {
                cloud.create("exporter", &exporter());
            }
            cloud.ok("ExecuteChangeSet", &json!({"StackName": "s", "ChangeSetName": "c"}));
            cloud.settle();
            assert_eq!(&json!(cloud.status("s")), status, "{}: {when}", case["case"]);
            if when == "with" {
                assert_eq!(cloud.world.things["t-2"].properties["DisplayName"], "exported");
                // What was open is resolved for good: the same template is no change.
                let again = json!({"StackName": "s", "TemplateBody": case["after"].to_string()});
                assert_eq!(
                    cloud.call("UpdateStack", &again).unwrap_err().message,
                    "No updates are to be performed."
                );
            }
            if status == "ROLLBACK_COMPLETE" {
                let events = cloud.events("s");
                assert!(
                    events.contains("No export named nope found. Rollback requested by user."),
                    "{events}"
                );
                assert!(cloud.world.log.is_empty(), "{:?}", cloud.world.log);
                // An export that comes later isn't held by what is left of the stack.
                cloud.create("exporter", &exporter());
                cloud.ok("DeleteStack", &json!({"StackName": "exporter"}));
            }
        }
    }
}
