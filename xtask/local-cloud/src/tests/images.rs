//! Images and artifacts by ECR's own API.

use registry::Digest;
use serde_json::{Value, json};

use super::rig::Rig;
use crate::wire::{Fault, Service};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const RELEASE: &str = "application/vnd.onebox.release.v1";
const SIGNATURE: &str = "application/vnd.example.signature";

/// A repository whose tags don't move, and which keeps two images besides those with a `keep-` tag.
fn rig() -> Rig {
    let rule = |priority: u32, selection: Value| json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}});
    let policy = json!({"rules": [
        rule(1, json!({"tagStatus": "tagged", "tagPatternList": ["keep-*"], "countType": "imageCountMoreThan", "countNumber": 9999})),
        rule(2, json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2})),
    ]});
    let template = json!({"Resources": {"Repository": {"Type": "AWS::ECR::Repository", "Properties": {
        "RepositoryName": "images", "ImageTagMutability": "IMMUTABLE", "EmptyOnDelete": true,
        "LifecyclePolicy": {"LifecyclePolicyText": policy.to_string()},
    }}}});
    let mut rig = Rig::new();
    assert_eq!(rig.create("stack", &template), "CREATE_COMPLETE");
    rig
}

/// A manifest without any blob, by a name that makes its digest.
fn manifest(name: &str, artifact_type: Option<&str>, subject: Option<&str>) -> String {
    let mut manifest = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"name": name}});
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = json!(artifact_type);
    }
    if let Some(subject) = subject {
        manifest["subject"] = json!({"mediaType": INDEX, "digest": subject, "size": 1});
    }
    manifest.to_string()
}

fn digest(manifest: &str) -> String {
    Digest::of(manifest.as_bytes()).to_string()
}

impl Rig {
    fn ecr(&mut self, operation: &str, mut input: Value) -> Result<Value, Fault> {
        input["repositoryName"] = json!("images");
        self.call(Service::Ecr, operation, input)
    }

    fn put(&mut self, manifest: &str, tag: Option<&str>) -> Result<Value, Fault> {
        let input = tag.map_or_else(|| json!({}), |tag| json!({"imageTag": tag}));
        let mut input = input;
        input["imageManifest"] = json!(manifest);
        self.ecr("PutImage", input)
    }

    fn described(&mut self) -> Vec<Value> {
        let described = self.ecr("DescribeImages", json!({})).unwrap();
        described["imageDetails"].as_array().unwrap().clone()
    }
}

#[test]
fn a_tag_that_cannot_move_is_one_of_many() {
    let mut rig = rig();
    let (one, two) = (manifest("one", None, None), manifest("two", None, None));
    let rows = [
        (&one, Some("v1"), None),
        (&one, Some("v1"), Some("ImageAlreadyExistsException")),
        (&one, Some("keep-1"), None),
        (&one, None, Some("ImageAlreadyExistsException")),
        (&two, Some("v1"), Some("ImageTagAlreadyExistsException")),
        (&two, None, None),
        (&two, Some("keep-1"), Some("ImageTagAlreadyExistsException")),
        (&two, Some("v2"), None),
    ];
    for (manifest, tag, refused) in rows {
        let outcome = rig.put(manifest, tag);
        assert_eq!(
            outcome.as_ref().err().map(|fault| fault.code.as_str()),
            refused,
            "{tag:?}"
        );
        if let Ok(answer) = outcome {
            assert_eq!(answer["image"]["imageId"]["imageDigest"], digest(manifest));
        }
    }
    let tags = rig.described();
    let tags = tags
        .iter()
        .map(|image| (image["imageDigest"].clone(), image["imageTags"].clone()));
    let mut expected = vec![
        (json!(digest(&one)), json!(["keep-1", "v1"])),
        (json!(digest(&two)), json!(["v2"])),
    ];
    expected.sort_by_key(|(digest, _)| digest.to_string());
    assert_eq!(tags.collect::<Vec<_>>(), expected);

    let wrong = json!({"imageManifest": one, "imageDigest": digest(&two)});
    assert_eq!(
        rig.ecr("PutImage", wrong).unwrap_err().code,
        "ImageDigestDoesNotMatchException"
    );
    let broken = json!({"imageManifest": "{}"});
    assert_eq!(
        rig.ecr("PutImage", broken).unwrap_err().code,
        "InvalidParameterException"
    );
}

#[test]
fn a_manifest_comes_back_byte_for_byte() {
    let mut rig = rig();
    let one = manifest("one", None, None);
    rig.put(&one, Some("v1")).unwrap();
    let other = digest("other");
    let rows = [
        (json!({"imageTag": "v1"}), Ok(())),
        (json!({"imageDigest": digest(&one)}), Ok(())),
        (json!({"imageDigest": digest(&one), "imageTag": "v1"}), Ok(())),
        (
            json!({"imageDigest": other, "imageTag": "v1"}),
            Err("ImageTagDoesNotMatchDigest"),
        ),
        (json!({"imageDigest": other}), Err("ImageNotFound")),
        (json!({"imageTag": "v2"}), Err("ImageNotFound")),
        (json!({"imageDigest": "sha256:00"}), Err("InvalidImageDigest")),
        (json!({}), Err("MissingDigestAndTag")),
    ];
    for (id, expected) in rows {
        let answer = rig.ecr("BatchGetImage", json!({"imageIds": [id]})).unwrap();
        match expected {
            Ok(()) => {
                let image = &answer["images"][0];
                assert_eq!(
                    (&image["imageManifest"], &image["imageManifestMediaType"]),
                    (&json!(one), &json!(INDEX))
                );
            }
            Err(code) => assert_eq!(answer["failures"][0]["failureCode"], code, "{id}"),
        }
    }
}

