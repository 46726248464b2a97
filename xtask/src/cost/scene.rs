//! What a rule looks at, and what it says.

use serde_json::Value;

use super::prices::Prices;

/// Hours of a month, as AWS's own calculator has them.
pub(crate) const HOURS: f64 = 730.0;

/// Seconds of a month.
pub(crate) const SECONDS: f64 = HOURS * 3600.0;

/// What isn't in a template and yet decides what it costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Requests a second, on average.
    pub(crate) requests: f64,
    /// GB a month to the internet.
    pub(crate) gigabytes_out: f64,
    /// Pushes a month, each of which goes through the pipeline to its end.
    pub(crate) pushes: f64,
    /// Minutes of Build, at a push.
    pub(crate) build_minutes: f64,
    /// Minutes of each later stage, at a push.
    pub(crate) stage_minutes: f64,
}

/// What some resources of one type cost a month, in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// What costs it.
    pub(crate) what: String,
    /// With the fewest tasks that scaling goes down to.
    pub(crate) least: f64,
    /// With the most tasks that it goes up to.
    pub(crate) most: f64,
    /// How it comes about.
    pub(crate) because: String,
}

/// A resource of a template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource<'a> {
    /// Its logical id.
    pub(crate) id: &'a str,
    /// Its type.
    pub(crate) kind: &'a str,
    /// Its properties.
    pub(crate) properties: &'a Value,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// Every resource of the environment.
    pub(crate) resources: &'a [Resource<'a>],
    pub(crate) usage: &'a Usage,
    pub(crate) prices: &'a Prices,
}

impl<'a> Scene<'a> {
    /// The resources of a type.
    pub(crate) fn of(self, kind: &str) -> impl Iterator<Item = Resource<'a>> {
        self.resources
            .iter()
            .copied()
            .filter(move |resource| resource.kind == kind)
    }

    /// How many resources of a type there are.
    pub(crate) fn count(self, kind: &str) -> usize {
        self.of(kind).count()
    }
}
