//! A sandbox on a local cloud of its own, driven as people drive it: by this very command line.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use local_cloud::{Bake, Home, Running};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::observation::Outcome;
use super::scenario::{Act, Moment};
use crate::aws::Aws;
use crate::flags::Runtime;

/// The longest that a command may take; the first build of the service is the longest of all.
const COMMAND_LIMIT: Duration = Duration::from_mins(15);

/// The longest that a local cloud may take to end itself: its tasks have 30 s each, all at once.
pub(crate) const STOP_LIMIT: Duration = Duration::from_mins(1);

/// The local cloud's folder, below everything else of the rehearsal.
pub(crate) const CLOUD: &str = "cloud";

/// A local cloud of a rehearsal's own.
#[derive(Debug)]
pub(crate) struct Rig {
    /// This very command line.
    program: PathBuf,
    /// The checkout's root.
    root: PathBuf,
    /// Where everything of the rehearsal is.
    folder: PathBuf,
    home: Home,
    settings: Settings,
}

/// What a local cloud is started with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Settings {
    /// What runs the tasks.
    pub(crate) runtime: Runtime,
    /// How many times faster than AWS its waits pass.
    pub(crate) speed: f64,
    /// How many of AWS's minutes late metrics are published. `None` for the default.
    pub(crate) metric_lag: Option<f64>,
    /// Whether ECS honours the bake time. `None` for the default.
    pub(crate) bake: Option<Bake>,
}

impl Settings {
    /// As flags of the command line.
    fn flags(self) -> Vec<String> {
        let mut flags = vec![
            format!("--runtime={}", self.runtime.name()),
            format!("--speed={}", self.speed),
        ];
        flags.extend(self.metric_lag.map(|lag| format!("--metric-lag={lag}")));
        flags.extend(self.bake.map(|bake| format!("--bake={}", bake.name())));
        flags
    }
}

/// How a command is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Manner<'a> {
    /// What is done to it, and when.
    pub(super) meanwhile: Option<(Moment, Act<'a>)>,
    /// Whether it runs in an empty folder, as on another machine.
    pub(super) elsewhere: bool,
}

impl Rig {
    /// Starts a local cloud in an empty folder below the checkout's root.
    pub(crate) async fn start(root: &Path, folder: &str, settings: Settings) -> anyhow::Result<Self> {
        let folder = root.join(folder);
        let home = Home::new(folder.join(CLOUD));
        let rig = Self {
            program: std::env::current_exe().context("cannot tell which program this is")?,
            root: root.to_owned(),
            folder,
            home,
            settings,
        };
        // What an earlier run left behind, perhaps still running.
        rig.end(false).await?;
        std::fs::create_dir_all(&rig.folder).with_context(|| format!("cannot make {}", rig.folder.display()))?;
        rig.start_cloud().await?;
        Ok(rig)
    }

    /// Where everything of the rehearsal is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many times faster than AWS its waits pass.
    pub(crate) fn speed(&self) -> f64 {
        self.settings.speed
    }

    /// How many of AWS's minutes late it publishes metrics.
    ///
    /// # Errors
    /// When it doesn't run.
    pub(super) fn metric_lag(&self) -> anyhow::Result<f64> {
        let running = self.home.running()?.context("the local cloud has ended")?;
        Ok(running.metric_lag_minutes)
    }

    /// The folder of the local cloud.
    pub(crate) fn cloud_folder(&self) -> &Path {
        self.home.folder()
    }

    /// AWS, as the local cloud plays it.
    pub(crate) async fn aws(&self) -> anyhow::Result<Aws> {
        let running = self.home.running()?.context("the local cloud has ended")?;
        Ok(Aws::new(&running.into()).await)
    }

    /// Runs a command on this local cloud, whatever its exit status.
    ///
    /// # Errors
    /// When it can't be run, or doesn't end within its limit.
    pub(super) async fn run(&self, words: &[String], manner: Manner<'_>) -> anyhow::Result<Vec<Outcome>> {
        let command = if manner.elsewhere {
            self.command_elsewhere(words)?
        } else {
            self.command(words)
        };
        let mut begun = Begun::start(command, words)?;
        let followed = timeout(COMMAND_LIMIT, self.follow(&mut begun, manner.meanwhile)).await;
        let limit = || format!("`{}` has not ended after {} s", begun.command, COMMAND_LIMIT.as_secs());
        let during = followed.with_context(limit)??;
        let own = self.end_of(begun).await?;
        Ok(during.into_iter().chain([own]).collect())
    }

