//! `CodeBuild`: projects and builds as records; the builds are processes of this machine.

mod api;
mod buildspec;
mod environment;
mod files;
mod glob;
mod job;
mod junit;
mod log;
mod report_api;
mod reports;
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
pub(crate) use job::{Input, Job, Source};
pub(crate) use reports::{ReportGroup, TestReport};
pub(crate) use resources::{KINDS, log_of};
pub(crate) use run::Builds;
pub(crate) use sweep::sweep;

use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;

/// How many ended builds are kept. AWS keeps them for a year.
const BUILDS_KEPT: usize = 100;

/// What a build ends with that ran while the local cloud was killed: its processes are ended when the next one starts,
/// since nobody knows any more what they did meanwhile. The action fails, and a retry of its stage runs it anew.
const INTERRUPTED: &str = "the local cloud ended while this build ran, and the build with it; retry the stage";

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

impl Cloud {
    /// Begins a build for a pipeline's action and gives its id.
    ///
    /// # Errors
    /// When there is no such project.
    pub(crate) fn start_build(&mut self, now: SystemTime, project: &str, order: Order) -> Result<String, String> {
        let Some(properties) = self
            .code
            .projects
            .get(project)
            .map(|project| project.properties.clone())
        else {
            return Err(format!("project {project} does not exist"));
        };
        let number = self.code.build_numbers.entry(project.to_owned()).or_default();
        *number += 1;
        let id = format!("{project}:{}", self.ids.uuid());
        let mut build = Build {
            number: *number,
            project: project.to_owned(),
            status: Status::InProgress,
            phases: Vec::new(),
            started_at: now,
            ended_at: None,
            deadline: now + resources::timeout(&properties),
            ending_as: None,
            properties,
            order,
            exported: BTreeMap::new(),
        };
        for phase in [Phase::Submitted, Phase::Queued] {
            build.enter(now, phase);
            build.leave(now, Status::Succeeded, None);
        }
        let (group, _) = log_of(&id, &build);
        self.ensure_log_group(now, &group);
        self.code.builds.insert(id.clone(), build);
        self.effects
            .push(Effect::Code(CodeEffect::StartBuild { build: id.clone() }));
        Ok(id)
    }

    /// Asks for a build's end, which is told once its processes are gone.
    pub(crate) fn stop_build(&mut self, id: &str, as_what: Status) {
        if let Some(build) = self
            .code
            .builds
            .get_mut(id)
            .filter(|build| build.status == Status::InProgress)
        {
            build.ending_as.get_or_insert(as_what);
            self.effects
                .push(Effect::Code(CodeEffect::StopBuild { build: id.to_owned() }));
        }
    }

    /// Takes in how far a build has come.
    pub(crate) fn build_reported(&mut self, now: SystemTime, id: &str, report: Report) {
        let Some(build) = self
            .code
            .builds
            .get_mut(id)
            .filter(|build| build.status == Status::InProgress)
        else {
            return;
        };
        match report {
            Report::Began(phase) => build.enter(now, phase),
            Report::Ended(_, Ok(())) => build.leave(now, Status::Succeeded, None),
            Report::Ended(_, Err(context)) => {
                let status = build.ending_as.unwrap_or(Status::Failed);
                build.leave(now, status, Some(context));
            }
            Report::Tested { group, cases } => self.add_report(now, id, &group, cases),
            Report::Over { status, exported } => {
                build.exported = exported;
                self.end_build(now, id, status);
            }
        }
    }

    fn end_build(&mut self, now: SystemTime, id: &str, status: Status) {
        let Some(build) = self.code.builds.get_mut(id) else {
            return;
        };
        let asked = build.ending_as.filter(|_| status != Status::Succeeded);
        build.status = asked.unwrap_or(status);
        build.leave(now, build.status, None);
        build.enter(now, Phase::Completed);
        build.leave(now, Status::Succeeded, None);
        build.ended_at = Some(now);
        let build = build.clone();
        let outcome = match build.status {
            Status::Succeeded => Ok(build.exported.clone()),
            _ => Err(build.failure()),
        };
        self.action_ended(now, &build.order.pipeline, &build.order.action_id, outcome);
        self.forget_builds();
    }

    fn forget_builds(&mut self) {
        let ended = self
            .code
            .builds
            .iter()
            .filter_map(|(id, build)| Some((build.ended_at?, id.clone())));
        let mut ended = ended.collect::<Vec<_>>();
        ended.sort();
        let surplus = ended.len().saturating_sub(BUILDS_KEPT);
        for (_, id) in ended.into_iter().take(surplus) {
            self.code.builds.remove(&id);
        }
    }

    /// After a restart: those that had not begun begin, and those that had are over.
    pub(crate) fn give_up_builds(&mut self, now: SystemTime) {
        let running = self
            .code
            .builds
            .iter()
            .filter(|(_, build)| build.status == Status::InProgress);
        let running = running.map(|(id, build)| (id.clone(), build.phases.len() > 2, build.ending_as.is_some()));
        for (id, begun, ending) in running.collect::<Vec<_>>() {
            if begun || ending {
                if let Some(build) = self.code.builds.get_mut(&id) {
                    let context = ("INTERNAL_SERVICE_ERROR".to_owned(), INTERRUPTED.to_owned());
                    if build.phases.last().is_some_and(|last| last.ended_at.is_some()) {
                        build.enter(now, Phase::Finalizing);
                    }
                    build.leave(now, Status::Fault, Some(context));
                }
                self.end_build(now, &id, Status::Fault);
            } else {
                self.effects.push(Effect::Code(CodeEffect::StartBuild { build: id }));
            }
        }
    }

    /// Ends the builds whose time is up; true when there is one.
    pub(crate) fn builds_tick(&mut self, now: SystemTime) -> bool {
        let late = self.code.builds.iter().filter(|(_, build)| {
            build.status == Status::InProgress && build.ending_as.is_none() && build.deadline <= now
        });
        let late = late.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        for id in &late {
            self.stop_build(id, Status::TimedOut);
        }
        !late.is_empty()
    }

    /// When the next build's time is up.
    pub(crate) fn builds_deadline(&self) -> Option<SystemTime> {
        let running = self
            .code
            .builds
            .values()
            .filter(|build| build.status == Status::InProgress && build.ending_as.is_none());
        running.map(|build| build.deadline).min()
    }
}
