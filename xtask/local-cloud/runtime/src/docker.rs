//! Tasks as containers of the Docker engine, API 1.41 or later.

mod connect;
mod definition;
mod gateway;
mod images;
mod memory;
mod pull;
mod watch;

pub(crate) use connect::detect;

use crate::exits::{Exit, Exits};
use crate::home::Home;
use crate::spec::{ContainerSpec, TaskSpec};
use crate::task::{Handle, Identity, StartError, Started, Usage};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StatsOptionsBuilder,
};
use definition::{LABEL_HOME, LABEL_TASK};
use futures_util::StreamExt as _;
use images::Images;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch as channel;

/// How long a killed container may take to be gone, before it is killed again.
const KILL_WAIT: Duration = Duration::from_secs(10);
const KILL_ROUNDS: usize = 3;

#[derive(Clone)]
pub(crate) struct Containers {
    shared: Arc<Shared>,
}

struct Shared {
    docker: Docker,
    /// The engine's machine has so many processors, and takes no limit above.
    processors: u32,
    /// Whether its containers run on this machine's kernel, so that what that counts is theirs as well.
    shares_kernel: bool,
    home: Home,
    images: Images,
    exits: Exits,
    tasks: Mutex<HashMap<String, Task>>,
}

#[derive(Clone)]
struct Task {
    identity: Identity,
    container_id: String,
    stop_signal: String,
    memory: Arc<memory::Watch>,
    /// Closed when the task is gone.
    gone: channel::Receiver<()>,
}

impl Containers {
    pub(crate) async fn open(folder: &Path, registry: &str) -> io::Result<Self> {
        let engine = connect::connect().await.map_err(io::Error::other)?;
        let shared = Shared {
            docker: engine.docker,
            processors: engine.processors,
            shares_kernel: engine.shares_kernel,
            home: Home::open(folder)?,
            images: Images::new(registry),
            exits: Exits::default(),
            tasks: Mutex::default(),
        };
        Ok(Containers {
            shared: Arc::new(shared),
        })
    }

    pub(crate) async fn gateway(&self) -> Option<Ipv4Addr> {
        // An engine in a virtual machine has its networks there.
        if !self.shared.shares_kernel {
            return None;
        }
        gateway::address(&self.shared.docker).await
    }

    pub(crate) async fn start(&self, spec: TaskSpec) -> Result<Started, StartError> {
        let container = spec.checked().map_err(StartError::create)?;
        if self.shared.tasks().contains_key(&spec.id) {
            return Err(StartError::create(format!("a task {} is running already", spec.id)));
        }
        let docker = &self.shared.docker;
        let images = &self.shared.images;
        let pulled = images.pulled(docker, &container.image.reference, spec.registry_login.as_ref());
        let pulled = pulled.await?;
        let home_id = self.shared.home.id();
        let body = definition::container(&spec, container, home_id, self.shared.processors);
        let stop_signal = body.stop_signal.clone().unwrap_or_else(|| "SIGTERM".to_owned());
        let options = CreateContainerOptionsBuilder::default()
            .name(&definition::name(home_id, &spec.id))
            .build();
        let created = docker.create_container(Some(options), body).await;
        let container_id = created.map_err(|error| StartError::create(explain(&error)))?.id;
        let is_new = pulled.is_new;
        drop(pulled);
        if is_new {
            // Each deployment brings an image, and leaves one that nobody uses any more. No harm if it stays until the next.
            let _ = images.drop_unused(docker).await;
        }
        match self.run(&spec.id, container, &container_id, stop_signal).await {
            Ok(started) => Ok(started),
            Err(error) => {
                // It failed already; that is what there is to say.
                let _ = self.shared.remove(&container_id).await;
                Err(error)
            }
        }
    }

