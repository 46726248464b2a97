//! `destroy`: service, images, repository, in the order that their dependence allows.

use std::fmt::Write as _;
use std::time::SystemTime;

use local_cloud::Kept;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Rendered;
use crate::exit::{Coded as _, Failure};
use crate::flags::{Destroy, Target};
use crate::progress::{count, human_size};
use crate::stack::changes::by_kind;
use crate::stack::follow::wait_until_idle;
use crate::stack::remove::remove;
use crate::stack::{Resource, Stack};
use crate::status::is_repository;
use crate::{cloud, local, prompt};

/// What there is to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    /// The stacks, in the order of deletion, with what they hold.
    stacks: Vec<(Stack, Vec<Resource>)>,
    /// The repositories that block the deletion of their stack, with the digests of their images.
    images: Vec<(String, Vec<String>)>,
    /// What stays when its stack goes, because its template says so.
    stays: Vec<Staying>,
    /// Whether that goes in the end as well, with the local cloud that holds it.
    all_goes: bool,
}

/// What stays when its stack goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Staying {
    resource: Resource,
    /// What people call it.
    name: String,
    /// The command that deletes it, where it is known.
    deletes: Option<String>,
}

/// What a local cloud keeps beside its stacks, and would have the next one begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remains {
    folder: String,
    kept: Kept,
}

impl Remains {
    /// Said before anything is deleted.
    fn announce(&self) -> String {
        format!(
            "with nothing left to run, the local cloud ends, and this goes with it: {}",
            self.describe()
        )
    }

    fn describe(&self) -> String {
        let repositories = match self.kept.repositories.as_slice() {
            [] => String::new(),
            names => format!("the source repository {}, ", names.join(", ")),
        };
        format!(
            "{repositories}artifacts, builds, images and logs in {} ({})",
            self.folder,
            human_size(self.kept.bytes)
        )
    }
}

