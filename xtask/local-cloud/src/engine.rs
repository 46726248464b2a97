//! The one loop: takes what happened and what is asked, lets the world decide, makes it safe on disk, then acts and answers.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use registry::Registry;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use crate::cloud::Effect;
use crate::effects::Effects;
use crate::iam::{self, task_credentials};
use crate::inbox::Event;
use crate::stop::stopping;
use crate::store;
use crate::wire::Fault;
use crate::world::{Happening, World};

/// How many events one round takes in before it writes and answers.
const BATCH: usize = 256;

/// How long to wait before the state is written again after it could not be.
const WRITE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Owns the world.
pub(crate) struct Engine {
    pub(crate) world: World,
    pub(crate) state_file: PathBuf,
    pub(crate) registry: Registry,
    pub(crate) registry_password: String,
    pub(crate) effects: Effects,
    /// What the state file holds.
    pub(crate) saved: Vec<u8>,
    /// Room for what is written next: MiB that are asked for and given back several times a second, by whichever thread,
    /// stay with the allocator of each.
    pub(crate) spare: Vec<u8>,
    /// Effects that wait until the state they come from is written.
    pub(crate) pending: Vec<Effect>,
}

/// An answer that waits until the state it speaks of is written; none when it is to be lost.
type Answer = (oneshot::Sender<Result<Value, Fault>>, Option<Result<Value, Fault>>);

impl Engine {
    /// Runs until told to stop.
    pub(crate) async fn run(&mut self, mut events: mpsc::Receiver<Event>, mut stop: watch::Receiver<bool>) {
        let mut write_again = !self.pending.is_empty();
        loop {
            let deadline = self.wait(write_again);
            let mut batch = Vec::new();
            tokio::select! {
                count = events.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = tokio::time::sleep(deadline) => batch.push(Event::Happening(Happening::Tick)),
                () = stopping(&mut stop) => return,
            }
            write_again = !self.round(batch).await;
        }
    }

    /// Takes in a batch, decides, writes, acts, answers. False when the state could not be written.
    pub(crate) async fn round(&mut self, batch: Vec<Event>) -> bool {
        let now = SystemTime::now();
        let mut answers = Vec::new();
        for event in batch {
            self.take_in(now, event, &mut answers);
        }
        self.world.settle(now);
        self.pending.extend(self.world.take_effects());
        let written = self.save().await;
        match &written {
            Ok(()) => {
                for effect in std::mem::take(&mut self.pending) {
                    self.effects.perform(&self.world, &self.registry, effect.clone());
                    self.world.performed(&effect);
                }
                self.effects.publish(&self.world);
            }
            Err(error) => tracing::error!("{error:#}; trying again"),
        }
        for (reply, outcome) in answers {
            let Some(outcome) = outcome else { continue };
            // Whoever hung up needs no answer.
            let _ = reply.send(match &written {
                Ok(()) => outcome,
                Err(error) => Err(not_written(error)),
            });
        }
        written.is_ok()
    }

    fn take_in(&mut self, now: SystemTime, event: Event, answers: &mut Vec<Answer>) {
        match event {
            Event::Call { call, of_task, reply } => {
                let outcome = match iam::check_caller(&self.world.cloud, &call, of_task) {
                    Ok(()) => self.world.call(now, &self.registry, &self.registry_password, &call),
                    Err(fault) => Err(fault),
                };
                let lost = self.world.loses(&call);
                answers.push((reply, (!lost).then_some(outcome)));
            }
            Event::Faults { request, reply } => answers.push((reply, Some(self.world.faults(now, request)))),
            Event::TaskCredentials {
                task,
                authorization,
                reply,
            } => {
                let outcome = task_credentials::credentials(&self.world.cloud, now, &task, authorization.as_deref());
                answers.push((reply, Some(outcome)));
            }
            Event::Happening(happening) => {
                tracing::debug!(?happening);
                self.world.happen(now, happening);
            }
        }
    }

    async fn save(&mut self) -> anyhow::Result<()> {
        // To write everything down costs milliseconds with hundreds of tasks, and most calls only read.
        if !self.world.changed {
            return Ok(());
        }
        let mut state = std::mem::take(&mut self.spare);
        state.clear();
        serde_json::to_writer(&mut state, &self.world).context("cannot write the state as JSON")?;
        if state == self.saved {
            self.spare = state;
            self.world.changed = false;
            return Ok(());
        }
        let path = self.state_file.clone();
        let writing = tokio::task::spawn_blocking(move || store::replace_file(&path, &state).map(|()| state));
        let written = writing.await.context("writing the state was cut short")?;
        let written = written.with_context(|| format!("cannot write the state to {}", self.state_file.display()))?;
        self.spare = std::mem::replace(&mut self.saved, written);
        self.world.changed = false;
        Ok(())
    }

    fn wait(&self, write_again: bool) -> Duration {
        if write_again {
            return WRITE_AGAIN_AFTER;
        }
        let deadline = self.world.next_deadline();
        let wait = deadline.map(|deadline| deadline.duration_since(SystemTime::now()).unwrap_or_default());
        // A clock that is set back must not put a deadline off for long.
        wait.unwrap_or(Duration::MAX).min(Duration::from_mins(1))
    }
}

fn not_written(error: &anyhow::Error) -> Fault {
    Fault {
        status: http::StatusCode::INTERNAL_SERVER_ERROR,
        code: "InternalFailure".to_owned(),
        message: format!("the local cloud could not keep what was asked: {error:#}"),
    }
}
