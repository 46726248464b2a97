//! The analysis of a deployment's step, which is `deployment::evidence`, and data points as AWS sends them.

pub(crate) mod series;

pub(crate) use deployment::evidence::Verdict;

/// The verdict where nothing was observed.
#[cfg(test)]
pub(crate) fn thin() -> Verdict {
    use deployment::evidence::{Comparison, Evidence, Minute, Rules, ServerTime, judge};
    let evidence = Evidence::new(Comparison::OneboxWithFleet, ServerTime::default(), Minute::AWS);
    judge(&Rules::default(), &evidence)
}
