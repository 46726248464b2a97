//! The releases that a repository holds, and finding one of them.

use std::collections::BTreeSet;

use deployment::release::{Listed, Record};

use crate::aws::whole_seconds;
use crate::code::Code;
use crate::exit::Failure;
use crate::table;

/// How many releases an error lists.
const MOST: usize = 10;

/// How many digits tell one release from another for people.
const DIGITS: usize = 12;

/// The releases that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// The releases, newest first.
    pub(crate) releases: Vec<Listed>,
    /// The digests of releases that can't be read, with the reason.
    pub(crate) unreadable: Vec<(String, String)>,
    /// The digests of everything in the repository.
    pub(crate) images: BTreeSet<String>,
}

impl Listing {
    /// Whether a release's image is in the repository.
    pub(crate) fn has_image(&self, listed: &Listed) -> bool {
        self.images.contains(listed.release.image_digest())
    }

    /// Finds a release by its digest, or by the first digits of it.
    ///
    /// # Errors
    /// If there is none or more than one: exit status 4, and the releases that there are.
    pub(crate) fn find(&self, name: &str) -> Result<&Listed, Failure> {
        let digits = digits(name);
        let is_meant = |digest: &str| !digits.is_empty() && self::digits(digest).starts_with(digits);
        let found: Vec<&Listed> = self.releases.iter().filter(|listed| is_meant(&listed.digest)).collect();
        let what = match &found[..] {
            [one] => return Ok(one),
            [] => match self.unreadable.iter().find(|(digest, _)| is_meant(digest)) {
                Some((digest, why)) => format!("can't read release {}: {why}; nothing was changed", short(digest)),
                None => format!("no release starts with `{name}`; nothing was changed"),
            },
            several => format!(
                "`{name}` is the start of {} releases; nothing was changed",
                several.len()
            ),
        };
        Err(Failure::preflight(what)
            .code(Code::ReleaseUnknown)
            .also(&available(self)))
    }
}

/// A digest without the algorithm's name.
fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// The first digits of a digest.
pub(crate) fn short(digest: &str) -> &str {
    digits(digest).get(..DIGITS).unwrap_or(digits(digest))
}

/// When a release was made, to the second. Empty if that isn't known.
pub(super) fn made(record: Option<&Record>) -> String {
    record.map(|record| whole_seconds(record.time)).unwrap_or_default()
}

/// The releases that can be deployed, for an error.
pub(crate) fn available(listing: &Listing) -> String {
    let complete = listing.releases.iter().filter(|listed| listing.has_image(listed));
    let row = |listed: &Listed| {
        let revision = listed
            .record
            .as_ref()
            .map(|record| record.revision.clone())
            .unwrap_or_default();
        vec![short(&listed.digest).to_owned(), made(listed.record.as_ref()), revision]
    };
    let mut rows: Vec<Vec<String>> = complete.map(row).collect();
    if rows.is_empty() {
        return "there are no releases to deploy".to_owned();
    }
    let more = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    if more > 0 {
        rows.push(vec![format!("… and {more} more")]);
    }
    table::render(&["RELEASE", "MADE", "REVISION"], &rows)
}
