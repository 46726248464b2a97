use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::stage::Stage;

fn digits(number: u32) -> String {
    format!("sha256:{number:08x}{:056}", 0)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn release(image: u32, template: &str, parameters: &[(&str, &str)]) -> Release {
    Release::new(&format!("host/service@{}", digits(image)), template, &map(parameters)).unwrap()
}

fn subject(image: u32) -> Subject {
    Subject {
        media_type: MANIFEST_TYPE.to_owned(),
        digest: digits(image),
        size: 500,
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_release_is_an_artifact_of_its_image() {
    let release = release(
        1,
        "{\n  \"B\": 1.0,\n  \"A\": \"x \\\" y\"\n}",
        &[("Size", "2"), ("OneboxRelease", "sha256:x")],
    );
    let artifact = release.artifact(&subject(1));
    let blobs = artifact.blobs.iter().chain([&artifact.manifest]);
    let seen: Vec<String> = blobs
        .map(|blob| format!("{}\n{}", blob.digest, text(&blob.bytes)))
        .collect();
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn what_isnt_a_release_is_named() {
    let digest = digits(1);
    let parse = |template: &[u8], parameters: &[u8]| {
        Release::parse("host/service", &digest, template, parameters)
            .unwrap_err()
            .to_string()
    };
    let image = Release::new("host/service:latest", "{}", &map(&[]))
        .unwrap_err()
        .to_string();
    let manifest = text(&release(1, "{}", &[]).artifact(&subject(1)).manifest.bytes);
    let changed = |from: &str, to: &str| {
        read_release(manifest.replacen(from, to, 1).as_bytes())
            .unwrap_err()
            .to_string()
    };
    let seen = [
        image,
        parse(b"[]", b"{}"),
        parse(b"\xff", b"{}"),
        parse(b"{ }", b"{}"),
        parse(b"{}", b"{\"A\": 1}"),
        parse(b"{}", b"{\"Release\": \"\"}"),
        changed("\"schemaVersion\":2", "\"schemaVersion\":true"),
        changed("\"subject\"", "\"other\""),
        changed("vnd.onebox.release.v1", "vnd.onebox.release.v2"),
        changed("vnd.onebox.template.v1", "vnd.onebox.template.v2"),
        read_release(b"junk").unwrap_err().to_string(),
        subject(1).check(b"junk").unwrap_err().to_string(),
        Record::parse(&map(&[("onebox.time-milliseconds", "-1")]))
            .unwrap_err()
            .to_string(),
        Record::parse(&map(&[("onebox.time-milliseconds", "1")]))
            .unwrap_err()
            .to_string(),
    ];
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn records_and_outcomes_are_read_back() {
    let release = release(1, "{}", &[]).artifact(&subject(1)).subject();
    let record = Record {
        time: at(1),
        revision: "0123".to_owned(),
        author: "me".to_owned(),
    };
    let artifact = record.artifact(&release);
    let annotations = read_annotations(RECORD_TYPE, &artifact.manifest.bytes).unwrap();
    assert_eq!(Record::parse(&annotations), Ok(record));
    for end in End::ALL {
        let outcome = Outcome {
            end,
            steps: Stage::ALL.to_vec(),
            reason: "alarm".to_owned(),
            ..outcome(2, end)
        };
        let artifact = outcome.artifact(&release);
        let annotations = read_annotations(OUTCOME_TYPE, &artifact.manifest.bytes).unwrap();
        assert_eq!(Outcome::parse(&annotations), Ok(outcome));
        assert!(read_annotations(RECORD_TYPE, &artifact.manifest.bytes).is_err());
    }
}

fn outcome(seconds: u64, end: End) -> Outcome {
    Outcome {
        time: at(seconds),
        environment: "sandbox".to_owned(),
        steps: Vec::new(),
        end,
        reason: String::new(),
        by: "me".to_owned(),
    }
}

/// Releases numbered from 0, each with its image, from deployments in their order.
fn listed(deployments: &[(u32, End)]) -> Vec<Listed> {
    let most = deployments.iter().map(|(number, _)| *number).max().unwrap_or_default();
    let outcomes = |number| {
        let ends = deployments
            .iter()
            .zip(1_u64..)
            .filter(move |((of, _), _)| *of == number);
        ends.map(|((_, end), seconds)| outcome(seconds, *end)).collect()
    };
    let listed = (0..=most).map(|number| Listed {
        digest: digits(number),
        release: release(100 + number, "{}", &[]),
        record: None,
        outcomes: outcomes(number),
    });
    listed.collect()
}

/// The number of the release that a rollback restores while `current` runs.
fn check_previous(deployments: &[(u32, End)], current: u32, expected: Option<u32>) {
    let listed = listed(deployments);
    let seen = previous(&listed, "sandbox", &digits(current)).map(|listed| listed.digest.clone());
    assert_eq!(seen, expected.map(digits), "{deployments:?} while {current} runs");
    assert_eq!(previous(&listed, "prod", &digits(current)), None);
}

#[test]
fn a_rollback_restores_the_release_that_completed_before() {
    use End::{Accepted, Deployed, Failed, Inconclusive, Restored, RolledBack};
    check_previous(&[(0, Deployed)], 0, None);
    check_previous(&[(0, Deployed), (1, Accepted)], 1, Some(0));
    // A deployment that failed, or whose outcome isn't known.
    check_previous(&[(0, Deployed), (1, Deployed), (2, RolledBack)], 1, Some(0));
    check_previous(&[(0, Deployed), (1, Inconclusive), (1, Failed)], 1, Some(0));
    check_previous(&[(0, Deployed), (1, Deployed)], 7, Some(1));
    // After a rollback, what it left isn't restored again.
    check_previous(
        &[(0, Deployed), (1, Deployed), (2, Deployed), (1, Restored)],
        1,
        Some(0),
    );
    check_previous(&[(0, Deployed), (1, Deployed), (0, Restored)], 0, None);
    check_previous(
        &[(0, Deployed), (1, Deployed), (0, Restored), (2, Deployed)],
        2,
        Some(0),
    );
    // Deployed again, rather than restored.
    check_previous(&[(0, Deployed), (1, Deployed), (0, Deployed)], 0, Some(1));
    check_previous(&[(0, Deployed), (0, Deployed)], 0, None);
}

#[test]
fn what_runs_and_what_a_rollback_needs_is_kept() {
    let listed = listed(&[
        (0, End::Deployed),
        (1, End::Deployed),
        (2, End::Deployed),
        (3, End::RolledBack),
    ]);
    let check = |runs: &[u32], spare, expected: &[u32]| {
        let runs = runs.iter().map(|number| digits(*number)).collect();
        let seen = needed(&runs, &listed, "sandbox", spare);
        assert_eq!(seen, expected.iter().map(|number| digits(*number)).collect());
    };
    check(&[2], 1, &[1, 2, 101, 102]);
    check(&[2, 1], 1, &[0, 1, 2, 100, 101, 102]);
    check(&[2, 3], 1, &[1, 2, 3, 101, 102, 103]);
    check(&[3], 1, &[2, 3, 102, 103]);
    check(&[0], 2, &[0, 1, 2, 100, 101, 102]);
    // An image without a release, as an older version of this project deployed it.
    check(&[200], 0, &[200]);
}

#[test]
fn a_last_tag_is_never_removed() {
    let stored = |number, tags: &[String]| Stored {
        digest: digits(number),
        tags: tags.to_vec(),
    };
    let keep = |number| keep_tag(&digits(number));
    let some = "0123".to_owned();
    let seen = keep_changes(
        &BTreeSet::from([digits(1), digits(2), digits(9)]),
        &[
            stored(1, std::slice::from_ref(&some)),
            stored(2, &[some.clone(), keep(2)]),
            stored(3, &[some.clone(), keep(3)]),
            stored(4, &[keep(4)]),
            stored(5, &[some, "keep-by-hand".to_owned()]),
            stored(6, &[]),
        ],
    );
    let add = TagChange::Add {
        digest: digits(1),
        tag: keep(1),
    };
    assert_eq!(seen, [add, TagChange::Remove { tag: keep(3) }]);
}

#[test]
fn what_changed_is_counted_by_stage() {
    let template = |size: u32, names: &[&str], outputs: u32| {
        let resource = |name: &&str| {
            let stage = if name.starts_with("Shared") {
                String::new()
            } else {
                format!(r#","Metadata":{{"Stage":"{}"}}"#, &name[..name.len() - 1])
            };
            format!(r#""{name}":{{"Type":"T","Properties":{{"Size":{size}}}{stage}}}"#)
        };
        let resources: Vec<String> = names.iter().map(resource).collect();
        format!(r#"{{"Resources":{{{}}},"Outputs":{outputs}}}"#, resources.join(","))
    };
    let image = |number| format!("host/service@{}", digits(number));
    let check = |before: &Release, after: &Release| changes(before, after).to_string();
    let base = template(1, &["Shared1", "Onebox1", "Fleet1"], 1);
    let before = release(1, &base, &[("FleetImage", &image(1)), ("Size", "1")]);
    let seen = [
        check(&before, &before),
        check(&before, &release(2, &base, &[("FleetImage", &image(2)), ("Size", "1")])),
        check(&before, &release(1, &base, &[("FleetImage", &image(2)), ("Size", "2")])),
        check(
            &before,
            &release(2, &template(2, &["Onebox1", "Fleet1", "Fleet2"], 2), &[]),
        ),
    ];
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn releases_without_a_record_come_last() {
    let mut listed = listed(&[(2, End::Deployed)]);
    for (listed, seconds) in listed.iter_mut().zip([None, Some(1), Some(2)]) {
        listed.record = seconds.map(|seconds| Record {
            time: at(seconds),
            revision: String::new(),
            author: String::new(),
        });
    }
    newest_first(&mut listed);
    let order: Vec<&str> = listed.iter().map(|listed| listed.digest.as_str()).collect();
    assert_eq!(order, [digits(2), digits(1), digits(0)]);
}

/// JSON with whitespace that is chosen by the caller.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "[ -~\\\\\"\n\u{e4}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ a-z\"\\\\]{0,4}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn whitespace_alone_is_dropped(value in json()) {
        let template = serde_json::json!({ "Resources": value });
        let pretty = release(1, &serde_json::to_string_pretty(&template).unwrap(), &[]);
        prop_assert_eq!(pretty.template(), template.to_string());
        prop_assert_eq!(pretty.digest(&subject(1)), release(1, &template.to_string(), &[]).digest(&subject(1)));
    }

    #[test]
    fn a_release_is_read_back(value in json(), parameters in prop::collection::btree_map("[A-Z][a-z]{0,6}", ".{0,9}", 0..4)) {
        let template = serde_json::json!({ "Resources": value }).to_string();
        let image = format!("host:1/a/b@{}", digits(1));
        let release = Release::new(&image, &template, &parameters).unwrap();
        let artifact = release.artifact(&subject(1));
        let content = read_release(&artifact.manifest.bytes).unwrap();
        prop_assert_eq!(&content.subject, &subject(1));
        content.template.check(&artifact.blobs[0].bytes).unwrap();
        content.parameters.check(&artifact.blobs[1].bytes).unwrap();
        let read = Release::parse("host:1/a/b", &content.subject.digest, &artifact.blobs[0].bytes, &artifact.blobs[1].bytes);
        prop_assert_eq!(read, Ok(release));
    }

    #[test]
    fn tags_settle_at_once_and_no_manifest_loses_its_last(
        manifests in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()), 0..8),
    ) {
        let mut needed = BTreeSet::new();
        let mut stored = Vec::new();
        for (number, (is_needed, has_own, has_keep, by_hand)) in (0..).zip(manifests) {
            let digest = digits(number);
            let tags = [(has_own, "own".to_owned()), (has_keep, keep_tag(&digest)), (by_hand, "keep-this".to_owned())];
            needed.extend(is_needed.then(|| digest.clone()));
            let tags = tags.into_iter().filter(|(there, _)| *there).map(|(_, tag)| tag).collect();
            stored.push(Stored { digest, tags });
        }
        let tagged: Vec<bool> = stored.iter().map(|stored| !stored.tags.is_empty()).collect();
        for change in keep_changes(&needed, &stored) {
            for stored in &mut stored {
                match &change {
                    TagChange::Add { digest, tag } if *digest == stored.digest => stored.tags.push(tag.clone()),
                    TagChange::Add { .. } => {}
                    TagChange::Remove { tag } => stored.tags.retain(|other| other != tag),
                }
            }
        }
        prop_assert_eq!(keep_changes(&needed, &stored), []);
        for (stored, was_tagged) in stored.iter().zip(tagged) {
            prop_assert!(!was_tagged || !stored.tags.is_empty());
            prop_assert!(!needed.contains(&stored.digest) || stored.tags.contains(&keep_tag(&stored.digest)));
        }
    }

    #[test]
    fn what_a_rollback_restores_completed_and_is_another_release(
        deployments in prop::collection::vec((0_u32..4, prop::sample::select(End::ALL.to_vec())), 1..12),
        current in 0_u32..4,
    ) {
        let listed = listed(&deployments);
        let current = digits(current);
        if let Some(found) = previous(&listed, "sandbox", &current) {
            prop_assert_ne!(&found.digest, &current);
            prop_assert!(found.outcomes.iter().any(|outcome| outcome.end.is_complete()));
            // What a rollback needs is kept.
            let kept = needed(&BTreeSet::from([current]), &listed, "sandbox", 1);
            prop_assert!(kept.contains(&found.digest), "{:?}", kept);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), place in 0_usize..500, byte in any::<u8>()) {
        let _ = read_release(&bytes);
        let _ = Release::parse("r", &digits(1), &bytes, &bytes);
        let mut manifest = release(1, "{}", &[]).artifact(&subject(1)).manifest.bytes;
        if let Some(there) = manifest.get_mut(place) {
            *there = byte;
        }
        let _ = read_release(&manifest);
    }
}