    async fn run(
        &self,
        task: &str,
        container: &ContainerSpec,
        container_id: &str,
        stop_signal: String,
    ) -> Result<Started, StartError> {
        let docker = &self.shared.docker;
        let memory = memory::Watch::begin(self.shared.shares_kernel);
        let started = docker
            .start_container(container_id, None::<StartContainerOptions>)
            .await;
        started.map_err(|error| StartError::start(explain(&error)))?;
        let address = match container.port {
            Some(port) => self.published(container_id, port).await?,
            None => None,
        };
        let identity = Identity {
            task: task.to_owned(),
            container: container.name.clone(),
            address,
            handle: Handle::Docker {
                container_id: container_id.to_owned(),
            },
        };
        self.watch(identity.clone(), container_id, stop_signal, memory);
        Ok(Started { address, identity })
    }

    /// Where the engine published the port; nowhere any more, once the container has ended.
    async fn published(&self, container_id: &str, port: u16) -> Result<Option<SocketAddr>, StartError> {
        let inspected = self.shared.inspect(container_id).await;
        let inspected = inspected.map_err(|error| StartError::start(explain(&error)))?;
        match published_port(&inspected, port) {
            Some(published) => Ok(Some((Ipv4Addr::LOCALHOST, published).into())),
            None if is_running(&inspected) => Err(StartError::resource(format!(
                "the Docker engine didn't publish port {port}"
            ))),
            // The program ended at once, which is told as its exit.
            None => Ok(None),
        }
    }

    pub(crate) async fn stop(&self, task: &str, grace: Duration) {
        let Some(task) = self.shared.tasks().get(task).cloned() else {
            return;
        };
        task.memory.ask_to_stop();
        self.shared.kill(&task, &task.stop_signal).await;
        if task.gone_within(grace).await {
            return;
        }
        for _ in 0..KILL_ROUNDS {
            self.shared.kill(&task, "SIGKILL").await;
            if task.gone_within(KILL_WAIT).await {
                return;
            }
        }
    }

    pub(crate) fn exits(&self) -> tokio::sync::mpsc::UnboundedReceiver<Exit> {
        self.shared.exits.listen()
    }

    pub(crate) async fn adopt(&self, identity: &Identity) -> io::Result<Option<Started>> {
        let Handle::Docker { container_id } = &identity.handle else {
            return Ok(None);
        };
        let started = Started {
            address: identity.address,
            identity: identity.clone(),
        };
        if let Some(task) = self.shared.tasks().get(&identity.task) {
            return Ok((task.identity == *identity).then_some(started));
        }
        let memory = memory::Watch::begin(self.shared.shares_kernel);
        let inspected = match self.shared.inspect(container_id).await {
            Ok(inspected) => inspected,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => return Err(io::Error::other(explain(&error))),
        };
        if !is_running(&inspected) || !self.is_ours(&inspected, &identity.task) {
            return Ok(None);
        }
        let stop_signal = inspected.config.and_then(|config| config.stop_signal);
        self.watch(
            identity.clone(),
            container_id,
            stop_signal.unwrap_or_else(|| "SIGTERM".to_owned()),
            memory,
        );
        Ok(Some(started))
    }

    fn is_ours(&self, inspected: &ContainerInspectResponse, task: &str) -> bool {
        let labels = inspected.config.as_ref().and_then(|config| config.labels.as_ref());
        labels.is_some_and(|labels| {
            let label = |name: &str| labels.get(name).map(String::as_str);
            label(LABEL_HOME) == Some(self.shared.home.id()) && label(LABEL_TASK) == Some(task)
        })
    }

