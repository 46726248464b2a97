//! Whether one share of errors is larger than another by more than chance: Fisher's exact test of two proportions.
//!
//! Exact, because errors are few: by the usual approximation a single error among a hundred requests would condemn a
//! change that ran beside ten thousand good answers.

use std::ops::Add;

/// How many of how many requests failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    /// The requests that failed.
    pub errors: u64,
    /// All requests.
    pub requests: u64,
}

impl Errors {
    /// The share of errors, from 0 to 1; 0 where there was no request.
    pub fn share(self) -> f64 {
        if self.requests == 0 {
            return 0.0;
        }
        count(self.errors) / count(self.requests)
    }
}

impl Add for Errors {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            errors: self.errors + other.errors,
            requests: self.requests + other.requests,
        }
    }
}

/// How likely at least as many errors as `tried` has would be, were its requests no worse than `known`'s.
pub fn likelihood(tried: Errors, known: Errors) -> f64 {
    let (errors, requests) = (tried.errors + known.errors, tried.requests + known.requests);
    if tried.errors == 0 {
        return 1.0;
    }
    // The hypergeometric distribution of how many of all errors fall on `tried`.
    let most = errors.min(tried.requests);
    let logarithm = |some: u64| {
        choices(errors, some) + choices(requests - errors, tried.requests - some) - choices(requests, tried.requests)
    };
    let least = errors.saturating_sub(known.requests).max(tried.errors);
    (least..=most).map(|some| logarithm(some).exp()).sum::<f64>().min(1.0)
}

/// The rule by which errors are called worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The likelihood from which down it is not chance.
    pub significance: f64,
    /// The smallest rise of the share that counts.
    pub smallest_rise: f64,
    /// The fewest errors that count.
    pub fewest: u64,
}

impl Rule {
    /// Whether `tried` is worse than `known`.
    pub fn is_worse(self, tried: Errors, known: Errors) -> bool {
        tried.errors >= self.fewest
            && tried.share() - known.share() >= self.smallest_rise
            && likelihood(tried, known) <= self.significance
    }

    /// Whether `tried` has more errors than a share that is tolerated.
    pub fn is_above(self, tried: Errors, limit: f64) -> bool {
        tried.errors >= self.fewest
            && tried.share() - limit >= self.smallest_rise
            && likelihood_at(tried, limit) <= self.significance
    }

    /// The smallest share of errors that so many requests would have shown beside `known`, with a chance of `power`;
    /// none where even errors alone wouldn't have.
    pub fn smallest_shown(self, requests: u64, known: Errors, power: f64) -> Option<f64> {
        let worse = |errors| self.is_worse(Errors { errors, requests }, known);
        if !worse(requests) {
            return None;
        }
        let (mut low, mut high) = (0, requests);
        while low + 1 < high {
            let middle = u64::midpoint(low, high);
            if worse(middle) { high = middle } else { low = middle }
        }
        Some(share_for(requests, high, power))
    }
}

