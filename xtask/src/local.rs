//! The local cloud: starting it, ending it, and what it tells of itself.

mod fault;
mod inherited;
mod seed;
mod settings;
mod status;

pub(crate) use self::inherited::begin_without;
pub(crate) use self::settings::Asked;

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use local_cloud::fidelity::{Entry, ledger};
use local_cloud::{Home, Options, Running, RuntimeChoice};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use self::settings::{describe, difference, kept, record, runs_otherwise, serve_arguments};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Coded as _, Failure};
use crate::flags::{Local, LocalCommand, LocalSettings};
use crate::table;

/// The longest that a local cloud may take until it accepts requests: it reads its state and takes its tasks back.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The longest that a local cloud may take to answer a question of what it is.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// The longest that a local cloud may take to end itself: its tasks have 30 s each, all at once.
const STOP_LIMIT: Duration = Duration::from_mins(1);

impl Local {
    /// Runs a command on the local cloud.
    ///
    /// # Errors
    /// When it can't be started, asked or ended.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        match self.command {
            LocalCommand::Start { port, region, settings } => {
                let asked = Asked {
                    settings: &settings,
                    port,
                    region: region.as_deref(),
                };
                let running = ensure(context, &asked).await?;
                context.output.prose(&describe(&running));
                Ok(record(&running))
            }
            LocalCommand::Stop => stop(context).await,
            LocalCommand::Status { .. } => status::status(context).await,
            LocalCommand::Env => environment(context),
            LocalCommand::Fidelity { markdown } => Ok(fidelity(context, markdown)),
            LocalCommand::Fault { command } => fault::run(context, command).await,
            LocalCommand::Drift {
                stack,
                resource,
                property,
                value,
            } => {
                let outside = json!({"stack": stack, "resource": resource, "property": property, "value": value});
                fault::change_from_outside(context, &outside).await
            }
            LocalCommand::Serve {
                port, region, settings, ..
            } => serve(context, port, region, &settings).await,
        }
    }
}

/// The local cloud of this checkout, started in the background if it isn't running.
///
/// # Errors
/// When it doesn't come up within its limit; the error ends with what it said last. When one runs already with other
/// settings than were asked for: exit status 3.
pub(crate) async fn ensure(context: &Context, asked: &Asked<'_>) -> anyhow::Result<Running> {
    if let Some(running) = answering(context, &context.home()).await.coded(Code::LocalCloud)? {
        if let Some(difference) = difference(&running, asked) {
            let elsewhere = asked.region.is_some_and(|region| region != running.region);
            return Err(runs_otherwise(&difference, elsewhere).into());
        }
        return Ok(running);
    }
    let mut child = spawn(context, asked).coded(Code::LocalCloud)?;
    let running = wait_until_ready(context, &context.home(), &mut child)
        .await
        .coded(Code::LocalCloud)?;
    context
        .progress
        .line(&format!("started the local cloud: {}", describe(&running)));
    if let Some(kept) = kept(&running, asked.settings) {
        context.progress.line(&kept);
    }
    Ok(running)
}

/// The local cloud that runs, once it takes connections. One that was just killed holds its folder for a moment longer than
/// its port.
async fn answering(context: &Context, home: &Home) -> anyhow::Result<Option<Running>> {
    let deadline = Instant::now() + START_LIMIT;
    while let Some(running) = home.running()? {
        let address = running.endpoint.trim_start_matches("http://");
        if TcpStream::connect(address).await.is_ok() {
            return Ok(Some(running));
        }
        if Instant::now() > deadline {
            bail!(
                "the local cloud (process {}) holds {}, but nothing answers at {}{}",
                running.process_id,
                home.folder().display(),
                running.endpoint,
                last_said(context)
            );
        }
        let leaving = "nothing was started";
        context.interrupt.sleep(leaving, Duration::from_millis(20)).await?;
    }
    Ok(None)
}

