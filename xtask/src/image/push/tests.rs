//! Pushing an image to a real registry, both ways.

mod debian_registry;

use super::*;
use crate::{docker::engine_for_test, image::registry::tests::TestRegistry};

/// A built image around these bytes, in a folder of its own.
fn image(binary: &[u8]) -> (BuiltImage, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let architecture = constants::architecture::ARCHITECTURE;
    let contents = Contents::of(binary, architecture, "4f1c", &[]).unwrap();
    layout::write(folder.path(), &contents).unwrap();
    let image = BuiltImage {
        manifest_digest: contents.manifest.digest.clone(),
        size_bytes: contents.size_bytes(),
        binary_bytes: binary.len() as u64,
        executable: folder.path().join("service"),
        directory: folder.path().to_owned(),
    };
    (image, folder)
}

async fn push_to(registry: &TestRegistry, name: &str, image: &BuiltImage, how: PushRoute) -> anyhow::Result<Pushed> {
    let repository = format!("{}/{name}", registry.host);
    push(image, &repository, "v1", &RegistryLogin::new("AWS", "secret"), how).await
}

#[tokio::test]
async fn pushes_directly_and_only_once() {
    let registry = TestRegistry::start().await;
    let (image, _folder) = image(b"a binary");
    let first = push_to(&registry, "service", &image, PushRoute::Direct).await.unwrap();
    let reference = format!("{}/service@{}", registry.host, image.manifest_digest);
    assert_eq!(
        first,
        Pushed {
            reference: reference.clone(),
            route: UsedRoute::Direct,
            already_there: false
        }
    );
    let second = push_to(&registry, "service", &image, PushRoute::Direct).await.unwrap();
    assert_eq!(
        second,
        Pushed {
            reference,
            route: UsedRoute::Neither,
            already_there: true
        }
    );

    let [held] = &registry.registry.images("service").unwrap()[..] else {
        panic!("one image was pushed");
    };
    assert_eq!(held.digest.to_string(), image.manifest_digest);
    assert_eq!(held.tags, ["v1"]);
    let resolved = registry.registry.resolve("service", "v1").unwrap().unwrap();
    assert_eq!(resolved.configuration.entrypoint, ["/service"]);
}

#[tokio::test]
async fn a_tag_stays_with_its_image() {
    let registry = TestRegistry::start().await;
    let (one, _folder) = image(b"a binary");
    push_to(&registry, "service", &one, PushRoute::Direct).await.unwrap();
    let (other, _folder) = image(b"another binary");
    let error = push_to(&registry, "service", &other, PushRoute::Direct)
        .await
        .unwrap_err();
    let expected = format!(
        "{}/service:v1 is another image ({}); a tag stays with its image, so this one needs another tag",
        registry.host, one.manifest_digest
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn docker_pushes_the_same_image() {
    let Some(engine) = engine_for_test().await else { return };
    let registry = TestRegistry::start().await;
    let (image, _folder) = image(b"a binary for docker");
    let first = push_to(&registry, "service", &image, PushRoute::Docker).await.unwrap();
    assert_eq!(first.route, UsedRoute::Docker);
    // Whichever way it came, it is recognised, and keeps the reference that it has.
    let second = push_to(&registry, "service", &image, PushRoute::Direct).await.unwrap();
    assert!(second.already_there);
    assert_eq!(second.reference, first.reference);

    // The configuration is ours to the byte; compression aside, so are the layers.
    let directly = push_to(&registry, "other", &image, PushRoute::Direct).await.unwrap();
    assert_eq!(directly.route, UsedRoute::Direct);
    let by_docker = registry.registry.resolve("service", "v1").unwrap().unwrap();
    let by_us = registry.registry.resolve("other", "v1").unwrap().unwrap();
    assert_eq!(by_docker.configuration, by_us.configuration);
    assert_eq!(
        engine.images_of(&registry.host).await.unwrap(),
        [].into(),
        "Docker keeps it"
    );
}

#[tokio::test]
async fn docker_repeats_the_registrys_words() {
    let Some(engine) = engine_for_test().await else { return };
    let registry = TestRegistry::start().await;
    let (image, _folder) = image(b"a binary for nobody");
    let contents = layout::read(&image.directory, &image.manifest_digest).unwrap();
    let repository = format!("{}/service", registry.host);
    engine
        .load(docker_archive(&contents, &repository, "v1").unwrap())
        .await
        .unwrap();
    let error = engine.push(&repository, "v1", "AWS", "wrong").await.unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.starts_with(&format!("Docker can't push to {repository}: ")),
        "{error}"
    );
    engine.remove(&format!("{repository}:v1")).await.unwrap();

    let error = engine.load(b"no archive".to_vec()).await.unwrap_err();
    assert!(
        format!("{error:#}").starts_with("Docker can't load the image: "),
        "{error:#}"
    );
}

#[test]
fn a_password_is_not_printed() {
    let login = RegistryLogin::new("AWS", "secret-token");
    assert_eq!(
        format!("{login:?}"),
        r#"RegistryLogin { username: "AWS", password: (hidden) }"#
    );
}
