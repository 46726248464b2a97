//! `CodeBuild`: projects and builds as records; the builds are processes of this machine.

mod api;
mod builds;
mod buildspec;
mod environment;
mod files;
mod glob;
mod job;
mod junit;
mod log;
mod report_api;
mod reports;
mod request;
mod resources;
mod run;
mod shell;
mod show;
mod sweep;
mod workplace;
mod yaml;

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use job::Job;
pub(crate) use resources::{KINDS, log_of};
pub(crate) use run::Builds;
pub(crate) use sweep::sweep;

/// A project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
    pub(crate) modified_at: SystemTime,
}

/// A build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Build {
    pub(crate) number: u64,
    pub(crate) project: String,
    /// The project's as they were when it was started.
    pub(crate) properties: Value,
    pub(crate) status: Status,
    pub(crate) phases: Vec<PhaseRecord>,
    pub(crate) started_at: SystemTime,
    pub(crate) ended_at: Option<SystemTime>,
    /// When it has taken too long.
    pub(crate) deadline: SystemTime,
    /// Whether its end was asked for, and how it is to count then.
    pub(crate) ending_as: Option<Status>,
    pub(crate) order: Order,
    pub(crate) exported: BTreeMap<String, String>,
}

/// What a pipeline's action asks of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) pipeline: String,
    pub(crate) action_id: String,
    /// The primary source first.
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<pipeline::Artifact>,
    /// The action's variables, over the project's.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) revision: Option<String>,
}

/// A source of a build, by its artifact's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// Where a source comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Source {
    /// A commit of a repository.
    Commit { repository: String, commit: String },
    /// What an action has made, by its key.
    Folder { key: String },
}

/// How a build or one of its phases stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    InProgress,
    Succeeded,
    Failed,
    Fault,
    TimedOut,
    Stopped,
}

/// The phases of a build, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    Submitted,
    Queued,
    Provisioning,
    DownloadSource,
    Install,
    PreBuild,
    Build,
    PostBuild,
    UploadArtifacts,
    Finalizing,
    Completed,
}

/// A phase that a build has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseRecord {
    pub(crate) phase: Phase,
    pub(crate) status: Status,
    pub(crate) started_at: SystemTime,
    pub(crate) ended_at: Option<SystemTime>,
    /// AWS's code and sentence for what went wrong.
    pub(crate) context: Option<(String, String)>,
}

/// How far a build has come, told by who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    Began(Phase),
    Ended(Phase, Result<(), (String, String)>),
    /// Its tests, for a report group by its name in the buildspec, or by ARN.
    Tested {
        group: String,
        cases: Vec<junit::TestCase>,
    },
    Over {
        status: Status,
        exported: BTreeMap<String, String>,
    },
}

/// A report group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReportGroup {
    /// As CloudFormation has them.
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
    pub(crate) modified_at: SystemTime,
}

/// What a build's tests did, in one group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TestReport {
    /// The group's name.
    pub(crate) group: String,
    /// The build's id.
    pub(crate) build: String,
    pub(crate) created_at: SystemTime,
    pub(crate) cases: Vec<junit::TestCase>,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Fault => "FAULT",
            Self::TimedOut => "TIMED_OUT",
            Self::Stopped => "STOPPED",
        }
    }
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Queued => "QUEUED",
            Self::Provisioning => "PROVISIONING",
            Self::DownloadSource => "DOWNLOAD_SOURCE",
            Self::Install => "INSTALL",
            Self::PreBuild => "PRE_BUILD",
            Self::Build => "BUILD",
            Self::PostBuild => "POST_BUILD",
            Self::UploadArtifacts => "UPLOAD_ARTIFACTS",
            Self::Finalizing => "FINALIZING",
            Self::Completed => "COMPLETED",
        }
    }
}

impl Build {
    fn enter(&mut self, now: SystemTime, phase: Phase) {
        self.phases.push(PhaseRecord {
            phase,
            status: Status::InProgress,
            started_at: now,
            ended_at: None,
            context: None,
        });
    }

    fn leave(&mut self, now: SystemTime, status: Status, context: Option<(String, String)>) {
        if let Some(last) = self.phases.last_mut().filter(|last| last.ended_at.is_none()) {
            last.ended_at = Some(now);
            last.status = status;
            last.context = context;
        }
    }

    /// The ARN of the role that its commands act in.
    pub(crate) fn service_role(&self) -> &str {
        self.properties["ServiceRole"].as_str().unwrap_or_default()
    }

    /// What went wrong first, as a pipeline tells it.
    fn failure(&self) -> String {
        let failed = self.phases.iter().find(|phase| phase.context.is_some());
        match failed.and_then(|failed| Some((failed.phase, failed.context.as_ref()?))) {
            Some((phase, (code, message))) => format!(
                "Build terminated with state: {}. Phase: {}, Code: {code}, Message: {message}",
                self.status.as_str(),
                phase.as_str()
            ),
            None => format!("Build terminated with state: {}", self.status.as_str()),
        }
    }
}
