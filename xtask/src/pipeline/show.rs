//! How an execution is shown: a line for each stage and each of its actions, and the step that runs.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::execution::{Action, Execution, Outline};
use crate::aws::{rfc3339, whole_seconds};
use crate::progress::human;
use crate::progress::screen::cut;

/// How far a stage or an action is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The name.
    pub(crate) name: String,
    /// `Succeeded`, `InProgress`, `Failed`, `Abandoned`, or `-` before it begins.
    pub(crate) status: String,
    /// How long it has taken.
    pub(crate) elapsed: Option<Duration>,
}

/// A stage of an execution, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    /// The stage as a whole.
    pub(crate) whole: Progress,
    /// Its actions, in the order in which they run.
    pub(crate) actions: Vec<Progress>,
}

/// The stages in the pipeline's order, with the state of their actions. A stage or an action that the pipeline no longer has
/// comes last.
pub(crate) fn stages(outlines: &[Outline], actions: &[Action], now: SystemTime) -> Vec<Stage> {
    let mut all = outlines.to_vec();
    for action in actions {
        let known = all.iter().position(|outline| outline.name == action.stage);
        let stage = known.unwrap_or(all.len());
        if known.is_none() {
            all.push(Outline {
                name: action.stage.clone(),
                actions: Vec::new(),
            });
        }
        if !all[stage].actions.contains(&action.name) {
            all[stage].actions.push(action.name.clone());
        }
    }
    all.iter().map(|outline| stage(outline, actions, now)).collect()
}

fn stage(outline: &Outline, actions: &[Action], now: SystemTime) -> Stage {
    let own: Vec<&Action> = newest_runs(actions)
        .into_iter()
        .filter(|action| action.stage == outline.name)
        .collect();
    let is = |status: &str| own.iter().any(|action| action.status == status);
    let is_next = |name: &String| !own.iter().any(|action| action.name == *name);
    let status = ["InProgress", "Failed", "Abandoned"]
        .into_iter()
        .find(|status| is(status));
    let whole = match status {
        Some(status) => status,
        None if own.is_empty() => "-",
        // Between two actions.
        None if outline.actions.iter().any(is_next) => "InProgress",
        None => "Succeeded",
    };
    let elapsed = own
        .iter()
        .filter_map(|action| action.elapsed(now))
        .reduce(|sum, next| sum + next);
    let of_action = |name: &String| {
        let run = own.iter().find(|action| action.name == *name);
        Progress {
            name: name.clone(),
            status: run.map_or("-", |run| run.status.as_str()).to_owned(),
            elapsed: run.and_then(|run| run.elapsed(now)),
        }
    };
    Stage {
        whole: Progress {
            name: outline.name.clone(),
            status: whole.to_owned(),
            elapsed,
        },
        actions: outline.actions.iter().map(of_action).collect(),
    }
}

/// The newest run of each action. When an action of a stage runs again, so do those after it: their earlier runs don't count.
fn newest_runs(actions: &[Action]) -> Vec<&Action> {
    let mut newest: Vec<&Action> = Vec::new();
    for action in actions {
        let same = |other: &&Action| other.stage == action.stage && other.name == action.name;
        if let Some(place) = newest.iter().position(same) {
            let mut kept = 0..;
            newest.retain(|other| kept.next().is_some_and(|at| at < place) || other.stage != action.stage);
        }
        newest.push(action);
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

/// The live block: every stage, the actions of a stage that has several, and what the action that runs says below it.
pub(crate) fn block(stages: &[Stage], said: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for Stage { whole, actions } in stages {
        lines.push(row_of(whole, "  "));
        let (inner, below): (&[Progress], &str) = match actions.as_slice() {
            several @ [_, _, ..] => (several, "      "),
            _ => (&[], "    "),
        };
        let said = || said.iter().map(|said| format!("{below}{said}"));
        if inner.is_empty() && whole.status == "InProgress" {
            lines.extend(said());
        }
        for action in inner {
            lines.push(row_of(action, "    "));
            if action.status == "InProgress" {
                lines.extend(said());
            }
        }
    }
    lines
}

fn row_of(progress: &Progress, indent: &str) -> String {
    let elapsed = progress.elapsed.map(human).unwrap_or_default();
    let width = 18_usize.saturating_sub(indent.len());
    let line = format!("{indent}{:<width$} {:<11} {elapsed}", progress.name, progress.status);
    line.trim_end().to_owned()
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
    let what = action.title();
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

    fn of_production(name: &str, status: &str, from: u64, to: u64) -> Action {
        Action {
            name: name.to_owned(),
            ..action("Production", status, from, to)
        }
    }

    fn outlines() -> Vec<Outline> {
        let outline = |name: &str, actions: &[&str]| Outline {
            name: name.to_owned(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
        };
        vec![
            outline("Source", &["Source"]),
            outline("Build", &["Build"]),
            outline("Production", &["Shared", "Onebox", "Fleet"]),
        ]
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
        let actions = [
            action("Source", "Succeeded", 0, 2),
            action("Build", "Failed", 2, 10),
            action("Build", "Succeeded", 20, 62),
            of_production("Shared", "Succeeded", 62, 65),
            of_production("Onebox", "InProgress", 65, 65),
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(70);
        let lines = block(&stages(&outlines(), &actions, now), &["3 of 3 tasks run".to_owned()]);
        assert_eq!(
            headline(&execution()),
            r#"execution 01234567 of abcdef01 "Answer faster": InProgress"#
        );
        insta::assert_snapshot!(lines.join("\n"), @r#"
          Source           Succeeded   2.0 s
          Build            Succeeded   42.0 s
          Production       InProgress  8.0 s
            Shared         Succeeded   3.0 s
            Onebox         InProgress  5.0 s
              3 of 3 tasks run
            Fleet          -
        "#);
    }

    /// A deployment that failed reverts what the actions before it deployed, so they run again too.
    #[test]
    fn a_stage_that_is_tried_again_begins_with_its_first_action() {
        let mut actions = vec![
            of_production("Shared", "Succeeded", 0, 2),
            of_production("Onebox", "Failed", 2, 10),
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(70);
        let production = |actions: &[Action]| {
            let stage = stages(&outlines(), actions, now).pop().unwrap();
            let statuses = stage.actions.into_iter().map(|action| action.status);
            (stage.whole.status, statuses.collect::<Vec<_>>().join(" "))
        };
        let of = |whole: &str, actions: &str| (whole.to_owned(), actions.to_owned());
        assert_eq!(production(&actions), of("Failed", "Succeeded Failed -"));
        actions.push(of_production("Shared", "Succeeded", 20, 30));
        assert_eq!(failed(&actions), None);
        assert_eq!(production(&actions), of("InProgress", "Succeeded - -"));
        actions[2].status = "Failed".to_owned();
        assert_eq!(failed(&actions), Some(&actions[2]));
        assert_eq!(production(&actions), of("Failed", "Failed - -"));
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
