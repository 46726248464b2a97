//! Whether what was seen is what was expected: every difference, in words.

use std::collections::{BTreeMap, BTreeSet};

use super::observation::{Observation, Outcome, StageSeen, TrafficSeen};
use super::scenario::{Afterwards, Alarms, Expectation, Harm, Image, KILLED, Stage, Tasks};
use crate::deploy::plan::short;
use crate::traffic::NO_STAGE;

/// So many requests are worth the name of a load.
const WORTH_THE_NAME: u64 = 1000;

/// What the names of the load balancer's own alarms begin with: they tell nothing of a stage.
const SHARED_ALARMS: &str = "LoadBalancer-";

/// The most in a thousand requests that may come to harm where Onebox alone does: its weight, and half as much again for
/// a run's chance.
const ONEBOX_PER_MILLE: u64 = 15;

/// The differences between what was expected and what was seen; none where all is as promised.
pub(crate) fn check(expected: &Expectation, seen: &Observation) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differs = |what: Option<String>| differences.extend(what);
    let exits: Vec<Option<i32>> = seen.outcomes.iter().map(|outcome| outcome.exit).collect();
    let expected_exits: Vec<Option<i32>> = expected
        .exits
        .iter()
        .map(|exit| (*exit != KILLED).then_some(*exit))
        .collect();
    differs(
        (exits != expected_exits).then(|| format!("exit status {}, expected {}", list(&exits), list(&expected_exits))),
    );
    differs(
        (!expected.stack.contains(&seen.stack.as_str()))
            .then(|| format!("the stack is {}, expected {}", seen.stack, expected.stack.join(" or "))),
    );
    differs(alarms(expected.alarms, &seen.fired));
    differs(harm(expected.harm, &seen.traffic));
    for words in expected.says {
        let said = seen.outcomes.iter().any(|outcome| outcome.said.contains(words));
        differs((!said).then(|| format!("no command says \"{words}\"")));
    }
    let early = seen.outcomes.iter().any(fleet_before_onebox);
    differs(early.then(|| "Fleet was changed while Onebox still was".to_owned()));
    differs(afterwards(expected.afterwards, seen));
    differs(fleet_within(expected.fleet_within, seen));
    differs((seen.orphans > 0).then(|| format!("{} tasks run that ECS doesn't know", seen.orphans)));
    differences.extend(stage("Onebox", &expected.onebox, &seen.onebox, seen));
    differences.extend(stage("Fleet", &expected.fleet, &seen.fleet, seen));
    differences
}

fn afterwards(expected: Afterwards, seen: &Observation) -> Option<String> {
    let (sent, failed) = (seen.sent_afterwards, seen.failed_afterwards);
    let (right, words) = match expected {
        Afterwards::Served => (sent > 0 && failed == 0, "none"),
        Afterwards::Outage => (failed > 0, "some"),
    };
    (!right).then(|| format!("{failed} of {sent} requests failed at the end, expected {words}"))
}

fn fleet_within(expected: Option<u64>, seen: &Observation) -> Option<String> {
    let limit = expected?;
    let after = seen.outcomes.iter().rev().find_map(|outcome| outcome.fleet_after);
    let words = after.map_or_else(|| "never".to_owned(), |millis| format!("after {millis} ms"));
    (after.is_none_or(|millis| millis > limit * 1000))
        .then(|| format!("Fleet was changed {words}, expected within {limit} s"))
}

/// Whether a command's events show Fleet being changed before Onebox's change was complete. A rollback and the way back
/// change both at once.
fn fleet_before_onebox(outcome: &Outcome) -> bool {
    let mut onebox_changes = false;
    if outcome.command.starts_with("rollback") {
        return false;
    }
    for event in outcome.records() {
        if event["code"] == "putting-back" {
            return false;
        }
        if event["type"] != "event" {
            continue;
        }
        let status = event["status"].as_str().unwrap_or_default();
        match event["logical_id"].as_str().unwrap_or_default() {
            // Back to what ran before goes in the other order.
            _ if event["resource_type"] == "AWS::CloudFormation::Stack" && status.contains("ROLLBACK") => return false,
            "OneboxService" => onebox_changes = status == "UPDATE_IN_PROGRESS",
            "FleetService" if onebox_changes => return true,
            _ => {}
        }
    }
    false
}

fn list(exits: &[Option<i32>]) -> String {
    let words = |exit: &Option<i32>| exit.map_or_else(|| "none".to_owned(), |exit| exit.to_string());
    exits.iter().map(words).collect::<Vec<_>>().join(", ")
}

