//! A world whose outside is played: tasks start and become healthy, drained targets are told of, time passes when nothing else does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use balancer::RequestCounts;
use registry::Registry;
use runtime::{Exit, Started};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud::Effect;
use crate::cloudwatch::{Counted, Used};
use crate::code::{CodeEffect, CodeHappening};
use crate::codebuild::{Report, Status};
use crate::effects::KnownRepositories;
use crate::elb;
use crate::ids::Place;
use crate::wire::{Call, Fault, Service};
use crate::world::{Happening, World};

/// More rounds than anything here takes: a world that isn't done by then hangs.
const ROUNDS_LIMIT: usize = 20_000;

pub(super) struct Rig {
    pub(super) world: World,
    pub(super) now: SystemTime,
    /// Everything that was done, in order.
    pub(super) done: Vec<Effect>,
    /// Tasks that run.
    pub(super) running: BTreeSet<String>,
    /// Listeners that are open.
    pub(super) open: BTreeSet<String>,
    /// Whether somebody else listens wherever a listener is to.
    pub(super) ports_are_taken: bool,
    /// Builds that run.
    pub(super) builds: BTreeSet<String>,
    /// False to keep what comes of effects back.
    pub(super) answers: bool,
    pub(super) waiting: Vec<Happening>,
    /// What one minute of requests adds to the balancer's counts.
    pub(super) traffic: fn(&mut RequestCounts, &balancer::Plan),
    counts: RequestCounts,
    /// The file of metrics.
    metrics: Vec<String>,
    /// The CPU time that every task has used, and what it uses each minute.
    cpu: Duration,
    pub(super) cpu_each_minute: Duration,
    plan: balancer::Plan,
    pub(super) registry: Registry,
    pub(super) repositories: Arc<KnownRepositories>,
    _folder: TempDir,
}

