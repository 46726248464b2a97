//! Releases in a real registry. ECR's own API is played from what the registry holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse as _;
use deployment::release::{
    Blob, End, Listed, MANIFEST_TYPE, Outcome, RECORD_TYPE, Record, Release, TagChange, needed, release_tag,
};
use deployment::stage::Stage;
use serde_json::json;

use super::show::Report;
use super::{Created, Listing, Store};
use crate::aws::replay::Replay;
use crate::image::RegistryLogin;
use crate::image::registry::tests::{Fault, TestRegistry};
use crate::telling::report::text as told;

/// The repository `service` of a registry.
struct Rig {
    registry: TestRegistry,
}

impl Rig {
    /// With the images 1 and 2.
    async fn start() -> Self {
        Self::with_faults(|_, _| None).await
    }

    async fn with_faults(fault: Fault) -> Self {
        let rig = Self {
            registry: TestRegistry::with_faults(fault).await,
        };
        let repository = rig.registry.repository("service", "secret");
        for number in [1, 2] {
            let (manifest, blobs) = image(number);
            for blob in blobs {
                repository.put_blob(&blob).await.unwrap();
            }
            repository
                .put(&format!("image-{number}"), MANIFEST_TYPE, &manifest)
                .await
                .unwrap();
        }
        rig
    }

    /// The releases, and ECR's API, which answers once with the images that there are now.
    fn store(&self) -> (Store, Replay) {
        let images = self.registry.registry.images("service").unwrap();
        let details = images.iter().map(|image| {
            let tags: Vec<String> = image.tags.clone();
            json!({"imageDigest": image.digest.to_string(), "imageTags": tags})
        });
        let answer = json!({"imageDetails": details.collect::<Vec<_>>()}).to_string();
        let ecr = Replay::new([(200, answer), (200, "{}".to_owned())]);
        let address = format!("{}/service", self.registry.host);
        let store = Store::with(&ecr.aws(), &address, &RegistryLogin::new("AWS", "secret")).unwrap();
        (store, ecr)
    }

    /// The release of an image with a template of this size.
    fn release(&self, image: u32, size: u32) -> Release {
        let address = format!("{}/service@{}", self.registry.host, self::image(image).0.digest);
        let resources = json!({
            "OneboxService": {"Properties": {"Size": size}, "Metadata": {"Stage": "Onebox"}},
            "FleetService": {"Properties": {"Size": size}, "Metadata": {"Stage": "Fleet"}},
        });
        let template = json!({"Resources": resources}).to_string();
        let parameters = BTreeMap::from([("FleetImage".to_owned(), address.clone())]);
        Release::new(&address, &template, &parameters).unwrap()
    }

    async fn create(&self, image: u32, size: u32, seconds: u64) -> Created {
        let (store, _) = self.store();
        store
            .create(&self.release(image, size), &record(seconds))
            .await
            .unwrap()
    }

    async fn end(&self, release: &Created, seconds: u64, end: End, reason: &str) {
        let outcome = Outcome {
            time: at(seconds),
            environment: "sandbox".to_owned(),
            steps: vec![Stage::Onebox, Stage::Fleet],
            end,
            reason: reason.to_owned(),
            by: "me".to_owned(),
        };
        self.store().0.add_outcome(&release.digest, &outcome).await.unwrap();
    }

    async fn list(&self) -> Listing {
        self.store().0.list().await.unwrap()
    }

    /// What is told instead of finding a release.
    async fn not_found(&self, name: &str) -> String {
        let error = told(&self.store().0.resolve(name).await.unwrap_err());
        error.replace(&self.registry.host, "HOST")
    }
}