impl Destroy {
    /// Deletes an environment, after naming what goes and asking.
    ///
    /// # Errors
    /// When declined, when there is no terminal to ask on, when AWS fails to delete something.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let targets = self.targets();
        let environments: Vec<_> = targets.iter().flat_map(|target| target.environments()).collect();
        if self.cloud.local && !local::has_stacks(context)? {
            for target in targets {
                context.progress.line(&format!("{}: nothing to delete", target.name()));
            }
            let cleared = self.clear(context, self.remains(context, &[])?).await?;
            return Ok(json!({"deleted": [], "stays": [], "cleared": cleared}));
        }
        let aws = cloud::connect(context, &self.cloud, &environments).await?;
        let remains = if self.all && self.cloud.local {
            self.remains(context, &aws.stack_names().await?)?
        } else {
            None
        };
        let plans = self.plans(context, &aws, remains.is_some()).await?;
        if let Some(remains) = &remains {
            context.progress.line(&remains.announce());
        }
        let (mut deleted, mut stays) = (Vec::new(), Vec::new());
        for (target, plan) in plans {
            self.carry_out(context, &aws, target, &plan).await?;
            deleted.extend(plan.stacks.into_iter().map(|(stack, _)| stack.name));
            stays.extend(plan.stays.into_iter().map(|staying| staying.resource.physical_id));
        }
        let ended = cloud::leave_if_empty(context, &self.cloud, &aws).await?;
        let cleared = self.clear(context, remains.filter(|_| ended)).await?;
        if cleared {
            stays.clear();
        }
        Ok(json!({"deleted": deleted, "stays": stays, "cleared": cleared}))
    }

    /// What the local cloud keeps and is to go with it, where everything is deleted and it has nobody else's stack.
    fn remains(&self, context: &Context, stack_names: &[String]) -> anyhow::Result<Option<Remains>> {
        let ours: Vec<String> = self
            .targets()
            .iter()
            .flat_map(|target| target.stacks().map(|stack| stack.name))
            .collect();
        if !(self.all && self.cloud.local && stack_names.iter().all(|name| ours.contains(name))) {
            return Ok(None);
        }
        let home = context.home();
        let kept = home.kept().coded(Code::LocalCloud)?;
        let folder = home.folder().display().to_string();
        Ok((kept.bytes > 0).then_some(Remains { folder, kept }))
    }

    /// Deletes what the local cloud kept, so that the next one begins anew; false where there is nothing, or it is to stay.
    async fn clear(&self, context: &Context, remains: Option<Remains>) -> anyhow::Result<bool> {
        let Some(remains) = remains else { return Ok(false) };
        let [_, service] = Target::Prod.stacks();
        let question = format!("delete {}?", remains.describe());
        let leaving = "interrupted: what the local cloud keeps stays";
        let agreed = self.yes
            || self.confirm.as_ref() == Some(&service.name)
            || prompt::confirm(context, &question, "--yes", leaving).await?;
        if agreed {
            context.home().clear().coded(Code::LocalCloud)?;
            context.progress.line(&format!("deleted {}", remains.describe()));
        }
        Ok(agreed)
    }

    /// What to delete, in an order that its dependence allows: production's stacks before the role that deletes them.
    fn targets(&self) -> Vec<Target> {
        match self.target {
            Some(target) => vec![target],
            None => vec![Target::Sandbox, Target::Prod, Target::Toolchain],
        }
    }

    /// What there is to delete of each target, named and agreed to, each in its turn, before anything is deleted.
    async fn plans(&self, context: &Context, aws: &Aws, all_goes: bool) -> anyhow::Result<Vec<(Target, Plan)>> {
        let mut plans = Vec::new();
        for target in self.targets() {
            plans.push((target, self.agreed(context, aws, target, all_goes).await?));
        }
        Ok(plans)
    }

    async fn agreed(&self, context: &Context, aws: &Aws, target: Target, all_goes: bool) -> anyhow::Result<Plan> {
        let stacks = target.stacks();
        // Of everything, production goes before it.
        if target == Target::Toolchain && !self.all {
            refuse_while_production_stands(aws, &self.cloud.arguments()).await?;
        }
        let plan = Plan {
            all_goes,
            ..gather(context, aws, &stacks).await?
        };
        if plan.stacks.is_empty() {
            context.progress.line(&format!("{}: nothing to delete", target.name()));
            return Ok(plan);
        }
        let agreed = self.yes || self.confirm.is_some();
        context.progress.line(&plan.render(!agreed));
        self.consent(context, target, &stacks[1].name).await?;
        Ok(plan)
    }

    async fn consent(&self, context: &Context, target: Target, service_stack: &str) -> anyhow::Result<()> {
        let leaving = "interrupted: nothing was deleted";
        // Of everything, only production wants its name written out.
        let confirm = self.confirm.as_ref().filter(|_| !self.all || target == Target::Prod);
        let agreed = match (target, confirm) {
            (_, Some(written)) if written == service_stack => true,
            (_, Some(written)) => {
                let what = format!("--confirm names {written}, and the stack is {service_stack}");
                return Err(Failure::refused(what).code(Code::Flags).into());
            }
            (Target::Prod, None) => {
                let question = format!("this deletes production; to do so, write {service_stack}:");
                let written = prompt::ask(context, &question, &format!("--confirm {service_stack}"), leaving).await?;
                if written != service_stack {
                    return Err(other_name(&written, service_stack).into());
                }
                true
            }
            (Target::Sandbox | Target::Toolchain, None) => {
                self.yes || prompt::confirm(context, "delete all of this?", "--yes", leaving).await?
            }
        };
        if agreed {
            Ok(())
        } else {
            Err(Failure::refused("nothing was deleted").code(Code::Declined).into())
        }
    }

    async fn carry_out(&self, context: &Context, aws: &Aws, target: Target, plan: &Plan) -> anyhow::Result<()> {
        if plan.stacks.is_empty() {
            return Ok(());
        }
        if target == Target::Toolchain && self.all {
            refuse_while_production_stands(aws, &self.cloud.arguments()).await?;
        }
        let what = self.target.map_or("--all", Target::name);
        let again = format!("cargo xtask destroy {what}{}", self.cloud.arguments());
        for (stack, resources) in &plan.stacks {
            let holds = |name: &str| {
                resources
                    .iter()
                    .any(|resource| is_repository(resource) && resource.physical_id == name)
            };
            for (repository, digests) in plan.images.iter().filter(|(repository, _)| holds(repository)) {
                context
                    .progress
                    .line(&format!("deleting {} of {repository}", count(digests.len(), "image")));
                aws.delete_images(repository, digests).await?;
            }
            context.progress.line(&format!("deleting {}", stack.name));
            remove(
                context,
                aws,
                stack,
                &crate::token::token("destroy", SystemTime::now()),
                &again,
            )
            .await?;
        }
        context.progress.line(&format!("{}: deleted", target.name()));
        if !plan.stays.is_empty() && !plan.all_goes {
            context.progress.line(&plan.render_stays());
        }
        Ok(())
    }
}

