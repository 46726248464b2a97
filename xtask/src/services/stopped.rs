//! The tasks of a service that stopped while something was followed, by reason, with what those that failed last wrote.
//!
//! They are looked for all the while: ECS forgets a stopped task, and a rollback may remove the service and its logs.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::SystemTime;

use crate::aws::Aws;
use crate::unread::{could_not_read, is_denied};

/// How often what a failed task last wrote is asked for: logs take a moment to arrive.
const TRIES: u8 = 4;

/// A task that stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoppedTask {
    /// The ARN.
    pub(crate) arn: String,
    /// The ARN of its task definition.
    pub(crate) definition: String,
    /// When it stopped, as far as ECS says.
    pub(crate) at: Option<SystemTime>,
    /// AWS's words for why.
    pub(crate) reason: String,
    /// Its containers.
    pub(crate) containers: Vec<StoppedContainer>,
}

/// A container of a task that stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoppedContainer {
    /// The name.
    pub(crate) name: String,
    /// What it exited with; none where it never ran.
    pub(crate) exit_code: Option<i64>,
    /// AWS's words, such as why the image couldn't be pulled.
    pub(crate) reason: Option<String>,
}

/// Tasks that stopped for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// AWS's words, with the containers' exit codes.
    pub(crate) reason: String,
    /// Whether they failed, rather than went because a deployment replaced them.
    pub(crate) failed: bool,
    /// Their ids, in the order in which they were seen.
    pub(crate) tasks: Vec<String>,
    /// What the failed containers of one of them last wrote, each line with the container's name before it.
    pub(crate) words: Vec<String>,
}

/// The tasks of a service that stopped since a moment.
#[derive(Debug, Default)]
pub(crate) struct Stopped {
    known: HashSet<String>,
    groups: Vec<Group>,
    /// A failed task of each group, while nothing is known that it wrote, and how often it was asked for.
    silent: Vec<(String, StoppedTask, u8)>,
}

/// What a look brought.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    tasks: Vec<StoppedTask>,
    words: Vec<(String, Vec<String>)>,
}

impl StoppedTask {
    /// Why it stopped, with its containers' exit codes and reasons.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.reason.clone();
        for container in &self.containers {
            if let Some(code) = container.exit_code.filter(|_| !self.is_orderly()) {
                let _ = write!(words, "; container {} exited with code {code}", container.name);
                if let Some(meaning) = meaning(code) {
                    let _ = write!(words, ", {meaning}");
                }
            }
            if let Some(reason) = &container.reason {
                let _ = write!(words, " ({reason})");
            }
        }
        words
    }

    /// Whether ECS stopped it because a deployment or the scaling had no more use for it.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
    pub(crate) fn is_orderly(&self) -> bool {
        self.reason.starts_with("Scaling activity")
    }

    /// The names of its containers that ended by themselves, and not well.
    pub(crate) fn failed_containers(&self) -> impl Iterator<Item = &str> {
        let failed = |container: &&StoppedContainer| container.exit_code.is_some_and(|code| code != 0);
        let containers = self.containers.iter().filter(failed);
        containers
            .filter(|_| !self.is_orderly())
            .map(|container| container.name.as_str())
    }

    /// The id, which ends the ARN.
    fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }
}

/// What an exit code says by itself: Rust's own, and those by which shells and Docker name a signal, 128 and its number.
/// <https://docs.docker.com/engine/containers/run/#exit-status>
fn meaning(code: i64) -> Option<&'static str> {
    Some(match code {
        101 => "a panic in Rust",
        126 => "its program couldn't be run",
        127 => "its program wasn't found",
        134 => "it aborted (SIGABRT)",
        137 => "it was killed (SIGKILL)",
        139 => "it touched memory that isn't its own (SIGSEGV)",
        143 => "it was asked to end (SIGTERM)",
        _ => return None,
    })
}

