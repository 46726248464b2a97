//! What a call of `CodeBuild` asks for, and what it is told when that is wrong.

use serde_json::Value;

use crate::properties::{required, text, texts};
use crate::wire::Fault;

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetBuilds.html>
const NAMES_AT_ONCE: usize = 100;

pub(super) fn ascending(input: &Value, usually: bool) -> Result<bool, Fault> {
    match text(input, "sortOrder").as_deref() {
        None => Ok(usually),
        Some("ASCENDING") => Ok(true),
        Some("DESCENDING") => Ok(false),
        Some(other) => Err(invalid(&format!(
            "sortOrder: {other} is neither ASCENDING nor DESCENDING"
        ))),
    }
}

pub(super) fn names(input: &Value, name: &str) -> Result<Vec<String>, Fault> {
    let names = texts(input, name);
    if names.is_empty() || names.len() > NAMES_AT_ONCE {
        return Err(invalid(&format!("{name}: from 1 to {NAMES_AT_ONCE} are wanted")));
    }
    Ok(names)
}

pub(super) fn wanted(input: &Value, name: &str) -> Result<String, Fault> {
    required(input, name).map_err(|reason| invalid(&reason))
}

pub(super) fn invalid(message: &str) -> Fault {
    Fault::client("InvalidInputException", message)
}

pub(super) fn not_found(what: &str) -> Fault {
    Fault::client("ResourceNotFoundException", format!("{what} cannot be found"))
}
