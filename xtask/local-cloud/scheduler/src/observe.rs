//! Taking in an event: what is known changes, what to do about it is decided later.

use std::time::SystemTime;

use crate::{
    Action, Event, RevisionId, Service, Settings, StopCode, TargetState, TaskId, TaskStatus,
    cause::Cause,
    deployment::Deployment,
    message::Message,
    outbox::Outbox,
    service::{Effect, STOPPED_TASKS_KEPT, Stop},
    task::CONTAINER_EXITED,
};

/// What ECS writes when `StopTask` came without a reason.
const STOPPED_BY_USER: &str = "Task stopped by user";

/// How a task ended.
struct End {
    failed_to_start: bool,
    exit_code: Option<i32>,
    reason: Option<String>,
}

impl Service {
    pub(crate) fn observe(&mut self, now: SystemTime, event: Event, outbox: &mut Outbox) -> Effect {
        match event {
            Event::TaskPending { task } => return self.task_pending(task),
            Event::TargetHealth {
                task,
                state: TargetState::Unused,
                ..
            }
            | Event::TargetUnused { task } => {
                return self.target_unused(task, outbox);
            }
            Event::TargetHealth { task, state, reason } => return self.target_health(task, state, reason),
            Event::Deploy {
                revision,
                settings,
                desired_count,
            } => {
                self.deploy(revision, settings, desired_count, now, outbox);
            }
            Event::SetDesiredCount { desired_count } if !self.deleting => self.desired_count = desired_count,
            Event::UpdateSettings { settings } => self.settings = settings,
            Event::TaskRunning { task } => self.task_running(task, now, outbox),
            Event::TaskStopped {
                task,
                exit_code,
                reason,
            } => {
                let end = End {
                    failed_to_start: false,
                    exit_code,
                    reason,
                };
                self.task_ended(task, end, now, outbox);
            }
            Event::TaskStartFailed { task, reason } => self.start_failed(task, reason, now, outbox),
            Event::StopTask { task, reason } => self.stop_by_user(task, reason, now, outbox),
            Event::StopDeployment { rollback } => {
                self.fail_deployment(Cause::Stopped, rollback, now, outbox);
            }
            Event::AlarmStates { in_alarm } => return self.alarm_states(in_alarm),
            Event::Delete => self.delete(now),
            Event::SetDesiredCount { .. } | Event::Tick => {}
        }
        Effect::Decide
    }

    fn deploy(
        &mut self,
        revision: RevisionId,
        settings: Settings,
        desired_count: Option<u32>,
        now: SystemTime,
        outbox: &mut Outbox,
    ) {
        if self.deleting {
            return;
        }
        self.remember_sustained_tasks();
        self.settings = settings;
        self.desired_count = desired_count.unwrap_or(self.desired_count);
        let id = self.generator().deployment();
        let record = self.generator().service_deployment();
        let sources = self
            .deployments()
            .into_iter()
            .filter(|source| source.running_count + source.pending_count > 0);
        let mut sources: Vec<RevisionId> = sources.map(|source| source.revision).collect();
        sources.dedup();
        self.records.open(record, id, revision.clone(), sources, now);
        let deployment = Deployment::new(id, revision, now);
        outbox.actions.push(Action::DeploymentStateChanged {
            deployment: id,
            state: deployment.rollout,
            reason: deployment.rollout_reason.clone(),
        });
        self.deployments.insert(0, deployment);
        self.primary = Some(id);
    }

    fn delete(&mut self, now: SystemTime) {
        self.deleting = true;
        self.desired_count = 0;
        self.records.request_stop(now);
    }

    fn task_pending(&mut self, id: TaskId) -> Effect {
        if let Some(index) = self.find_task(id) {
            let task = &mut self.tasks[index];
            if task.last_status == TaskStatus::Provisioning {
                task.last_status = TaskStatus::Pending;
            }
        }
        Effect::Record
    }

