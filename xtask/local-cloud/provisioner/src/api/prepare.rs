//! From the input of a create, an update or a change set to a deployment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::{Call, Input};
use crate::deployment::Deployment;
use crate::error::ApiError;
use crate::plan::{Plan, members};
use crate::template::{ParameterDeclaration, Template, scalar_text};

/// Input members that say what to deploy.
pub(super) const DEPLOYMENT: &[&str] = &[
    "Capabilities",
    "Parameters",
    "RoleARN",
    "StackName",
    "Tags",
    "TemplateBody",
    "UsePreviousTemplate",
];

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>, under `Capabilities`: the types that need
/// one, with the property that gives a name of one's own.
const IAM_TYPES: &[(&str, Option<&str>)] = &[
    ("AWS::IAM::AccessKey", None),
    ("AWS::IAM::Group", Some("GroupName")),
    ("AWS::IAM::InstanceProfile", Some("InstanceProfileName")),
    ("AWS::IAM::ManagedPolicy", Some("ManagedPolicyName")),
    ("AWS::IAM::Policy", None),
    ("AWS::IAM::Role", Some("RoleName")),
    ("AWS::IAM::User", Some("UserName")),
    ("AWS::IAM::UserToGroupAddition", None),
];
const MAX_TAGS: usize = 50;

/// Which capability a template needs, and for which types.
pub(super) fn required_capability(template: &Template) -> Option<(&'static str, Vec<String>)> {
    let mut types = BTreeSet::new();
    let mut capability = "CAPABILITY_IAM";
    for resource in template.resources.values() {
        let Some((type_name, name)) = IAM_TYPES.iter().find(|(type_name, _)| *type_name == resource.type_name) else {
            continue;
        };
        types.insert((*type_name).to_owned());
        if name.is_some_and(|name| resource.properties.contains_key(name)) {
            capability = "CAPABILITY_NAMED_IAM";
        }
    }
    (!types.is_empty()).then(|| (capability, types.into_iter().collect()))
}

