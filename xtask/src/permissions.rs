//! `permissions`: what whoever deploys by hand must be allowed, as policies to attach.

mod document;
pub(crate) mod policy;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::policy::{Place, Policy, policies};
use crate::code::Code;
use crate::context::Context;
use crate::exit::Coded as _;
use crate::flags::{Permissions, Target};

impl Permissions {
    /// Writes the policies that an environment's commands need, one file each, and says their paths; or prints
    /// `docs/permissions.md`.
    ///
    /// # Errors
    /// When a file can't be written.
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Value> {
        let Some(target) = self.target else {
            context.output.line(document::markdown().trim_end());
            return Ok(Value::Null);
        };
        let region = self.region.as_deref().unwrap_or(constants::DEFAULT_REGION);
        let place = Place::new(region, self.account.as_deref());
        let out = self.out.unwrap_or_else(|| context.root.join("target/permissions"));
        let policies = policies(target, &place, self.role.as_deref());
        for policy in &policies {
            context.output.line(&write(policy, &out)?);
        }
        Ok(json!({"policies": policies.len()}))
    }
}

/// All policies as one template, for a linter that knows IAM's actions.
pub(crate) fn template() -> Value {
    let targets = [Target::Sandbox, Target::Toolchain, Target::Prod];
    let place = Place::new(constants::DEFAULT_REGION, None);
    let policies = targets.into_iter().flat_map(|target| policies(target, &place, None));
    let resource = |policy: Policy| {
        let logical_id: String = policy.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let properties = json!({"ManagedPolicyName": policy.name, "PolicyDocument": policy.document});
        (
            logical_id,
            json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}),
        )
    };
    // It is never deployed, and so needs no architecture told of.
    let lint = json!({"cfn-lint": {"config": {"ignore_checks": ["I4010"]}}});
    json!({"Metadata": lint, "Resources": policies.map(resource).collect::<serde_json::Map<_, _>>()})
}

fn write(policy: &Policy, out: &Path) -> anyhow::Result<String> {
    fs::create_dir_all(out)
        .with_context(|| format!("creating {}", out.display()))
        .coded(Code::File)?;
    let path = out.join(format!("{}.policy.json", policy.name));
    let text = serde_json::to_string_pretty(&policy.document)?;
    fs::write(&path, text + "\n")
        .with_context(|| format!("writing {}", path.display()))
        .coded(Code::File)?;
    Ok(path.display().to_string())
}
