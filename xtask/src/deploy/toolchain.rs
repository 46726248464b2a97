//! `deploy toolchain`: what must exist before source and images can be pushed, and the pipeline.

use std::time::Instant;

use constants::pipeline::BRANCH;
use serde_json::{Value, json};
use stacks::source::CLONE_URL;

use super::left::refuse_taken_name;
use super::report;
use super::resume::nothing;
use crate::aws::Aws;
use crate::cloud;
use crate::code::Code;
use crate::context::Context;
use crate::environment::{Rendered, Toolchain};
use crate::exit::Failure;
use crate::flags::{Deploy, Target};
use crate::stack::apply::{Applied, Terms, apply, follow_under_way};
use crate::stack::gone;
use crate::telling::note::Note;
use crate::token::token;

impl Deploy {
    /// Deploys the foundations and the pipeline; in a role of CloudFormation's, as the pipeline does, the pipeline alone.
    ///
    /// # Errors
    /// By the exit statuses of [`crate::exit::Exit`].
    pub(super) async fn toolchain(self, context: &Context) -> anyhow::Result<Value> {
        let started = Instant::now();
        self.refuse_what_is_of_environments()?;
        let stacks = match &self.templates {
            Some(folder) => Toolchain::from_folder(folder)?,
            None => Toolchain::new(),
        };
        let aws = cloud::connect(context, &self.cloud, &self.target.environments())
            .await?
            .deploying_in(self.role.clone());
        let mut changed = false;
        let (again, follow) = (self.again(), self.follow());
        if self.resume {
            return resume(context, &aws, &stacks, (&again, &follow)).await;
        }
        if self.role.is_some() {
            ensure_as_deployed(&aws, &stacks.foundations[0]).await?;
        } else {
            for foundation in &stacks.foundations {
                let asking = Asking::new(self.yes, &again);
                changed |= one(context, &aws, foundation, asking).await?.changed;
            }
        }
        let asking = Asking {
            yes: self.yes,
            detach: self.detach,
            again: &again,
            follow: &follow,
        };
        let pipeline = one(context, &aws, &stacks.toolchain, asking).await?;
        changed |= pipeline.changed;
        if pipeline.under_way {
            context.tell(Note::under_way(&pipeline.stack.name, &follow, false));
            return Ok(json!({"environment": self.target.name(), "changed": true, "under_way": true}));
        }
        report(context, &pipeline.stack, changed, started);
        if self.role.is_none() {
            say_where_to_push(context, &aws, &stacks.foundations[0]).await?;
        }
        Ok(json!({
            "environment": self.target.name(),
            "changed": changed,
            "outputs": pipeline.stack.outputs,
            "seconds": started.elapsed().as_secs_f64(),
        }))
    }

    fn refuse_what_is_of_environments(&self) -> anyhow::Result<()> {
        let given = [
            (self.stage.is_some(), "--stage"),
            (self.image.is_some(), "--image"),
            (self.fault.is_some(), "--fault"),
        ];
        match given.iter().find(|(given, _)| *given) {
            Some((_, flag)) => {
                let what = format!("the toolchain runs no image: leave out {flag}");
                Err(Failure::refused(what).code(Code::Flags).into())
            }
            None => Ok(()),
        }
    }
}

/// How a stack of the toolchain is brought to its template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// Whether to act without asking.
    yes: bool,
    /// Whether to leave it to itself once it is under way.
    detach: bool,
    /// The command by which to repeat it.
    again: &'a str,
    /// The command by which to follow it.
    follow: &'a str,
}

impl<'a> Asking<'a> {
    /// With its end waited for, by a command that follows what is under way when it is repeated.
    pub(crate) fn new(yes: bool, again: &'a str) -> Self {
        let (detach, follow) = (false, again);
        Self {
            yes,
            detach,
            again,
            follow,
        }
    }
}

/// Brings one stack of the toolchain to its template.
///
/// # Errors
/// When declined (exit status 3), when the change fails and is rolled back (5), when the rollback fails (6).
pub(crate) async fn one(context: &Context, aws: &Aws, stack: &Rendered, asking: Asking<'_>) -> anyhow::Result<Applied> {
    refuse_taken_name(aws, stack).await?;
    let token = token("deploy", aws.now());
    let terms = Terms {
        yes: asking.yes,
        token: &token,
        again: asking.again,
        follow: asking.follow,
        detach: asking.detach,
        part: None,
    };
    apply(context, aws, &stack.with([]), terms).await
}

/// Follows what goes on in a stack of the toolchain to its end.
async fn resume(context: &Context, aws: &Aws, stacks: &Toolchain, commands: (&str, &str)) -> anyhow::Result<Value> {
    let again = commands.0;
    let mut followed = None;
    for stack in stacks.foundations.iter().chain([&stacks.toolchain]) {
        if let Some(under_way) = follow_under_way(context, aws, &stack.name, commands).await? {
            if let Some(failure) = under_way.failure {
                return Err(failure.into());
            }
            followed = Some(&stack.name);
        }
    }
    let Some(last) = followed else {
        return Err(nothing("no stack of the toolchain changes", again).into());
    };
    if *last != stacks.toolchain.name {
        let line = format!("{last} is deployed; go on with the others with `{again}`");
        context.progress.line(&line);
    }
    Ok(json!({"environment": Target::Toolchain.name(), "changed": true, "followed": last}))
}

