//! Reading a definition out of a template's resolved properties.
//!
//! What is refused is refused by `CreatePipeline` on AWS as well:
//! <https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html>

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{ActionDefinition, Definition, ExecutionMode, OnFailure, RetryMode, Stage, Variable};

impl Definition {
    /// The definition in the properties of an `AWS::CodePipeline::Pipeline`.
    ///
    /// # Errors
    /// What is wrong with it, one line.
    pub fn read(properties: &Value) -> Result<Self, String> {
        let mode = match properties["ExecutionMode"].as_str() {
            None | Some("SUPERSEDED") => ExecutionMode::Superseded,
            Some("QUEUED") => ExecutionMode::Queued,
            Some("PARALLEL") => ExecutionMode::Parallel,
            Some(other) => {
                return Err(format!(
                    "ExecutionMode: {other} is none of SUPERSEDED, QUEUED, PARALLEL"
                ));
            }
        };
        let stages = items(properties, "Stages").iter().map(stage);
        let variables = items(properties, "Variables").iter().map(variable);
        let definition = Self {
            mode,
            stages: stages.collect::<Result<_, _>>()?,
            variables: variables.collect::<Result<_, _>>()?,
        };
        definition.check_structure()?;
        Ok(definition)
    }

    fn check_structure(&self) -> Result<(), String> {
        if self.stages.len() < 2 {
            return Err("a pipeline has at least two stages".to_owned());
        }
        unique("stage", self.stages.iter().map(|stage| &stage.name))?;
        let mut made = BTreeSet::new();
        for (place, stage) in self.stages.iter().enumerate() {
            check_stage(stage, place == 0, &mut made)?;
        }
        Ok(())
    }
}

fn check_stage<'a>(stage: &'a Stage, first: bool, made: &mut BTreeSet<&'a str>) -> Result<(), String> {
    let name = &stage.name;
    if stage.actions.is_empty() {
        return Err(format!("stage {name} has no action"));
    }
    unique("action", stage.actions.iter().map(|action| &action.name))?;
    let mut actions = stage.actions.iter().collect::<Vec<_>>();
    actions.sort_by_key(|action| action.run_order);
    for action in actions {
        if (action.category == "Source") != first {
            return Err(format!(
                "the first stage has source actions only and no other stage has any, but {name} has the action {} of category {}",
                action.name, action.category
            ));
        }
        for input in &action.inputs {
            if !made.contains(input.as_str()) {
                return Err(format!(
                    "no action before {} makes its input artifact {input}",
                    action.name
                ));
            }
        }
        for output in &action.outputs {
            if !made.insert(output) {
                return Err(format!("two actions make the artifact {output}"));
            }
        }
    }
    Ok(())
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("there are two {what}s of the name {name}"));
        }
    }
    Ok(())
}

fn stage(value: &Value) -> Result<Stage, String> {
    let name = required(value, "Name")?;
    let actions = items(value, "Actions").iter().map(action);
    Ok(Stage {
        actions: actions.collect::<Result<_, _>>()?,
        on_failure: on_failure(&value["OnFailure"])?,
        name,
    })
}

fn on_failure(value: &Value) -> Result<OnFailure, String> {
    match value["Result"].as_str() {
        None | Some("FAIL") => Ok(OnFailure::Fail),
        Some("ROLLBACK") => Ok(OnFailure::RollBack),
        Some("RETRY") => {
            let mode = value["RetryConfiguration"]["RetryMode"]
                .as_str()
                .unwrap_or("FAILED_ACTIONS");
            let mode = RetryMode::from_word(mode).ok_or_else(|| format!("OnFailure: there is no retry mode {mode}"))?;
            Ok(OnFailure::Retry(mode))
        }
        Some(other) => Err(format!("OnFailure: {other} is none of FAIL, RETRY, ROLLBACK")),
    }
}

fn action(value: &Value) -> Result<ActionDefinition, String> {
    let kind = &value["ActionTypeId"];
    let run_order = match &value["RunOrder"] {
        Value::Null => 1,
        order => text(order)
            .and_then(|order| order.parse().ok())
            .filter(|order| (1..=999).contains(order))
            .ok_or_else(|| format!("RunOrder: {order} is no number from 1 to 999"))?,
    };
    let configuration = value["Configuration"].as_object().into_iter().flatten();
    let configuration = configuration.map(|(name, value)| {
        let value = text(value).ok_or_else(|| format!("Configuration/{name}: must be a text"))?;
        Ok::<_, String>((name.clone(), value))
    });
    let names = |list: &str| {
        let names = items(value, list).iter().map(|artifact| required(artifact, "Name"));
        names.collect::<Result<Vec<_>, _>>()
    };
    Ok(ActionDefinition {
        name: required(value, "Name")?,
        category: required(kind, "Category")?,
        owner: required(kind, "Owner")?,
        provider: required(kind, "Provider")?,
        version: required(kind, "Version")?,
        run_order,
        configuration: configuration.collect::<Result<_, _>>()?,
        inputs: names("InputArtifacts")?,
        outputs: names("OutputArtifacts")?,
        namespace: text(&value["Namespace"]),
        role_arn: text(&value["RoleArn"]),
    })
}

fn variable(value: &Value) -> Result<Variable, String> {
    Ok(Variable {
        name: required(value, "Name")?,
        default: text(&value["DefaultValue"]),
    })
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn required(value: &Value, name: &str) -> Result<String, String> {
    text(&value[name]).ok_or_else(|| format!("Model validation failed (#: required key [{name}] not found)"))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}
