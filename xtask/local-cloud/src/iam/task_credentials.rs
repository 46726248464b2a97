//! The credentials of tasks' roles, as ECS gives them to tasks: at an address that only the task knows.
//!
//! Everything secret is made from one key of this local cloud and the task's id. So the state holds no secret, and a task
//! keeps its credentials over a restart of the local cloud.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::access_key;
use crate::cloud::Cloud;
use crate::moment::iso8601;
use crate::properties::text;
use crate::store;
use crate::wire::Fault;

/// The path of tasks' credentials, before the task's id.
pub(crate) const PATH: &str = "/_local/credentials";

/// How long credentials say that they last. The endpoint gives later ones each time.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
const LIFETIME: Duration = Duration::from_hours(6);

/// The length of AWS's secret access keys.
const SECRET_CHARACTERS: usize = 40;

/// The file of the key, in the home.
const KEY_FILE: &str = "credentials-key";
const KEY_BYTES: usize = 32;

/// What tasks' secrets are made from.
#[derive(Clone, Default)]
pub(crate) struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

impl Key {
    /// The key in a folder, or else `new`, which is kept there for its owner only.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn kept_in(folder: &Path, new: [u8; KEY_BYTES]) -> anyhow::Result<Self> {
        let path = folder.join(KEY_FILE);
        if let Ok(known) = fs::read(&path)
            && let Ok(known) = known.try_into()
        {
            return Ok(Self(known));
        }
        store::replace_file(&path, &new).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(new))
    }

    /// 64 hexadecimal digits, others for each purpose and task.
    fn secret(&self, purpose: &str, task: &str) -> String {
        let parts = [&self.0, purpose.as_bytes(), &[0], task.as_bytes()];
        let digest = parts.iter().fold(Sha256::new(), Sha256::chain_update);
        digest.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn authorization(&self, task: &str) -> String {
        self.secret("authorization", task)
    }
}

/// The variables by which a task finds AWS and its role's credentials; none for a task without a role.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
pub(crate) fn variables(cloud: &Cloud, definition: &Value, task: &str) -> Vec<(&'static str, String)> {
    if text(definition, "TaskRoleArn").is_none() {
        return Vec::new();
    }
    let host = cloud.tasks_reach.map(|address| address.to_string());
    let endpoint = format!("http://{}", host.as_ref().unwrap_or(&cloud.registry_host));
    vec![
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            cloud.credentials_key.authorization(task),
        ),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{endpoint}{PATH}/{task}")),
        ("AWS_ENDPOINT_URL", endpoint),
    ]
}

/// The credentials of a task that isn't over.
///
/// # Errors
/// When there is no such task, it has no role, or `authorization` isn't the task's, in the ECS agent's words.
pub(crate) fn credentials(
    cloud: &Cloud,
    now: SystemTime,
    task: &str,
    authorization: Option<&str>,
) -> Result<Value, Fault> {
    let key = &cloud.credentials_key;
    let authorized = authorization.is_some_and(|given| given == key.authorization(task));
    let role = cloud.task_role(task).filter(|_| authorized && !cloud.is_over(task));
    let Some(role) = role else {
        return Err(Fault::client(
            "InvalidIdInRequest",
            "CredentialsV2Request: ID not found",
        ));
    };
    let role_arn = if role.starts_with("arn:") {
        role
    } else {
        cloud.place.global_arn("iam", &format!("role/{role}"))
    };
    let mut secret = key.secret("secret access key", task);
    secret.truncate(SECRET_CHARACTERS);
    Ok(json!({
        "RoleArn": role_arn,
        "AccessKeyId": access_key(task),
        "SecretAccessKey": secret,
        "Token": key.secret("session token", task),
        "Expiration": iso8601(now + LIFETIME),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_for_its_owner_and_shown_to_nobody() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = Key::kept_in(folder.path(), [1; KEY_BYTES]).unwrap();
        let second = Key::kept_in(folder.path(), [2; KEY_BYTES]).unwrap();
        assert_eq!(first.0, second.0);
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{first:?}"), "Key");
        fs::write(folder.path().join(KEY_FILE), "cut").unwrap();
        assert_eq!(Key::kept_in(folder.path(), [2; KEY_BYTES]).unwrap().0, [2; KEY_BYTES]);
    }

    #[test]
    fn secrets_differ_by_key_purpose_and_task() {
        let (one, other) = (Key([1; KEY_BYTES]), Key([2; KEY_BYTES]));
        let secret = one.secret("authorization", "a");
        assert_eq!(secret, one.authorization("a"));
        assert_eq!(secret.len(), 64);
        for different in [
            one.secret("secret", "a"),
            one.authorization("b"),
            other.authorization("a"),
        ] {
            assert_ne!(secret, different);
        }
    }
}
