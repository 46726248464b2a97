//! `CodePipeline`: pipelines as CloudFormation makes them, and the hands of the state machine in the crate `pipeline`.

mod actions;
mod api;
mod resources;
mod show;

use std::collections::BTreeMap;
use std::time::SystemTime;

use pipeline::{Event, Pipeline, Trigger};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use api::call;
pub(crate) use resources::KINDS;

/// A pipeline.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) pipeline: Pipeline,
    pub(crate) properties: Value,
    pub(crate) created_at: SystemTime,
    pub(crate) updated_at: SystemTime,
}

/// What an artifact is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    /// A commit's files.
    Commit { repository: String, commit: String },
    /// A folder below the home, by its key.
    Folder,
}

/// A start with nothing of its own.
pub(crate) fn start(trigger: Trigger) -> Event {
    Event::Start {
        trigger,
        variables: BTreeMap::new(),
        revisions: BTreeMap::new(),
    }
}
