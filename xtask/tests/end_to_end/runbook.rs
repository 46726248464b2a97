//! The runbook, row by row: each symptom is brought about, is on the screen in the runbook's words, and what is said to fix
//! it does, typed as it stands there.

mod page;
mod scenarios;

use std::path::Path;

use self::page::{Row, rows};
use crate::cloud::Outcome;
use crate::documents::terminal::Terminal;

const HERE: &str = "tests/end_to_end/runbook/scenarios.rs";
const BAD_DAYS: &str = "src/stack/apply/tests/bad_days.rs";
const BALANCER: &str = "local-cloud/balancer/src/tests/codes.rs";
const PUSH: &str = "tests/end_to_end/push.rs";
const RESTART: &str = "local-cloud/src/tests/restart.rs";

/// A row was brought about once, by a person.
const BY_HAND: &str = "";

/// Where each row is brought about: what it has in its first cell, a file below `xtask/`, and what does so there.
const TRIED: [(&str, &str, &str); 50] = [
    ("an action of Production waits", BY_HAND, ""),
    ("`E-ROLLED-BACK`", HERE, "a_deployment_that_ended"),
    ("`E-NOT-STAGEABLE`", "deployment/src/staging/tests/kinds.rs", "TARGETS"),
    (
        "`E-UNPLANNED`",
        "deployment/src/staging/tests/confirm.rs",
        "an_entry_that_the_plan_doesnt_contain_is_reported",
    ),
    (
        "`E-OVERTAKEN`",
        "src/deploy/outcome.rs",
        "somebody_else_changed_the_stack_between_two_steps",
    ),
    ("`E-UNFINISHED`", HERE, "a_deployment_that_ended"),
    ("`E-NO-EARLIER-RELEASE`", HERE, "a_deployment_that_ended"),
    ("`E-RELEASE-GONE`", HERE, "a_deployment_that_ended"),
    ("`TooFewTasks`", "local-cloud/src/tests/clock.rs", "RunningTaskCount"),
    (
        "`ECS didn't bring back what ran before`",
        "src/deploy/outcome.rs",
        "a_rollback_that_ecs_gave_up_is_told_by_tasks",
    ),
    ("`E-WORSE`", "tests/end_to_end/documents.rs", "docs/walkthrough.md"),
    ("`E-ROLLBACK-FAILED`", HERE, "a_deployment_that_ended"),
    ("`E-THIN-EVIDENCE`", HERE, "a_deployment_that_ended"),
    (
        "`E-LOAD-BALANCER`",
        RESTART,
        "a_load_balancer_whose_port_was_taken_meanwhile_says_so_and_tries_again",
    ),
    ("`E-RED-ALARM`", "src/rehearse/scenarios/red_alarm.rs", "\"red-alarm\""),
    ("exit status 130", "src/rehearse/scenarios/ctrl_c.rs", "\"ctrl-c\""),
    (
        "`E-AWS-UNREACHABLE`",
        BAD_DAYS,
        "a_connection_that_stays_lost_is_borne_for_ten_minutes",
    ),
    (
        "`E-STACK-BUSY`",
        BAD_DAYS,
        "who_was_quicker_is_told_by_what_their_token_says",
    ),
    ("`E-CHANGE-REFUSED` ", HERE, "the_local_cloud"),
    (
        "`ROLLBACK_COMPLETE`",
        "tests/end_to_end/refusal.rs",
        "a_stack_that_failed_is_told_of_and_made_anew_on_request",
    ),
    ("`Essential container in task exited`", HERE, "a_deployment_that_ended"),
    (
        "`OutOfMemoryError`",
        "local-cloud/runtime/src/tests/docker.rs",
        "tells_of_too_much_memory",
    ),
    (
        "`CannotPullContainerError`",
        "local-cloud/runtime/src/tests/docker.rs",
        "CannotPullContainerError",
    ),
    ("`Task failed ELB health checks`", HERE, "a_deployment_that_ended"),
    ("502", BALANCER, "bad_gateway_when_the_target_closes"),
    ("503", BALANCER, "unavailable_without_targets"),
    ("504", BALANCER, "gateway_timeout_when_the_target_is_silent"),
    ("500 and slow", HERE, "onebox_has_a_bad_change"),
    (
        "no more tasks come",
        "local-cloud/src/autoscaling/tracking.rs",
        "check(\"1000x3\", 10, false, None)",
    ),
    (
        "exit status 2 of",
        "tests/end_to_end/diff.rs",
        "drift_is_told_by_property_until_it_is_undone",
    ),
    (
        "an alarm stays red",
        "local-cloud/src/tests/alarms.rs",
        "an_alarm_that_is_red_before_lets_the_deployment_pass",
    ),
    (
        "nobody was told",
        "local-cloud/src/tests/delivery.rs",
        "a_failure_is_published_by_its_rule_in_the_words_of_its_template",
    ),
    ("failed at Build`", HERE, "the_pipeline_and_what_is_left_of_it"),
    (
        "failed at UpdatePipeline`",
        HERE,
        "the_pipeline_lacks_a_right_that_its_new_template_gives",
    ),
    (
        "`E-ROLES-DIFFER`",
        "src/deploy/toolchain.rs",
        "the_pipeline_does_not_change_what_it_may_do",
    ),
    (
        "an execution failed",
        PUSH,
        "a_pipeline_that_changes_itself_goes_on_with_its_new_definition",
    ),
    (
        "failed at Onebox of Production`",
        "tests/end_to_end/documents.rs",
        "docs/walkthrough.md",
    ),
    ("no execution after a push", BY_HAND, "a push to another branch"),
    (
        "it waits",
        PUSH,
        "who_waits_gives_way_and_who_is_stopped_can_be_retried",
    ),
    ("`E-STILL-NEEDED`", HERE, "the_pipeline_and_what_is_left_of_it"),
    ("still there", HERE, "the_pipeline_and_what_is_left_of_it"),
    ("`E-REPOSITORY-LEFT`", HERE, "the_pipeline_and_what_is_left_of_it"),
    ("`DELETE_FAILED`", HERE, "the_pipeline_and_what_is_left_of_it"),
    ("it doesn't answer", HERE, "the_local_cloud"),
    ("port 4566 or 8080", BY_HAND, "two local clouds at once"),
    (
        "`it keeps its settings from before",
        RESTART,
        "waits_pass_as_fast_after_a_restart_as_before_unless_somebody_says_otherwise",
    ),
    ("`the local cloud runs already`", HERE, "the_local_cloud"),
    ("`the local cloud does not support", HERE, "the_local_cloud"),
    ("a call fails", HERE, "the_local_cloud"),
    ("as on the first day", HERE, "the_local_cloud"),
];

