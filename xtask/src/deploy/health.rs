//! Whether a stage bears a change for which ECS deploys nothing, by its targets in the minutes since.

use std::time::{Duration, SystemTime};

use constants::alarm::UNHEALTHY_PERCENT;

use crate::verdict::series::{Point, shortest_distance};

/// A stage's targets, a minute: the most in it, as its alarm counts them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Targets {
    /// Those that pass their health checks.
    pub(super) healthy: Vec<Point>,
    /// Those that don't.
    pub(super) unhealthy: Vec<Point>,
}

/// How a stage bears a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bearing {
    /// Too few minutes are over to tell.
    Unknown,
    /// Its targets stay healthy.
    Well,
    /// They were too unhealthy before the change already, so that nothing follows from what they are.
    Unwell,
    /// So many of them fail their health checks since.
    Failing(f64),
}

impl Targets {
    /// How they bear a change that began at one moment and was made at another, once so many minutes since are over.
    ///
    /// As many must fail at once as redden the stage's alarm: a single one of Fleet's may fail by itself.
    pub(super) fn bearing(&self, [began, made]: [SystemTime; 2], now: SystemTime, minutes: u32) -> Bearing {
        let Some(minute) = shortest_distance(self.healthy.iter().chain(&self.unhealthy)) else {
            return Bearing::Unknown;
        };
        let over = |at: SystemTime| at + minute <= now;
        let before = self.healthy.iter().filter(|point| point.at + minute <= began);
        let before = before.max_by_key(|point| point.at);
        if before.is_some_and(|point| self.failing_at(point.at).is_some()) {
            return Bearing::Unwell;
        }
        let since = self.minutes_since(made).into_iter().filter(|at| over(*at));
        let since: Vec<SystemTime> = since.collect();
        if let Some(failing) = since.iter().find_map(|at| self.failing_at(*at)) {
            return Bearing::Failing(failing);
        }
        if since.len() < usize::try_from(minutes).unwrap_or(usize::MAX) {
            return Bearing::Unknown;
        }
        Bearing::Well
    }

    /// Whether they are well again, by the newest whole minute since a moment.
    pub(super) fn are_well_since(&self, since: SystemTime, now: SystemTime) -> bool {
        let minute: Option<Duration> = shortest_distance(self.healthy.iter().chain(&self.unhealthy));
        let over = |at: &SystemTime| minute.is_some_and(|minute| *at + minute <= now);
        let newest = self.minutes_since(since).into_iter().filter(over).max();
        newest.is_some_and(|at| self.failing_at(at).is_none())
    }

    /// The minutes since a moment of which both counts are known.
    fn minutes_since(&self, since: SystemTime) -> Vec<SystemTime> {
        let minutes = self.healthy.iter().map(|point| point.at).filter(|at| *at >= since);
        minutes.filter(|at| value(&self.unhealthy, *at).is_some()).collect()
    }

    /// How many failed in a minute, where that is too many.
    fn failing_at(&self, at: SystemTime) -> Option<f64> {
        let (healthy, unhealthy) = (value(&self.healthy, at)?, value(&self.unhealthy, at)?);
        let too_many = 100.0 * unhealthy >= f64::from(UNHEALTHY_PERCENT) * (unhealthy + healthy);
        (too_many && unhealthy > 0.0).then_some(unhealthy)
    }
}

fn value(points: &[Point], at: SystemTime) -> Option<f64> {
    points.iter().find(|point| point.at == at).map(|point| point.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Targets by the minute, healthy and unhealthy, the first minute at 0.
    fn targets(minutes: &[(f64, f64)]) -> Targets {
        let mut targets = Targets::default();
        for (at, (healthy, unhealthy)) in (0..).map(|minute| at(minute * 60)).zip(minutes) {
            targets.healthy.push(Point { at, value: *healthy });
            targets.unhealthy.push(Point { at, value: *unhealthy });
        }
        targets
    }

    #[test]
    fn a_change_at_two_minutes_is_borne_or_not() {
        let well = (3.0, 0.0);
        let check = |minutes: &[(f64, f64)], now, expected: Bearing| {
            let seen = targets(minutes).bearing([at(121), at(125)], at(now), 1);
            assert_eq!(seen, expected, "{minutes:?}");
        };
        check(&[], 600, Bearing::Unknown);
        check(&[well, well], 130, Bearing::Unknown);
        // The minute in which the change was made tells of before as well.
        check(&[well, well, (3.0, 3.0)], 180, Bearing::Unknown);
        check(&[well, well, well, well], 239, Bearing::Unknown);
        check(&[well, well, well, well], 240, Bearing::Well);
        check(&[well, well, well, (3.0, 3.0)], 240, Bearing::Failing(3.0));
        check(&[well, well, well, (0.0, 4.0)], 240, Bearing::Failing(4.0));
        // One of Fleet's, which any machine's failure may take, and two.
        check(&[well, well, well, (10.0, 1.0)], 240, Bearing::Well);
        check(&[well, well, well, (10.0, 2.0)], 240, Bearing::Failing(2.0));
        // What was unwell before isn't the change's doing, and may get well by it.
        check(&[well, (0.0, 3.0), (0.0, 3.0), (3.0, 3.0)], 240, Bearing::Unwell);
    }

    #[test]
    fn slower_health_checks_are_waited_for_longer() {
        let well = (3.0, 0.0);
        let bearing = |minutes: &[(f64, f64)]| targets(minutes).bearing([at(1), at(5)], at(600), 3);
        assert_eq!(bearing(&[well; 3]), Bearing::Unknown);
        assert_eq!(bearing(&[well; 4]), Bearing::Well);
        assert_eq!(bearing(&[well, well, (0.0, 3.0)]), Bearing::Failing(3.0));
    }

    #[test]
    fn they_are_well_again_by_the_newest_minute() {
        let (well, bad) = ((3.0, 0.0), (0.0, 3.0));
        assert!(!targets(&[well, bad, bad]).are_well_since(at(61), at(180)));
        assert!(targets(&[well, bad, bad, well]).are_well_since(at(61), at(240)));
        assert!(!targets(&[well, bad, bad, well]).are_well_since(at(61), at(239)));
    }
}
