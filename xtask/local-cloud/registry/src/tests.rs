//! The registry over its wire.

mod artifacts;
mod client;
mod docker;
mod protocol;

use crate::{Deletion, Digest, Limits, Policy, Registry, Repositories};
use client::{Client, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, index, manifest};
use std::path::Path;
use std::sync::Arc;

/// `mutable` and `immutable`, and whatever begins with `team/`.
pub(crate) struct Repository;

impl Repositories for Repository {
    fn policy(&self, name: &str) -> Option<Policy> {
        let known = name == "mutable" || name == "immutable" || name.starts_with("team/");
        known.then_some(Policy {
            immutable_tags: name == "immutable",
        })
    }

    fn authorized(&self, username: &str, password: &str) -> bool {
        username == "AWS" && ["secret", "reader's"].contains(&password)
    }

    fn refusal(&self, password: &str, action: &str, repository: &str) -> Option<String> {
        let reads = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:ListImages"];
        let refused = password == "reader's" && !reads.contains(&action);
        refused.then(|| format!("{action} on {repository}: no"))
    }
}

pub(crate) fn open(folder: &Path) -> Registry {
    let limits = Limits {
        blob_bytes: 1 << 20,
        manifest_bytes: 4096,
        open_uploads: 8,
    };
    Registry::open_with(folder, Arc::new(Repository), limits).unwrap()
}

fn config(architecture: &str) -> String {
    format!(
        r#"{{"architecture":"{architecture}","os":"linux","config":{{"Entrypoint":["/service"],"Cmd":null,
        "Env":["A=b"],"User":"65532:65532","WorkingDir":"/","StopSignal":"SIGQUIT"}}}}"#
    )
}

fn host() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    }
}

#[tokio::test]
async fn an_image_is_described_as_ecr_does() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let client = Client::new(&registry, "team/service");
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(1);
    let image = client.push(&config(host()), &["layer one", "layer two"], "v1").await;
    client.tag(&image, "v2").await;

    let images = registry.images("team/service").unwrap();
    let [described] = images.as_slice() else {
        panic!("{images:?}")
    };
    assert_eq!(described.digest, image.digest);
    assert_eq!(described.tags, ["v1", "v2"]);
    assert_eq!(described.size_bytes, (config(host()).len() + 18) as u64);
    assert_eq!(described.media_type, DOCKER_MANIFEST);
    assert_eq!(
        described.artifact_media_type.as_deref(),
        Some("application/vnd.docker.container.image.v1+json")
    );
    assert!(before < described.pushed_at && described.pushed_at <= std::time::SystemTime::now());
    assert_eq!(registry.images("team/other").unwrap(), []);
    assert_eq!(registry.images("../blobs").unwrap(), []);
}

#[tokio::test]
async fn an_image_resolves_to_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let client = Client::new(&registry, "mutable");
    let image = client.push(&config(host()), &["layer one", "layer two"], "v1").await;
    let resolved = registry.resolve("mutable", "v1").unwrap().unwrap();
    assert_eq!(
        registry.resolve("mutable", &image.digest.to_string()).unwrap().as_ref(),
        Some(&resolved)
    );
    assert_eq!(resolved.digest, image.digest);
    let contents: Vec<String> = resolved
        .layers
        .iter()
        .map(|layer| std::fs::read_to_string(&layer.path).unwrap())
        .collect();
    assert_eq!(contents, ["layer one", "layer two"]);
    let configuration = resolved.configuration;
    assert_eq!(configuration.entrypoint, ["/service"]);
    assert_eq!(configuration.cmd, Vec::<String>::new());
    assert_eq!(configuration.env, ["A=b"]);
    assert_eq!(configuration.user, "65532:65532");
    assert_eq!(configuration.stop_signal.as_deref(), Some("SIGQUIT"));
    for absent in ["v2", "../v1", "sha256:00", ""] {
        assert_eq!(registry.resolve("mutable", absent).unwrap(), None, "{absent:?}");
    }
}

