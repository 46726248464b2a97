//! What the command line asks of AWS, held against the models that AWS's own clients are made from, and, both ways, against
//! the list of calls in `docs/permissions.md`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use optional_programs::Program;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::pinned;
use super::transcript::{commit_build, push};
use crate::cloud::{Cloud, Outcome, until};
use crate::recorder::{Recorder, Request, lines};
use crate::signals::{heeding, send};
use crate::update::stack_is;

const DESTROY_ALL: &[&str] = &[
    "destroy",
    "--all",
    "--yes",
    "--confirm",
    "OneBoxDeploymentOnECS-Service-Prod",
];

/// Listed, and not seen by the walk below: each call with the commands, and why.
const UNSEEN: &[(&str, &[&str], &str)] = &[
    (
        "cloudformation:ContinueUpdateRollback",
        &["deploy"],
        "where an alarm stops what CloudFormation restores after a cancellation",
    ),
    (
        "cloudformation:DeleteChangeSet",
        &["rollback"],
        "what it changes is there to be changed: only who declines at a terminal, or comes too late, sees it deleted",
    ),
    (
        "cloudformation:DescribeStackEvents",
        &["diff"],
        "tells who holds the stack, where somebody does",
    ),
    (
        "cloudwatch:SetAlarmState",
        &["rehearse"],
        "asked of local clouds of its own",
    ),
    (
        "codepipeline:GetPipeline",
        &["pipeline", "pipeline retry"],
        "for what is shown at a terminal only",
    ),
    (
        "ecr:BatchDeleteImage",
        &["deploy"],
        "where there are more earlier releases than are kept",
    ),
    (
        "servicequotas:GetAWSDefaultServiceQuota",
        &["doctor"],
        "where an account has no quota of its own; the local cloud has no quotas at all",
    ),
];

/// Holds a file of requests against botocore's models.
#[track_caller]
fn hold_against_models(python: &Path, file: &Path) {
    let mut command = Command::new(python);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/requests.py");
    command.arg(script).arg(file).env("PYTHONDONTWRITEBYTECODE", "1");
    let outcome = Outcome::of(command);
    println!("{}", outcome.stdout);
    outcome.expect(0);
}

/// The snapshot has every listed call; `aws/calls/tests/requests.rs` sees to that.
#[test]
fn every_listed_call_is_as_the_service_models_say() {
    let Some(python) = pinned(Program::Boto3) else { return };
    let file =
        "src/aws/calls/tests/snapshots/xtask__aws__calls__tests__requests__every_listed_call_as_it_goes_out.snap";
    hold_against_models(&python, &Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
}

/// A command and a call that it makes, as the page has them.
type Pair = (String, String);

/// Every command with every call that the table of the page says it may make; those that every command makes are under
/// `every command`.
fn listed() -> BTreeSet<Pair> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md")).unwrap();
    let (table, _) = page.split_once("## Rights that no call is named after").unwrap();
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
        let call = cells[0].strip_prefix("| `")?.strip_suffix('`')?;
        let commands = cells.get(2)?.split(", ");
        let commands = commands.map(|command| match command.strip_prefix("every command") {
            Some(_) => EVERY.to_owned(),
            None => command.trim_matches('`').to_owned(),
        });
        Some(commands.map(|command| (command, call.to_owned())).collect::<Vec<_>>())
    });
    rows.flatten().collect()
}

/// What stands for all commands.
const EVERY: &str = "every command";

/// A call as the page names it: CloudWatch is signed for by another name than IAM's.
fn call(request: &Request) -> String {
    let service = if request.service == "monitoring" {
        "cloudwatch"
    } else {
        &request.service
    };
    format!("{service}:{}", request.operation())
}

