//! Each call, and each refusal.

use super::{Client, DOCKER_MANIFEST, OCI_MANIFEST, manifest};
use crate::Digest;
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const CONFIG: &str = "{\"architecture\":\"amd64\",\"os\":\"linux\"}";

fn digest(content: &str) -> String {
    Digest::of(content.as_bytes()).to_string()
}

#[tokio::test]
async fn only_who_is_authorized_comes_in() {
    let client = Client::alone("mutable");
    let check = async |authorization: Option<&str>, path: &str, status: u16| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = client.send_as(authorization, request).await.expect(status);
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        if status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Basic realm="));
            assert_eq!(answer.error(), "UNAUTHORIZED: Not Authorized");
        }
    };
    let basic = |credentials: &str| format!("Basic {}", STANDARD.encode(credentials));
    check(None, "/v2/", 401).await;
    check(None, "/v2/mutable/tags/list", 401).await;
    check(None, "/v2/unknown/tags/list", 401).await;
    check(Some(&basic("AWS:wrong")), "/v2/", 401).await;
    check(Some(&basic("AWS")), "/v2/", 401).await;
    check(Some("Bearer secret"), "/v2/", 401).await;
    check(Some("Basic !"), "/v2/", 401).await;
    check(Some(&basic("AWS:secret")), "/v2/", 200).await;
    check(Some(&basic("AWS:secret")), "/v2", 200).await;
    check(Some(&basic("AWS:secret")), "/v2/mutable/tags/list", 200).await;
}

#[tokio::test]
async fn who_may_not_do_something_is_told_so_in_ecrs_name_of_it() {
    let client = Client::alone("team/service");
    client.upload("a").await.expect(201);
    let blob = format!("blobs/{}", digest("a"));
    let check = async |method: &str, path: &str, expected: Result<u16, &str>| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v2/team/service/{path}"));
        let basic = format!("Basic {}", STANDARD.encode("AWS:reader's"));
        let answer = client.send_as(Some(&basic), request.body(Body::empty()).unwrap()).await;
        match expected {
            Ok(status) => drop(answer.expect(status)),
            Err(action) => assert_eq!(
                answer.expect(403).error(),
                format!("DENIED: {action} on team/service: no")
            ),
        }
    };
    check("GET", &blob, Ok(200)).await;
    check("GET", "manifests/none", Ok(404)).await;
    check("GET", "tags/list", Ok(200)).await;
    check("GET", &format!("referrers/{}", digest("a")), Ok(200)).await;
    check("POST", "blobs/uploads/", Err("ecr:InitiateLayerUpload")).await;
    check("PATCH", "blobs/uploads/1", Err("ecr:UploadLayerPart")).await;
    check("PUT", "blobs/uploads/1", Err("ecr:CompleteLayerUpload")).await;
    check("PUT", "manifests/v1", Err("ecr:PutImage")).await;
}

#[tokio::test]
async fn a_blob_comes_back_however_it_was_sent() {
    let client = Client::alone("team/service");
    let uploads = "/v2/team/service/blobs/uploads/";

    client.upload("in a PUT").await.expect(201);
    client.blob("in a PUT").await.expect(200);

    let at_once = format!("{uploads}?digest={}", digest("in a POST"));
    let answer = client.send("POST", &at_once, &[], "in a POST").await.expect(201);
    assert_eq!(
        answer.header("location"),
        format!("/v2/team/service/blobs/{}", digest("in a POST"))
    );
    assert_eq!(client.blob("in a POST").await.expect(200).body, "in a POST");

    let location = client.begin().await;
    let answer = client.send("PATCH", &location, &[], "in ").await.expect(202);
    assert_eq!(answer.header("range"), "0-2");
    client
        .send("PATCH", &location, &[("content-range", "3-9")], "chunks ")
        .await
        .expect(202);
    assert_eq!(
        client.send("GET", &location, &[], "").await.expect(204).header("range"),
        "0-9"
    );
    let end = format!("{location}?digest={}", digest("in chunks and a PUT"));
    client
        .send("PUT", &end, &[("content-range", "10-18")], "and a PUT")
        .await
        .expect(201);
    let answer = client.blob("in chunks and a PUT").await.expect(200);
    assert_eq!(answer.body, "in chunks and a PUT");
    assert_eq!(answer.header("content-length"), "19");

    let path = format!("/v2/team/service/blobs/{}", digest("in a PUT"));
    let head = client.send("HEAD", &path, &[], "").await.expect(200);
    assert_eq!((head.header("content-length").as_str(), head.body.as_str()), ("8", ""));
    assert_eq!(head.header("docker-content-digest"), digest("in a PUT"));
}

