//! A stack in the local cloud's provisioner, whose resources are notes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::SystemTime;

use provisioner::{Operation, Progress, Provider, ResourceRequest, ResourceType, Stacks};
use serde_json::{Value, json};

use crate::staging::replacement::{create_only, known_types};
use crate::staging::tests::Case;
use crate::staging::{
    ChangeSource, Deployed, ListedAction, ListedChange, ListedDetail, Recreation, Replacement, Step, confirm,
};

const STACK: &str = "service";

static BASE: LazyLock<(Deployed, Cloud)> = LazyLock::new(|| {
    let deployed = Case::base().deployed();
    let cloud = Cloud::create(&deployed);
    (deployed, cloud)
});

/// A stack and its resources.
#[derive(Clone)]
pub(super) struct Cloud {
    stacks: Stacks,
    world: World,
}

#[derive(Clone, Default)]
struct World {
    types: BTreeMap<String, Facts>,
    things: BTreeMap<String, Thing>,
    /// The logical ids that were created, updated or deleted since the last update began.
    touched: BTreeSet<String>,
    /// What must not happen.
    faults: Vec<String>,
    made: u32,
}

#[derive(Clone)]
struct Facts {
    create_only: Vec<&'static str>,
}

#[derive(Clone)]
struct Thing {
    type_name: String,
    properties: Value,
}

impl ResourceType for Facts {
    fn create_only(&self) -> &[&str] {
        &self.create_only
    }

    fn attributes(&self) -> &[&str] {
        &[
            "AllocationId",
            "Arn",
            "DNSName",
            "GroupId",
            "LoadBalancerFullName",
            "Name",
            "TargetGroupFullName",
            "TopicName",
            "Value",
        ]
    }

    fn check(&self, _properties: &Value) -> Result<(), Vec<String>> {
        Ok(())
    }
}

impl World {
    fn begin(&mut self, request: &ResourceRequest<'_>) {
        self.touched.insert(request.logical_id.to_owned());
    }

    /// Every group that a listener forwards to is one that a service uses.
    fn watch(&mut self) {
        let of = |kind: &'static str| {
            self.things
                .values()
                .filter(move |thing| thing.type_name.ends_with(kind))
        };
        let used: Vec<&Value> = of("ECS::Service")
            .flat_map(|service| values(&service.properties, "TargetGroupArn"))
            .collect();
        let fault = of("::Listener")
            .flat_map(|listener| values(&listener.properties, "TargetGroupArn"))
            .find(|group| !used.contains(group))
            .map(|group| format!("requests to {group}, which no service uses"));
        self.faults.extend(fault);
    }
}

/// The values of a key at any depth.
fn values<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| values(item, key)).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, item)| if name == key { vec![item] } else { values(item, key) })
            .collect(),
        _ => Vec::new(),
    }
}

impl Provider for World {
    fn resource_type(&self, type_name: &str) -> Option<&dyn ResourceType> {
        self.types.get(type_name).map(|facts| facts as &dyn ResourceType)
    }

    fn create(&mut self, _now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        self.begin(request);
        let name = |thing: &Value| {
            let keys = [
                "AlarmName",
                "ClusterName",
                "LogGroupName",
                "RoleName",
                "ServiceName",
                "Priority",
                "PolicyName",
            ];
            keys.iter().find_map(|key| Some((*key, thing.get(*key)?.clone())))
        };
        let scope = |thing: &Value| thing.get("ScalingTargetId").cloned();
        let taken = self.things.values().any(|thing| {
            thing.type_name == request.type_name
                && name(request.properties).is_some()
                && name(&thing.properties) == name(request.properties)
                && scope(&thing.properties) == scope(request.properties)
        });
        if taken {
            return Err(format!("{:?} already exists", name(request.properties)));
        }
        self.made += 1;
        let physical_id = format!("{}-{}", request.logical_id, self.made);
        let thing = Thing {
            type_name: request.type_name.to_owned(),
            properties: request.properties.clone(),
        };
        self.things.insert(physical_id.clone(), thing);
        Ok(physical_id)
    }

    fn update(
        &mut self,
        _now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<(), String> {
        self.begin(request);
        if let Some(thing) = self.things.get_mut(physical_id) {
            thing.properties = request.properties.clone();
        }
        self.watch();
        Ok(())
    }

    fn delete(&mut self, _now: SystemTime, request: &ResourceRequest<'_>, physical_id: &str) -> Result<(), String> {
        self.begin(request);
        self.things.remove(physical_id);
        self.watch();
        Ok(())
    }

    fn progress(&self, _now: SystemTime, _type_name: &str, _physical_id: &str, _operation: Operation) -> Progress {
        Progress::Done
    }

    fn attribute(&self, _type_name: &str, physical_id: &str, attribute: &str) -> Option<Value> {
        let property = self.things.get(physical_id)?.properties.get(attribute);
        Some(
            property
                .cloned()
                .unwrap_or_else(|| json!(format!("{attribute}:{physical_id}"))),
        )
    }
}

impl Cloud {
    /// The stack as created. Most tests begin with the same one, so that one is created once.
    pub(super) fn new(deployed: &Deployed) -> Self {
        let (base, cloud) = &*BASE;
        if deployed == base {
            cloud.clone()
        } else {
            Self::create(deployed)
        }
    }

    fn create(deployed: &Deployed) -> Self {
        let types = known_types().map(|name| {
            let create_only = create_only(name).collect();
            (name.to_owned(), Facts { create_only })
        });
        let mut cloud = Self {
            stacks: Stacks::new("123456789012", "us-east-1", 7),
            world: World {
                types: types.collect(),
                ..World::default()
            },
        };
        let parameters: Vec<Value> = deployed.parameters.iter().map(given).collect();
        cloud.call(
            "CreateStack",
            &json!({ "TemplateBody": deployed.template, "Parameters": parameters, "Capabilities": ["CAPABILITY_NAMED_IAM"] }),
        );
        cloud.settle();
        assert_eq!(cloud.status(), "CREATE_COMPLETE");
        cloud.world.faults.clear();
        cloud
    }

