//! Runs builds, phase by phase.
//!
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html>

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use journal::Journal;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::buildspec::{self, Buildspec, Commands, OnFailure};
use super::job::Job;
use super::log::Log;
use super::shell::{Ended, Shell};
use super::sweep::{MARKER, sweep_build};
use super::workplace::{Places, Workplace};
use super::{Phase, Report, Status, environment, files};
use crate::code::CodeHappening;
use crate::codecommit::Git;
use crate::inbox::Event;
use crate::options::CacheSeed;
use crate::world::Happening;

/// The builds that run.
#[derive(Clone)]
pub(crate) struct Builds {
    events: mpsc::Sender<Event>,
    places: Places,
    journal: Journal,
    running: Arc<Mutex<Running>>,
}

#[derive(Default)]
struct Running {
    by_id: HashMap<String, (watch::Sender<bool>, Option<JoinHandle<()>>)>,
    /// Nothing starts any more.
    closed: bool,
}

/// What went wrong: AWS's code and a sentence.
type Context = (String, String);

/// One build that runs.
struct Run {
    job: Job,
    workplace: Workplace,
    log: Log,
    stop: watch::Receiver<bool>,
    events: mpsc::Sender<Event>,
}

impl Builds {
    pub(crate) fn new(
        home: &Path,
        git: Git,
        seed: Option<CacheSeed>,
        journal: Journal,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            events,
            places: Places::new(home, git, seed),
            journal,
            running: Arc::default(),
        }
    }

    /// Begins a build; one that runs goes on.
    pub(crate) fn start(&self, job: Job) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.closed || running.by_id.contains_key(&job.id) {
            return;
        }
        let (stop, stopped) = watch::channel(false);
        let (id, builds) = (job.id.clone(), self.clone());
        running.by_id.insert(id.clone(), (stop, None));
        let task = tokio::spawn(async move {
            let id = job.id.clone();
            builds.run(job, stopped).await;
            builds
                .running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .by_id
                .remove(&id);
        });
        if let Some((_, handle)) = running.by_id.get_mut(&id) {
            *handle = Some(task);
        }
    }

    /// Ends a build's processes; that it is over is told by the build itself.
    pub(crate) fn stop(&self, id: &str) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stop, _)) = running.by_id.get(id) {
            // One that is just ending hears nothing more.
            let _ = stop.send(true);
        }
    }

    /// Ends all builds, as the whole is stopping.
    pub(crate) async fn stop_all(&self) {
        let all = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.closed = true;
            running.by_id.drain().collect::<Vec<_>>()
        };
        for (_, (stop, task)) in all {
            let _ = stop.send(true);
            if let Some(Err(error)) = async { Some(task?.await) }.await {
                tracing::error!(%error, "a build could not be ended");
            }
        }
    }

    /// Removes an artifact that nothing refers to any more.
    pub(crate) fn remove_artifact(&self, key: &str) {
        if let Err(error) = files::remove(&self.places.artifact(key)) {
            tracing::error!(%error, key, "cannot remove an artifact");
        }
    }

    async fn run(&self, job: Job, stop: watch::Receiver<bool>) {
        let id = job.id.clone();
        let log = match Log::open(&id, job.log.clone(), self.journal.clone()) {
            Ok(log) => log,
            Err(error) => {
                tracing::error!(%error, id, "cannot open a build's log");
                return report(&self.events, &id, over(Status::Fault)).await;
            }
        };
        let workplace = self.places.take(&job.project);
        let mut run = Run {
            job,
            workplace,
            log,
            stop,
            events: self.events.clone(),
        };
        let (status, exported) = run.whole(&self.places).await;
        let (home, build) = (self.places.home().to_owned(), id.clone());
        if let Err(error) = tokio::task::spawn_blocking(move || sweep_build(&home, &build)).await {
            tracing::error!(%error, id, "cannot look for what a build has left running");
        }
        let Run { log, workplace, .. } = run;
        log.close().await;
        // Whoever comes next finds the folder free.
        drop(workplace);
        report(&self.events, &id, Report::Over { status, exported }).await;
    }
}

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    Stopped,
}

/// What follows a failed phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    NextPhase,
    Upload,
    Finalize,
}

/// Where a build goes from a phase that failed. Artifacts are always uploaded once the build phase was reached.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html>
fn after_failure(phase: Phase, on_failure: Option<OnFailure>) -> After {
    match (phase, on_failure) {
        (_, Some(OnFailure::Continue)) | (Phase::Build, None) => After::NextPhase,
        (Phase::Install | Phase::PreBuild, _) => After::Finalize,
        _ => After::Upload,
    }
}

