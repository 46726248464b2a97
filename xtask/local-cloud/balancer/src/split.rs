//! Which target group the next request goes to.

use std::sync::atomic::{AtomicU64, Ordering};

/// 2^64 divided by the golden ratio, made odd: steps by it spread over the circle as evenly as any step can.
const GOLDEN_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Shares requests out in proportion to weights.
///
/// AWS doesn't say whether its choice is random or a sequence. The named choice here is a sequence (Weyl's, by the golden ratio):
/// one counter for all connections, so that shares are right to within a few requests whatever the number of connections,
/// and not periodic, so that no client's habit can fall into step with it.
#[derive(Debug)]
pub(crate) struct Split {
    /// Weights added up, each with those before it.
    cumulative: Vec<u64>,
    next: AtomicU64,
}

impl Split {
    pub(crate) fn new(weights: impl IntoIterator<Item = u16>) -> Self {
        let mut total = 0;
        let cumulative = weights
            .into_iter()
            .map(|weight| {
                total += u64::from(weight);
                total
            })
            .collect();
        Self {
            cumulative,
            next: AtomicU64::new(fastrand::u64(..)),
        }
    }

    /// The index of the chosen weight; none where all are 0. A weight of 0 is never chosen.
    pub(crate) fn choose(&self) -> Option<usize> {
        let total = *self.cumulative.last()?;
        if self.cumulative.len() == 1 {
            return (total > 0).then_some(0);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        at(&self.cumulative, total, turn)
    }
}

fn at(cumulative: &[u64], total: u64, turn: u64) -> Option<usize> {
    let angle = turn.wrapping_mul(GOLDEN_STEP);
    // The angle is a fraction of 2^64; the product's upper half is that fraction of the total.
    let point = u64::try_from((u128::from(angle) * u128::from(total)) >> 64).unwrap_or(u64::MAX);
    let index = cumulative.partition_point(|&upper| upper <= point);
    (index < cumulative.len()).then_some(index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(weights: &[u16], requests: u32) -> Vec<u32> {
        let split = Split::new(weights.iter().copied());
        let mut shares = vec![0; weights.len()];
        for _ in 0..requests {
            if let Some(index) = split.choose() {
                shares[index] += 1;
            }
        }
        shares
    }

    #[test]
    fn onebox_and_fleet() {
        let shares = shares(&[1, 99], 100_000);
        assert!(shares[0].abs_diff(1000) <= 12, "{shares:?}");
    }

    #[test]
    fn nothing_to_choose() {
        assert_eq!(Split::new([]).choose(), None);
        assert_eq!(Split::new([0]).choose(), None);
        assert_eq!(Split::new([0, 0]).choose(), None);
    }

    proptest! {
        /// Far inside four standard deviations of a fair draw, for any weights and any number of requests.
        #[test]
        fn shares_follow_weights(weights in prop::collection::vec(0..=999_u16, 1..6), requests in 1..20_000_u32) {
            let total: u32 = weights.iter().map(|&weight| u32::from(weight)).sum();
            let shares = shares(&weights, requests);
            prop_assert_eq!(shares.iter().sum::<u32>(), if total == 0 { 0 } else { requests });
            for (&share, &weight) in shares.iter().zip(&weights) {
                let fair = f64::from(requests) * f64::from(weight) / f64::from(total.max(1));
                prop_assert!((f64::from(share) - fair).abs() < 12.0, "{} against {}", share, fair);
                prop_assert!(weight > 0 || share == 0);
            }
        }

        /// A client that makes every n-th request sees the same shares.
        #[test]
        fn no_client_falls_into_step(stride in 1..200_u64) {
            let split = Split::new([1, 99]);
            let seen = (0..20_000).filter(|turn| at(&split.cumulative, 100, turn * stride) == Some(0)).count();
            prop_assert!((140..=260).contains(&seen), "{} of 20000 at stride {}", seen, stride);
        }
    }
}
