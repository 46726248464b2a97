//! One service and its step.

use std::{collections::VecDeque, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    Action, DeploymentId, Event, Settings, StopCode, Task, TaskId, TaskStatus,
    deployment::Deployment,
    identifier::Generator,
    message::{Message, SERVICE_EVENTS_KEPT, ServiceEvent, TASKS_IN_A_MESSAGE},
    outbox::Outbox,
    service_deployment::ServiceDeployments,
};

/// How many stopped tasks are kept for `DescribeTasks`, the newest first to stay. ECS keeps them for an hour.
pub const STOPPED_TASKS_KEPT: usize = 100;

/// The scheduler's state of one service. Save it with serde; a restored one goes on as the saved one would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) desired_count: u32,
    /// Newest first: the primary one, those that still have tasks, and the one that a rollback would bring back.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) primary: Option<DeploymentId>,
    /// What a rollback brings back. A deployment that a rollback has brought back is none until it completes again.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
    pub(crate) last_completed: Option<DeploymentId>,
    /// The tasks that aren't stopped, sorted by id.
    pub(crate) tasks: Vec<Task>,
    /// The newest stopped tasks, newest first.
    pub(crate) stopped_tasks: VecDeque<Task>,
    pub(crate) records: ServiceDeployments,
    /// Newest first.
    pub(crate) events: VecDeque<ServiceEvent>,
    /// Names of the alarms in ALARM.
    pub(crate) in_alarm: Vec<String>,
    pub(crate) steady: bool,
    pub(crate) deleting: bool,
    pub(crate) next_deadline: Option<SystemTime>,
    pub(crate) last_sequence: u64,
    generator: Generator,
}

impl Service {
    /// A service without a deployment and with a desired count of 1; [`Event::Deploy`] brings it to life.
    ///
    /// `seed` decides all its identifiers: give each service another one.
    pub fn new(name: impl Into<String>, seed: u64) -> Self {
        Self {
            name: name.into(),
            settings: Settings::default(),
            desired_count: 1,
            deployments: Vec::new(),
            primary: None,
            last_completed: None,
            tasks: Vec::new(),
            stopped_tasks: VecDeque::new(),
            records: ServiceDeployments::default(),
            events: VecDeque::new(),
            in_alarm: Vec::new(),
            steady: false,
            deleting: false,
            next_deadline: None,
            last_sequence: 0,
            generator: Generator::new(seed),
        }
    }

    /// Takes in what happened and says what to do, in order. A service that [is gone](Service::is_gone) does nothing.
    pub fn step(&mut self, now: SystemTime, event: Event) -> Vec<Action> {
        if self.is_gone() {
            return Vec::new();
        }
        let mut outbox = Outbox::default();
        let decides_nothing = self.observe(now, event, &mut outbox) == Effect::Record;
        let is_early = self.next_deadline.is_none_or(|deadline| now < deadline);
        if decides_nothing && is_early {
            self.say_summary(now, &mut outbox);
        } else {
            self.advance(now, &mut outbox);
        }
        outbox.actions
    }

    /// When to send [`Event::Tick`] at the latest; `None` while nothing depends on time.
    pub fn next_deadline(&self) -> Option<SystemTime> {
        self.next_deadline
    }

    /// The actions that may not have been performed yet when the caller died: perform them again after a restart.
    ///
    /// Before that, report the tasks that are known to be gone.
    pub fn unfinished(&self) -> Vec<Action> {
        self.tasks.iter().filter_map(unfinished_action).collect()
    }

    fn advance(&mut self, now: SystemTime, outbox: &mut Outbox) {
        let mut census = self.take_census(now, outbox);
        if self.deleting {
            self.stop_everything(now, &mut census, outbox);
        } else {
            self.check_for_failure(now, &census, outbox);
            self.place_tasks(now, &mut census, outbox);
        }
        self.say_summary(now, outbox);
        self.check_for_completion(now, &census, outbox);
        self.forget_what_is_over(now, &census);
        self.next_deadline = self.deadline(now, &census);
    }

    /// Begins a task's stop: through deregistration if it has a target, else at once.
    ///
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
    pub(crate) fn begin_stop(&mut self, index: usize, stop: Stop, now: SystemTime, outbox: &mut Outbox) {
        let task = &mut self.tasks[index];
        task.stopping_at = Some(now);
        task.stop_code = Some(stop.code);
        task.stopped_reason = Some(stop.reason);
        if task.registered {
            task.last_status = TaskStatus::Deactivating;
            outbox.deregister(task);
            outbox.count_draining(task.deployment);
        } else {
            signal_stop(task, outbox);
        }
    }

