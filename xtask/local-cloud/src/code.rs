//! Everything between a push and a deployment: repositories, builds, pipelines, and the rules that join them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