    fn task_running(&mut self, id: TaskId, now: SystemTime, outbox: &mut Outbox) {
        let Some(index) = self.find_task(id) else { return };
        let has_load_balancer = self.settings.load_balancer.is_some();
        let task = &mut self.tasks[index];
        if task.last_status >= TaskStatus::Running {
            return;
        }
        task.last_status = TaskStatus::Running;
        task.started_at = Some(now);
        task.registered = has_load_balancer;
        if has_load_balancer {
            outbox.register(id);
        }
    }

    fn start_failed(&mut self, id: TaskId, reason: String, now: SystemTime, outbox: &mut Outbox) {
        let Some(index) = self.find_task(id) else { return };
        if self.tasks[index].is_live() {
            let reason = reason.trim_end_matches('.');
            self.say(&Message::UnableToPlace { reason }, now, outbox);
        }
        let end = End {
            failed_to_start: true,
            exit_code: None,
            reason: Some(reason),
        };
        self.task_ended(id, end, now, outbox);
    }

    fn task_ended(&mut self, id: TaskId, end: End, now: SystemTime, outbox: &mut Outbox) {
        let Some(index) = self.find_task(id) else { return };
        let mut task = self.tasks.remove(index);
        // A task that drains has been deregistered already.
        if task.registered && task.is_live() {
            outbox.deregister(&task);
        }
        task.registered = false;
        if task.stop_code.is_none() {
            task.stop_code = Some(if end.failed_to_start {
                StopCode::TaskFailedToStart
            } else {
                StopCode::EssentialContainerExited
            });
            task.stopped_reason = Some(end.reason.unwrap_or_else(|| CONTAINER_EXITED.to_owned()));
            if !task.proven {
                self.count_failure_to_start(&mut task, now, outbox);
            }
        }
        task.last_status = TaskStatus::Stopped;
        task.stopping_at = task.stopping_at.or(Some(now));
        task.stopped_at = Some(now);
        task.exit_code = end.exit_code;
        self.stopped_tasks.push_front(task);
        self.stopped_tasks.truncate(STOPPED_TASKS_KEPT);
    }

    fn target_health(&mut self, id: TaskId, state: TargetState, reason: Option<String>) -> Effect {
        let Some(index) = self.find_task(id) else {
            return Effect::Record;
        };
        let task = &mut self.tasks[index];
        if !task.is_live() || !task.registered {
            return Effect::Record;
        }
        task.target_reason = reason;
        let means = |state: Option<TargetState>| match state {
            None | Some(TargetState::Initial) => None,
            state => state,
        };
        let before = task.target.replace(state);
        if means(before) == means(Some(state)) {
            Effect::Record
        } else {
            Effect::Decide
        }
    }

    /// They are asked for again and again, and mostly say the same.
    fn alarm_states(&mut self, in_alarm: Vec<String>) -> Effect {
        if self.in_alarm == in_alarm {
            return Effect::Record;
        }
        self.in_alarm = in_alarm;
        Effect::Decide
    }

    fn target_unused(&mut self, id: TaskId, outbox: &mut Outbox) -> Effect {
        if let Some(index) = self.find_task(id)
            && self.tasks[index].last_status == TaskStatus::Deactivating
        {
            self.finish_draining(index, outbox);
        }
        Effect::Record
    }

    /// The task drains first, as it does when the scheduler stops it: the documented task lifecycle has DEACTIVATING before STOPPING
    /// and makes no exception for `StopTask`, though users report otherwise (<https://github.com/aws/containers-roadmap/issues/576>).
    fn stop_by_user(&mut self, id: TaskId, reason: Option<String>, now: SystemTime, outbox: &mut Outbox) {
        let Some(index) = self.find_task(id).filter(|&index| self.tasks[index].is_live()) else {
            return;
        };
        let reason = reason.unwrap_or_else(|| STOPPED_BY_USER.to_owned());
        self.begin_stop(
            index,
            Stop {
                code: StopCode::UserInitiated,
                reason,
            },
            now,
            outbox,
        );
    }
}
