//! Templates, shown and checked.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::prepare::required_capability;
use crate::api::{Answer, Call, Input};
use crate::error::ApiError;
use crate::template::{ParameterDeclaration, Template};

impl Call<'_> {
    pub(super) fn get_template(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["ChangeSetName", "StackName", "TemplateStage"])?;
        let stage = input.text("TemplateStage").unwrap_or_else(|| "Original".to_owned());
        if !["Original", "Processed"].contains(&stage.as_str()) {
            return Err(ApiError::validation(format!(
                "{stage} is not a TemplateStage; give Original or Processed"
            )));
        }
        let body = if input.text("ChangeSetName").is_some() {
            let (index, position) = self.find_change_set(&input)?;
            &self.stacks.list[index].change_sets[position].deployment.template_body
        } else {
            self.deployed_body(&input)?
        };
        // No transform is supported, so both stages are the same text.
        Ok(json!({ "TemplateBody": body, "StagesAvailable": ["Original", "Processed"] }))
    }

    pub(super) fn validate_template(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["TemplateBody"])?;
        let template = Template::parse(&given_body(&input)?)?;
        let parameters: Vec<Value> = template
            .parameters
            .values()
            .map(|declaration| parameter(declaration).done())
            .collect();
        Ok(with_capabilities(&template)
            .set("Parameters", parameters)
            .maybe("Description", template.description)
            .done())
    }

    pub(super) fn get_template_summary(&mut self) -> Result<Value, ApiError> {
        let input = self.input(&["StackName", "TemplateBody", "TemplateSummaryConfig"])?;
        let body = match input.text("TemplateBody") {
            Some(body) => body,
            None => self.deployed_body(&input)?.to_owned(),
        };
        let template = Template::parse(&body)?;
        let parameters: Vec<Value> = template.parameters.values().map(declaration).collect();
        let types: BTreeSet<&str> = template
            .resources
            .values()
            .map(|resource| resource.type_name.as_str())
            .collect();
        Ok(with_capabilities(&template)
            .set("Parameters", parameters)
            .set("ResourceTypes", types.into_iter().collect::<Vec<_>>())
            .maybe("Version", template.version.as_deref())
            .maybe("Metadata", template.metadata.as_ref().map(Value::to_string))
            .maybe("Description", template.description.as_deref())
            .done())
    }

    fn deployed_body(&self, input: &Input<'_>) -> Result<&str, ApiError> {
        let name = input.required("StackName")?;
        self.stacks
            .find(&name)
            .map(|index| self.stacks.list[index].deployment.template_body.as_str())
            .ok_or_else(|| ApiError::validation(format!("Stack with id {name} does not exist")))
    }
}

fn given_body(input: &Input<'_>) -> Result<String, ApiError> {
    input
        .text("TemplateBody")
        .ok_or_else(|| ApiError::validation("Either Template URL or Template Body must be specified."))
}

fn with_capabilities(template: &Template) -> Answer {
    match required_capability(template) {
        None => Answer::default().set("Capabilities", json!([])),
        Some((capability, types)) => Answer::default().set("Capabilities", json!([capability])).set(
            "CapabilitiesReason",
            format!("The following resource(s) require capabilities: [{}]", types.join(", ")),
        ),
    }
    .set("DeclaredTransforms", json!([]))
}

fn parameter(declaration: &ParameterDeclaration) -> Answer {
    Answer::default()
        .set("ParameterKey", declaration.name.as_str())
        .maybe("DefaultValue", declaration.default.as_deref())
        .set("NoEcho", declaration.no_echo)
        .maybe("Description", declaration.description.as_deref())
}

fn declaration(declaration: &ParameterDeclaration) -> Value {
    let mut constraints = json!({});
    if !declaration.allowed_values.is_empty() {
        constraints["AllowedValues"] = declaration.allowed_values.clone().into();
    }
    parameter(declaration)
        .set("ParameterType", declaration.parameter_type.name())
        .set("ParameterConstraints", constraints)
        .done()
}
