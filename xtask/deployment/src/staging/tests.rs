//! Tests of staging.

mod cloud;
mod confirm;
mod edits;
mod kinds;
mod provisioned;
mod random;
mod rollback;
mod rules;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::staging::{Deployed, Desired, Plan, Refusal, plan};

const OLD: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
const NEW: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000002";

/// A template with the values of its parameters.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) template: Value,
    pub(super) values: BTreeMap<String, String>,
}

impl Case {
    /// Production's template, and what some kinds of change need beside it.
    pub(super) fn base() -> Self {
        Self::of("Prod")
    }

    /// The same for the sandbox.
    pub(super) fn sandbox() -> Self {
        Self::of("Sandbox")
    }

    /// Production's template as it is.
    pub(super) fn plain() -> Self {
        Self {
            template: snapshot("Prod"),
            values: deployed_values(),
        }
    }

    fn of(environment: &str) -> Self {
        let mut case = Self {
            template: snapshot(environment),
            values: deployed_values(),
        };
        case.add_what_kinds_need();
        case
    }

    /// The template of a stack made before there were releases and stages.
    pub(super) fn main() -> Self {
        let values = ["OneboxImage", "FleetImage"].map(|name| (name.to_owned(), image('a')));
        Self {
            template: serde_json::from_str(include_str!("tests/main.json")).expect("JSON"),
            values: values.into_iter().collect(),
        }
    }

    pub(super) fn deployed(&self) -> Deployed {
        Deployed {
            template: self.template.to_string(),
            parameters: self.values.clone(),
            ..Deployed::default()
        }
    }

    /// As a release with a digest of its own.
    pub(super) fn desired(&self) -> Desired {
        let mut parameters = self.values.clone();
        for name in ["OneboxRelease", "FleetRelease", "Release"] {
            parameters.insert(name.to_owned(), NEW.to_owned());
        }
        Desired {
            template: self.template.to_string(),
            parameters,
        }
    }
}

/// The template of an environment's service, as `stacks` renders it.
fn snapshot(environment: &str) -> Value {
    let name = format!("OneBoxDeploymentOnECS-Service-{environment}.snap");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stacks/src/snapshots");
    let text = std::fs::read_to_string(folder.join(name)).expect("a snapshot");
    let (_, template) = text
        .trim_start_matches("---\n")
        .split_once("\n---\n")
        .expect("a header");
    serde_json::from_str(template).expect("JSON")
}

fn deployed_values() -> BTreeMap<String, String> {
    let images = ["OneboxImage", "FleetImage"].map(|name| (name.to_owned(), image('a')));
    let releases = ["OneboxRelease", "FleetRelease", "Release"].map(|name| (name.to_owned(), OLD.to_owned()));
    images.into_iter().chain(releases).collect()
}

pub(super) fn image(digit: char) -> String {
    format!("registry/service@sha256:{}", digit.to_string().repeat(64))
}

pub(super) fn plan_of(before: &Case, after: &Case) -> Result<Plan, Vec<Refusal>> {
    plan(&before.deployed(), &after.desired())
}

/// The steps' numbers, or the codes of the refusals.
pub(super) fn outcome(result: &Result<Plan, Vec<Refusal>>) -> String {
    match result {
        Ok(plan) if plan.steps.is_empty() => "no step".to_owned(),
        Ok(plan) => {
            let numbers: Vec<String> = plan
                .steps
                .iter()
                .map(|step| (step.stage as u8 + 1).to_string())
                .collect();
            numbers.join(", ")
        }
        Err(refusals) => {
            let mut codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.name()).collect();
            codes.dedup();
            format!("refused {}", codes.join(", "))
        }
    }
}
