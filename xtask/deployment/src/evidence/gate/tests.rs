//! The gate under a simulated CloudWatch, looked at every second.

use proptest::prelude::*;

use super::*;

const SINCE: u64 = 1_000_030;
const MINUTE: u64 = 60;

fn at(second: u64) -> ServerTime {
    ServerTime::from_seconds(second)
}

/// What a simulated CloudWatch publishes.
#[derive(Debug, Clone, Copy)]
struct Cloud {
    /// Seconds after a minute closed until it is published.
    lag: u64,
    minute: u64,
    /// Whether each minute has requests.
    requests: bool,
    /// A span of minutes' starts without `HealthyHostCount`.
    gap: (u64, u64),
}

const CLOUD: Cloud = Cloud {
    lag: 0,
    minute: MINUTE,
    requests: true,
    gap: (0, 0),
};

impl Cloud {
    fn facts(self, now: u64, red: bool) -> Facts {
        let first = (SINCE - 600) / self.minute * self.minute;
        let starts = (first..now).step_by(usize::try_from(self.minute).unwrap());
        let published: Vec<Point> = starts
            .filter(|start| start + self.minute + self.lag <= now)
            .map(|start| Point {
                at: at(start),
                value: 3.0,
            })
            .collect();
        let (from, to) = (at(self.gap.0), at(self.gap.1));
        let healthy = published
            .iter()
            .copied()
            .filter(|point| point.at < from || point.at >= to);
        let counts = Counts {
            healthy: healthy.collect(),
            requests: if self.requests { published.clone() } else { Vec::new() },
        };
        Facts {
            now: at(now),
            since: at(SINCE),
            minute: Minute::new(Duration::from_secs(self.minute)).unwrap(),
            minutes_to_notice: 1,
            stages: [(Stage::Onebox, counts)].into(),
            red: red.then(|| "Onebox-ServerErrors".to_owned()).into_iter().collect(),
            accepted: false,
        }
    }

    /// The second of the first decision other than to wait, and that decision. An alarm is red from a second on.
    fn decided(self, red_from: u64, accepted: bool) -> (u64, Decision) {
        let mut gate = Gate::default();
        for now in SINCE..SINCE + 7_200 {
            let facts = Facts {
                accepted,
                ..self.facts(now, red_from <= now)
            };
            match gate.look(&Rules::default(), &facts) {
                Decision::Wait(_) => {}
                decision => return (now, decision),
            }
        }
        panic!("the gate waits for hours");
    }
}

/// The end of the alarms' window: four whole minutes.
fn window_end(minute: u64) -> u64 {
    SINCE.div_ceil(minute) * minute + 4 * minute
}

#[test]
fn it_opens_exactly_at_the_floor_whatever_the_lag() {
    for lag in [0, 52, 60, 120, 240] {
        let seen = Cloud { lag, ..CLOUD }.decided(u64::MAX, false);
        assert_eq!(seen, (window_end(MINUTE) + lag + MINUTE, Decision::Open), "lag {lag}");
    }
}

#[test]
fn minutes_pass_faster_in_a_local_cloud() {
    for lag in [0, 10, 20] {
        let cloud = Cloud {
            lag,
            minute: 5,
            ..CLOUD
        };
        assert_eq!(
            cloud.decided(u64::MAX, false),
            (window_end(5) + lag + 5, Decision::Open)
        );
    }
}

#[test]
fn slow_health_checks_are_waited_for() {
    let mut facts = CLOUD.facts(window_end(MINUTE) + MINUTE, false);
    facts.minutes_to_notice = 6;
    assert!(matches!(
        Gate::default().look(&Rules::default(), &facts),
        Decision::Wait(_)
    ));
}

#[test]
fn an_alarm_at_the_last_moment_is_caught() {
    for lag in [0, 60, 120, 240] {
        // Three of the four minutes breach, the last of them is the window's; the alarm takes a minute to be evaluated.
        let red = window_end(MINUTE) + lag + MINUTE;
        for red in [red - MINUTE, red - 1, red] {
            let (second, decision) = Cloud { lag, ..CLOUD }.decided(red, false);
            assert_eq!(decision, Decision::Red(vec!["Onebox-ServerErrors".to_owned()]));
            assert_eq!(second, red);
        }
    }
}

