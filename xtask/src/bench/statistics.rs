//! What is said of many measurements of one thing.

/// Measurements of one thing, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Series(Vec<f64>);

impl Series {
    /// Adds a measurement.
    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The one in the middle, or the mean of the two there; none of nothing.
    pub(super) fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        if sorted.len() % 2 == 1 {
            return Some(upper);
        }
        Some(f64::midpoint(sorted[middle - 1], upper))
    }

    /// The least and the most.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let sorted = self.sorted();
        Some((*sorted.first()?, *sorted.last()?))
    }

    /// The median of the ratios to another series, measurement by measurement: what was measured in turns suffered from
    /// the same neighbours, and most of that cancels.
    pub(super) fn ratio_to(&self, other: &Self) -> Option<f64> {
        let pairs = self.0.iter().zip(&other.0).filter(|(_, other)| **other != 0.0);
        pairs.map(|(own, other)| own / other).collect::<Self>().median()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        for (values, expected) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[4.0, 1.0, 2.0, 100.0], Some(3.0)),
        ] {
            assert_eq!(series(values).median(), expected, "{values:?}");
        }
        assert_eq!(series(&[2.0, 1.0, 3.0]).range(), Some((1.0, 3.0)));
        assert_eq!(Series::default().range(), None);
    }

    #[test]
    fn a_ratio_is_taken_measurement_by_measurement() {
        // A busy neighbour halves the second turn of both: the ratio doesn't see it.
        let (ours, theirs) = (series(&[90.0, 45.0, 90.0]), series(&[100.0, 50.0, 100.0]));
        assert_eq!(ours.ratio_to(&theirs), Some(0.9));
        assert_eq!(ours.ratio_to(&series(&[0.0, 0.0, 0.0])), None);
        assert_eq!(ours.ratio_to(&Series::default()), None);
    }
}
