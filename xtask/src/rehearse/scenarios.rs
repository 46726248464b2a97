//! The scenarios, one a file, or a few that belong together.

mod adopted;
mod bad_variable;
mod capacity;
mod configuration;
mod crash;
mod ctrl_c;
mod errors;
mod exit_at_start;
mod fifteen_good;
mod fleet_gate;
mod fleet_only;
mod good_both;
mod good_image;
mod health_check_path;
mod infrastructure;
mod interrupted;
mod killed_cloud;
mod listener;
mod missing_image;
mod no_good_answer;
mod no_traffic;
mod nothing;
mod red_alarm;
mod refusals;
mod rollback;
mod rollback_fails;
mod scaled_out;
mod second_deploy;
mod slow;
mod slow_few;
mod stage_settings;
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
    bad_variable::PROBED,
    bad_variable::NOT_JUDGED,
    stage_settings::ALARM_THRESHOLD,
    stage_settings::TASK_ROLE,
    listener::SCENARIO,
    no_good_answer::CLOSE,
    no_good_answer::CLOSE_ALL,
    no_good_answer::HANG,
    no_good_answer::HANG_ALL,
    no_good_answer::WEDGE,
    no_good_answer::WRONG_BODY,
    good_both::SCENARIO,
    adopted::SCENARIO,
    rollback::IMAGE,
    rollback::RED,
    rollback::LATE,
    rollback::CONFIGURATION,
    rollback::BOTH,
    rollback::GONE,
    capacity::SCENARIO,
    fleet_gate::SCENARIO,
    second_deploy::BETWEEN,
    second_deploy::AT_GATE,
    refusals::SCENARIO,
    interrupted::KILL_ONEBOX,
    interrupted::KILL_GATE,
    interrupted::KILL_BETWEEN,
    interrupted::KILL_FLEET,
    interrupted::CTRL_C_GATE,
    interrupted::CTRL_C_BETWEEN,
    interrupted::CTRL_C_FLEET,
    interrupted::KILL_BAD,
    interrupted::NETWORK_ONEBOX,
    interrupted::NETWORK_FLEET,
    fifteen_good::SCENARIO,
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