impl Rig {
    pub(super) fn new() -> Self {
        let place = Place {
            account_id: "000000000000".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let folder = TempDir::new().unwrap();
        let repositories = Arc::new(KnownRepositories::new("secret".to_owned(), place.account_id.clone()));
        Self {
            world: World::new(place, 7, SocketAddr::from(([127, 0, 0, 1], 4566))),
            now: UNIX_EPOCH + Duration::from_hours(500_000),
            done: Vec::new(),
            running: BTreeSet::new(),
            open: BTreeSet::new(),
            ports_are_taken: false,
            builds: BTreeSet::new(),
            answers: true,
            waiting: Vec::new(),
            traffic: |_, _| {},
            counts: RequestCounts::default(),
            metrics: Vec::new(),
            cpu: Duration::ZERO,
            cpu_each_minute: Duration::ZERO,
            plan: balancer::Plan::default(),
            registry: Registry::open(folder.path(), repositories.clone()).unwrap(),
            repositories,
            _folder: folder,
        }
    }

    pub(super) fn call(&mut self, service: Service, operation: &str, input: Value) -> Result<Value, Fault> {
        self.call_as("local", service, operation, input)
    }

    /// The same with an access key, which says who asks.
    pub(super) fn call_as(
        &mut self,
        access_key: &str,
        service: Service,
        operation: &str,
        input: Value,
    ) -> Result<Value, Fault> {
        let call = Call {
            service,
            operation: operation.to_owned(),
            input,
            access_key: access_key.to_owned(),
        };
        self.world.call(self.now, &self.registry, "secret", &call)
    }

    pub(super) fn cloudformation(&mut self, operation: &str, input: Value) -> Value {
        self.call(Service::CloudFormation, operation, input).unwrap()
    }

    pub(super) fn ecs(&mut self, operation: &str, input: Value) -> Value {
        self.call(Service::Ecs, operation, input).unwrap()
    }

    /// Creates the stack and waits for it; gives its status.
    pub(super) fn create(&mut self, stack: &str, template: &Value) -> String {
        let input =
            json!({"StackName": stack, "TemplateBody": template.to_string(), "Capabilities": ["CAPABILITY_NAMED_IAM"]});
        self.cloudformation("CreateStack", input);
        self.finish(stack)
    }

    /// Updates the stack and waits for it; gives its status.
    pub(super) fn update(&mut self, stack: &str, template: &Value) -> String {
        self.begin_update(stack, template);
        self.finish(stack)
    }

    pub(super) fn begin_update(&mut self, stack: &str, template: &Value) {
        let input =
            json!({"StackName": stack, "TemplateBody": template.to_string(), "Capabilities": ["CAPABILITY_NAMED_IAM"]});
        self.cloudformation("UpdateStack", input);
    }

    pub(super) fn delete(&mut self, stack: &str) {
        let stacks = self.cloudformation("DescribeStacks", json!({"StackName": stack}));
        let id = stacks["Stacks"][0]["StackId"].clone();
        self.cloudformation("DeleteStack", json!({"StackName": stack}));
        self.run_until(|rig| rig.status(id.as_str().unwrap()) == "DELETE_COMPLETE");
    }

    pub(super) fn finish(&mut self, stack: &str) -> String {
        self.run_until(|rig| !rig.status(stack).ends_with("_IN_PROGRESS"));
        self.status(stack)
    }

    pub(super) fn status(&mut self, stack: &str) -> String {
        let stacks = self.cloudformation("DescribeStacks", json!({"StackName": stack}));
        stacks["Stacks"][0]["StackStatus"].as_str().unwrap().to_owned()
    }

    pub(super) fn reasons(&mut self, stack: &str) -> String {
        let events = self.cloudformation("DescribeStackEvents", json!({"StackName": stack}));
        let events = events["StackEvents"].as_array().unwrap().iter();
        let reasons = events.filter_map(|event| event["ResourceStatusReason"].as_str());
        reasons.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn run_until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..ROUNDS_LIMIT {
            self.round();
            if done(self) {
                return;
            }
        }
        panic!("nothing more comes of it: {:?}", self.done.last());
    }

    /// What the engine does with a batch: takes in, settles, acts. Time passes when there is nothing else.
    pub(super) fn round(&mut self) {
        // Outside is quick: time passes only once nothing is under way there.
        if self.waiting.is_empty()
            && let Some(deadline) = self.world.next_deadline()
        {
            self.now = self.now.max(deadline);
        }
        let batch = if self.answers {
            std::mem::take(&mut self.waiting)
        } else {
            Vec::new()
        };
        for happening in batch {
            self.world.happen(self.now, happening);
        }
        self.act();
    }

    pub(super) fn act(&mut self) {
        self.world.settle(self.now);
        for effect in self.world.take_effects() {
            self.perform(&effect);
            self.world.performed(&effect);
            self.done.push(effect);
        }
    }

    fn perform(&mut self, effect: &Effect) {
        match effect.clone() {
            Effect::FindPort { load_balancer_arn } => self.find_port(load_balancer_arn),
            Effect::Listen { listener_arn, port } => {
                let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(40_000)));
                let outcome = if self.ports_are_taken {
                    Err(format!("cannot listen on {address}"))
                } else {
                    self.open.insert(listener_arn.clone());
                    Ok(address)
                };
                self.waiting.push(Happening::Listening { listener_arn, outcome });
            }
            Effect::CloseListener { listener_arn } => drop(self.open.remove(&listener_arn)),
            Effect::ApplyPlan => self.apply_plan(),
            Effect::StartTask { task } => {
                assert!(self.running.insert(task.clone()), "{task} starts twice");
                self.waiting.push(started(task));
            }
            Effect::StopTask { task } => {
                if self.running.contains(&task) {
                    self.exit(&task, Some(0));
                }
                self.waiting.push(Happening::TaskGone { task });
            }
            Effect::Measure { minute, tasks } => self.measure(minute, &tasks),
            Effect::KeepMetrics { line } => self.metrics.push(line),
            Effect::DeleteLogGroup { name } => self.world.cloud.journal.remove_group(&name).unwrap(),
            Effect::Code(effect) => self.perform_code(effect),
            Effect::DeleteRepository { .. } => {}
        }
    }

    /// Every minute is as `traffic` has it.
    fn measure(&mut self, minute: monitor::Minute, tasks: &[String]) {
        (self.traffic)(&mut self.counts, &self.plan);
        let counts = self.counts.clone();
        self.cpu += self.cpu_each_minute;
        let usage = runtime::Usage {
            cpu: self.cpu,
            memory_bytes: 1 << 20,
        };
        let usages = tasks.iter().map(|task| (task.clone(), usage)).collect();
        let at = self.now;
        self.waiting.push(Happening::Used(Used { minute, at, usages }));
        self.waiting.push(Happening::Counted(Counted { minute, counts }));
    }

    /// Repositories are made at once; builds begin, and end when the test says so.
    fn perform_code(&mut self, effect: CodeEffect) {
        match effect {
            CodeEffect::MakeRepository { name } => {
                let outcome = Ok(());
                self.waiting
                    .push(Happening::Code(CodeHappening::RepositoryMade { name, outcome }));
            }
            CodeEffect::StartBuild { build } => assert!(self.builds.insert(build.clone()), "{build} starts twice"),
            CodeEffect::StopBuild { build } => self.end_build(&build, Status::Stopped),
            CodeEffect::ReadBranches { .. }
            | CodeEffect::DeleteRepository { .. }
            | CodeEffect::Publish { .. }
            | CodeEffect::RemoveArtifact { .. } => {}
        }
    }

    /// A build is over.
    pub(super) fn end_build(&mut self, build: &str, status: Status) {
        if self.builds.remove(build) {
            let (build, exported) = (build.to_owned(), BTreeMap::new());
            let report = Report::Over { status, exported };
            self.waiting
                .push(Happening::Code(CodeHappening::Build { build, report }));
        }
    }

    fn find_port(&mut self, load_balancer_arn: String) {
        let taken = self
            .world
            .cloud
            .elb
            .load_balancers
            .values()
            .filter_map(|known| known.port);
        let taken = taken.collect::<Vec<_>>();
        let free = (8080..8100).find(|port| !taken.contains(port)).unwrap();
        let outcome = Ok(free);
        self.waiting.push(Happening::PortFound {
            load_balancer_arn,
            outcome,
        });
    }

    /// As the balancer does, tells only of what it was told of: newcomers become healthy, those that leave are drained.
    fn apply_plan(&mut self) {
        let plan = elb::plan(&self.world.cloud.elb, self.world.cloud.speed);
        let (before, after) = (targets(&self.plan), targets(&plan));
        for target in after.difference(&before) {
            self.waiting.push(health(target, balancer::TargetState::Healthy));
        }
        for target in before.difference(&after) {
            self.waiting.push(health(target, balancer::TargetState::Unused));
        }
        self.plan = plan;
    }

    /// A task ends.
    pub(super) fn exit(&mut self, task: &str, exit_code: Option<i32>) {
        self.running.remove(task);
        self.waiting.push(Happening::TaskExited(Exit {
            task: task.to_owned(),
            container: "service".to_owned(),
            exit_code,
            signal: None,
            out_of_memory: false,
            at: self.now,
        }));
    }

    /// Dies and starts again from what was written, as after a kill -9: tasks go on, unless `lost`.
    pub(super) fn restart(&mut self, lost: bool) {
        let state = serde_json::to_vec(&self.world).unwrap();
        self.world = serde_json::from_slice(&state).unwrap();
        self.world.set_metric_lag(None).unwrap();
        self.world.set_bake(None);
        self.waiting.clear();
        self.open.clear();
        // No build outlives its local cloud.
        self.builds.clear();
        self.plan = balancer::Plan::default();
        self.counts = RequestCounts::default();
        if lost {
            self.running.clear();
        }
        let mut kept = BTreeSet::new();
        for (task, _) in self.world.cloud.known_tasks() {
            if self.running.contains(&task) {
                kept.insert(task);
            } else {
                self.world.happen(self.now, Happening::TaskLost { task });
            }
        }
        self.running = kept;
        let metrics = self.metrics.iter().map(|line| serde_json::from_str(line).unwrap());
        self.world.cloud.take_back_metrics(self.now, metrics);
        self.world.cloud.resume(self.now);
        self.world.cloud.resume_code(self.now);
        self.world.cloud.effects.push(Effect::ApplyPlan);
        self.act();
    }

    /// Every target that the data plane has.
    pub(super) fn targets(&self) -> usize {
        targets(&self.plan).len()
    }
}

