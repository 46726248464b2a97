//! What counts as an update, and which template a stack has after each way that one can end.

use serde_json::{Value, json};

use super::{Behaviour, Cloud};

fn template() -> Value {
    json!({
        "Description": "one",
        "Metadata": {"Of": "the template"},
        "Parameters": {
            "Used": {"Type": "String", "Default": "a"},
            "Shown": {"Type": "String", "Default": "a"},
            "Unused": {"Type": "String", "Default": "a"},
        },
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "A": {"Type": "AWS::X::Y", "Properties": {"Size": {"Ref": "Used"}}},
            "B": {"Type": "AWS::X::Y", "Metadata": {"Stage": "Onebox"}},
        },
        "Outputs": {"O": {"Value": {"Ref": "Shown"}}},
    })
}

/// Changes what a JSON pointer names; `null` removes it.
fn with(pointer: &str, value: Value) -> Value {
    let mut template = template();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = template.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key);
    } else {
        parent.insert(key.to_owned(), value);
    }
    template
}

/// What changes, the template after it, the parameters' values, and what a change set then lists: nothing, if it fails.
type Row = (&'static str, Value, Value, Option<&'static [&'static str]>);

const NONE: Option<&[&str]> = None;

/// Sources:
/// - `DependsOn` alone is no update: <https://github.com/aws/aws-cdk/issues/21496>
/// - only resources and outputs count, not parameters, conditions or what is conditioned off:
///   <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2027>
/// - a resource's `Metadata` alone is one:
///   <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1185>
/// - the template's `Metadata` and `Description` alone are none:
///   <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/metadata-section-structure.html>
///
/// A named choice: an output's description alone is an update, as its value is.
fn rows() -> Vec<Row> {
    vec![
        ("nothing", template(), json!([]), NONE),
        ("DependsOn", with("/Resources/B/DependsOn", json!("A")), json!([]), NONE),
        (
            "the template's metadata",
            with("/Metadata/Of", json!("another")),
            json!([]),
            NONE,
        ),
        ("the description", with("/Description", json!("two")), json!([]), NONE),
        (
            "a condition that nothing uses",
            with("/Conditions/Always", json!({"Fn::Equals": ["a", "a"]})),
            json!([]),
            NONE,
        ),
        (
            "a resource that is conditioned off",
            with("/Resources/C", json!({"Type": "AWS::X::Y", "Condition": "Never"})),
            json!([]),
            NONE,
        ),
        (
            "a parameter more",
            with("/Parameters/New", json!({"Type": "String", "Default": "a"})),
            json!([]),
            NONE,
        ),
        (
            "a parameter less",
            with("/Parameters/Unused", Value::Null),
            json!([]),
            NONE,
        ),
        (
            "the value of a parameter that nothing uses",
            template(),
            json!(["Unused"]),
            NONE,
        ),
        (
            "the default of one whose value is given",
            with("/Parameters/Used/Default", json!("z")),
            json!(["Used=a"]),
            NONE,
        ),
        (
            "the value of a parameter that an output uses",
            template(),
            json!(["Shown"]),
            Some(&[]),
        ),
        (
            "an output more",
            with("/Outputs/P", json!({"Value": "x"})),
            json!([]),
            Some(&[]),
        ),
        (
            "an output's description",
            with("/Outputs/O/Description", json!("x")),
            json!([]),
            Some(&[]),
        ),
        (
            "a resource's metadata",
            with("/Resources/B/Metadata/Stage", json!("Fleet")),
            json!([]),
            Some(&["Modify B Metadata"]),
        ),
        (
            "no metadata any more",
            with("/Resources/B/Metadata", Value::Null),
            json!([]),
            Some(&["Modify B Metadata"]),
        ),
        (
            "the value of a parameter that a resource uses",
            template(),
            json!(["Used"]),
            Some(&["Modify A Properties"]),
        ),
    ]
}

#[test]
fn what_counts_as_an_update() {
    for (name, after, parameters, expected) in rows() {
        let mut cloud = Cloud::new();
        cloud.create("s", &template());
        cloud.world.log.clear();
        let parameters: Value = parameters.as_array().unwrap().iter().map(parameter).collect();
        let input = json!({"StackName": "s", "ChangeSetName": "c", "TemplateBody": after.to_string(), "Parameters": parameters});
        cloud.ok("CreateChangeSet", &input);
        let described = cloud.ok("DescribeChangeSet", &json!({"StackName": "s", "ChangeSetName": "c"}));
        let changes = described["Changes"].as_array().unwrap().iter().map(|change| {
            let change = &change["ResourceChange"];
            let text = |name: &str| change[name].as_str().unwrap().to_owned();
            let scope = change["Scope"][0].as_str().unwrap();
            format!("{} {} {scope}", text("Action"), text("LogicalResourceId"))
        });
        let changes: Vec<String> = changes.collect();
        assert_eq!(changes, expected.unwrap_or_default(), "{name}");
        assert_eq!(described["Status"] == "CREATE_COMPLETE", expected.is_some(), "{name}");

        let input = json!({"StackName": "s", "TemplateBody": after.to_string(), "Parameters": parameters});
        let outcome = cloud.call("UpdateStack", &input).map_err(|error| error.message);
        cloud.settle();
        match expected {
            None => assert_eq!(outcome.unwrap_err(), "No updates are to be performed.", "{name}"),
            Some(_) => assert_eq!(cloud.status("s"), "UPDATE_COMPLETE", "{name}"),
        }
        // Whatever CloudFormation alone keeps is nothing to ask of a resource.
        let calls: &[&str] = if name.ends_with("a resource uses") {
            &["update A a-1"]
        } else {
            &[]
        };
        assert_eq!(cloud.world.log, calls, "{name}");
    }
}

/// `Name` gets the value b, `Name=value` that one.
fn parameter(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    let (key, value) = text.split_once('=').unwrap_or((text, "b"));
    json!({"ParameterKey": key, "ParameterValue": value})
}

/// The same template in other bytes: what is deployed comes back byte for byte.
fn bytes(size: u32) -> String {
    format!(
        "{{ \"Resources\" : {{\n\t\"A\": {{ \"Type\": \"AWS::X::Y\", \"Properties\": {{ \"Size\": {size}.0e0, \"Name\": \"n{size}\" }} }},\r\n\
         \t\"B\": {{ \"Type\": \"AWS::X::Y\", \"Properties\": {{ \"Of\": {{ \"Ref\": \"A\" }}, \"Size\": \"\\u00e4 {size}\" }} }} }} }}\n"
    )
}

impl Cloud {
    fn template_of(&mut self, stack: &str) -> String {
        let input = json!({"StackName": stack, "TemplateStage": "Original"});
        self.ok("GetTemplate", &input)["TemplateBody"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn update_to(&mut self, body: &str) {
        self.ok("UpdateStack", &json!({"StackName": "s", "TemplateBody": body}));
    }
}

fn created() -> Cloud {
    let mut cloud = Cloud::new();
    cloud.ok("CreateStack", &json!({"StackName": "s", "TemplateBody": bytes(1)}));
    cloud.settle();
    cloud
}

/// A cancellation succeeds until the cleanup begins, and is refused from then on
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html>).
#[test]
fn an_update_is_cancelled_at_any_point_before_its_cleanup() {
    let (mut cancelled, mut refused) = (0, 0);
    for steps in 0.. {
        let mut cloud = created();
        cloud.update_to(&bytes(2));
        if !(0..steps).all(|_| cloud.advance()) {
            break;
        }
        let before = cloud.status("s");
        let outcome = cloud.call("CancelUpdateStack", &json!({"StackName": "s"}));
        cloud.settle();
        if before == "UPDATE_IN_PROGRESS" {
            outcome.unwrap();
            cancelled += 1;
            assert_eq!(cloud.status("s"), "UPDATE_ROLLBACK_COMPLETE", "after {steps} steps");
            assert_eq!(cloud.template_of("s"), bytes(1), "after {steps} steps");
        } else {
            assert_eq!(
                outcome.unwrap_err().message,
                "CancelUpdateStack cannot be called from current stack status"
            );
            refused += 1;
            assert_eq!(cloud.status("s"), "UPDATE_COMPLETE", "after {steps} steps");
            assert_eq!(cloud.template_of("s"), bytes(2), "after {steps} steps");
        }
        assert_eq!(cloud.world.things.len(), 2, "after {steps} steps");
        // What is there is what the template says: the same one is no change.
        let body = cloud.template_of("s");
        let again = cloud.call("UpdateStack", &json!({"StackName": "s", "TemplateBody": body}));
        assert_eq!(
            again.unwrap_err().message,
            "No updates are to be performed.",
            "after {steps} steps"
        );
    }
    assert!(cancelled > 3 && refused > 0, "{cancelled} {refused}");
}

#[test]
fn a_rollback_that_failed_and_continued_ends_with_the_bytes_from_before() {
    for skip in [false, true] {
        let mut cloud = created();
        // B's update is refused, and on the way back so is what undoes A's.
        let mut changed: Value = serde_json::from_str(&bytes(1)).unwrap();
        changed["Resources"]["A"]["Properties"]["Size"] = json!(2);
        changed["Resources"]["B"]["Properties"]["Size"] = json!(2);
        cloud.script("A", "update", &[Behaviour::After(0), Behaviour::Refused("no way back")]);
        cloud.script("B", "update", &[Behaviour::Refused("no")]);
        cloud.update_to(&changed.to_string());
        cloud.settle();
        assert_eq!(cloud.status("s"), "UPDATE_ROLLBACK_FAILED");
        let skipped = if skip { json!(["A"]) } else { json!([]) };
        cloud.ok(
            "ContinueUpdateRollback",
            &json!({"StackName": "s", "ResourcesToSkip": skipped}),
        );
        cloud.settle();
        assert_eq!(
            (cloud.status("s").as_str(), cloud.template_of("s")),
            ("UPDATE_ROLLBACK_COMPLETE", bytes(1))
        );
    }
}
