//! What happens to tasks, told to the schedulers of their services; what the schedulers want, noted and left to be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use runtime::{Exit, Identity, Started};
use scheduler::{Action, Event, TargetState, TaskId};

use super::{Task, address};
use crate::cloud::{Cloud, Effect};
use crate::elb::{Health, ListenerState, Target};
use crate::properties::{list, number, text, texts};

/// Fargate's time between SIGTERM and SIGKILL where a container sets none.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How many services that are gone are kept for whoever asks: on AWS they can be seen as INACTIVE for a while.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html>
const GONE_SERVICES_KEPT: usize = 20;

impl Cloud {
    /// Tells a service's scheduler what happened, and notes what it wants.
    pub(crate) fn step_service(&mut self, now: SystemTime, service_arn: &str, event: Event) {
        let mut events = VecDeque::from([event]);
        if let Event::Deploy { settings, .. } = &events[0] {
            // An alarm that is red by now isn't this deployment's doing.
            let names = settings
                .alarms
                .as_ref()
                .map_or(&[][..], |alarms| alarms.names.as_slice());
            let in_alarm = self.in_alarm(names);
            events.push_front(Event::AlarmStates { in_alarm });
        }
        while let Some(event) = events.pop_front() {
            let Some(service) = self.ecs.services.get_mut(service_arn) else {
                return;
            };
            let actions = service.scheduler.step(now, event);
            events.extend(self.note(service_arn, actions));
        }
    }

    /// A new number of tasks, without a deployment.
    pub(crate) fn set_desired_count(&mut self, now: SystemTime, service_arn: &str, desired_count: u32) {
        self.step_service(now, service_arn, Event::SetDesiredCount { desired_count });
    }

    /// Does what a scheduler wants, as far as records go; gives what that makes happen at once.
    fn note(&mut self, service_arn: &str, actions: Vec<Action>) -> Vec<Event> {
        let mut at_once = Vec::new();
        for action in actions {
            match action {
                Action::StartTask { task, revision } => {
                    if let Err(reason) = self.note_start(service_arn, task, revision.as_str()) {
                        at_once.push(Event::TaskStartFailed { task, reason });
                    }
                }
                Action::RegisterTarget { task } => self.register_target(service_arn, task),
                Action::DeregisterTarget { task } => {
                    if !self.deregister_target(task) {
                        at_once.push(Event::TargetUnused { task });
                    }
                }
                Action::StopTask { task, .. } => self.effects.push(Effect::StopTask { task: task.to_string() }),
                // The scheduler keeps both for whoever asks.
                Action::ServiceEvent { .. } | Action::DeploymentStateChanged { .. } => {}
            }
        }
        at_once
    }

    fn note_start(&mut self, service_arn: &str, task: TaskId, revision: &str) -> Result<(), String> {
        let id = task.to_string();
        if !self.ecs.tasks.contains_key(&id) {
            let task = self.new_task(service_arn, revision)?;
            self.ecs.tasks.insert(id.clone(), task);
        }
        self.effects.push(Effect::StartTask { task: id });
        Ok(())
    }

    fn new_task(&mut self, service_arn: &str, revision: &str) -> Result<Task, String> {
        let service = self.ecs.services.get(service_arn).ok_or("the service is gone")?;
        let revision = service
            .revisions
            .get(revision)
            .ok_or_else(|| format!("the service revision {revision} is not kept any more"))?;
        let task_definition_arn = revision.task_definition_arn.clone();
        let subnet_ids = texts(
            &service.properties["NetworkConfiguration"]["AwsvpcConfiguration"],
            "Subnets",
        );
        let used = |subnet: &String| self.ecs.tasks.values().filter(|task| task.subnet_id == *subnet).count();
        let subnet_id = subnet_ids.into_iter().min_by_key(used).unwrap_or_default();
        let subnet = self.subnets(std::slice::from_ref(&subnet_id)).pop();
        let (block, zone) = subnet.ok_or_else(|| format!("the subnet '{subnet_id}' does not exist"))?;
        let taken = self.ecs.tasks.values().map(|task| task.private_address.as_str());
        let taken = taken.collect::<BTreeSet<_>>();
        let private_address = address::free_address(&block, |address| taken.contains(address))
            .ok_or_else(|| format!("the subnet '{subnet_id}' has no free address"))?;
        Ok(Task {
            service_arn: service_arn.to_owned(),
            task_definition_arn,
            private_address,
            subnet_id,
            zone,
            network_interface: format!("eni-{}", self.ids.hex(17)),
            identity: None,
            local_address: None,
        })
    }

