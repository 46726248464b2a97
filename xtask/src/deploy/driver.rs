//! Performs what the state machine decides, and feeds back what happens. Decides nothing itself.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;

use deployment::evidence::ServerTime;
use deployment::machine::{
    Action, Choices, Deployment, Event, Observation, Outcome, Position, StackUpdate, Start, UpdateEnd, UpdateId,
};
use deployment::staging::{Plan, confirm};
use serde_json::Value;

use super::finish::{Ended, finish};
use super::notices;
use super::script::Staged;
use super::watch::Watch;
use super::work::{Done, LEAVING, Work};
use crate::exit::{Exit, Failure, exit_of};
use crate::patience::patiently;
use crate::releases::Store;
use crate::stack::apply::{Newest, Opened, Terms, close, ended, execute, follow_newest, open};
use crate::stack::parameters::{declared, is_hidden_value};
use crate::stack::standing::{Standing, standing};
use crate::stack::{Stack, Wanted, busy, gone};
use crate::token::{Purpose, digits, token_for};

/// A deployment, a rollback, or the rest of either, being performed.
pub(super) struct Driver<'a> {
    pub(super) work: Work<'a>,
    pub(super) store: &'a Store,
    pub(super) stack: Stack,
    pub(super) plan: Plan,
    /// The release that is deployed, and the one that the stack had before.
    pub(super) target: String,
    pub(super) base: String,
    /// Whether a person requested the way back. Not so for the rest of an interrupted revert.
    is_rollback: bool,
    pub(super) verdicts: Vec<Value>,
    /// The newest error behind an event, with its hints.
    pub(super) failure: Option<anyhow::Error>,
    machine: Deployment,
    watch: Option<Watch>,
    opened: Option<(Opened, String)>,
    running: Option<Running<'a>>,
    /// The token of the update that runs.
    token: String,
    observing: bool,
    ignored: BTreeSet<String>,
}

/// An update that runs, up to its end.
type Running<'a> = (UpdateId, Ending<'a>);

type Ending<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Option<Failure>>> + 'a>>;

impl<'a> Driver<'a> {
    pub(super) fn new(
        work: Work<'a>,
        store: &'a Store,
        stack: Stack,
        (staged, start): (Staged, Start),
        (target, base): (String, String),
    ) -> Self {
        let choices = Choices {
            accept: work.deploy.caution.accept.clone(),
        };
        let minute = work.aws.minute();
        Self {
            work,
            store,
            stack,
            plan: staged.plan,
            target,
            base,
            is_rollback: staged.script.steps.is_empty() && matches!(start, Start::Idle(Position::Step(_))),
            verdicts: Vec::new(),
            failure: None,
            machine: Deployment::new(staged.script, choices, start, minute),
            watch: None,
            opened: None,
            running: None,
            token: String::new(),
            observing: false,
            ignored: BTreeSet::new(),
        }
    }

    /// The same, with alarms that were in ALARM before and are ignored.
    pub(super) fn ignoring(mut self, names: BTreeSet<String>) -> Self {
        self.ignored = names;
        self
    }

    /// The same while an update runs that somebody started.
    pub(super) fn following(mut self, update: UpdateId, newest: Newest) -> Self {
        let Work {
            context,
            aws,
            again,
            follow,
            ..
        } = self.work;
        self.token.clone_from(&newest.token);
        let ending = async move {
            let ended = follow_newest(context, aws, newest, (again, follow)).await?;
            Ok(ended.failure)
        };
        self.running = Some((update, Box::pin(ending)));
        self
    }