    /// The target is drained: the task can be told to stop.
    pub(crate) fn finish_draining(&mut self, index: usize, outbox: &mut Outbox) {
        let task = &mut self.tasks[index];
        task.registered = false;
        signal_stop(task, outbox);
    }

    pub(crate) fn start_task(&mut self, deployment: usize, now: SystemTime, outbox: &mut Outbox) {
        let id = self.generator.task();
        self.last_sequence += 1;
        let deployment = &self.deployments[deployment];
        let task = Task::new(id, deployment.id, deployment.revision.clone(), self.last_sequence, now);
        outbox.actions.push(Action::StartTask {
            task: id,
            revision: task.revision.clone(),
        });
        outbox.started.push(id);
        let place = self.tasks.partition_point(|other| other.id < id);
        self.tasks.insert(place, task);
    }

    pub(crate) fn find_task(&self, id: TaskId) -> Option<usize> {
        self.tasks.binary_search_by_key(&id, |task| task.id).ok()
    }

    pub(crate) fn deployment_index(&self, id: DeploymentId) -> Option<usize> {
        self.deployments.iter().position(|deployment| deployment.id == id)
    }

    pub(crate) fn primary_index(&self) -> Option<usize> {
        self.deployment_index(self.primary?)
    }

    pub(crate) fn generator(&mut self) -> &mut Generator {
        &mut self.generator
    }

    /// Adds a service event.
    pub(crate) fn say(&mut self, message: &Message<'_>, now: SystemTime, outbox: &mut Outbox) {
        let id = self.generator.service_event();
        let event = ServiceEvent {
            id,
            created_at: now,
            message: message.text(&self.name),
        };
        self.events.push_front(event.clone());
        self.events.truncate(SERVICE_EVENTS_KEPT);
        outbox.actions.push(Action::ServiceEvent { event });
    }

    /// Adds the service events about everything that was done to tasks in this step.
    fn say_summary(&mut self, now: SystemTime, outbox: &mut Outbox) {
        let target_group = self
            .settings
            .load_balancer
            .as_ref()
            .map(|balancer| balancer.target_group.clone());
        let target_group = target_group.as_deref().unwrap_or_default();
        for (deployment, tasks) in std::mem::take(&mut outbox.draining) {
            self.say(&Message::Draining { deployment, tasks }, now, outbox);
        }
        let targets = std::mem::take(&mut outbox.deregistered);
        if targets > 0 {
            self.say(&Message::Deregistered { targets, target_group }, now, outbox);
        }
        for tasks in std::mem::take(&mut outbox.stopped).chunks(TASKS_IN_A_MESSAGE) {
            self.say(&Message::StoppedRunning { tasks }, now, outbox);
        }
        for tasks in std::mem::take(&mut outbox.started).chunks(TASKS_IN_A_MESSAGE) {
            self.say(&Message::Started { tasks }, now, outbox);
        }
        let targets = std::mem::take(&mut outbox.registered);
        if targets > 0 {
            self.say(&Message::Registered { targets, target_group }, now, outbox);
        }
    }
}

/// What an event means for the decisions that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Something is on record that no decision depends on. With hundreds of tasks most events are of this kind, and cost next to nothing.
    Record,
    /// Decide anew.
    Decide,
}

/// Who stops a task and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) code: StopCode,
    pub(crate) reason: String,
}

fn signal_stop(task: &mut Task, outbox: &mut Outbox) {
    task.last_status = TaskStatus::Stopping;
    outbox.actions.push(stop_action(task));
    if task.started_at.is_some() {
        outbox.stopped.push(task.id);
    }
}

fn stop_action(task: &Task) -> Action {
    Action::StopTask {
        task: task.id,
        reason: task.stopped_reason.clone().unwrap_or_default(),
    }
}

fn unfinished_action(task: &Task) -> Option<Action> {
    match task.last_status {
        TaskStatus::Provisioning | TaskStatus::Pending => Some(Action::StartTask {
            task: task.id,
            revision: task.revision.clone(),
        }),
        TaskStatus::Running => task.registered.then_some(Action::RegisterTarget { task: task.id }),
        TaskStatus::Deactivating => Some(Action::DeregisterTarget { task: task.id }),
        TaskStatus::Stopping => Some(stop_action(task)),
        TaskStatus::Stopped => None,
    }
}
