//! Data points with the times that AWS sent.

use std::time::{Duration, SystemTime};

/// A data point of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// When its minute begins.
    pub(crate) at: SystemTime,
    /// The statistic's value.
    pub(crate) value: f64,
}

impl From<Point> for deployment::evidence::Point {
    fn from(point: Point) -> Self {
        Self {
            at: point.at.into(),
            value: point.value,
        }
    }
}

/// The shortest distance of two data points. `None` if there aren't two.
pub(crate) fn shortest_distance<'a>(points: impl Iterator<Item = &'a Point>) -> Option<Duration> {
    let mut moments: Vec<SystemTime> = points.map(|point| point.at).collect();
    moments.sort();
    moments.dedup();
    let distances = moments
        .windows(2)
        .filter_map(|pair| pair[1].duration_since(pair[0]).ok());
    distances.min()
}