/// What was written isn't what must be.
fn other_name(written: &str, stack: &str) -> Failure {
    let what = match written {
        "" => format!("nothing was written, where {stack} must be: nothing was deleted"),
        _ => format!("what was written, {written}, is not {stack}: nothing was deleted"),
    };
    Failure::refused(what).code(Code::Declined)
}

/// The pipeline's foundation holds the role that CloudFormation acts in for production: without it, nobody could change or
/// delete those stacks any more.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html>
async fn refuse_while_production_stands(aws: &Aws, arguments: &str) -> anyhow::Result<()> {
    for stack in Target::Prod.stacks() {
        if aws.stack(&stack.name).await?.is_some() {
            let what = format!(
                "{} is changed in a role that goes with the toolchain: without it, it could be neither changed nor deleted",
                stack.name
            );
            return Err(Failure::refused(what)
                .code(Code::StillNeeded)
                .next(format!("first, `cargo xtask destroy prod{arguments}`"))
                .into());
        }
    }
    Ok(())
}

/// What there is to delete, once nothing goes on any more.
async fn gather(context: &Context, aws: &Aws, stacks: &[Rendered]) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        stacks: Vec::new(),
        images: Vec::new(),
        stays: Vec::new(),
        all_goes: false,
    };
    for Rendered { name, template } in stacks.iter().rev() {
        let Some(stack) = aws.stack(name).await? else { continue };
        // A creation can be cut short by deletion; anything else must end first.
        let stack = if stack.status == "CREATE_IN_PROGRESS" {
            Some(stack)
        } else {
            wait_until_idle(context, aws, stack).await?
        };
        let Some(stack) = stack else { continue };
        let resources = aws.resources(&stack.id).await?;
        for repository in resources.iter().filter(|resource| is_repository(resource)) {
            let digests: Vec<String> = aws
                .images(&repository.physical_id)
                .await?
                .into_iter()
                .map(|image| image.digest)
                .collect();
            if !digests.is_empty() {
                plan.images.push((repository.physical_id.clone(), digests));
            }
        }
        let stays = staying(&serde_json::from_str(template)?, &resources);
        plan.stays
            .extend(stays.into_iter().map(|staying| staying.deleted_on(aws)));
        plan.stacks.push((stack, resources));
    }
    Ok(plan)
}

/// The resources that a template keeps when its stack goes.
fn staying(template: &Value, resources: &[Resource]) -> Vec<Staying> {
    let stays = |resource: &&Resource| {
        let policy = &template["Resources"][&resource.logical_id]["DeletionPolicy"];
        let is_there = !resource.physical_id.is_empty() && resource.status != "DELETE_COMPLETE";
        is_there && (policy == "Retain" || policy == "RetainExceptOnCreate")
    };
    let named = |resource: &Resource| {
        // A source repository's physical id is an id of AWS's, which no command takes.
        let name = &template["Resources"][&resource.logical_id]["Properties"]["RepositoryName"];
        Staying {
            resource: resource.clone(),
            name: name.as_str().unwrap_or(&resource.physical_id).to_owned(),
            deletes: None,
        }
    };
    resources.iter().filter(stays).map(named).collect()
}

impl Staying {
    /// With the command that deletes it from this cloud. A local cloud ends with its last stack, and may no longer answer.
    fn deleted_on(self, aws: &Aws) -> Self {
        let is_source = self.resource.resource_type == "AWS::CodeCommit::Repository";
        let deletes = if aws.is_near() {
            "`cargo xtask destroy --all --local`, with all else".to_owned()
        } else {
            let arguments = format!("codecommit delete-repository --repository-name {}", self.name);
            aws.cli().command(&arguments)
        };
        Self {
            deletes: is_source.then_some(deletes),
            ..self
        }
    }
}

