//! A deployment that loses its command or its network at some point, and is resumed from another machine: the same result.

use super::super::scenario::{
    Act, Expectation, FOUND_ON_ONEBOX, Harm, KILLED, Load, Moment, QUICK, SHIPPED, Scenario, Step,
};

const RESUME: Step = Step::Elsewhere(&["deploy", "sandbox", "--resume"]);

const GOOD: &[&str] = &["deploy", "sandbox", "--image", "{good}"];

const AFTER_KILL: Scenario = Scenario {
    promise: "resumed from another machine; the same end as without",
    expected: Expectation {
        exits: &[KILLED, 0],
        ..SHIPPED
    },
    ..QUICK
};

const AFTER_CTRL_C: Scenario = Scenario {
    expected: Expectation {
        exits: &[130, 0],
        ..SHIPPED
    },
    ..AFTER_KILL
};

pub(super) const KILL_ONEBOX: Scenario = Scenario {
    name: "kill-onebox",
    change: "a good image, kill -9 of deploy while Onebox is changed",
    steps: &[Step::During(GOOD, Moment::OneboxChanges, Act::Kill), RESUME],
    ..AFTER_KILL
};

pub(super) const KILL_GATE: Scenario = Scenario {
    name: "kill-gate",
    change: "a good image, kill -9 of deploy at a gate",
    steps: &[Step::During(GOOD, Moment::Waits, Act::Kill), RESUME],
    ..AFTER_KILL
};

pub(super) const KILL_BETWEEN: Scenario = Scenario {
    name: "kill-between",
    change: "a good image, kill -9 of deploy between the steps",
    steps: &[Step::During(GOOD, Moment::OneboxPassed, Act::Kill), RESUME],
    ..AFTER_KILL
};

pub(super) const KILL_FLEET: Scenario = Scenario {
    name: "kill-fleet",
    change: "a good image, kill -9 of deploy while Fleet is changed",
    steps: &[Step::During(GOOD, Moment::FleetChanges, Act::Kill), RESUME],
    ..AFTER_KILL
};

pub(super) const CTRL_C_GATE: Scenario = Scenario {
    name: "ctrl-c-gate",
    change: "a good image, Ctrl-C of deploy at a gate",
    steps: &[Step::During(GOOD, Moment::Waits, Act::Interrupt), RESUME],
    ..AFTER_CTRL_C
};

pub(super) const CTRL_C_BETWEEN: Scenario = Scenario {
    name: "ctrl-c-between",
    change: "a good image, Ctrl-C of deploy between the steps",
    steps: &[Step::During(GOOD, Moment::OneboxPassed, Act::Interrupt), RESUME],
    ..AFTER_CTRL_C
};

pub(super) const CTRL_C_FLEET: Scenario = Scenario {
    name: "ctrl-c-fleet",
    change: "a good image, Ctrl-C of deploy while Fleet is changed",
    steps: &[Step::During(GOOD, Moment::FleetChanges, Act::Interrupt), RESUME],
    ..AFTER_CTRL_C
};

pub(super) const KILL_BAD: Scenario = Scenario {
    name: "kill-bad",
    change: "close@25%, kill -9 of deploy while Onebox is changed",
    promise: "resumed from another machine; found on Onebox as without",
    steps: &[
        Step::During(
            &["deploy", "sandbox", "--fault", "close@25%"],
            Moment::OneboxChanges,
            Act::Kill,
        ),
        RESUME,
    ],
    expected: Expectation {
        exits: &[KILLED, 5],
        says: &["probes"],
        ..FOUND_ON_ONEBOX
    },
    ..QUICK
};

pub(super) const NETWORK_ONEBOX: Scenario = Scenario {
    name: "network-onebox",
    change: "a good image, no network for 7 s while Onebox is changed",
    promise: "not taken for a bad image: probes to both stages fail together",
    load: Load::Quiet,
    steps: &[Step::During(GOOD, Moment::OneboxChanges, Act::Freeze(7))],
    expected: Expectation {
        harm: Harm::NoRequests,
        ..SHIPPED
    },
    ..QUICK
};

pub(super) const NETWORK_FLEET: Scenario = Scenario {
    name: "network-fleet",
    change: "a good image, no network for 7 s while Fleet is changed",
    promise: "not taken for a bad image: probes to both stages fail together",
    load: Load::Quiet,
    steps: &[Step::During(GOOD, Moment::FleetChanges, Act::Freeze(7))],
    expected: Expectation {
        harm: Harm::NoRequests,
        ..SHIPPED
    },
    ..QUICK
};
