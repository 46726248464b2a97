//! The repository that images are pushed to.

/// The application's name as a repository's may be: lower case.
pub const PREFIX: &str = "oneboxdeploymentonecs";

/// How many images are kept: enough to roll back to, far more than the two that run.
pub const IMAGES_KEPT: u16 = 100;

const _: () = assert!(IMAGES_KEPT > 2);