fn alarms(expected: Alarms, fired: &BTreeSet<String>) -> Option<String> {
    let list = || fired.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    match expected {
        Alarms::Perhaps(alarm) => {
            let others = fired.iter().any(|name| !name.starts_with(alarm));
            others.then(|| format!("{} fired, expected {alarm} at the most", list()))
        }
        Alarms::Quiet if fired.is_empty() => None,
        Alarms::Quiet => Some(format!("{} fired, expected no alarm", list())),
        Alarms::Fired(alarm) => {
            let stage = alarm.split('-').next().unwrap_or_default();
            let others = fired
                .iter()
                .any(|name| !name.starts_with(stage) && !name.starts_with(SHARED_ALARMS));
            let right = fired.contains(alarm) && !others;
            let seen = if fired.is_empty() {
                "no alarm".to_owned()
            } else {
                list()
            };
            (!right).then(|| format!("{seen} fired, expected {alarm}"))
        }
    }
}

fn harm(expected: Harm, seen: &TrafficSeen) -> Option<String> {
    let fleet = seen.harmed.get(constants::stage::FLEET).copied().unwrap_or(0);
    let unanswered = seen.harmed.get(NO_STAGE).copied().unwrap_or(0);
    let few = seen.harmed() * 1000 <= seen.requests * ONEBOX_PER_MILLE;
    let enough = seen.requests >= WORTH_THE_NAME;
    let right = match expected {
        Harm::NoRequests => seen.requests == 0,
        Harm::None => enough && seen.harmed() == 0,
        Harm::Onebox => enough && seen.harmed() > 0 && fleet == 0 && few,
        Harm::OneboxAnswered => enough && seen.harmed() > 0 && fleet == 0 && unanswered == 0 && few,
        Harm::Fleet => enough && fleet > 0,
        Harm::Outage => enough && unanswered > 0 && unanswered == seen.harmed(),
        Harm::OneboxPerhaps => enough && fleet == 0 && few,
    };
    (!right).then(|| {
        let harmed: Vec<String> = seen
            .harmed
            .iter()
            .map(|(stage, count)| format!("{count} of {stage}"))
            .collect();
        let harmed = if harmed.is_empty() {
            "none".to_owned()
        } else {
            harmed.join(" and ")
        };
        let expected = match expected {
            Harm::NoRequests => "no requests",
            Harm::None => "none",
            Harm::Onebox => "some of Onebox's share and none of Fleet's",
            Harm::OneboxAnswered => "some of Onebox's answers and no others",
            Harm::Fleet => "some of Fleet's",
            Harm::Outage => "some without an answer and no others",
            Harm::OneboxPerhaps => "at most some of Onebox's share and none of Fleet's",
        };
        let slow = if seen.slow > 0 {
            format!(" ({} merely slow)", seen.slow)
        } else {
            String::new()
        };
        format!(
            "of {} requests {harmed} came to harm{slow}, expected {expected}",
            seen.requests
        )
    })
}

fn stage(name: &str, expected: &Stage, seen: &StageSeen, all: &Observation) -> Vec<String> {
    let mut differences = Vec::new();
    let count = seen.after.len();
    if count != expected.count {
        differences.push(format!("{name} runs {count} tasks, expected {}", expected.count));
    }
    if expected.count > 0 {
        differences.extend(image(name, expected.image, seen, all));
    }
    if seen.after.values().any(|image| *image != seen.parameter) {
        differences.push(format!("{name} runs another image than CloudFormation says"));
    }
    differences.extend(tasks(name, expected.tasks, seen));
    if let Some(floor) = expected.floor.filter(|floor| seen.fewest_healthy < *floor) {
        let fewest = seen.fewest_healthy;
        differences.push(format!(
            "{name} was down to {fewest} healthy tasks, expected {floor} at the least"
        ));
    }
    differences
}

fn image(name: &str, expected: Image, seen: &StageSeen, all: &Observation) -> Option<String> {
    let images = |tasks: &BTreeMap<String, String>| tasks.values().cloned().collect::<BTreeSet<_>>();
    let (wanted, words) = match expected {
        Image::Old => (images(&seen.before), "the old image"),
        Image::New => (BTreeSet::from([all.good.clone()]), "the new image"),
        Image::First => (BTreeSet::from([all.first.clone()]), "the first image"),
    };
    let runs = images(&seen.after);
    (runs != wanted || wanted.len() != 1).then(|| {
        let runs: Vec<&str> = runs.iter().map(|image| short(image)).collect();
        format!("{name} runs {}, expected {words}", runs.join(" and "))
    })
}

fn tasks(name: &str, expected: Tasks, seen: &StageSeen) -> Option<String> {
    let kept = seen.before.keys().filter(|task| seen.after.contains_key(*task)).count();
    let (right, words) = match expected {
        Tasks::Same => (kept == seen.before.len() && kept == seen.after.len(), "all"),
        Tasks::Replaced => (kept == 0, "none"),
    };
    let before = seen.before.len();
    (!right).then(|| format!("{kept} of {name}'s {before} tasks are the ones from before, expected {words}"))
}

#[cfg(test)]
pub(super) mod tests;
