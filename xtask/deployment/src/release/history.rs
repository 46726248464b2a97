//! The releases of an environment in the order of their deployments.

use super::{End, Outcome, Record, Release};

/// A release with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The release's digest.
    pub digest: String,
    /// The release.
    pub release: Release,
    /// Who made it and when. `None` if the record was never written or has expired.
    pub record: Option<Record>,
    /// How its deployments ended, oldest first.
    pub outcomes: Vec<Outcome>,
}

/// Sorts releases by when they were made, newest first; those without a record come last.
pub fn newest_first(releases: &mut [Listed]) {
    releases.sort_by(|one, other| {
        let made = |listed: &Listed| listed.record.as_ref().map(|record| record.time);
        made(other).cmp(&made(one)).then_with(|| one.digest.cmp(&other.digest))
    });
}

/// The releases that completed in an environment and weren't left by a rollback, in the order of their deployments.
/// The last one is the newest. A release that was deployed again later appears again.
pub fn completed<'a>(releases: &'a [Listed], environment: &str) -> Vec<&'a Listed> {
    let ends = releases.iter().flat_map(|listed| {
        let outcomes = listed.outcomes.iter();
        let here = outcomes.filter(|outcome| outcome.end.is_complete() && outcome.environment == environment);
        here.map(move |outcome| (outcome.time, outcome.end, listed))
    });
    let mut ends: Vec<(_, End, &Listed)> = ends.collect();
    ends.sort_by_key(|(time, _, listed)| (*time, listed.digest.as_str()));
    let mut stack: Vec<&Listed> = Vec::new();
    for (_, end, listed) in ends {
        let below = stack.iter().rposition(|earlier| earlier.digest == listed.digest);
        match below {
            // Nobody wants to go back to what a rollback left.
            Some(place) if end == End::Restored => stack.truncate(place + 1),
            Some(place) if place + 1 == stack.len() => {}
            _ => stack.push(listed),
        }
    }
    stack
}

/// The release that a rollback restores when `current` runs, or is being deployed: the newest one that completed before it.
/// `None` if there is none.
pub fn previous<'a>(releases: &'a [Listed], environment: &str, current: &str) -> Option<&'a Listed> {
    let mut stack = completed(releases, environment);
    if let Some(place) = stack.iter().rposition(|listed| listed.digest == current) {
        stack.truncate(place);
    }
    stack.into_iter().rfind(|listed| listed.digest != current)
}