impl Stopped {
    /// Looks for tasks of a service that stopped since a moment and aren't known yet, and for what those that failed wrote.
    ///
    /// # Errors
    /// If ECS can't be asked. Logs that the credentials may not read are reported in place of what the task wrote; logs
    /// that aren't there yet are read again at the next look.
    pub(crate) async fn look(
        &self,
        aws: &Aws,
        (cluster, service): (&str, &str),
        since: Option<SystemTime>,
    ) -> anyhow::Result<Looked> {
        let mut arns = aws.stopped_tasks(cluster, service).await?;
        arns.retain(|arn| !self.known.contains(arn));
        let mut looked = Looked::default();
        if !arns.is_empty() {
            looked.tasks = aws.describe_stopped(cluster, &arns).await?;
            let of_old = |task: &StoppedTask| task.at.zip(since).is_some_and(|(at, since)| at < since);
            looked.tasks.retain(|task| !of_old(task));
        }
        for (reason, task) in self.unheard(&looked.tasks) {
            let words = match aws.last_words(task).await {
                Err(error) if is_denied(&error) => vec![could_not_read("what it wrote", &error)],
                words => words.unwrap_or_default(),
            };
            looked.words.push((reason, words));
        }
        Ok(looked)
    }

    /// Takes what a look brought.
    pub(crate) fn take(&mut self, looked: Looked) {
        let unheard: Vec<(String, StoppedTask)> = self
            .unheard(&looked.tasks)
            .into_iter()
            .map(|(reason, task)| (reason, task.clone()))
            .collect();
        for task in looked.tasks {
            self.count(&task);
        }
        for (reason, task) in unheard {
            let heard = looked
                .words
                .iter()
                .find(|(of, words)| *of == reason && !words.is_empty());
            let tries = self
                .silent
                .iter()
                .find(|(of, ..)| *of == reason)
                .map_or(0, |silent| silent.2);
            self.silent.retain(|(of, ..)| *of != reason);
            match (heard, self.groups.iter_mut().find(|group| group.reason == reason)) {
                (Some((_, words)), Some(group)) => group.words.clone_from(words),
                _ => self.silent.push((reason, task, tries + 1)),
            }
        }
    }

