//! `outputs`: what an environment's stacks tell others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::code::Code;
use crate::context::Context;
use crate::deploy::plan::short as short_image;
use crate::exit::Failure;
use crate::flags::Outputs;
use crate::stack::absent::absent;
use crate::{cloud, table};

impl Outputs {
    /// Prints the outputs of an environment, or one value alone.
    ///
    /// # Errors
    /// When the environment isn't deployed (exit status 4), or has no such output (3).
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let aws = cloud::look(context, &self.cloud, &self.target.environments()).await?;
        let mut outputs = BTreeMap::new();
        for stack in self.target.stacks() {
            outputs.extend(
                aws.stack(&stack.name)
                    .await?
                    .map(|stack| stack.outputs)
                    .unwrap_or_default(),
            );
        }
        if outputs.is_empty() {
            let [_, last] = self.target.stacks();
            return Err(absent(&last.name, &self.target.deploys(&self.cloud)).into());
        }
        if let Some(name) = &self.name {
            context.output.line(value(&outputs, name)?);
            return Ok(json!({"name": name, "value": outputs[name]}));
        }
        context.output.line(&table(&outputs, context.output.columns()));
        Ok(json!({"outputs": outputs}))
    }
}

/// Outputs by their names; where there is no room, images by the first digits of their digest.
pub(crate) fn table(outputs: &BTreeMap<String, String>, width: Option<usize>) -> String {
    let rows = |value: fn(&str) -> &str| -> Vec<Vec<String>> {
        let outputs = outputs.iter();
        outputs
            .map(|(name, text)| vec![name.clone(), value(text).to_owned()])
            .collect()
    };
    table::fit(
        &["OUTPUT", "VALUE"],
        &[rows(|value| value), rows(short_image)],
        width,
        &[],
    )
}

fn value<'a>(outputs: &'a BTreeMap<String, String>, name: &str) -> anyhow::Result<&'a str> {
    let has = || outputs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let value = outputs.get(name).map(String::as_str);
    value.ok_or_else(|| {
        Failure::refused(format!("no output is named {name}; there are: {}", has()))
            .code(Code::UnknownName)
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, exit_of};

    #[test]
    fn an_output_that_is_not_there_names_those_that_are() {
        let outputs = BTreeMap::from([("WebAPIEndpoint".to_owned(), "http://x".to_owned())]);
        assert_eq!(value(&outputs, "WebAPIEndpoint").unwrap(), "http://x");
        let error = value(&outputs, "Endpoint").unwrap_err();
        assert_eq!(exit_of(&error), Exit::Refused);
        assert_eq!(
            error.to_string(),
            "no output is named Endpoint; there are: WebAPIEndpoint"
        );
    }
}