impl Call<'_> {
    /// Everything resolved that can be before anything is made. `previous` is what is deployed now.
    pub(super) fn prepare(
        &self,
        input: &Input<'_>,
        stack_name: &str,
        stack_id: &str,
        previous: Option<&Deployment>,
    ) -> Result<Deployment, ApiError> {
        let template_body = template_body(input, previous)?;
        let template = Template::parse(&template_body)?;
        let capabilities = input.texts("Capabilities")?;
        let parameters = parameters(input, &template, previous)?;
        let environment = self.stacks.environment(stack_name, stack_id);
        let plan = Plan::new(&template, &parameters, &environment, self.provider)?;
        check_capabilities(&template, &capabilities)?;
        Ok(Deployment {
            description: template.description.clone(),
            no_echo: no_echo(&template),
            tags: tags(input, previous)?,
            role_arn: input.text("RoleARN").or_else(|| previous?.role_arn.clone()),
            template_body,
            parameters,
            capabilities,
            plan,
        })
    }

    /// What the types refuse, as one message.
    pub(super) fn faults(&self, deployment: &Deployment) -> Option<String> {
        let faults = deployment.plan.faults(self.provider);
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

fn template_body(input: &Input<'_>, previous: Option<&Deployment>) -> Result<String, ApiError> {
    let body = input.text("TemplateBody");
    let use_previous = input.boolean("UsePreviousTemplate")?.unwrap_or(false);
    match (body, use_previous, previous) {
        (Some(_), true, _) => Err(ApiError::validation(
            "TemplateBody and UsePreviousTemplate exclude each other; give one of them",
        )),
        (Some(body), false, _) => Ok(body),
        (None, true, Some(previous)) => Ok(previous.template_body.clone()),
        (None, _, _) => Err(ApiError::validation(
            "Either Template URL or Template Body must be specified.",
        )),
    }
}

fn check_capabilities(template: &Template, given: &[String]) -> Result<(), ApiError> {
    let Some((required, _)) = required_capability(template) else {
        return Ok(());
    };
    let named = given.iter().any(|name| name == "CAPABILITY_NAMED_IAM");
    if named || given.iter().any(|name| name == required) {
        return Ok(());
    }
    Err(ApiError::insufficient_capabilities(format!(
        "Requires capabilities : [{required}]"
    )))
}

fn no_echo(template: &Template) -> BTreeSet<String> {
    template
        .parameters
        .values()
        .filter(|declaration| declaration.no_echo)
        .map(|declaration| declaration.name.clone())
        .collect()
}

/// Every parameter's value: given, the previous one where asked for, else the default. What isn't mentioned in an update
/// gets its default, not its previous value.
fn parameters(
    input: &Input<'_>,
    template: &Template,
    previous: Option<&Deployment>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = given_parameters(input, previous)?;
    let unknown: Vec<&str> = given
        .keys()
        .map(String::as_str)
        .filter(|key| !template.parameters.contains_key(*key))
        .collect();
    if !unknown.is_empty() {
        return Err(ApiError::validation(format!(
            "Parameters: [{}] do not exist in the template",
            unknown.join(", ")
        )));
    }
    for (key, declaration) in &template.parameters {
        if let (false, Some(default)) = (given.contains_key(key), &declaration.default) {
            given.insert(key.clone(), default.clone());
        }
    }
    let missing: Vec<&str> = template
        .parameters
        .keys()
        .map(String::as_str)
        .filter(|key| !given.contains_key(*key))
        .collect();
    if !missing.is_empty() {
        return Err(ApiError::validation(format!(
            "Parameters: [{}] must have values",
            missing.join(", ")
        )));
    }
    template
        .parameters
        .values()
        .try_for_each(|declaration| check_parameter(declaration, &given))?;
    Ok(given)
}

fn check_parameter(declaration: &ParameterDeclaration, given: &BTreeMap<String, String>) -> Result<(), ApiError> {
    given
        .get(&declaration.name)
        .map_or(Ok(()), |text| declaration.check(text))
}

fn given_parameters(input: &Input<'_>, previous: Option<&Deployment>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = BTreeMap::new();
    for item in input.list("Parameters")?.unwrap_or_default() {
        let item = members(&item);
        if let Some(other) = item
            .keys()
            .find(|key| !["ParameterKey", "ParameterValue", "UsePreviousValue"].contains(&key.as_str()))
        {
            return Err(ApiError::validation(format!(
                "the local cloud doesn't support the member {other} of Parameters; leave it out"
            )));
        }
        let key = item
            .get("ParameterKey")
            .and_then(scalar_text)
            .ok_or_else(|| ApiError::validation("every member of Parameters must have a ParameterKey"))?;
        let value = item.get("ParameterValue").and_then(scalar_text);
        let use_previous = item
            .get("UsePreviousValue")
            .and_then(scalar_text)
            .is_some_and(|text| text == "true");
        let value = match (value, use_previous) {
            (Some(value), true) if !value.is_empty() => {
                return Err(ApiError::validation(format!(
                    "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and non empty value for a parameter"
                )));
            }
            (_, true) => previous
                .and_then(|previous| previous.parameters.get(&key))
                .cloned()
                .ok_or_else(|| {
                    ApiError::validation(format!(
                        "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                    ))
                })?,
            (Some(value), false) => value,
            (None, false) => {
                return Err(ApiError::validation(format!(
                    "Parameter {key} has neither ParameterValue nor UsePreviousValue"
                )));
            }
        };
        if given.insert(key.clone(), value).is_some() {
            return Err(ApiError::validation(format!("Parameter {key} is given twice")));
        }
    }
    Ok(given)
}

/// The tags given, or the previous ones when none are mentioned; an empty list takes them away.
fn tags(input: &Input<'_>, previous: Option<&Deployment>) -> Result<BTreeMap<String, String>, ApiError> {
    let Some(items) = input.list("Tags")? else {
        return Ok(previous.map(|previous| previous.tags.clone()).unwrap_or_default());
    };
    let mut tags = BTreeMap::new();
    for item in &items {
        let key = item.get("Key").and_then(Value::as_str).unwrap_or_default();
        let value = item.get("Value").and_then(scalar_text).unwrap_or_default();
        let reserved = key.to_ascii_lowercase().starts_with("aws:");
        if key.is_empty() || key.len() > 128 || value.len() > 256 || reserved {
            return Err(ApiError::validation(format!(
                "the tag `{key}` is not valid: a key has 1 to 128 characters and doesn't begin with `aws:`, a value has at most 256"
            )));
        }
        tags.insert(key.to_owned(), value);
    }
    if tags.len() > MAX_TAGS {
        return Err(ApiError::validation(format!("a stack has at most {MAX_TAGS} tags")));
    }
    Ok(tags)
}