    /// The tasks by reason: those that failed first, and the most numerous first.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups = self.groups.clone();
        groups.sort_by_key(|group| (!group.failed, std::cmp::Reverse(group.tasks.len())));
        groups
    }

    fn count(&mut self, task: &StoppedTask) {
        if !self.known.insert(task.arn.clone()) {
            return;
        }
        let reason = task.in_words();
        match self.groups.iter_mut().find(|group| group.reason == reason) {
            Some(group) => group.tasks.push(task.id().to_owned()),
            None => self.groups.push(Group {
                reason,
                failed: !task.is_orderly(),
                tasks: vec![task.id().to_owned()],
                words: Vec::new(),
            }),
        }
    }

    /// For each reason whose tasks wrote nothing that is known yet, one that failed.
    fn unheard<'a>(&'a self, new: &'a [StoppedTask]) -> Vec<(String, &'a StoppedTask)> {
        let old = self.silent.iter().filter(|(.., tries)| *tries < TRIES);
        let mut unheard: Vec<(String, &StoppedTask)> = old.map(|(reason, task, _)| (reason.clone(), task)).collect();
        for task in new.iter().filter(|task| task.failed_containers().next().is_some()) {
            let reason = task.in_words();
            let known = self.groups.iter().any(|group| group.reason == reason);
            if !known && unheard.iter().all(|(other, _)| *other != reason) {
                unheard.push((reason, task));
            }
        }
        unheard
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::aws::replay::Replay;

    fn task(id: &str, seconds: u64, reason: &str, exit_code: i64) -> Value {
        json!({
            "taskArn": format!("arn:aws:ecs:us-east-1:123456789012:task/cluster/{id}"), "taskDefinitionArn": "definition:1",
            "stoppedAt": seconds, "stoppedReason": reason,
            "containers": [{"name": "service", "exitCode": exit_code}],
        })
    }

    fn definition() -> Value {
        let options = json!({"awslogs-group": "/group", "awslogs-stream-prefix": "onebox"});
        json!({"containerDefinitions": [{"name": "service", "logConfiguration": {"options": options}}]})
    }

    fn listed(tasks: &[Value]) -> [(u16, String); 2] {
        let arns: Vec<&Value> = tasks.iter().map(|task| &task["taskArn"]).collect();
        [
            (200, json!({"taskArns": arns}).to_string()),
            (200, json!({"tasks": tasks}).to_string()),
        ]
    }

    fn said(messages: &[&str]) -> [(u16, String); 2] {
        let events: Vec<Value> = messages.iter().map(|message| json!({"message": message})).collect();
        [
            (200, json!({"taskDefinition": definition()}).to_string()),
            (200, json!({"events": events}).to_string()),
        ]
    }

    /// Looks once for each script of answers; what is known after.
    async fn check(looks: Vec<Vec<(u16, String)>>) -> (Vec<Group>, Vec<String>) {
        let replay = Replay::new(looks.concat());
        let aws = replay.aws();
        let mut stopped = Stopped::default();
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        for _ in looks {
            let looked = stopped.look(&aws, ("cluster", "service"), Some(since)).await.unwrap();
            stopped.take(looked);
        }
        (stopped.groups(), replay.requests())
    }

    const EXITED: &str = "Essential container in task exited";

    #[tokio::test]
    async fn tasks_are_grouped_by_reason_with_what_one_that_failed_last_wrote() {
        let tasks = [
            task("a", 101, EXITED, 64),
            task("b", 102, EXITED, 64),
            task("c", 103, "Scaling activity initiated by (deployment d1)", 0),
            task("old", 99, EXITED, 64),
        ];
        let first = [listed(&tasks), said(&["cannot bind\n"])].concat();
        let (groups, requests) = check(vec![first]).await;
        let expected = [
            Group {
                reason: format!("{EXITED}; container service exited with code 64"),
                failed: true,
                tasks: vec!["a".to_owned(), "b".to_owned()],
                words: vec!["service: cannot bind".to_owned()],
            },
            Group {
                reason: "Scaling activity initiated by (deployment d1)".to_owned(),
                failed: false,
                tasks: vec!["c".to_owned()],
                words: Vec::new(),
            },
        ];
        assert_eq!(groups, expected);
        assert!(requests[3].contains(r#""logStreamName":"onebox/service/a""#));
    }

    #[tokio::test]
    async fn a_task_is_counted_once_and_its_last_words_are_asked_for_until_they_arrive() {
        let tasks = [task("a", 101, EXITED, 64)];
        let again = (200, json!({"taskArns": [tasks[0]["taskArn"]]}).to_string());
        let looks = vec![
            [listed(&tasks), said(&[])].concat(),
            [vec![again.clone()], said(&["cannot bind"]).to_vec()].concat(),
            vec![again],
        ];
        let (groups, _) = check(looks).await;
        assert_eq!((groups.len(), groups[0].tasks.len()), (1, 1));
        assert_eq!(groups[0].words, ["service: cannot bind"]);
    }

    #[test]
    fn an_exit_code_says_what_it_means() {
        for (code, expected) in [
            (64, "out; container service exited with code 64"),
            (134, "out; container service exited with code 134, it aborted (SIGABRT)"),
        ] {
            let task = StoppedTask {
                arn: "task/1".to_owned(),
                definition: String::new(),
                at: None,
                reason: "out".to_owned(),
                containers: vec![StoppedContainer {
                    name: "service".to_owned(),
                    exit_code: Some(code),
                    reason: None,
                }],
            };
            assert_eq!(task.in_words(), expected);
        }
    }

    #[test]
    fn a_task_that_never_ran_tells_why() {
        let task = StoppedTask {
            arn: "task/1".to_owned(),
            definition: String::new(),
            at: None,
            reason: "CannotPullContainerError: no such image".to_owned(),
            containers: vec![StoppedContainer {
                name: "service".to_owned(),
                exit_code: None,
                reason: Some("manifest unknown".to_owned()),
            }],
        };
        assert_eq!(
            task.in_words(),
            "CannotPullContainerError: no such image (manifest unknown)"
        );
        assert_eq!(task.failed_containers().count(), 0);
    }
}
