//! From what the stack has and what is wanted to every update that may be needed, and the plan in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use constants::deployment::BAKE_MINUTES;
use deployment::machine::{Script, StackUpdate, StepScript};
use deployment::release::Release;
use deployment::staging::{
    self, Affected, ChangeKind, Deployed, Desired, Plan, PlannedChange, RELEASE_PARAMETERS, Refusal, Replacement, Step,
};
use serde_json::{Value, json};
use stacks::service;

use crate::code::Code;
use crate::exit::{Exit, Failure};
use crate::flags::Stage;
use crate::progress::human;
use crate::stack::Stack;
use crate::stack::parameters::declared;

/// A plan with every update that it may need.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) plan: Plan,
    pub(crate) script: Script,
}

impl Staged {
    /// Plans the steps, and the way back from each.
    ///
    /// # Errors
    /// Every reason why the release can't be staged.
    pub(crate) fn new(deployed: &Deployed, desired: &Desired) -> Result<Self, Vec<Refusal>> {
        let plan = staging::plan(deployed, desired)?;
        let restored = Desired {
            template: deployed.template.clone(),
            parameters: deployed.parameters.clone(),
        };
        let mut back = vec![Vec::new()];
        for step in &plan.steps {
            let reached = Deployed {
                template: step.template.clone(),
                parameters: step.parameters.clone(),
                imported_exports: deployed.imported_exports.clone(),
            };
            back.push(updates(&staging::rollback(&reached, &restored)?));
        }
        let script = Script {
            base: StackUpdate {
                template: deployed.template.clone(),
                parameters: deployed.parameters.clone(),
            },
            steps: plan.steps.iter().map(step_script).collect(),
            back,
        };
        Ok(Self { plan, script })
    }

    /// Plans the way from what the stack has back to a release: a script without steps.
    ///
    /// # Errors
    /// Every reason why the release can't be restored.
    pub(crate) fn back(deployed: &Deployed, previous: &Desired) -> Result<Self, Vec<Refusal>> {
        let plan = staging::rollback(deployed, previous)?;
        let script = Script {
            base: StackUpdate {
                template: deployed.template.clone(),
                parameters: deployed.parameters.clone(),
            },
            steps: Vec::new(),
            back: vec![updates(&plan)],
        };
        Ok(Self { plan, script })
    }

    /// The same up to a stage; all of it without one.
    ///
    /// # Errors
    /// When an earlier stage isn't deployed yet (exit status 4).
    pub(crate) fn until(self, stage: Option<Stage>) -> anyhow::Result<Self> {
        self.until_after(stage, 0)
    }

    /// The same up to a stage, once so many steps are done.
    ///
    /// # Errors
    /// When a stage before it isn't done (exit status 4).
    pub(crate) fn until_after(mut self, stage: Option<Stage>, done: usize) -> anyhow::Result<Self> {
        let Some(stage) = stage else { return Ok(self) };
        let last = stage.into();
        let next = self.script.steps.get(done).map(|step| step.stage);
        if let Some(next) = next.filter(|next| *next < last) {
            return Err(too_early(next, last).into());
        }
        let count = self
            .script
            .steps
            .iter()
            .filter(|step| step.stage <= last)
            .count()
            .max(done);
        self.script.steps.truncate(count);
        self.plan.steps.truncate(count);
        Ok(self)
    }
}

fn too_early(first: deployment::stage::Stage, last: deployment::stage::Stage) -> Failure {
    let what = format!("{first} doesn't have this release yet, so {last} can't get it");
    let failure = Failure::preflight(what).code(Code::Unjudged);
    failure.next(format!(
        "deploy it there first: `--stage {}`",
        first.name().to_lowercase()
    ))
}

fn update(step: &Step) -> StackUpdate {
    StackUpdate {
        template: step.template.clone(),
        parameters: step.parameters.clone(),
    }
}

fn updates(plan: &Plan) -> Vec<StackUpdate> {
    plan.steps.iter().map(update).collect()
}

fn step_script(step: &Step) -> StepScript {
    StepScript {
        stage: step.stage,
        update: update(step),
        summary: summary(&step.changes),
    }
}

