//! What a change set would do, and how that is shown before it is done.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::properties::{self, PropertyChange};
use crate::table;

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// It is deleted.
    Delete,
    /// A new one takes its place and the old one is deleted.
    Replace,
    /// It may be replaced: CloudFormation knows only once it resolves what the property depends on.
    MayReplace,
    /// It is changed in place.
    Modify,
    /// It is created.
    Create,
    /// It joins or leaves the stack without being touched, or CloudFormation can't tell.
    Other,
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Delete => "DELETE",
            Self::Replace => "REPLACE",
            Self::MayReplace => "may replace",
            Self::Modify => "modify",
            Self::Create => "create",
            Self::Other => "other",
        })
    }
}

/// One resource's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// What happens to it.
    pub(crate) effect: Effect,
    /// The name in the template.
    pub(crate) logical_id: String,
    /// The type, `AWS::ECS::Service`.
    pub(crate) resource_type: String,
    /// The properties that cause it.
    pub(crate) causes: Vec<String>,
    /// The properties that change, in the order of their paths.
    pub(crate) properties: Vec<PropertyChange>,
}

impl Change {
    /// The change for programs.
    pub(crate) fn record(&self) -> Value {
        let property =
            |change: &PropertyChange| json!({"path": change.path, "before": change.before, "after": change.after});
        json!({
            "effect": self.effect.to_string().to_lowercase(),
            "logical_id": self.logical_id,
            "resource_type": self.resource_type,
            "causes": self.causes,
            "properties": self.properties.iter().map(property).collect::<Vec<_>>(),
        })
    }
}

/// The effect of a change set's action and its replacement, by CloudFormation's words.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>
pub(crate) fn effect(action: &str, replacement: Option<&str>) -> Effect {
    match (action, replacement) {
        ("Add", _) => Effect::Create,
        ("Remove", _) => Effect::Delete,
        ("Modify", Some("True")) => Effect::Replace,
        ("Modify", Some("Conditional")) => Effect::MayReplace,
        ("Modify", _) => Effect::Modify,
        _ => Effect::Other,
    }
}

/// What a change is about, for people who must look at some changes harder than at others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Who may do what.
    Rights,
    /// Who may reach what.
    Reach,
    /// Everything else.
    Else,
}

impl About {
    fn of(change: &Change) -> Self {
        match change.resource_type.as_str() {
            of_type if of_type.starts_with("AWS::IAM::") => Self::Rights,
            of_type if of_type.starts_with("AWS::EC2::SecurityGroup") => Self::Reach,
            _ => Self::Else,
        }
    }

    fn heading(self) -> Option<&'static str> {
        match self {
            Self::Rights => Some("who may do what (IAM):"),
            Self::Reach => Some("who may reach what (security groups):"),
            Self::Else => None,
        }
    }
}

/// Renders a change set for people: tables with what is destroyed first, rights and security groups apart, then the
/// properties of what is modified, and a sentence that names again what is destroyed.
pub(crate) fn render(stack_name: &str, changes: &[Change]) -> String {
    let changes = in_order(changes);
    let mut lines = vec![format!("{stack_name}: {}", summary(&changes))];
    for about in [About::Else, About::Rights, About::Reach] {
        let of_it = changes.iter().filter(|change| About::of(change) == about);
        let rows: Vec<Vec<String>> = of_it.map(|change| row(change)).collect();
        if rows.is_empty() {
            continue;
        }
        lines.extend(about.heading().map(ToOwned::to_owned));
        lines.push(table::render(&["CHANGE", "RESOURCE", "TYPE", "BECAUSE OF"], &rows));
    }
    lines.extend(modified(&changes));
    lines.extend(destruction(&changes));
    lines.join("\n")
}

/// As [`render`], for whoever has agreed already: what is created alone by kinds and not by names.
pub(crate) fn render_agreed(stack_name: &str, changes: &[Change]) -> String {
    if changes.len() <= FEW || changes.iter().any(|change| change.effect != Effect::Create) {
        return render(stack_name, changes);
    }
    let types = changes.iter().map(|change| change.resource_type.as_str());
    format!("{stack_name}: {} to create ({})", changes.len(), by_kind(types))
}

