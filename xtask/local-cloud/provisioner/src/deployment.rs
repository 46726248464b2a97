//! What a stack is asked to become.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// What to do when a creation fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OnFailure {
    DoNothing,
    #[default]
    Rollback,
    Delete,
}

/// A template with everything given beside it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) template_body: String,
    pub(crate) description: Option<String>,
    /// Every parameter's text, defaults included.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Names of parameters whose value is not to be shown.
    pub(crate) no_echo: BTreeSet<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) plan: Plan,
}