/// The values of a template's parameters: the image where one is deployed, what the stack has, or else the defaults.
///
/// # Errors
/// When the template has a parameter without a default that the stack lacks (exit status 4).
pub(crate) fn parameters(
    template: &str,
    stack: &Stack,
    image: Option<&str>,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (name, default) in declared(template)? {
        let is_image = [service::ONEBOX_IMAGE, service::FLEET_IMAGE].contains(&name.as_str());
        let kept = stack.parameters.get(&name).cloned();
        let value = image.filter(|_| is_image).map(ToOwned::to_owned).or(kept);
        // With the default, the release is the same before and after a step that adds the parameter.
        let Some(value) = value.or(default) else {
            let what = format!("the parameter {name} is new to {}, and has no default", stack.name);
            return Err(Failure::preflight(what)
                .code(Code::NewParameter)
                .next("give it a default in the template, and deploy that first")
                .into());
        };
        values.insert(name, value);
    }
    Ok(values)
}

/// Gives the release parameters that a release's template declares their value.
pub(crate) fn name_release(parameters: &mut BTreeMap<String, String>, release: &Release, digest: &str) {
    let declared = declared(release.template()).unwrap_or_default();
    for (name, _) in RELEASE_PARAMETERS {
        if declared.iter().any(|(declared, _)| declared == name) {
            parameters.insert(name.to_owned(), digest.to_owned());
        }
    }
}

/// What is refused before any change, each with its way out.
pub(crate) fn refused(refusals: &[Refusal], again: &str) -> anyhow::Error {
    let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    let what = format!(
        "nothing was changed: this release can't be staged\n  {}",
        lines.join("\n  ")
    );
    let mut ways: Vec<String> = refusals.iter().map(|refusal| refusal.way_out.to_string()).collect();
    ways.dedup();
    let failure = Failure::new(Exit::Refused, what).code(Code::NotStageable);
    let failure = ways.into_iter().fold(failure, Failure::next);
    failure.next(format!("then run `{again}` again")).into()
}

/// The plan of a rollback for people: what it restores, all at once.
pub(crate) fn rollback_text(stack: &str, plan: &Plan, release: &str) -> String {
    let mut lines = vec![format!(
        "plan for {stack}: restore release {release} on both stages at once, without waiting for evidence"
    )];
    let changes = plan
        .steps
        .first()
        .map(|step| step.changes.as_slice())
        .unwrap_or_default();
    lines.extend(changes.iter().map(|change| format!("  {}", line(change))));
    lines.join("\n")
}

/// The plan for people: a paragraph a step, and how long it takes.
pub(crate) fn text(stack: &str, plan: &Plan, minute: Duration) -> String {
    let mut lines = vec![format!("plan for {stack}:")];
    for (number, step) in (1..).zip(&plan.steps) {
        let judged = judged(step.affects());
        lines.push(format!(
            "  {number}. {}: {}; {judged}",
            step.stage,
            summary(&step.changes)
        ));
        for change in &step.changes {
            lines.push(format!("     {}", line(change)));
        }
    }
    if plan
        .steps
        .iter()
        .all(|step| step.stage == deployment::stage::Stage::Fleet)
    {
        lines.push("  the change concerns Fleet alone, so it doesn't pass Onebox".to_owned());
    }
    let most = minute * u32::try_from(BAKE_MINUTES + 6).unwrap_or(16) * u32::try_from(plan.steps.len()).unwrap_or(3);
    lines.push(format!(
        "  takes up to about {}: CloudWatch metrics are minutes late, and each step waits for them",
        human(most)
    ));
    lines.join("\n")
}

fn judged(affected: Affected) -> &'static str {
    match (affected.onebox, affected.fleet) {
        (true, true) => "judged on both stages",
        (true, false) => "judged on Onebox",
        (false, true) => "judged on Fleet",
        (false, false) => "not judged",
    }
}

fn summary(changes: &[PlannedChange]) -> String {
    let count = |wanted: fn(&ChangeKind) -> bool| changes.iter().filter(|change| wanted(&change.kind)).count();
    let counts = [
        (count(|kind| matches!(kind, ChangeKind::Add)), "added"),
        (count(is_replaced), "replaced"),
        (
            count(|kind| matches!(kind, ChangeKind::Modify { .. }) && !is_replaced(kind)),
            "modified",
        ),
        (count(|kind| matches!(kind, ChangeKind::Remove)), "removed"),
    ];
    let words: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if words.is_empty() {
        "only outputs".to_owned()
    } else {
        words.join(", ")
    }
}

fn is_replaced(kind: &ChangeKind) -> bool {
    let ChangeKind::Modify { replacement, .. } = kind else {
        return false;
    };
    *replacement != Replacement::No
}

