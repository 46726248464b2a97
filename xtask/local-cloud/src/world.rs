//! The whole state, and what each event makes of it. Nothing here touches the outside: what is to be done there is
//! left in [`Cloud::effects`](crate::cloud::Cloud).

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use provisioner::Stacks;
use registry::Registry;
use runtime::{Exit, Started};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{Cloud, Effect};
use crate::code::CodeHappening;
use crate::elb::{self, Health, ListenerState};
use crate::ids::Place;
use crate::options::{Bake, DEFAULT_METRIC_LAG_MINUTES, DEFAULT_SPEED};
use crate::speed::Speed;
use crate::wire::{Call, Fault, Service};
use crate::{autoscaling, cloudwatch, codebuild, codecommit, codepipeline, ecr, ecs, faults, iam, inputs, logs};

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
    /// How many times faster than on AWS the waits passed last; none in a state from before this was kept.
    #[serde(default)]
    pub(crate) speed: Option<f64>,
    /// How late metrics were published last, in AWS's minutes; `None` in a state from before this was kept.
    #[serde(default)]
    pub(crate) metric_lag_minutes: Option<f64>,
    /// What ECS made of bake times last; `None` in a state from before this was kept.
    #[serde(default)]
    pub(crate) bake: Option<Bake>,
    pub(crate) cloud: Cloud,
    pub(crate) stacks: Stacks,
    /// Whether it may differ from what was last written.
    #[serde(skip)]
    pub(crate) changed: bool,
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
    /// A listener's port may be free by now.
    ListenAgain { listener_arn: String },
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
    /// A task ended while the local cloud didn't run: no fault of the task's.
    TaskLost { task: String },
    /// A metric minute is over, and the balancer had counted this.
    Counted(cloudwatch::Counted),
    /// A metric minute is over, and the tasks had used this.
    Used(cloudwatch::Used),
    /// Something between a push and a deployment.
    Code(CodeHappening),
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
            speed: None,
            metric_lag_minutes: None,
            bake: None,
            stacks: Stacks::new(place.account_id.clone(), place.region.clone(), seed),
            cloud: Cloud::new(place, seed, address.to_string()),
            changed: true,
        }
    }

    /// From now on waits pass so many times faster than on AWS: as asked, or else as they passed before, or else by the
    /// default. Gives the factor.
    ///
    /// # Errors
    /// When it isn't from 1 to 1000.
    pub(crate) fn set_speed(&mut self, asked: Option<f64>) -> anyhow::Result<f64> {
        let factor = asked.or(self.speed).unwrap_or(DEFAULT_SPEED);
        self.cloud.speed = Speed::new(factor)?;
        self.changed |= self.speed.replace(factor) != Some(factor);
        Ok(factor)
    }

    /// From now on metrics are published so many of AWS's minutes after their end: as asked, or else as before, or else by
    /// the default. Returns the number.
    ///
    /// # Errors
    /// When it isn't from 0 to 10.
    pub(crate) fn set_metric_lag(&mut self, asked: Option<f64>) -> anyhow::Result<f64> {
        let minutes = asked.or(self.metric_lag_minutes).unwrap_or(DEFAULT_METRIC_LAG_MINUTES);
        let limit = u32::try_from(monitor::LONGEST_LAG_MINUTES)?;
        anyhow::ensure!(
            (0.0..=f64::from(limit)).contains(&minutes),
            "the metric lag is {minutes} min, but it must be from 0 to {limit}"
        );
        self.cloud.metric_lag = Duration::from_mins(1).mul_f64(minutes);
        self.changed |= self.metric_lag_minutes.replace(minutes) != Some(minutes);
        Ok(minutes)
    }

    /// From now on ECS treats bake times as asked, or else as before, or else by the default. Returns the choice.
    pub(crate) fn set_bake(&mut self, asked: Option<Bake>) -> Bake {
        let bake = asked.or(self.bake).unwrap_or_default();
        self.cloud.bake = bake;
        self.changed |= self.bake.replace(bake) != Some(bake);
        bake
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
        let session = iam::session_of(&self.cloud, call);
        let caller = iam::arn_of(&self.cloud.place, session.as_ref());
        if let Some(fault) = self.cloud.faults.on_call(&caller, call) {
            self.changed = true;
            return Err(fault);
        }
        if let Some(session) = &session {
            iam::authorize(&self.cloud, &self.stacks, session, call)?;
        }
        inputs::check(call.service, &self.cloud.place.account_id, operation, input)?;
        self.changed |= !only_reads(operation);
        let output = match call.service {
            Service::ApplicationAutoScaling => autoscaling::call(&self.cloud, operation, input),
            Service::CloudWatch => cloudwatch::call(&mut self.cloud, now, operation, input),
            Service::CloudFormation => Ok(self.stacks.call(now, &mut self.cloud, operation, input)?),
            Service::CodeBuild => codebuild::call(&mut self.cloud, now, operation, input),
            Service::CodeCommit => codecommit::call(&mut self.cloud, operation, input),
            Service::CodePipeline => codepipeline::call(&mut self.cloud, now, operation, input),
            Service::Ecr => {
                let password = iam::password(password, session.as_ref(), &call.access_key);
                ecr::call(&self.cloud, registry, now, &password, operation, input)
            }
            Service::Ecs => ecs::call(&mut self.cloud, now, operation, input),
            Service::ElasticLoadBalancing => elb::call(&self.cloud.elb, operation, input),
            Service::Logs => logs::call(&self.cloud, now, operation, input),
            Service::Sts => caller_identity(&self.cloud.place, session.as_ref(), operation),
        }?;
        inputs::page(call.service, operation, input, output)
    }

    /// Whether the answer to a call is to be lost with its connection.
    pub(crate) fn loses(&mut self, call: &Call) -> bool {
        let lost = self.cloud.faults.loses(call);
        self.changed |= lost;
        lost
    }

    /// What is asked of the faults.
    ///
    /// # Errors
    /// When it can't be done.
    pub(crate) fn faults(&mut self, now: SystemTime, request: faults::Request) -> Result<Value, Fault> {
        self.changed = true;
        if let faults::Request::Outside(wanted) = &request {
            let outside = serde_json::from_value(wanted.clone());
            let outside = outside.map_err(|error| faults::invalid(error.to_string()))?;
            let changed = self.stacks.change_from_outside(now, &mut self.cloud, &outside);
            changed.map_err(faults::invalid)?;
        }
        self.cloud.faults.request(request)
    }

    /// Takes in something that happened.
    pub(crate) fn happen(&mut self, now: SystemTime, happening: Happening) {
        let cloud = &mut self.cloud;
        // Metrics aren't part of the state, and most minutes and ticks change nothing of it.
        let may_not = matches!(happening, Happening::Counted(_) | Happening::Used(_) | Happening::Tick);
        self.changed |= !may_not;
        match happening {
            Happening::PortFound {
                load_balancer_arn,
                outcome,
            } => cloud.port_found(load_balancer_arn, outcome),
            Happening::Listening { listener_arn, outcome } => cloud.listening(listener_arn, outcome),
            Happening::ListenAgain { listener_arn } => cloud.listen_again(&listener_arn),
            Happening::TargetHealth(health) => cloud.target_health(now, &health),
            Happening::TaskStarted { task, started } => cloud.task_started(now, &task, started),
            Happening::TaskStartFailed { task, reason } => cloud.task_start_failed(now, &task, reason),
            Happening::TaskExited(exit) => cloud.task_exited(now, &exit),
            Happening::TaskGone { task } => cloud.task_gone(now, &task),
            Happening::TaskLost { task } => cloud.task_lost(now, &task),
            Happening::Counted(counted) => self.changed |= cloud.counted(now, counted),
            Happening::Used(used) => self.changed |= cloud.used(now, &used),
            Happening::Code(happening) => cloud.code_happened(now, happening),
            Happening::Tick => self.changed |= cloud.tick(now) | cloud.builds_tick(now),
        }
    }

    /// Carries on whatever can go on.
    pub(crate) fn settle(&mut self, now: SystemTime) {
        if self.next_deadline().is_some_and(|deadline| deadline <= now) {
            // However busy the events are, time passes.
            self.happen(now, Happening::Tick);
        }
        self.changed |= self.cloud.deliver_events(now);
        while self.stacks.advance(now, &mut self.cloud) {
            self.changed = true;
        }
        if self.changed {
            self.cloud.forget_what_is_over();
        }
    }

    /// When [`Happening::Tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<SystemTime> {
        self.stacks
            .next_deadline()
            .into_iter()
            .chain(self.cloud.next_deadline())
            .chain(self.cloud.code_deadline())
            .min()
    }

    /// Notes that an effect whose end nobody tells of has been performed.
    pub(crate) fn performed(&mut self, effect: &Effect) {
        match effect {
            Effect::ApplyPlan => self.cloud.elb.plan_applied(),
            Effect::DeleteRepository { name } => self.changed |= self.cloud.deleted_repositories.remove(name),
            Effect::Code(effect) => self.changed |= self.cloud.code_performed(effect),
            _ => {}
        }
    }

    /// What to do outside, after the state is safe. Several changes of the plan are one, and it is the first thing done:
    /// a target gets no more requests before its task is told to end, and a listener knows its rules before it listens.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        let effects = std::mem::take(&mut self.cloud.effects);
        let (mut plans, others): (Vec<_>, Vec<_>) =
            effects.into_iter().partition(|effect| *effect == Effect::ApplyPlan);
        plans.truncate(1);
        plans.extend(others);
        plans
    }
}

