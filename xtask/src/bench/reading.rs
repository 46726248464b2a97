//! One number with what it is to be held against.

use super::statistics::Series;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes of AWS's, which pass faster here by the speed.
    Minutes,
    /// Seconds of processor time.
    ProcessorSeconds,
    /// Microseconds of processor time.
    ProcessorMicroseconds,
    /// 1024 × 1024 bytes.
    Mebibytes,
    /// Parts of a hundred.
    PerCent,
    /// Requests in a second.
    RequestsPerSecond,
    /// Things.
    Count,
}

impl Unit {
    /// As it is written after a number.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "min",
            Self::ProcessorSeconds => "CPU s",
            Self::ProcessorMicroseconds => "CPU µs",
            Self::Mebibytes => "MiB",
            Self::PerCent => "%",
            Self::RequestsPerSecond => "requests/s",
            Self::Count => "",
        }
    }
}

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// No more than this, in the reading's unit.
    AtMost(f64),
    /// At least this many times what the peer does.
    TimesPeer(f64),
}

/// Another program that did the same in the same run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Peer {
    /// Which one.
    pub(super) name: String,
    /// Its median.
    pub(super) value: f64,
    /// Ours in terms of its own.
    pub(super) ratio: f64,
}

/// One number with what it is to be held against.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// Of what.
    pub(super) what: String,
    /// In what.
    pub(super) unit: Unit,
    /// The median.
    pub(super) value: f64,
    /// The least and the most, where it was measured more than once.
    pub(super) range: Option<(f64, f64)>,
    /// Who did the same.
    pub(super) peers: Vec<Peer>,
    /// What is aimed at; a ratio's is the first peer's.
    pub(super) target: Option<Target>,
}

impl Reading {
    /// One measurement.
    pub(super) fn once(what: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self {
            what: what.into(),
            unit,
            value,
            range: None,
            peers: Vec::new(),
            target: None,
        }
    }

    /// The median of several measurements.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn of(what: impl Into<String>, unit: Unit, series: &Series) -> anyhow::Result<Self> {
        let what = what.into();
        let (Some(value), range) = (series.median(), series.range()) else {
            anyhow::bail!("nothing was measured of: {what}");
        };
        let range = range.filter(|(least, most)| least < most);
        Ok(Self {
            range,
            ..Self::once(what, unit, value)
        })
    }

    /// Beside a peer that was measured in turns with it; `own` is what this reading is of.
    pub(super) fn beside(mut self, name: &str, own: &Series, peer: &Series) -> Self {
        if let (Some(value), Some(ratio)) = (peer.median(), own.ratio_to(peer)) {
            self.peers.push(Peer {
                name: name.to_owned(),
                value,
                ratio,
            });
        }
        self
    }

    /// With a target.
    pub(super) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether the target is met; none without a target, or where the peer is missing.
    pub(super) fn met(&self) -> Option<bool> {
        match self.target? {
            Target::AtMost(most) => Some(self.value <= most),
            Target::TimesPeer(least) => Some(self.peers.first()?.ratio >= least),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_held_against_the_median_or_the_first_peer() {
        let (own, peer): (Series, Series) = ([88.0, 92.0].into_iter().collect(), [100.0, 100.0].into_iter().collect());
        let reading = Reading::of("requests", Unit::RequestsPerSecond, &own).unwrap();
        let check = |reading: Reading, target, expected| assert_eq!(reading.target(target).met(), expected);
        check(reading.clone(), Target::AtMost(90.0), Some(true));
        check(reading.clone(), Target::AtMost(89.9), Some(false));
        check(reading.clone(), Target::TimesPeer(0.9), None);
        let beside = reading.clone().beside("nginx", &own, &peer);
        check(beside.clone(), Target::TimesPeer(0.9), Some(true));
        check(beside.clone(), Target::TimesPeer(0.95), Some(false));
        assert_eq!(reading.met(), None);
        assert_eq!(beside.range, Some((88.0, 92.0)));
    }

    #[test]
    fn nothing_measured_is_an_error() {
        let error = Reading::of("requests", Unit::Count, &Series::default()).unwrap_err();
        assert_eq!(error.to_string(), "nothing was measured of: requests");
    }
}
