//! What is refused, in which words. Nothing is ignored in silence.

use serde_json::{Value, json};

use super::life::service;
use super::{Cloud, check_error};

fn check(template: &Value, expected: &str) {
    check_error(
        "CreateStack",
        &json!({ "StackName": "s", "TemplateBody": template.to_string() }),
        expected,
    );
}

fn with_property(value: &Value) -> Value {
    json!({ "Resources": { "A": { "Type": "AWS::X::Y", "Properties": { "P": value } }, "B": { "Type": "AWS::X::Y" } } })
}

#[test]
fn refuses_templates_by_name() {
    let resource = json!({ "A": { "Type": "AWS::X::Y" } });
    let rows = [
        (
            json!({}),
            "Template format error: At least one Resources member must be defined.",
        ),
        (
            json!({ "Resources": resource, "Rules": {} }),
            "Template format error: the local cloud doesn't support the section Rules; remove it from the template",
        ),
        (
            json!({ "Resources": resource, "Transform": "AWS::Serverless-2016-10-31" }),
            "Template format error: the local cloud doesn't support the section Transform; remove it from the template",
        ),
        (
            json!({ "Resources": resource, "Resource": {} }),
            "Invalid template property or properties [Resource]",
        ),
        (
            json!({ "Resources": resource, "AWSTemplateFormatVersion": "2011-01-01" }),
            "Template format error: AWSTemplateFormatVersion must be \"2010-09-09\", not \"2011-01-01\"",
        ),
        (
            json!({ "Resources": { "A": {} } }),
            "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
        ),
        (
            json!({ "Resources": { "a-b": { "Type": "AWS::X::Y" } } }),
            "Template format error: Resource name a-b is non alphanumeric.",
        ),
        (
            json!({ "Resources": { "A": { "Type": "Custom::Z" } } }),
            "Template format error: Unrecognized resource types: [Custom::Z]; the local cloud doesn't support them: A (Custom::Z)",
        ),
        (
            json!({ "Resources": { "A": { "Type": "AWS::X::Y", "CreationPolicy": {} } } }),
            "Template format error: the local cloud doesn't support the attribute CreationPolicy of resource A; remove it",
        ),
        (
            json!({ "Resources": { "A": { "Type": "AWS::X::Y", "Propertys": {} } } }),
            "Invalid template resource property 'Propertys' of resource A",
        ),
        (
            json!({ "Resources": { "A": { "Type": "AWS::X::Y", "DeletionPolicy": "Snapshot" } } }),
            "Template format error: [/Resources/A/DeletionPolicy] the local cloud makes no snapshots; use Delete or Retain",
        ),
        (
            json!({ "Resources": { "A": { "Type": "AWS::X::Y", "DependsOn": "Nil" } } }),
            "Template format error: Unresolved resource dependencies [Nil] in the Resources block of the template",
        ),
        (
            json!({ "Resources": { "A": { "Type": "AWS::X::Y", "Condition": "Nil" } } }),
            "Template format error: Unresolved condition dependency Nil in the Resources block of the template",
        ),
        (
            json!({ "Resources": resource, "Outputs": { "O": { "Value": { "Ref": "Nil" } } } }),
            "Template format error: Unresolved resource dependencies [Nil] in the Outputs block of the template",
        ),
        (
            json!({ "Resources": resource, "Outputs": { "O": {} } }),
            "Template format error: [/Outputs/O] must contain a Value member.",
        ),
        (
            json!({ "Resources": { "A": { "Type": "AWS::X::Y", "DependsOn": "B" }, "B": { "Type": "AWS::X::Y", "Properties": { "P": { "Ref": "A" } } }, "C": { "Type": "AWS::X::Y", "DependsOn": "A" } } }),
            "Circular dependency between resources: [A, B]",
        ),
        (
            json!({ "Resources": resource, "Parameters": { "P": { "Type": "AWS::SSM::Parameter::Value<String>" } } }),
            "Template format error: parameter P has the type AWS::SSM::Parameter::Value<String>, which the local cloud doesn't support; use String, Number, CommaDelimitedList or List<Number>",
        ),
        (
            json!({ "Resources": resource, "Parameters": { "P": { "Type": "String" } } }),
            "Parameters: [P] must have values",
        ),
        (
            json!({ "Resources": resource, "Conditions": { "C": { "Condition": "D" }, "D": { "Condition": "C" } } , "Outputs": { "O": { "Value": "v", "Condition": "C" } } }),
            "Template format error: Circular dependency between conditions at C",
        ),
    ];
    for (template, expected) in rows {
        check(&template, &format!("ValidationError: {expected}"));
    }
}