impl Run {
    /// From the source to the end; gives how it ended and the variables that later actions see.
    async fn whole(&mut self, places: &Places) -> (Status, BTreeMap<String, String>) {
        self.begin(Phase::Provisioning).await;
        self.end(Phase::Provisioning, Ok(())).await;
        self.begin(Phase::DownloadSource).await;
        let (spec, shell) = match self.prepare(places).await {
            Ok(prepared) => prepared,
            Err(context) => {
                self.end(Phase::DownloadSource, Err(context)).await;
                self.finalize().await;
                return (Status::Failed, BTreeMap::new());
            }
        };
        self.end(Phase::DownloadSource, Ok(())).await;
        let (mut status, mut uploads) = (Status::Succeeded, true);
        for phase in [Phase::Install, Phase::PreBuild, Phase::Build, Phase::PostBuild] {
            let commands = spec.phases.get(&phase).cloned().unwrap_or_default();
            match self.phase(phase, &commands, &shell, status == Status::Succeeded).await {
                Outcome::Succeeded => {}
                Outcome::Stopped => return (Status::Stopped, BTreeMap::new()),
                Outcome::Failed => {
                    status = Status::Failed;
                    let after = after_failure(phase, commands.on_failure);
                    uploads = after != After::Finalize;
                    if after != After::NextPhase {
                        break;
                    }
                }
            }
        }
        if uploads && self.upload(&spec).await.is_err() {
            status = Status::Failed;
        }
        let exported = shell.variables(&spec.exported).await;
        self.finalize().await;
        (status, exported)
    }