/// The pipeline doesn't change what it may do: otherwise every push could. Whoever has the rights to does, and until then
/// a push that asks for it stops here.
async fn ensure_as_deployed(aws: &Aws, foundation: &Rendered) -> anyhow::Result<()> {
    let name = &foundation.name;
    let next = "`cargo xtask deploy toolchain`, by someone who may change roles";
    let refuse = |code, what: String| Err(Failure::preflight(what).code(code).next(next).into());
    if aws.stack(name).await?.is_none() {
        return refuse(Code::NoStack, format!("there is no stack {name}"));
    }
    if stacks::compact(&aws.template(name).await?) != foundation.template {
        let what = format!("{name} differs from its template, and the pipeline may not change what it may do itself");
        return refuse(Code::RolesDiffer, what);
    }
    Ok(())
}

async fn say_where_to_push(context: &Context, aws: &Aws, foundation: &Rendered) -> anyhow::Result<()> {
    let name = &foundation.name;
    let stack = aws.stack(name).await?;
    let stack = stack.ok_or_else(|| gone(name))?;
    // A repository elsewhere has an address of its own.
    if let Some(url) = stack.outputs.get(CLONE_URL) {
        context.output.line(&format!("{CLONE_URL}  {url}"));
        context
            .progress
            .line(&format!("to deploy: git push {url} HEAD:{BRANCH}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::aws::replay::Replay;
    use crate::exit::{Exit, exit_of};
    use crate::flags::{Command, Xtask};
    use crate::stack::script::{answer, change_set, created_change_set, done, no_stack, stack};

    fn foundation() -> Rendered {
        Rendered {
            name: "Example".to_owned(),
            template: "{}".to_owned(),
        }
    }

    /// What the pipeline finds in place of its foundation, and how that ends.
    async fn check(answers: Vec<(u16, String)>, expected: Result<(), &str>) {
        let replay = Replay::new(answers);
        let outcome = ensure_as_deployed(&replay.aws(), &foundation()).await;
        match (outcome, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(what)) => {
                assert_eq!(error.to_string(), what);
                assert_eq!(exit_of(&error), Exit::Preflight);
                let next = &Failure::of(&error).unwrap().next;
                assert_eq!(
                    next,
                    &["`cargo xtask deploy toolchain`, by someone who may change roles"]
                );
            }
            (outcome, expected) => panic!("{outcome:?} in place of {expected:?}"),
        }
        assert!(!replay.operations().contains(&"CreateChangeSet".to_owned()));
    }

    #[tokio::test]
    async fn the_pipeline_does_not_change_what_it_may_do() {
        let template = |text: &str| answer("GetTemplate", &format!("<TemplateBody>{text}</TemplateBody>"));
        check(vec![stack("UPDATE_COMPLETE"), template("{ }\n")], Ok(())).await;
        let differs = "Example differs from its template, and the pipeline may not change what it may do itself";
        check(vec![stack("UPDATE_COMPLETE"), template(r#"{"A": 1}"#)], Err(differs)).await;
        check(vec![no_stack()], Err("there is no stack Example")).await;
        let replay = Replay::new([stack("UPDATE_COMPLETE"), template(r#"{"A": 1}"#)]);
        let error = ensure_as_deployed(&replay.aws(), &foundation()).await.unwrap_err();
        insta::assert_snapshot!(crate::telling::report::text(&error), @"
        error[E-ROLES-DIFFER]: Example differs from its template, and the pipeline may not change what it may do itself
          next: `cargo xtask deploy toolchain`, by someone who may change roles
        ");
    }

    #[tokio::test]
    async fn cloudformation_is_told_the_role_to_act_in() {
        for role in [None, Some("arn:aws:iam::123456789012:role/Deployment")] {
            let unchanged = change_set("FAILED", "The submitted information didn't contain changes.");
            let replay = Replay::new([
                stack("UPDATE_COMPLETE"),
                created_change_set(),
                unchanged,
                done("DeleteChangeSet"),
                stack("UPDATE_COMPLETE"),
            ]);
            let aws = replay.aws().deploying_in(role.map(ToOwned::to_owned));
            one(&Context::hidden(), &aws, &foundation(), Asking::new(true, "again"))
                .await
                .unwrap();
            let request = &replay.requests()[1];
            let told = request.contains("RoleARN=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FDeployment");
            assert_eq!(told, role.is_some(), "{request}");
        }
    }

    #[test]
    fn what_is_of_environments_is_refused() {
        let digest = format!("r@sha256:{}", "0".repeat(64));
        for (flag, value) in [("--stage", "onebox"), ("--image", &digest), ("--fault", "hang")] {
            let arguments = ["xtask", "deploy", "toolchain", flag, value];
            let Command::Deploy(deploy) = Xtask::try_parse_from(arguments).unwrap().command else {
                panic!("{arguments:?}");
            };
            let error = deploy.refuse_what_is_of_environments().unwrap_err();
            assert_eq!(exit_of(&error), Exit::Refused);
            assert_eq!(
                error.to_string(),
                format!("the toolchain runs no image: leave out {flag}")
            );
        }
    }
}
