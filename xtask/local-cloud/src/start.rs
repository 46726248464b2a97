//! Start, restart and end of a local cloud.

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, bail};
use balancer::Balancer;
use journal::Journal;
use registry::Registry;
use runtime::{RegistryLogin, Runtime, RuntimeKind};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::cloud::Effect;
use crate::codebuild::{Builds, sweep};
use crate::codecommit::{self, Git};
use crate::ecr::{self, Images};
use crate::effects::{Effects, KnownRepositories, forward_exits, forward_health};
use crate::engine::Engine;
use crate::home::{Home, Running};
use crate::iam::task_credentials;
use crate::ids::Place;
use crate::inbox::Event;
use crate::logs::collect::Collector;
use crate::metrics_file::MetricsFile;
use crate::options::{CacheSeed, DEFAULT_METRIC_LAG_MINUTES, DEFAULT_SPEED, Options, RuntimeChoice};
use crate::server;
use crate::world::{Happening, VERSION, World};

/// The port that tools for local AWS endpoints expect.
pub const DEFAULT_PORT: u16 = 4566;

/// How many ports are tried when none was asked for.
const PORTS_TRIED: u16 = 34;

/// The account that the local cloud plays: one that AWS gives to nobody.
const ACCOUNT_ID: &str = "000000000000";

/// The keys that clients sign with. They prove nothing and open nothing but loopback.
const ACCESS_KEY: &str = "local";

/// Where the metrics of the last hours are, in the home.
const METRICS_FILE: &str = "metrics.ndjson";

/// Events that may wait for the loop; more wait with their senders.
const EVENTS_WAITING: usize = 4096;

/// Runs a local cloud until it is told to end (SIGTERM or SIGINT), then ends every task it started.
///
/// # Errors
/// When the home is in use ([`AlreadyRuns`](crate::AlreadyRuns)), the port is busy, the state can't be read or is from a
/// newer version, or the runtime that was asked for doesn't answer.
pub async fn serve(options: Options) -> anyhow::Result<()> {
    raise_file_limit();
    let home = Home::new(&options.home);
    let _lock = home.lock()?;
    let (state, saved) = read_state(&home)?;
    let listener = bind(options.port, state.as_ref().map(|world| world.port)).await?;
    let address = listener.local_addr().context("cannot tell the port")?;
    let mut world = match state {
        Some(world) => in_region(world, options.region.as_deref())?,
        None => new_world(&options, address)?,
    };
    let speed = world.set_speed(options.speed)?;
    let metric_lag_minutes = world.set_metric_lag(options.metric_lag_minutes)?;
    let bake = world.set_bake(options.bake);
    let runtime = choose_runtime(options.runtime, &home, &world).await?;
    tracing::info!(%address, runtime = %runtime.kind(), speed, metric_lag_minutes, bake = bake.name(), "starting");

    let for_tasks = bind_for_tasks(&runtime, address.port()).await;
    world.cloud.tasks_reach = for_tasks.as_ref().and_then(|listener| listener.local_addr().ok());
    let (stop, stopped) = watch::channel(false);
    let (events, receiver) = mpsc::channel(EVENTS_WAITING);
    let mut engine = assemble(&home, world, saved, runtime, options.cache_seed, events.clone())?;
    let running = describe(&engine, address);
    take_back(&mut engine, &home).await;

    let repositories = codecommit::router(engine.effects.git.clone(), events.clone());
    if let Some(listener) = for_tasks {
        let router = server::router_for_tasks(events.clone());
        tokio::spawn(server::serve(listener, router, stopped.clone()));
    }
    let router = server::router(events, engine.registry.router().merge(repositories), address);
    let serving = tokio::spawn(server::serve(listener, router, stopped.clone()));
    let collecting = tokio::spawn(engine.effects.logs.clone().run(stopped.clone()));
    home.announce(&running)?;
    tokio::spawn(stop_on_signal(stop));
    engine.run(receiver, stopped).await;

    // Whatever fails from here on, no task may be left behind.
    let withdrawn = home.withdraw();
    let served = serving.await.context("the server failed");
    let collected = collecting.await.context("the logs could not be taken in");
    engine.effects.balancer.shutdown().await;
    engine.effects.builds.stop_all().await;
    engine.effects.stop_all(engine.world.cloud.running_tasks()).await;
    if let Err(error) = engine.effects.runtime.sweep(&[]).await {
        tracing::warn!(%error, "images and containers of tasks may be left");
    }
    tracing::info!("stopped");
    withdrawn.and(served).and(collected)
}

