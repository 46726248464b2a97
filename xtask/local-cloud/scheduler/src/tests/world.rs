//! A simulated runtime and load balancer: tasks take time to start, to become healthy, to drain and to stop, and fail by script.
//!
//! The world also checks, at every action, that the scheduler keeps the healthy floor and the ceiling.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use crate::{Action, DeploymentId, Event, LoadBalancer, RevisionId, Service, Settings, TargetState, TaskId};

pub(super) const TARGET_GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/fleet/1";

/// How the tasks of a revision behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    Good,
    FailsToStart,
    ExitsAtStart,
    Unhealthy,
    /// Healthy, then unhealthy after so many seconds.
    UnhealthyAfter(u64),
    /// Healthy, then gone after so many seconds.
    ExitsAfter(u64),
}

/// How long things take.
const START: Duration = Duration::from_secs(5);
const JUDGE: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(2);

/// A task as the world has it, up to what the scheduler has been told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something else of a task, in any combination"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorldTask {
    pub(super) name: String,
    pub(super) revision: RevisionId,
    pub(super) deployment: DeploymentId,
    running_since: Option<SystemTime>,
    registered: bool,
    /// Told to deregister or to stop.
    leaving: bool,
    pub(super) ended: bool,
    healthy: bool,
    failed: bool,
}

