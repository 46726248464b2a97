//! `docs/permissions.md`: every call, what it needs, and which commands make it.

use std::fmt::Write as _;

use crate::aws::calls::{BESIDES, By, Grants, LIST, On};

const HEAD: &str = "# Permissions

Written by `cargo xtask permissions --markdown`; a test compares.

## Whoever deploys by hand

```sh
cargo xtask permissions sandbox --account 123456789012
```

writes policies to `target/permissions`, one a file, and prints their paths: `…-Calls` is what the commands below ask for, the others are what CloudFormation does with the rights of whoever asks.
Without `--account` the account in them is `*`: they then hold in whichever account they are attached in.
`--region` names another region than us-east-1; `prod` and `toolchain` take the place of `sandbox`.
An administrator attaches them, once for each file:

<!-- not sent: it changes who may do what in an account -->
```sh
aws iam create-policy --policy-name OneBoxDeploymentOnECS-Sandbox-Calls \\
  --policy-document file://target/permissions/OneBoxDeploymentOnECS-Sandbox-Calls.policy.json
```

`diff --drift` reads every resource with the rights of whoever asks, which the policies beside the calls give.
With `--role ARN` only the calls are needed, and to hand that role to CloudFormation: `deploy --role ARN` then does, and CloudFormation keeps to it.
What the pipeline deploys, it deploys in such a role: a person who deploys production by hand does best to use the same, `ProductionDeploymentRole` of `OneBoxDeploymentOnECS-Foundation-Deployments`.

Whoever may create the toolchain gives its roles their rights, and so could give any: it is an administrator's work.

## The builds

CodeBuild's roles are in the toolchain's template, and hold what the command that they run needs: `BuildRole` for `build`, `UpdatePipelineRole` for `deploy toolchain --role`, `DeployRole` for `deploy prod --role`.
A test compares them with the list below both ways.

## The calls

Every call that the command line makes, and there is no other way to make one; IAM's action has the call's name.
`rehearse`, `soak` and `bench` ask local clouds alone, and are left out where something else makes the call.

";

/// The page.
pub(super) fn markdown() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| call | allowed on | commands |\n|---|---|---|\n");
    for call in LIST.into_iter().flatten() {
        row(&mut text, &call.action(), call.grants, "");
    }
    text.push_str("\n## Rights that no call is named after\n\n");
    text.push_str("| right | allowed on | commands | what needs it |\n|---|---|---|---|\n");
    for besides in BESIDES {
        row(
            &mut text,
            besides.action,
            besides.grants,
            &format!(" {} |", besides.why),
        );
    }
    text
}

/// A row for each kind of resource.
fn row(text: &mut String, action: &str, grants: Grants, more: &str) {
    for (on, by) in grants {
        let commands = if by.len() == crate::aws::calls::ALL.len() {
            "every command that reaches a cloud".to_owned()
        } else {
            let people = by.iter().filter(|by| **by != By::Local || by_local_alone(grants));
            let commands: Vec<String> = people.map(|by| format!("`{}`", by.command())).collect();
            commands.join(", ")
        };
        let _ = writeln!(text, "| `{action}` | {} | {commands} |{more}", words(*on));
    }
}

fn by_local_alone(grants: Grants) -> bool {
    grants.iter().all(|(_, by)| *by == [By::Local])
}

fn words(on: On) -> &'static str {
    match on {
        On::Stack => "the stacks, by name",
        On::ProductionStack => "production's service stack",
        On::Repository => "the image repository",
        On::InCluster => "what is in the cluster",
        On::TaskList => "the cluster, as a condition: IAM knows nothing narrower",
        On::TaskLogs => "the log groups of the service",
        On::TaskStreams => "the log streams of the service",
        On::BuildStreams => "the log streams of the builds",
        On::Revisions => "the revisions of the cluster's services",
        On::Executions => "the pipeline and its stages",
        On::Projects => "the pipeline's projects",
        On::Source => "the source repository",
        On::DeploymentRole => "the role",
        On::AnyStack | On::Metrics | On::Registry | On::Quotas => {
            "everything in the region: IAM knows nothing narrower"
        }
        On::LocalCloud => "nothing: never asked of AWS",
        On::Nothing => "nothing: everyone may",
    }
}
