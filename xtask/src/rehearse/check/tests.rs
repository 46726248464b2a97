//! The checker: data in, differences out.

use super::*;
use crate::rehearse::scenario::{SHIPPED, STOPPED_AT_ONEBOX};

/// An observation that satisfies an expectation, and just so.
pub(in crate::rehearse) fn satisfying(expected: &Expectation) -> Observation {
    let outcome = |exit: &i32| Outcome {
        exit: (*exit != KILLED).then_some(*exit),
        fleet_after: expected.fleet_within.map(|seconds| seconds * 1000),
        said: expected.says.join(" "),
        ..Outcome::default()
    };
    let alarm = match expected.alarms {
        Alarms::Quiet | Alarms::Perhaps(_) => None,
        Alarms::Fired(alarm) => Some(alarm.to_owned()),
    };
    let (requests, harmed) = match expected.harm {
        Harm::NoRequests => (0, None),
        Harm::None | Harm::OneboxPerhaps => (50_000, None),
        Harm::Onebox | Harm::OneboxAnswered => (50_000, Some(("onebox", 500))),
        Harm::Fleet => (50_000, Some(("fleet", 500))),
        Harm::Outage => (50_000, Some((NO_STAGE, 5000))),
    };
    Observation {
        outcomes: expected.exits.iter().map(outcome).collect(),
        stack: expected.stack[0].to_owned(),
        good: "new".to_owned(),
        first: "first".to_owned(),
        sent_afterwards: 400,
        failed_afterwards: if expected.afterwards == Afterwards::Served {
            0
        } else {
            400
        },
        onebox: stage_seen(&expected.onebox),
        fleet: stage_seen(&expected.fleet),
        fired: alarm.into_iter().collect(),
        traffic: TrafficSeen {
            requests,
            harmed: harmed
                .map(|(stage, count)| (stage.to_owned(), count))
                .into_iter()
                .collect(),
            slow: 0,
        },
        detection: None,
        orphans: 0,
    }
}

fn stage_seen(expected: &Stage) -> StageSeen {
    let image = match expected.image {
        Image::Old => "old",
        Image::New => "new",
        Image::First => "first",
    };
    let tasks = |prefix: &str, image: &str, count: usize| {
        let task = |number| (format!("{prefix}{number}"), image.to_owned());
        (0..count).map(task).collect::<BTreeMap<_, _>>()
    };
    let after = match expected.tasks {
        Tasks::Same => "before",
        Tasks::Replaced => "after",
    };
    StageSeen {
        before: tasks("before", "old", expected.count.max(1)),
        after: tasks(after, image, expected.count),
        parameter: image.to_owned(),
        fewest_healthy: expected.floor.unwrap_or(0),
    }
}

#[track_caller]
fn differs(expected: &Expectation, change: impl FnOnce(&mut Observation), words: &str) {
    let mut seen = satisfying(expected);
    assert_eq!(check(expected, &seen), Vec::<String>::new());
    change(&mut seen);
    assert_eq!(check(expected, &seen), [words]);
}

#[test]
fn every_difference_is_told() {
    differs(
        &SHIPPED,
        |seen| seen.outcomes[0].exit = None,
        "exit status none, expected 0",
    );
    differs(
        &STOPPED_AT_ONEBOX,
        |seen| seen.stack = "UPDATE_COMPLETE".to_owned(),
        "the stack is UPDATE_COMPLETE, expected UPDATE_ROLLBACK_COMPLETE",
    );
    differs(
        &SHIPPED,
        |seen| seen.fleet.fewest_healthy = 9,
        "Fleet was down to 9 healthy tasks, expected 10 at the least",
    );
    differs(
        &SHIPPED,
        |seen| seen.onebox.parameter = "old".to_owned(),
        "Onebox runs another image than CloudFormation says",
    );
    differs(
        &SHIPPED,
        |seen| {
            seen.traffic.harmed.insert("fleet".to_owned(), 1);
        },
        "of 50000 requests 1 of fleet came to harm, expected none",
    );
    differs(&SHIPPED, |seen| seen.orphans = 2, "2 tasks run that ECS doesn't know");
    differs(
        &SHIPPED,
        |seen| {
            seen.fired.insert("Onebox-ServerErrors".to_owned());
        },
        "Onebox-ServerErrors fired, expected no alarm",
    );
}

#[test]
fn onebox_is_changed_before_fleet() {
    let event = |logical_id: &str, status: &str| {
        let record = serde_json::json!({"type": "event", "logical_id": logical_id, "status": status});
        format!("{record}\n")
    };
    let begins = |stage: &str| event(stage, "UPDATE_IN_PROGRESS");
    let (onebox, fleet) = (begins("OneboxService"), begins("FleetService"));
    let onebox_ends = event("OneboxService", "UPDATE_COMPLETE");
    for (said, early) in [
        (format!("{onebox}{onebox_ends}{fleet}"), false),
        (format!("{onebox}{fleet}{onebox_ends}"), true),
        (fleet.clone(), false),
        (format!("plain words\n{onebox}"), false),
    ] {
        let outcome = Outcome {
            said,
            ..Outcome::default()
        };
        assert_eq!(fleet_before_onebox(&outcome), early, "{outcome:?}");
    }
}

#[test]
fn harm_is_oneboxs_share_at_the_most() {
    let harmed = |stage: &str, count| TrafficSeen {
        requests: 10_000,
        harmed: [(stage.to_owned(), count)].into(),
        slow: 0,
    };
    for (expected, seen, right) in [
        (Harm::Onebox, harmed("onebox", 150), true),
        (Harm::Onebox, harmed("onebox", 151), false),
        (Harm::Onebox, harmed(NO_STAGE, 3), true),
        (Harm::Onebox, harmed("fleet", 1), false),
        (Harm::OneboxAnswered, harmed("onebox", 3), true),
        (Harm::OneboxAnswered, harmed(NO_STAGE, 3), false),
        (
            Harm::Onebox,
            TrafficSeen {
                requests: 10_000,
                ..TrafficSeen::default()
            },
            false,
        ),
        (
            Harm::None,
            TrafficSeen {
                requests: 999,
                ..TrafficSeen::default()
            },
            false,
        ),
        (
            Harm::None,
            TrafficSeen {
                requests: 1000,
                ..TrafficSeen::default()
            },
            true,
        ),
        (Harm::Outage, harmed(NO_STAGE, 3), true),
        (Harm::Outage, harmed("onebox", 3), false),
    ] {
        assert_eq!(harm(expected, &seen).is_none(), right, "{expected:?} {seen:?}");
    }
}