/// Every connection of a client and of a target is an open file, and the usual limit of 1,024 is soon reached under load.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// What every state tells first.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The state that was written last, if any, and its text.
fn read_state(home: &Home) -> anyhow::Result<(Option<World>, Vec<u8>)> {
    let path = home.state_file();
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, Vec::new())),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let version = serde_json::from_slice::<Version>(&text).ok().map(|state| state.version);
    match version {
        Some(version) if version > u64::from(VERSION) => bail!(
            "{} was written by a newer version (its form is {version}, this one reads up to {VERSION}); use that version, or remove the file to start anew",
            path.display()
        ),
        Some(_) => {}
        None => bail!(
            "{} is not what a local cloud writes; remove it to start anew",
            path.display()
        ),
    }
    let world = serde_json::from_slice(&text).with_context(|| {
        format!(
            "{} can't be read by this version; remove it to start anew",
            path.display()
        )
    })?;
    Ok((Some(world), text))
}

/// The state, whose every name has its region in it, if that is the one asked for.
fn in_region(world: World, asked: Option<&str>) -> anyhow::Result<World> {
    let region = &world.cloud.place.region;
    if let Some(asked) = asked.filter(|asked| asked != region) {
        bail!(
            "what is here was made in {region}, not in {asked}; start without --region, or remove it first with `cargo xtask destroy --all --local`"
        );
    }
    Ok(world)
}

fn new_world(options: &Options, address: SocketAddr) -> anyhow::Result<World> {
    let place = Place {
        account_id: ACCOUNT_ID.to_owned(),
        region: options.region.as_ref().unwrap_or(&options.default_region).clone(),
    };
    Ok(World::new(place, u64::from_le_bytes(random()?), address))
}

/// The port asked for, or that of the state, or the first free one of the usual ones.
async fn bind(asked: Option<u16>, of_state: Option<u16>) -> anyhow::Result<TcpListener> {
    if let (Some(asked), Some(of_state)) = (asked, of_state)
        && asked != of_state
    {
        bail!(
            "the stacks here were made on port {of_state} and name it; start without --port, or destroy them and run `cargo xtask local stop` first"
        );
    }
    if let Some(port) = asked.or(of_state) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        return listener.with_context(|| {
            format!("cannot listen on 127.0.0.1:{port}; end what listens there, or choose another port with --port")
        });
    }
    for port in (DEFAULT_PORT..).take(PORTS_TRIED.into()) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tracing::warn!(port, "the port is in use, trying the next");
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on 127.0.0.1:{port}")),
        }
    }
    bail!("no port from {DEFAULT_PORT} on is free; choose one with --port")
}

/// Where tasks reach the local cloud if they don't share this machine's loopback. Without it their roles are of no use,
/// and all else works.
async fn bind_for_tasks(runtime: &Runtime, port: u16) -> Option<TcpListener> {
    let gateway = runtime.gateway().await?;
    match TcpListener::bind((gateway, port)).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%error, "tasks can't use their roles: cannot listen on {gateway}:{port}");
            None
        }
    }
}

/// The runtime asked for, or else the one that ran the tasks before, or else Docker where it answers.
/// What another one ran before is ended, as it can't be taken back.
async fn choose_runtime(choice: RuntimeChoice, home: &Home, world: &World) -> anyhow::Result<Runtime> {
    let (before, registry) = (world.runtime, world.cloud.registry_host.as_str());
    let chosen = match (choice, before) {
        (RuntimeChoice::Docker, _) => docker(home, registry).await?,
        (RuntimeChoice::Process, _) | (RuntimeChoice::Auto, Some(RuntimeKind::Process)) => process(home)?,
        (RuntimeChoice::Auto, _) => match docker(home, registry).await {
            Ok(runtime) => runtime,
            Err(reason) => {
                tracing::info!("tasks run as processes: {reason:#}");
                process(home)?
            }
        },
    };
    if let Some(before) = before.filter(|before| *before != chosen.kind()) {
        let former = match before {
            RuntimeKind::Docker => docker(home, registry).await,
            RuntimeKind::Process => process(home),
        };
        match former {
            Ok(former) => drop(
                former
                    .sweep(&[])
                    .await
                    .context("cannot end the tasks of the former runtime")?,
            ),
            Err(reason) => tracing::warn!("tasks of the former runtime may still run: {reason:#}"),
        }
    }
    Ok(chosen)
}

async fn docker(home: &Home, registry: &str) -> anyhow::Result<Runtime> {
    Runtime::docker(home.folder(), registry)
        .await
        .context("Docker can't run the tasks")
}

fn process(home: &Home) -> anyhow::Result<Runtime> {
    Runtime::process(home.folder()).context("processes can't run the tasks")
}