/// So many resources are named without being asked.
const FEW: usize = 10;

/// How many resources of each kind, which is the service in `AWS::<service>::<resource>`; what is most comes first.
pub(crate) fn by_kind<'a>(types: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for resource_type in types {
        let kind = resource_type.split("::").nth(1).unwrap_or(resource_type);
        *counts.entry(kind).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let words = counts.iter().map(|(kind, count)| format!("{count} {kind}"));
    words.collect::<Vec<_>>().join(", ")
}

/// The properties of what is there already and changes.
fn modified(changes: &[&Change]) -> Vec<String> {
    let existing = changes
        .iter()
        .filter(|change| matches!(change.effect, Effect::Modify | Effect::Replace | Effect::MayReplace));
    let differing = existing.filter(|change| !change.properties.is_empty());
    let lines = differing.flat_map(|change| {
        let properties = change.properties.iter().map(properties::render);
        std::iter::once(format!("{}:", change.logical_id)).chain(properties.map(|property| format!("  {property}")))
    });
    lines.collect()
}

/// Renders a change set for people, property by property, each whole: who asks for differences wants to read them.
pub(crate) fn render_properties(stack_name: &str, changes: &[Change]) -> String {
    let changes = in_order(changes);
    let mut lines = vec![format!("{stack_name}: {}", summary(&changes))];
    for change in &changes {
        lines.push(format!(
            "{} {} ({})",
            change.effect, change.logical_id, change.resource_type
        ));
        lines.extend(
            change
                .properties
                .iter()
                .map(|property| format!("  {}", properties::render_whole(property))),
        );
    }
    lines.extend(destruction(&changes));
    lines.join("\n")
}

/// What is destroyed first.
fn in_order(changes: &[Change]) -> Vec<&Change> {
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by(|a, b| (a.effect, &a.logical_id).cmp(&(b.effect, &b.logical_id)));
    changes
}

fn row(change: &Change) -> Vec<String> {
    vec![
        change.effect.to_string(),
        change.logical_id.clone(),
        change.resource_type.clone(),
        change.causes.join(", "),
    ]
}

fn summary(changes: &[&Change]) -> String {
    let count = |effect| changes.iter().filter(|change| change.effect == effect).count();
    let counts = [
        (count(Effect::Create), "to create"),
        (count(Effect::Modify), "to modify"),
        (count(Effect::MayReplace), "may be replaced"),
        (count(Effect::Replace), "to replace"),
        (count(Effect::Delete), "to delete"),
        (count(Effect::Other), "other"),
    ];
    let said: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if said.is_empty() {
        "outputs or settings of the stack only".to_owned()
    } else {
        said.join(", ")
    }
}