/// Commands, one after another, each through the recorder. Most run without `--local`, as on AWS. Those that judge would
/// take AWS's real minutes that way, so they find the recorder in the place of a local cloud.
struct Walk {
    cloud: Cloud,
    recorder: Recorder,
    /// What a local cloud's folder would have whose address is the recorder's.
    home: TempDir,
    /// Held, as a local cloud does while it runs.
    _lock: File,
    listed: BTreeSet<Pair>,
    seen: BTreeSet<Pair>,
    requests: Vec<Request>,
    /// What went otherwise than it must: told together, as a walk takes minutes.
    problems: Vec<String>,
}

impl Walk {
    fn new(cloud: Cloud) -> Self {
        let recorder = Recorder::before(&cloud.endpoint().address);
        let home = tempfile::tempdir().unwrap();
        let running = fs::read_to_string(cloud.home().join("running.json")).unwrap();
        let mut running: Value = serde_json::from_str(&running).unwrap();
        running["endpoint"] = recorder.url.clone().into();
        fs::write(home.path().join("running.json"), running.to_string()).unwrap();
        let lock = File::create(home.path().join("lock")).unwrap();
        lock.lock().unwrap();
        Self {
            cloud,
            recorder,
            home,
            _lock: lock,
            listed: listed(),
            seen: BTreeSet::new(),
            requests: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.cloud.command(arguments);
        command
            .env("AWS_ENDPOINT_URL", &self.recorder.url)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_REGION", "us-east-1");
        if let ["deploy" | "rollback", "sandbox", ..] = arguments {
            command.arg("--local").env("LOCAL_CLOUD_HOME", self.home.path());
        }
        command
    }

    /// Runs a command; what it asked is what its rows in the list say.
    fn step(&mut self, name: &str, arguments: &[&str], code: i32) -> Outcome {
        let command = self.command(arguments);
        self.run(name, command, code)
    }

    fn run(&mut self, name: &str, command: Command, code: i32) -> Outcome {
        let told = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let outcome = self.cloud.run(command);
        if outcome.code != Some(code) {
            let (code, said) = (outcome.code, &outcome.stderr);
            println!("{told} ended as {code:?}");
            self.problems.push(format!("{told} ended as {code:?}: {said}"));
        }
        self.take(name);
        outcome
    }

    /// Runs a command that changes the service, and presses Ctrl-C twice while the change goes on: CloudFormation stops it.
    fn stop(&mut self, name: &str, arguments: &[&str]) {
        let mut child = heeding(&self.command(&[arguments, &["--json"]].concat()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        for code in ["resource-began", "leaving"] {
            if !events.any(|event| event["code"] == code) {
                self.problems.push(format!("{arguments:?} ended before it told {code}"));
                break;
            }
            send(&child, Signal::INT);
        }
        let result = events.last().unwrap_or_default();
        child.wait().unwrap();
        if result["error"].as_str().unwrap_or_default().ends_with("rolls it back") {
            until("the change is undone", || {
                stack_is(&self.cloud, "UPDATE_ROLLBACK_COMPLETE")
            });
        } else {
            self.problems.push(format!("{arguments:?} stopped nothing: {result}"));
        }
        self.take(name);
    }

    /// What was asked since, by this command.
    fn take(&mut self, name: &str) {
        let requests = self.recorder.take();
        let made: BTreeSet<String> = requests.iter().map(call).collect();
        for call in made {
            // What resumes a deployment does what deploys do as well.
            let also = if name == "deploy --resume" { "deploy" } else { name };
            let by = [EVERY, name, also].map(|by| (by.to_owned(), call.clone()));
            if let Some(pair) = by.into_iter().find(|pair| self.listed.contains(pair)) {
                self.seen.insert(pair);
            } else {
                let problem = format!("`{name}` calls {call}, which the list doesn't give it");
                self.problems.push(problem);
            }
        }
        self.requests.extend(requests);
    }

    /// The next creation of a resource of this type fails.
    fn fail_next(&self, resource: &str) {
        let reason = ["--reason", "to see it fail"];
        let arguments = [&["local", "fault", "add", "resource", resource][..], &reason].concat();
        self.cloud.xtask(&arguments).expect(0);
    }
}

/// The life of a sandbox, good and bad.
fn sandbox(walk: &mut Walk) {
    let deploy = ["deploy", "sandbox", "--yes"];
    let bad = [&deploy[..], &["--fault", "exit-at-start"]].concat();
    // There is nobody to ask.
    walk.step("deploy", &["deploy", "sandbox"], 3);
    walk.fail_next("AWS::ECS::Cluster");
    walk.step("deploy", &deploy, 5);
    walk.step("deploy", &deploy, 0);
    walk.step("diff", &["diff", "sandbox"], 0);
    walk.step("diff --drift", &["diff", "sandbox", "--drift"], 0);
    walk.step("deploy", &bad, 5);
    walk.step("status", &["status", "sandbox"], 0);
    walk.step("outputs", &["outputs", "sandbox"], 0);
    walk.step("logs", &["logs", "sandbox"], 0);
    walk.step("load", &["load", "sandbox", "--duration", "1s", "--rate", "10"], 0);
    let image = walk.step("image push", &["image", "push", "sandbox", "--binary", "bootstrap"], 0);
    let left = [&deploy[..], &["--detach", "--image", image.stdout.trim_end()]].concat();
    walk.step("deploy", &left, 0);
    let resume = ["deploy", "sandbox", "--resume", "--yes", "--accept", "the walk"];
    walk.step("deploy --resume", &resume, 0);
    walk.step("rollback", &["rollback", "sandbox", "--yes"], 0);
    restored(walk, image.stdout.trim_end());
    stopped(walk, image.stdout.trim_end());
    walk.step("destroy", &["destroy", "sandbox", "--yes"], 0);
}

/// The digest of a release by what it is like.
fn release(walk: &mut Walk, is_meant: impl Fn(&Value) -> bool) -> String {
    let listed = walk.step("releases", &["releases", "sandbox", "--json"], 0);
    let result: Value = serde_json::from_str(listed.stdout.lines().last().unwrap()).unwrap();
    let releases = result["releases"].as_array().unwrap();
    let found = releases.iter().find(|release| is_meant(release)).unwrap();
    found["digest"].as_str().unwrap().to_owned()
}

/// Rollbacks that fail, and one that continues what CloudFormation's own rollback couldn't.
fn restored(walk: &mut Walk, image: &str) {
    let broken = release(walk, |release| release["outcomes"][0]["outcome"] == "rolled back");
    walk.step("rollback", &["rollback", "sandbox", "--yes", "--to", &broken], 6);
    walk.fail_next("OneboxService");
    walk.cloud.fault(&["add", "rollback", "OneboxService"]);
    walk.step("deploy", &["deploy", "sandbox", "--yes", "--image", image], 6);
    walk.step("rollback", &["rollback", "sandbox", "--yes"], 0);
}

/// Deployments of this image that are stopped once they have begun: by a rollback, and by Ctrl-C twice.
fn stopped(walk: &mut Walk, image: &str) {
    let left = ["deploy", "sandbox", "--yes", "--detach", "--image", image];
    walk.step("deploy", &left, 0);
    walk.step("rollback", &["rollback", "sandbox", "--yes"], 0);
    walk.step("deploy", &left, 0);
    walk.stop("deploy --resume", &["deploy", "sandbox", "--resume", "--yes"]);
}

/// The life of a pipeline, with pushes whose build fails, or would last.
fn pipeline(walk: &mut Walk) {
    let folder = tempfile::tempdir().unwrap();
    walk.step("deploy toolchain", &["deploy", "toolchain"], 3);
    walk.fail_next("AWS::CodePipeline::Pipeline");
    walk.step("deploy toolchain", &["deploy", "toolchain", "--yes"], 5);
    walk.step("deploy toolchain", &["deploy", "toolchain", "--yes"], 0);
    // As the pipeline changes itself.
    let role = walk.step("outputs", &["outputs", "toolchain", "ToolchainDeploymentRoleArn"], 0);
    let role = role.stdout.trim_end();
    walk.step("deploy toolchain", &["deploy", "toolchain", "--yes", "--role", role], 0);
    walk.step("diff", &["diff", "toolchain"], 0);
    walk.step("status", &["status", "toolchain"], 0);
    walk.step("destroy", DESTROY_ALL, 0);
    // The source stays, and would be in the way of the same again.
    let source = serde_json::json!({"repositoryName": "oneboxdeploymentonecs"});
    walk.cloud.json("codecommit", "DeleteRepository", &source);
    walk.fail_next("AWS::CodePipeline::Pipeline");
    commit_build(&walk.cloud, folder.path(), "exit 1");
    // The first has nobody to ask; the third pushes, and its push starts an execution; the last starts one itself.
    for (yes, code) in [(None, 3), (Some("--yes"), 5), (Some("--yes"), 1), (Some("--yes"), 1)] {
        let mut command = walk.command(&["pipeline"]);
        command.args(yes);
        // It runs what is committed where it is called, which here is none of the project's.
        command.current_dir(folder.path()).env_remove("CARGO_MANIFEST_DIR");
        walk.run("pipeline", command, code);
    }
    walk.step("pipeline status", &["pipeline", "status"], 0);
    walk.step("pipeline retry", &["pipeline", "retry"], 1);
    commit_build(&walk.cloud, folder.path(), "sleep 600");
    push(&walk.cloud, folder.path());
    let input = serde_json::json!({"pipelineName": "OneBoxDeploymentOnECS"});
    until("the build runs", || {
        let listed = walk.cloud.json("codepipeline", "ListPipelineExecutions", &input);
        listed["pipelineExecutionSummaries"][0]["status"] == "InProgress"
    });
    walk.step("pipeline stop", &["pipeline", "stop", "--abandon"], 0);
}

/// A cargo that passes over tests, which ask nothing of AWS.
fn without_tests(folder: &Path) -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let program = folder.join("cargo");
    fs::write(
        &program,
        format!("#!/bin/sh\n[ \"$1\" = test ] || exec '{cargo}' \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn real_commands_make_their_listed_calls_and_no_others_as_the_service_models_say() {
    let Some(python) = pinned(Program::Boto3) else { return };
    let cloud = Cloud::new();
    cloud
        .xtask(&["local", "start", "--runtime", "process", "--speed", "60"])
        .expect(0);
    let folder = tempfile::tempdir().unwrap();
    let mut walk = Walk::new(cloud);
    sandbox(&mut walk);
    pipeline(&mut walk);
    let mut build = walk.command(&["build", "prod", "--out", folder.path().join("out").to_str().unwrap()]);
    build.env("CARGO", without_tests(folder.path()));
    walk.run("build", build, 0);
    walk.step("doctor", &["doctor"], 0);
    walk.step("destroy", DESTROY_ALL, 0);

    let explained: BTreeSet<Pair> = UNSEEN
        .iter()
        .flat_map(|(call, commands, _)| {
            commands
                .iter()
                .map(|command| ((*command).to_owned(), (*call).to_owned()))
        })
        .collect();
    let unseen: BTreeSet<Pair> = walk.listed.difference(&walk.seen).cloned().collect();
    for (command, call) in unseen.difference(&explained) {
        walk.problems
            .push(format!("`{command}` is listed with {call}, and never made it"));
    }
    for (command, call) in explained.difference(&unseen) {
        walk.problems
            .push(format!("`{command}` made {call}, which is said not to be seen"));
    }
    assert!(walk.problems.is_empty(), "{}", walk.problems.join("\n"));
    let file = folder.path().join("requests");
    fs::write(&file, lines(&walk.requests)).unwrap();
    hold_against_models(&python, &file);
}
