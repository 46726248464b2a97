//! Whether response times have risen by more than chance: the Mann–Whitney test, exact, on one figure a minute.
//!
//! It looks at the order alone, so that one slow minute of either side decides nothing.

/// How likely it is that `tried` stands at least as high in the common order, were it no slower than `known`: the share
/// of all ways to deal the figures to the two sides that put `tried` as high.
///
/// Equal figures share their places. 1 where either side has none.
pub fn likelihood(tried: &[f64], known: &[f64]) -> f64 {
    if tried.is_empty() || known.is_empty() {
        return 1.0;
    }
    let places = doubled_places(tried, known);
    let observed: usize = places[..tried.len()].iter().sum();
    let ways = ways(&places, tried.len());
    let as_high: f64 = ways.iter().skip(observed).sum();
    let all: f64 = ways.iter().sum();
    as_high / all
}

/// The typical difference between the two: the median of all differences between a figure of each (Hodges and Lehmann).
/// None where either has none.
pub fn rise(tried: &[f64], known: &[f64]) -> Option<f64> {
    median(differences(tried, known))
}

/// The middle of some figures; none where there are none.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let (low, high) = (
        figures.get(figures.len().checked_sub(1)? / 2)?,
        figures.get(figures.len() / 2)?,
    );
    Some(f64::midpoint(*low, *high))
}

/// The rule by which response times are called worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The likelihood from which down it is not chance.
    pub significance: f64,
    /// The smallest rise that counts, in seconds.
    pub smallest_rise: f64,
}

impl Rule {
    /// Whether `tried` is slower than `known`.
    pub fn is_worse(self, tried: &[f64], known: &[f64]) -> bool {
        rise(tried, known).is_some_and(|rise| rise >= self.smallest_rise)
            && likelihood(tried, known) <= self.significance
    }

    /// The smallest rise that these figures, as spread as they are, would have shown; none where no rise would have.
    pub fn smallest_shown(self, tried: &[f64], known: &[f64]) -> Option<f64> {
        let level = rise(tried, known)?;
        let raised = |rise: f64| tried.iter().map(|figure| figure - level + rise).collect::<Vec<_>>();
        let mut rises: Vec<f64> = differences(known, &raised(0.0));
        rises.retain(|rise| *rise > self.smallest_rise);
        rises.push(self.smallest_rise);
        rises.sort_by(f64::total_cmp);
        // A figure that is just raised to another's place must stand above it.
        let above = |rise: f64| rise + rise.abs() * 1e-9;
        rises
            .into_iter()
            .find(|rise| likelihood(&raised(above(*rise)), known) <= self.significance)
    }
}

fn differences(of: &[f64], from: &[f64]) -> Vec<f64> {
    of.iter()
        .flat_map(|one| from.iter().map(move |other| one - other))
        .collect()
}

/// Twice the place of each figure in the common order, those of `tried` first: doubled, a shared place is a whole number.
fn doubled_places(tried: &[f64], known: &[f64]) -> Vec<usize> {
    let all = || tried.iter().chain(known);
    let place = |figure: &f64| {
        let below = all().filter(|other| *other < figure).count();
        let equal = all().filter(|other| other.total_cmp(figure).is_eq()).count();
        2 * below + equal + 1
    };
    all().map(place).collect()
}

