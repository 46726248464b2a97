//! Requests that no status code shows: connections that close, requests that hang, wrong answers. No target metric counts
//! them, health checks pass, and the probes find them.

use super::super::scenario::{Expectation, FOUND_ON_ONEBOX, QUICK, Scenario, Step};

/// What is common to them.
const FOUND: Scenario = Scenario {
    expected: Expectation {
        says: &["probes"],
        ..FOUND_ON_ONEBOX
    },
    ..QUICK
};

/// Every fourth connection closes: the load balancer answers 502.
pub(super) const CLOSE: Scenario = Scenario {
    name: "close",
    change: "close@25%",
    promise: "found by the probes to Onebox; Fleet untouched",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "close@25%"])],
    ..FOUND
};

/// Every connection closes.
pub(super) const CLOSE_ALL: Scenario = Scenario {
    name: "close-all",
    change: "close",
    promise: "found by the probes to Onebox; Fleet untouched",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "close"])],
    ..FOUND
};

/// Every fourth request hangs, beyond the service's own timeout too.
pub(super) const HANG: Scenario = Scenario {
    name: "hang",
    change: "hang@25%",
    promise: "found by the probes to Onebox; Fleet untouched",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "hang@25%"])],
    ..FOUND
};

/// Every request hangs.
pub(super) const HANG_ALL: Scenario = Scenario {
    name: "hang-all",
    change: "hang",
    promise: "found by the probes to Onebox; Fleet untouched",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "hang"])],
    ..FOUND
};

/// Every request after the sixtieth hangs.
pub(super) const WEDGE: Scenario = Scenario {
    name: "wedge",
    change: "wedge-after=60",
    promise: "found by the probes to Onebox; Fleet untouched",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "wedge-after=60"])],
    ..FOUND
};

/// Every tenth answer is another one than the service gives.
pub(super) const WRONG_BODY: Scenario = Scenario {
    name: "wrong-body",
    change: "wrong-body@10%",
    promise: "found by the probes to Onebox; Fleet untouched",
    steps: &[Step::Run(&["deploy", "sandbox", "--fault", "wrong-body@10%"])],
    ..FOUND
};