    /// Brings the sources there, reads the buildspec, and gives the shell that its commands run in.
    async fn prepare(&self, places: &Places) -> Result<(Buildspec, Shell), Context> {
        let download = |message| ("CLIENT_ERROR".to_owned(), message);
        let filling = (self.workplace.clone(), self.job.inputs.clone());
        let filled = tokio::task::spawn_blocking(move || filling.0.fill(&filling.1)).await;
        let further = filled.map_err(|error| download(error.to_string()))?.map_err(download)?;
        let source = self.workplace.source();
        let malformed = |message| ("YAML_FILE_ERROR".to_owned(), message);
        let text = self.buildspec_text(&source).map_err(malformed)?;
        let spec = buildspec::parse(&text).map_err(malformed)?;
        if self.job.keeps_cache {
            let (workplace, paths) = (self.workplace.clone(), spec.cache_paths.clone());
            let linked = tokio::task::spawn_blocking(move || workplace.link_cache(&paths)).await;
            let linked = linked.map_err(|error| download(error.to_string()))?;
            linked.map_err(|error| download(format!("cannot link the cache: {error}")))?;
        }
        let mut environment = environment::lent(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        environment.extend(self.job.environment.clone());
        environment.extend(spec.variables.clone());
        environment.extend(self.job.variables.clone());
        // A source lies below the person's own checkout, which is none of the build's.
        let home = places.home().display().to_string();
        environment.insert("GIT_CEILING_DIRECTORIES".to_owned(), home.clone());
        environment.insert(MARKER.to_owned(), home);
        environment.insert("CODEBUILD_SRC_DIR".to_owned(), source.display().to_string());
        for (name, folder) in further {
            environment.insert(format!("CODEBUILD_SRC_DIR_{name}"), folder.display().to_string());
        }
        let shell = Shell {
            notes: self.workplace.notes(),
            folder: source,
            environment,
        };
        shell
            .begin()
            .map_err(|error| download(format!("cannot make the folder of notes: {error}")))?;
        Ok((spec, shell))
    }

    fn buildspec_text(&self, source: &Path) -> Result<String, String> {
        let buildspec = &self.job.buildspec;
        if buildspec.contains('\n') {
            return Ok(buildspec.clone());
        }
        std::fs::read_to_string(source.join(buildspec)).map_err(|error| format!("{buildspec}: {error}"))
    }

    async fn phase(&mut self, phase: Phase, commands: &Commands, shell: &Shell, succeeds: bool) -> Outcome {
        self.begin(phase).await;
        let mut outcome = Ok(());
        for (command, always) in in_order(commands) {
            if outcome.is_err() && !always {
                continue;
            }
            let succeeds = succeeds && outcome.is_ok();
            self.log.say(&format!("Running command {}", command.trim_end())).await;
            match shell.run(command, succeeds, &self.log, &mut self.stop).await {
                Ended::Succeeded => {}
                Ended::Failed(reason) => {
                    let message = format!(
                        "Error while executing command: {}. Reason: {reason}",
                        command.trim_end()
                    );
                    self.log.say(&message).await;
                    if outcome.is_ok() {
                        outcome = Err(("COMMAND_EXECUTION_ERROR".to_owned(), message));
                    }
                }
                Ended::Stopped => {
                    let message = "the build was told to end".to_owned();
                    self.end(phase, Err(("BUILD_STOPPED".to_owned(), message))).await;
                    return Outcome::Stopped;
                }
            }
        }
        let failed = outcome.is_err();
        self.end(phase, outcome).await;
        if failed { Outcome::Failed } else { Outcome::Succeeded }
    }

    /// Hands on what the buildspec names: to one output under `artifacts`, to several under `secondary-artifacts`.
    /// <https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html>
    async fn upload(&self, spec: &Buildspec) -> Result<(), ()> {
        self.begin(Phase::UploadArtifacts).await;
        self.show_tests(spec).await;
        let outcome = self.hand_on(spec).await;
        let failed = outcome.is_err();
        self.end(
            Phase::UploadArtifacts,
            outcome.map_err(|message| ("CLIENT_ERROR".to_owned(), message)),
        )
        .await;
        if failed { Err(()) } else { Ok(()) }
    }

    /// Shows what the tests said. What can't be read is said in the log, and fails no build.
    async fn show_tests(&self, spec: &Buildspec) {
        for (group, reports) in &spec.reports {
            self.log.say(&format!("Preparing to copy TEST report {group}")).await;
            let work = (self.workplace.clone(), reports.clone());
            let read = tokio::task::spawn_blocking(move || work.0.tests(&work.1)).await;
            match read.map_err(|error| error.to_string()).flatten() {
                Ok(cases) => {
                    let group = group.clone();
                    report(&self.events, &self.job.id, Report::Tested { group, cases }).await;
                }
                Err(reason) => {
                    let message = format!("Error processing report {group}: {reason}");
                    self.log.say(&message).await;
                }
            }
        }
    }

    async fn hand_on(&self, spec: &Buildspec) -> Result<(), String> {
        let alone = self.job.outputs.len() == 1;
        for output in &self.job.outputs {
            let artifacts = spec.secondary_artifacts.get(&output.name);
            let artifacts = artifacts.or_else(|| spec.artifacts.as_ref().filter(|_| alone));
            let artifacts = artifacts.ok_or_else(|| format!("the buildspec names no artifact for {}", output.name))?;
            let work = (self.workplace.clone(), artifacts.clone(), output.key.clone());
            let handed = tokio::task::spawn_blocking(move || work.0.hand_on(&work.1, &work.2)).await;
            handed.map_err(|error| error.to_string())??;
        }
        Ok(())
    }

    async fn finalize(&self) {
        self.begin(Phase::Finalizing).await;
        self.end(Phase::Finalizing, Ok(())).await;
    }

    async fn begin(&self, phase: Phase) {
        self.log.say(&format!("Entering phase {}", phase.as_str())).await;
        report(&self.events, &self.job.id, Report::Began(phase)).await;
    }

    async fn end(&self, phase: Phase, outcome: Result<(), Context>) {
        let (word, code, message) = match &outcome {
            Ok(()) => ("SUCCEEDED", "", ""),
            Err((code, message)) => ("FAILED", code.as_str(), message.as_str()),
        };
        self.log
            .say(&format!("Phase complete: {} State: {word}", phase.as_str()))
            .await;
        self.log
            .say(&format!("Phase context status code: {code} Message: {message}"))
            .await;
        report(&self.events, &self.job.id, Report::Ended(phase, outcome)).await;
    }
}

/// The commands of a phase, each with whether it is run whatever those before it did.
fn in_order(commands: &Commands) -> impl Iterator<Item = (&String, bool)> {
    let first = commands.usual.iter().map(|command| (command, false));
    first.chain(commands.finally.iter().map(|command| (command, true)))
}

fn over(status: Status) -> Report {
    Report::Over {
        status,
        exported: BTreeMap::new(),
    }
}

async fn report(events: &mpsc::Sender<Event>, id: &str, report: Report) {
    let build = id.to_owned();
    let happening = Happening::Code(CodeHappening::Build { build, report });
    // The loop is gone only when the whole is stopping.
    let _ = events.send(Event::Happening(happening)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_phase_leads_where_codebuild_goes() {
        for (phase, on_failure, expected) in [
            (Phase::Install, None, After::Finalize),
            (Phase::PreBuild, None, After::Finalize),
            (Phase::PreBuild, Some(OnFailure::Continue), After::NextPhase),
            (Phase::Build, None, After::NextPhase),
            (Phase::Build, Some(OnFailure::Abort), After::Upload),
            (Phase::PostBuild, None, After::Upload),
        ] {
            assert_eq!(after_failure(phase, on_failure), expected, "{phase:?}");
        }
    }
}