/// An image's manifest and blobs.
fn image(number: u32) -> (Blob, [Blob; 2]) {
    let [config, layer] = ["config", "layer"].map(|part| Blob::new(format!("{part} {number}").into_bytes()));
    let describe = |blob: &Blob| json!({"mediaType": "a/b", "digest": blob.digest, "size": blob.bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": describe(&config),
        "layers": [describe(&layer)],
    });
    (Blob::new(manifest.to_string().into_bytes()), [config, layer])
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn record(seconds: u64) -> Record {
    Record {
        time: at(seconds),
        revision: "0123456789abcdef".to_owned(),
        author: "arn:aws:iam::123456789012:user/me".to_owned(),
    }
}

/// The digests of releases and images differ from machine to machine, as the registry's port is in the parameters.
fn table(report: &Report, names: &[(&str, &str)]) -> String {
    let mut text = report.render(None);
    for (digest, name) in names {
        text = text.replace(super::short(digest), &format!("{name:12}"));
    }
    text
}

#[tokio::test]
async fn releases_are_listed_with_what_changed_and_what_became_of_them() {
    let rig = Rig::start().await;
    let first = rig.create(1, 1, 10).await;
    rig.end(&first, 20, End::Deployed, "").await;
    let second = rig.create(2, 1, 30).await;
    rig.end(&second, 40, End::Inconclusive, "Onebox had 0 requests").await;
    rig.end(&second, 50, End::Accepted, "tested by hand").await;
    let third = rig.create(2, 2, 60).await;
    assert!(![&first, &second, &third].iter().any(|created| created.existed));
    let names = [
        (&*first.digest, "first"),
        (&*second.digest, "second"),
        (&*third.digest, "third"),
    ];
    let report = Report {
        environment: "sandbox",
        listing: rig.list().await,
        parameters: [("OneboxRelease", &third.digest), ("FleetRelease", &second.digest)]
            .map(|(name, digest)| (name.to_owned(), digest.clone()))
            .into(),
    };
    insta::assert_snapshot!(table(&report, &names));
    let mut record = report.record().to_string().replace(&rig.registry.host, "HOST");
    for (digest, name) in names {
        record = record.replace(digest, name);
    }
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["releases"][1]["outcomes"][1]["reason"], "tested by hand");
    assert_eq!(record["releases"][0]["runs_on"], json!(["Onebox"]));
    assert_eq!(
        record["releases"][0]["changed"]["resources"],
        json!({"Onebox": 1, "Fleet": 1})
    );
    // The oldest release's image is deleted.
    rig.registry.registry.delete_image("service", "image-1").unwrap();
    let report = Report {
        listing: rig.list().await,
        ..report
    };
    assert!(
        table(&report, &names).contains("deployed; image gone"),
        "{}",
        table(&report, &names)
    );
}

