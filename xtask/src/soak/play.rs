//! Playing the plan on a local cloud of its own: everything in it really happens.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use local_cloud::Home;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use stacks::{Stage, service};
use tokio::time::{Instant, sleep_until, timeout};

use super::account::{Cause, Failure, Window};
use super::judge::{Attempt, COUNTS, MOST_ATTEMPTS, Seen, StageSeen, own_cause, wanted};
use super::leftovers::Leftovers;
use super::machine::{self, Processes, TaskProcess};
use super::plan::{Blow, Disturbance, State, Step, Trigger};
use super::words::{first_command, resuming, template, write_templates};
use crate::docker::Engine;
use crate::rehearse::look::{Sandbox, until};
use crate::rehearse::observation::Outcome;
use crate::rehearse::rig::{Begun, CLOUD, Rig, STOP_LIMIT, Settings, changes};
use crate::traffic::{Pace, Plan, Traffic};

/// The requests: the stage that they are for, none for either, and how many a second. Enough of each for an alarm's
/// minute at speed 60, and few enough to leave the machine to the deployments.
const REQUESTS: [(Option<Stage>, f64); 3] = [(Some(Stage::Onebox), 20.0), (Some(Stage::Fleet), 40.0), (None, 140.0)];

/// How many requests of one kind may wait for their answers at once: enough for a rate while answers take a second.
const CLIENTS: usize = 160;

/// The longest that a local cloud that was killed may take to serve as before.
const SERVES_LIMIT: Duration = Duration::from_secs(30);

/// After how many of AWS's minutes an alarm has seen a minute and forgotten it: its window, the lag of metrics, and one.
#[expect(clippy::cast_precision_loss, reason = "a handful")]
const ALARM_MINUTES: f64 = constants::alarm::EVALUATION_PERIODS as f64 + 3.0;

/// How often something is looked at that is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// A soak under way.
#[derive(Debug)]
pub(super) struct Play {
    rig: Rig,
    home: Home,
    sandbox: Sandbox,
    traffic: Vec<(Option<Stage>, Traffic)>,
    /// Docker, where it answers: images go through it, whatever runs the tasks.
    engine: Option<Engine>,
    /// The images of the local cloud's registry that Docker had before.
    images: BTreeSet<String>,
    /// The image that must run.
    image: String,
    /// How many requests there had been before the deployment.
    requests: u64,
    /// Every socket on which the local cloud or a task of its has listened at the end of a deployment.
    sockets: BTreeSet<String>,
}

impl Play {
    /// Starts a local cloud in an empty folder below the checkout's root, deploys a state, and begins to send requests.
    ///
    /// # Errors
    /// When any of it fails.
    pub(super) async fn begin(root: &Path, folder: &str, settings: Settings, state: State) -> anyhow::Result<Self> {
        let rig = Rig::start(root, folder, settings).await?;
        let home = Home::new(rig.cloud_folder());
        let engine = Engine::connect().await.ok();
        let images = images(engine.as_ref(), &registry(&home)?).await?;
        let templates = rig.folder().join("templates");
        write_templates(&templates, &template(state, None)?)?;
        let words = first_command(state, &templates.display().to_string());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let result = rig.succeed(&words).await?;
        let image = result["image"].as_str().context("no image was deployed")?.to_owned();
        let sandbox = Sandbox::find(rig.aws().await?).await?;
        sandbox.settle().await?;
        let endpoint = sandbox.stack().await?.output(service::WEB_API_ENDPOINT)?.to_owned();
        let traffic = REQUESTS
            .into_iter()
            .map(|(stage, rate)| Ok((stage, Traffic::start(requests(&endpoint, stage, rate))?)));
        Ok(Self {
            home,
            engine,
            images,
            traffic: traffic.collect::<anyhow::Result<_>>()?,
            rig,
            sandbox,
            image,
            requests: 0,
            sockets: BTreeSet::new(),
        })
    }

    /// The image that must run.
    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// The local cloud's folder.
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    /// Where everything of the soak is.
    pub(super) fn folder(&self) -> &Path {
        self.rig.folder()
    }