impl Plan {
    /// All that goes, by name where someone is asked, and otherwise by kinds.
    fn render(&self, by_name: bool) -> String {
        let mut lines = Vec::new();
        for (stack, resources) in &self.stacks {
            let held: Vec<&Resource> = resources
                .iter()
                .filter(|resource| resource.status != "DELETE_COMPLETE" && !self.keeps(resource))
                .collect();
            lines.push(format!(
                "{} ({}): {} to delete",
                stack.name,
                stack.status,
                count(held.len(), "resource")
            ));
            let named = held.iter().filter(|_| by_name);
            lines.extend(named.map(|resource| format!("  {} ({})", resource.logical_id, resource.resource_type)));
            if !by_name && !held.is_empty() {
                let types = held.iter().map(|resource| resource.resource_type.as_str());
                lines.push(format!("  {}", by_kind(types)));
            }
        }
        for (repository, digests) in &self.images {
            lines.push(format!(
                "{repository}: {} to delete, which block its deletion",
                count(digests.len(), "image")
            ));
        }
        if !self.stays.is_empty() {
            lines.push(self.render_stays());
        }
        lines.join("\n")
    }

    fn keeps(&self, resource: &Resource) -> bool {
        self.stays.iter().any(|staying| staying.resource == *resource)
    }