/// The world around one service.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) service: Service,
    pub(super) now: SystemTime,
    pub(super) tasks: BTreeMap<TaskId, WorldTask>,
    /// Tasks in the order of their start.
    pub(super) order: Vec<TaskId>,
    pub(super) transcript: Vec<(SystemTime, Action)>,
    pub(super) behaviours: BTreeMap<RevisionId, Behaviour>,
    /// Everything that was delivered.
    pub(super) delivered: Vec<Event>,
    /// Whether every step goes through saved state.
    pub(super) saves_every_step: bool,
    /// Whether every step is followed by another look, which must find nothing to do.
    pub(super) looks_twice: bool,
    /// Tasks that failed by themselves, for each deployment.
    pub(super) failures: BTreeMap<DeploymentId, u32>,
    pub(super) due: BTreeMap<(SystemTime, u64), Event>,
    pub(super) scheduled: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            service: Service::new("web", 7),
            now: SystemTime::UNIX_EPOCH,
            tasks: BTreeMap::new(),
            order: Vec::new(),
            transcript: Vec::new(),
            behaviours: BTreeMap::new(),
            delivered: Vec::new(),
            saves_every_step: false,
            looks_twice: false,
            failures: BTreeMap::new(),
            due: BTreeMap::new(),
            scheduled: 0,
        }
    }

    /// Delivers an event now and performs what the scheduler answers.
    #[expect(clippy::needless_pass_by_value, reason = "callers make the event for this")]
    pub(super) fn deliver(&mut self, event: Event) {
        self.note(&event);
        self.delivered.push(event.clone());
        if self.saves_every_step {
            self.save_and_restore();
        }
        let actions = self.service.step(self.now, event.clone());
        for action in actions {
            self.check_limits(&action, &event);
            self.perform(&action);
            self.transcript.push((self.now, action));
        }
        if self.looks_twice {
            assert_eq!(
                self.service.step(self.now, Event::Tick),
                vec![],
                "left undone by {event:?}"
            );
        }
    }

    pub(super) fn save_and_restore(&mut self) {
        let saved = serde_json::to_string(&self.service).unwrap();
        self.service = serde_json::from_str(&saved).unwrap();
    }

    /// The local cloud died and is back: what was under way is asked for again, and all living targets are reported.
    pub(super) fn restart(&mut self) {
        self.save_and_restore();
        let unfinished = self.service.unfinished();
        for action in &unfinished {
            // Only drains and stops can have been forgotten; starts go on in this world.
            if matches!(action, Action::DeregisterTarget { .. } | Action::StopTask { .. }) {
                self.perform(action);
            }
        }
        let reports: Vec<Event> = self.tasks.iter().filter_map(|(&id, task)| report(id, task)).collect();
        for event in reports {
            self.deliver(event);
        }
    }

    /// Lets time pass, to the second given at the latest; stops early when nothing is left to happen.
    pub(super) fn run_for(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        for _ in 0..200_000 {
            let next_event = self.due.first_key_value().map(|(&(at, _), _)| at);
            let Some(next) = next_event.into_iter().chain(self.service.next_deadline()).min() else {
                break;
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            match self.due.first_entry().filter(|entry| entry.key().0 <= next) {
                Some(entry) => {
                    let event = entry.remove();
                    self.deliver(event);
                }
                None => self.deliver(Event::Tick),
            }
        }
        self.now = end;
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.due.is_empty() && self.service.next_deadline().is_none()
    }

    /// A task that runs, chosen by number.
    pub(super) fn living(&self, number: usize) -> Option<TaskId> {
        let living: Vec<TaskId> = self
            .order
            .iter()
            .copied()
            .filter(|id| self.tasks[id].is_living())
            .collect();
        (!living.is_empty()).then(|| living[number % living.len()])
    }

    pub(super) fn deploy(&mut self, revision: &str, behaviour: Behaviour, settings: Settings, desired: Option<u32>) {
        let revision = RevisionId::new(revision);
        self.behaviours.insert(revision.clone(), behaviour);
        self.deliver(Event::Deploy {
            revision,
            settings,
            desired_count: desired,
        });
    }

    pub(super) fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        self.due.insert((self.now + after, self.scheduled), event);
    }

    fn check_limits(&self, action: &Action, event: &Event) {
        let desired = self.service.desired_count();
        let settings = self.service.settings();
        match action {
            Action::StartTask { .. } => {
                let live = self.tasks.values().filter(|task| !task.leaving && !task.ended).count();
                let ceiling = settings.task_ceiling(desired) as usize;
                assert!(
                    live < ceiling,
                    "a start made {} tasks, over the ceiling of {ceiling}",
                    live + 1
                );
            }
            Action::DeregisterTarget { task } | Action::StopTask { task, .. } => {
                let by_user = matches!(event, Event::StopTask { task: stopped, .. } if stopped == task);
                let healthy = self
                    .tasks
                    .values()
                    .filter(|task| task.is_serving(settings, self.now))
                    .count();
                let floor = settings.healthy_floor(desired) as usize;
                if self.tasks[task].is_serving(settings, self.now) && !by_user {
                    assert!(
                        healthy > floor,
                        "a stop left {} healthy tasks, under the floor of {floor}",
                        healthy - 1
                    );
                }
            }
            _ => {}
        }
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::StartTask { task, revision } => self.start(*task, revision),
            Action::RegisterTarget { task } => self.register(*task),
            Action::DeregisterTarget { task } => {
                self.world_task(*task).leaving = true;
                if !self.tasks[task].ended {
                    self.schedule(DRAIN, Event::TargetUnused { task: *task });
                }
            }
            Action::StopTask { task, .. } => {
                self.world_task(*task).leaving = true;
                self.schedule(
                    STOP,
                    Event::TaskStopped {
                        task: *task,
                        exit_code: Some(0),
                        reason: None,
                    },
                );
            }
            Action::ServiceEvent { .. } | Action::DeploymentStateChanged { .. } => {}
        }
    }

    fn start(&mut self, id: TaskId, revision: &RevisionId) {
        let task = WorldTask {
            name: format!("t{}", self.tasks.len() + 1),
            revision: revision.clone(),
            deployment: self.service.task(id).expect("the service knows its task").deployment,
            running_since: None,
            registered: false,
            leaving: false,
            ended: false,
            healthy: false,
            failed: false,
        };
        assert!(self.tasks.insert(id, task).is_none(), "a task id came twice");
        self.order.push(id);
        match self.behaviours[revision] {
            Behaviour::FailsToStart => {
                let reason = "CannotPullContainerError: no such image".to_owned();
                self.schedule(START, Event::TaskStartFailed { task: id, reason });
            }
            behaviour => {
                self.schedule(Duration::from_secs(1), Event::TaskPending { task: id });
                self.schedule(START, Event::TaskRunning { task: id });
                if behaviour == Behaviour::ExitsAtStart {
                    self.schedule(
                        START,
                        Event::TaskStopped {
                            task: id,
                            exit_code: Some(64),
                            reason: None,
                        },
                    );
                }
            }
        }
    }

    fn register(&mut self, id: TaskId) {
        self.world_task(id).registered = true;
        self.schedule(Duration::ZERO, health(id, TargetState::Initial));
        let revision = self.tasks[&id].revision.clone();
        match self.behaviours[&revision] {
            Behaviour::Unhealthy => self.schedule(JUDGE, health(id, TargetState::Unhealthy)),
            Behaviour::UnhealthyAfter(seconds) => {
                self.schedule(JUDGE, health(id, TargetState::Healthy));
                self.schedule(JUDGE + Duration::from_secs(seconds), health(id, TargetState::Unhealthy));
            }
            Behaviour::ExitsAfter(seconds) => {
                self.schedule(JUDGE, health(id, TargetState::Healthy));
                let event = Event::TaskStopped {
                    task: id,
                    exit_code: Some(1),
                    reason: None,
                };
                self.schedule(JUDGE + Duration::from_secs(seconds), event);
            }
            _ => self.schedule(JUDGE, health(id, TargetState::Healthy)),
        }
    }

    /// Keeps the books of what the scheduler is told.
    fn note(&mut self, event: &Event) {
        let (id, grace, now) = (task_of(event), self.service.settings().health_check_grace, self.now);
        let Some(id) = id.filter(|id| self.tasks.contains_key(id)) else {
            return;
        };
        let started_at = self.service.task(id).and_then(|task| task.started_at);
        let task = self.world_task(id);
        let failed = match event {
            Event::TaskRunning { .. } => {
                task.running_since.get_or_insert(now);
                false
            }
            Event::TargetHealth { state, .. } if !task.ended && !task.leaving => {
                task.healthy = *state == TargetState::Healthy;
                // An unhealthy report within the grace period may become a failure later.
                *state == TargetState::Unhealthy
                    && started_at.is_some_and(|at| now + Duration::from_hours(1) >= at + grace)
            }
            Event::TaskStopped { .. } | Event::TaskStartFailed { .. } => {
                !std::mem::replace(&mut task.ended, true) && !task.leaving
            }
            _ => false,
        };
        if failed && !std::mem::replace(&mut self.world_task(id).failed, true) {
            let deployment = self.tasks[&id].deployment;
            *self.failures.entry(deployment).or_default() += 1;
        }
    }

    fn world_task(&mut self, id: TaskId) -> &mut WorldTask {
        self.tasks.get_mut(&id).expect("the world knows the task")
    }
}

