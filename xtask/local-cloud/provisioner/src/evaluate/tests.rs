use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::plan::{Environment, Plan};
use crate::template::Template;
use crate::tests::World;

/// The property that an expression becomes, with parameters, mappings and conditions at hand.
fn resolve(expression: &Value) -> Result<Value, String> {
    let template = json!({
        "Parameters": {
            "Name": { "Type": "String" }, "Port": { "Type": "Number" }, "Zones": { "Type": "CommaDelimitedList" },
        },
        "Mappings": { "Sizes": { "us-east-1": { "Small": "1", "List": ["a", "b"] } } },
        "Conditions": {
            "Yes": { "Fn::Equals": [{ "Ref": "Port" }, 80] },
            "No": { "Fn::Not": [{ "Condition": "Yes" }] },
            "Both": { "Fn::And": [{ "Condition": "Yes" }, { "Condition": "No" }] },
            "Either": { "Fn::Or": [{ "Condition": "No" }, { "Fn::Equals": [{ "Fn::Sub": "${Name}!" }, "web!"] }] },
        },
        "Resources": {
            "A": { "Type": "AWS::X::Y", "Properties": { "P": expression } },
            "B": { "Type": "AWS::X::Y" },
            "Never": { "Type": "AWS::X::Y", "Condition": "No" },
        },
    });
    let parameters: BTreeMap<String, String> = [("Name", "web"), ("Port", "80"), ("Zones", "x, y")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let environment = Environment {
        account_id: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        stack_name: "s".to_owned(),
        stack_id: "arn:s".to_owned(),
        exports: BTreeMap::from([("shared".to_owned(), "exported".to_owned())]),
    };
    let plan = Template::parse(&template.to_string())
        .and_then(|template| Plan::new(&template, &parameters, &environment, &World::default()))
        .map_err(|error| error.message)?;
    Ok(plan.resources["A"].properties.get("P").cloned().unwrap_or_default())
}

#[test]
fn resolves_functions() {
    let rows = [
        (json!({ "Ref": "Name" }), json!("web")),
        (json!({ "Fn::ImportValue": "shared" }), json!("exported")),
        (
            json!({ "Fn::ImportValue": "nothing" }),
            json!({ "Fn::ImportValue": "nothing" }),
        ),
        (
            json!({ "Fn::Sub": ["${X}!", { "X": { "Fn::ImportValue": "nothing" } }] }),
            json!({ "Fn::Join": ["", [{ "Fn::ImportValue": "nothing" }, "!"]] }),
        ),
        (json!({ "Ref": "Port" }), json!("80")),
        (json!({ "Ref": "Zones" }), json!(["x", "y"])),
        (json!({ "Ref": "AWS::Region" }), json!("us-east-1")),
        (json!({ "Ref": "AWS::AccountId" }), json!("123456789012")),
        (json!({ "Ref": "AWS::Partition" }), json!("aws")),
        (json!({ "Ref": "AWS::URLSuffix" }), json!("amazonaws.com")),
        (json!({ "Ref": "AWS::StackName" }), json!("s")),
        (json!({ "Ref": "AWS::StackId" }), json!("arn:s")),
        (json!({ "Ref": "AWS::NoValue" }), json!(null)),
        (
            json!(["a", { "Ref": "AWS::NoValue" }, { "k": { "Ref": "AWS::NoValue" }, "l": 1 }]),
            json!(["a", { "l": 1 }]),
        ),
        (
            json!({ "Fn::Sub": "${Name}:${Port} ${!Literal} $x" }),
            json!("web:80 ${Literal} $x"),
        ),
        (
            json!({ "Fn::Sub": ["${Name}-${Own}", { "Own": { "Ref": "Port" }, "Name": "mine" }] }),
            json!("mine-80"),
        ),
        (
            json!({ "Fn::Join": ["-", ["a", { "Ref": "Port" }, 3, true]] }),
            json!("a-80-3-true"),
        ),
        (json!({ "Fn::Join": ["+", { "Ref": "Zones" }] }), json!("x+y")),
        (json!({ "Fn::Select": ["1", { "Ref": "Zones" }] }), json!("y")),
        (json!({ "Fn::Select": [0, { "Fn::Split": ["|", "a|b"] }] }), json!("a")),
        (
            json!({ "Fn::GetAZs": "" }),
            json!(["us-east-1a", "us-east-1b", "us-east-1c"]),
        ),
        (
            json!({ "Fn::GetAZs": { "Ref": "AWS::Region" } }),
            json!(["us-east-1a", "us-east-1b", "us-east-1c"]),
        ),
        (json!({ "Fn::Base64": "hi" }), json!("aGk=")),
        (
            json!({ "Fn::FindInMap": ["Sizes", { "Ref": "AWS::Region" }, "Small"] }),
            json!("1"),
        ),
        (
            json!({ "Fn::FindInMap": ["Sizes", "us-east-1", "List"] }),
            json!(["a", "b"]),
        ),
        (json!({ "Fn::If": ["Yes", "then", { "Ref": "Never" }] }), json!("then")),
        (
            json!({ "Fn::If": ["No", "then", { "Ref": "AWS::NoValue" }] }),
            json!(null),
        ),
        (
            json!({ "Fn::If": ["Both", 1, { "Fn::If": ["Either", 2, 3] }] }),
            json!(2),
        ),
        (json!({ "Fn::ImportValue": { "Fn::Sub": "shared" } }), json!("exported")),
        (
            json!({ "Fn::Cidr": ["10.0.0.0/16", 3, "8"] }),
            json!(["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]),
        ),
        (
            json!({ "Fn::Select": [5, { "Fn::Cidr": ["10.0.3.7/20", 6, 9] }] }),
            json!("10.0.10.0/23"),
        ),
        (json!({ "Fn::Cidr": ["0.0.0.0/0", 1, 32] }), json!(["0.0.0.0/0"])),
        // What depends on a resource stays a function, with the rest of it resolved.
        (json!({ "Ref": "B" }), json!({ "Ref": "B" })),
        (json!({ "Fn::GetAtt": "B.Arn" }), json!({ "Fn::GetAtt": ["B", "Arn"] })),
        (
            json!({ "Fn::Sub": "${Name}/${B.Arn}" }),
            json!({ "Fn::Join": ["", ["web", "/", { "Fn::GetAtt": ["B", "Arn"] }]] }),
        ),
        (
            json!({ "Fn::Select": [0, [{ "Ref": "Port" }, { "Ref": "B" }]] }),
            json!("80"),
        ),
        (
            json!({ "Fn::Base64": { "Ref": "B" } }),
            json!({ "Fn::Base64": { "Ref": "B" } }),
        ),
        (
            json!({ "Condition": { "StringEquals": { "a": { "Ref": "Name" } } } }),
            json!({ "Condition": { "StringEquals": { "a": "web" } } }),
        ),
    ];
    for (expression, expected) in rows {
        assert_eq!(resolve(&expression), Ok(expected), "{expression}");
    }
}

#[test]
fn refuses_what_has_no_value() {
    let rows = [
        (
            json!({ "Fn::FindInMap": ["Sizes", "eu-west-1", "Small"] }),
            "Template error: Unable to get mapping for Sizes::eu-west-1::Small (in A)",
        ),
        (
            json!({ "Fn::GetAZs": "eu-west-1" }),
            "Template error: the local cloud is the region us-east-1; Fn::GetAZs can't list those of eu-west-1 (in A)",
        ),
        (
            json!({ "Fn::Cidr": ["10.0.0.0/24", 2, 8] }),
            "Template error: Fn::Cidr: 2 blocks of 2^8 addresses don't fit into 10.0.0.0/24 (in A)",
        ),
        (
            json!({ "Fn::Cidr": ["10.0.0.0/33", 1, 8] }),
            "Template error: Fn::Cidr takes an IPv4 block such as 10.0.0.0/16, not `10.0.0.0/33` (in A)",
        ),
        (
            json!({ "Fn::Cidr": ["::/8", 1, 8] }),
            "Template error: Fn::Cidr takes an IPv4 block such as 10.0.0.0/16, not `::/8` (in A)",
        ),
        (
            json!({ "Fn::If": ["No", "then", { "Ref": "Never" }] }),
            "Template format error: Unresolved resource dependencies [Never] in the Resources block of the template",
        ),
        (
            json!({ "Fn::Sub": "${Name" }),
            "Template error: Fn::Sub `${Name` has a `${` without a `}`",
        ),
        (
            json!({ "Fn::Split": ["", "a"] }),
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split. (in A)",
        ),
    ];
    for (expression, expected) in rows {
        assert_eq!(resolve(&expression), Err(expected.to_owned()), "{expression}");
    }
}
