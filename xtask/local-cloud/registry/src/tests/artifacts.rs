//! Artifacts and what refers to them, and chunks out of order: the cases of the OCI distribution conformance suite
//! (<https://github.com/opencontainers/distribution-spec/tree/main/conformance>).

use super::client::{Answer, Client, OCI_INDEX, OCI_MANIFEST};
use super::open;
use crate::{Deletion, Digest};
use serde_json::{Value, json};

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const RELEASE: &str = "application/vnd.onebox.release.v1";
const SIGNATURE: &str = "application/vnd.example.signature";

/// One manifest to push: a name, its `artifactType`, the media type of its config, whether it is an index.
type Row = (&'static str, Option<&'static str>, &'static str, bool);

const REFERRERS: &[Row] = &[
    ("release", Some(RELEASE), EMPTY, false),
    ("signature", Some(SIGNATURE), EMPTY, false),
    // Without a type of its own an image manifest counts as its config's, an index has none.
    ("image", None, CONFIG, false),
    ("empty type", Some(""), CONFIG, false),
    ("index", None, "", true),
    ("typed index", Some(RELEASE), "", true),
];

fn manifest((name, artifact_type, config, is_index): Row, subject: &Digest) -> (String, &'static str) {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": if is_index { OCI_INDEX } else { OCI_MANIFEST },
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject.to_string(), "size": 123},
        "annotations": {"name": name},
    });
    if is_index {
        manifest["manifests"] = json!([]);
    } else {
        manifest["config"] = json!({"mediaType": config, "digest": Digest::of(b"{}").to_string(), "size": 2});
        manifest["layers"] = json!([]);
    }
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = json!(artifact_type);
    }
    let media_type = if is_index { OCI_INDEX } else { OCI_MANIFEST };
    (manifest.to_string(), media_type)
}

async fn referrers(client: &Client, subject: &Digest, query: &str) -> Answer {
    let path = format!("/v2/mutable/referrers/{subject}{query}");
    client.send("GET", &path, &[], "").await
}

/// The names of what is listed, in the table's order.
fn names(answer: &Answer) -> Vec<&'static str> {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let listed = body["manifests"].as_array().unwrap();
    let is_listed = |name: &str| listed.iter().any(|entry| entry["annotations"]["name"] == name);
    REFERRERS
        .iter()
        .map(|row| row.0)
        .filter(|name| is_listed(name))
        .collect()
}

#[tokio::test]
async fn whatever_refers_to_a_subject_is_listed_by_type() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let client = Client::new(&registry, "mutable");
    client.upload("{}").await.expect(201);
    let subject = Digest::of(b"nothing of these bytes was pushed");
    for row in REFERRERS {
        let (text, media_type) = manifest(*row, &subject);
        let reference = Digest::of(text.as_bytes()).to_string();
        let answer = client.put_manifest(&reference, media_type, &text).await.expect(201);
        assert_eq!(answer.header("oci-subject"), subject.to_string(), "{}", row.0);
        let path = format!("/v2/mutable/manifests/{reference}");
        let got = client.send("GET", &path, &[], "").await.expect(200);
        assert_eq!(
            (got.body.as_str(), got.header("content-type").as_str()),
            (text.as_str(), media_type)
        );
    }
    let check = async |query: &str, expected: &[&str]| {
        let answer = referrers(&client, &subject, query).await.expect(200);
        assert_eq!(names(&answer), expected, "{query}");
        assert_eq!(answer.header("content-type"), OCI_INDEX);
        let applied = answer.optional_header("oci-filters-applied");
        assert_eq!(applied.as_deref(), (!query.is_empty()).then_some("artifactType"));
    };
    let all: Vec<&str> = REFERRERS.iter().map(|row| row.0).collect();
    check("", &all).await;
    check(&format!("?artifactType={RELEASE}"), &["release", "typed index"]).await;
    check(&format!("?artifactType={SIGNATURE}"), &["signature"]).await;
    check(
        &format!("?artifactType={}", CONFIG.replace('+', "%2B")),
        &["image", "empty type"],
    )
    .await;
    check("?artifactType=", &["index"]).await;
    check("?artifactType=none", &[]).await;
}

#[tokio::test]
async fn a_referrer_is_described_in_full() {
    let client = Client::alone("mutable");
    client.upload("{}").await.expect(201);
    let subject = Digest::of(b"subject");
    let (text, media_type) = manifest(REFERRERS[0], &subject);
    client.put_manifest("v1", media_type, &text).await.expect(201);
    let answer = referrers(&client, &subject, "").await.expect(200);
    let expected = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{
        "mediaType": OCI_MANIFEST, "digest": Digest::of(text.as_bytes()).to_string(), "size": text.len(),
        "artifactType": RELEASE, "annotations": {"name": "release"},
    }]});
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), expected);
}

