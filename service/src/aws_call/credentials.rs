//! The task role's credentials.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>

use std::{fmt, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

/// How long credentials are used before they are asked for again. They last for hours, and the endpoint renews them in
/// time.
const FRESH: Duration = Duration::from_mins(1);

/// Temporary credentials of a role.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials")
    }
}

impl Credentials {
    /// Reads the endpoint's answer; `None` if it has no credentials.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Some(Self {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: text("SecretAccessKey")?,
            token: text("Token")?,
        })
    }
}

/// Credentials, and since when they are known.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) credentials: Credentials,
    fetched: Instant,
}

impl Kept {
    /// Just fetched.
    pub(super) fn new(credentials: Credentials) -> Self {
        let fetched = Instant::now();
        Self { credentials, fetched }
    }

    /// Whether they may still be used.
    pub(super) fn is_fresh(&self) -> bool {
        self.fetched.elapsed() < FRESH
    }
}
