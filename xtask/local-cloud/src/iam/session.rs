//! Sessions of roles: who they are, and by which access key they are known.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::cloud::Cloud;
use crate::codebuild::Build;
use crate::ids::Place;
use crate::moment;

/// How access keys of sessions begin.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
const SESSION_KEY: &str = "ASIA";

/// A role that somebody has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The role's name, without its path.
    role: String,
    name: String,
}

impl Session {
    /// The build's whose key it is.
    pub(super) fn of_build(builds: &BTreeMap<String, Build>, key: &str) -> Option<Self> {
        if !key.starts_with(SESSION_KEY) {
            return None;
        }
        let (id, build) = builds.iter().find(|(id, _)| access_key(id) == key)?;
        Some(Self {
            role: name_in(build.service_role()).to_owned(),
            name: format!("AWSCodeBuild-{}", uuid_of(id)),
        })
    }

    /// The task's whose key it is; ECS names the session by the task's id.
    pub(super) fn of_task(cloud: &Cloud, key: &str) -> Option<Self> {
        if !key.starts_with(SESSION_KEY) {
            return None;
        }
        let task = cloud.ecs.tasks.keys().find(|task| access_key(task) == key)?;
        Some(Self {
            role: name_in(&cloud.task_role(task)?).to_owned(),
            name: task.clone(),
        })
    }

    /// CloudFormation's, in a role that it was handed.
    pub(super) fn of_cloud_formation(role_arn: &str) -> Self {
        Self {
            role: name_in(role_arn).to_owned(),
            name: "AWSCloudFormation".to_owned(),
        }
    }

    /// That of a service which names its sessions by the time, as `CodePipeline` does.
    pub(super) fn of_service(role_arn: &str, now: SystemTime) -> Self {
        Self {
            role: name_in(role_arn).to_owned(),
            name: moment::millis(now).to_string(),
        }
    }

    /// The role's name.
    pub(super) fn role(&self) -> &str {
        &self.role
    }

    /// The session's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
    pub(super) fn arn(&self, place: &Place) -> String {
        place.global_arn("sts", &format!("assumed-role/{}/{}", self.role, self.name))
    }
}

/// The access key of a build or a task: made from its id, so that nothing has to be kept. It is no secret, as signatures
/// aren't verified: it only says who asks.
pub(crate) fn access_key(id: &str) -> String {
    let digits = uuid_of(id).chars().filter(char::is_ascii_hexdigit).take(16);
    SESSION_KEY.to_owned() + &digits.collect::<String>().to_uppercase()
}

fn uuid_of(build: &str) -> &str {
    build.split_once(':').map_or(build, |(_, uuid)| uuid)
}

fn name_in(role_arn: &str) -> &str {
    role_arn.rsplit('/').next().unwrap_or(role_arn)
}
