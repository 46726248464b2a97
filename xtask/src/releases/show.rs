//! Releases as people and programs read them.

use std::collections::BTreeMap;

use deployment::release::{Changes, Listed, Outcome, changes};
use deployment::stage::Stage;
use serde_json::{Value, json};

use super::listing::{Listing, made, short};
use crate::aws::rfc3339;
use crate::table;

/// The stack parameters that name the release of a stage.
const RUNS: [(&str, Stage); 2] = [("OneboxRelease", Stage::Onebox), ("FleetRelease", Stage::Fleet)];

/// The releases of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) environment: &'static str,
    pub(super) listing: Listing,
    /// The parameters of the service stack.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Report {
    pub(super) fn render(&self, width: Option<usize>) -> String {
        let releases = &self.listing.releases;
        let mut parts = Vec::new();
        if releases.is_empty() {
            parts.push(format!("{} has no releases yet; `deploy` makes one", self.environment));
        } else {
            let header = ["RELEASE", "MADE", "AUTHOR", "REVISION", "CHANGED", "OUTCOME", "RUNS ON"];
            let rows = |whole: bool| (0..releases.len()).map(|place| self.row(place, whole)).collect();
            parts.push(table::fit(&header, &[rows(true), rows(false)], width, &[2, 3]));
        }
        for (digest, why) in &self.listing.unreadable {
            parts.push(format!("can't read release {}: {why}", short(digest)));
        }
        parts.join("\n")
    }

    fn row(&self, place: usize, whole: bool) -> Vec<String> {
        let Some(listed) = self.listing.releases.get(place) else {
            return Vec::new();
        };
        let record = listed.record.as_ref();
        let author = record.map(|record| record.author.as_str()).unwrap_or_default();
        let revision = record.map(|record| record.revision.as_str()).unwrap_or_default();
        let author = if whole {
            author
        } else {
            author.rsplit('/').next().unwrap_or_default()
        };
        vec![
            short(&listed.digest).to_owned(),
            made(record),
            author.to_owned(),
            revision.get(..12).unwrap_or(revision).to_owned(),
            self.changed(place)
                .map_or_else(|| "oldest release".to_owned(), |changes| changes.to_string()),
            self.outcome(listed, whole),
            self.runs(listed).join(", "),
        ]
    }

    /// What differs from the release made before. `None` if there is none.
    fn changed(&self, place: usize) -> Option<Changes> {
        let releases = &self.listing.releases;
        Some(changes(
            &releases.get(place + 1)?.release,
            &releases.get(place)?.release,
        ))
    }

    fn outcome(&self, listed: &Listed, whole: bool) -> String {
        let last = listed.outcomes.last().map(|outcome| {
            let reason = Some(&outcome.reason).filter(|reason| whole && !reason.is_empty());
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}{reason}", outcome.end.name())
        });
        let gone = (!self.listing.has_image(listed)).then(|| "image gone".to_owned());
        let parts: Vec<String> = last.into_iter().chain(gone).collect();
        if parts.is_empty() {
            "-".to_owned()
        } else {
            parts.join("; ")
        }
    }

    /// The stages that run a release.
    fn runs(&self, listed: &Listed) -> Vec<&'static str> {
        let runs = |parameter: &str| self.parameters.get(parameter) == Some(&listed.digest);
        let stages = RUNS.iter().filter(|(parameter, _)| runs(parameter));
        stages.map(|(_, stage)| stage.name()).collect()
    }

    pub(super) fn record(&self) -> Value {
        let releases = &self.listing.releases;
        let record = |(place, listed): (usize, &Listed)| {
            let record = listed.record.as_ref();
            json!({
                "digest": listed.digest,
                "image": listed.release.image(),
                "has_image": self.listing.has_image(listed),
                "time": record.map(|record| rfc3339(record.time)),
                "author": record.map(|record| &record.author),
                "revision": record.map(|record| &record.revision),
                "changed": self.changed(place).map(|changes| changed(&changes)),
                "outcomes": listed.outcomes.iter().map(outcome).collect::<Vec<_>>(),
                "runs_on": self.runs(listed),
            })
        };
        let unreadable = self.listing.unreadable.iter();
        json!({
            "environment": self.environment,
            "releases": releases.iter().enumerate().map(record).collect::<Vec<_>>(),
            "unreadable": unreadable.map(|(digest, why)| json!({"digest": digest, "reason": why})).collect::<Vec<_>>(),
        })
    }
}

fn changed(changes: &Changes) -> Value {
    let resources = changes.resources.iter();
    let resources: BTreeMap<&str, usize> = resources.map(|(stage, count)| (stage.name(), *count)).collect();
    json!({
        "image": changes.image,
        "resources": resources,
        "template": changes.other,
        "parameters": changes.parameters,
    })
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "time": rfc3339(outcome.time),
        "environment": outcome.environment,
        "steps": outcome.steps.iter().map(|stage| stage.name()).collect::<Vec<_>>(),
        "outcome": outcome.end.name(),
        "reason": outcome.reason,
        "by": outcome.by,
    })
}