fn effect(kind: &ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Add => "create",
        ChangeKind::Remove => "delete",
        ChangeKind::Modify {
            replacement: Replacement::No,
            ..
        } => "modify",
        ChangeKind::Modify {
            replacement: Replacement::Conditional,
            ..
        } => "may replace",
        ChangeKind::Modify {
            replacement: Replacement::Yes,
            ..
        } => "replace",
    }
}

fn line(change: &PlannedChange) -> String {
    let mut line = format!(
        "{:<11} {} ({})",
        effect(&change.kind),
        change.logical_id,
        change.resource_type
    );
    if let ChangeKind::Modify { properties, .. } = &change.kind {
        let names: Vec<&str> = properties.iter().map(String::as_str).collect();
        let _ = write!(line, ": {}", names.join(", "));
    }
    line
}

/// A planned change for programs.
pub(crate) fn record(stack: &str, step: usize, change: &PlannedChange) -> Value {
    let causes: Vec<&str> = match &change.kind {
        ChangeKind::Modify { properties, .. } => properties.iter().map(String::as_str).collect(),
        ChangeKind::Add | ChangeKind::Remove => Vec::new(),
    };
    json!({
        "stack": stack,
        "step": step + 1,
        "stage": change.stage.name(),
        "effect": effect(&change.kind),
        "logical_id": change.logical_id,
        "resource_type": change.resource_type,
        "causes": causes,
    })
}

#[cfg(test)]
mod tests {
    use ::stacks::Environment;

    use super::*;
    use crate::telling::report::text as report;

    const DIGESTS: [&str; 2] = [
        "sha256:1111111111111111111111111111111111111111111111111111111111111111",
        "sha256:2222222222222222222222222222222222222222222222222222222222222222",
    ];

    /// Prod's template, with the text that a test needs elsewhere replaced.
    fn template(replaced: &[(&str, &str)]) -> String {
        let template = service(Environment::Production).compact();
        replaced.iter().fold(template, |template, (text, by)| {
            assert!(template.contains(text), "{text}");
            template.replace(text, by)
        })
    }

    /// What the stack has of image and release 0 or 1.
    fn has(template: &str, number: usize) -> Deployed {
        let mut deployed = Deployed {
            template: template.to_owned(),
            ..Deployed::default()
        };
        for name in [service::ONEBOX_IMAGE, service::FLEET_IMAGE] {
            deployed
                .parameters
                .insert(name.to_owned(), format!("r@{}", DIGESTS[number]));
        }
        for (name, _) in RELEASE_PARAMETERS {
            deployed.parameters.insert(name.to_owned(), DIGESTS[number].to_owned());
        }
        deployed
    }

    fn wants(template: &str, number: usize) -> Desired {
        Desired {
            template: template.to_owned(),
            parameters: has(template, number).parameters,
        }
    }

    fn staged(before: &str, after: &str) -> Staged {
        Staged::new(&has(before, 0), &wants(after, 1)).unwrap()
    }

    fn stack(parameters: &[(&str, &str)]) -> Stack {
        Stack {
            name: "Example".to_owned(),
            id: "arn".to_owned(),
            status: "UPDATE_COMPLETE".to_owned(),
            reason: None,
            since: None,
            parameters: map(parameters),
            outputs: BTreeMap::new(),
        }
    }

    fn map(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        values.iter().map(owned).collect()
    }