#[test]
fn refuses_functions_by_name() {
    let rows = [
        (
            json!({ "Fn::Length": [1] }),
            "Template format error: [/Resources/A/Properties/P] Fn::Length needs the transform AWS::LanguageExtensions, which the local cloud doesn't support",
        ),
        (
            json!([{ "Fn::Foo": 1 }]),
            "Template error: Encountered unsupported function: Fn::Foo at [/Resources/A/Properties/P/0]. Supported functions are: [Ref, Fn::And, Fn::Base64, Fn::Cidr, Fn::Equals, Fn::FindInMap, Fn::GetAZs, Fn::GetAtt, Fn::If, Fn::ImportValue, Fn::Join, Fn::Not, Fn::Or, Fn::Select, Fn::Split, Fn::Sub]",
        ),
        (
            json!({ "Ref": "Nil" }),
            "Template format error: Unresolved resource dependencies [Nil] in the Resources block of the template",
        ),
        (
            json!({ "Fn::Sub": "${Nil}" }),
            "Template format error: Unresolved resource dependencies [Nil] in the Resources block of the template",
        ),
        (
            json!({ "Fn::GetAtt": ["Nil", "Arn"] }),
            "Template error: instance of Fn::GetAtt references undefined resource Nil",
        ),
        (
            json!({ "Fn::GetAtt": "B.Colour" }),
            "Template error: resource B does not support attribute type Colour in Fn::GetAtt",
        ),
        (
            json!({ "Fn::Sub": "${B.Colour}" }),
            "Template error: resource B does not support attribute type Colour in Fn::GetAtt",
        ),
        (
            json!({ "Ref": "B", "More": 1 }),
            "Template format error: [/Resources/A/Properties/P] an object with the function Ref must have no other key",
        ),
        (
            json!({ "Fn::If": ["Nil", 1, 2] }),
            "Template format error: Unresolved condition dependency Nil in the Resources block of the template",
        ),
        (
            json!({ "Fn::Equals": [1, 2] }),
            "Template format error: [/Resources/A/Properties/P] Fn::Equals may be used in the section Conditions only; name the condition in Fn::If",
        ),
        (
            json!({ "Fn::FindInMap": ["M", "a", "b"] }),
            "Template error: Mapping named 'M' is not present in the 'Mappings' section of template.",
        ),
        (
            json!({ "Fn::Select": ["3", ["a"]] }),
            "Template error: Fn::Select cannot select nonexistent value at index 3 (in A)",
        ),
        (
            json!("{{resolve:ssm:x}}"),
            "Template format error: [/Resources/A/Properties/P] the local cloud doesn't support dynamic references; give the value itself instead of `{{resolve:ssm:x}}`",
        ),
        (
            json!(null),
            "Template format error: [/Resources/A/Properties/P] 'null' values are not allowed in templates",
        ),
        (json!({ "Ref": "A" }), "Circular dependency between resources: [A]"),
    ];
    for (value, expected) in rows {
        check(&with_property(&value), &format!("ValidationError: {expected}"));
    }
}

#[test]
fn refuses_what_is_not_strict_json() {
    let rows = [
        (
            "Resources:\n  A:\n    Type: AWS::X::Y\n",
            "Template format error: the local cloud reads templates as JSON, and this one isn't a JSON object; convert it first, for example with `cfn-flip --json`",
        ),
        (
            "{\"Resources\": {}\n",
            "Template format error: JSON not well-formed. (line 2, column 0): EOF while parsing an object",
        ),
        (
            "{\"Resources\": {},\n \"Resources\": {}}",
            "Template format error: JSON not well-formed. (line 2, column 17): key `Resources` is given twice",
        ),
    ];
    for (text, expected) in rows {
        check_error(
            "ValidateTemplate",
            &json!({ "TemplateBody": text }),
            &format!("ValidationError: {expected}"),
        );
    }
    let long = json!({ "TemplateBody": format!("{{{}}}", " ".repeat(51_200)) });
    check_error(
        "ValidateTemplate",
        &long,
        "ValidationError: 1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
    );
}

