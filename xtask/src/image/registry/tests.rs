//! The client against a real registry that sometimes fails.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    extract::{Request as Asked, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response as Answer},
};

use super::*;

/// The repository `service`, with immutable tags, open to `AWS` and `secret`.
#[derive(Debug)]
struct Repositories;

impl registry::Repositories for Repositories {
    fn policy(&self, name: &str) -> Option<registry::Policy> {
        (name == "service" || name == "other").then_some(registry::Policy { immutable_tags: true })
    }

    fn authorized(&self, username: &str, password: &str) -> bool {
        (username, password) == ("AWS", "secret")
    }
}

/// What a registry does to a request in place of answering it.
pub(crate) type Fault = fn(number: usize, asked: &Asked) -> Option<Answer>;

/// A registry on loopback.
pub(crate) struct TestRegistry {
    pub(crate) host: String,
    pub(crate) registry: registry::Registry,
    requests: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl TestRegistry {
    /// One without faults.
    pub(crate) async fn start() -> Self {
        Self::with_faults(|_, _| None).await
    }

    pub(crate) async fn with_faults(fault: Fault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry::Registry::open(folder.path(), Arc::new(Repositories)).unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let state = (Arc::clone(&requests), fault);
        let routes = registry
            .router()
            .layer(middleware::from_fn_with_state(state, intercept));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            host,
            registry,
            requests,
            _folder: folder,
        }
    }

    pub(crate) fn repository(&self, name: &str, password: &str) -> Repository {
        let login = RegistryLogin::new("AWS", password);
        let mut repository = Repository::new(&format!("{}/{name}", self.host), &login, Code::ImagePush).unwrap();
        repository.first_pause = Duration::from_millis(1);
        repository
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn intercept(State((requests, fault)): State<(Arc<AtomicUsize>, Fault)>, asked: Asked, next: Next) -> Answer {
    match fault(requests.fetch_add(1, Ordering::Relaxed), &asked) {
        Some(answer) => answer,
        None => next.run(asked).await,
    }
}

fn blob() -> Blob {
    Blob::new(b"some bytes".to_vec())
}

/// What becomes of uploading a blob, in words, with the registry's host left out.
async fn check(registry: &TestRegistry, name: &str, password: &str, expected: &str) {
    let result = registry.repository(name, password).put_blob(&blob()).await;
    let seen = result.map_or_else(|error| format!("{error:#}"), |()| "done".to_owned());
    assert_eq!(seen.replace(&registry.host, "HOST"), expected);
}

#[tokio::test]
async fn uploads_a_blob_once() {
    let registry = TestRegistry::start().await;
    check(&registry, "service", "secret", "done").await;
    assert_eq!(registry.requests(), 3);
    check(&registry, "service", "secret", "done").await;
    assert_eq!(registry.requests(), 4, "the second time it only asks");
}

#[tokio::test]
async fn outlives_failures_that_pass() {
    let unavailable: Fault = |number, _| (number < 3).then(|| StatusCode::SERVICE_UNAVAILABLE.into_response());
    check(
        &TestRegistry::with_faults(unavailable).await,
        "service",
        "secret",
        "done",
    )
    .await;
    // A panic ends the connection without an answer.
    let lost: Fault = |number, asked| {
        assert!(number > 4 || asked.method() != Method::PUT, "the connection is lost");
        None
    };
    check(&TestRegistry::with_faults(lost).await, "service", "secret", "done").await;
}

fn is_passing(error: &anyhow::Error) -> bool {
    exit::Failure::of(error).is_some_and(|failure| failure.passing)
}

#[tokio::test]
async fn gives_up_at_last() {
    let registry = TestRegistry::with_faults(|_, _| Some(StatusCode::BAD_GATEWAY.into_response())).await;
    let digest = blob().digest;
    let expected =
        format!("can't upload {digest} in HOST/service after 4 attempts: HOST/service answered 502 Bad Gateway");
    check(&registry, "service", "secret", &expected).await;
    assert_eq!(registry.requests(), 8, "asking and uploading, four times");
    let error = registry.repository("service", "secret").put_blob(&blob()).await;
    assert!(
        !is_passing(&error.unwrap_err()),
        "a registry that answers isn't a lost network"
    );
    // Nobody listens where somebody did: that may be borne for longer.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let nobody = format!("{}/x", listener.local_addr().unwrap());
    drop(listener);
    let mut repository = Repository::new(&nobody, &RegistryLogin::new("AWS", "secret"), Code::ImagePush).unwrap();
    repository.first_pause = Duration::from_millis(1);
    assert!(is_passing(&repository.put_blob(&blob()).await.unwrap_err()));
}

#[tokio::test]
async fn says_why_it_may_not() {
    let registry = TestRegistry::start().await;
    let seen = registry
        .repository("service", "wrong")
        .put_blob(&blob())
        .await
        .unwrap_err();
    let expected = "/service doesn't accept the login; a new one may be needed: ";
    assert!(seen.to_string().contains(expected), "{seen}");
    let seen = registry
        .repository("missing", "secret")
        .put_blob(&blob())
        .await
        .unwrap_err();
    assert!(
        seen.to_string().starts_with("there is no repository 127.0.0.1:"),
        "{seen}"
    );
    let seen = registry
        .repository("missing", "secret")
        .manifest("v1")
        .await
        .unwrap_err();
    assert!(
        seen.to_string().starts_with("there is no repository 127.0.0.1:"),
        "{seen}"
    );

    let denied: Fault = |_, _| {
        let body = r#"{"errors":[{"code":"DENIED","message":"not authorized to perform: ecr:InitiateLayerUpload"}]}"#;
        Some((StatusCode::FORBIDDEN, body).into_response())
    };
    let expected = "HOST/service denies access; the login lacks a permission: \
        DENIED not authorized to perform: ecr:InitiateLayerUpload";
    check(&TestRegistry::with_faults(denied).await, "service", "secret", expected).await;
}

#[tokio::test]
async fn a_wrong_digest_is_no_success() {
    let wrong: Fault = |_, asked| {
        let put = asked.method() == Method::PUT;
        put.then(|| (StatusCode::CREATED, [("docker-content-digest", "sha256:0")]).into_response())
    };
    let registry = TestRegistry::with_faults(wrong).await;
    let expected = format!("the registry reports the digest \"sha256:0\" for {}", blob().digest);
    check(&registry, "service", "secret", &expected).await;
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut repository = Repository::new(
        &format!("{host}/x"),
        &RegistryLogin::new("AWS", "secret"),
        Code::ImagePush,
    )
    .unwrap();
    repository.first_pause = Duration::from_millis(1);
    let error = format!("{:#}", repository.manifest("v1").await.unwrap_err());
    let expected = format!("can't read the manifest v1 in {host}/x after 4 attempts: can't talk to http://{host}: ");
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn a_repository_needs_a_host() {
    for reference in ["service", "team/service", "/service", "host:1/"] {
        let error = Repository::new(reference, &RegistryLogin::new("AWS", "secret"), Code::ImagePush).unwrap_err();
        let expected = format!("`{reference}` is not a repository: it should be host/name or host:port/name");
        assert_eq!(error.to_string(), expected);
    }
}
