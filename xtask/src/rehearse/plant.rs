//! Expectations that are wrong on purpose: each must be found out, or a scenario that passes shows nothing.

use super::check::check;
use super::observation::Observation;
use super::scenario::{Afterwards, Alarms, Expectation, Harm, Image, Stage, Tasks};

/// Exit statuses that no command has.
const NO_EXITS: [i32; 4] = [9; 4];

/// What no command says.
const UNSAID: &[&str] = &["the cow jumped over the moon"];

/// The wrong expectations that what was seen satisfies nevertheless: none, where every part of the expectation counts.
pub(crate) fn undetected(expected: &Expectation, seen: &Observation) -> Vec<String> {
    let wrong = planted(expected).into_iter();
    wrong
        .filter(|(_, wrong)| check(wrong, seen).is_empty())
        .map(|(what, _)| what)
        .collect()
}

/// Every expectation that is wrong in one thing, and what it is.
pub(crate) fn planted(right: &Expectation) -> Vec<(String, Expectation)> {
    let other_exits = &NO_EXITS[..right.exits.len().clamp(1, NO_EXITS.len())];
    let mut planted = vec![
        wrong("other exit statuses", right, |wrong| wrong.exits = other_exits),
        wrong("no command", right, |wrong| wrong.exits = &[]),
        wrong("another status of the stack", right, |wrong| {
            wrong.stack = &["DELETE_COMPLETE"];
        }),
        wrong("words that nobody says", right, |wrong| wrong.says = UNSAID),
    ];
    let afterwards = match right.afterwards {
        Afterwards::Served => Afterwards::Outage,
        Afterwards::Outage => Afterwards::Served,
    };
    planted.push(wrong(&format!("{afterwards:?} at the end"), right, |wrong| {
        wrong.afterwards = afterwards;
    }));
    if right.fleet_within.is_some() {
        planted.push(wrong("Fleet changed at once", right, |wrong| {
            wrong.fleet_within = Some(0);
        }));
    }
    for alarms in [Alarms::Quiet, Alarms::Fired("Onebox-"), Alarms::Fired("Fleet-")] {
        if !alike(alarms, right.alarms) {
            planted.push(wrong(&format!("{alarms:?}"), right, |wrong| wrong.alarms = alarms));
        }
    }
    for harm in [
        Harm::NoRequests,
        Harm::None,
        Harm::Onebox,
        Harm::OneboxAnswered,
        Harm::Fleet,
        Harm::Outage,
    ] {
        if !overlap(harm, right.harm) {
            planted.push(wrong(&format!("harm to {harm:?}"), right, |wrong| wrong.harm = harm));
        }
    }
    for (what, onebox) in wrong_stages(&right.onebox) {
        planted.push(wrong(&format!("Onebox with {what}"), right, |wrong| {
            wrong.onebox = onebox;
        }));
    }
    for (what, fleet) in wrong_stages(&right.fleet) {
        planted.push(wrong(&format!("Fleet with {what}"), right, |wrong| wrong.fleet = fleet));
    }
    planted
}

fn wrong(what: &str, right: &Expectation, plant: impl FnOnce(&mut Expectation)) -> (String, Expectation) {
    let mut wrong = *right;
    plant(&mut wrong);
    (what.to_owned(), wrong)
}

/// Whether what satisfies one may satisfy the other: a stage's alarms may fire together.
fn alike(one: Alarms, other: Alarms) -> bool {
    match (one, other) {
        (Alarms::Quiet, Alarms::Quiet | Alarms::Perhaps(_)) | (Alarms::Fired(_), Alarms::Perhaps("")) => true,
        (Alarms::Fired(one), Alarms::Fired(other) | Alarms::Perhaps(other)) => {
            one.split('-').next() == other.split('-').next()
        }
        _ => false,
    }
}

/// Whether what satisfies one may satisfy the other: a request without an answer may be Onebox's.
fn overlap(one: Harm, other: Harm) -> bool {
    let of_onebox = |harm| matches!(harm, Harm::OneboxAnswered | Harm::Outage);
    let may_be_onebox = |harm| of_onebox(harm) || matches!(harm, Harm::Onebox | Harm::None);
    let overlap =
        |one, other| (one == Harm::Onebox && of_onebox(other)) || (one == Harm::OneboxPerhaps && may_be_onebox(other));
    one == other || overlap(one, other) || overlap(other, one)
}

fn wrong_stages(right: &Stage) -> Vec<(&'static str, Stage)> {
    let image = match right.image {
        Image::Old | Image::First => Image::New,
        Image::New => Image::Old,
    };
    let tasks = match right.tasks {
        Tasks::Same => Tasks::Replaced,
        Tasks::Replaced => Tasks::Same,
    };
    let mut wrong = vec![
        ("other tasks", Stage { tasks, ..*right }),
        (
            "one task more",
            Stage {
                count: right.count + 1,
                ..*right
            },
        ),
    ];
    if right.count > 0 {
        wrong.push(("the other image", Stage { image, ..*right }));
    }
    if let Some(floor) = right.floor {
        wrong.push((
            "a higher floor",
            Stage {
                floor: Some(floor + 1),
                ..*right
            },
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::check::tests::satisfying;
    use crate::rehearse::scenarios::SCENARIOS;

    #[test]
    fn no_scenario_passes_when_its_expectation_is_wrong() {
        for scenario in SCENARIOS {
            let seen = satisfying(&scenario.expected);
            assert_eq!(
                check(&scenario.expected, &seen),
                Vec::<String>::new(),
                "{}",
                scenario.name
            );
            assert_eq!(
                undetected(&scenario.expected, &seen),
                Vec::<String>::new(),
                "{}",
                scenario.name
            );
        }
    }
}
