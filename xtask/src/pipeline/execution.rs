//! What a pipeline's execution is, and what its end means.

use std::time::{Duration, SystemTime};

use crate::exit::Exit;

/// An execution of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution {
    /// Its id.
    pub(crate) id: String,
    /// `InProgress`, `Succeeded`, `Failed`, `Superseded`, `Stopping`, `Stopped` or `Cancelled`.
    pub(crate) status: String,
    /// AWS's words for the status.
    pub(crate) reason: Option<String>,
    /// What it runs, once its source is known.
    pub(crate) revision: Option<Revision>,
    /// What started it: `CloudWatchEvent`, `StartPipelineExecution`.
    pub(crate) trigger: Option<String>,
    /// When it began, where the answer tells.
    pub(crate) started: Option<SystemTime>,
    /// When its status changed last, where the answer tells.
    pub(crate) updated: Option<SystemTime>,
    /// The fault that its image shows on purpose, where the answer tells.
    pub(crate) fault: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// Its hash.
    pub(crate) id: String,
    /// The first line of its message.
    pub(crate) summary: String,
}

/// A stage as the pipeline defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Its name.
    pub(crate) name: String,
    /// The names of its actions, in the order in which they run.
    pub(crate) actions: Vec<String>,
}

/// An action that an execution has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// The id of this run of it.
    pub(crate) id: String,
    /// The stage that it belongs to.
    pub(crate) stage: String,
    /// Its name.
    pub(crate) name: String,
    /// `InProgress`, `Succeeded`, `Failed` or `Abandoned`.
    pub(crate) status: String,
    /// When it began.
    pub(crate) started: Option<SystemTime>,
    /// When its status changed last.
    pub(crate) updated: Option<SystemTime>,
    /// The build that it runs, if that is what it does.
    pub(crate) build: Option<String>,
    /// AWS's words for its end.
    pub(crate) reason: Option<String>,
}

/// A build of CodeBuild's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    /// `BUILD`, or another phase that it is in.
    pub(crate) phase: Option<String>,
    /// CodeBuild's words for the phase that failed.
    pub(crate) failure: Option<String>,
    /// Where its log is.
    pub(crate) log_group: Option<String>,
    /// Its part of the log group.
    pub(crate) log_stream: Option<String>,
    /// How long the buildspec's commands took, as far as they have ended.
    pub(crate) worked: Duration,
}

impl Execution {
    /// Whether it goes on.
    ///
    /// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html>
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status.as_str(), "InProgress" | "Stopping")
    }

    /// How long it has run, or ran.
    pub(crate) fn elapsed(&self, now: SystemTime) -> Option<Duration> {
        let end = if self.is_running() { Some(now) } else { self.updated };
        end?.duration_since(self.started?).ok()
    }

    /// Whether someone asked for it, who may have given it variables; any other has those of the pipeline.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.trigger.as_deref() == Some("StartPipelineExecution")
    }

    /// What started it, for people.
    ///
    /// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ExecutionTrigger.html>
    pub(crate) fn started_by(&self) -> String {
        let trigger = self.trigger.as_deref().unwrap_or_default();
        let by = match trigger {
            "CloudWatchEvent" | "PollForSourceChanges" | "Webhook" | "WebhookV2" => "push",
            "StartPipelineExecution" => "hand",
            "CreatePipeline" => "creation",
            other => other,
        };
        match &self.fault {
            Some(fault) => format!("{by}, --fault {fault}"),
            None => by.to_owned(),
        }
    }
}

impl Action {
    /// Its name for people: `Onebox of Production`, or the stage's name if that is its own.
    pub(crate) fn title(&self) -> String {
        if self.stage == self.name {
            self.name.clone()
        } else {
            format!("{} of {}", self.name, self.stage)
        }
    }

    /// How long it has run, or ran.
    pub(crate) fn elapsed(&self, now: SystemTime) -> Option<Duration> {
        let end = if self.status == "InProgress" {
            Some(now)
        } else {
            self.updated
        };
        end?.duration_since(self.started?).ok()
    }
}

impl Build {
    /// The exit status of the command that failed it, by CodeBuild's words:
    /// `Error while executing command: COMMAND. Reason: exit status 5`.
    ///
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html>
    pub(crate) fn exit_status(&self) -> Option<u8> {
        let (_, number) = self.failure.as_deref()?.rsplit_once("exit status ")?;
        number.trim().trim_end_matches('.').parse().ok()
    }

    /// What that exit status means where the command is one of this command line's: a stage that was rolled back ends
    /// the pipeline as rolled back.
    pub(crate) fn exit(&self) -> Exit {
        let known = [
            Exit::Refused,
            Exit::Preflight,
            Exit::RolledBack,
            Exit::RollbackFailed,
            Exit::ThinEvidence,
        ];
        let status = self.exit_status();
        let found = known.into_iter().find(|exit| Some(exit.code()) == status);
        found.unwrap_or(Exit::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_is_in_codebuilds_words() {
        let check = |words: &str, expected: Exit| {
            let build = Build {
                phase: None,
                failure: Some(words.to_owned()),
                log_group: None,
                log_stream: None,
                worked: Duration::ZERO,
            };
            assert_eq!(build.exit(), expected, "{words}");
        };
        check(
            "Error while executing command: ./xtask deploy prod --stage onebox. Reason: exit status 5",
            Exit::RolledBack,
        );
        check(
            "Error while executing command: ./xtask deploy prod. Reason: exit status 6",
            Exit::RollbackFailed,
        );
        check(
            "Error while executing command: cargo build. Reason: exit status 101",
            Exit::Failed,
        );
        check(
            "Error while executing command: ./xtask deploy prod --stage fleet. Reason: exit status 7",
            Exit::ThinEvidence,
        );
        check("Build has timed out.", Exit::Failed);
    }
}