    /// Runs the machine to its end.
    ///
    /// # Errors
    /// By how the deployment ended; when interrupted; when AWS can't be reached.
    pub(super) fn run(self) -> Pin<Box<dyn Future<Output = anyhow::Result<Done>> + 'a>> {
        // Boxed: what awaits it would be large.
        Box::pin(self.driven())
    }

    async fn driven(mut self) -> anyhow::Result<Done> {
        let driven = Box::pin(self.drive()).await;
        self.work.context.sides.see(Vec::new());
        self.work.context.progress.clear();
        let outcome = driven?;
        let Some(outcome) = outcome else {
            return Ok(self.done(true, true));
        };
        finish(self, outcome).await
    }

    /// What was done.
    pub(super) fn done(self, changed: bool, under_way: bool) -> Done {
        Done {
            changed,
            under_way,
            image: None,
            release: Some(self.target),
            stack: self.stack,
            verdicts: self.verdicts,
        }
    }

    /// Whether an update of the way back was completed, so that the stack has what was there before the deployment.
    pub(super) fn went_back(&self) -> bool {
        matches!(self.machine.position(), Position::Back { .. })
    }

    /// The steps that are complete, by their stages.
    pub(super) fn ended(&self) -> Ended {
        let count = match self.machine.position() {
            Position::Step(count) | Position::Back { from: count, .. } => count,
        };
        let steps = self.machine.script().steps.iter().take(count);
        Ended {
            steps: steps.map(|step| step.stage).collect(),
            all: self.plan.steps.last().is_none_or(|step| step.last),
        }
    }

    /// `None` if it was left running, as requested.
    async fn drive(&mut self) -> anyhow::Result<Option<Outcome>> {
        let mut actions = VecDeque::from(self.step(Event::Begin));
        loop {
            let event = match actions.pop_front() {
                Some(Action::Finish(outcome)) => return Ok(Some(outcome)),
                Some(Action::Execute(update)) => {
                    let event = self.execute(update).await?;
                    if self.work.deploy.detach && event.is_none() && matches!(update, UpdateId::Step(_)) {
                        return Ok(None);
                    }
                    event
                }
                Some(action) => self.perform(action).await?,
                None => Some(self.wait().await?),
            };
            if let Some(event) = event {
                actions.extend(self.step(event));
            }
        }
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        self.machine.step(self.now(), event)
    }

    fn now(&self) -> ServerTime {
        self.work.aws.now().into()
    }

    /// Performs an action; the event that answers it at once, if one does.
    async fn perform(&mut self, action: Action) -> anyhow::Result<Option<Event>> {
        match action {
            Action::Verify { update, at } => self.verify(update, at).await.map(Some),
            Action::Prepare(update) => self.prepare(update).await.map(Some),
            Action::Observe => {
                self.observing = true;
                Ok(None)
            }
            Action::Abandon => {
                if let Some((opened, _)) = self.opened.take() {
                    close(self.work.context, self.work.aws, &opened).await?;
                }
                Ok(None)
            }
            Action::Cancel => self.cancel().await,
            Action::ContinueRollback(update) => self.continue_rollback(update).await,
            Action::StartProbes(step) => self.start_watching(step).await,
            Action::StopProbes => {
                self.stop_watching().await;
                Ok(None)
            }
            Action::Tell(notice) => {
                if let Some(verdict) = self.watch.as_ref().and_then(Watch::verdict) {
                    notices::verdict(self.work.context, &notice, verdict);
                    if let deployment::machine::Notice::Judged(_) = notice {
                        self.verdicts.push(verdict.record());
                    }
                }
                notices::tell(self.work.context, &notice, &self.plan);
                Ok(None)
            }
            Action::Execute(_) | Action::Finish(_) => Ok(None),
        }
    }

    /// Waits for the end of the update that runs, or for the next look.
    async fn wait(&mut self) -> anyhow::Result<Event> {
        if self.observing && self.watch.is_none() {
            self.watch = Some(Watch::new(self.work, &self.stack, None).await?);
        }
        let Self {
            work,
            running,
            watch,
            observing,
            ignored,
            ..
        } = self;
        let is_running = running.is_some();
        let looking = async {
            match watch {
                Some(watch) if *observing => watch.look(*work, ignored, is_running).await,
                _ => std::future::pending().await,
            }
        };
        let ended = async {
            match running {
                Some((update, ending)) => (*update, ending.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            (update, ended) = ended => self.update_ended(update, ended?).await,
            seen = looking => self.seen(seen),
        }
    }

    fn seen(&mut self, seen: anyhow::Result<Observation>) -> anyhow::Result<Event> {
        self.observing = false;
        match seen {
            Ok(seen) => Ok(Event::Observed(seen)),
            Err(error) if exit_of(&error) == Exit::Interrupted => Err(self.left(error)),
            Err(error) => Ok(Event::NotObserved {
                step: self.watch.as_ref().and_then(Watch::step),
                error: self.failed(error),
            }),
        }
    }

    /// How to continue after leaving between two updates.
    fn left(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast::<Failure>() {
            Ok(failure) => failure
                .next(format!(
                    "continue it, from here or anywhere, with `{}`",
                    self.work.follow
                ))
                .into(),
            Err(error) => error,
        }
    }

    /// A look that began before doesn't count: it saw the stack on its way.
    async fn update_ended(&mut self, update: UpdateId, failure: Option<Failure>) -> anyhow::Result<Event> {
        self.running = None;
        self.observing = false;
        let name = self.stack.id.clone();
        let look = async || self.work.aws.stack(&name).await;
        let stack = patiently(self.work.context, LEAVING, look).await?;
        self.stack = stack.ok_or_else(|| gone(&name))?;
        if let Some(watch) = &mut self.watch {
            watch.updated(self.work, &self.stack).await?;
        }
        let end = match failure {
            None => UpdateEnd::Complete,
            Some(failure) => {
                let what = failure.what.clone();
                let end = match failure.exit {
                    Exit::RolledBack => UpdateEnd::RolledBack(what),
                    _ => UpdateEnd::RollbackFailed(what),
                };
                self.failure = Some(failure.into());
                end
            }
        };
        Ok(Event::UpdateEnded(update, end))
    }

    /// Keeps an error, and returns its text.
    fn failed(&mut self, error: anyhow::Error) -> String {
        let text = format!("{error:#}");
        self.failure = Some(error);
        text
    }

    /// Compares what the stack has with a position of the script.
    async fn verify(&mut self, update: UpdateId, at: Position) -> anyhow::Result<Event> {
        let id = self.stack.id.clone();
        let aws = self.work.aws;
        let look = async || {
            let stack = aws.stack(&id).await?;
            let template = aws.template(&id).await?;
            Ok((stack, template))
        };
        let (stack, template) = patiently(self.work.context, LEAVING, look).await?;
        let Some(stack) = stack else {
            return Err(gone(&id).into());
        };
        let expected = self.machine.script().at(at);
        let is_idle = standing(Some(&stack.status)) == Standing::Ready;
        if is_idle && expected.is_some_and(|expected| has(&stack, &template, expected)) {
            self.stack = stack;
            return Ok(Event::Verified(update));
        }
        let by = busy::describe(aws, &stack).await;
        self.stack = stack;
        Ok(Event::Overtaken(by))
    }

    /// Creates the change set of an update, and compares it with the plan.
    async fn prepare(&mut self, update: UpdateId) -> anyhow::Result<Event> {
        let Some(wanted) = self
            .machine
            .script()
            .update(update)
            .map(|update| wanted(&self.stack, update))
        else {
            return Ok(Event::Failed(update, "the plan has no such update".to_owned()));
        };
        let token = token_for(&self.purpose(update), self.work.aws.now());
        let opened = open(self.work.context, self.work.aws, &wanted?, (&token, false)).await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) if exit_of(&error) == Exit::Interrupted => return Err(self.left(error)),
            Err(error) => return Ok(Event::Failed(update, self.failed(error))),
        };
        let unplanned = match update {
            UpdateId::Step(step) => self
                .plan
                .steps
                .get(step)
                .map(|step| confirm(step, &opened.change_set.listed))
                .unwrap_or_default(),
            UpdateId::Back { .. } => Vec::new(),
        };
        let is_empty = opened.change_set.is_empty();
        self.opened = Some((opened, token));
        Ok(Event::Prepared {
            update,
            unplanned: unplanned.iter().map(ToString::to_string).collect(),
            is_empty,
        })
    }

    fn purpose(&self, update: UpdateId) -> Purpose {
        match update {
            UpdateId::Step(step) => Purpose::Step {
                release: digits(&self.target),
                base: digits(&self.base),
                step,
            },
            UpdateId::Back { .. } => Purpose::Back {
                release: digits(&self.base),
                is_rollback: self.is_rollback,
            },
        }
    }

    /// Starts the change set; the event if it couldn't be started.
    async fn execute(&mut self, update: UpdateId) -> anyhow::Result<Option<Event>> {
        let Some((opened, token)) = self.opened.take() else {
            let end = UpdateEnd::NotStarted("no change set was created".to_owned());
            return Ok(Some(Event::UpdateEnded(update, end)));
        };
        let Work {
            context,
            aws,
            again,
            follow,
            ..
        } = self.work;
        let name = self.stack.name.clone();
        let part = notices::part(update, &self.plan);
        notices::executing(context, update, &self.plan);
        if let Err(error) = execute(context, aws, &name, &opened, &token).await {
            let end = UpdateEnd::NotStarted(self.failed(error));
            return Ok(Some(Event::UpdateEnded(update, end)));
        }
        self.token.clone_from(&token);
        let ending = async move {
            let terms = Terms {
                yes: true,
                token: &token,
                again,
                follow,
                detach: false,
                part,
            };
            ended(context, aws, &name, &opened, terms).await
        };
        self.running = Some((update, Box::pin(ending)));
        Ok(None)
    }

    /// Cancels the update that runs. If CloudFormation refuses, it has ended.
    async fn cancel(&mut self) -> anyhow::Result<Option<Event>> {
        let token = format!("{}-cancel", self.token);
        if let Err(error) = self.work.aws.cancel_update(&self.stack.id, &token).await {
            self.work
                .context
                .progress
                .line(&format!("the update can't be cancelled any more: {error:#}"));
        }
        Ok(None)
    }

    /// Continues a rollback that failed, and waits for its end.
    async fn continue_rollback(&mut self, update: UpdateId) -> anyhow::Result<Option<Event>> {
        let Work { context, aws, .. } = self.work;
        context
            .progress
            .line(&format!("continuing the rollback of {}", self.stack.name));
        let token = format!("{}-continue", self.token);
        if let Err(error) = aws.continue_rollback(&self.stack.id, &token).await {
            let end = UpdateEnd::RollbackFailed(self.failed(error));
            return Ok(Some(Event::UpdateEnded(update, end)));
        }
        let (id, pause) = (self.stack.id.clone(), aws.minute() / 12);
        let ending = async move {
            loop {
                let look = async || aws.stack(&id).await;
                let stack = patiently(context, LEAVING, look).await?.ok_or_else(|| gone(&id))?;
                if !stack.status.ends_with("_IN_PROGRESS") {
                    return Ok(Some(continued(&stack)));
                }
                context.interrupt.sleep(LEAVING, pause).await?;
            }
        };
        self.running = Some((update, Box::pin(ending)));
        Ok(None)
    }

    async fn start_watching(&mut self, step: usize) -> anyhow::Result<Option<Event>> {
        if self.watch.as_ref().is_some_and(|watch| watch.is_of(step)) {
            return Ok(None);
        }
        let Some(step_plan) = self.plan.steps.get(step) else {
            return Ok(None);
        };
        let mut watch = Watch::new(self.work, &self.stack, Some((step, step_plan))).await?;
        if self.running.is_none() {
            watch.updated(self.work, &self.stack).await?;
        }
        self.watch = Some(watch);
        Ok(None)
    }

    async fn stop_watching(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.end(self.work.context).await;
        }
    }
}

