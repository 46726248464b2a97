//! Does outside what the world has decided. Everything runs by itself; what comes of it returns as an event.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use balancer::{Balancer, ListenerId};
use journal::Source;
use registry::{Policy, Registry, Repositories};
use runtime::{Exit, RegistryLogin, Runtime};
use tokio::net::TcpListener;
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::task::JoinSet;

use crate::cloud::{Cloud, Effect};
use crate::cloudwatch::{Counted, Used};
use crate::code::{CodeEffect, CodeHappening};
use crate::codebuild::{Builds, Job};
use crate::codecommit::{Git, tell_branches};
use crate::ecr::LifecyclePolicy;
use crate::iam::Logins;
use crate::inbox::Event;
use crate::logs::collect::Collector;
use crate::metrics_file::MetricsFile;
use crate::world::{Happening, World};
use crate::{ecr, ecs, elb};

/// Load balancers listen on the first free ports from here: 80, their usual one, is for the superuser only.
pub const FIRST_LOAD_BALANCER_PORT: u16 = 8080;

/// How many ports are tried.
const LOAD_BALANCER_PORTS: u16 = 200;

/// How long after a port couldn't be had it is tried again.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How much of a metric minute the look at what tasks have used may take before the alarms are judged without it.
const USAGE_PATIENCE: Duration = Duration::from_secs(6);

/// The hands of the local cloud.
#[derive(Clone)]
pub(crate) struct Effects {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) balancer: Balancer,
    pub(crate) runtime: Runtime,
    pub(crate) login: RegistryLogin,
    pub(crate) repositories: Arc<KnownRepositories>,
    /// Tasks that were stopped, for [`forward_exits`].
    pub(crate) gone: mpsc::UnboundedSender<String>,
    /// The starts under way, so that a task's stop waits for its start.
    pub(crate) starts: Arc<Starts>,
    pub(crate) metrics: MetricsFile,
    pub(crate) logs: Collector,
    pub(crate) git: Git,
    pub(crate) builds: Builds,
}

/// The starts of tasks that are under way, each held by its task's id until it is over.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    under_way: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    closed: AtomicBool,
}

/// A start under way.
struct Start {
    task: String,
    starts: Arc<Starts>,
    _held: OwnedMutexGuard<()>,
}

impl Starts {
    /// Begins a start at once, so that whoever waits from now on waits for it. None when the task is being started
    /// already, or when no task is to start any more.
    fn begin(self: &Arc<Self>, task: &str) -> Option<Start> {
        let mut under_way = self.lock();
        if self.closed.load(Ordering::SeqCst) || under_way.contains_key(task) {
            return None;
        }
        let lock = Arc::<tokio::sync::Mutex<()>>::default();
        let held = Arc::clone(&lock).try_lock_owned().ok()?;
        under_way.insert(task.to_owned(), lock);
        Some(Start {
            task: task.to_owned(),
            starts: Arc::clone(self),
            _held: held,
        })
    }

    /// Waits until a task isn't being started.
    async fn over(&self, task: &str) {
        let lock = self.lock().get(task).cloned();
        if let Some(lock) = lock {
            drop(lock.lock().await);
        }
    }

    /// From now on nothing starts; gives the tasks whose start is under way.
    fn close(&self) -> Vec<String> {
        let under_way = self.lock();
        self.closed.store(true, Ordering::SeqCst);
        under_way.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        self.starts.lock().remove(&self.task);
    }
}

#[derive(Debug, Clone, PartialEq)]
struct KnownRepository {
    immutable_tags: bool,
    lifecycle_policy: Option<LifecyclePolicy>,
}

/// The repositories as the registry's own threads see them.
#[derive(Debug)]
pub(crate) struct KnownRepositories {
    known: RwLock<BTreeMap<String, KnownRepository>>,
    logins: Logins,
    password: String,
    account_id: String,
}

