//! How an execution is told: a line a stage, and the step that runs.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::execution::{Action, Execution};
use crate::aws::{rfc3339, whole_seconds};
use crate::progress::human;
use crate::progress::screen::cut;

/// A stage of an execution, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    /// The name.
    pub(crate) name: String,
    /// `Succeeded`, `InProgress`, `Failed`, `Abandoned`, or `-` before it begins.
    pub(crate) status: String,
    /// How long it has taken.
    pub(crate) elapsed: Option<Duration>,
}

/// The stages in the pipeline's order, with what the actions tell of each; one that the pipeline no longer has comes last.
pub(crate) fn stages(names: &[String], actions: &[Action], now: SystemTime) -> Vec<Stage> {
    let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
    for action in actions {
        if !all.contains(&action.stage.as_str()) {
            all.push(&action.stage);
        }
    }
    all.into_iter().map(|name| stage(name, actions, now)).collect()
}

fn stage(name: &str, actions: &[Action], now: SystemTime) -> Stage {
    let own: Vec<&Action> = newest_runs(actions)
        .into_iter()
        .filter(|action| action.stage == name)
        .collect();
    let is = |status: &str| own.iter().any(|action| action.status == status);
    let status = ["InProgress", "Failed", "Abandoned", "Succeeded"]
        .into_iter()
        .find(|status| is(status));
    let elapsed = own
        .iter()
        .filter_map(|action| action.elapsed(now))
        .reduce(|sum, next| sum + next);
    Stage {
        name: name.to_owned(),
        status: status.unwrap_or("-").to_owned(),
        elapsed,
    }
}

/// The newest run of each action: a stage that was tried again has several.
fn newest_runs(actions: &[Action]) -> Vec<&Action> {
    let mut newest: Vec<&Action> = Vec::new();
    for action in actions {
        let same = |other: &&Action| other.stage == action.stage && other.name == action.name;
        match newest.iter().position(same) {
            Some(place) => newest[place] = action,
            None => newest.push(action),
        }
    }
    newest
}

/// The action that failed an execution: the newest that did.
pub(crate) fn failed(actions: &[Action]) -> Option<&Action> {
    let mut failed = newest_runs(actions)
        .into_iter()
        .filter(|action| action.status == "Failed");
    failed.next_back()
}

/// The live block: every stage, and under the one that runs what it says.
pub(crate) fn block(stages: &[Stage], said: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in stages {
        let elapsed = stage.elapsed.map(human).unwrap_or_default();
        lines.push(
            format!("  {:<16} {:<11} {elapsed}", stage.name, stage.status)
                .trim_end()
                .to_owned(),
        );
        if stage.status == "InProgress" {
            lines.extend(said.iter().map(|said| format!("    {said}")));
        }
    }
    lines
}

/// One line on an execution as it stands.
pub(crate) fn headline(execution: &Execution) -> String {
    format!("{}: {}", name(execution), execution.status)
}

/// An execution and its commit, `execution 01234567 of 8bfc66b8 "Read the database"`.
pub(crate) fn name(execution: &Execution) -> String {
    let commit = commit(execution).map(|commit| format!(" of {commit}"));
    format!("execution {}{}", short(&execution.id), commit.unwrap_or_default())
}

/// What an execution runs: its commit, or where that isn't known, its id.
pub(crate) fn what(execution: &Execution) -> String {
    commit(execution).unwrap_or_else(|| name(execution))
}

fn commit(execution: &Execution) -> Option<String> {
    let revision = execution.revision.as_ref()?;
    Some(format!("{} \"{}\"", short(&revision.id), revision.summary))
}

/// A line that stays, for an action that has begun or ended. Why it failed is told once, when the execution has ended.
pub(crate) fn line(action: &Action, now: SystemTime) -> String {
    let what = if action.stage == action.name {
        action.stage.clone()
    } else {
        format!("{}/{}", action.stage, action.name)
    };
    let elapsed = action
        .elapsed(now)
        .filter(|_| action.status != "InProgress")
        .map(|elapsed| format!(", {}", human(elapsed)))
        .unwrap_or_default();
    format!("{what}: {}{elapsed}", action.status)
}

/// A record of an action for programs.
pub(crate) fn record(action: &Action) -> Value {
    json!({
        "stage": action.stage,
        "action": action.name,
        "status": action.status,
        "started": action.started.map(rfc3339),
        "updated": action.updated.map(rfc3339),
        "build": action.build,
        "reason": action.reason,
    })
}

/// Executions, the newest first. Where there is no room, messages are cut, and then it goes without how long each took, when
/// it started and its message.
pub(crate) fn table_of(executions: &[Execution], now: SystemTime, width: Option<usize>) -> String {
    let rows = |message: usize| -> Vec<Vec<String>> {
        executions
            .iter()
            .map(|execution| row(execution, now, message))
            .collect()
    };
    let variants = [usize::MAX, 40, 24].map(rows);
    crate::table::fit(&HEADER, &variants, width, &[5, 4, 3])
}

/// The header of [`row`]s.
const HEADER: [&str; 7] = [
    "EXECUTION",
    "STATUS",
    "COMMIT",
    "MESSAGE",
    "STARTED",
    "TOOK",
    "STARTED BY",
];