fn targets(plan: &balancer::Plan) -> BTreeSet<(String, String)> {
    let groups = plan.target_groups.iter();
    let targets = groups.flat_map(|(group, plan)| {
        plan.targets
            .keys()
            .map(move |target| (group.as_str().to_owned(), target.as_str().to_owned()))
    });
    targets.collect()
}

fn health((group, target): &(String, String), state: balancer::TargetState) -> Happening {
    Happening::TargetHealth(balancer::TargetHealth {
        target_group: group.clone().into(),
        target: target.clone().into(),
        address: SocketAddr::from(([127, 0, 0, 1], 50_000)),
        health: balancer::Health { state, reason: None },
    })
}

fn started(task: String) -> Happening {
    let address = "127.0.0.1:50000";
    let identity = json!({
        "task": task, "container": "service", "address": address, "handle": {"docker": {"container_id": task}},
    });
    Happening::TaskStarted {
        task,
        started: Started {
            address: address.parse().ok(),
            identity: serde_json::from_value(identity).unwrap(),
        },
    }
}

/// A small service behind a load balancer.
pub(super) fn template(image: &str, tasks: u32) -> Value {
    let resources = BTreeMap::from([
        (
            "Vpc",
            json!({"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}),
        ),
        (
            "Subnet",
            json!({"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/20", "AvailabilityZone": "eu-west-1a"}}),
        ),
        (
            "LoadBalancer",
            json!({"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Subnets": [{"Ref": "Subnet"}]}}),
        ),
        (
            "Group",
            json!({"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {"TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": {"Ref": "Vpc"}}}),
        ),
        (
            "Listener",
            json!({"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": {"LoadBalancerArn": {"Ref": "LoadBalancer"}, "Port": 80, "Protocol": "HTTP", "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}]}}),
        ),
        ("Cluster", json!({"Type": "AWS::ECS::Cluster"})),
        (
            "Definition",
            json!({"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": "service", "NetworkMode": "awsvpc", "Cpu": "512", "Memory": "1024", "ContainerDefinitions": [{"Name": "service", "Image": image, "PortMappings": [{"ContainerPort": 8080}]}]}}),
        ),
        (
            "Service",
            json!({"Type": "AWS::ECS::Service", "DependsOn": "Listener", "Properties": {
                "ServiceName": "service", "Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Definition"}, "DesiredCount": tasks, "LaunchType": "FARGATE",
                "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": true, "Rollback": true}},
                "LoadBalancers": [{"ContainerName": "service", "ContainerPort": 8080, "TargetGroupArn": {"Ref": "Group"}}],
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [{"Ref": "Subnet"}]}},
            }}),
        ),
    ]);
    json!({"Resources": resources})
}
