//! A stage without tasks, which no image of the repository can bring back.

use super::super::scenario::{Afterwards, Alarms, Expectation, Harm, NOTHING, QUICK, Scenario, Stage, Step, Tasks};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fleet-without-tasks",
    change: "Fleet's tasks end, and their image is gone",
    promise: "Fleet's capacity alarm fires; status tells what is wrong and why",
    steps: &[
        Step::DeleteFirstImage,
        Step::KillFleet,
        Step::AwaitRed("Fleet-TooFewTasks"),
        Step::Run(&["status", "sandbox"]),
    ],
    expected: Expectation {
        fleet: Stage {
            tasks: Tasks::Replaced,
            count: 0,
            floor: None,
            ..NOTHING.fleet
        },
        alarms: Alarms::Fired("Fleet-TooFewTasks"),
        harm: Harm::Outage,
        says: &["Fleet-TooFewTasks", "CannotPullContainerError"],
        afterwards: Afterwards::Outage,
        ..NOTHING
    },
    ..QUICK
};