#[tokio::test]
async fn an_upload_that_is_not_what_it_says_leaves_nothing() {
    let client = Client::alone("mutable");
    let location = client.begin().await;
    client
        .send("PATCH", &location, &[("content-range", "5-8")], "late")
        .await
        .expect(416);
    let answer = client
        .send("PUT", &format!("{location}?digest={}", digest("a")), &[], "b")
        .await
        .expect(400);
    assert_eq!(
        answer.error(),
        format!(
            "DIGEST_INVALID: the blob was sent as {}, but is {}",
            digest("a"),
            digest("b")
        )
    );
    client.blob("a").await.expect(404);
    client.blob("b").await.expect(404);
    // It is over.
    client.send("PATCH", &location, &[], "more").await.expect(404);

    let location = client.begin().await;
    for query in ["", "?digest=sha512:00", "?digest=sha256:zz"] {
        let location = client.begin().await;
        client
            .send("PUT", &format!("{location}{query}"), &[], "a")
            .await
            .expect(400);
    }
    client.send("DELETE", &location, &[], "").await.expect(204);
    client.send("GET", &location, &[], "").await.expect(404);

    let elsewhere = location.replace("mutable", "team/other");
    client.send("GET", &elsewhere, &[], "").await.expect(404);
}

#[tokio::test]
async fn a_body_that_breaks_off_ends_the_upload() {
    let client = Client::alone("mutable");
    let location = client.begin().await;
    let pieces = [Ok("half"), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let answer = client.send("PATCH", &location, &[], body).await.expect(400);
    assert!(answer.error().starts_with("BLOB_UPLOAD_INVALID"), "{}", answer.error());
    client
        .send("PUT", &format!("{location}?digest={}", digest("half")), &[], "")
        .await
        .expect(404);
}

#[tokio::test]
async fn sizes_and_uploads_are_bounded() {
    let client = Client::alone("mutable");
    client.upload(&"x".repeat(1 << 20)).await.expect(201);
    let answer = client.upload(&"x".repeat((1 << 20) + 1)).await.expect(413);
    assert_eq!(answer.error(), "SIZE_INVALID: the blob is larger than 1048576 bytes");
    let padded = manifest(DOCKER_MANIFEST, CONFIG, &[]) + &" ".repeat(4096);
    let answer = client.put_manifest("v1", DOCKER_MANIFEST, &padded).await.expect(413);
    assert_eq!(answer.error(), "SIZE_INVALID: the manifest is larger than 4096 bytes");
    for _ in 0..8 {
        client.begin().await;
    }
    let answer = client
        .send("POST", "/v2/mutable/blobs/uploads/", &[], "")
        .await
        .expect(429);
    assert_eq!(
        answer.error(),
        "TOOMANYREQUESTS: too many uploads are open, end one first"
    );
}

#[tokio::test]
async fn a_manifest_is_had_by_tag_and_by_digest() {
    let client = Client::alone("mutable");
    for (media_type, tag) in [(DOCKER_MANIFEST, "docker"), (OCI_MANIFEST, "oci")] {
        let manifest = manifest(media_type, CONFIG, &["layer"]);
        client.upload(CONFIG).await.expect(201);
        client.upload("layer").await.expect(201);
        client.put_manifest(tag, media_type, &manifest).await.expect(201);
        client
            .put_manifest(&digest(&manifest), media_type, &manifest)
            .await
            .expect(201);
        for reference in [tag, &digest(&manifest)] {
            let path = format!("/v2/mutable/manifests/{reference}");
            let answer = client.send("GET", &path, &[], "").await.expect(200);
            assert_eq!(answer.body, manifest);
            assert_eq!(answer.header("content-type"), media_type);
            assert_eq!(answer.header("docker-content-digest"), digest(&manifest));
            let head = client.send("HEAD", &path, &[], "").await.expect(200);
            assert_eq!(head.header("content-length"), manifest.len().to_string());
        }
    }
    let list = async |query: &str| {
        client
            .send("GET", &format!("/v2/mutable/tags/list{query}"), &[], "")
            .await
    };
    assert_eq!(list("").await.body, r#"{"name":"mutable","tags":["docker","oci"]}"#);
    let first = list("?n=1").await;
    assert_eq!(first.body, r#"{"name":"mutable","tags":["docker"]}"#);
    assert_eq!(
        first.header("link"),
        "</v2/mutable/tags/list?n=1&last=docker>; rel=\"next\""
    );
    assert_eq!(
        list("?n=1&last=docker").await.body,
        r#"{"name":"mutable","tags":["oci"]}"#
    );
}

#[tokio::test]
async fn a_manifest_that_is_wrong_is_refused() {
    let client = Client::alone("mutable");
    client.upload(CONFIG).await.expect(201);
    let whole = manifest(DOCKER_MANIFEST, CONFIG, &[]);
    let check = async |reference: &str, media_type: &str, manifest: &str, expected: &str| {
        let answer = client.put_manifest(reference, media_type, manifest).await.expect(400);
        assert!(answer.error().starts_with(expected), "{}", answer.error());
    };
    let missing = manifest(DOCKER_MANIFEST, CONFIG, &["absent"]);
    let expected = format!(
        "MANIFEST_BLOB_UNKNOWN: the repository holds no blob {}",
        digest("absent")
    );
    check("v1", DOCKER_MANIFEST, &missing, &expected).await;
    let wrong_size = whole.replace(&format!("\"size\":{}", CONFIG.len()), "\"size\":1");
    check(
        "v1",
        DOCKER_MANIFEST,
        &wrong_size,
        "MANIFEST_BLOB_UNKNOWN: the manifest gives",
    )
    .await;
    check(&digest("other"), DOCKER_MANIFEST, &whole, "DIGEST_INVALID").await;
    check(
        "v1",
        OCI_MANIFEST,
        &whole,
        "MANIFEST_INVALID: the manifest calls itself",
    )
    .await;
    check(
        "v1",
        "text/plain",
        &whole.replace(DOCKER_MANIFEST, "text/plain"),
        "MANIFEST_INVALID",
    )
    .await;
    check(
        "v1",
        DOCKER_MANIFEST,
        "no JSON",
        "MANIFEST_INVALID: the manifest is not one",
    )
    .await;
    check(
        "v1",
        DOCKER_MANIFEST,
        r#"{"schemaVersion":1}"#,
        "MANIFEST_INVALID: manifests of schema version 1",
    )
    .await;
    check(".v1", DOCKER_MANIFEST, &whole, "MANIFEST_INVALID").await;
    let answer = client
        .send("GET", "/v2/mutable/manifests/v1", &[], "")
        .await
        .expect(404);
    assert_eq!(answer.error(), "MANIFEST_UNKNOWN: Requested image not found");
}

#[tokio::test]
async fn an_immutable_tag_stays_with_its_image() {
    let client = Client::alone("immutable");
    let first = client.push(CONFIG, &["one"], "v1").await;
    client.tag(&first, "v1").await;
    client.upload("two").await.expect(201);
    let second = manifest(DOCKER_MANIFEST, CONFIG, &["two"]);
    let answer = client.put_manifest("v1", DOCKER_MANIFEST, &second).await.expect(400);
    assert_eq!(
        answer.error(),
        "TAG_INVALID: The image tag 'v1' already exists in the 'immutable' repository \
         and cannot be overwritten because the repository is immutable."
    );
    client.put_manifest("v2", DOCKER_MANIFEST, &second).await.expect(201);

    let client = Client::alone("mutable");
    client.push(CONFIG, &["one"], "v1").await;
    client.push(CONFIG, &["two"], "v1").await;
    let answer = client.send("GET", "/v2/mutable/manifests/v1", &[], "").await;
    assert_eq!(answer.body, second);
}

#[tokio::test]
async fn repositories_hold_their_own_blobs() {
    let client = Client::alone("mutable");
    client.upload("layer").await.expect(201);
    let path = format!("/v2/team/other/blobs/{}", digest("layer"));
    client.send("GET", &path, &[], "").await.expect(404);
    let mount =
        |from: &str, content: &str| format!("/v2/team/other/blobs/uploads/?mount={}&from={from}", digest(content));
    // What isn't there is to be uploaded instead.
    client
        .send("POST", &mount("mutable", "absent"), &[], "")
        .await
        .expect(202);
    client
        .send("POST", &mount("team/third", "layer"), &[], "")
        .await
        .expect(202);
    client
        .send("POST", &mount("unknown", "layer"), &[], "")
        .await
        .expect(202);
    client
        .send("POST", &mount("mutable", "layer"), &[], "")
        .await
        .expect(201);
    client.send("GET", &path, &[], "").await.expect(200);
}

#[tokio::test]
async fn unknown_repositories_and_calls_are_named() {
    let client = Client::alone("mutable");
    let check = async |method: &str, path: &str, status: u16, expected: &str| {
        let answer = client.send(method, path, &[], "").await.expect(status);
        assert!(answer.error().starts_with(expected), "{}", answer.error());
    };
    let unknown =
        "NAME_UNKNOWN: The repository with name 'unknown' does not exist in the registry with id '000000000000'";
    check("GET", "/v2/unknown/manifests/latest", 404, unknown).await;
    check("PUT", "/v2/unknown/manifests/latest", 404, unknown).await;
    check("POST", "/v2/unknown/blobs/uploads/", 404, unknown).await;
    check("GET", "/v2/unknown/tags/list", 404, unknown).await;
    check("DELETE", "/v2/mutable/manifests/latest", 405, "UNSUPPORTED").await;
    check("DELETE", "/v2/mutable/blobs/sha256:00", 405, "UNSUPPORTED").await;
    check("GET", "/v2/_catalog", 404, "NAME_INVALID").await;
    check("GET", "/v2/Upper/tags/list", 404, "NAME_INVALID").await;
    check("GET", "/v2/mutable/../../etc/manifests/passwd", 404, "NAME_INVALID").await;
}