/// Whether an operation changes nothing of the state, by AWS's way of naming them. Metrics aren't part of it.
fn only_reads(operation: &str) -> bool {
    ["BatchGet", "Describe", "Get", "List", "PutMetricData", "Validate"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

impl Cloud {
    /// Notes a load balancer's port. Two that were looked for at once may have been found to be the same one.
    fn port_found(&mut self, load_balancer_arn: String, outcome: Result<u16, String>) {
        let others = self.elb.load_balancers.iter();
        let taken = others
            .filter(|(arn, _)| **arn != load_balancer_arn)
            .any(|(_, other)| other.port.is_some() && other.port == outcome.as_ref().ok().copied());
        let Some(load_balancer) = self.elb.load_balancers.get_mut(&load_balancer_arn) else {
            return;
        };
        match outcome {
            Ok(_) if taken => self.effects.push(Effect::FindPort { load_balancer_arn }),
            Ok(port) => load_balancer.port = Some(port),
            Err(reason) => load_balancer.failure = Some(reason),
        }
    }

    /// Notes that a listener listens; one that was deleted meanwhile is closed.
    fn listening(&mut self, listener_arn: String, outcome: Result<SocketAddr, String>) {
        let Some(listener) = self.elb.listeners.get_mut(&listener_arn) else {
            self.effects.push(Effect::CloseListener { listener_arn });
            return;
        };
        let state = outcome.map_or_else(ListenerState::Failed, ListenerState::Listening);
        match (&listener.state, &state) {
            (before, ListenerState::Failed(reason)) if *before != state => tracing::error!("{reason}"),
            (ListenerState::Failed(_), ListenerState::Listening(address)) => {
                tracing::info!(%address, "listening again");
            }
            _ => {}
        }
        listener.state = state;
    }

    /// Tries once more to accept connections for a listener that couldn't, if it is still there.
    fn listen_again(&mut self, listener_arn: &str) {
        let listener = self.elb.listeners.get(listener_arn);
        let Some(listener) = listener.filter(|listener| matches!(listener.state, ListenerState::Failed(_))) else {
            return;
        };
        let owner = self.elb.load_balancers.get(&listener.load_balancer_arn);
        self.effects.push(Effect::Listen {
            listener_arn: listener_arn.to_owned(),
            port: owner.and_then(|owner| owner.port),
        });
    }

    /// Notes a target's health, and tells the service whose task it is.
    fn target_health(&mut self, now: SystemTime, told: &balancer::TargetHealth) {
        let (group_arn, task) = (told.target_group.as_str(), told.target.as_str());
        let Some(group) = self.elb.target_groups.get_mut(group_arn) else {
            return;
        };
        let Some(target) = group.targets.get_mut(task) else {
            return;
        };
        let health = Health {
            state: told.health.state.as_str().to_owned(),
            reason: told.health.reason.map(|reason| reason.code().to_owned()),
            description: told.health.description(),
        };
        let before = std::mem::replace(&mut target.health, health);
        if target.registered && before.state != target.health.state {
            self.cloudwatch.look_at_targets(group_arn, group);
        }
        let Some(target) = group.targets.get(task) else {
            return;
        };
        if !target.registered && told.health.state == balancer::TargetState::Unused {
            group.targets.remove(task);
        }
        self.task_target_health(now, task, told.health);
    }
}

fn caller_identity(place: &Place, session: Option<&iam::Session>, operation: &str) -> Result<Value, Fault> {
    match operation {
        "GetCallerIdentity" => Ok(json!({
            "UserId": session.map_or_else(|| "AIDALOCALCLOUD".to_owned(), |session| format!("AROALOCALCLOUD:{}", session.name())),
            "Account": place.account_id,
            "Arn": iam::arn_of(place, session),
        })),
        _ => Err(Fault::unsupported(Service::Sts, operation)),
    }
}
