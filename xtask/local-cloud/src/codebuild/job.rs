//! What is to be done for a build, complete: whoever does it needs nothing else.

use std::collections::BTreeMap;

use super::{Input, environment, resources};
use crate::cloud::Cloud;

/// A build to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) project: String,
    /// The path of a buildspec in the primary source, or one itself.
    pub(crate) buildspec: String,
    /// The primary first.
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<pipeline::Artifact>,
    /// What `CodeBuild` itself tells.
    pub(crate) environment: BTreeMap<String, String>,
    /// What the project and the action say, which comes over the buildspec's.
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.variables>
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether folders that the buildspec names are kept for the next build.
    pub(crate) keeps_cache: bool,
    /// Log group and stream.
    pub(crate) log: (String, String),
}

impl Job {
    /// The job of a build that is known.
    pub(crate) fn new(cloud: &Cloud, id: &str) -> Option<Self> {
        let build = cloud.code.builds.get(id)?;
        let mut variables = resources::variables(&build.properties);
        variables.extend(build.order.variables.clone());
        Some(Self {
            id: id.to_owned(),
            project: build.project.clone(),
            buildspec: resources::buildspec(&build.properties),
            inputs: build.order.inputs.clone(),
            outputs: build.order.outputs.clone(),
            environment: environment::of_codebuild(cloud, id, build),
            variables,
            keeps_cache: build.properties["Cache"]["Type"] == "LOCAL",
            log: resources::log_of(id, build),
        })
    }
}
