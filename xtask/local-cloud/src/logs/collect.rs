//! Takes what tasks say into the journal, from the files that their runtime writes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use journal::{Follower, Journal, Source};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::cloud::Cloud;
use crate::properties::{list, text};
use crate::stop::stopping;

/// How often the files are looked at: sooner than anyone who follows a log would notice.
const INTERVAL: Duration = Duration::from_millis(200);

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The container's name.
    pub(crate) container: String,
    /// The group.
    pub(crate) group: String,
    /// The stream.
    pub(crate) stream: String,
}

impl Cloud {
    /// Where the output of a task's containers goes: `prefix/container/task`.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>
    pub(crate) fn log_destinations(&self, task: &str) -> Vec<Destination> {
        let record = self.ecs.tasks.get(task);
        let definition = record.and_then(|record| self.ecs.task_definitions.get(&record.task_definition_arn));
        let Some(definition) = definition else {
            return Vec::new();
        };
        let containers = list(&definition.properties, "ContainerDefinitions").iter();
        let destination = |container: &serde_json::Value| {
            let options = &container["LogConfiguration"]["Options"];
            let (name, prefix) = (text(container, "Name")?, text(options, "awslogs-stream-prefix")?);
            Some(Destination {
                group: text(options, "awslogs-group")?,
                stream: format!("{prefix}/{name}/{task}"),
                container: name,
            })
        };
        containers.filter_map(destination).collect()
    }
}

/// The tasks whose output is taken in. Clones share one.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    journal: Journal,
    /// By task and container.
    followers: Arc<Mutex<BTreeMap<(String, String), Follower>>>,
}

impl Collector {
    /// Follows nobody yet.
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            journal,
            followers: Arc::default(),
        }
    }

    /// Follows a container from where its stream ends.
    pub(crate) fn follow(&self, task: &str, container: &str, source: Source) {
        match Follower::new(source, &self.journal) {
            Ok(follower) => {
                let key = (task.to_owned(), container.to_owned());
                self.locked().entry(key).or_insert(follower);
            }
            Err(error) => tracing::warn!(%error, task, "the task's log can't be followed"),
        }
    }

    /// Takes in what a task said last, now that it has ended; the files that its runtime wrote go.
    pub(crate) fn ended(&self, task: &str) {
        let mut followers = self.locked();
        let own: Vec<_> = followers.keys().filter(|(of, _)| of == task).cloned().collect();
        for key in own {
            if let Some(follower) = followers.remove(&key) {
                finish(follower, &self.journal, task);
            }
        }
    }

    /// Looks at the files until told to stop, and once more then.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = stopping(&mut stop) => return,
            }
            let collector = self.clone();
            let looked = tokio::task::spawn_blocking(move || collector.look_at_all());
            if let Err(error) = looked.await {
                tracing::error!(%error, "the logs can't be taken in");
            }
        }
    }

    fn look_at_all(&self) {
        for follower in self.locked().values_mut() {
            if let Err(error) = follower.look(&self.journal, SystemTime::now()) {
                tracing::warn!(%error, "a task's log can't be taken in now");
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<(String, String), Follower>> {
        // A look that was cut short is made again from where it began.
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes in the rest of a container's output, and removes its file, and the task's folder with the last of them.
fn finish(follower: Follower, journal: &Journal, task: &str) {
    let folder = follower.path().parent().map(Path::to_owned);
    match follower.finish(journal, SystemTime::now()) {
        // It stays as long as another container's file is in it, and may never have been there.
        Ok(()) => drop(folder.map(std::fs::remove_dir)),
        Err(error) => tracing::warn!(%error, task, "what the task said last can't be taken in"),
    }
}