    fn register_target(&mut self, service_arn: &str, task: TaskId) {
        let id = task.to_string();
        let Some((group_arn, port)) = self.target_group_of(service_arn, task) else {
            return;
        };
        let Some(record) = self.ecs.tasks.get(&id) else { return };
        let (Some(local_address), Some(group)) = (record.local_address, self.elb.target_groups.get_mut(&group_arn))
        else {
            return;
        };
        let target = Target {
            address: record.private_address.clone(),
            port,
            local_address,
            registered: true,
            in_plan: false,
            health: Health {
                state: TARGET_INITIAL.to_owned(),
                reason: Some("Elb.RegistrationInProgress".to_owned()),
                description: Some("Target registration is in progress".to_owned()),
            },
        };
        group.targets.entry(id).or_insert(target);
        self.effects.push(Effect::ApplyPlan);
    }

    /// Wherever it is registered: its service may have another target group by now. False when there is nothing to wait for.
    fn deregister_target(&mut self, task: TaskId) -> bool {
        let id = task.to_string();
        let mut groups = self.elb.target_groups.values_mut();
        let Some(group) = groups.find(|group| group.targets.contains_key(&id)) else {
            return false;
        };
        self.effects.push(Effect::ApplyPlan);
        match group.targets.get_mut(&id) {
            Some(target) if target.in_plan => {
                target.registered = false;
                true
            }
            // The data plane never heard of it, and so would never tell that it is drained.
            _ => {
                group.targets.remove(&id);
                false
            }
        }
    }

    /// Where a task is registered: what its own revision says, or else what its scheduler, which then waits for it, was told last.
    fn target_group_of(&self, service_arn: &str, task: TaskId) -> Option<(String, u16)> {
        let service = self.ecs.services.get(service_arn)?;
        let revision = &service.scheduler.task(task)?.revision;
        let own = service.revisions.get(revision.as_str()).and_then(|revision| {
            let load_balancer = list(&revision.properties, "LoadBalancers").first()?;
            let port = number(load_balancer, "ContainerPort").ok().flatten()?;
            Some((text(load_balancer, "TargetGroupArn")?, u16::try_from(port).ok()?))
        });
        let settings = service.scheduler.settings().load_balancer.as_ref();
        own.or_else(|| settings.map(|last| (last.target_group.clone(), last.container_port)))
    }

    fn step_task(&mut self, now: SystemTime, task: &str, event: impl FnOnce(TaskId) -> Event) {
        let Some(service_arn) = self.ecs.tasks.get(task).map(|record| record.service_arn.clone()) else {
            return;
        };
        if let Ok(id) = task.parse::<TaskId>() {
            self.step_service(now, &service_arn, event(id));
        }
    }

    /// A task runs.
    pub(crate) fn task_started(&mut self, now: SystemTime, task: &str, started: Started) {
        // One that ended at once may be known to have ended before it is known to have begun.
        let over = self.is_over(task);
        if let Some(record) = self.ecs.tasks.get_mut(task).filter(|_| !over) {
            record.local_address = started.address;
            record.identity = Some(started.identity);
        }
        self.step_task(now, task, |task| Event::TaskRunning { task });
    }

    /// A task could not be started.
    pub(crate) fn task_start_failed(&mut self, now: SystemTime, task: &str, reason: String) {
        self.step_task(now, task, |task| Event::TaskStartFailed { task, reason });
    }

