//! A local cloud for one test.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client;

/// The most that anything here may take: a first build of the service is the longest.
const LIMIT: Duration = Duration::from_mins(10);

/// A local cloud that ends with its test, and nothing of it stays.
pub(crate) struct Cloud {
    home: TempDir,
    docker_host: Option<String>,
    settings: Vec<String>,
    _turn: File,
}

/// What a command left.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What `running.json` says.
pub(crate) struct Endpoint {
    pub(crate) address: String,
    pub(crate) process_id: u32,
}

impl Cloud {
    /// With tasks as processes, 60 times faster than AWS.
    pub(crate) fn new() -> Self {
        Self::with_runtime("process")
    }

    pub(crate) fn with_runtime(runtime: &str) -> Self {
        let turn_file = target_folder().join("end-to-end.lock");
        let turn = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(turn_file)
            .unwrap();
        turn.lock().unwrap();
        let settings = ["--local", "--runtime", runtime, "--speed", "60"]
            .map(str::to_owned)
            .to_vec();
        Self {
            home: tempfile::tempdir().unwrap(),
            docker_host: None,
            settings,
            _turn: turn,
        }
    }

    /// With tasks as containers of the daemon at this `DOCKER_HOST`.
    pub(crate) fn with_docker_at(docker_host: &str) -> Self {
        let mut cloud = Self::with_runtime("docker");
        cloud.docker_host = Some(docker_host.to_owned());
        cloud
    }

    /// With tasks as processes, on a machine that seems to have no Docker.
    pub(crate) fn without_docker() -> Self {
        let mut cloud = Self::new();
        cloud.docker_host = Some("unix:///dev/null".to_owned());
        cloud
    }

    /// The folder that it has to itself.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs `cargo xtask` on this local cloud.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Outcome {
        self.run(self.command(arguments))
    }

    /// Runs it with the settings of this local cloud, and expects success.
    pub(crate) fn local(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command(arguments);
        command.args(&self.settings);
        let outcome = self.run(command);
        outcome.expect(0);
        outcome
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Gives a command what it finds this local cloud by.
    pub(crate) fn surround(&self, command: &mut Command) {
        command.env("LOCAL_CLOUD_HOME", self.home.path()).env("NO_COLOR", "1");
        if let Some(docker_host) = &self.docker_host {
            command.env("DOCKER_HOST", docker_host);
        }
        // What the person who runs the tests has set for AWS must not reach it.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
    }

    #[expect(clippy::unused_self, reason = "a command belongs to its cloud")]
    pub(crate) fn run(&self, command: Command) -> Outcome {
        Outcome::of(command)
    }

    /// Puts a state in the place of what a local cloud wrote.
    pub(crate) fn write_state(&self, text: &str) {
        fs::write(self.home.path().join("state.json"), text).unwrap();
    }

    /// What a local cloud wrote last.
    pub(crate) fn state(&self) -> String {
        fs::read_to_string(self.home.path().join("state.json")).unwrap()
    }

    /// Deploys the sandbox and gives its endpoint.
    pub(crate) fn deploy(&self) -> String {
        self.local(&["deploy", "sandbox", "--yes"]);
        let endpoint = self.local(&["outputs", "sandbox", "WebAPIEndpoint"]).stdout;
        endpoint.trim_end().to_owned()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let text = fs::read(self.home.path().join("running.json")).unwrap();
        let running: Value = serde_json::from_slice(&text).unwrap();
        Endpoint {
            address: running["endpoint"]
                .as_str()
                .unwrap()
                .trim_start_matches("http://")
                .to_owned(),
            process_id: running["process_id"].as_u64().unwrap().try_into().unwrap(),
        }
    }

    /// One of AWS's calls in the JSON protocol.
    pub(crate) fn json(&self, service: &str, operation: &str, input: &Value) -> Value {
        let prefix = match service {
            "codebuild" => "CodeBuild_20161006",
            "codecommit" => "CodeCommit_20150413",
            "codepipeline" => "CodePipeline_20150709",
            "ecs" => "AmazonEC2ContainerServiceV20141113",
            "logs" => "Logs_20140328",
            _ => "AmazonEC2ContainerRegistry_V20150921",
        };
        let target = format!("{prefix}.{operation}");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        let answer = client::call(&self.endpoint().address, service, &headers, &input.to_string());
        serde_json::from_str(&answer.body).unwrap()
    }

    /// One of AWS's calls in the query protocol: the status and the XML.
    pub(crate) fn query(&self, service: &str, fields: &[(&str, &str)]) -> client::Answer {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let form = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect::<Vec<_>>()
            .join("&");
        client::call(
            &self.endpoint().address,
            service,
            &[("content-type", "application/x-www-form-urlencoded")],
            &form,
        )
    }

    /// ECS's description of both services.
    pub(crate) fn services(&self) -> Vec<Value> {
        let services = [format!("{APPLICATION}-Onebox"), format!("{APPLICATION}-Fleet")];
        let input = serde_json::json!({"cluster": CLUSTER, "services": services});
        self.json("ecs", "DescribeServices", &input)["services"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The ids of the running tasks.
    pub(crate) fn tasks(&self) -> BTreeSet<String> {
        let arns = self.json("ecs", "ListTasks", &serde_json::json!({"cluster": CLUSTER}));
        arns["taskArns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arn| arn.as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until both services run what they want and nothing else.
    pub(crate) fn settle(&self) {
        until("both services are stable", || {
            self.services().iter().all(|service| {
                let completed = service["deployments"][0]["rolloutState"] == "COMPLETED";
                completed
                    && service["deployments"].as_array().unwrap().len() == 1
                    && service["runningCount"] == service["desiredCount"]
            })
        });
    }

    /// The processes that run out of this local cloud's folder: its tasks.
    pub(crate) fn task_processes(&self) -> BTreeSet<i32> {
        let home = self.home.path().canonicalize().unwrap();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        ids.filter(|id| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|program| program.starts_with(&home)))
            .collect()
    }

    pub(crate) fn kill(process_id: i32) {
        let process = rustix::process::Pid::from_raw(process_id).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.xtask(&["local", "stop"]);
    }
}

impl Outcome {
    /// Runs a command to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: status.code(),
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    #[track_caller]
    pub(crate) fn expect(&self, code: i32) {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
    }
}

pub(crate) const APPLICATION: &str = "OneBoxDeploymentOnECS";
pub(crate) const CLUSTER: &str = "OneBoxDeploymentOnECS-Sandbox";
pub(crate) const SERVICE_STACK: &str = "OneBoxDeploymentOnECS-Service-Sandbox";

/// Waits for a condition, asking again and again.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The checkout's `target`, which every test of it shares.
fn target_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    fs::create_dir_all(&folder).unwrap();
    folder
}
