//! Does what the state machine in the crate `pipeline` asks for.

use std::collections::{BTreeMap, VecDeque};
use std::time::SystemTime;

use pipeline::{Action, ActionError, Change, Event, Revision, Run, Subject, Trigger, TriggerKind};
use serde_json::{Value, json};

use super::{Content, start};
use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;
use crate::codebuild::{Input, Order, Source};
use crate::codecommit;
use crate::iam;
use crate::properties::text;

/// What a source needs, and what a build needs.
/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html>
const FETCH_SOURCE: &[&str] = &[
    "codecommit:GetBranch",
    "codecommit:GetCommit",
    "codecommit:UploadArchive",
    "codecommit:GetUploadArchiveStatus",
];
const RUN_BUILD: &[&str] = &["codebuild:StartBuild", "codebuild:BatchGetBuilds"];

impl Cloud {
    /// Lets a pipeline take an event in, and does what it asks for.
    pub(crate) fn pipeline_step(&mut self, now: SystemTime, name: &str, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(record) = self.code.pipelines.get_mut(name) else {
                return;
            };
            for action in record.pipeline.step(now, event) {
                match action {
                    Action::Run(run) => events.push_back(self.run_action(now, name, &run)),
                    Action::Tell(change) => self.tell_change(now, name, change),
                    Action::Forget(keys) => self.forget_artifacts(keys),
                }
            }
        }
    }

    /// A rule has matched.
    pub(crate) fn start_by_rule(&mut self, now: SystemTime, name: &str, rule: &str) {
        let trigger = Trigger {
            kind: TriggerKind::CloudWatchEvent,
            detail: rule.to_owned(),
        };
        self.pipeline_step(now, name, start(trigger));
    }

    /// A build that an action had asked for is over.
    pub(crate) fn action_ended(
        &mut self,
        now: SystemTime,
        pipeline: &str,
        action_id: &str,
        outcome: Result<BTreeMap<String, String>, String>,
    ) {
        let action_id = action_id.to_owned();
        let event = match outcome {
            Ok(variables) => Event::Succeeded {
                action_id,
                summary: None,
                variables,
                revision: None,
            },
            Err(message) => failed(action_id, "JobFailed", message),
        };
        self.pipeline_step(now, pipeline, event);
    }

    /// Begins an action and gives what comes of it at once.
    fn run_action(&mut self, now: SystemTime, name: &str, run: &Run) -> Event {
        let action_id = run.action_id.clone();
        let begun = match run.definition.provider.as_str() {
            "CodeCommit" => self.find_source(now, name, run),
            "CodeBuild" => self.order_build(now, name, run),
            other => Err(("ConfigurationError", format!("nothing here runs actions of {other}"))),
        };
        begun.unwrap_or_else(|(code, message)| failed(action_id, code, message))
    }

    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html>
    fn find_source(&mut self, now: SystemTime, name: &str, run: &Run) -> Result<Event, (&'static str, String)> {
        let configuration = &run.definition.configuration;
        let named = |name: &str| configuration.get(name).cloned().unwrap_or_default();
        let (repository, branch) = (named("RepositoryName"), named("BranchName"));
        let arn = self.place.arn("codecommit", &repository);
        self.lets_pipeline(now, name, run, FETCH_SOURCE, &arn).map_err(|refusal| {
            let message = format!(
                "The service role or action role doesn't have the permissions required to access the AWS CodeCommit \
                 repository named {repository}. Update the IAM role permissions, and then try again. Error: {refusal}"
            );
            ("PermissionError", message)
        })?;
        let id = match &run.revision {
            Some(asked) => asked.clone(),
            None => self.head(&repository, &branch).cloned().ok_or_else(|| {
                let message =
                    format!("No branch {branch} found in repository {repository}; push one to start the pipeline");
                ("ConfigurationError", message)
            })?,
        };
        let commit = self.code.commits.commit(&repository, &id).ok_or_else(|| {
            let message = format!("The commit {id} is not in repository {repository}");
            ("ConfigurationError", message)
        })?;
        for output in &run.outputs {
            let content = Content::Commit {
                repository: repository.clone(),
                commit: id.clone(),
            };
            self.code.artifacts.insert(output.key.clone(), content);
        }
        let variables = [
            ("AuthorDate", commit.author.date.clone()),
            ("AuthorEmail", commit.author.email.clone()),
            ("AuthorId", commit.author.name.clone()),
            ("BranchName", branch),
            ("CommitId", id.clone()),
            ("CommitMessage", commit.message.clone()),
            ("CommitterDate", commit.committer.date.clone()),
            ("RepositoryName", repository),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
        Ok(Event::Succeeded {
            action_id: run.action_id.clone(),
            summary: None,
            variables: variables.collect(),
            revision: Some(Revision {
                summary: codecommit::subject(&commit),
                created_at: codecommit::made_at(&commit.committer).unwrap_or(SystemTime::UNIX_EPOCH),
                id,
            }),
        })
    }

    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html>
    fn order_build(&mut self, now: SystemTime, name: &str, run: &Run) -> Result<Event, (&'static str, String)> {
        let configuration = &run.definition.configuration;
        let project = configuration.get("ProjectName").cloned().unwrap_or_default();
        let arn = self.place.arn("codebuild", &format!("project/{project}"));
        self.lets_pipeline(now, name, run, RUN_BUILD, &arn)
            .map_err(|refusal| ("JobFailed", format!("Error calling startBuild: {refusal}")))?;
        let variables = environment_variables(configuration.get("EnvironmentVariables"));
        let variables = variables.map_err(|reason| ("ConfigurationError", reason))?;
        let mut inputs = Vec::new();
        for artifact in &run.inputs {
            let source = match self.code.artifacts.get(&artifact.key) {
                Some(Content::Commit { repository, commit }) => Source::Commit {
                    repository: repository.clone(),
                    commit: commit.clone(),
                },
                Some(Content::Folder) => Source::Folder {
                    key: artifact.key.clone(),
                },
                None => {
                    return Err((
                        "ConfigurationError",
                        format!("the artifact {} is not kept any more", artifact.name),
                    ));
                }
            };
            let name = artifact.name.clone();
            inputs.push(Input { name, source });
        }
        if let Some(primary) = configuration.get("PrimarySource") {
            // The primary one comes first; the others keep their order.
            inputs.sort_by_key(|input| input.name != *primary);
        }
        for output in &run.outputs {
            self.code.artifacts.insert(output.key.clone(), Content::Folder);
        }
        let revision = inputs.first().and_then(|input| match &input.source {
            Source::Commit { commit, .. } => Some(commit.clone()),
            Source::Folder { .. } => None,
        });
        let order = Order {
            pipeline: name.to_owned(),
            action_id: run.action_id.clone(),
            inputs,
            outputs: run.outputs.clone(),
            variables,
            revision: revision.or_else(|| self.revision_of(name, &run.execution_id)),
        };
        let external_id = self
            .start_build(now, &project, order)
            .map_err(|reason| ("ConfigurationError", reason))?;
        Ok(Event::Accepted {
            action_id: run.action_id.clone(),
            external_id,
        })
    }

    /// Whether an action's role, or else the pipeline's, lets it do something.
    fn lets_pipeline(
        &self,
        now: SystemTime,
        name: &str,
        run: &Run,
        actions: &[&str],
        resource: &str,
    ) -> Result<(), String> {
        let own = || text(&self.code.pipelines.get(name)?.properties, "RoleArn");
        let role = run.definition.role_arn.clone().or_else(own).unwrap_or_default();
        iam::lets_service(self, now, &role, actions, resource)
    }

    /// The commit that an execution is for, where a build's own source is no commit.
    fn revision_of(&self, name: &str, execution_id: &str) -> Option<String> {
        let execution = self.code.pipelines.get(name)?.pipeline.execution(execution_id)?;
        execution.revisions.values().next().map(|revision| revision.id.clone())
    }

    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html>
    fn tell_change(&mut self, now: SystemTime, name: &str, change: Change) {
        let Some(record) = self.code.pipelines.get(name) else {
            return;
        };
        let mut detail = json!({
            "pipeline": name,
            "execution-id": change.execution_id,
            "state": change.state,
            "version": record.pipeline.version(),
        });
        let detail_type = match change.subject {
            Subject::Execution => {
                if let Some(execution) = record.pipeline.execution(&change.execution_id) {
                    detail["start-time"] = json!(crate::moment::iso8601(execution.started_at));
                    detail["execution-trigger"] = json!({
                        "trigger-type": execution.trigger.kind.as_str(),
                        "trigger-detail": execution.trigger.detail,
                    });
                }
                "CodePipeline Pipeline Execution State Change"
            }
            Subject::Stage(stage) => {
                detail["stage"] = json!(stage);
                "CodePipeline Stage Execution State Change"
            }
            Subject::Action { stage, action, kind } => {
                let [owner, category, provider, version] = kind;
                detail["stage"] = json!(stage);
                detail["action"] = json!(action);
                detail["region"] = json!(self.place.region);
                detail["type"] =
                    json!({"owner": owner, "category": category, "provider": provider, "version": version});
                "CodePipeline Action Execution State Change"
            }
        };
        let resources = [self.place.arn("codepipeline", name)];
        self.publish(now, "aws.codepipeline", detail_type, &resources, &detail);
    }

    pub(crate) fn forget_artifacts(&mut self, keys: Vec<String>) {
        for key in keys {
            if self.code.artifacts.remove(&key) == Some(Content::Folder) {
                self.code.forgotten_artifacts.insert(key.clone());
                self.effects.push(Effect::Code(CodeEffect::RemoveArtifact { key }));
            }
        }
    }
}

fn failed(action_id: String, code: &str, message: String) -> Event {
    let code = code.to_owned();
    Event::Failed {
        action_id,
        error: ActionError { code, message },
    }
}

/// The action's variables: JSON in a text, `[{"name": …, "value": …, "type": "PLAINTEXT"}]`.
fn environment_variables(text: Option<&String>) -> Result<BTreeMap<String, String>, String> {
    let Some(text) = text else {
        return Ok(BTreeMap::new());
    };
    let wrong = || format!("EnvironmentVariables: must be a list of names and values, not {text}");
    let list: Vec<Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    let variables = list.iter().map(|variable| {
        let plain = matches!(variable["type"].as_str(), None | Some("PLAINTEXT"));
        let name = variable["name"].as_str().filter(|_| plain).ok_or_else(wrong)?;
        let value = variable["value"].as_str().ok_or_else(wrong)?;
        Ok((name.to_owned(), value.to_owned()))
    });
    variables.collect()
}
