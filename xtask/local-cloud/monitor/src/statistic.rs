//! Statistics by CloudWatch's definitions.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>

use std::fmt;
use std::str::FromStr;

use crate::Distribution;

/// What is made of a period's samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// How many samples there are.
    SampleCount,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// `p90`: the value that so many per cent of the samples don't exceed. CloudWatch publishes no interpolation; a named
    /// choice: the sample at that rank.
    Percentile(f64),
    /// `TM(…)`, `tm90`, `IQM`: the mean of the samples within bounds.
    TrimmedMean(Bounds),
    /// `TC(…)`: how many samples are within bounds.
    TrimmedCount(Bounds),
    /// `TS(…)`: the sum of the samples within bounds.
    TrimmedSum(Bounds),
    /// `WM(…)`: the mean, where samples outside of the bounds count as if on them.
    WinsorizedMean(Bounds),
    /// `PR(…)`: which share of the samples, in per cent, is within bounds.
    PercentileRank(Bounds),
}

/// The bounds of a trimmed statistic: exclusive below, inclusive above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Ranks, in per cent of the samples.
    Percent(f64, f64),
    /// Values.
    Value(f64, f64),
}

/// A text that names no statistic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a statistic: SampleCount, Average, Sum, Minimum, Maximum, p90, tm90, TM(10%:90%), TC(…), TS(…), WM(…), PR(:300) or IQM"
)]
pub struct UnknownStatistic(pub String);

impl Statistic {
    /// The statistic of these samples; none of no sample, and none where the bounds leave none that there is a mean of.
    pub fn of(self, samples: &Distribution) -> Option<f64> {
        if samples.is_empty() {
            return None;
        }
        let (first, last) = (samples.samples().first()?.0, samples.samples().last()?.0);
        match self {
            Self::SampleCount => Some(samples.count()),
            Self::Sum => Some(samples.sum()),
            Self::Average => mean(samples),
            Self::Minimum => Some(first),
            Self::Maximum => Some(last),
            Self::Percentile(percent) => samples.value_at_rank(samples.count() * percent / 100.0),
            Self::TrimmedMean(bounds) => mean(&bounds.trim(samples)),
            Self::TrimmedCount(bounds) => Some(bounds.trim(samples).count()),
            Self::TrimmedSum(bounds) => Some(bounds.trim(samples).sum()),
            Self::WinsorizedMean(bounds) => winsorized(bounds, samples),
            Self::PercentileRank(bounds) => Some(100.0 * bounds.trim(samples).count() / samples.count()),
        }
    }

    /// Whether it is one of the five of the oldest API, which `Statistic` takes; the others are `ExtendedStatistic`s.
    pub fn is_plain(self) -> bool {
        matches!(
            self,
            Self::SampleCount | Self::Sum | Self::Average | Self::Minimum | Self::Maximum
        )
    }
}

impl Bounds {
    fn trim(self, samples: &Distribution) -> Distribution {
        match self {
            Self::Percent(from, to) => {
                let count = samples.count();
                samples.between_ranks(count * from / 100.0, count * to / 100.0)
            }
            Self::Value(from, to) => samples.between_values(from, to),
        }
    }

    /// The values at the bounds.
    fn edges(self, samples: &Distribution) -> Option<(f64, f64)> {
        let rank = |percent: f64| samples.value_at_rank(samples.count() * percent / 100.0);
        match self {
            Self::Percent(from, to) => Some((rank(from)?, rank(to)?)),
            Self::Value(from, to) => Some((from, to)),
        }
    }
}

fn mean(samples: &Distribution) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.sum() / samples.count())
}

fn winsorized(bounds: Bounds, samples: &Distribution) -> Option<f64> {
    let (from, to) = bounds.edges(samples)?;
    let mut drawn_in = Distribution::default();
    for &(value, count) in samples.samples() {
        drawn_in.add(value.clamp(from, to.max(from)), count);
    }
    mean(&drawn_in)
}

