//! How many probes to send.

use constants::judgement::{PROBE_DILUTION_REQUESTS, PROBES_PER_SECOND};

use crate::stage::Stage;

/// Probes a second to a stage that has so many requests a minute of customers (`RequestCount` without probes).
///
/// Up to [`PROBE_DILUTION_REQUESTS`], the full rate. Above, a tenth of the customers' requests, which is less than a tenth
/// of all: more would dilute customers' errors in the metrics that alarms watch. Probes without the stage's header
/// ([`Stage::Shared`], with the requests of both stages) reach Fleet as well and get a hundredth, so that the probes to
/// Fleet together stay below a tenth.
pub fn probe_rate(customer_requests_per_minute: f64, stage: Stage) -> f64 {
    let full = f64::from(PROBES_PER_SECOND);
    let (most, share) = match stage {
        Stage::Shared => (full / 4.0, 0.01),
        Stage::Onebox | Stage::Fleet => (full, 0.1),
    };
    if customer_requests_per_minute <= PROBE_DILUTION_REQUESTS {
        return most;
    }
    (customer_requests_per_minute * share / 60.0).min(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_full_rate_without_traffic_and_a_tenth_with_it() {
        let check = |requests, stage, expected: f64| {
            let rate = probe_rate(requests, stage);
            assert!((rate - expected).abs() < 1e-9, "{requests} {stage}: {rate}");
        };
        check(0.0, Stage::Onebox, 40.0);
        check(100.0, Stage::Fleet, 40.0);
        check(600.0, Stage::Onebox, 1.0);
        check(59_400.0, Stage::Fleet, 40.0);
        check(0.0, Stage::Shared, 10.0);
    }

    proptest! {
        #[test]
        fn probes_are_at_most_a_tenth_of_the_requests(customers in 101.0..1e7_f64) {
            let onebox_customers = customers * 0.01;
            let both = 60.0 * probe_rate(customers, Stage::Shared);
            let fleet = 60.0 * probe_rate(customers * 0.99, Stage::Fleet) + both;
            prop_assert!(fleet <= (fleet + customers) / 10.0);
            if onebox_customers > PROBE_DILUTION_REQUESTS {
                let onebox = 60.0 * probe_rate(onebox_customers, Stage::Onebox) + both * 0.01;
                prop_assert!(onebox <= (onebox + onebox_customers) / 10.0);
            }
        }
    }
}
