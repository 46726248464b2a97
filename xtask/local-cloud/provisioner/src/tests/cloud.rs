//! A provider that does what a script says, and a cloud around it that persists after every step.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::{Actual, ApiError, Operation, Progress, Provider, ResourceRequest, ResourceType, Stacks, is_unresolved};

/// What happens to one operation.
#[derive(Clone, Debug)]
pub(super) enum Behaviour {
    /// Done after so many seconds; 0 is at once.
    After(u64),
    /// Refused when it begins.
    Refused(&'static str),
    /// Fails after so many seconds.
    FailsAfter(u64, &'static str),
    /// Never ends.
    Hangs,
}

/// A resource as the provider has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thing {
    pub(super) type_name: String,
    pub(super) properties: Value,
    pub(super) tags: BTreeMap<String, String>,
}

struct Facts;

/// Makes nothing but notes.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(super) things: BTreeMap<String, Thing>,
    /// What is done with the next operations on a logical id; at once when nothing is said.
    scripts: BTreeMap<(String, &'static str), VecDeque<Behaviour>>,
    under_way: BTreeMap<String, (Operation, SystemTime, Behaviour)>,
    /// Every operation begun, in order.
    pub(super) log: Vec<String>,
    made: u64,
}

/// The state, the world and the time.
pub(super) struct Cloud {
    pub(super) stacks: Stacks,
    pub(super) world: World,
    pub(super) now: SystemTime,
    /// Whether the state is written and read back after every step.
    pub(super) restarts: bool,
}

impl ResourceType for Facts {
    fn create_only(&self) -> &[&str] {
        &["Name", "Nested/Kind", "TopicName", "LogGroupName"]
    }

    fn attributes(&self) -> &[&str] {
        &["Arn", "Size", "TopicName"]
    }

    fn taggable(&self) -> bool {
        true
    }