fn destruction(changes: &[&Change]) -> Vec<String> {
    let names = |effect| {
        let named = changes.iter().filter(move |change| change.effect == effect);
        named
            .map(|change| change.logical_id.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let sentences = [
        (names(Effect::Delete), "deleted"),
        (
            names(Effect::Replace),
            "replaced: created anew, and the old one deleted",
        ),
        (
            names(Effect::MayReplace),
            "replaced if CloudFormation finds that it must, which it knows only while it runs",
        ),
    ];
    sentences
        .into_iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, what)| format!("{names} will be {what}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, replacement: Option<&str>, logical_id: &str, causes: &[&str]) -> Change {
        Change {
            effect: effect(action, replacement),
            logical_id: logical_id.to_owned(),
            resource_type: "AWS::ECS::TaskDefinition".to_owned(),
            causes: causes.iter().map(ToString::to_string).collect(),
            properties: Vec::new(),
        }
    }

    #[test]
    fn what_is_destroyed_comes_first_and_is_named_again() {
        let changes = [
            change("Add", None, "Alarm", &[]),
            change("Modify", Some("False"), "Service", &["TaskDefinition"]),
            change(
                "Modify",
                Some("True"),
                "OneboxTaskDefinition",
                &["ContainerDefinitions"],
            ),
            change("Modify", Some("Conditional"), "Listener", &["Port", "Protocol"]),
            change("Remove", None, "OldQueue", &[]),
        ];
        insta::assert_snapshot!(render("Example", &changes), @"
        Example: 1 to create, 1 to modify, 1 may be replaced, 1 to replace, 1 to delete
        CHANGE       RESOURCE              TYPE                      BECAUSE OF
        DELETE       OldQueue              AWS::ECS::TaskDefinition
        REPLACE      OneboxTaskDefinition  AWS::ECS::TaskDefinition  ContainerDefinitions
        may replace  Listener              AWS::ECS::TaskDefinition  Port, Protocol
        modify       Service               AWS::ECS::TaskDefinition  TaskDefinition
        create       Alarm                 AWS::ECS::TaskDefinition
        OldQueue will be deleted
        OneboxTaskDefinition will be replaced: created anew, and the old one deleted
        Listener will be replaced if CloudFormation finds that it must, which it knows only while it runs
        ");
    }

    #[test]
    fn what_was_agreed_to_is_told_by_kinds() {
        let mut changes: Vec<Change> = (0..12)
            .map(|number| change("Add", None, &format!("Task{number}"), &[]))
            .collect();
        changes[3].resource_type = "AWS::IAM::Role".to_owned();
        insta::assert_snapshot!(render_agreed("Example", &changes), @"Example: 12 to create (11 ECS, 1 IAM)");
        changes[4].effect = Effect::Delete;
        assert_eq!(render_agreed("Example", &changes), render("Example", &changes));
        assert_eq!(
            render_agreed("Example", &changes[..3]),
            render("Example", &changes[..3])
        );
    }

    #[test]
    fn rights_and_security_groups_stand_apart_with_what_changes_in_them() {
        let mut role = change("Modify", Some("False"), "TaskRole", &["Policies"]);
        role.resource_type = "AWS::IAM::Role".to_owned();
        role.properties = properties::within("/Properties/Policies/0/Action", Some("s3:Get*"), Some("s3:*"));
        let mut group = change("Modify", Some("False"), "TaskSecurityGroup", &["SecurityGroupIngress"]);
        group.resource_type = "AWS::EC2::SecurityGroup".to_owned();
        let changes = [role, group, change("Add", None, "Alarm", &[])];
        insta::assert_snapshot!(render("Example", &changes), @"
        Example: 1 to create, 2 to modify
        CHANGE  RESOURCE  TYPE                      BECAUSE OF
        create  Alarm     AWS::ECS::TaskDefinition
        who may do what (IAM):
        CHANGE  RESOURCE  TYPE            BECAUSE OF
        modify  TaskRole  AWS::IAM::Role  Policies
        who may reach what (security groups):
        CHANGE  RESOURCE           TYPE                     BECAUSE OF
        modify  TaskSecurityGroup  AWS::EC2::SecurityGroup  SecurityGroupIngress
        TaskRole:
          ~ Policies/0/Action: s3:Get* → s3:*
        ");
    }

    #[test]
    fn properties_stand_under_their_resource() {
        let mut modified = change("Modify", Some("True"), "OneboxTaskDefinition", &["Cpu"]);
        modified.properties = properties::within("/Properties/Cpu", Some("256"), Some("512"));
        let mut other = change("Modify", None, "Service", &["Metadata"]);
        other.properties = properties::within("Metadata", None, None);
        let changes = [other, modified];
        insta::assert_snapshot!(render_properties("Example", &changes), @"
        Example: 1 to modify, 1 to replace
        REPLACE OneboxTaskDefinition (AWS::ECS::TaskDefinition)
          ~ Cpu: 256 → 512
        modify Service (AWS::ECS::TaskDefinition)
          ~ Metadata
        OneboxTaskDefinition will be replaced: created anew, and the old one deleted
        ");
        insta::assert_snapshot!(changes[1].record(), @r#"{"effect":"replace","logical_id":"OneboxTaskDefinition","resource_type":"AWS::ECS::TaskDefinition","causes":["Cpu"],"properties":[{"path":"Cpu","before":"256","after":"512"}]}"#);
    }

    #[test]
    fn a_change_of_outputs_only_says_so() {
        insta::assert_snapshot!(render("Example", &[]), @"Example: outputs or settings of the stack only");
    }
}
