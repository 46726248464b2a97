//! The scenarios, one a file.

mod configuration;
mod crash;
mod ctrl_c;
mod errors;
mod exit_at_start;
mod fleet_only;
mod good_image;
mod health_check_path;
mod infrastructure;
mod killed_cloud;
mod missing_image;
mod no_traffic;
mod nothing;
mod red_alarm;
mod rollback_fails;
mod scaled_out;
mod slow;
mod slow_few;
mod two_bad;
mod unhealthy;
mod unhealthy_later;

use super::scenario::Scenario;

/// Every scenario, in the order in which they are told.
pub(crate) const SCENARIOS: &[Scenario] = &[
    nothing::SCENARIO,
    good_image::SCENARIO,
    slow::SCENARIO,
    slow_few::SCENARIO,
    errors::SCENARIO,
    exit_at_start::SCENARIO,
    missing_image::SCENARIO,
    unhealthy::SCENARIO,
    unhealthy_later::SCENARIO,
    crash::SCENARIO,
    no_traffic::SCENARIO,
    red_alarm::SCENARIO,
    configuration::SCENARIO,
    infrastructure::SCENARIO,
    health_check_path::SCENARIO,
    fleet_only::SCENARIO,
    two_bad::SCENARIO,
    scaled_out::SCENARIO,
    rollback_fails::SCENARIO,
    killed_cloud::SCENARIO,
    ctrl_c::SCENARIO,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_words_for_people() {
        let names: BTreeSet<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        for scenario in SCENARIOS {
            assert!(!scenario.name.is_empty() && !scenario.change.is_empty() && !scenario.promise.is_empty());
            assert!(!scenario.steps.is_empty(), "{}", scenario.name);
        }
    }
}