    /// What stays, and what becomes of it.
    fn render_stays(&self) -> String {
        let what = if self.all_goes {
            "goes with the local cloud, with all that is in it:"
        } else {
            "stays, with all that is in it, and is yours to delete:"
        };
        let mut text = what.to_owned();
        for Staying {
            resource,
            name,
            deletes,
        } in &self.stays
        {
            let _ = write!(text, "\n  {} ({}): {name}", resource.logical_id, resource.resource_type);
            if let Some(deletes) = deletes.as_ref().filter(|_| !self.all_goes) {
                let _ = write!(text, "\n  next: delete it: {deletes}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser as _;

    use super::*;
    use crate::aws::replay::Replay;
    use crate::exit::{Exit, exit_of};
    use crate::flags::{Command, Xtask};
    use crate::stack::script::{done, no_stack, stack};

    #[test]
    fn the_plan_names_all_that_goes() {
        let stack = Stack {
            name: "Foundation".to_owned(),
            id: "arn".to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: BTreeMap::new(),
            outputs: BTreeMap::new(),
        };
        let resource = |logical_id: &str, status: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: "repository".to_owned(),
            resource_type: "AWS::ECR::Repository".to_owned(),
            status: status.to_owned(),
        };
        let resources = vec![
            resource("Repository", "CREATE_COMPLETE"),
            resource("Gone", "DELETE_COMPLETE"),
        ];
        let plan = Plan {
            stacks: vec![(stack, resources)],
            images: vec![("repository".to_owned(), vec![String::new(); 3])],
            stays: Vec::new(),
            all_goes: false,
        };
        insta::assert_snapshot!(plan.render(true), @"
        Foundation (CREATE_COMPLETE): 1 resource to delete
          Repository (AWS::ECR::Repository)
        repository: 3 images to delete, which block its deletion
        ");
        insta::assert_snapshot!(plan.render(false), @"
        Foundation (CREATE_COMPLETE): 1 resource to delete
          1 ECR
        repository: 3 images to delete, which block its deletion
        ");
    }

    #[test]
    fn what_stays_is_named_and_not_among_what_goes() {
        let stacks = Target::Toolchain.stacks();
        let template: Value = serde_json::from_str(&stacks[0].template).unwrap();
        let resource = |logical_id: &str, resource_type: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: format!("the-{logical_id}"),
            resource_type: resource_type.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
        };
        let resources = vec![
            resource("SourceRepository", "AWS::CodeCommit::Repository"),
            resource("ToolchainDeploymentRole", "AWS::IAM::Role"),
        ];
        let plan = Plan {
            stacks: Vec::new(),
            images: Vec::new(),
            stays: staying(&template, &resources)
                .into_iter()
                .map(|staying| staying.deleted_on(&Replay::new([]).aws()))
                .collect(),
            all_goes: false,
        };
        insta::assert_snapshot!(plan.render(true), @"
        stays, with all that is in it, and is yours to delete:
          SourceRepository (AWS::CodeCommit::Repository): oneboxdeploymentonecs
          next: delete it: `cargo xtask destroy --all --local`, with all else
        ");
        let plan = Plan { all_goes: true, ..plan };
        insta::assert_snapshot!(plan.render(true), @"
        goes with the local cloud, with all that is in it:
          SourceRepository (AWS::CodeCommit::Repository): oneboxdeploymentonecs
        ");
    }

    #[test]
    fn what_goes_with_the_local_cloud_is_named_before() {
        let remains = Remains {
            folder: "target/local-cloud".to_owned(),
            kept: Kept {
                stacks: Vec::new(),
                repositories: vec!["source".to_owned()],
                bytes: 2_500_000_000,
            },
        };
        insta::assert_snapshot!(remains.announce(), @"with nothing left to run, the local cloud ends, and this goes with it: the source repository source, artifacts, builds, images and logs in target/local-cloud (2.5 GB)");
    }

    #[test]
    fn only_of_everything_on_a_local_cloud_without_others_stacks_does_all_go() {
        let (context, folder) = (Context::hidden(), tempfile::tempdir().unwrap());
        let context = Context {
            root: folder.path().to_owned(),
            ..context
        };
        std::fs::create_dir_all(context.home().folder()).unwrap();
        std::fs::write(context.home().log_file(), "said").unwrap();
        let remains = |line: &str, stacks: &[&str]| {
            let stacks: Vec<String> = stacks.iter().map(ToString::to_string).collect();
            destroy(line).remains(&context, &stacks).unwrap().is_some()
        };
        assert!(remains("--all --local", &[]));
        assert!(remains("--all --local", &["OneBoxDeploymentOnECS-Service-Prod"]));
        assert!(!remains("--all --local", &["Another"]));
        assert!(!remains("--all", &[]));
        assert!(!remains("sandbox --local", &[]));
    }

    #[test]
    fn another_name_deletes_nothing_and_both_are_said() {
        let told = |written| crate::telling::report::text(&other_name(written, "Example").into());
        insta::assert_snapshot!([told(""), told("Exmaple")].join("\n"), @"
        error[E-DECLINED]: nothing was written, where Example must be: nothing was deleted
        error[E-DECLINED]: what was written, Exmaple, is not Example: nothing was deleted
        ");
    }

    #[tokio::test]
    async fn the_toolchain_stays_as_long_as_production_needs_its_role() {
        let replay = Replay::new([no_stack(), no_stack()]);
        refuse_while_production_stands(&replay.aws(), "").await.unwrap();
        let replay = Replay::new([no_stack(), stack("UPDATE_COMPLETE")]);
        let error = refuse_while_production_stands(&replay.aws(), " --local")
            .await
            .unwrap_err();
        assert_eq!(exit_of(&error), Exit::Refused);
        insta::assert_snapshot!(crate::telling::report::text(&error), @"
        error[E-STILL-NEEDED]: OneBoxDeploymentOnECS-Service-Prod is changed in a role that goes with the toolchain: without it, it could be neither changed nor deleted
          next: first, `cargo xtask destroy prod --local`
        ");
    }

    fn destroy(line: &str) -> Destroy {
        let arguments = ["xtask", "destroy"].into_iter().chain(line.split(' '));
        let Command::Destroy(destroy) = Xtask::try_parse_from(arguments).unwrap().command else {
            panic!("it is a destroy")
        };
        destroy
    }

    #[tokio::test]
    async fn of_everything_all_is_asked_before_anything_is_deleted() {
        let nothing_held = || done("ListStackResources");
        let stands = || [stack("CREATE_COMPLETE"), nothing_held()];
        let answers: Vec<_> = [stands(), stands(), stands(), stands()].into_iter().flatten().collect();
        let replay = Replay::new(answers);
        let context = Context::answered("Exmaple");
        let error = destroy("--all --yes")
            .plans(&context, &replay.aws(), false)
            .await
            .unwrap_err();
        insta::assert_snapshot!(crate::telling::report::text(&error), @"error[E-DECLINED]: what was written, Exmaple, is not OneBoxDeploymentOnECS-Service-Prod: nothing was deleted");
        insta::assert_snapshot!(context.progress.said(), @"
        Example (CREATE_COMPLETE): 0 resources to delete
        Example (CREATE_COMPLETE): 0 resources to delete
        Example (CREATE_COMPLETE): 0 resources to delete
        Example (CREATE_COMPLETE): 0 resources to delete
        ");
        assert!(replay.requests().iter().all(|request| !request.contains("DeleteStack")));
    }
}