/// The share at which `requests` have at least `errors` errors with a chance of `power`.
fn share_for(requests: u64, errors: u64, power: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // Each step halves what is left: 40 leave less than a billionth.
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if at_least(requests, errors, middle) >= power {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// How likely at least as many errors would be, were each request an error with a chance of `share`: the binomial
/// distribution's upper tail.
pub fn likelihood_at(tried: Errors, share: f64) -> f64 {
    if tried.errors == 0 {
        return 1.0;
    }
    let expected = count(tried.requests) * share;
    let term = |some| binomial(tried.requests, some, share);
    let mut sum = 0.0;
    for some in tried.errors..=tried.requests {
        let next = term(some);
        sum += next;
        // Beyond what is expected, each term is smaller than the one before.
        if count(some) > expected && next <= sum * 1e-12 {
            break;
        }
    }
    sum.min(1.0)
}

/// How likely at most so many of `all` would be, were each chosen with a chance of `share`: the binomial distribution's
/// lower tail.
pub fn at_most(chosen: u64, all: u64, share: f64) -> f64 {
    let sum: f64 = (0..=chosen.min(all)).map(|some| binomial(all, some, share)).sum();
    sum.min(1.0)
}

fn binomial(all: u64, some: u64, share: f64) -> f64 {
    (choices(all, some) + count(some) * share.ln() + count(all - some) * (1.0 - share).ln()).exp()
}

/// The chance of at least `errors` among `requests`, each an error with this chance.
fn at_least(requests: u64, errors: u64, share: f64) -> f64 {
    let (yes, no) = (share.ln(), (1.0 - share).ln());
    let logarithm = |some: u64| choices(requests, some) + count(some) * yes + count(requests - some) * no;
    1.0 - (0..errors).map(|some| logarithm(some).exp()).sum::<f64>()
}

/// The logarithm of how many ways there are to choose `some` of `all`; minus infinity where there is none.
fn choices(all: u64, some: u64) -> f64 {
    if some > all {
        return f64::NEG_INFINITY;
    }
    ln_factorial(all) - ln_factorial(some) - ln_factorial(all - some)
}

/// The logarithm of the factorial: by the sum for small numbers, by Stirling's series from where it is as exact as a
/// number can be.
fn ln_factorial(number: u64) -> f64 {
    if number < 32 {
        return (2..=number).map(|factor| count(factor).ln()).sum();
    }
    let n = count(number);
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (2.0 * std::f64::consts::PI * n).ln() + series
}

#[expect(clippy::cast_precision_loss, reason = "fewer requests than 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule {
        significance: 0.01,
        smallest_rise: 0.01,
        fewest: 3,
    };

    fn of(errors: u64, requests: u64) -> Errors {
        Errors { errors, requests }
    }

    fn check(tried: Errors, known: Errors, expected: f64) {
        let seen = likelihood(tried, known);
        assert!(
            (seen - expected).abs() < 1e-9 * expected.max(1e-3),
            "{tried:?} {known:?}: {seen}"
        );
    }

    #[test]
    fn likelihoods_that_can_be_worked_out_by_hand() {
        // The lady tasting tea: 1 of 70 orders has all four right.
        check(of(4, 4), of(0, 4), 1.0 / 70.0);
        check(of(3, 4), of(1, 4), 17.0 / 70.0);
        // One error, which falls on one of a hundred among ten thousand.
        check(of(1, 100), of(0, 9_900), 0.01);
        check(of(0, 100), of(50, 9_900), 1.0);
        check(of(5, 5), of(0, 0), 1.0);
    }

    #[test]
    fn binomial_tails() {
        let close = |seen: f64, expected: f64| assert!((seen - expected).abs() < 1e-9, "{seen} {expected}");
        close(likelihood_at(of(2, 2), 0.5), 0.25);
        close(likelihood_at(of(1, 2), 0.5), 0.75);
        close(likelihood_at(of(0, 10), 0.1), 1.0);
        close(likelihood_at(of(1, 10_000), 0.01), 1.0);
        close(at_most(0, 2, 0.5), 0.25);
        close(at_most(5, 5, 0.3), 1.0);
    }

    #[test]
    fn a_single_error_condemns_nobody() {
        assert!(!RULE.is_worse(of(1, 100), of(0, 1_000_000)));
        assert!(!RULE.is_worse(of(1, 100), of(0, 100)));
        assert!(!RULE.is_worse(of(0, 100), of(0, 0)));
        assert!(
            !RULE.is_worse(of(100, 100), of(0, 0)),
            "there is nothing to compare with"
        );
    }

    #[test]
    fn what_is_worse() {
        assert!(RULE.is_worse(of(10, 100), of(0, 9_900)));
        assert!(RULE.is_worse(of(40, 1_000), of(100, 100_000)));
        assert!(
            !RULE.is_worse(of(40, 1_000), of(4_000, 100_000)),
            "Fleet fails as often"
        );
        assert!(
            !RULE.is_worse(of(1_900, 1_000_000), of(1_000, 1_000_000)),
            "too small a rise to matter"
        );
    }

    #[test]
    fn the_smallest_share_that_would_have_been_shown() {
        let shown = |requests, known| RULE.smallest_shown(requests, known, 0.8);
        // Three of a hundred are called beside ten thousand good answers: a share of 4.2 % brings them in 8 of 10 cases.
        let share = shown(100, of(0, 9_900)).unwrap();
        assert!((0.042..0.043).contains(&share), "{share}");
        // The smallest rise that counts is the floor, however many there were.
        let share = shown(1_000_000, of(0, 10_000_000)).unwrap();
        assert!((0.010..0.011).contains(&share), "{share}");
        assert_eq!(shown(0, of(0, 1_000)), None);
        assert_eq!(shown(1_000, of(0, 0)), None);
        assert_eq!(shown(3, of(0, 3)), None);
    }

    proptest! {
        #[test]
        fn a_likelihood_is_one(errors in 0..300_u64, good in 0..300_u64, others in 0..300_u64, other_good in 0..300_u64) {
            let seen = likelihood(of(errors, errors + good), of(others, others + other_good));
            prop_assert!((0.0..=1.0).contains(&seen), "{seen}");
        }

        #[test]
        fn more_errors_are_never_likelier(errors in 0..200_u64, requests in 200..400_u64, known in 0..50_u64) {
            let fewer = likelihood(of(errors, requests), of(known, 1_000));
            let more = likelihood(of(errors + 1, requests.max(errors + 1)), of(known, 1_000));
            prop_assert!(more <= fewer + 1e-12, "{more} after {fewer}");
        }
    }
}