    /// Plays a deployment with its disturbance, waits until all is at rest, and looks.
    ///
    /// # Errors
    /// When something that is no part of the plan fails.
    pub(super) async fn step(&mut self, step: &Step) -> anyhow::Result<Seen> {
        let templates = self.rig.folder().join("templates");
        write_templates(&templates, &step.template()?)?;
        let words = step.command(&self.image, &templates.display().to_string());
        let from = SystemTime::now();
        let (attempts, mut windows, image) = self.attempts(step, &words).await?;
        self.rest().await?;
        let done = attempts.last().is_some_and(|attempt| attempt.exit == Some(0));
        if done && !step.is_bad() {
            // What resumes a deployment builds nothing, and names no image.
            self.image = match image {
                Some(image) => image,
                None => self.sandbox.fleet_image().await?,
            };
        }
        windows.extend(own_cause(step.change).map(|cause| Window {
            cause,
            from,
            until: SystemTime::now(),
        }));
        self.look(step, attempts, windows).await
    }

    /// Gives the command until it ends as it must, more than once only where it is disturbed; and the image that it named.
    async fn attempts(
        &self,
        step: &Step,
        words: &[String],
    ) -> anyhow::Result<(Vec<Attempt>, Vec<Window>, Option<String>)> {
        let wanted = i32::from(wanted(step).code());
        let (mut attempts, mut windows, mut image) = (Vec::new(), Vec::new(), None);
        let mut coming = step.disturbance;
        let mut next = words.to_vec();
        while attempts.len() < MOST_ATTEMPTS {
            let outcome = self.attempt(&next, &mut coming, &mut windows).await?;
            let result = outcome.records().filter(|record| record["type"] == "result").last();
            let text = |name: &str| {
                result
                    .as_ref()
                    .and_then(|result| result[name].as_str())
                    .map(ToOwned::to_owned)
            };
            image = text("image");
            attempts.push(Attempt {
                exit: outcome.exit,
                code: text("code"),
            });
            if outcome.exit == Some(wanted) || step.disturbance.is_none() {
                break;
            }
            // After a command that was killed, its deployment is resumed at once; otherwise one looks first.
            if outcome.exit.is_some() {
                self.rest().await?;
                next = words.to_vec();
            } else {
                next = resuming();
            }
        }
        Ok((attempts, windows, image))
    }

    /// Gives the command once, and disturbs it when the time has come; at the latest when it has ended.
    async fn attempt(
        &self,
        words: &[String],
        coming: &mut Option<Disturbance>,
        windows: &mut Vec<Window>,
    ) -> anyhow::Result<Outcome> {
        let mut begun = self.rig.begin(words)?;
        let mut due = coming.and_then(Disturbance::due_at_the_beginning);
        loop {
            tokio::select! {
                line = begun.next_line() => {
                    let Some(line) = line? else { break };
                    due = due.or_else(|| coming.and_then(|coming| coming.due_after(&line)));
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    due = None;
                    if let Some(disturbance) = coming.take() {
                        windows.extend(self.strike(disturbance.blow, Some(&begun)).await?);
                    }
                }
            }
        }
        let outcome = self.rig.end_of(begun).await?;
        if let Some(late) = coming.take() {
            windows.extend(self.strike(late.blow, None).await?);
        }
        Ok(outcome)
    }

    async fn strike(&self, blow: Blow, begun: Option<&Begun>) -> anyhow::Result<Option<Window>> {
        match blow {
            Blow::Xtask => {
                if let Some(begun) = begun {
                    begun.signal(Signal::KILL)?;
                }
                Ok(None)
            }
            Blow::Cloud => self.kill_cloud().await.map(Some),
            Blow::Tasks { stage, count, first } => self.kill_tasks(stage, count, first).await.map(Some),
        }
    }