    fn check(&self, properties: &Value) -> Result<(), Vec<String>> {
        let mut errors = Vec::new();
        if properties.get("Unsupported").is_some() {
            errors.push("Unsupported: not supported".to_owned());
        }
        if let Some(size) = properties.get("Size").filter(|size| !is_unresolved(size))
            && size.as_str() == Some("huge")
        {
            errors.push("Size: must not be huge".to_owned());
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl World {
    fn begin(
        &mut self,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
        operation: Operation,
    ) -> Result<(), String> {
        let verb = verb(operation);
        self.log.push(format!("{verb} {} {physical_id}", request.logical_id));
        let script = self.scripts.get_mut(&(request.logical_id.to_owned(), verb));
        let behaviour = script.and_then(VecDeque::pop_front).unwrap_or(Behaviour::After(0));
        if let Behaviour::Refused(reason) = behaviour {
            return Err(reason.to_owned());
        }
        self.under_way
            .insert(physical_id.to_owned(), (operation, now, behaviour));
        Ok(())
    }

    /// What is there now; what is being deleted is, until it is gone.
    pub(super) fn tick(&mut self, now: SystemTime) {
        let gone: Vec<String> = self
            .under_way
            .iter()
            .filter(|(_, (operation, begun, behaviour))| {
                *operation == Operation::Delete
                    && matches!(behaviour, Behaviour::After(seconds) if now >= *begun + Duration::from_secs(*seconds))
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.things.remove(&id);
        }
    }
}

impl Provider for World {
    fn resource_type(&self, type_name: &str) -> Option<&dyn ResourceType> {
        type_name.starts_with("AWS::").then_some(&Facts)
    }

    fn create(&mut self, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let physical_id = format!("{}-{}", request.logical_id.to_lowercase(), self.made + 1);
        self.begin(now, request, &physical_id, Operation::Create)?;
        self.made += 1;
        self.things.insert(physical_id.clone(), thing(request));
        Ok(physical_id)
    }

    fn update(
        &mut self,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<(), String> {
        assert!(
            self.things.contains_key(physical_id),
            "update of {physical_id}, which isn't there"
        );
        self.begin(now, request, physical_id, Operation::Update)?;
        self.things.insert(physical_id.to_owned(), thing(request));
        Ok(())
    }

    fn delete(&mut self, now: SystemTime, request: &ResourceRequest<'_>, physical_id: &str) -> Result<(), String> {
        self.begin(now, request, physical_id, Operation::Delete)
    }

    fn progress(&self, now: SystemTime, _type_name: &str, physical_id: &str, operation: Operation) -> Progress {
        let (under_way, begun, behaviour) = &self.under_way[physical_id];
        assert_eq!(*under_way, operation, "asked about another operation on {physical_id}");
        let over = |seconds: &u64| now >= *begun + Duration::from_secs(*seconds);
        match behaviour {
            Behaviour::After(seconds) if over(seconds) => Progress::Done,
            Behaviour::FailsAfter(seconds, reason) if over(seconds) => Progress::Failed((*reason).to_owned()),
            _ => Progress::InProgress,
        }
    }

    fn actual(&self, type_name: &str, physical_id: &str) -> Actual {
        if type_name == "AWS::Not::Checked" {
            return Actual::Unsupported;
        }
        let thing = self.things.get(physical_id);
        thing.map_or(Actual::Gone, |thing| Actual::Properties(thing.properties.clone()))
    }

    fn attribute(&self, _type_name: &str, physical_id: &str, attribute: &str) -> Option<Value> {
        match attribute {
            "Arn" => Some(json!(format!("arn:{physical_id}"))),
            "Size" | "TopicName" => self.things.get(physical_id)?.properties.get(attribute).cloned(),
            _ => None,
        }
    }
}

impl Cloud {
    pub(super) fn new() -> Self {
        Self {
            stacks: Stacks::new("123456789012", "us-east-1", 7),
            world: World::default(),
            now: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
            restarts: true,
        }
    }

    /// Says what the next operations of this kind on this logical id do.
    pub(super) fn script(&mut self, logical_id: &str, verb: &'static str, behaviours: &[Behaviour]) {
        let script = self.world.scripts.entry((logical_id.to_owned(), verb)).or_default();
        *script = behaviours.iter().cloned().collect();
    }

    pub(super) fn call(&mut self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        let answer = self.stacks.call(self.now, &mut self.world, operation, input);
        self.restart();
        answer
    }

    #[track_caller]
    pub(super) fn ok(&mut self, operation: &str, input: &Value) -> Value {
        match self.call(operation, input) {
            Ok(answer) => answer,
            Err(error) => panic!("{operation}: {error}"),
        }
    }

    /// Writes the state and reads it back.
    fn restart(&mut self) {
        if !self.restarts {
            return;
        }
        let text = serde_json::to_string(&self.stacks).unwrap();
        self.stacks = serde_json::from_str(&text).unwrap();
    }

    /// One step, persisted.
    pub(super) fn advance(&mut self) -> bool {
        self.world.tick(self.now);
        let moved = self.stacks.advance(self.now, &mut self.world);
        self.world.tick(self.now);
        self.restart();
        moved
    }

    /// Everything that can be done at this time.
    pub(super) fn advance_all(&mut self) {
        let mut steps = 0;
        while self.advance() {
            steps += 1;
            assert!(steps < 10_000, "it never comes to rest");
        }
    }

    /// Lets time go by until nothing is under way.
    pub(super) fn settle(&mut self) {
        self.advance_all();
        let mut waited = 0;
        while self.stacks.next_deadline().is_some() {
            self.now += Duration::from_secs(1);
            self.advance_all();
            waited += 1;
            assert!(waited < 10_000, "it never ends");
        }
    }

    pub(super) fn status(&mut self, stack: &str) -> String {
        let described = self.ok("DescribeStacks", &json!({ "StackName": stack }));
        described["Stacks"][0]["StackStatus"].as_str().unwrap().to_owned()
    }

    /// Oldest first, one a line.
    pub(super) fn events(&mut self, stack: &str) -> String {
        let mut events = Vec::new();
        let mut input = json!({ "StackName": stack });
        loop {
            let described = self.ok("DescribeStackEvents", &input);
            events.extend(described["StackEvents"].as_array().unwrap().iter().cloned());
            match described.get("NextToken") {
                Some(token) => input["NextToken"] = token.clone(),
                None => break,
            }
        }
        let mut lines = String::new();
        for event in events.iter().rev() {
            let text = |name: &str| event[name].as_str().unwrap_or_default();
            let own = text("ResourceType") == "AWS::CloudFormation::Stack";
            let physical_id = if own { "" } else { text("PhysicalResourceId") };
            let line = format!(
                "{:8} {:40} {physical_id:12} {}",
                text("LogicalResourceId"),
                text("ResourceStatus"),
                text("ResourceStatusReason")
            );
            writeln!(lines, "{}", line.trim_end()).unwrap();
        }
        lines
    }

    /// Creates a stack and lets it settle.
    pub(super) fn create(&mut self, stack: &str, template: &Value) {
        self.ok(
            "CreateStack",
            &json!({ "StackName": stack, "TemplateBody": template.to_string() }),
        );
        self.settle();
    }

    /// Updates a stack and lets it settle.
    #[track_caller]
    pub(super) fn update(&mut self, stack: &str, template: &Value) {
        self.ok(
            "UpdateStack",
            &json!({ "StackName": stack, "TemplateBody": template.to_string() }),
        );
        self.settle();
    }
}

/// The error that a call in an empty cloud gives.
pub(super) fn check_error(operation: &str, input: &Value, expected: &str) {
    let error = Cloud::new().call(operation, input).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

/// As text with its keys in order, whatever order the map type keeps.
pub(super) fn pretty(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(sorted).collect(),
            Value::Object(members) => {
                let members: BTreeMap<&String, Value> =
                    members.iter().map(|(key, value)| (key, sorted(value))).collect();
                json!(members)
            }
            scalar => scalar.clone(),
        }
    }
    serde_json::to_string_pretty(&sorted(value)).unwrap()
}

fn thing(request: &ResourceRequest<'_>) -> Thing {
    Thing {
        type_name: request.type_name.to_owned(),
        properties: request.properties.clone(),
        tags: request.tags.clone(),
    }
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
    }
}

impl Cloud {
    /// Newest first, over all pages.
    pub(super) fn events_ids(&mut self, stack: &str) -> Vec<String> {
        let mut ids = Vec::new();
        let mut token = Value::Null;
        loop {
            let page = self.ok(
                "DescribeStackEvents",
                &json!({ "StackName": stack, "NextToken": token }),
            );
            let events = page["StackEvents"].as_array().unwrap();
            ids.extend(events.iter().map(|event| event["EventId"].as_str().unwrap().to_owned()));
            match page.get("NextToken") {
                Some(next) => token = next.clone(),
                None => return ids,
            }
        }
    }
}