/// How a rollback ended that was continued.
fn continued(stack: &Stack) -> Failure {
    let exit = if stack.status == "UPDATE_ROLLBACK_COMPLETE" {
        Exit::RolledBack
    } else {
        Exit::RollbackFailed
    };
    let reason = stack.reason.as_deref().map(|reason| format!(", {reason}"));
    Failure::new(
        exit,
        format!("{}: {}{}", stack.name, stack.status, reason.unwrap_or_default()),
    )
}

/// Whether a stack has what an update brings. Hidden parameter values can't be compared.
fn has(stack: &Stack, template: &str, expected: &StackUpdate) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    let same = |(name, value): (&String, &String)| {
        let found = stack.parameters.get(name);
        found.is_none_or(|found| found == value || is_hidden_value(found))
    };
    (template == expected.template || parse(template) == parse(&expected.template))
        && expected.parameters.iter().all(same)
}

/// What is requested of the stack. Parameters without a value keep the stack's.
fn wanted(stack: &Stack, update: &StackUpdate) -> anyhow::Result<Wanted> {
    let declared = declared(&update.template)?;
    let visible = |name: &str| update.parameters.get(name).filter(|value| !is_hidden_value(value));
    let kept = declared
        .iter()
        .filter(|(name, _)| visible(name).is_none() && stack.parameters.contains_key(name));
    let given = declared
        .iter()
        .filter_map(|(name, _)| Some((name.clone(), visible(name)?.clone())));
    Ok(Wanted {
        name: stack.name.clone(),
        parameters: given.collect(),
        kept: kept.map(|(name, _)| name.clone()).collect(),
        template: update.template.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TEMPLATE: &str = r#"{"Parameters": {"Image": {}, "Secret": {"NoEcho": true}, "New": {"Default": "1"}}}"#;

    fn map(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        values.iter().map(owned).collect()
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

    fn update(parameters: &[(&str, &str)]) -> StackUpdate {
        StackUpdate {
            template: TEMPLATE.to_owned(),
            parameters: map(parameters),
        }
    }

    #[test]
    fn a_stack_has_an_update_or_not() {
        let expected = update(&[("Image", "a"), ("Secret", "b")]);
        let compact = TEMPLATE.replace(' ', "");
        for (template, parameters, expects) in [
            (TEMPLATE, &[("Image", "a"), ("Secret", "b")][..], true),
            (TEMPLATE, &[("Image", "a"), ("Secret", "****"), ("Other", "c")], true),
            (TEMPLATE, &[("Image", "a")], true),
            (&compact, &[("Image", "a")], true),
            (TEMPLATE, &[("Image", "other")], false),
            ("{}", &[("Image", "a")], false),
            ("not JSON", &[("Image", "a")], false),
        ] {
            assert_eq!(
                has(&stack(parameters), template, &expected),
                expects,
                "{template} {parameters:?}"
            );
        }
    }

    #[test]
    fn parameters_without_a_value_keep_the_stacks() {
        let of = |has: &[_], update: StackUpdate| wanted(&stack(has), &update).unwrap();
        let first = of(
            &[("Image", "a"), ("Secret", "****")],
            update(&[("Image", "b"), ("Secret", "****")]),
        );
        assert_eq!(first.parameters, map(&[("Image", "b")]));
        assert_eq!(first.kept, ["Secret"]);
        assert_eq!((first.name.as_str(), first.template.as_str()), ("Example", TEMPLATE));
        // What neither has gets its default, and what the template doesn't declare is left out.
        let second = of(&[], update(&[("Image", "b"), ("Gone", "c")]));
        assert_eq!((second.parameters, second.kept), (map(&[("Image", "b")]), Vec::new()));
        let third = of(&[("New", "2"), ("Gone", "c")], update(&[]));
        assert_eq!(
            (third.parameters, third.kept),
            (BTreeMap::new(), vec!["New".to_owned()])
        );
    }
}