fn spawn(context: &Context, asked: &Asked<'_>) -> anyhow::Result<Child> {
    let log_path = context.home().log_file();
    let folder = log_path.parent().context("the log file has no folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = File::options().create(true).append(true).open(&log_path);
    // A line first: whatever keeps the log from being written keeps the reason from being told.
    let log = log.and_then(|mut log| log.write_all(b"starting\n").map(|()| log));
    let log = log.with_context(|| format!("cannot write {}", log_path.display()))?;
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let mut command = Command::new(program);
    command
        .args(["local", "serve"])
        .args(serve_arguments(asked))
        .current_dir(&context.root);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("cannot start the local cloud")
}

/// The local cloud that a process was started to be, or another's that was quicker, once the process has seen so and ended:
/// one that came to it later would begin anew in a folder that is left by then.
async fn wait_until_ready(context: &Context, home: &Home, child: &mut Child) -> anyhow::Result<Running> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        match (home.running()?, child.try_wait()?) {
            (Some(running), None) if running.process_id != child.id() => {}
            (Some(running), _) => return Ok(running),
            (None, Some(status)) if !home.in_use()? => {
                bail!("the local cloud ended at once ({status}){}", last_said(context));
            }
            (None, _) => {}
        }
        if Instant::now() > deadline {
            bail!(
                "the local cloud doesn't answer after {} s{}",
                START_LIMIT.as_secs(),
                last_said(context)
            );
        }
        context
            .interrupt
            .sleep("the local cloud goes on starting", Duration::from_millis(20))
            .await?;
    }
}

/// The last lines of the local cloud's log, for an error.
fn last_said(context: &Context) -> String {
    let path = context.home().log_file();
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    let lines: Vec<&str> = lines.into_iter().rev().collect();
    format!("; {} ends with:\n{}", path.display(), lines.join("\n"))
}

async fn serve(
    context: &Context,
    port: Option<u16>,
    region: Option<String>,
    settings: &LocalSettings,
) -> anyhow::Result<Value> {
    let options = Options {
        home: context.home().folder().to_owned(),
        port,
        runtime: settings.runtime.map_or(RuntimeChoice::default(), Into::into),
        speed: settings.speed,
        metric_lag_minutes: settings.metric_lag,
        bake: settings.bake,
        region,
        default_region: constants::DEFAULT_REGION.to_owned(),
        cache_seed: seed::of_this_program(&context.root),
    };
    // A session of its own, so that neither Ctrl-C in a terminal nor its closing reaches it. A shell's own job leads its
    // process group already and is refused one: then it was started to run in the foreground.
    let _ = rustix::process::setsid();
    local_cloud::serve(options).await?;
    Ok(json!({}))
}

/// Ends the local cloud of this checkout and every task that it runs; false where none ran.
///
/// # Errors
/// When it doesn't end within its limit.
pub(crate) async fn end(context: &Context) -> anyhow::Result<bool> {
    let home = context.home();
    tokio::task::spawn_blocking(move || home.stop(STOP_LIMIT)).await?
}

async fn stop(context: &Context) -> anyhow::Result<Value> {
    let stopped = end(context).await?;
    let said = if stopped {
        "the local cloud has ended, and every task with it"
    } else {
        "no local cloud was running"
    };
    context.output.prose(said);
    Ok(json!({"stopped": stopped}))
}

fn environment(context: &Context) -> anyhow::Result<Value> {
    let running = context.home().running()?.ok_or_else(not_running)?;
    for (name, value) in variables(&running) {
        context.output.line(&format!("export {name}={value}"));
    }
    Ok(json!({}))
}

/// Whether there is something to look at: a local cloud that runs, or what the last one left to the next.
///
/// # Errors
/// When its folder can't be read.
pub(crate) fn has_stacks(context: &Context) -> anyhow::Result<bool> {
    let home = context.home();
    // Of a state that can't be read, whoever starts it tells.
    Ok(home.running()?.is_some() || home.stacks().map_or(true, |stacks| !stacks.is_empty()))
}