    /// A change of every stage, as an image, a shared resource and an alarm.
    fn three_steps() -> Staged {
        let after = template(&[(r#""Value":"60""#, r#""Value":"61""#)]);
        staged(&template(&[]), &after)
    }

    #[test]
    fn a_plan_in_words() {
        let minute = Duration::from_mins(1);
        let plan = three_steps().plan;
        insta::assert_snapshot!(text("Example", &plan, minute));
        let records: Vec<String> = plan.steps[1]
            .changes
            .iter()
            .map(|change| record("Example", 1, change).to_string())
            .collect();
        insta::assert_snapshot!(records.join("\n"), @"");
    }

    #[test]
    fn a_change_of_fleet_alone_says_so() {
        let before = has(&template(&[]), 0);
        let mut after = wants(&before.template, 0);
        after
            .parameters
            .insert(service::FLEET_IMAGE.to_owned(), format!("r@{}", DIGESTS[1]));
        let plan = Staged::new(&before, &after).unwrap().plan;
        let text = text("Example", &plan, Duration::from_secs(6));
        assert!(
            text.contains("the change concerns Fleet alone, so it doesn't pass Onebox"),
            "{text}"
        );
    }

    #[test]
    fn every_step_has_its_way_back_to_what_the_stack_had() {
        let staged = three_steps();
        let script = &staged.script;
        assert_eq!(script.base.template, template(&[]));
        assert_eq!(script.back.len(), script.steps.len() + 1);
        assert!(script.back[0].is_empty());
        for back in &script.back[1..] {
            assert_eq!(back.last(), Some(&script.base));
        }
        let last = script.steps.last().unwrap();
        assert_eq!(last.update.parameters["Release"], DIGESTS[1]);
        let rollback = Staged::back(&has(&last.update.template, 1), &wants(&script.base.template, 0)).unwrap();
        assert!(rollback.script.steps.is_empty());
        assert_eq!(rollback.script.back, [script.back.last().unwrap().clone()]);
    }

    #[test]
    fn up_to_a_stage() {
        let stages = |stage, done| {
            let staged = three_steps().until_after(stage, done).unwrap();
            let steps = staged.script.steps.iter();
            assert_eq!(staged.plan.steps.len(), staged.script.steps.len());
            steps.map(|step| step.stage.name()).collect::<Vec<_>>()
        };
        assert_eq!(stages(None, 0), ["Shared", "Onebox", "Fleet"]);
        assert_eq!(stages(Some(Stage::Shared), 0), ["Shared"]);
        assert_eq!(stages(Some(Stage::Onebox), 1), ["Shared", "Onebox"]);
        assert_eq!(stages(Some(Stage::Fleet), 2), ["Shared", "Onebox", "Fleet"]);
        // What is done stays, so that a revert undoes it.
        assert_eq!(stages(Some(Stage::Shared), 2), ["Shared", "Onebox"]);
        let early = three_steps().until(Some(Stage::Fleet)).unwrap_err();
        insta::assert_snapshot!(report(&early), @"
        error[E-UNJUDGED]: Shared doesn't have this release yet, so Fleet can't get it
          next: deploy it there first: `--stage shared`
        ");
    }

    #[test]
    fn values_of_parameters() {
        let template = json!({"Parameters": {
            "OneboxImage": {}, "FleetImage": {}, "Kept": {}, "Optional": {"Default": ""},
        }});
        let has = stack(&[("OneboxImage", "a"), ("FleetImage", "b"), ("Kept", "c"), ("Gone", "d")]);
        let values = |image| parameters(&template.to_string(), &has, image).unwrap();
        assert_eq!(
            values(None),
            map(&[
                ("OneboxImage", "a"),
                ("FleetImage", "b"),
                ("Kept", "c"),
                ("Optional", "")
            ])
        );
        assert_eq!(
            values(Some("e")),
            map(&[
                ("OneboxImage", "e"),
                ("FleetImage", "e"),
                ("Kept", "c"),
                ("Optional", "")
            ])
        );
        let new = parameters(r#"{"Parameters": {"New": {}}}"#, &stack(&[]), None).unwrap_err();
        insta::assert_snapshot!(report(&new), @"
        error[E-NEW-PARAMETER]: the parameter New is new to Example, and has no default
          next: give it a default in the template, and deploy that first
        ");
    }

    #[test]
    fn a_release_names_itself_in_the_parameters_that_its_template_has() {
        let named = |template: &str| {
            let release = Release::new(&format!("r@{}", DIGESTS[0]), template, &BTreeMap::new()).unwrap();
            let mut parameters = map(&[("Other", "1")]);
            name_release(&mut parameters, &release, DIGESTS[1]);
            parameters
        };
        assert_eq!(named("{}"), map(&[("Other", "1")]));
        let template = r#"{"Parameters": {"Release": {}, "FleetRelease": {}}}"#;
        assert_eq!(
            named(template),
            map(&[("Other", "1"), ("FleetRelease", DIGESTS[1]), ("Release", DIGESTS[1])])
        );
    }

    #[test]
    fn a_release_that_cannot_be_staged() {
        let refusals = Staged::new(&has(&template(&[]), 0), &wants("[]", 1)).unwrap_err();
        insta::assert_snapshot!(report(&refused(&refusals, "cargo xtask deploy sandbox")), @"
        error[E-NOT-STAGEABLE]: nothing was changed: this release can't be staged
          INVALID: template: the release's template: the template isn't a JSON object; correct the template
          next: correct the template
          next: then run `cargo xtask deploy sandbox` again
        ");
    }
}