#[test]
fn referrers_are_listed_by_type_and_described_as_images() {
    let mut rig = rig();
    let image = manifest("image", None, None);
    let subject = digest(&image);
    let (release, signature) = (
        manifest("release", Some(RELEASE), Some(&subject)),
        manifest("signature", Some(SIGNATURE), Some(&subject)),
    );
    // The subject comes last: it may be missing while the artifacts are pushed.
    for (manifest, tag) in [(&release, "keep-r"), (&signature, "keep-s"), (&image, "keep-i")] {
        rig.put(manifest, Some(tag)).unwrap();
    }
    let rows = [
        (json!({}), vec![RELEASE, SIGNATURE]),
        (json!({"artifactTypes": [RELEASE]}), vec![RELEASE]),
        (
            json!({"artifactTypes": [SIGNATURE, RELEASE], "artifactStatus": "ANY"}),
            vec![RELEASE, SIGNATURE],
        ),
        (json!({"artifactTypes": ["other"]}), vec![]),
        (json!({"artifactStatus": "ARCHIVED"}), vec![]),
    ];
    for (filter, expected) in rows {
        let input = json!({"subjectId": {"imageDigest": subject}, "filter": filter});
        let answer = rig.ecr("ListImageReferrers", input).unwrap();
        let mut types: Vec<&str> = answer["referrers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["artifactType"].as_str().unwrap())
            .collect();
        types.sort_unstable_by_key(|one| *one != RELEASE);
        assert_eq!(types, expected, "{filter}");
    }
    let input = json!({"subjectId": {"imageDigest": subject}, "filter": {"artifactTypes": [RELEASE]}});
    assert_eq!(
        rig.ecr("ListImageReferrers", input).unwrap()["referrers"][0],
        json!({
            "digest": digest(&release), "mediaType": INDEX, "artifactType": RELEASE, "size": release.len(),
            "annotations": {"name": "release"}, "artifactStatus": "ACTIVE",
        })
    );
    let described = rig.described();
    let described = described
        .iter()
        .find(|image| image["imageDigest"] == digest(&release))
        .unwrap();
    assert_eq!(described["artifactMediaType"], RELEASE);
    assert_eq!(described["subjectManifestDigest"], subject);
    let wrong = json!({"subjectId": {"imageDigest": "sha256:00"}});
    assert_eq!(
        rig.ecr("ListImageReferrers", wrong).unwrap_err().code,
        "InvalidParameterException"
    );
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>
#[test]
fn the_last_tag_takes_the_image_along_and_the_image_its_artifacts() {
    let mut rig = rig();
    let image = manifest("image", None, None);
    let release = manifest("release", Some(RELEASE), Some(&digest(&image)));
    for (manifest, tag) in [(&image, "v1"), (&image, "keep-1"), (&release, "keep-r")] {
        rig.put(manifest, Some(tag)).unwrap();
    }
    for (tag, left) in [("v1", 2), ("keep-1", 0)] {
        let answer = rig
            .ecr("BatchDeleteImage", json!({"imageIds": [{"imageTag": tag}]}))
            .unwrap();
        assert_eq!(
            answer["imageIds"],
            json!([{"imageDigest": digest(&image), "imageTag": tag}])
        );
        assert_eq!(rig.described().len(), left, "{tag}");
    }
}

#[test]
fn a_push_expires_what_no_rule_keeps() {
    let mut rig = rig();
    rig.repositories.publish(&rig.world.cloud);
    // Of two that are pushed in the same millisecond the lower digest counts as the newer: so that each is newer than the
    // one before, whatever the clock says.
    let mut images: Vec<String> = (0..5)
        .map(|number| manifest(&format!("image {number}"), None, None))
        .collect();
    images.sort_by_key(|manifest| std::cmp::Reverse(digest(manifest)));
    let image = |number: usize| images[number].clone();
    let mut artifacts =
        (0..).map(|number| manifest(&format!("artifact {number}"), Some(RELEASE), Some(&digest(&images[1]))));
    let artifact = artifacts
        .find(|artifact| digest(artifact) < digest(&images[1]))
        .unwrap();
    let mut push = |manifest: &str, tag: Option<&str>| {
        rig.put(manifest, tag).unwrap();
        let described = rig.described();
        let digests = described
            .iter()
            .map(|image| image["imageDigest"].as_str().unwrap().to_owned());
        digests.collect::<Vec<_>>()
    };
    let sorted = |manifests: &[&String]| {
        let mut digests: Vec<String> = manifests.iter().map(|manifest| digest(manifest)).collect();
        digests.sort();
        digests
    };
    push(&image(0), Some("keep-0"));
    push(&image(1), Some("v1"));
    assert_eq!(
        push(&artifact, Some("keep-a")),
        sorted(&[&image(0), &image(1), &artifact])
    );
    // The first image is over the count: it goes, and its artifact with it although a rule keeps its tag.
    assert_eq!(push(&image(2), Some("v2")), sorted(&[&image(0), &image(2)]));
    assert_eq!(push(&image(3), None), sorted(&[&image(0), &image(2), &image(3)]));
    assert_eq!(push(&image(4), Some("v4")), sorted(&[&image(0), &image(3), &image(4)]));
}