impl WorldTask {
    pub(super) fn is_living(&self) -> bool {
        self.running_since.is_some() && !self.ended
    }

    /// Whether it counts towards the healthy floor by what the scheduler was told.
    fn is_serving(&self, settings: &Settings, now: SystemTime) -> bool {
        let Some(since) = self.running_since.filter(|_| !self.ended && !self.leaving) else {
            return false;
        };
        if self.registered {
            self.healthy
        } else {
            now >= since + settings.steady_after_running
        }
    }
}

/// Behind a load balancer, 100 % to 200 %, breaker with rollback.
pub(super) fn settings() -> Settings {
    Settings {
        load_balancer: Some(LoadBalancer {
            target_group: TARGET_GROUP.to_owned(),
            container_port: 8080,
        }),
        circuit_breaker: Some(crate::CircuitBreaker::new(true)),
        ..Settings::default()
    }
}

pub(super) fn health(task: TaskId, state: TargetState) -> Event {
    let reason = match state {
        TargetState::Unhealthy => Some("Health checks failed with these codes: [500]".to_owned()),
        _ => None,
    };
    Event::TargetHealth { task, state, reason }
}

pub(super) fn exited(task: TaskId) -> Event {
    Event::TaskStopped {
        task,
        exit_code: Some(137),
        reason: None,
    }
}

fn report(id: TaskId, task: &WorldTask) -> Option<Event> {
    if task.ended {
        return Some(exited(id));
    }
    let state = if task.healthy {
        TargetState::Healthy
    } else {
        TargetState::Initial
    };
    (task.registered && !task.leaving).then(|| health(id, state))
}

fn task_of(event: &Event) -> Option<TaskId> {
    match event {
        Event::TaskPending { task }
        | Event::TaskRunning { task }
        | Event::TaskStopped { task, .. }
        | Event::TaskStartFailed { task, .. }
        | Event::TargetHealth { task, .. }
        | Event::TargetUnused { task }
        | Event::StopTask { task, .. } => Some(*task),
        _ => None,
    }
}