impl FromStr for Statistic {
    type Err = UnknownStatistic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = match text {
            "SampleCount" => Some(Self::SampleCount),
            "Sum" => Some(Self::Sum),
            "Average" => Some(Self::Average),
            "Minimum" => Some(Self::Minimum),
            "Maximum" => Some(Self::Maximum),
            "IQM" | "iqm" => Some(Self::TrimmedMean(Bounds::Percent(25.0, 75.0))),
            _ => None,
        };
        plain
            .or_else(|| percentile(text))
            .or_else(|| shorthand(text))
            .or_else(|| with_bounds(text))
            .ok_or_else(|| UnknownStatistic(text.to_owned()))
    }
}

/// A number as statistics have it: digits, and up to ten decimals.
fn number(text: &str) -> Option<f64> {
    let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.parse::<f64>().ok();
    number.filter(|number| digits && decimals.len() <= 10 && number.is_finite())
}

fn percent(text: &str) -> Option<f64> {
    number(text).filter(|percent| *percent <= 100.0)
}

fn percentile(text: &str) -> Option<Statistic> {
    percent(text.strip_prefix('p')?).map(Statistic::Percentile)
}

/// `tm90`: without the highest tenth.
fn shorthand(text: &str) -> Option<Statistic> {
    let bounds = Bounds::Percent(0.0, percent(text.get(2..)?)?);
    match text.get(..2)? {
        "tm" => Some(Statistic::TrimmedMean(bounds)),
        "tc" => Some(Statistic::TrimmedCount(bounds)),
        "ts" => Some(Statistic::TrimmedSum(bounds)),
        "wm" => Some(Statistic::WinsorizedMean(bounds)),
        _ => None,
    }
}

/// `TM(90%:100%)`, `TM(0.005:0.030)`; an end that is left out is the smallest or the largest sample.
fn with_bounds(text: &str) -> Option<Statistic> {
    let (name, rest) = text.split_once('(')?;
    let (from, to) = rest.strip_suffix(')')?.split_once(':')?;
    if from.is_empty() && to.is_empty() {
        return None;
    }
    let is_percent = |end: &str| end.is_empty() || end.ends_with('%');
    let bounds = if is_percent(from) && is_percent(to) {
        let end = |text: &str, default: f64| match text.strip_suffix('%') {
            Some(figure) => percent(figure),
            None => Some(default),
        };
        Bounds::Percent(end(from, 0.0)?, end(to, 100.0)?)
    } else {
        let end = |text: &str, default: f64| match text {
            "" => Some(default),
            figure => number(figure),
        };
        Bounds::Value(end(from, f64::NEG_INFINITY)?, end(to, f64::INFINITY)?)
    };
    let (Bounds::Percent(low, high) | Bounds::Value(low, high)) = bounds;
    if low >= high {
        return None;
    }
    match (name, bounds) {
        ("TM", _) => Some(Statistic::TrimmedMean(bounds)),
        ("TC", _) => Some(Statistic::TrimmedCount(bounds)),
        ("TS", _) => Some(Statistic::TrimmedSum(bounds)),
        ("WM", _) => Some(Statistic::WinsorizedMean(bounds)),
        ("PR", Bounds::Value(..)) => Some(Statistic::PercentileRank(bounds)),
        _ => None,
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |figure: f64| {
            if figure.is_finite() {
                figure.to_string()
            } else {
                String::new()
            }
        };
        match self {
            Self::Percent(from, to) => write!(formatter, "({from}%:{to}%)"),
            Self::Value(from, to) => write!(formatter, "({}:{})", end(*from), end(*to)),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleCount => formatter.write_str("SampleCount"),
            Self::Sum => formatter.write_str("Sum"),
            Self::Average => formatter.write_str("Average"),
            Self::Minimum => formatter.write_str("Minimum"),
            Self::Maximum => formatter.write_str("Maximum"),
            Self::Percentile(percent) => write!(formatter, "p{percent}"),
            Self::TrimmedMean(bounds) => write!(formatter, "TM{bounds}"),
            Self::TrimmedCount(bounds) => write!(formatter, "TC{bounds}"),
            Self::TrimmedSum(bounds) => write!(formatter, "TS{bounds}"),
            Self::WinsorizedMean(bounds) => write!(formatter, "WM{bounds}"),
            Self::PercentileRank(bounds) => write!(formatter, "PR{bounds}"),
        }
    }
}