#[tokio::test]
async fn who_has_no_referrers_has_an_empty_list_and_never_a_404() {
    let client = Client::alone("mutable");
    let answer = referrers(&client, &Digest::of(b"none"), "").await.expect(200);
    assert_eq!(names(&answer), Vec::<&str>::new());
    let answer = client
        .send("GET", "/v2/mutable/referrers/sha256:00", &[], "")
        .await
        .expect(400);
    assert!(answer.error().starts_with("DIGEST_INVALID"), "{}", answer.error());
    client
        .send("POST", "/v2/mutable/referrers/sha256:00", &[], "")
        .await
        .expect(405);
}

#[tokio::test]
async fn deletion_takes_a_manifest_out_of_the_referrers_and_leaves_those_of_its_subject() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path());
    let client = Client::new(&registry, "mutable");
    let image = client.push("{}", &["layer"], "image").await;
    let mut digests = Vec::new();
    for row in &REFERRERS[..2] {
        let (text, media_type) = manifest(*row, &image.digest);
        client.put_manifest(row.0, media_type, &text).await.expect(201);
        digests.push(Digest::of(text.as_bytes()));
    }
    let described = registry.images("mutable").unwrap();
    let release = described.iter().find(|image| image.digest == digests[0]).unwrap();
    assert_eq!(release.subject.as_ref(), Some(&image.digest));
    assert_eq!(release.artifact_media_type.as_deref(), Some(RELEASE));

    registry.delete_image("mutable", &digests[1].to_string()).unwrap();
    assert_eq!(names(&referrers(&client, &image.digest, "").await), ["release"]);
    let deletion = registry.delete_image("mutable", "image").unwrap();
    assert!(
        matches!(deletion, Deletion::Deleted { image: true, .. }),
        "{deletion:?}"
    );
    assert_eq!(names(&referrers(&client, &image.digest, "").await), ["release"]);
    let stored = registry
        .stored_manifest("mutable", &digests[0].to_string())
        .unwrap()
        .unwrap();
    assert_eq!(
        (stored.digest, stored.media_type.as_str()),
        (digests[0].clone(), OCI_MANIFEST)
    );
}

#[tokio::test]
async fn a_subject_that_is_no_digest_is_refused() {
    let client = Client::alone("mutable");
    client.upload("{}").await.expect(201);
    let (text, media_type) = manifest(REFERRERS[0], &Digest::of(b"subject"));
    let broken = text.replace(&Digest::of(b"subject").to_string(), "sha256:00");
    let answer = client.put_manifest("v1", media_type, &broken).await.expect(400);
    assert!(answer.error().starts_with("MANIFEST_INVALID"), "{}", answer.error());
}

/// Sends `abcdef` two bytes at a time, and before each chunk one that belongs elsewhere.
#[tokio::test]
async fn chunks_out_of_order_get_416_and_the_upload_continues() {
    let digest = Digest::of(b"abcdef");
    // The method and range of the chunk that is wrong, for each way to send the last one.
    for (last_method, ranges) in [("PATCH", ["2-3", "0-1", "0-1"]), ("PUT", ["2-3", "4-5", "0-1"])] {
        let client = Client::alone("mutable");
        let location = client.begin().await;
        let at_end = format!("{location}?digest={digest}");
        for (position, wrong) in ranges.into_iter().enumerate() {
            let (method, path) = match (last_method, wrong) {
                ("PUT", "4-5" | "0-1") => ("PUT", &at_end),
                _ => ("PATCH", &location),
            };
            let answer = client
                .send(method, path, &[("content-range", wrong)], "xx")
                .await
                .expect(416);
            assert_eq!(answer.header("location"), location);
            let begin = position * 2;
            let answer = client.send("GET", &location, &[], "").await.expect(204);
            assert_eq!(answer.header("range"), format!("0-{}", begin.saturating_sub(1)));
            let (range, chunk) = (format!("{begin}-{}", begin + 1), &"abcdef"[begin..begin + 2]);
            let is_last = begin == 4 && last_method == "PUT";
            let (method, path, status) = if is_last {
                ("PUT", &at_end, 201)
            } else {
                ("PATCH", &location, 202)
            };
            client
                .send(method, path, &[("content-range", &range)], chunk)
                .await
                .expect(status);
        }
        if last_method == "PATCH" {
            client.send("PUT", &at_end, &[], "").await.expect(201);
        }
        assert_eq!(client.blob("abcdef").await.expect(200).body, "abcdef");
        client.send("GET", &location, &[], "").await.expect(404);
    }
}
