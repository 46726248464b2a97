//! Everything between a push and a deployment: repositories, builds, pipelines, and the rules that join them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::codebuild::{Build, Project, Report, ReportGroup, TestReport};
use crate::codecommit::{Branches, Commits, NoCommits, Repository};
use crate::codepipeline::{Content, Record};
use crate::events::Rule;

/// The records of these services.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Code {
    /// By name.
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// The names of deleted ones whose folder may still be there.
    pub(crate) deleted_repositories: BTreeSet<String>,
    /// By name.
    pub(crate) projects: BTreeMap<String, Project>,
    /// How many builds each project has had; numbers are never given again.
    pub(crate) build_numbers: BTreeMap<String, u64>,
    /// By id.
    pub(crate) builds: BTreeMap<String, Build>,
    /// By name.
    #[serde(default)]
    pub(crate) report_groups: BTreeMap<String, ReportGroup>,
    /// By ARN.
    #[serde(default)]
    pub(crate) reports: BTreeMap<String, TestReport>,
    /// By name.
    pub(crate) pipelines: BTreeMap<String, Record>,
    /// What is under each key of an artifact store.
    pub(crate) artifacts: BTreeMap<String, Content>,
    /// Keys of forgotten artifacts whose folder may still be there.
    pub(crate) forgotten_artifacts: BTreeSet<String>,
    /// By name.
    pub(crate) rules: BTreeMap<String, Rule>,
    /// Events that no rule has been asked about yet.
    pub(crate) events: Vec<Value>,
    #[serde(skip, default = "no_commits")]
    pub(crate) commits: Arc<dyn Commits>,
}

impl Default for Code {
    fn default() -> Self {
        Self {
            repositories: BTreeMap::new(),
            deleted_repositories: BTreeSet::new(),
            projects: BTreeMap::new(),
            build_numbers: BTreeMap::new(),
            builds: BTreeMap::new(),
            report_groups: BTreeMap::new(),
            reports: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            forgotten_artifacts: BTreeSet::new(),
            rules: BTreeMap::new(),
            events: Vec::new(),
            commits: no_commits(),
        }
    }
}

fn no_commits() -> Arc<dyn Commits> {
    Arc::new(NoCommits)
}

/// Something to do outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodeEffect {
    /// Make a bare git repository.
    MakeRepository {
        /// Its name.
        name: String,
    },
    /// Remove a git repository's folder.
    DeleteRepository {
        /// Its name.
        name: String,
    },
    /// Look at a repository's branches.
    ReadBranches {
        /// Its name.
        name: String,
    },
    /// Run a build.
    StartBuild {
        /// Its id.
        build: String,
    },
    /// End a build's processes.
    StopBuild {
        /// Its id.
        build: String,
    },
    /// Tell those who are subscribed to a topic.
    Publish {
        /// Its ARN.
        topic: String,
        /// What they are told.
        message: String,
    },
    /// Remove an artifact's folder.
    RemoveArtifact {
        /// Its key.
        key: String,
    },
}

/// Something that happened outside.
#[derive(Debug)]
pub(crate) enum CodeHappening {
    /// A git repository is there, or why not.
    RepositoryMade { name: String, outcome: Result<(), String> },
    /// What branches a repository has, perhaps after a push.
    Branches { name: String, branches: Branches },
    /// How far a build has come.
    Build { build: String, report: Report },
}

impl Cloud {
    /// Takes in what happened.
    pub(crate) fn code_happened(&mut self, now: SystemTime, happening: CodeHappening) {
        match happening {
            CodeHappening::RepositoryMade { name, outcome } => self.repository_made(name, outcome),
            CodeHappening::Branches { name, branches } => self.branches_seen(now, &name, &branches),
            CodeHappening::Build { build, report } => self.build_reported(now, &build, report),
        }
    }

    /// After a restart: what may not have been done is asked for again, and builds that nobody runs any more are over.
    pub(crate) fn resume_code(&mut self, now: SystemTime) {
        let deleted = self.code.deleted_repositories.iter().cloned();
        let deleted = deleted.map(|name| CodeEffect::DeleteRepository { name });
        let repositories = self.code.repositories.iter().map(|(name, repository)| {
            let name = name.clone();
            if repository.made == Some(Ok(())) {
                CodeEffect::ReadBranches { name }
            } else {
                CodeEffect::MakeRepository { name }
            }
        });
        let artifacts = self.code.forgotten_artifacts.iter().cloned();
        let artifacts = artifacts.map(|key| CodeEffect::RemoveArtifact { key });
        let effects = deleted.chain(repositories).chain(artifacts).collect::<Vec<_>>();
        self.effects.extend(effects.into_iter().map(crate::cloud::Effect::Code));
        self.give_up_builds(now);
    }

    /// When something here is due: events at once.
    pub(crate) fn code_deadline(&self) -> Option<SystemTime> {
        if self.code.events.is_empty() {
            self.builds_deadline()
        } else {
            Some(SystemTime::UNIX_EPOCH)
        }
    }

    /// Notes that an effect whose end nobody tells of has been performed; true when that changes the records.
    pub(crate) fn code_performed(&mut self, effect: &CodeEffect) -> bool {
        match effect {
            CodeEffect::DeleteRepository { name } => self.code.deleted_repositories.remove(name),
            CodeEffect::RemoveArtifact { key } => self.code.forgotten_artifacts.remove(key),
            _ => false,
        }
    }
}