    /// A task ended. Its target goes with it, as nothing listens there any more.
    pub(crate) fn task_exited(&mut self, now: SystemTime, exit: &Exit) {
        let reason = exit
            .out_of_memory
            .then(|| "OutOfMemoryError: Container killed due to memory usage".to_owned());
        // A signal's number is put as shells and Docker put it.
        let exit_code = exit.exit_code.or_else(|| exit.signal.map(|signal| 128 + signal));
        self.task_ended(now, &exit.task, exit_code, reason);
    }

    /// A task is gone, and nobody knows how.
    pub(crate) fn task_gone(&mut self, now: SystemTime, task: &str) {
        self.task_ended(now, task, None, None);
    }

    /// A task ended while nobody looked: it counts as stopped, not as failed, so that a restart fails no deployment.
    pub(crate) fn task_lost(&mut self, now: SystemTime, task: &str) {
        let reason = Some("The local cloud was restarted, and the task was not running any more".to_owned());
        self.step_task(now, task, |task| Event::StopTask { task, reason });
        self.task_ended(now, task, None, None);
    }

    /// A task's target is no more, and no one will tell.
    pub(crate) fn target_gone(&mut self, now: SystemTime, task: &str) {
        self.step_task(now, task, |task| Event::TargetUnused { task });
    }

    /// The role of a task, by its ARN or name; `None` if it has none.
    pub(crate) fn task_role(&self, task: &str) -> Option<String> {
        let record = self.ecs.tasks.get(task)?;
        let definition = self.ecs.task_definitions.get(&record.task_definition_arn)?;
        text(&definition.properties, "TaskRoleArn")
    }

    /// Whether a task has stopped, or isn't known.
    pub(crate) fn is_over(&self, task: &str) -> bool {
        let service = self
            .ecs
            .tasks
            .get(task)
            .and_then(|record| self.ecs.services.get(&record.service_arn));
        let found = service.and_then(|service| service.scheduler.task(task.parse().ok()?));
        found.is_none_or(|task| task.stopped_at.is_some())
    }

    fn task_ended(&mut self, now: SystemTime, task: &str, exit_code: Option<i32>, reason: Option<String>) {
        if let Some(record) = self.ecs.tasks.get_mut(task) {
            record.identity = None;
        }
        self.step_task(now, task, |task| Event::TaskStopped {
            task,
            exit_code,
            reason,
        });
    }

    /// What the load balancer thinks of a task.
    pub(crate) fn task_target_health(&mut self, now: SystemTime, task: &str, health: balancer::Health) {
        let state = match health.state {
            balancer::TargetState::Initial => TargetState::Initial,
            balancer::TargetState::Healthy => TargetState::Healthy,
            balancer::TargetState::Unhealthy => TargetState::Unhealthy,
            balancer::TargetState::Draining => TargetState::Draining,
            balancer::TargetState::Unused => TargetState::Unused,
            balancer::TargetState::Unavailable => TargetState::Unavailable,
        };
        self.step_task(now, task, |task| Event::TargetHealth {
            task,
            state,
            reason: health.description(),
        });
    }

    /// Time has passed: every scheduler that waited for it goes on, and what is due each minute is done. Says whether the
    /// state may have changed.
    pub(crate) fn tick(&mut self, now: SystemTime) -> bool {
        let due = self.ecs.services.iter().filter(|(_, service)| {
            service
                .scheduler
                .next_deadline()
                .is_some_and(|deadline| deadline <= now)
        });
        let due = due.map(|(arn, _)| arn.clone()).collect::<Vec<_>>();
        // A bake that ends now ends with what the alarms say now.
        let evaluated = self.evaluate_alarms_if_due(now);
        let polled = self.poll_alarms(now);
        for arn in &due {
            self.step_service(now, arn, Event::Tick);
        }
        self.measure(now);
        evaluated || polled || !due.is_empty()
    }