#[tokio::test]
async fn an_environment_without_releases() {
    let rig = Rig::start().await;
    let report = Report {
        environment: "sandbox",
        listing: rig.list().await,
        parameters: BTreeMap::new(),
    };
    insta::assert_snapshot!(report.render(None), @"sandbox has no releases yet; `deploy` makes one");
    insta::assert_snapshot!(rig.not_found("0123").await, @"
    error[E-RELEASE-UNKNOWN]: no release starts with `0123`; nothing was changed
      there are no releases to deploy
    ");
}

#[tokio::test]
async fn the_same_content_is_the_same_release_with_its_first_record() {
    let rig = Rig::start().await;
    let first = rig.create(1, 1, 10).await;
    let again = rig.create(1, 1, 20).await;
    assert_eq!((&again.digest, again.existed), (&first.digest, true));
    let listing = rig.list().await;
    let [listed] = &listing.releases[..] else {
        panic!("{listing:?}")
    };
    assert_eq!(listed.record, Some(record(10)));
    assert_eq!(listed.release, rig.release(1, 1));
}

#[tokio::test]
async fn a_release_is_found_by_its_first_digits() {
    let rig = Rig::start().await;
    let created = rig.create(1, 1, 10).await;
    let digits = created.digest.trim_start_matches("sha256:");
    for name in [&created.digest, digits, &digits[..6], &created.digest[..14]] {
        assert_eq!(rig.store().0.resolve(name).await.unwrap().digest, created.digest);
    }
    let list = |text: String| text.replace(super::short(&created.digest), "0123456789ab");
    insta::assert_snapshot!(list(rig.not_found("xyz").await), @"
    error[E-RELEASE-UNKNOWN]: no release starts with `xyz`; nothing was changed
      RELEASE       MADE                  REVISION
      0123456789ab  1970-01-01T00:00:10Z  0123456789abcdef
    ");
    insta::assert_snapshot!(list(rig.not_found("").await), @"
    error[E-RELEASE-UNKNOWN]: no release starts with ``; nothing was changed
      RELEASE       MADE                  REVISION
      0123456789ab  1970-01-01T00:00:10Z  0123456789abcdef
    ");
    // A release of another image stays available.
    let other = rig.create(2, 1, 20).await;
    rig.registry.registry.delete_image("service", "image-1").unwrap();
    let list = |text: String| list(text).replace(super::short(&other.digest), "ba9876543210");
    insta::assert_snapshot!(list(rig.not_found(digits).await), @"
    error[E-RELEASE-GONE]: can't deploy release 0123456789ab: its image sha256:7090cad524f64db4be0cbed75862986ea630b324d8a8fa8a2242437e0ec78ef5 is gone; nothing was changed
      RELEASE       MADE                  REVISION
      ba9876543210  1970-01-01T00:00:20Z  0123456789abcdef
    ");
}

#[test]
fn digits_that_several_releases_start_with() {
    let listed = |digest: &str| Listed {
        digest: format!("sha256:{digest:0<64}"),
        release: Release::new(&format!("host/r@sha256:{:064}", 1), "{}", &BTreeMap::new()).unwrap(),
        record: Some(record(10)),
        outcomes: Vec::new(),
    };
    let listing = Listing {
        releases: vec![listed("0a"), listed("0b")],
        unreadable: vec![(format!("sha256:{:c<64}", ""), "of a newer version".to_owned())],
        images: [format!("sha256:{:064}", 1)].into(),
    };
    let tell = |name: &str| told(&listing.find(name).unwrap_err().into());
    insta::assert_snapshot!(tell("0"), @"
    error[E-RELEASE-UNKNOWN]: `0` is the start of 2 releases; nothing was changed
      RELEASE       MADE                  REVISION
      0a0000000000  1970-01-01T00:00:10Z  0123456789abcdef
      0b0000000000  1970-01-01T00:00:10Z  0123456789abcdef
    ");
    insta::assert_snapshot!(tell("ccc"), @"
    error[E-RELEASE-UNKNOWN]: can't read release cccccccccccc: of a newer version; nothing was changed
      RELEASE       MADE                  REVISION
      0a0000000000  1970-01-01T00:00:10Z  0123456789abcdef
      0b0000000000  1970-01-01T00:00:10Z  0123456789abcdef
    ");
    assert_eq!(listing.find("sha256:0b").unwrap().digest, listing.releases[1].digest);
}

#[tokio::test]
async fn a_release_needs_its_image() {
    let rig = Rig::start().await;
    let (store, _) = rig.store();
    let absent = told(&store.create(&rig.release(3, 1), &record(1)).await.unwrap_err());
    insta::assert_snapshot!(absent.replace(&rig.registry.host, "HOST"), @"error[E-RELEASE-GONE]: the image sha256:7a8edafef3c130a992342c5f736d9942e9687661cab89a14d221d606b839e64a isn't in HOST/service");
    assert_eq!(store.missing(&rig.release(1, 1)).await.unwrap(), Vec::<String>::new());
    assert!(rig.list().await.releases.is_empty(), "nothing was stored");
}

#[tokio::test]
async fn a_layer_that_is_gone_is_noticed() {
    let gone: Fault = |_, asked| {
        let is_layer = asked.uri().path().ends_with(&image(1).1[1].digest);
        let is_read = asked.headers().contains_key(header::ACCEPT);
        (is_layer && is_read).then(|| StatusCode::NOT_FOUND.into_response())
    };
    let rig = Rig::with_faults(gone).await;
    let missing = rig.store().0.missing(&rig.release(1, 1)).await.unwrap();
    assert_eq!(missing, [format!("the layer {} of its image", image(1).1[1].digest)]);
}

#[tokio::test]
async fn what_is_needed_is_kept_and_no_last_tag_is_removed() {
    let rig = Rig::start().await;
    let mut releases = Vec::new();
    for (image, size, seconds) in [(1, 1, 10), (2, 1, 30), (2, 2, 50)] {
        let release = rig.create(image, size, seconds).await;
        rig.end(&release, seconds + 10, End::Deployed, "").await;
        releases.push(release.digest);
    }
    let keep = async |runs: &str| {
        let needed = needed(
            &BTreeSet::from([runs.to_owned()]),
            &rig.list().await.releases,
            "sandbox",
            1,
        );
        let (store, ecr) = rig.store();
        let changes = store.keep(&needed).await.unwrap();
        (changes, ecr.requests().get(1).cloned())
    };
    let (changes, removing) = keep(&releases[1]).await;
    // The last completed release is kept along with the one that runs; both images.
    assert_eq!((changes.len(), removing), (5, None));
    assert_eq!(keep(&releases[1]).await, (Vec::new(), None), "nothing is left to do");
    let (changes, removing) = keep(&releases[2]).await;
    assert!(
        matches!(&changes[..], [TagChange::Remove { .. }, TagChange::Remove { .. }]),
        "{changes:?}"
    );
    let removing = removing.unwrap();
    assert!(
        removing.contains(r#""imageTag":"keep-"#) && !removing.contains("imageDigest"),
        "{removing}"
    );
}

#[tokio::test]
async fn blobs_are_read_where_the_registry_redirects_to() {
    let redirect: Fault = |_, asked| {
        let uri = asked.uri();
        let is_first = asked.method() == Method::GET && uri.path().contains("/blobs/") && uri.query().is_none();
        is_first.then(|| {
            (
                StatusCode::TEMPORARY_REDIRECT,
                [(header::LOCATION, format!("{uri}?there"))],
            )
                .into_response()
        })
    };
    let rig = Rig::with_faults(redirect).await;
    let created = rig.create(1, 1, 10).await;
    assert_eq!(rig.list().await.releases[0].digest, created.digest);
}

#[tokio::test]
async fn annotations_are_read_from_manifests_if_the_list_lacks_them() {
    let bare: Fault = |_, asked| {
        let (method, path) = (asked.method(), asked.uri().path());
        let release = path
            .strip_prefix("/v2/service/referrers/")
            .filter(|_| method == Method::GET)?;
        // The record's digest follows from the release's.
        let release = deployment::release::Subject {
            media_type: MANIFEST_TYPE.to_owned(),
            digest: release.to_owned(),
            size: RELEASE_SIZE,
        };
        let digest = record(10).artifact(&release).manifest.digest;
        Some(
            json!({"manifests": [{"digest": digest, "artifactType": RECORD_TYPE}]})
                .to_string()
                .into_response(),
        )
    };
    let plain = Rig::start().await;
    let size = plain.release(1, 1).artifact(&subject()).manifest.bytes.len();
    assert_eq!(size as u64, RELEASE_SIZE);
    let rig = Rig::with_faults(bare).await;
    let created = rig.create(1, 1, 10).await;
    // As the list names a record already, none was written; this is what another registry would hold.
    let manifest = rig
        .registry
        .repository("service", "secret")
        .fetch_manifest(&release_tag(&created.digest))
        .await;
    let release = deployment::release::Subject::of(MANIFEST_TYPE, &manifest.unwrap().unwrap().blob);
    let artifact = record(10).artifact(&release).manifest;
    let repository = rig.registry.repository("service", "secret");
    repository
        .put(&artifact.digest, MANIFEST_TYPE, &artifact)
        .await
        .unwrap();
    assert_eq!(rig.list().await.releases[0].record, Some(record(10)));
}

/// The size of the manifest of a release of image 1.
const RELEASE_SIZE: u64 = 754;

fn subject() -> deployment::release::Subject {
    deployment::release::Subject::of(MANIFEST_TYPE, &image(1).0)
}

#[tokio::test]
async fn a_login_that_the_registry_refuses() {
    let rig = Rig::start().await;
    let address = format!("{}/service", rig.registry.host);
    let store = Store::with(&rig.store().1.aws(), &address, &RegistryLogin::new("AWS", "wrong")).unwrap();
    let error = told(&store.missing(&rig.release(1, 1)).await.unwrap_err());
    let expected = format!("error[E-REGISTRY]: {address} doesn't accept the login; a new one may be needed: ");
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn the_lifecycle_policy_keeps_what_the_tags_should() {
    assert_eq!(
        constants::image_repository::KEPT_TAG_PREFIX,
        deployment::release::KEEP_PREFIX
    );
}