/// A desk with the runbook on it, and a terminal whose local cloud passes AWS's waits 60 times as fast.
struct Desk {
    terminal: Terminal,
    rows: Vec<Row>,
}

impl Desk {
    fn new() -> Self {
        Self::with(Terminal::here())
    }

    fn with(terminal: Terminal) -> Self {
        terminal
            .enter("cargo xtask local start --runtime process --speed 60")
            .expect(0);
        Self { terminal, rows: rows() }
    }

    /// The row that has this in its first cell.
    fn row(&self, seen: &str) -> &Row {
        let found = self.rows.iter().find(|row| row.seen.contains(seen));
        found.unwrap_or_else(|| panic!("no row: {seen}"))
    }

    /// Types a command as the runbook has it, of the local cloud.
    fn types(&self, command: &str) -> Outcome {
        self.terminal.enter(&of_the_local_cloud(command))
    }

    /// Types a command that ends well; what is on the screen then.
    #[track_caller]
    fn does(&self, command: &str) -> String {
        let outcome = self.types(command);
        outcome.expect(0);
        outcome.stdout + &outcome.stderr
    }

    /// Holds what is on the screen against a row's words, and gives the row.
    #[track_caller]
    fn sees(&self, seen: &str, outcome: &Outcome) -> &Row {
        let row = self.row(seen);
        let Outcome { code, stdout, stderr } = outcome;
        if let Some(status) = row.status() {
            assert_eq!(*code, Some(status), "{}\n{stderr}", row.seen);
        }
        for word in row.words() {
            assert!(
                stdout.contains(&word) || stderr.contains(&word),
                "not seen: {word}\n{stdout}\n{stderr}"
            );
        }
        row
    }
}

/// A command as it is typed on the local cloud: said to be of it, and answered beforehand where it would ask.
fn of_the_local_cloud(command: &str) -> String {
    if command.starts_with("aws ") {
        return format!("eval \"$(cargo xtask local env)\"; {command}");
    }
    let is = |start: &str| command.starts_with(&format!("cargo xtask {start}"));
    let mut typed = command.to_owned();
    if !is("local") && !command.contains(" --local") {
        typed.push_str(" --local");
    }
    if ["deploy", "rollback", "destroy"].iter().any(|start| is(start)) && !command.contains(" --yes") {
        typed.push_str(" --yes");
    }
    if is("destroy prod") {
        typed.push_str(" --confirm OneBoxDeploymentOnECS-Service-Prod");
    }
    typed
}

#[test]
fn every_row_of_the_runbook_is_brought_about() {
    let rows = rows();
    for row in &rows {
        let tried = TRIED.iter().any(|(seen, ..)| row.seen.contains(seen));
        assert!(tried, "nobody has brought this about: {}", row.seen);
    }
    for (seen, file, what) in TRIED {
        assert!(rows.iter().any(|row| row.seen.contains(seen)), "no row: {seen}");
        if file != BY_HAND {
            let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            assert!(text.contains(what), "{file} has no {what}");
        }
    }
}