#[test]
fn refuses_parameters_that_do_not_fit() {
    let declaration =
        |members: Value| json!({ "Resources": { "A": { "Type": "AWS::X::Y" } }, "Parameters": { "P": members } });
    let rows = [
        (
            json!({ "Type": "String", "AllowedValues": ["a", "b"] }),
            "c",
            "Parameter 'P' must be one of AllowedValues [a, b]",
        ),
        (
            json!({ "Type": "String", "AllowedPattern": "[a-z]+" }),
            "a1",
            "Parameter 'P' must match pattern [a-z]+",
        ),
        (
            json!({ "Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "letters only" }),
            "a1",
            "Parameter P failed to satisfy constraint: letters only",
        ),
        (
            json!({ "Type": "String", "MinLength": "2" }),
            "a",
            "Parameter 'P' must contain at least 2 characters",
        ),
        (
            json!({ "Type": "String", "MaxLength": 2 }),
            "abc",
            "Parameter 'P' must contain at most 2 characters",
        ),
        (json!({ "Type": "Number" }), "x", "Parameter 'P' must be a number"),
        (
            json!({ "Type": "Number", "MinValue": 2 }),
            "1.5",
            "Parameter 'P' must be a number not less than 2",
        ),
        (
            json!({ "Type": "Number", "MaxValue": 2 }),
            "3",
            "Parameter 'P' must be a number not greater than 2",
        ),
        (
            json!({ "Type": "List<Number>" }),
            "1, x",
            "Parameter 'P' must be a number",
        ),
        (
            json!({ "Type": "String", "AllowedPatern": "x" }),
            "a",
            "Template format error: [/Parameters/P] Invalid template property or properties [AllowedPatern]",
        ),
    ];
    for (members, value, expected) in rows {
        let input = json!({
            "StackName": "s", "TemplateBody": declaration(members).to_string(),
            "Parameters": [{ "ParameterKey": "P", "ParameterValue": value }],
        });
        check_error("CreateStack", &input, &format!("ValidationError: {expected}"));
    }
    let rows = [
        (
            json!([{ "ParameterKey": "Q", "ParameterValue": "x" }]),
            "Parameters: [Q] do not exist in the template",
        ),
        (
            json!([{ "ParameterKey": "P", "UsePreviousValue": "true" }]),
            "Invalid input for parameter key P. Cannot specify usePreviousValue as true for a parameter key not in the previous template",
        ),
        (
            json!([{ "ParameterKey": "P" }]),
            "Parameter P has neither ParameterValue nor UsePreviousValue",
        ),
    ];
    for (parameters, expected) in rows {
        let input = json!({ "StackName": "s", "TemplateBody": declaration(json!({ "Type": "String" })).to_string(), "Parameters": parameters });
        check_error("CreateStack", &input, &format!("ValidationError: {expected}"));
    }
}

#[test]
fn asks_for_capabilities() {
    let role = |properties: Value| {
        json!({ "Resources": { "A": { "Type": "AWS::IAM::Role", "Properties": properties } } }).to_string()
    };
    let rows = [
        (json!({}), json!([]), Some("CAPABILITY_IAM")),
        (json!({}), json!(["CAPABILITY_IAM"]), None),
        (json!({}), json!(["CAPABILITY_NAMED_IAM"]), None),
        (
            json!({ "RoleName": "x" }),
            json!(["CAPABILITY_IAM"]),
            Some("CAPABILITY_NAMED_IAM"),
        ),
        (json!({ "RoleName": "x" }), json!(["CAPABILITY_NAMED_IAM"]), None),
    ];
    for (properties, capabilities, missing) in rows {
        let input = json!({ "StackName": "s", "TemplateBody": role(properties), "Capabilities": capabilities });
        let answer = Cloud::new().call("CreateStack", &input);
        let expected =
            missing.map(|name| format!("InsufficientCapabilitiesException: Requires capabilities : [{name}]"));
        assert_eq!(answer.err().map(|error| error.to_string()), expected);
    }
}

#[test]
fn refuses_calls_and_members_by_name() {
    let body = service("v1").to_string();
    let rows = [
        (
            "DetectStackResourceDrift",
            json!({}),
            "InvalidAction: the local cloud doesn't implement the CloudFormation action DetectStackResourceDrift; run it against AWS",
        ),
        (
            "CreateStack",
            json!({ "StackName": "s", "TemplateBody": body, "NotificationARNs": ["arn"] }),
            "ValidationError: the local cloud doesn't support the parameter NotificationARNs of CreateStack; leave it out",
        ),
        (
            "CreateStack",
            json!({ "StackName": "s", "TemplateURL": "https://x" }),
            "ValidationError: the local cloud doesn't support the parameter TemplateURL of CreateStack; leave it out",
        ),
        (
            "CreateStack",
            json!({ "StackName": "s" }),
            "ValidationError: Either Template URL or Template Body must be specified.",
        ),
        (
            "CreateStack",
            json!({ "TemplateBody": body }),
            "ValidationError: 1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateStack",
            json!({ "StackName": "1x", "TemplateBody": body }),
            "ValidationError: 1 validation error detected: Value '1x' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        ),
        (
            "CreateStack",
            json!({ "StackName": "s", "TemplateBody": body, "OnFailure": "PANIC" }),
            "ValidationError: PANIC is not a value for the parameter OnFailure of CreateStack",
        ),
        (
            "CreateStack",
            json!({ "StackName": "s", "TemplateBody": body, "TimeoutInMinutes": "18446744073709551615" }),
            "ValidationError: TimeoutInMinutes must be from 1 to 525600, not 18446744073709551615",
        ),
        (
            "UpdateStack",
            json!({ "StackName": "s", "TemplateBody": body }),
            "ValidationError: Stack [s] does not exist",
        ),
        (
            "CreateChangeSet",
            json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": body }),
            "ValidationError: Stack [s] does not exist",
        ),
        (
            "CreateChangeSet",
            json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": body, "ChangeSetType": "IMPORT" }),
            "ValidationError: the local cloud doesn't support the ChangeSetType IMPORT; it has nothing that no stack made",
        ),
        (
            "DescribeStacks",
            json!({ "StackName": "s" }),
            "ValidationError: Stack with id s does not exist",
        ),
        (
            "DescribeStackEvents",
            json!({ "StackName": "s" }),
            "ValidationError: Stack [s] does not exist",
        ),
        (
            "DescribeChangeSet",
            json!({ "ChangeSetName": "c" }),
            "ValidationError: StackName must be specified if ChangeSetName is not specified as an ARN.",
        ),
    ];
    for (operation, input, expected) in rows {
        check_error(operation, &input, expected);
    }
    // Members that say nothing are no reason to refuse.
    let input = json!({ "StackName": "s", "TemplateBody": body, "NotificationARNs": [], "StackPolicyBody": "" });
    Cloud::new().ok("CreateStack", &input);
}

#[test]
fn a_stack_in_progress_takes_no_update() {
    let mut cloud = Cloud::new();
    let id = cloud.ok(
        "CreateStack",
        &json!({ "StackName": "s", "TemplateBody": service("v1").to_string() }),
    )["StackId"]
        .as_str()
        .unwrap()
        .to_owned();
    let input = json!({ "StackName": "s", "ChangeSetName": "c", "TemplateBody": service("v2").to_string() });
    let error = cloud.call("CreateChangeSet", &input).unwrap_err();
    assert_eq!(
        error.message,
        format!("Stack:{id} is in CREATE_IN_PROGRESS state and can not be updated.")
    );
}

#[test]
fn a_resource_cannot_change_its_type() {
    let template = |type_name: &str| json!({ "Resources": { "A": { "Type": type_name } } });
    let mut cloud = Cloud::new();
    cloud.create("s", &template("AWS::X::Y"));
    let error = cloud
        .call(
            "UpdateStack",
            &json!({ "StackName": "s", "TemplateBody": template("AWS::X::Z").to_string() }),
        )
        .unwrap_err();
    assert_eq!(
        error.message,
        "Update of resource type is not permitted. The new template modifies resource type of the following resources: [A]"
    );
}

#[test]
fn a_property_that_turns_out_wrong_fails_its_resource() {
    let template = json!({ "Resources": {
        "A": { "Type": "AWS::X::Y", "Properties": { "Size": "hu" } },
        "B": { "Type": "AWS::X::Y", "Properties": { "Size": { "Fn::Sub": "${A.Size}ge" } } },
    }});
    let mut cloud = Cloud::new();
    cloud.create("s", &template);
    assert_eq!(cloud.status("s"), "ROLLBACK_COMPLETE");
    assert!(
        cloud
            .events("s")
            .contains("Properties validation failed for resource B with message: Size: must not be huge")
    );
    assert!(cloud.world.things.is_empty());
}
