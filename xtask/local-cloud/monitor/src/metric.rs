//! What a metric is called, and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A metric minute, counted from 1970. How much real time it takes is the caller's.
pub type Minute = u64;

/// A metric's full name. Another set of dimensions is another metric.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Metric {
    /// `AWS/ApplicationELB`.
    pub namespace: String,
    /// `TargetResponseTime`.
    pub name: String,
    /// By name: `LoadBalancer` is `app/name/id`.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric with these dimensions.
    pub fn new<'a>(namespace: &str, name: &str, dimensions: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let dimensions = dimensions.into_iter();
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}