fn assemble(
    home: &Home,
    mut world: World,
    saved: Vec<u8>,
    runtime: Runtime,
    cache_seed: Option<CacheSeed>,
    events: mpsc::Sender<Event>,
) -> anyhow::Result<Engine> {
    let password = format!("{:032x}", u128::from_le_bytes(random()?));
    let repositories = Arc::new(KnownRepositories::new(
        password.clone(),
        world.cloud.place.account_id.clone(),
    ));
    let registry =
        Registry::open(&home.folder().join("registry"), repositories.clone()).context("cannot open the registry")?;
    world.cloud.credentials_key = task_credentials::Key::kept_in(home.folder(), random()?)?;
    world.cloud.images = Arc::new(RegistryImages(registry.clone()));
    world.runtime = Some(runtime.kind());
    let journal = Journal::open(&home.folder().join("journal")).context("cannot open the journal of the logs")?;
    let logs = Collector::new(journal.clone());
    world.cloud.journal = journal;
    let metrics = MetricsFile::open(&home.folder().join(METRICS_FILE));
    world.cloud.take_back_metrics(SystemTime::now(), metrics.kept());
    let (health_sender, health) = mpsc::unbounded_channel();
    let (gone_sender, gone) = mpsc::unbounded_channel();
    tokio::spawn(forward_health(events.clone(), health));
    tokio::spawn(forward_exits(events.clone(), runtime.exits(), gone, logs.clone()));
    let git = Git::new(home.folder());
    world.cloud.code.commits = Arc::new(git.clone());
    let effects = Effects {
        builds: Builds::new(
            home.folder(),
            git.clone(),
            cache_seed,
            world.cloud.journal.clone(),
            events.clone(),
        ),
        git,
        events,
        balancer: Balancer::new(health_sender),
        runtime,
        login: RegistryLogin {
            username: ecr::USERNAME.to_owned(),
            password: password.clone(),
        },
        repositories,
        gone: gone_sender,
        starts: Arc::default(),
        metrics,
        logs,
    };
    let (state_file, registry_password) = (home.state_file(), password);
    Ok(Engine {
        world,
        state_file,
        registry,
        registry_password,
        effects,
        saved,
        spare: Vec::new(),
        pending: Vec::new(),
    })
}

/// After a restart: takes back what still runs, ends what nobody knows, and goes on with what was under way.
async fn take_back(engine: &mut Engine, home: &Home) {
    match sweep(home.folder()) {
        0 => {}
        ended => tracing::info!(ended, "ended processes of builds whose local cloud was killed"),
    }
    let now = SystemTime::now();
    let mut kept = Vec::new();
    for (task, identity) in engine.world.cloud.known_tasks() {
        engine.effects.follow_logs(&engine.world, &task);
        match engine.effects.runtime.adopt(&identity).await {
            Ok(Some(_)) => kept.push(identity),
            Ok(None) => {
                engine.effects.logs.ended(&task);
                engine.world.happen(now, Happening::TaskLost { task });
            }
            Err(error) => {
                tracing::warn!(%error, task, "a task can't be taken back");
                engine.world.happen(now, Happening::TaskLost { task });
            }
        }
    }
    match engine.effects.runtime.sweep(&kept).await {
        Ok(ended) if ended.is_empty() => {}
        Ok(ended) => tracing::info!(?ended, "ended tasks that no service has"),
        Err(error) => tracing::warn!(%error, "cannot look for tasks that no service has"),
    }
    engine.world.cloud.resume(now);
    engine.world.cloud.resume_code(now);
    engine.world.cloud.effects.push(Effect::ApplyPlan);
    engine.round(Vec::new()).await;
}

fn describe(engine: &Engine, address: SocketAddr) -> Running {
    Running {
        endpoint: format!("http://{address}"),
        process_id: std::process::id(),
        region: engine.world.cloud.place.region.clone(),
        account_id: engine.world.cloud.place.account_id.clone(),
        runtime: engine.effects.runtime.kind().to_string(),
        speed: engine.world.speed.unwrap_or(DEFAULT_SPEED),
        metric_lag_minutes: engine.world.metric_lag_minutes.unwrap_or(DEFAULT_METRIC_LAG_MINUTES),
        bake: engine.world.cloud.bake,
        access_key_id: ACCESS_KEY.to_owned(),
        secret_access_key: ACCESS_KEY.to_owned(),
    }
}

async fn stop_on_signal(stop: watch::Sender<bool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot listen for signals");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Nobody waits any more when this fails.
    let _ = stop.send(true);
}

fn random<const BYTES: usize>() -> anyhow::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes)
}

struct RegistryImages(Registry);

impl std::fmt::Debug for RegistryImages {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RegistryImages")
    }
}

impl Images for RegistryImages {
    fn any(&self, repository: &str) -> bool {
        // A folder that can't be read isn't empty for sure.
        self.0.images(repository).map_or(true, |images| !images.is_empty())
    }
}
