//! `rollback`: what a bad release changed is restored completely, customers first. The bad releases come in unjudged, on an
//! idle sandbox; then requests fail on both stages.

use super::super::scenario::{
    Alarms, Expectation, FLEET_BACK, Harm, Image, NOTHING, ONEBOX_BACK, QUICK, Scenario, Stage, Step,
};

/// The previous release restored, whatever came of requests before.
const RESTORED: Expectation = Expectation {
    exits: &[0, 0],
    stack: &["UPDATE_COMPLETE"],
    onebox: Stage {
        image: Image::First,
        ..ONEBOX_BACK
    },
    fleet: Stage {
        image: Image::First,
        ..FLEET_BACK
    },
    alarms: Alarms::Perhaps(""),
    harm: Harm::Fleet,
    fleet_within: Some(10),
    ..NOTHING
};

/// Restores the previous release, after which nothing differs from the project's template.
const STEPS: &[Step] = &[Step::Run(&["rollback", "sandbox"]), Step::Run(&["diff", "sandbox"])];

const BAD_IMAGE: &[Step] = &[Step::Run(&[
    "deploy",
    "sandbox",
    "--fault",
    "error=500@30%",
    "--no-probe",
    "--accept",
    "a rehearsal",
])];

pub(super) const IMAGE: Scenario = Scenario {
    name: "rollback-image",
    change: "rollback of a bad image, before any alarm is red",
    promise: "Fleet changes within 10 s; the release before, complete",
    before: BAD_IMAGE,
    steps: STEPS,
    expected: RESTORED,
    ..QUICK
};

pub(super) const RED: Scenario = Scenario {
    name: "rollback-red",
    change: "rollback of a bad image, its alarms red",
    promise: "Fleet changes within 10 s; the release before, complete",
    before: BAD_IMAGE,
    steps: &[Step::AwaitRed("Fleet-ServerErrors"), STEPS[0], STEPS[1]],
    expected: Expectation {
        alarms: Alarms::Perhaps(""),
        ..RESTORED
    },
    ..QUICK
};

pub(super) const LATE: Scenario = Scenario {
    name: "rollback-late",
    change: "rollback of a bad image, whose alarms fire during the rollback",
    promise: "Fleet changes within 10 s; the alarms undo nothing",
    metric_lag: Some(4.0),
    before: BAD_IMAGE,
    steps: &[Step::Minutes(3), STEPS[0], STEPS[1]],
    expected: RESTORED,
    ..QUICK
};

pub(super) const CONFIGURATION: Scenario = Scenario {
    name: "rollback-configuration",
    change: "rollback of a bad variable",
    promise: "Fleet changes within 10 s; the release before, complete",
    edits: super::bad_variable::EDITS,
    before: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--templates",
        "{templates}",
        "--no-probe",
        "--accept",
        "a rehearsal",
    ])],
    steps: STEPS,
    expected: RESTORED,
    ..QUICK
};

pub(super) const BOTH: Scenario = Scenario {
    name: "rollback-both",
    change: "rollback of a bad image with a new variable",
    promise: "Fleet changes within 10 s; the release before, complete",
    edits: super::configuration::SCENARIO.edits,
    before: &[Step::Run(&[
        "deploy",
        "sandbox",
        "--templates",
        "{templates}",
        "--fault",
        "error=500@30%",
        "--no-probe",
        "--accept",
        "a rehearsal",
    ])],
    steps: STEPS,
    expected: RESTORED,
    ..QUICK
};

pub(super) const GONE: Scenario = Scenario {
    name: "rollback-gone",
    change: "rollback to a release that lost its image",
    promise: "refused before any change, with the releases that there are",
    before: &[
        Step::Run(&[
            "deploy",
            "sandbox",
            "--fault",
            "delay=1ms@0.0002%",
            "--no-probe",
            "--accept",
            "a rehearsal",
        ]),
        Step::DeleteFirstImage,
    ],
    steps: &[Step::Run(&["rollback", "sandbox"])],
    expected: Expectation {
        exits: &[4],
        stack: &["UPDATE_COMPLETE"],
        says: &["nothing was changed", "MADE"],
        ..NOTHING
    },
    ..QUICK
};
