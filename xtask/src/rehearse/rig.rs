//! A sandbox on a local cloud of its own, driven as people drive it: by this very command line.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use local_cloud::{Home, Running};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::observation::Outcome;
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
    runtime: Runtime,
    speed: f64,
}

/// What is done to a command once it changes Onebox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// Nothing.
    Nothing,
    /// Ctrl-C.
    Interrupt,
    /// The local cloud is killed and started again.
    KillCloud,
}

impl Rig {
    /// Starts a local cloud in an empty folder below the checkout's root.
    pub(crate) async fn start(root: &Path, folder: &str, runtime: Runtime, speed: f64) -> anyhow::Result<Self> {
        let folder = root.join(folder);
        let home = Home::new(folder.join(CLOUD));
        let rig = Self {
            program: std::env::current_exe().context("cannot tell which program this is")?,
            root: root.to_owned(),
            folder,
            home,
            runtime,
            speed,
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
        self.speed
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
    pub(super) async fn run(&self, words: &[String], meanwhile: Meanwhile) -> anyhow::Result<Outcome> {
        let mut begun = self.begin(words)?;
        let followed = timeout(COMMAND_LIMIT, self.follow(&mut begun, meanwhile)).await;
        let limit = || format!("`{}` has not ended after {} s", begun.command, COMMAND_LIMIT.as_secs());
        followed.with_context(limit)??;
        self.end_of(begun).await
    }

    /// Begins a command on this local cloud.
    ///
    /// # Errors
    /// When it can't be run.
    pub(crate) fn begin(&self, words: &[String]) -> anyhow::Result<Begun> {
        let command = words.join(" ");
        let child = self.command(words).spawn();
        Begun::new(child.with_context(|| format!("cannot run `{command}`"))?, command)
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
        let outcome = self.run(&words, Meanwhile::Nothing).await?;
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
        start.args(self.settings());
        let started = start.output().await.context("cannot start the local cloud")?;
        ensure!(
            started.status.success(),
            "cannot start the local cloud: {}",
            String::from_utf8_lossy(&started.stderr)
        );
        Ok(())
    }

    /// What the local cloud is started with.
    fn settings(&self) -> [String; 2] {
        [
            format!("--runtime={}", self.runtime.name()),
            format!("--speed={}", self.speed),
        ]
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = self.bare_command(words);
        // What is about this machine alone takes no cloud.
        if !matches!(words.first().map(String::as_str), Some("synth" | "local")) {
            command.args(["--local", "--json"]);
            // A command that finds none running starts one.
            command.args(self.settings());
        }
        if words.first().is_some_and(|word| word == "deploy") {
            command.arg("--yes");
        }
        command
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

    /// Reads what a command says to its end, and does meanwhile what is to be done.
    async fn follow(&self, begun: &mut Begun, meanwhile: Meanwhile) -> anyhow::Result<()> {
        let mut waiting = meanwhile;
        while let Some(line) = begun.next_line().await? {
            if waiting != Meanwhile::Nothing && changes(&line, "OneboxService") {
                self.interfere(std::mem::replace(&mut waiting, Meanwhile::Nothing), begun)
                    .await?;
            }
        }
        if waiting != Meanwhile::Nothing {
            bail!("the command never changed Onebox:\n{}", begun.said);
        }
        Ok(())
    }

    async fn interfere(&self, meanwhile: Meanwhile, begun: &Begun) -> anyhow::Result<()> {
        match meanwhile {
            Meanwhile::Nothing => Ok(()),
            Meanwhile::Interrupt => begun.signal(Signal::INT),
            Meanwhile::KillCloud => {
                self.kill_cloud().await?;
                self.start_cloud().await
            }
        }
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
}

impl Begun {
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
        })
    }

    /// The next line on its stdout; none once it has said all. May be dropped and called again.
    pub(crate) async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        let line = self.lines.next_line().await?;
        if let Some(line) = &line {
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