impl KnownRepositories {
    pub(crate) fn new(password: String, account_id: String) -> Self {
        Self {
            known: RwLock::default(),
            logins: Logins::default(),
            password,
            account_id,
        }
    }

    /// Takes over which repositories there are, and which builds may come in.
    pub(crate) fn publish(&self, cloud: &Cloud) {
        self.logins.publish(cloud);
        let known = cloud.repositories.iter().map(|(name, repository)| {
            let known = KnownRepository {
                immutable_tags: repository.immutable_tags(),
                lifecycle_policy: repository.lifecycle_policy(),
            };
            (name.clone(), known)
        });
        let known = known.collect::<BTreeMap<_, _>>();
        let mut published = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if *published != known {
            *published = known;
        }
    }
}

impl Repositories for KnownRepositories {
    fn policy(&self, name: &str) -> Option<Policy> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(|repository| Policy {
            immutable_tags: repository.immutable_tags,
        })
    }

    fn pushed(&self, registry: &Registry, name: &str) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let policy = known
            .get(name)
            .and_then(|repository| repository.lifecycle_policy.clone());
        drop(known);
        let outcome = policy.map_or(Ok(()), |policy| ecr::expire(registry, name, &policy, SystemTime::now()));
        if let Err(error) = outcome {
            tracing::warn!("cannot expire images of {name}: {error}");
        }
    }

    fn authorized(&self, username: &str, password: &str) -> bool {
        username == ecr::USERNAME && self.logins.open(&self.password, password)
    }

    fn refusal(&self, password: &str, action: &str, repository: &str) -> Option<String> {
        self.logins.refusal(&self.password, password, action, repository)
    }

    fn registry_id(&self) -> String {
        self.account_id.clone()
    }
}

impl Effects {
    /// Lets the registry know which repositories there are, and which builds may come in.
    pub(crate) fn publish(&self, world: &World) {
        self.repositories.publish(&world.cloud);
    }

    /// Begins one effect.
    pub(crate) fn perform(&self, world: &World, registry: &Registry, effect: Effect) {
        tracing::debug!(?effect);
        match effect {
            Effect::FindPort { load_balancer_arn } => self.find_port(world, load_balancer_arn),
            Effect::Listen { listener_arn, port } => self.listen(listener_arn, port),
            Effect::CloseListener { listener_arn } => self.balancer.close(&ListenerId::from(listener_arn)),
            Effect::ApplyPlan => self.balancer.apply(elb::plan(&world.cloud.elb, world.cloud.speed)),
            Effect::StartTask { task } => self.start_task(world, registry, task),
            Effect::StopTask { task } => self.stop_task(world, task),
            Effect::Measure { minute, tasks } => self.measure(world, minute, tasks),
            Effect::KeepMetrics { line } => self.metrics.append(&line),
            Effect::DeleteLogGroup { name } => {
                if let Err(error) = world.cloud.journal.remove_group(&name) {
                    tracing::error!(%error, name, "cannot remove a log group");
                }
            }
            Effect::DeleteRepository { name } => {
                if let Err(error) = registry.delete_repository(&name) {
                    tracing::error!(%error, name, "cannot remove the images of a repository");
                }
            }
            Effect::Code(effect) => self.perform_code(world, effect),
        }
    }

    fn perform_code(&self, world: &World, effect: CodeEffect) {
        match effect {
            CodeEffect::MakeRepository { name } => self.make_repository(name),
            CodeEffect::DeleteRepository { name } => {
                if let Err(error) = self.git.remove(&name) {
                    tracing::error!(%error, name, "cannot remove a git repository");
                }
            }
            CodeEffect::ReadBranches { name } => {
                let (git, events) = (self.git.clone(), self.events.clone());
                tokio::spawn(async move { tell_branches(&git, &events, name).await });
            }
            CodeEffect::StartBuild { build } => {
                if let Some(job) = Job::new(&world.cloud, &build) {
                    self.builds.start(job);
                }
            }
            CodeEffect::StopBuild { build } => self.builds.stop(&build),
            // Nobody is subscribed on one machine; whoever follows the log sees it.
            CodeEffect::Publish { topic, message } => tracing::warn!(topic, "{message}"),
            CodeEffect::RemoveArtifact { key } => self.builds.remove_artifact(&key),
        }
    }

