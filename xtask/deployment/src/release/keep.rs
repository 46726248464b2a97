//! The tags that keep images and releases from expiring.
//!
//! The repository's lifecycle policy never expires what has a `keep-…` tag. Tags are immutable, so each is unique: it is
//! made of the digest that it points to. ECR deletes an image along with its last tag, so a last tag is never removed:
//! <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>.

use std::collections::BTreeSet;

use super::{Listed, completed};

/// What the tags start with that the lifecycle policy never expires.
pub const KEEP_PREFIX: &str = "keep-";

/// What the tags start with by which releases are found among images.
pub const RELEASE_PREFIX: &str = "release-";

/// How many digits of a digest are in a tag.
const DIGITS: usize = 32;

/// An image or artifact that the repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The digest.
    pub digest: String,
    /// The tags.
    pub tags: Vec<String>,
}

/// A change of the repository's tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagChange {
    /// Gives a manifest a tag.
    Add {
        /// The manifest's digest.
        digest: String,
        /// The tag.
        tag: String,
    },
    /// Removes a tag from a manifest that has others.
    Remove {
        /// The tag.
        tag: String,
    },
}

/// The tag that keeps a digest from expiring.
pub fn keep_tag(digest: &str) -> String {
    tag(KEEP_PREFIX, digest)
}

/// The tag by which a release is found among images.
pub fn release_tag(digest: &str) -> String {
    tag(RELEASE_PREFIX, digest)
}

fn tag(prefix: &str, digest: &str) -> String {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    format!("{prefix}{}", digits.get(..DIGITS).unwrap_or(digits))
}

/// The digests that must not expire: what runs, the `spare` newest completed releases before it, and their images.
///
/// `runs` has digests of releases and of images alike, so that images without a release are kept as well.
pub fn needed(runs: &BTreeSet<String>, releases: &[Listed], environment: &str, spare: usize) -> BTreeSet<String> {
    let mut releases_needed = runs.clone();
    let stack = completed(releases, environment);
    // Whatever isn't known to have completed comes after what is.
    let oldest = stack
        .iter()
        .position(|listed| runs.contains(&listed.digest))
        .unwrap_or(stack.len());
    let running = stack.get(oldest..).unwrap_or_default().iter();
    let before = stack.get(..oldest).unwrap_or_default().iter().rev().take(spare);
    releases_needed.extend(running.chain(before).map(|listed| listed.digest.clone()));
    let images = releases
        .iter()
        .filter(|listed| releases_needed.contains(&listed.digest))
        .map(|listed| listed.release.image_digest().to_owned());
    let images: Vec<String> = images.collect();
    releases_needed.extend(images);
    releases_needed
}

/// The changes after which exactly the `needed` digests of those `stored` have their keep tag. Additions come first.
///
/// A last tag is never removed, nor is a `keep-…` tag that somebody else made.
pub fn keep_changes(needed: &BTreeSet<String>, stored: &[Stored]) -> Vec<TagChange> {
    let mut changes = Vec::new();
    for Stored { digest, tags } in stored {
        let keep = keep_tag(digest);
        match (needed.contains(digest), tags.contains(&keep)) {
            (true, false) => changes.push(TagChange::Add {
                digest: digest.clone(),
                tag: keep,
            }),
            (false, true) if tags.iter().any(|tag| *tag != keep) => changes.push(TagChange::Remove { tag: keep }),
            _ => {}
        }
    }
    changes.sort();
    changes
}