    /// When [`Cloud::tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<SystemTime> {
        let services = self.ecs.services.values();
        services
            .filter_map(|service| service.scheduler.next_deadline())
            .chain(self.next_measurement())
            .chain(self.next_evaluation())
            .chain(self.next_alarm_poll())
            .min()
    }

    /// Drops the oldest services that are gone, the tasks that no service remembers, and definitions that nothing names.
    pub(crate) fn forget_what_is_over(&mut self) {
        self.forget_old_services();
        self.forget_old_tasks();
        self.forget_old_task_definitions();
    }

    fn forget_old_services(&mut self) {
        let gone = self
            .ecs
            .services
            .iter()
            .filter(|(_, service)| service.scheduler.is_gone());
        let mut gone = gone
            .map(|(arn, service)| (service.created_at, arn.clone()))
            .collect::<Vec<_>>();
        gone.sort();
        gone.truncate(gone.len().saturating_sub(GONE_SERVICES_KEPT));
        for (_, arn) in gone {
            self.ecs.services.remove(&arn);
        }
    }

    fn forget_old_tasks(&mut self) {
        let services = &self.ecs.services;
        let remembered = |id: &str, task: &Task| {
            let id = id.parse::<TaskId>().ok()?;
            services.get(&task.service_arn)?.scheduler.task(id)
        };
        self.ecs.tasks.retain(|id, task| remembered(id, task).is_some());
    }

    /// The tasks that ran when the state was written.
    pub(crate) fn known_tasks(&self) -> BTreeMap<String, Identity> {
        let tasks = self.ecs.tasks.iter();
        tasks
            .filter_map(|(id, task)| Some((id.clone(), task.identity.clone()?)))
            .collect()
    }

    /// The tasks that may run, with the time each gets to end.
    pub(crate) fn running_tasks(&self) -> Vec<(String, Duration)> {
        self.ecs
            .tasks
            .keys()
            .map(|id| (id.clone(), self.stop_timeout(id)))
            .collect()
    }

    /// How long a task gets between SIGTERM and SIGKILL.
    pub(crate) fn stop_timeout(&self, task: &str) -> Duration {
        let definition = self
            .ecs
            .tasks
            .get(task)
            .and_then(|task| self.ecs.task_definitions.get(&task.task_definition_arn));
        let containers = definition.map_or(&[][..], |definition| {
            list(&definition.properties, "ContainerDefinitions")
        });
        let seconds = containers
            .iter()
            .filter_map(|container| number(container, "StopTimeout").ok().flatten())
            .max();
        seconds.map_or(DEFAULT_STOP_TIMEOUT, Duration::from_secs)
    }

    /// After a restart: asks again for everything that may not have been done, and for what a restart undoes.
    pub(crate) fn resume(&mut self, now: SystemTime) {
        // Whatever was to be done is among what is asked for below; twice would be two tasks.
        self.effects.clear();
        for group in self.elb.target_groups.values_mut() {
            // The balancer that drained them is gone, and their connections with it.
            group.targets.retain(|_, target| target.registered);
        }
        for (arn, listener) in &mut self.elb.listeners {
            let port = match &listener.state {
                ListenerState::Listening(address) => Some(address.port()),
                _ => self
                    .elb
                    .load_balancers
                    .get(&listener.load_balancer_arn)
                    .and_then(|owner| owner.port),
            };
            self.effects.push(Effect::Listen {
                listener_arn: arn.clone(),
                port,
            });
        }
        let unprovisioned = self
            .elb
            .load_balancers
            .iter()
            .filter(|(_, load_balancer)| load_balancer.port.is_none());
        self.effects.extend(unprovisioned.map(|(arn, _)| Effect::FindPort {
            load_balancer_arn: arn.clone(),
        }));
        // One that was made again under the same name must begin empty too: nothing was pushed to it while this was down.
        let deleted = self.deleted_repositories.iter().cloned();
        self.effects
            .extend(deleted.map(|name| Effect::DeleteRepository { name }));
        for arn in self.ecs.services.keys().cloned().collect::<Vec<_>>() {
            let unfinished = self.ecs.services[&arn].scheduler.unfinished();
            for event in self.note(&arn, unfinished) {
                self.step_service(now, &arn, event);
            }
        }
    }
}

const TARGET_INITIAL: &str = "initial";
