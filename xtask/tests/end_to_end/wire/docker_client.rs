//! Docker's own client against the registry.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use optional_programs::skip_without;
use serde_json::{Value, json};

use crate::cloud::{Cloud, until};
use crate::docker::DOCKER;

const REPOSITORY: &str = "trial/program";

/// Docker's client with logins of its own, in this folder.
struct Docker<'a> {
    logins: &'a Path,
}

/// What the engine got of this test, gone when it ends, however it ends.
struct Images<'a>(&'a Docker<'a>, Vec<String>);

impl Docker<'_> {
    fn run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new("docker")
            .arg("--config")
            .arg(self.logins)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments, "").unwrap()
    }

    fn login(&self, host: &str, password: &str) -> Result<String, String> {
        self.run(&["login", "--username", "AWS", "--password-stdin", host], password)
    }
}

impl Drop for Images<'_> {
    fn drop(&mut self) {
        for image in &self.1 {
            drop(self.0.run(&["rmi", "--force", image], ""));
        }
    }
}

#[test]
fn docker_logs_in_pushes_and_pulls_by_digest() {
    if skip_without(DOCKER) {
        return;
    }
    let cloud = Cloud::new();
    cloud.xtask(&["local", "start", "--runtime", "process"]).expect(0);
    make_repository(&cloud);
    let host = cloud.endpoint().address;
    let folder = tempfile::tempdir().unwrap();
    let docker = Docker {
        logins: &folder.path().join("logins"),
    };
    let tagged = format!("{host}/{REPOSITORY}:v1");
    let archive = folder.path().join("layer.tar");
    std::fs::write(&archive, layer(host.as_bytes())).unwrap();
    let mut images = Images(&docker, vec![tagged.clone()]);
    docker.ok(&["import", archive.to_str().unwrap(), &tagged]);

    let anonymous = docker.run(&["push", &tagged], "").unwrap_err();
    assert!(anonymous.contains("no basic auth credentials"), "{anonymous}");
    let wrong = docker.login(&host, "wrong").unwrap_err();
    assert!(wrong.contains("401 Unauthorized"), "{wrong}");
    docker.login(&host, &password(&cloud)).unwrap();
    docker.ok(&["push", &tagged]);
    docker.ok(&["rmi", &tagged]);

    let described = cloud.json("ecr", "DescribeImages", &json!({"repositoryName": REPOSITORY}));
    let image = &described["imageDetails"][0];
    assert_eq!(image["imageTags"], json!(["v1"]));
    let by_digest = format!("{host}/{REPOSITORY}@{}", image["imageDigest"].as_str().unwrap());
    images.1.push(by_digest.clone());
    docker.ok(&["pull", &by_digest]);
    let digests = docker.ok(&["inspect", "--format", "{{json .RepoDigests}}", &by_digest]);
    assert_eq!(serde_json::from_str::<Value>(&digests).unwrap(), json!([by_digest]));

    docker.ok(&["rmi", &by_digest]);
    docker.ok(&["logout", &host]);
    let left = docker.run(&["pull", &by_digest], "").unwrap_err();
    assert!(left.contains("no basic auth credentials"), "{left}");
}

fn make_repository(cloud: &Cloud) {
    let template = json!({"Resources": {"Repository": {
        "Type": "AWS::ECR::Repository",
        "Properties": {"RepositoryName": REPOSITORY},
    }}});
    let fields = [
        ("Action", "CreateStack"),
        ("StackName", "trial"),
        ("TemplateBody", &template.to_string()),
    ];
    assert_eq!(cloud.query("cloudformation", &fields).status, 200);
    until("there is a repository", || {
        let found = cloud.json("ecr", "DescribeRepositories", &json!({}));
        found["repositories"][0]["repositoryName"] == REPOSITORY
    });
}

/// The password in ECR's token, as `aws ecr get-login-password` takes it out.
fn password(cloud: &Cloud) -> String {
    let answer = cloud.json("ecr", "GetAuthorizationToken", &json!({}));
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    let pair = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    pair.strip_prefix("AWS:").unwrap().to_owned()
}

fn layer(content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "program", content).unwrap();
    archive.into_inner().unwrap()
}