    fn make_repository(&self, name: String) {
        let effects = self.clone();
        tokio::spawn(async move {
            let making = (effects.git.clone(), name.clone());
            let made = tokio::task::spawn_blocking(move || making.0.make(&making.1)).await;
            let outcome = made.unwrap_or_else(|error| Err(error.to_string()));
            let happening = CodeHappening::RepositoryMade { name, outcome };
            effects.tell(Happening::Code(happening)).await;
        });
    }

    fn find_port(&self, world: &World, load_balancer_arn: String) {
        let taken = world
            .cloud
            .elb
            .load_balancers
            .values()
            .filter_map(|known| known.port)
            .collect::<Vec<_>>();
        let effects = self.clone();
        tokio::spawn(async move {
            let mut free = Err(format!(
                "no port from {FIRST_LOAD_BALANCER_PORT} on is free for the load balancer"
            ));
            for port in (FIRST_LOAD_BALANCER_PORT..)
                .take(LOAD_BALANCER_PORTS.into())
                .filter(|port| !taken.contains(port))
            {
                if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
                    free = Ok(port);
                    break;
                }
            }
            effects
                .tell(Happening::PortFound {
                    load_balancer_arn,
                    outcome: free,
                })
                .await;
        });
    }

    fn listen(&self, listener_arn: String, port: Option<u16>) {
        let effects = self.clone();
        tokio::spawn(async move {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
            let listening = effects.balancer.listen(ListenerId::from(&listener_arn), address);
            let outcome = listening.map_err(|error| {
                format!("cannot listen on {address}: {error}; end what listens there, it is tried again by itself")
            });
            let failed = outcome.is_err();
            let listening = Happening::Listening {
                listener_arn: listener_arn.clone(),
                outcome,
            };
            effects.tell(listening).await;
            if failed {
                tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
                effects.tell(Happening::ListenAgain { listener_arn }).await;
            }
        });
    }

    fn start_task(&self, world: &World, registry: &Registry, task: String) {
        let Some(start) = self.starts.begin(&task) else { return };
        self.follow_logs(world, &task);
        let spec = ecs::task_spec(&world.cloud, registry, self.login.clone(), &task);
        let effects = self.clone();
        tokio::spawn(async move {
            let outcome = match spec {
                Ok(spec) => effects.runtime.start(spec).await.map_err(|error| error.reason),
                Err(reason) => Err(reason),
            };
            effects
                .tell(match outcome {
                    Ok(started) => Happening::TaskStarted { task, started },
                    Err(reason) => Happening::TaskStartFailed { task, reason },
                })
                .await;
            drop(start);
        });
    }

    /// Takes in what a task says from now on, or from where an earlier process left off.
    pub(crate) fn follow_logs(&self, world: &World, task: &str) {
        for destination in world.cloud.log_destinations(task) {
            let source = Source {
                path: self.runtime.log_path(task, &destination.container),
                group: destination.group,
                stream: destination.stream,
            };
            self.logs.follow(task, &destination.container, source);
        }
    }

    fn stop_task(&self, world: &World, task: String) {
        let grace = world.cloud.stop_timeout(&task);
        let effects = self.clone();
        tokio::spawn(async move {
            effects.starts.over(&task).await;
            effects.runtime.stop(&task, grace).await;
            // Its exit was told first, if it ever ran; this is for one that never did.
            let _ = effects.gone.send(task);
        });
    }

    /// The balancer's counts are read at once; what tasks have used takes its time. It is told first if it is quick, so that
    /// the alarms are judged by both.
    fn measure(&self, world: &World, minute: monitor::Minute, tasks: Vec<String>) {
        let counts = self.balancer.request_counts();
        let patience = world.cloud.speed.scale(USAGE_PATIENCE);
        let effects = self.clone();
        tokio::spawn(async move {
            let counted = Happening::Counted(Counted { minute, counts });
            let mut usages = std::pin::pin!(effects.usages(minute, tasks));
            if let Ok(used) = tokio::time::timeout(patience, usages.as_mut()).await {
                effects.tell(Happening::Used(used)).await;
                effects.tell(counted).await;
            } else {
                effects.tell(counted).await;
                effects.tell(Happening::Used(usages.await)).await;
            }
        });
    }

    async fn usages(&self, minute: monitor::Minute, tasks: Vec<String>) -> Used {
        let mut looks = JoinSet::new();
        for task in tasks {
            let runtime = self.runtime.clone();
            looks.spawn(async move { Some((task.clone(), runtime.usage(&task).await?)) });
        }
        let usages = looks.join_all().await.into_iter().flatten().collect();
        Used {
            minute,
            at: SystemTime::now(),
            usages,
        }
    }

    pub(crate) async fn tell(&self, happening: Happening) {
        // The loop is gone only when the whole is stopping.
        let _ = self.events.send(Event::Happening(happening)).await;
    }

    /// Stops every task at once, those that are just starting too, as the whole is stopping.
    pub(crate) async fn stop_all(&self, tasks: Vec<(String, Duration)>) {
        let starting = self.starts.close();
        tracing::debug!(tasks = tasks.len(), starting = starting.len(), "ending every task");
        let stops = tasks.into_iter().map(|(task, grace)| {
            let (runtime, starts) = (self.runtime.clone(), Arc::clone(&self.starts));
            tokio::spawn(async move {
                starts.over(&task).await;
                runtime.stop(&task, grace).await;
            })
        });
        for stop in stops.collect::<Vec<_>>() {
            if let Err(error) = stop.await {
                tracing::error!(%error, "a task could not be stopped");
            }
        }
    }
}