    /// Begins a command on this local cloud.
    ///
    /// # Errors
    /// When it can't be run.
    pub(crate) fn begin(&self, words: &[String]) -> anyhow::Result<Begun> {
        Begun::start(self.command(words), words)
    }

    /// Waits for a command's end, and keeps what it said beside the local cloud.
    ///
    /// # Errors
    /// When it can't be waited for, or what it said can't be written down.
    pub(crate) async fn end_of(&self, begun: Begun) -> anyhow::Result<Outcome> {
        let command = begun.command.clone();
        let ended = timeout(COMMAND_LIMIT, begun.end()).await;
        let outcome =
            ended.with_context(|| format!("`{command}` has not ended after {} s", COMMAND_LIMIT.as_secs()))??;
        self.write_down(&outcome)?;
        Ok(outcome)
    }

    /// Runs a command that must succeed, and gives its result.
    ///
    /// # Errors
    /// When it doesn't succeed: the end of what it said.
    pub(crate) async fn succeed(&self, words: &[&str]) -> anyhow::Result<Value> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let outcome = self.end_of(self.begin(&words)?).await?;
        let last: Vec<&str> = outcome.said.trim_end().lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        ensure!(
            outcome.exit == Some(0),
            "`{}` ended with {:?}:\n{}",
            outcome.command,
            outcome.exit,
            last.join("\n")
        );
        let results = outcome.records().filter(|record| record["type"] == "result");
        Ok(results.last().unwrap_or_default())
    }

    /// Ends the local cloud and every task of it, and removes the folder unless it is to be kept.
    ///
    /// # Errors
    /// When it doesn't end.
    pub(crate) async fn end(&self, keep: bool) -> anyhow::Result<()> {
        let home = self.home.clone();
        tokio::task::spawn_blocking(move || home.stop(STOP_LIMIT)).await??;
        if !keep && self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)
                .with_context(|| format!("cannot remove {}", self.folder.display()))?;
        }
        Ok(())
    }

    /// Starts the local cloud, where it doesn't run.
    ///
    /// # Errors
    /// When it can't be started, in its own words.
    pub(crate) async fn start_cloud(&self) -> anyhow::Result<()> {
        let mut start = self.bare_command(&["local".to_owned(), "start".to_owned()]);
        start.args(self.settings.flags());
        let started = start.output().await.context("cannot start the local cloud")?;
        ensure!(
            started.status.success(),
            "cannot start the local cloud: {}",
            String::from_utf8_lossy(&started.stderr)
        );
        Ok(())
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = self.bare_command(words);
        // What is about this machine alone takes no cloud.
        if !matches!(words.first().map(String::as_str), Some("synth" | "local")) {
            command.args(["--local", "--json"]);
            // A command that finds none running starts one.
            command.args(self.settings.flags());
        }
        if matches!(words.first().map(String::as_str), Some("deploy" | "rollback")) {
            command.arg("--yes");
        }
        command
    }

    /// As [`Self::command`], in an empty folder: nothing of the checkout is within reach.
    fn command_elsewhere(&self, words: &[String]) -> anyhow::Result<Command> {
        let folder = self.folder.join("elsewhere");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = self.command(words);
        command.current_dir(folder).env_remove("CARGO_MANIFEST_DIR");
        Ok(command)
    }

    fn bare_command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .current_dir(&self.root)
            .env("LOCAL_CLOUD_HOME", self.home.folder())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // What the person who rehearses has set for AWS must not reach it.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Reads a command's output to its end, and does in between what is to be done at a moment of it. Returns the outcome of
    /// another command that is run then.
    async fn follow(&self, begun: &mut Begun, meanwhile: Option<(Moment, Act<'_>)>) -> anyhow::Result<Option<Outcome>> {
        let (mut waiting, mut during) = (meanwhile, None);
        while let Some(line) = begun.next_line().await? {
            if let Some((moment, act)) = waiting
                && moment.shows(&line)
            {
                waiting = None;
                during = self.interfere(act, begun).await?;
            }
        }
        if let Some((moment, _)) = waiting {
            bail!("{moment:?} never came:\n{}", begun.said);
        }
        Ok(during)
    }

    async fn interfere(&self, act: Act<'_>, begun: &Begun) -> anyhow::Result<Option<Outcome>> {
        match act {
            Act::Interrupt => begun.signal(Signal::INT)?,
            Act::Kill => begun.signal(Signal::KILL)?,
            Act::KillCloud => {
                self.kill_cloud().await?;
                self.start_cloud().await?;
            }
            Act::Freeze(seconds) => {
                let running = self.home.running()?.context("the local cloud has ended")?;
                send(running.process_id, Signal::STOP)?;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                send(running.process_id, Signal::CONT)?;
            }
            Act::Run(words) => {
                let words: Vec<String> = words.iter().map(ToString::to_string).collect();
                return self.end_of(self.begin(&words)?).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Kills the local cloud with a signal that it can't know of, and waits until it has let go of its folder.
    ///
    /// # Errors
    /// When none runs.
    pub(crate) async fn kill_cloud(&self) -> anyhow::Result<()> {
        let running = self.home.running()?.context("the local cloud has ended")?;
        send(running.process_id, Signal::KILL)?;
        // A command that met its end may have started another one by now.
        let same = |now: Running| now.process_id == running.process_id;
        while self.home.running()?.is_some_and(same) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Keeps what a command said beside the local cloud, for whoever wants to look.
    fn write_down(&self, outcome: &Outcome) -> anyhow::Result<()> {
        use std::io::Write as _;
        let path = self.folder.join("commands.log");
        let file = std::fs::File::options().create(true).append(true).open(&path);
        let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
        let exit = outcome
            .exit
            .map_or_else(|| "a signal".to_owned(), |exit| exit.to_string());
        writeln!(file, "$ {}\n{}\n=> {exit}\n", outcome.command, outcome.said)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A command under way.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Its words.
    command: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    progress: JoinHandle<String>,
    /// What it has said on stdout so far.
    said: String,
    started: Instant,
    /// After how many milliseconds it said that Fleet is being changed.
    fleet_after: Option<u64>,
}

impl Begun {
    fn start(mut command: Command, words: &[String]) -> anyhow::Result<Self> {
        let words = words.join(" ");
        let child = command.spawn();
        Self::new(child.with_context(|| format!("cannot run `{words}`"))?, words)
    }

    fn new(mut child: Child, command: String) -> anyhow::Result<Self> {
        let stdout = child.stdout.take().context("no stdout")?;
        let mut stderr = child.stderr.take().context("no stderr")?;
        let progress = tokio::spawn(async move {
            let mut text = Vec::new();
            // What can't be read any more wasn't said.
            let _ = stderr.read_to_end(&mut text).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self {
            command,
            child,
            lines: BufReader::new(stdout).lines(),
            progress,
            said: String::new(),
            started: Instant::now(),
            fleet_after: None,
        })
    }

    /// The next line on its stdout; none once it has said all. May be dropped and called again.
    pub(crate) async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        let line = self.lines.next_line().await?;
        if let Some(line) = &line {
            if self.fleet_after.is_none() && changes(line, "FleetService") {
                self.fleet_after = u64::try_from(self.started.elapsed().as_millis()).ok();
            }
            self.said.push_str(line);
            self.said.push('\n');
        }
        Ok(line)
    }

    /// Sends it a signal; nothing where it has ended.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        // As long as it hasn't been waited for, the number is its own.
        self.child.id().map_or(Ok(()), |process_id| send(process_id, signal))
    }

    /// Reads what is left of its words, and waits for its end.
    async fn end(mut self) -> anyhow::Result<Outcome> {
        while self.next_line().await?.is_some() {}
        let status = self.child.wait().await?;
        Ok(Outcome {
            command: self.command,
            exit: status.code(),
            fleet_after: self.fleet_after,
            said: self.said + &self.progress.await?,
        })
    }
}

fn send(process_id: u32, signal: Signal) -> anyhow::Result<()> {
    let process = i32::try_from(process_id).ok().and_then(Pid::from_raw);
    let process = process.with_context(|| format!("{process_id} is no process id"))?;
    kill_process(process, signal).with_context(|| format!("cannot signal process {process_id}"))
}

/// Whether a record says that a resource is being changed.
pub(crate) fn changes(line: &str, logical_id: &str) -> bool {
    let record: Value = serde_json::from_str(line).unwrap_or_default();
    record["type"] == "event" && record["logical_id"] == logical_id && record["status"] == "UPDATE_IN_PROGRESS"
}
