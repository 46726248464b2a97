//! What a local cloud is started with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What runs the tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeChoice {
    /// What ran the tasks before; at first Docker where it answers, otherwise processes.
    #[default]
    Auto,
    /// Each task is a container of the Docker daemon; an error where none answers.
    Docker,
    /// Each task is a child process.
    Process,
}

/// How to start a local cloud.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds its state, one local cloud a folder.
    pub home: PathBuf,
    /// The port on 127.0.0.1; none means the one used before, or else the first free one from 4566.
    pub port: Option<u16>,
    /// What runs the tasks.
    pub runtime: RuntimeChoice,
    /// How many times faster than on AWS its waits pass; from 1 to 1000. Requests are never scaled.
    pub speed: f64,
    /// The region that it plays.
    pub region: String,
}