/// Passes on the ends of tasks: how one ended always before that it is gone, and what it said last before either.
pub(crate) async fn forward_exits(
    events: mpsc::Sender<Event>,
    mut exits: mpsc::UnboundedReceiver<Exit>,
    mut gone: mpsc::UnboundedReceiver<String>,
    logs: Collector,
) {
    loop {
        let happening = tokio::select! {
            biased;
            Some(exit) = exits.recv() => Happening::TaskExited(exit),
            Some(task) = gone.recv() => Happening::TaskGone { task },
            else => return,
        };
        if let Happening::TaskExited(Exit { task, .. }) | Happening::TaskGone { task } = &happening {
            logs.ended(task);
        }
        if events.send(Event::Happening(happening)).await.is_err() {
            return;
        }
    }
}

/// Passes on changes of targets' health.
pub(crate) async fn forward_health(events: mpsc::Sender<Event>, mut health: mpsc::UnboundedReceiver<balancer::Event>) {
    while let Some(balancer::Event::TargetHealth(health)) = health.recv().await {
        if events
            .send(Event::Happening(Happening::TargetHealth(health)))
            .await
            .is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_the_start_that_came_before_it() {
        let starts = Arc::<Starts>::default();
        let start = starts.begin("task").unwrap();
        assert!(starts.begin("task").is_none(), "twice");
        let mut over = std::pin::pin!(starts.over("task"));
        let ready = std::future::poll_fn(|context| std::task::Poll::Ready(over.as_mut().poll(context).is_ready()));
        assert!(!ready.await, "it did not wait");
        drop(start);
        over.await;
        starts.over("task").await;
        assert!(starts.lock().is_empty(), "nothing stays");
    }

    #[tokio::test]
    async fn nothing_starts_once_the_whole_is_stopping() {
        let starts = Arc::<Starts>::default();
        let start = starts.begin("first");
        assert_eq!(starts.close(), ["first"]);
        assert!(starts.begin("second").is_none());
        drop(start);
    }
}
