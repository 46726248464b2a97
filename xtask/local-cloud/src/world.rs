//! The whole state, and what each event makes of it. Nothing here touches the outside: what is to be done there is
//! left in [`Cloud::effects`](crate::cloud::Cloud).

use std::net::SocketAddr;
use std::time::SystemTime;

use provisioner::Stacks;
use registry::Registry;
use runtime::{Exit, Started};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{Cloud, Effect};
use crate::elb::{self, Health, ListenerState};
use crate::ids::Place;
use crate::wire::{Call, Fault, Service};
use crate::{ecr, ecs};

/// The version of the state's form; a newer one can't be read.
pub(crate) const VERSION: u32 = 1;

/// Everything that survives a restart.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) version: u32,
    /// The port on which it listens for as long as this state exists: image references in stacks have it in them.
    pub(crate) port: u16,
    /// What ran the tasks last.
    pub(crate) runtime: Option<runtime::RuntimeKind>,
    pub(crate) cloud: Cloud,
    pub(crate) stacks: Stacks,
}

/// Something that happened outside.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A load balancer's port was found, or why not.
    PortFound {
        load_balancer_arn: String,
        outcome: Result<u16, String>,
    },
    /// A listener accepts connections, or why not.
    Listening {
        listener_arn: String,
        outcome: Result<SocketAddr, String>,
    },
    /// A target's health changed.
    TargetHealth(balancer::TargetHealth),
    /// A task runs.
    TaskStarted { task: String, started: Started },
    /// A task could not be started.
    TaskStartFailed { task: String, reason: String },
    /// A task ended.
    TaskExited(Exit),
    /// A task is gone, and how it ended isn't known.
    TaskGone { task: String },
    /// Time has passed.
    Tick,
}

impl World {
    /// Nothing in it yet.
    pub(crate) fn new(place: Place, seed: u64, address: SocketAddr) -> Self {
        Self {
            version: VERSION,
            port: address.port(),
            runtime: None,
            stacks: Stacks::new(place.account_id.clone(), place.region.clone(), seed),
            cloud: Cloud::new(place, seed, address.to_string()),
        }
    }

    /// Answers one call.
    ///
    /// # Errors
    /// AWS's, as its service would give it.
    pub(crate) fn call(
        &mut self,
        now: SystemTime,
        registry: &Registry,
        password: &str,
        call: &Call,
    ) -> Result<Value, Fault> {
        let (operation, input) = (call.operation.as_str(), &call.input);
        match call.service {
            Service::CloudFormation => Ok(self.stacks.call(now, &mut self.cloud, operation, input)?),
            Service::Ecr => ecr::call(&self.cloud, registry, now, password, operation, input),
            Service::Ecs => ecs::call(&mut self.cloud, now, operation, input),
            Service::ElasticLoadBalancing => elb::call(&self.cloud.elb, operation, input),
            Service::Sts => caller(&self.cloud.place, operation),
        }
    }

    /// Takes in something that happened.
    pub(crate) fn happen(&mut self, now: SystemTime, happening: Happening) {
        let cloud = &mut self.cloud;
        match happening {
            Happening::PortFound {
                load_balancer_arn,
                outcome,
            } => {
                if let Some(load_balancer) = cloud.elb.load_balancers.get_mut(&load_balancer_arn) {
                    match outcome {
                        Ok(port) => load_balancer.port = Some(port),
                        Err(reason) => load_balancer.failure = Some(reason),
                    }
                }
            }
            Happening::Listening { listener_arn, outcome } => {
                if let Some(listener) = cloud.elb.listeners.get_mut(&listener_arn) {
                    listener.state = outcome.map_or_else(ListenerState::Failed, ListenerState::Listening);
                }
            }
            Happening::TargetHealth(health) => cloud.target_health(now, &health),
            Happening::TaskStarted { task, started } => cloud.task_started(now, &task, started),
            Happening::TaskStartFailed { task, reason } => cloud.task_start_failed(now, &task, reason),
            Happening::TaskExited(exit) => cloud.task_exited(now, &exit),
            Happening::TaskGone { task } => cloud.task_gone(now, &task),
            Happening::Tick => cloud.tick(now),
        }
    }

    /// Carries on whatever can go on.
    pub(crate) fn settle(&mut self, now: SystemTime) {
        while self.stacks.advance(now, &mut self.cloud) {}
        self.cloud.forget_old_tasks();
    }

    /// When [`Happening::Tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<SystemTime> {
        self.stacks
            .next_deadline()
            .into_iter()
            .chain(self.cloud.next_deadline())
            .min()
    }

    /// What to do outside, after the state is safe. Several changes of the plan are one.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.cloud.effects);
        let last_plan = effects.iter().rposition(|effect| *effect == Effect::ApplyPlan);
        let mut index = 0;
        effects.retain(|effect| {
            index += 1;
            *effect != Effect::ApplyPlan || Some(index - 1) == last_plan
        });
        effects
    }
}

impl Cloud {
    /// Notes a target's health, and tells the service whose task it is.
    fn target_health(&mut self, now: SystemTime, told: &balancer::TargetHealth) {
        let (group_arn, task) = (told.target_group.as_str(), told.target.as_str());
        let Some(group) = self.elb.target_groups.get_mut(group_arn) else {
            return;
        };
        let Some(target) = group.targets.get_mut(task) else {
            return;
        };
        target.health = Health {
            state: told.health.state.as_str().to_owned(),
            reason: told.health.reason.map(|reason| reason.code().to_owned()),
            description: told.health.description(),
        };
        if !target.registered && told.health.state == balancer::TargetState::Unused {
            group.targets.remove(task);
        }
        self.task_target_health(now, task, told.health);
    }
}

fn caller(place: &Place, operation: &str) -> Result<Value, Fault> {
    match operation {
        "GetCallerIdentity" => Ok(json!({
            "UserId": "AIDALOCALCLOUD",
            "Account": place.account_id,
            "Arn": place.global_arn("iam", "user/local"),
        })),
        _ => Err(Fault::unsupported(Service::Sts, operation)),
    }
}