#[test]
fn without_requests_the_longest_lag_tells_that_there_were_none() {
    let cloud = Cloud {
        requests: false,
        lag: 120,
        ..CLOUD
    };
    assert_eq!(
        cloud.decided(u64::MAX, false),
        (window_end(MINUTE) + 240 + MINUTE, Decision::Open)
    );
}

#[test]
fn without_data_it_ends_after_the_longest_lag() {
    let end = window_end(MINUTE);
    let cloud = Cloud {
        gap: (end - MINUTE, end),
        ..CLOUD
    };
    let reason = "no HealthyHostCount of Onebox after 5 min".to_owned();
    assert_eq!(cloud.decided(u64::MAX, false), (end + 300, Decision::NoData { reason }));
    assert_eq!(cloud.decided(u64::MAX, true), (end + 300, Decision::Open), "--accept");
    let (_, red) = cloud.decided(end + 300, true);
    assert!(matches!(red, Decision::Red(_)), "--accept never passes an alarm");
    let late = Cloud { lag: 241, ..CLOUD };
    assert_eq!(
        late.decided(u64::MAX, false).0,
        end + 301,
        "data that arrives before the end counts"
    );
}

#[test]
fn what_it_waits_for() {
    let wait = |cloud: Cloud, now: u64| match Gate::default().look(&Rules::default(), &cloud.facts(now, false)) {
        Decision::Wait(wait) => wait.reason,
        decision => panic!("{decision:?}"),
    };
    let end = window_end(MINUTE);
    let late = Cloud { lag: 120, ..CLOUD };
    insta::assert_snapshot!(wait(late, end - 119), @"watching for 4 min since the new tasks serve alone, 2 min left");
    insta::assert_snapshot!(wait(late, end + 55), @"CloudWatch metrics are about 2 min late");
    insta::assert_snapshot!(wait(late, end + 120), @"metrics have arrived; waiting one minute for the alarms to evaluate them");
    let none = Cloud {
        gap: (0, u64::MAX),
        ..CLOUD
    };
    insta::assert_snapshot!(wait(none, end + 1), @"CloudWatch has no metrics yet");
}

#[test]
fn each_stage_that_changed_must_be_readable() {
    let now = window_end(MINUTE) + 250;
    let mut facts = CLOUD.facts(now, false);
    facts.stages.insert(Stage::Fleet, Counts::default());
    let mut gate = Gate::default();
    assert!(matches!(gate.look(&Rules::default(), &facts), Decision::Wait(_)));
    facts.now = at(now + 60);
    let Decision::NoData { reason } = gate.look(&Rules::default(), &facts) else {
        panic!("Fleet has no metrics");
    };
    assert_eq!(reason, "no HealthyHostCount of Fleet after 5 min");
}

proptest! {
    /// However late metrics are, and however often it is looked, it opens neither before the floor nor while an alarm is
    /// red, and it ends.
    #[test]
    fn it_never_opens_early_and_always_ends(lag in 0..600_u64, step in 1..30_u64, red in 0..900_u64) {
        let (mut gate, cloud, end) = (Gate::default(), Cloud { lag, ..CLOUD }, window_end(MINUTE));
        let mut now = SINCE;
        let decision = loop {
            match gate.look(&Rules::default(), &cloud.facts(now, SINCE + red <= now)) {
                Decision::Wait(_) => now += step,
                decision => break decision,
            }
            prop_assert!(now <= end + 300 + 60 + 2 * step, "waits at {now}");
        };
        if decision == Decision::Open {
            prop_assert!(now >= end + lag + MINUTE && SINCE + red > now);
        }
        if matches!(decision, Decision::NoData { .. }) {
            prop_assert!(lag > 240);
        }
    }
}
