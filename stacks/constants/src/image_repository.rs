//! The repository that images are pushed to.

/// The application's name as a repository's may be: lower case.
pub const PREFIX: &str = "oneboxdeploymentonecs";

/// What the tags begin with whose images never expire: what runs, and what a rollback needs.
pub const KEPT_TAG_PREFIX: &str = "keep-";

/// A number of images that no repository reaches: ECR allows 100,000 in one unless AWS raises that.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html>
pub const UNREACHABLE_IMAGES: i64 = 1_000_000;

/// How many other images are kept: enough to look back at, far more than the two that run.
pub const IMAGES_KEPT: u16 = 100;

const _: () = assert!(IMAGES_KEPT > 2);
