//! Pushing to a registry that nobody here wrote: the one that Debian's package `docker-registry` brings, with htpasswd.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use optional_programs::{Program, skip_without};

use super::*;

/// Passwords that could be taken for something else, and what `htpasswd -nbBC 4 AWS <password>` says of them.
const PLAIN: (&str, &str) = (
    "secret",
    "AWS:$2y$04$oUPElHyaa5PN3I9D.kY7LOGekVOxHDhbthV08ZNwdtrRsELv7a9/2",
);
const JSON: (&str, &str) = (
    r#"{"auth": "QVdTOnNlY3JldA=="}"#,
    "AWS:$2y$04$Mic2T.6rEhabA/gTlITGD.fZsYJe40blb/CeejKpQvoOkOm7peui6",
);

/// The longest that the registry may take for anything.
const LIMIT: Duration = Duration::from_secs(30);

/// A registry on loopback that ends with its test.
struct DebianRegistry {
    host: String,
    process: Child,
    folder: tempfile::TempDir,
}

impl DebianRegistry {
    /// Starts one for the user of an htpasswd line. `None` if the package isn't installed and the test is skipped.
    async fn start(line: &str) -> Option<Self> {
        if skip_without(&[Program::DockerRegistry]) {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (host, folder) = (format!("127.0.0.1:{port}"), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("htpasswd"), line).unwrap();
        let process = serve(&host, folder.path());
        let registry = Self { host, process, folder };
        registry.wait_until_it_answers().await;
        Some(registry)
    }

    async fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + LIMIT;
        while tokio::net::TcpStream::connect(&self.host).await.is_err() {
            assert!(Instant::now() < deadline, "docker-registry doesn't answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn again(&mut self) {
        self.process = serve(&self.host, self.folder.path());
        self.wait_until_it_answers().await;
    }

    async fn push(&self, image: &BuiltImage, password: &str, how: PushRoute) -> anyhow::Result<Pushed> {
        let repository = format!("{}/service", self.host);
        push(image, &repository, "v1", &RegistryLogin::new("AWS", password), how).await
    }

    /// Dies as soon as something is being uploaded.
    async fn die_midway(&mut self) {
        let uploads = "data/docker/registry/v2/repositories/service/_uploads";
        let (uploads, deadline) = (self.folder.path().join(uploads), Instant::now() + LIMIT);
        while !uploads.exists() {
            assert!(Instant::now() < deadline, "nothing is uploaded");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for DebianRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(host: &str, folder: &Path) -> Child {
    let configuration = folder.join("config.yml");
    let path = folder.display();
    let text = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {path}/data}}}}\n\
         http: {{addr: '{host}', secret: one}}\nauth: {{htpasswd: {{realm: test, path: {path}/htpasswd}}}}\n"
    );
    std::fs::write(&configuration, text).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(configuration);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test]
async fn takes_the_image_and_keeps_its_digest() {
    for (password, line) in [PLAIN, JSON] {
        let Some(registry) = DebianRegistry::start(line).await else {
            return;
        };
        let (image, _folder) = image(b"a binary");
        let first = registry.push(&image, password, PushRoute::Direct).await.unwrap();
        let reference = format!("{}/service@{}", registry.host, image.manifest_digest);
        assert_eq!((first.reference, first.route), (reference, UsedRoute::Direct));
        let second = registry.push(&image, password, PushRoute::Direct).await.unwrap();
        assert!(second.already_there, "the second push does nothing");
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_and_pushes_nothing() {
    let Some(registry) = DebianRegistry::start(PLAIN.1).await else {
        return;
    };
    let (image, _folder) = image(b"a binary");
    for password in ["wrong", "", "c2VjcmV0", JSON.0, "AWS:secret"] {
        let error = registry.push(&image, password, PushRoute::Direct).await.unwrap_err();
        let expected = format!("{}/service doesn't accept the login", registry.host);
        assert!(error.to_string().starts_with(&expected), "{password}: {error:#}");
    }
    assert!(!registry.folder.path().join("data").exists());
}

#[tokio::test]
async fn is_gone_in_the_middle_and_takes_the_image_when_it_is_back() {
    let Some(mut registry) = DebianRegistry::start(PLAIN.1).await else {
        return;
    };
    // Large enough that the registry is still at it when it dies.
    let binary: Vec<u8> = (0..2_u32 << 20)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9).to_le_bytes())
        .collect();
    let (image, _folder) = image(&binary);
    let repository = format!("{}/service", registry.host);
    let login = RegistryLogin::new("AWS", PLAIN.0);
    let (pushed, ()) = tokio::join!(
        push(&image, &repository, "v1", &login, PushRoute::Direct),
        registry.die_midway()
    );
    let error = format!("{:#}", pushed.unwrap_err());
    assert!(error.starts_with("can't upload sha256:"), "{error}");
    assert!(
        error.contains(&format!("in {repository} after 4 attempts: can't talk to http://")),
        "{error}"
    );
    registry.again().await;
    let pushed = registry.push(&image, PLAIN.0, PushRoute::Direct).await.unwrap();
    assert_eq!(pushed.reference, format!("{repository}@{}", image.manifest_digest));
}

#[tokio::test]
async fn docker_pushes_to_it_with_the_right_password_only() {
    let Some(engine) = engine_for_test().await else { return };
    for (number, (password, line)) in [PLAIN, JSON].into_iter().enumerate() {
        let Some(registry) = DebianRegistry::start(line).await else {
            return;
        };
        let (image, _folder) = image(format!("a binary for another registry, {number}").as_bytes());
        let refused = registry.push(&image, "wrong", PushRoute::Docker).await.unwrap_err();
        assert!(refused.to_string().contains("doesn't accept the login"), "{refused:#}");
        let first = registry.push(&image, password, PushRoute::Docker).await.unwrap();
        assert_eq!(first.route, UsedRoute::Docker);
        let second = registry.push(&image, password, PushRoute::Docker).await.unwrap();
        assert!(second.already_there && second.reference == first.reference);
        assert_eq!(
            engine.images_of(&registry.host).await.unwrap(),
            [].into(),
            "Docker keeps it"
        );
    }
}