#[tokio::test]
async fn an_index_resolves_to_this_machines_image() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let client = Client::new(&registry, "mutable");
    let other = client.push(&config("s390x"), &["theirs"], "other").await;
    let own = client.push(&config(host()), &["our own"], "own").await;
    let both = index(&[(&other, "s390x"), (&own, host())]);
    client.put_manifest("both", OCI_INDEX, &both).await.expect(201);
    let resolved = registry.resolve("mutable", "both").unwrap().unwrap();
    assert_eq!(resolved.digest, Digest::of(both.as_bytes()));
    assert_eq!(resolved.manifest_digest, own.digest);

    let only_other = index(&[(&other, "s390x")]);
    client
        .put_manifest("only-other", OCI_INDEX, &only_other)
        .await
        .expect(201);
    let error = registry.resolve("mutable", "only-other").unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("has no image for linux/{}", host())),
        "{error}"
    );

    let deletion = registry.delete_image("mutable", &own.digest.to_string()).unwrap();
    assert_eq!(deletion, Deletion::ReferencedByIndex(vec![Digest::of(both.as_bytes())]));
}

#[tokio::test]
async fn deletion_takes_what_nothing_else_holds() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let client = Client::new(&registry, "mutable");
    let first = client
        .push("{\"architecture\":\"a\",\"os\":\"linux\"}", &["shared", "first"], "one")
        .await;
    client.tag(&first, "uno").await;
    let second = client
        .push(
            "{\"architecture\":\"b\",\"os\":\"linux\"}",
            &["shared", "second"],
            "two",
        )
        .await;
    let elsewhere = Client::new(&registry, "team/copy");
    elsewhere
        .push("{\"architecture\":\"c\",\"os\":\"linux\"}", &["first"], "three")
        .await;
    let blobs = || std::fs::read_dir(folder.path().join("blobs")).unwrap().count();
    assert_eq!(blobs(), 3 + 3 + 3);

    let deletion = registry.delete_image("mutable", "one").unwrap();
    let expected = Deletion::Deleted {
        digest: first.digest.clone(),
        tags: vec!["one".to_owned()],
        image: false,
    };
    assert_eq!(deletion, expected);
    assert!(registry.resolve("mutable", "uno").unwrap().is_some());

    registry.delete_image("mutable", &first.digest.to_string()).unwrap();
    assert_eq!(registry.delete_image("mutable", "uno").unwrap(), Deletion::NotFound);
    // The manifest and its config are gone; `first` lives elsewhere, `shared` in the other image.
    assert_eq!(blobs(), 3 + 3 + 3 - 2);
    client.blob("first").await.expect(404);
    client.blob("shared").await.expect(200);
    elsewhere.blob("first").await.expect(200);
    assert!(
        registry
            .resolve("mutable", &second.digest.to_string())
            .unwrap()
            .is_some()
    );

    registry.delete_repository("mutable").unwrap();
    assert_eq!(registry.images("mutable").unwrap(), []);
    assert_eq!(blobs(), 3);
    registry.delete_repository("mutable").unwrap();
    registry.delete_repository("..").unwrap();
    assert_eq!(blobs(), 3);
}

#[tokio::test]
async fn what_was_acknowledged_outlives_the_process_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let image = {
        let registry = open(folder.path());
        let client = Client::new(&registry, "mutable");
        let image = client.push(&config(host()), &["layer"], "v1").await;
        let upload = client.begin().await;
        client.send("PATCH", &upload, &[], b"half".to_vec()).await.expect(202);
        // A killed process runs no destructors.
        std::mem::forget(client);
        image
    };
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 1);
    // What a kill between two renames leaves: content that nobody points to.
    std::fs::write(folder.path().join("blobs").join("f".repeat(64)), "stray").unwrap();

    let registry = open(folder.path());
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(folder.path().join("blobs")).unwrap().count(), 3);
    let client = Client::new(&registry, "mutable");
    client
        .send("GET", "/v2/mutable/manifests/v1", &[], Vec::new())
        .await
        .expect(200);
    assert_eq!(registry.images("mutable").unwrap()[0].digest, image.digest);
}

#[tokio::test]
async fn the_folder_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("registry");
    let registry = open(&folder);
    Client::new(&registry, "mutable")
        .push(&config(host()), &["layer"], "v1")
        .await;
    for path in [folder.clone(), folder.join("blobs"), folder.join("repositories")] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", path.display());
    }
}