/// No local cloud runs, and a new one would have nothing in it.
pub(crate) fn nothing_there() -> Failure {
    Failure::preflight("no local cloud is running, and nothing was deployed to the last one")
        .code(Code::NoLocalCloud)
        .next("deploy to a new one: `cargo xtask deploy sandbox --local`")
}

/// Nobody to ask.
fn not_running() -> Failure {
    Failure::preflight("no local cloud is running")
        .code(Code::NoLocalCloud)
        .next("start it: `cargo xtask local start`")
}

/// The variables that the AWS CLI and every SDK read.
fn variables(running: &Running) -> [(&'static str, &str); 5] {
    [
        ("AWS_ENDPOINT_URL", &running.endpoint),
        ("AWS_ACCESS_KEY_ID", &running.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &running.secret_access_key),
        ("AWS_REGION", &running.region),
        ("AWS_DEFAULT_REGION", &running.region),
    ]
}

fn fidelity(context: &Context, markdown: bool) -> Value {
    let row = |entry: Entry| {
        [
            entry.resource_type,
            entry.property,
            entry.fidelity.as_str(),
            entry.reason,
        ]
        .map(ToOwned::to_owned)
        .to_vec()
    };
    let rows: Vec<Vec<String>> = ledger().map(row).collect();
    if markdown {
        context.output.line(local_cloud::fidelity::markdown().trim_end());
        return json!({"properties": rows.len()});
    }
    context
        .output
        .line(&table::render(&["TYPE", "PROPERTY", "FIDELITY", "REASON"], &rows));
    json!({"properties": rows.len()})
}

/// What brings a load balancer back whose port another program took while the local cloud was down.
pub(crate) const FREE_ITS_PORT: &str =
    "end the program that listens on its port (`ss -ltnp` names it), and the local cloud takes it back by itself";

/// The load balancers of a local cloud that serve nobody, and why, a sentence each.
///
/// # Errors
/// When it can't be asked.
pub(crate) async fn dead_load_balancers(running: Running) -> anyhow::Result<Vec<String>> {
    let aws = Aws::new(&running.into()).await;
    let asked = tokio::time::timeout(ANSWER_LIMIT, aws.failed_load_balancers()).await;
    let failed = asked.with_context(|| format!("no answer within {} s", ANSWER_LIMIT.as_secs()))??;
    let sentence = |(name, reason): (String, String)| format!("{name} serves nobody: {reason}");
    Ok(failed.into_iter().map(sentence).collect())
}

#[cfg(test)]
mod tests {
    use super::settings::tests::running;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn anothers_is_taken_once_ones_own_process_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let lock = File::create(folder.path().join("lock")).unwrap();
        lock.lock().unwrap();
        let record = serde_json::to_string(&running()).unwrap();
        std::fs::write(folder.path().join("running.json"), record).unwrap();
        let mut own = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let still_starting = own.stdin.take();

        let (context, home) = (Context::hidden(), Home::new(folder.path()));
        let mut waiting = Box::pin(wait_until_ready(&context, &home, &mut own));
        tokio::select! {
            biased;
            found = &mut waiting => panic!("its own process may yet take the folder: {found:?}"),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        drop(still_starting);
        assert_eq!(waiting.await.unwrap(), running());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_just_killed_is_waited_for_until_its_folder_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let lock = File::create(folder.path().join("lock")).unwrap();
        lock.lock().unwrap();
        // Nothing listens any more where this listened.
        let gone = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let endpoint = format!("http://{gone}");
        let record = serde_json::to_string(&Running { endpoint, ..running() }).unwrap();
        std::fs::write(folder.path().join("running.json"), record).unwrap();

        let (context, home) = (Context::hidden(), Home::new(folder.path()));
        let freed = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(home.running().unwrap().is_some(), "its folder is held");
            lock.unlock().unwrap();
        };
        let (found, ()) = tokio::join!(answering(&context, &home), freed);
        assert!(found.unwrap().is_none());
    }
}
