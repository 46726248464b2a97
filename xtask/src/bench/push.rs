//! From a push to Fleet, through the whole pipeline.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use stacks::toolchain::PIPELINE_NAME;
use tokio::runtime::Handle;
use xshell::{Shell, cmd};

use super::cloud::LocalCloud;
use super::figure::Figure;
use super::reading::{Reading, Target, Unit};
use super::site::Site;
use super::statistics::Series;
use crate::aws::Aws;

/// How many changes are pushed, after the first that compiles everything.
const ROUNDS: usize = 3;

/// How long an incremental change may take.
const LIMIT: Duration = Duration::from_mins(15);

/// Between two questions how far the execution is. When it ended, CodePipeline tells.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The actions after Source, each of which is one build.
const ACTIONS: [&str; 5] = ["Build", "UpdatePipeline", "Shared", "Onebox", "Fleet"];

/// A push, deployed.
pub(super) const FIGURE: Figure = Figure {
    name: "push",
    measures: "from `git push` of a small change to the end of Fleet's deployment, beside the sum of its parts",
    means: "A clone of this checkout's HEAD, a local cloud of its own, the whole pipeline. After a first execution, changes of the \
            service's source are pushed, one after another; each makes a new image, which is tested, bakes on Onebox, is judged, and \
            goes to Fleet. The parts are what the actions' commands took by CodeBuild's own phases: compiling, tests and image in Build, \
            tasks, bakes and the verdict in the actions of Production, AWS's waits at the local cloud's default speed. What is left is the pipeline's own: \
            the push, the trigger, checkouts, artifacts, and what lies between two actions.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let folder = site.folder("push")?;
    let checkout = folder.path().join("checkout");
    git(site.root(), &["clone", "--quiet", ".", &checkout.to_string_lossy()])?;
    let site = site.at(&checkout);
    let cloud = LocalCloud::new(&site)?;
    site.say("the first execution compiles everything");
    cloud.xtask(&["pipeline", "--local", "--yes", "--runtime", "process"])?;
    let url = cloud.xtask(&["outputs", "toolchain", "SourceRepositoryCloneUrl", "--local"])?;

    let pipeline = cloud.xtask(&["outputs", "toolchain", PIPELINE_NAME, "--local"])?;

    let mut pushes = Vec::new();
    for round in 1..=ROUNDS {
        site.go_on()?;
        let commit = change(&checkout, round)?;
        let begun = SystemTime::now();
        git(&checkout, &["push", "--quiet", &url, "HEAD:main"])?;
        let push = Handle::current().block_on(deployed(&cloud.aws()?, &pipeline, &commit, begun))?;
        site.say(&format!(
            "push {round}: {:.1} s, of which its parts took {:.1} s",
            push.total.as_secs_f64(),
            push.parts().as_secs_f64()
        ));
        pushes.push(push);
    }
    readings(&pushes)
}

/// A push that reached Fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Push {
    /// From the push to the end of Fleet's action.
    total: Duration,
    /// What each action's commands took.
    actions: [Duration; ACTIONS.len()],
}

impl Push {
    fn parts(&self) -> Duration {
        self.actions.iter().sum()
    }
}

fn readings(pushes: &[Push]) -> anyhow::Result<Vec<Reading>> {
    let series =
        |of: &dyn Fn(&Push) -> Duration| -> Series { pushes.iter().map(|push| of(push).as_secs_f64()).collect() };
    let (total, parts) = (series(&|push| push.total), series(&Push::parts));
    let own = series(&|push| push.total.saturating_sub(push.parts()));
    let whole = Reading::of("push to Fleet", Unit::Seconds, &total)?.beside("the sum of its parts", &total, &parts);
    let own = Reading::of("the pipeline's own part", Unit::Seconds, &own)?.target(Target::AtMost(2.0));
    let mut readings = vec![whole, own];
    for (place, action) in ACTIONS.iter().enumerate() {
        let took = series(&|push| push.actions[place]);
        readings.push(Reading::of(format!("commands of {action}"), Unit::Seconds, &took)?);
    }
    Ok(readings)
}

/// Makes a change of the service's source that changes nothing else, and commits it; the commit.
fn change(checkout: &Path, round: usize) -> anyhow::Result<String> {
    let path = checkout.join("service/src/handlers.rs");
    let mut file = OpenOptions::new().append(true).open(&path)?;
    writeln!(file, "// Change {round} of a measurement.")
        .with_context(|| format!("cannot write {}", path.display()))?;
    let author = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    let message = format!("Change {round}");
    git(
        checkout,
        &[&author[..], &["commit", "--quiet", "--all", "--message", &message]].concat(),
    )?;
    git(checkout, &["rev-parse", "HEAD"])
}

/// Waits until a commit's execution has ended well.
async fn deployed(aws: &Aws, pipeline: &str, commit: &str, pushed: SystemTime) -> anyhow::Result<Push> {
    let wait = async {
        loop {
            let executions = aws.executions(pipeline).await?;
            let of_commit = executions.into_iter().find(|execution| {
                execution
                    .revision
                    .as_ref()
                    .is_some_and(|revision| revision.id == commit)
            });
            match of_commit {
                Some(execution) if !execution.is_running() => return anyhow::Ok(execution),
                _ => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    };
    let execution = tokio::time::timeout(LIMIT, wait).await;
    let execution = execution.with_context(|| format!("{commit} isn't deployed after {LIMIT:?}"))??;
    if execution.status != "Succeeded" {
        bail!("the execution of {commit} ended as {}", execution.status);
    }
    let mut ended = pushed;
    let mut actions = [Duration::ZERO; ACTIONS.len()];
    for action in aws.actions(pipeline, &execution.id).await? {
        ended = action.updated.map_or(ended, |updated| ended.max(updated));
        let place = ACTIONS.iter().position(|name| *name == action.name);
        if let (Some(place), Some(id)) = (place, &action.build) {
            let build = aws.build(id).await?.context("CodeBuild has forgotten a build")?;
            actions[place] += build.worked;
        }
    }
    ensure!(
        actions.iter().all(|took| !took.is_zero()),
        "an action ran no command: {actions:?}"
    );
    let total = ended.duration_since(pushed).context("the clock was set back")?;
    Ok(Push { total, actions })
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let shell = Shell::new()?;
    shell.change_dir(folder);
    Ok(cmd!(shell, "git {arguments...}").quiet().read()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_actions_is_the_pipelines_own() {
        let seconds = |actions: [u64; 5]| actions.map(Duration::from_secs);
        let push = |total, actions| Push {
            total: Duration::from_secs(total),
            actions: seconds(actions),
        };
        let readings = readings(&[push(20, [10, 1, 1, 4, 3]), push(21, [11, 1, 1, 3, 3])]).unwrap();
        let values: Vec<(&str, f64)> = readings
            .iter()
            .map(|reading| (reading.what.as_str(), reading.value))
            .collect();
        assert_eq!(values[..2], [("push to Fleet", 20.5), ("the pipeline's own part", 1.5)]);
        assert_eq!(values[2..].len(), ACTIONS.len());
        assert!(self::readings(&[]).is_err());
    }
}