    async fn kill_cloud(&self) -> anyhow::Result<Window> {
        let from = SystemTime::now();
        self.rig.kill_cloud().await?;
        self.rig.start_cloud().await?;
        let serves = async {
            while !self.serves().await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        // A bad image may keep it from serving as before; whatever fails later than this has to have another cause.
        let _ = timeout(SERVES_LIMIT, serves).await;
        Ok(Window {
            cause: Cause::CloudAway,
            from,
            until: SystemTime::now(),
        })
    }

    /// Whether both stages have as many healthy targets as at rest.
    async fn serves(&self) -> bool {
        let healthy = self.sandbox.healthy().await.unwrap_or_default();
        healthy
            .iter()
            .zip(COUNTS)
            .all(|(healthy, count)| *healthy >= count as u64)
    }

    /// Kills tasks of a stage, and waits until ECS knows.
    async fn kill_tasks(&self, stage: Stage, count: u32, first: u32) -> anyhow::Result<Window> {
        let by_age = self.sandbox.tasks_by_age(stage).await?;
        let mut of_stage = self.processes().await?.tasks;
        of_stage.retain(|task| task.stage == stage.value());
        // One that ECS doesn't count any more comes last.
        of_stage.sort_by_key(|task| by_age.iter().position(|id| *id == task.task).unwrap_or(usize::MAX));
        let killed = of_stage
            .iter()
            .cycle()
            .skip(first as usize)
            .take((count as usize).min(of_stage.len()));
        let killed: Vec<&TaskProcess> = killed.collect();
        let from = SystemTime::now();
        for task in &killed {
            // It may just have ended by itself.
            let _ = match (&task.container, &self.engine) {
                (Some(container), Some(engine)) => engine.kill(&container.id).await.ok(),
                _ => Pid::from_raw(task.process_id).and_then(|process| kill_process(process, Signal::KILL).ok()),
            };
        }
        until("ECS doesn't know that tasks were killed", async || {
            let running = self.sandbox.tasks().await?;
            let runs = |task: &&TaskProcess| running.iter().any(|tasks| tasks.contains_key(&task.task));
            Ok(!killed.iter().any(runs))
        })
        .await?;
        Ok(Window {
            cause: Cause::TasksEnd(stage.value().to_owned()),
            from,
            until: SystemTime::now(),
        })
    }

    /// Waits until nothing changes any more, what happened is too old for an alarm, and no alarm is red. Otherwise late
    /// metrics of one deployment would undo the next.
    async fn rest(&self) -> anyhow::Result<()> {
        self.sandbox.settle().await?;
        tokio::time::sleep(Duration::from_secs_f64(ALARM_MINUTES * 60.0 / self.rig.speed())).await;
        self.sandbox.calm().await
    }

    async fn look(&mut self, step: &Step, attempts: Vec<Attempt>, windows: Vec<Window>) -> anyhow::Result<Seen> {
        let processes = self.processes_at_rest().await?;
        let tasks = self.sandbox.tasks().await?;
        let stack = self.sandbox.stack().await?;
        let deployed: Value = serde_json::from_str(&self.sandbox.template().await?)?;
        let wanted: Value = serde_json::from_str(&template(step.goal(), None)?)?;
        let known: BTreeSet<&String> = tasks.iter().flat_map(|tasks| tasks.keys()).collect();
        let unknown = processes.tasks.iter().filter(|process| !known.contains(&process.task));
        let mut strays: Vec<String> = unknown.map(TaskProcess::in_words).collect();
        strays.extend(processes.commands.iter().cloned());
        let stages = [
            (Stage::Onebox, service::ONEBOX_IMAGE),
            (Stage::Fleet, service::FLEET_IMAGE),
        ];
        let stage = |at: usize| {
            let (stage, parameter) = stages[at];
            let own = processes.tasks.iter().filter(|process| process.stage == stage.value());
            StageSeen {
                parameter: stack.parameters.get(parameter).cloned().unwrap_or_default(),
                images: tasks[at].values().cloned().collect(),
                processes: own.map(|process| process.with.clone()).collect(),
            }
        };
        self.sockets.extend(self.listening(&processes)?);
        let total: u64 = self.traffic.iter().map(|(_, traffic)| traffic.counts().total()).sum();
        let requests = total - std::mem::replace(&mut self.requests, total);
        let (failures, beyond) = self.take_failures();
        Ok(Seen {
            attempts,
            status: stack.status,
            same_template: deployed == wanted,
            stages: [stage(0), stage(1)],
            windows,
            requests,
            failures,
            beyond,
            strays,
        })
    }

    /// The processes, once there are no more than there must be, or it is clear that there are.
    async fn processes_at_rest(&self) -> anyhow::Result<Processes> {
        let all = COUNTS.iter().sum::<usize>();
        let deadline = Instant::now() + SERVES_LIMIT;
        loop {
            let found = self.processes().await?;
            let at_rest = found.tasks.len() <= all && found.commands.is_empty();
            if at_rest || Instant::now() > deadline {
                return Ok(found);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The tasks' processes, or containers where Docker runs them, and the commands'.
    async fn processes(&self) -> anyhow::Result<Processes> {
        let home = self.home.clone();
        let mut found = tokio::task::spawn_blocking(move || machine::processes(&home)).await?;
        if let Some(engine) = &self.engine {
            found.tasks.extend(machine::containers(engine, &self.home).await?);
        }
        Ok(found)
    }

    fn listening(&self, processes: &Processes) -> anyhow::Result<BTreeSet<String>> {
        let running = self.home.running()?.context("the local cloud has ended")?;
        let mut ids: Vec<i32> = processes.tasks.iter().map(|task| task.process_id).collect();
        ids.push(running.process_id.cast_signed());
        let published = processes.tasks.iter().filter_map(|task| task.container.as_ref());
        let published = published.flat_map(|container| container.sockets.iter().cloned());
        Ok(machine::listening(&ids).into_iter().chain(published).collect())
    }

    fn take_failures(&self) -> (Vec<Failure>, u64) {
        let (mut failures, mut beyond) = (Vec::new(), 0);
        for (stage, traffic) in &self.traffic {
            let taken = traffic.take_failures();
            beyond += taken.beyond;
            failures.extend(taken.kept.into_iter().map(|failed| Failure {
                aimed_at: stage.map(|stage| stage.value().to_owned()),
                failed,
            }));
        }
        (failures, beyond)
    }

    /// Ends the requests, destroys the sandbox and with it the local cloud, and looks for what is left.
    ///
    /// # Errors
    /// When it can't be destroyed.
    pub(super) async fn destroy(mut self) -> anyhow::Result<Leftovers> {
        let registry = registry(&self.home)?;
        for (_, traffic) in std::mem::take(&mut self.traffic) {
            traffic.end().await;
        }
        self.rig.succeed(&["destroy", "sandbox", "--yes"]).await?;
        let Processes { tasks, commands } = self.processes().await?;
        let images = images(self.engine.as_ref(), &registry).await?;
        let still: BTreeSet<String> = machine::all_listening().into_values().collect();
        let folder = self.home.folder();
        let files = machine::files_below(folder).into_iter();
        Ok(Leftovers {
            processes: tasks.iter().map(TaskProcess::in_words).chain(commands).collect(),
            images: images.difference(&self.images).cloned().collect(),
            sockets: self.sockets.intersection(&still).cloned().collect(),
            files: files
                .map(|file| file.strip_prefix(folder).unwrap_or(&file).display().to_string())
                .collect(),
        })
    }
}

/// Where the local cloud's registry is: `127.0.0.1:4566`.
fn registry(home: &Home) -> anyhow::Result<String> {
    let running = home.running()?.context("the local cloud has ended")?;
    Ok(running.endpoint.trim_start_matches("http://").to_owned())
}

/// The images of a registry that Docker has.
async fn images(engine: Option<&Engine>, registry: &str) -> anyhow::Result<BTreeSet<String>> {
    match engine {
        Some(engine) => engine.images_of(registry).await,
        None => Ok(BTreeSet::new()),
    }
}

/// Ends the local cloud of a soak's folder as it is, and keeps the folder.
///
/// # Errors
/// When it doesn't end.
pub(super) async fn end(folder: &Path) -> anyhow::Result<()> {
    let home = Home::new(folder.join(CLOUD));
    tokio::task::spawn_blocking(move || home.stop(STOP_LIMIT)).await??;
    Ok(())
}

impl Disturbance {
    fn due_at_the_beginning(self) -> Option<Instant> {
        (self.after == Trigger::Begun).then(|| self.due())
    }

    fn due_after(self, line: &str) -> Option<Instant> {
        let seen = match self.after {
            Trigger::Begun => false,
            Trigger::OneboxChanges => changes(line, "OneboxService"),
            Trigger::FleetChanges => changes(line, "FleetService"),
        };
        seen.then(|| self.due())
    }

    fn due(self) -> Instant {
        Instant::now() + Duration::from_millis(self.pause.into())
    }
}

fn requests(endpoint: &str, stage: Option<Stage>, rate: f64) -> Plan {
    Plan {
        endpoint: endpoint.to_owned(),
        stage: stage.map(|stage| stage.value().to_owned()),
        pace: Pace::Open { rate, clients: CLIENTS },
        duration: None,
        at_most: u64::MAX,
    }
}