    /// What the stack has now, as AWS returns it.
    pub(super) fn deployed(&mut self) -> Deployed {
        let template = self.call("GetTemplate", &json!({}));
        let stack = self.call("DescribeStacks", &json!({}));
        let parameters = stack.pointer("/Stacks/0/Parameters").and_then(Value::as_array);
        let text = |parameter: &Value, key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
        Deployed {
            template: template["TemplateBody"].as_str().expect("a template").to_owned(),
            parameters: parameters
                .into_iter()
                .flatten()
                .map(|parameter| (text(parameter, "ParameterKey"), text(parameter, "ParameterValue")))
                .collect(),
            ..Deployed::default()
        }
    }

    /// Creates a step's change set, confirms and executes it. Fails with everything that isn't as planned.
    pub(super) fn execute(&mut self, step: &Step) -> Result<(), String> {
        let mut parameters: Vec<Value> = step.parameters.iter().map(given).collect();
        let known = self.deployed().parameters;
        let template: Value = serde_json::from_str(&step.template).expect("JSON");
        for name in template["Parameters"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys)
        {
            if !step.parameters.contains_key(name) && known.contains_key(name) {
                parameters.push(json!({ "ParameterKey": name, "UsePreviousValue": true }));
            }
        }
        let named = json!({ "ChangeSetName": "step" });
        let mut input = json!({ "ChangeSetName": "step", "TemplateBody": step.template, "Parameters": parameters });
        input["Capabilities"] = json!(["CAPABILITY_NAMED_IAM"]);
        self.call("CreateChangeSet", &input);
        self.settle();
        let described = self.call(
            "DescribeChangeSet",
            &json!({ "ChangeSetName": "step", "IncludePropertyValues": true }),
        );
        if described["Status"] != "CREATE_COMPLETE" {
            return Err(format!("{}", described["StatusReason"]));
        }
        let listed: Vec<ListedChange> = described["Changes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(listed)
            .collect();
        let unplanned = confirm(step, &listed);
        if !unplanned.is_empty() {
            return Err(format!("unplanned: {unplanned:#?}"));
        }
        self.world.touched.clear();
        self.call("ExecuteChangeSet", &named);
        self.settle();
        self.judge(step)
    }

    fn judge(&mut self, step: &Step) -> Result<(), String> {
        let status = self.status();
        if status != "UPDATE_COMPLETE" {
            return Err(format!("{status}: {}", self.call("DescribeStackEvents", &json!({}))));
        }
        let planned: BTreeSet<String> = step.changes.iter().map(|change| change.logical_id.clone()).collect();
        if self.world.touched != planned {
            return Err(format!("touched {:?}, planned {planned:?}", self.world.touched));
        }
        match self.world.faults.first() {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    fn status(&mut self) -> String {
        let stack = self.call("DescribeStacks", &json!({}));
        stack["Stacks"][0]["StackStatus"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    fn call(&mut self, operation: &str, input: &Value) -> Value {
        let mut input = input.clone();
        input["StackName"] = json!(STACK);
        let answer = self
            .stacks
            .call(SystemTime::UNIX_EPOCH, &mut self.world, operation, &input);
        answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    fn settle(&mut self) {
        while self.stacks.advance(SystemTime::UNIX_EPOCH, &mut self.world) {}
    }
}

fn given((name, value): (&String, &String)) -> Value {
    json!({ "ParameterKey": name, "ParameterValue": value })
}

/// As `DescribeChangeSet` returns it.
fn listed(change: &Value) -> ListedChange {
    let change = &change["ResourceChange"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    ListedChange {
        logical_id: text(&change["LogicalResourceId"]).unwrap_or_default(),
        resource_type: text(&change["ResourceType"]).unwrap_or_default(),
        action: match change["Action"].as_str().unwrap_or_default() {
            "Add" => ListedAction::Add,
            "Modify" => ListedAction::Modify,
            "Remove" => ListedAction::Remove,
            other => ListedAction::Other(other.to_owned()),
        },
        replacement: match change["Replacement"].as_str() {
            Some("True") => Replacement::Yes,
            Some("Conditional") => Replacement::Conditional,
            _ => Replacement::No,
        },
        details: change["Details"].as_array().into_iter().flatten().map(detail).collect(),
    }
}

fn detail(detail: &Value) -> ListedDetail {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let target = &detail["Target"];
    let (before, after) = (target.get("BeforeValue"), target.get("AfterValue"));
    ListedDetail {
        attribute: text(&target["Attribute"]).unwrap_or_default(),
        name: text(&target["Name"]),
        recreation: match target["RequiresRecreation"].as_str() {
            Some("Always") => Recreation::Always,
            Some("Conditionally") => Recreation::Conditionally,
            _ => Recreation::Never,
        },
        is_dynamic: detail["Evaluation"] == "Dynamic",
        source: match detail["ChangeSource"].as_str() {
            Some("ResourceReference") => ChangeSource::ResourceReference,
            Some("ParameterReference") => ChangeSource::ParameterReference,
            Some("ResourceAttribute") => ChangeSource::ResourceAttribute,
            Some("DirectModification") => ChangeSource::DirectModification,
            _ => ChangeSource::Other,
        },
        causing_entity: text(&detail["CausingEntity"]),
        is_same_value: before.is_some() && before == after,
    }
}
