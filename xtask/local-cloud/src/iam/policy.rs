//! Identity-based policies, judged as IAM does: what isn't allowed is denied, and a denial wins over whatever allows.
//!
//! Pure: documents and a question in, an answer out. What a policy may say is narrower here than on AWS, and
//! [`faults`] names what is more.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::BTreeMap;

use balancer::wildcard;
use serde_json::Value;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// `ecs:DescribeServices`.
    pub(crate) action: &'a str,
    /// The ARN; none where it can't be told, which fits whatever a statement says of resources.
    pub(crate) resource: Option<&'a str>,
    /// What conditions are held against.
    pub(crate) context: &'a Context,
}

/// Values of condition keys, by name in lower case: names of keys have no case.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>
pub(crate) type Context = BTreeMap<&'static str, String>;

/// What the policies of a role say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement says anything of it.
    NotAllowed,
}

/// Judges by all documents together.
pub(crate) fn judge<'a>(documents: impl IntoIterator<Item = &'a Value>, asked: Asked<'_>) -> Verdict {
    let mut verdict = Verdict::NotAllowed;
    for statement in documents.into_iter().flat_map(|document| items(&document["Statement"])) {
        match statement["Effect"].as_str() {
            Some("Allow") if concerns(statement, asked, false) => verdict = Verdict::Allowed,
            Some("Deny") if concerns(statement, asked, true) => return Verdict::Denied,
            _ => {}
        }
    }
    verdict
}

/// Whether a statement speaks of what is asked. A condition that can't be judged holds as `unknown` says.
fn concerns(statement: &Value, asked: Asked<'_>, unknown: bool) -> bool {
    // Actions have no case, resources do.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    let is_action = |pattern: &str| wildcard::matches(pattern, asked.action, true);
    let is_resource = |pattern: &str| {
        asked
            .resource
            .is_none_or(|resource| wildcard::matches(pattern, resource, false))
    };
    listed(statement, ["Action", "NotAction"], is_action)
        && listed(statement, ["Resource", "NotResource"], is_resource)
        && holds(&statement["Condition"], asked.context).unwrap_or(unknown)
}

/// Whether an element lists something, or the one that stands for all others doesn't.
fn listed(statement: &Value, [element, not_element]: [&str; 2], fits: impl Fn(&str) -> bool) -> bool {
    let any = |element: &Value| items(element).filter_map(Value::as_str).any(&fits);
    match (statement.get(element), statement.get(not_element)) {
        (Some(element), _) => any(element),
        (None, Some(others)) => !any(others),
        (None, None) => false,
    }
}

/// Whether all of a statement's conditions hold; none when an operator isn't known.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>
fn holds(condition: &Value, context: &Context) -> Option<bool> {
    let mut all = true;
    for (operator, keys) in condition.as_object().into_iter().flatten() {
        let operator = Operator::named(operator)?;
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            let actual = context.get(key.to_ascii_lowercase().as_str());
            all &= operator.holds(actual.map(String::as_str), wanted);
        }
    }
    Some(all)
}

/// How a condition compares. A key that isn't there is like nothing, and so unlike everything.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
#[derive(Debug, Clone, Copy)]
struct Operator {
    fits: fn(&str, &str) -> bool,
    is_negated: bool,
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        let (plain, is_negated) = match name.split_once("Not") {
            Some((of, how)) => (format!("{of}{how}"), true),
            None => (name.to_owned(), false),
        };
        let fits: fn(&str, &str) -> bool = match plain.as_str() {
            "StringEquals" => |wanted, actual| wanted == actual,
            "StringLike" => |wanted, actual| wildcard::matches(wanted, actual, false),
            // Both behave alike.
            "ArnEquals" | "ArnLike" => arn_fits,
            "Bool" if !is_negated => str::eq_ignore_ascii_case,
            _ => return None,
        };
        Some(Self { fits, is_negated })
    }

    fn holds(self, actual: Option<&str>, wanted: &Value) -> bool {
        let fits = actual.is_some_and(|actual| texts(wanted).any(|wanted| (self.fits)(&wanted, actual)));
        fits != self.is_negated
    }
}

/// Each of an ARN's six parts by itself.
fn arn_fits(wanted: &str, actual: &str) -> bool {
    let (mut wanted, mut actual) = (wanted.splitn(6, ':'), actual.splitn(6, ':'));
    loop {
        match (wanted.next(), actual.next()) {
            (None, None) => return true,
            (Some(wanted), Some(actual)) if wildcard::matches(wanted, actual, false) => {}
            _ => return false,
        }
    }
}

/// A list's items, or the one thing that stands for a list of it.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array();
    let one = list.is_none() && !value.is_null();
    list.into_iter().flatten().chain(one.then_some(value))
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    items(value).filter_map(|item| match item {
        Value::String(text) => Some(text.clone()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    })
}

/// What a role's inline policies say that isn't known here, each with its place. What a template has still to find out is
/// passed over.
pub(crate) fn faults(role: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, policy) in items(&role["Policies"]).enumerate() {
        for statement in items(&policy["PolicyDocument"]["Statement"]) {
            let sid = statement["Sid"].as_str().unwrap_or("without a Sid");
            let found = faults_of(statement);
            faults.extend(found.map(|fault| format!("Policies/{index}: statement {sid}: {fault}")));
        }
    }
    faults
}

fn faults_of(statement: &Value) -> impl Iterator<Item = String> {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let unknown = operators
        .filter(|(operator, _)| Operator::named(operator).is_none())
        .map(|(operator, _)| format!("the local cloud doesn't know the condition operator {operator}"));
    let values = ["Resource", "NotResource"]
        .into_iter()
        .map(|element| &statement[element]);
    let values = values.chain(
        statement["Condition"]
            .as_object()
            .into_iter()
            .flat_map(|operators| operators.values())
            .flat_map(|keys| keys.as_object().into_iter().flat_map(|keys| keys.values())),
    );
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    let variables = values
        .flat_map(texts)
        .filter(|text| text.contains("${"))
        .map(|text| format!("the local cloud doesn't know policy variables: {text}"));
    let effect = statement["Effect"].as_str();
    let effect = effect.filter(|effect| !matches!(*effect, "Allow" | "Deny"));
    let effect = effect.map(|effect| format!("Effect is Allow or Deny, and not {effect}"));
    unknown.chain(variables).chain(effect).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests;