/// In how many ways so many of the places have each sum.
fn ways(places: &[usize], chosen: usize) -> Vec<f64> {
    let most: usize = places.iter().sum();
    let mut ways = vec![vec![0.0; most + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for place in places {
        for count in (1..=chosen).rev() {
            for sum in (*place..=most).rev() {
                let added: f64 = ways[count - 1][sum - place];
                ways[count][sum] += added;
            }
        }
    }
    ways.swap_remove(chosen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule {
        significance: 0.05,
        smallest_rise: 0.1,
    };

    fn check(tried: &[f64], known: &[f64], expected: f64) {
        let seen = likelihood(tried, known);
        assert!((seen - expected).abs() < 1e-12, "{tried:?} {known:?}: {seen}");
    }

    #[test]
    fn likelihoods_that_can_be_counted() {
        check(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0], 1.0 / 20.0);
        check(&[5.0, 6.0, 7.0, 8.0], &[1.0, 2.0, 3.0, 4.0], 1.0 / 70.0);
        check(&[3.0, 5.0, 6.0], &[1.0, 2.0, 4.0], 2.0 / 20.0);
        check(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 1.0);
        check(&[1.0], &[1.0], 1.0);
        check(&[], &[1.0], 1.0);
        check(&[1.0], &[], 1.0);
        // All equal: every order is as high.
        check(&[2.0; 5], &[2.0; 7], 1.0);
        // With ties: of the six pairs from {1, 2, 2, 3} only {2, 3}, twice, are as high.
        check(&[2.0, 3.0], &[1.0, 2.0], 2.0 / 6.0);
    }

    #[test]
    fn the_typical_rise() {
        assert_eq!(rise(&[2.0, 3.0, 10.0], &[1.0, 1.0, 1.0]), Some(2.0));
        assert_eq!(rise(&[1.0, 2.0], &[1.0]), Some(0.5));
        assert_eq!(rise(&[], &[1.0]), None);
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn what_is_worse() {
        let fleet = [0.010, 0.012, 0.011, 0.010];
        assert!(RULE.is_worse(&[0.5, 0.4, 0.6, 0.5], &fleet));
        assert!(
            !RULE.is_worse(&[0.02, 0.03, 0.04, 0.03], &fleet),
            "too small a rise to matter"
        );
        assert!(!RULE.is_worse(&[5.0, 0.011, 0.010, 0.012], &fleet), "one slow minute");
        assert!(!RULE.is_worse(&[0.5, 0.6], &fleet[..2]), "two minutes show nothing");
        assert!(!RULE.is_worse(&fleet, &[0.5, 0.4, 0.6, 0.5]), "faster");
    }

    #[test]
    fn the_smallest_rise_that_would_have_been_shown() {
        let close = [0.010, 0.012, 0.011, 0.010];
        assert_eq!(RULE.smallest_shown(&close, &close), Some(0.1));
        let wide = [1.0, 2.0, 3.0, 4.0];
        let shown = RULE.smallest_shown(&wide, &wide).unwrap();
        assert!((1.9..=3.0).contains(&shown), "{shown}");
        assert_eq!(RULE.smallest_shown(&close[..2], &close[..2]), None);
        assert_eq!(RULE.smallest_shown(&[], &close), None);
    }

    fn figures() -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec((0..20_u8).prop_map(f64::from), 1..8)
    }

    proptest! {
        #[test]
        fn a_likelihood_is_one(tried in figures(), known in figures()) {
            let seen = likelihood(&tried, &known);
            prop_assert!(0.0 < seen && seen <= 1.0 + 1e-12, "{seen}");
        }

        #[test]
        fn a_rise_is_never_likelier(tried in figures(), known in figures(), rise in 0..20_u8) {
            let raised: Vec<f64> = tried.iter().map(|figure| figure + f64::from(rise)).collect();
            prop_assert!(likelihood(&raised, &known) <= likelihood(&tried, &known) + 1e-12);
        }

        /// By counting every way to deal the figures.
        #[test]
        fn as_counted(tried in figures(), known in figures()) {
            let places = doubled_places(&tried, &known);
            let observed: usize = places[..tried.len()].iter().sum();
            let (mut as_high, mut all) = (0, 0);
            for dealt in 0..1_u32 << places.len() {
                if dealt.count_ones() as usize == tried.len() {
                    let sum: usize = (0..places.len()).filter(|bit| dealt >> bit & 1 == 1).map(|bit| places[bit]).sum();
                    all += 1;
                    as_high += u32::from(sum >= observed);
                }
            }
            let counted = f64::from(as_high) / f64::from(all);
            prop_assert!((likelihood(&tried, &known) - counted).abs() < 1e-9);
        }
    }
}