/// An execution's row in a list, with so many characters of its message.
fn row(execution: &Execution, now: SystemTime, message: usize) -> Vec<String> {
    let revision = execution.revision.as_ref();
    let commit = revision.map(|revision| short(&revision.id).to_owned());
    vec![
        short(&execution.id).to_owned(),
        execution.status.clone(),
        commit.unwrap_or_default(),
        revision
            .map(|revision| cut(&revision.summary, message))
            .unwrap_or_default(),
        execution.started.map(whole_seconds).unwrap_or_default(),
        execution.elapsed(now).map(human).unwrap_or_default(),
        execution.started_by(),
    ]
}

/// A record of an execution for programs.
pub(crate) fn execution_record(execution: &Execution) -> Value {
    json!({
        "execution": execution.id,
        "status": execution.status,
        "reason": execution.reason,
        "revision": execution.revision.as_ref().map(|revision| &revision.id),
        "trigger": execution.trigger,
        "fault": execution.fault,
        "started": execution.started.map(rfc3339),
        "updated": execution.updated.map(rfc3339),
    })
}

/// As much of an id or a hash as tells it from others.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::pipeline::execution::Revision;

    pub(crate) fn action(stage: &str, status: &str, from: u64, to: u64) -> Action {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Action {
            id: format!("{stage}-{from}"),
            stage: stage.to_owned(),
            name: stage.to_owned(),
            status: status.to_owned(),
            started: at(from),
            updated: at(to),
            build: None,
            reason: None,
        }
    }

    fn execution() -> Execution {
        Execution {
            id: "0123456789".to_owned(),
            status: "InProgress".to_owned(),
            reason: None,
            revision: Some(Revision {
                id: "abcdef012345".to_owned(),
                summary: "Answer faster".to_owned(),
            }),
            trigger: None,
            started: None,
            updated: None,
            fault: None,
        }
    }

    #[test]
    fn the_block_shows_every_stage_and_what_the_running_one_says() {
        let names = ["Source", "Build", "Onebox", "Fleet"].map(ToOwned::to_owned);
        let actions = [
            action("Source", "Succeeded", 0, 2),
            action("Build", "Failed", 2, 10),
            action("Build", "Succeeded", 20, 62),
            action("Onebox", "InProgress", 62, 62),
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(70);
        let lines = block(&stages(&names, &actions, now), &["3 of 3 tasks run".to_owned()]);
        assert_eq!(
            headline(&execution()),
            r#"execution 01234567 of abcdef01 "Answer faster": InProgress"#
        );
        insta::assert_snapshot!(lines.join("\n"), @r#"
          Source           Succeeded   2.0 s
          Build            Succeeded   42.0 s
          Onebox           InProgress  8.0 s
            3 of 3 tasks run
          Fleet            -
        "#);
    }

    #[test]
    fn a_list_tells_when_how_long_and_what_started_each() {
        let at = |seconds: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 123));
        let pushed = Execution {
            status: "Succeeded".to_owned(),
            trigger: Some("CloudWatchEvent".to_owned()),
            started: at(60),
            updated: at(245),
            ..execution()
        };
        let faulty = Execution {
            trigger: Some("StartPipelineExecution".to_owned()),
            started: at(300),
            fault: Some("delay=6s".to_owned()),
            ..execution()
        };
        let now = at(330).unwrap_or(SystemTime::UNIX_EPOCH);
        let executions = [faulty, pushed];
        insta::assert_snapshot!(table_of(&executions, now, None), @"
        EXECUTION  STATUS      COMMIT    MESSAGE        STARTED               TOOK       STARTED BY
        01234567   InProgress  abcdef01  Answer faster  1970-01-01T00:05:00Z  30.0 s     hand, --fault delay=6s
        01234567   Succeeded   abcdef01  Answer faster  1970-01-01T00:01:00Z  3 min 5 s  push
        ");
        let [mut wordy, pushed] = executions;
        let summary = "Answer faster, and say in many words that nobody reads to their end why that was called for";
        wordy.revision = wordy.revision.map(|revision| Revision {
            summary: summary.to_owned(),
            ..revision
        });
        let executions = [wordy, pushed];
        for width in [120, 80, 60] {
            let told = table_of(&executions, now, Some(width));
            assert!(told.lines().all(|line| line.chars().count() <= width), "{told}");
            insta::assert_snapshot!(format!("executions_{width}"), told);
        }
    }

    #[test]
    fn a_stage_that_was_tried_again_has_not_failed() {
        let tried_again = [action("Build", "Failed", 2, 10), action("Build", "InProgress", 20, 20)];
        assert_eq!(failed(&tried_again), None);
        assert_eq!(failed(&tried_again[..1]), Some(&tried_again[0]));
    }

    #[test]
    fn a_line_for_a_log() {
        let mut failed = action("Build", "Failed", 2, 10);
        failed.reason = Some("Build terminated with state: FAILED".to_owned());
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(line(&failed, now), "Build: Failed, 8.0 s");
        assert_eq!(line(&action("Onebox", "InProgress", 2, 2), now), "Onebox: InProgress");
    }
}
