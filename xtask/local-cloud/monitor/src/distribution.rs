//! The samples of a period: values, and how often each came.

use serde::{Deserialize, Serialize};

/// Samples sorted by value. Counts are numbers with fractions, as CloudWatch takes them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Distribution(Vec<(f64, f64)>);

impl Distribution {
    /// One value, so often.
    pub fn of(value: f64, count: f64) -> Self {
        let mut distribution = Self::default();
        distribution.add(value, count);
        distribution
    }

    /// Takes in a value that came so often. What isn't a finite number, or came no time, is left out.
    pub fn add(&mut self, value: f64, count: f64) {
        if !value.is_finite() || !count.is_finite() || count <= 0.0 {
            return;
        }
        match self.0.binary_search_by(|(known, _)| known.total_cmp(&value)) {
            Ok(index) => self.0[index].1 += count,
            Err(index) => self.0.insert(index, (value, count)),
        }
    }

    /// Takes in all samples of another.
    pub fn merge(&mut self, other: &Self) {
        for &(value, count) in &other.0 {
            self.add(value, count);
        }
    }

    /// Values with their counts, the smallest first.
    pub fn samples(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many samples there are.
    pub fn count(&self) -> f64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.0.iter().map(|(value, count)| value * count).sum()
    }

    /// The part between two ranks, from the smallest sample at 0 on: a sample that straddles an end counts with the
    /// fraction of it that is inside.
    pub(crate) fn between_ranks(&self, from: f64, to: f64) -> Self {
        let mut below = 0.0_f64;
        let mut kept = Vec::new();
        for &(value, count) in &self.0 {
            let inside = (below + count).min(to) - below.max(from);
            if inside > 0.0 {
                kept.push((value, inside));
            }
            below += count;
        }
        Self(kept)
    }

    /// The part with values above `from` and up to `to`.
    pub(crate) fn between_values(&self, from: f64, to: f64) -> Self {
        let kept = self.0.iter().filter(|(value, _)| *value > from && *value <= to);
        Self(kept.copied().collect())
    }

    /// The smallest value that at least this many samples don't exceed.
    pub(crate) fn value_at_rank(&self, rank: f64) -> Option<f64> {
        let mut below = 0.0;
        for &(value, count) in &self.0 {
            below += count;
            // Sums of fractions are off by a little.
            if below + 1e-9 >= rank {
                return Some(value);
            }
        }
        self.0.last().map(|(value, _)| *value)
    }
}
