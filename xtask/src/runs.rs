//! What runs where: the images of both stages, by the service stack, which alone knows.

use serde_json::{Value, json};
use stacks::service::{FLEET_IMAGE, ONEBOX_IMAGE, WEB_API_ENDPOINT};

use crate::aws::Aws;
use crate::environment::Stacks;
use crate::flags::Environment;
use crate::stack::Stack;
use crate::table;

/// What an environment runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runs {
    name: String,
    stack: Option<Stack>,
}

/// Asks what an environment runs now.
///
/// # Errors
/// When CloudFormation can't be asked.
pub(crate) async fn now(aws: &Aws, environment: Environment) -> anyhow::Result<Runs> {
    let name = Stacks::of(environment).service.name;
    let stack = aws.stack(&name).await?;
    Ok(Runs { name, stack })
}

/// The command that asks a service stack's endpoint, to copy; none where the stack has none.
pub(crate) fn asks(stack: &Stack) -> Option<String> {
    let endpoint = stack.outputs.get(WEB_API_ENDPOINT)?;
    Some(format!("curl {endpoint}"))
}

impl Runs {
    /// The value of one of the stack's parameters or outputs.
    fn value(&self, name: &str) -> Option<&str> {
        let stack = self.stack.as_ref()?;
        let value = stack.parameters.get(name).or_else(|| stack.outputs.get(name));
        value.map(String::as_str)
    }

    /// Two lines for people, or one where nothing runs.
    pub(crate) fn render(&self) -> String {
        let status = self.stack.as_ref().map(|stack| stack.status.as_str());
        self.table(status.unwrap_or_default())
    }

    /// The same where what was wanted runs. A stack's status is of its last change: where that was rolled back, nothing
    /// was changed since.
    pub(crate) fn render_as_wanted(&self) -> String {
        let status = self.stack.as_ref().map(|stack| stack.status.as_str());
        match status {
            Some("UPDATE_ROLLBACK_COMPLETE") => self.table("no change needed: it runs this already"),
            status => self.table(status.unwrap_or_default()),
        }
    }

    fn table(&self, status: &str) -> String {
        let Some(stack) = &self.stack else {
            return format!("{}: not deployed", self.name);
        };
        let row = |stage: &str, parameter: &str| {
            let image = self.value(parameter).unwrap_or("-");
            vec![stage.to_owned(), image.to_owned()]
        };
        let mut rows = vec![row("Onebox", ONEBOX_IMAGE), row("Fleet", FLEET_IMAGE)];
        if let Some(endpoint) = self.value(WEB_API_ENDPOINT) {
            rows.push(vec!["endpoint".to_owned(), endpoint.to_owned()]);
        }
        table::render(&[&stack.name, status], &rows)
    }

    /// The command that asks the endpoint.
    pub(crate) fn asks(&self) -> Option<String> {
        asks(self.stack.as_ref()?)
    }

    /// The same for programs.
    pub(crate) fn record(&self) -> Value {
        json!({
            "stack": self.name,
            "status": self.stack.as_ref().map(|stack| &stack.status),
            "onebox_image": self.value(ONEBOX_IMAGE),
            "fleet_image": self.value(FLEET_IMAGE),
            "endpoint": self.value(WEB_API_ENDPOINT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stages_and_the_endpoint() {
        let entries = |entries: &[(&str, &str)]| {
            let entries = entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            entries.collect()
        };
        let stack = Stack {
            name: "Service".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: entries(&[("OneboxImage", "a@sha256:2"), ("FleetImage", "a@sha256:1")]),
            outputs: entries(&[("WebAPIEndpoint", "http://x")]),
        };
        let mut runs = Runs {
            name: "Service".to_owned(),
            stack: Some(stack),
        };
        insta::assert_snapshot!(runs.render(), @r"
        Service   UPDATE_COMPLETE
        Onebox    a@sha256:2
        Fleet     a@sha256:1
        endpoint  http://x
        ");
        assert_eq!(runs.render_as_wanted(), runs.render());
        assert_eq!(runs.asks().as_deref(), Some("curl http://x"));
        if let Some(stack) = &mut runs.stack {
            stack.status = "UPDATE_ROLLBACK_COMPLETE".to_owned();
        }
        insta::assert_snapshot!(runs.render_as_wanted(), @"
        Service   no change needed: it runs this already
        Onebox    a@sha256:2
        Fleet     a@sha256:1
        endpoint  http://x
        ");
        let nothing = Runs {
            name: "Service".to_owned(),
            stack: None,
        };
        assert_eq!(nothing.render(), "Service: not deployed");
        assert_eq!(nothing.asks(), None);
    }
}