    pub(crate) async fn sweep(&self, keep: &[Identity]) -> io::Result<Vec<String>> {
        let kept: Vec<&str> = keep.iter().filter_map(container_id).collect();
        let filters = HashMap::from([("label", vec![format!("{LABEL_HOME}={}", self.shared.home.id())])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self.shared.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(|error| io::Error::other(explain(&error)))?;
        let mut swept = Vec::new();
        for container in listed {
            let id = container.id.clone().unwrap_or_default();
            if !kept.contains(&id.as_str()) {
                swept.push(self.sweep_one(&id, container).await?);
            }
        }
        self.shared.images.drop_unused(&self.shared.docker).await?;
        swept.sort();
        Ok(swept)
    }

    async fn sweep_one(&self, id: &str, container: ContainerSummary) -> io::Result<String> {
        let task = container
            .labels
            .and_then(|mut labels| labels.remove(LABEL_TASK))
            .unwrap_or_else(|| id.to_owned());
        let watched = self
            .shared
            .tasks()
            .get(&task)
            .filter(|watched| watched.container_id == id)
            .cloned();
        self.shared
            .remove(id)
            .await
            .map_err(|error| io::Error::other(explain(&error)))?;
        if let Some(watched) = watched {
            watched.gone_within(KILL_WAIT).await;
        }
        Ok(task)
    }

    pub(crate) fn log_path(&self, task: &str, container: &str) -> PathBuf {
        self.shared.home.log_path(task, container)
    }

    pub(crate) async fn usage(&self, task: &str) -> Option<Usage> {
        let task = self.shared.tasks().get(task).cloned()?;
        // Asked for once a metric minute: often enough for that too.
        task.memory.look();
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let mut stats = Box::pin(self.shared.docker.stats(&task.container_id, Some(options)));
        let stats = stats.next().await?.ok()?;
        let memory = stats.memory_stats?;
        // What the page cache holds can be had back, and Docker's own tools don't count it either.
        let detail = memory.stats.unwrap_or_default();
        let cache = detail
            .get("total_inactive_file")
            .or_else(|| detail.get("inactive_file"))
            .copied();
        Some(Usage {
            cpu: Duration::from_nanos(stats.cpu_stats?.cpu_usage?.total_usage?),
            memory_bytes: memory.usage?.saturating_sub(cache.unwrap_or_default()),
        })
    }

    fn watch(&self, identity: Identity, container_id: &str, stop_signal: String, memory: memory::Watch) {
        let (alive, gone) = channel::channel(());
        let task = Task {
            identity,
            container_id: container_id.to_owned(),
            stop_signal,
            memory: Arc::new(memory),
            gone,
        };
        self.shared.tasks().insert(task.identity.task.clone(), task.clone());
        tokio::spawn(watch::to_the_end(self.shared.clone(), task, alive));
    }
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn inspect(&self, container_id: &str) -> Result<ContainerInspectResponse, Error> {
        self.docker
            .inspect_container(container_id, None::<InspectContainerOptions>)
            .await
    }

    async fn kill(&self, task: &Task, signal: &str) {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        // A container that has ended refuses the signal, and needs none.
        let _ = self.docker.kill_container(&task.container_id, Some(options)).await;
    }

    async fn remove(&self, container_id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker.remove_container(container_id, Some(options)).await {
            // Being removed already.
            Err(Error::DockerResponseServerError {
                status_code: 404 | 409, ..
            })
            | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Task {
    async fn gone_within(&self, limit: Duration) -> bool {
        let mut gone = self.gone.clone();
        // The sender never sends; it only goes.
        tokio::time::timeout(limit, gone.changed()).await.is_ok()
    }
}

fn published_port(inspected: &ContainerInspectResponse, port: u16) -> Option<u16> {
    let ports = inspected.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{port}/tcp"))?.as_ref()?;
    bindings
        .iter()
        .find_map(|binding| binding.host_port.as_ref()?.parse().ok())
}

fn is_running(inspected: &ContainerInspectResponse) -> bool {
    inspected.state.as_ref().and_then(|state| state.running) == Some(true)
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

fn container_id(identity: &Identity) -> Option<&str> {
    match &identity.handle {
        Handle::Docker { container_id } => Some(container_id),
        Handle::Process(_) => None,
    }
}

/// The engine's own words where it has any.
fn explain(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        other => format!("the Docker engine doesn't answer: {other}"),
    }
}
