//! The query protocol's output: a JSON-shaped value as XML, lists as `<member>` elements.

use std::collections::BTreeMap;

use quick_xml::escape::escape;
use serde_json::Value;

/// An answer: `<OperationResponse><OperationResult>…`.
pub(crate) fn response(operation: &str, namespace: &str, output: &Value, request_id: &str) -> String {
    let mut xml = format!("<{operation}Response xmlns=\"{namespace}\">");
    element(&mut xml, &format!("{operation}Result"), output);
    xml.push_str("<ResponseMetadata>");
    element(&mut xml, "RequestId", &Value::from(request_id));
    xml.push_str("</ResponseMetadata>");
    xml.push_str("</");
    xml.push_str(operation);
    xml.push_str("Response>");
    xml
}

/// An error answer: `<ErrorResponse><Error>…`.
pub(crate) fn error(namespace: &str, sender: bool, code: &str, message: &str, request_id: &str) -> String {
    let mut xml = format!("<ErrorResponse xmlns=\"{namespace}\"><Error>");
    element(
        &mut xml,
        "Type",
        &Value::from(if sender { "Sender" } else { "Receiver" }),
    );
    element(&mut xml, "Code", &Value::from(code));
    element(&mut xml, "Message", &Value::from(message));
    xml.push_str("</Error>");
    element(&mut xml, "RequestId", &Value::from(request_id));
    xml.push_str("</ErrorResponse>");
    xml
}

/// One element; a null stands for a member that the answer doesn't have.
fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    // A map's entries stand side by side, without an element around them.
    if let ("entry", Value::Array(entries)) = (name, value) {
        for entry in entries {
            element(xml, name, entry);
        }
        return;
    }
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    match value {
        Value::Object(members) => {
            // The order of a JSON object depends on a feature that any crate of a build may turn on.
            let sorted: BTreeMap<_, _> = members.iter().collect();
            for (name, member) in sorted {
                element(xml, name, member);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| element(xml, "member", item)),
        Value::String(text) => xml.push_str(&escape(printable(text))),
        other => xml.push_str(&other.to_string()),
    }
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

/// Without the control characters that XML 1.0 has no way to say.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t' | '\r'))
        .filter(|character| !matches!(character, '\u{fffe}' | '\u{ffff}'))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_become_elements() {
        let output = json!({"Stacks": [{"StackName": "a<b>&\u{1b}", "Enabled": true, "Count": 3, "Nothing": null}], "Empty": []});
        insta::assert_snapshot!(response("DescribeStacks", "urn:x", &output, "id"), @r#"<DescribeStacksResponse xmlns="urn:x"><DescribeStacksResult><Empty></Empty><Stacks><member><Count>3</Count><Enabled>true</Enabled><StackName>a&lt;b&gt;&amp;</StackName></member></Stacks></DescribeStacksResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DescribeStacksResponse>"#);
        insta::assert_snapshot!(error("urn:x", true, "ValidationError", "no <such>", "id"), @r#"<ErrorResponse xmlns="urn:x"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>no &lt;such&gt;</Message></Error><RequestId>id</RequestId></ErrorResponse>"#);
    }
}
