//! Edits of a template.

use serde_json::{Map, Value, json};

use crate::staging::tests::Case;

pub(super) const STAGES: [&str; 2] = ["Onebox", "Fleet"];

impl Case {
    /// A resource's or another entry's content.
    pub(super) fn at(&mut self, pointer: &str) -> &mut Value {
        match self.template.pointer_mut(pointer) {
            Some(value) => value,
            None => panic!("nothing at {pointer}"),
        }
    }

    /// Sets a value, in a parent that exists.
    pub(super) fn set(&mut self, pointer: &str, value: Value) {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match self.at(parent) {
            Value::Object(members) => {
                members.insert(key.replace("~1", "/"), value);
            }
            Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
            other => panic!("{parent} is {other}"),
        }
    }

    pub(super) fn remove(&mut self, pointer: &str) {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let removed = self.at(parent).as_object_mut().and_then(|members| members.remove(key));
        assert!(removed.is_some(), "nothing at {pointer}");
    }

    pub(super) fn push(&mut self, pointer: &str, value: Value) {
        self.at(pointer).as_array_mut().expect("a list").push(value);
    }

    /// Sets a property of a resource.
    pub(super) fn property(&mut self, resource: &str, property: &str, value: Value) {
        let pointer = format!("/Resources/{resource}");
        if self.at(&pointer).get("Properties").is_none() {
            self.set(&format!("{pointer}/Properties"), json!({}));
        }
        self.set(&format!("{pointer}/Properties/{property}"), value);
    }

    /// Adds a resource. The stage is its name's beginning, if that is a stage.
    pub(super) fn resource(&mut self, name: &str, resource_type: &str, properties: &Value) {
        let mut definition = Map::new();
        definition.insert("Type".to_owned(), json!(resource_type));
        definition.insert("Properties".to_owned(), properties.clone());
        if let Some(stage) = STAGES.iter().find(|stage| name.starts_with(*stage)) {
            definition.insert("Metadata".to_owned(), json!({ "Stage": stage }));
        }
        self.set(&format!("/Resources/{name}"), Value::Object(definition));
    }

    pub(super) fn container(&mut self, stage: &str, key: &str, value: Value) {
        self.set(
            &format!("/Resources/{stage}TaskDefinition/Properties/ContainerDefinitions/0/{key}"),
            value,
        );
    }

    pub(super) fn variable(&mut self, stage: &str, name: &str, value: &Value) {
        self.push(
            &format!("/Resources/{stage}TaskDefinition/Properties/ContainerDefinitions/0/Environment"),
            json!({ "Name": name, "Value": value }),
        );
    }

    /// Replaces a word everywhere, references included.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        let text = self.template.to_string();
        assert!(text.contains(old), "no {old}");
        self.template = serde_json::from_str(&text.replace(old, new)).expect("JSON");
    }

    pub(super) fn watch(&mut self, service: &str, alarm: &str) {
        self.push(&alarm_names(service), json!({ "Ref": alarm }));
    }

    pub(super) fn unwatch(&mut self, service: &str, alarm: &str) {
        let names = self.at(&alarm_names(service)).as_array_mut().expect("a list");
        names.retain(|name| *name != json!({ "Ref": alarm }));
    }

    pub(super) fn alarm(&mut self, name: &str) {
        self.resource(
            name,
            "AWS::CloudWatch::Alarm",
            &json!({ "AlarmName": name, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold" }),
        );
    }
}

impl Case {
    /// A shared parameter, a condition and a mapping that both stages use, and shared resources beside theirs.
    pub(super) fn add_what_kinds_need(&mut self) {
        self.set("/Parameters/Level", json!({ "Type": "String", "Default": "info" }));
        self.set("/Mappings", json!({ "Sizes": { "Task": { "Cpu": "512" } } }));
        let verbose = json!({ "Fn::Equals": [{ "Ref": "Level" }, "debug"] });
        self.set("/Conditions", json!({ "Verbose": verbose }));
        self.alarm("SharedErrorAlarm");
        self.resource(
            "Settings",
            "AWS::SSM::Parameter",
            &json!({ "Type": "String", "Value": "1" }),
        );
        let service = json!({ "Fn::Sub": "com.amazonaws.${AWS::Region}.logs" });
        let endpoint = json!({ "VpcId": { "Ref": "Vpc" }, "ServiceName": service, "VpcEndpointType": "Interface" });
        self.resource("LogsEndpoint", "AWS::EC2::VPCEndpoint", &endpoint);
        let body = json!({ "Fn::Sub": "${OneboxServerErrorAlarm.Arn} ${FleetServerErrorAlarm.Arn}" });
        self.resource(
            "Dashboard",
            "AWS::CloudWatch::Dashboard",
            &json!({ "DashboardBody": body }),
        );
        for stage in STAGES {
            let size = json!({ "Fn::FindInMap": ["Sizes", "Task", "Cpu"] });
            self.property(&format!("{stage}TaskDefinition"), "Cpu", size);
            self.variable(stage, "LEVEL", &json!({ "Ref": "Level" }));
            self.variable(stage, "TRACE", &json!({ "Fn::If": ["Verbose", "on", "off"] }));
            self.variable(stage, "SETTING", &json!({ "Fn::GetAtt": ["Settings", "Value"] }));
            self.watch(&format!("{stage}Service"), "SharedErrorAlarm");
        }
    }
}

fn alarm_names(service: &str) -> String {
    format!("/Resources/{service}/Properties/DeploymentConfiguration/Alarms/AlarmNames")
}
