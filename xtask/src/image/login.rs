//! A registry's login, which nobody is shown.

use std::fmt;

/// What opens a registry.
#[derive(Debug, Clone)]
pub(crate) struct RegistryLogin {
    /// The user, `AWS` at ECR.
    pub(crate) username: String,
    /// The password; a token of some hours' life at ECR.
    pub(crate) password: Secret,
}

/// A text that isn't printed.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl RegistryLogin {
    /// A user's login.
    pub(crate) fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: Secret(password.into()),
        }
    }
}

impl Secret {
    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}
