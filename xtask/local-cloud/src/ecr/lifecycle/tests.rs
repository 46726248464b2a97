//! Policies and images in, what expires out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use registry::{Digest, Image};
use serde_json::{Value, json};

use super::Policy;

const NOW_DAYS: u64 = 20_000;

fn days(days: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(days * 24)
}

/// An image by its tags, pushed so many days ago.
fn image(tags: &str, days_ago: u64) -> Image {
    Image {
        digest: Digest::of(tags.as_bytes()),
        tags: tags
            .split_whitespace()
            .filter(|tag| !tag.starts_with('#'))
            .map(str::to_owned)
            .collect(),
        size_bytes: 1,
        pushed_at: days(NOW_DAYS - days_ago),
        media_type: String::new(),
        artifact_media_type: None,
        subject: None,
    }
}

fn rule((priority, selection): (u64, Value)) -> Value {
    json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
}

fn tagged(patterns: &[&str], count: u64) -> Value {
    json!({"tagStatus": "tagged", "tagPatternList": patterns, "countType": "imageCountMoreThan", "countNumber": count})
}

fn any(count: u64) -> Value {
    json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count})
}

fn untagged_days(count: u64) -> Value {
    json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": count})
}

/// The rules of <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>. A word that begins with
/// `#` is no tag: it tells untagged images apart.
#[test]
fn what_expires_follows_the_rules_by_their_priority() {
    let rows = [
        (
            "the newest stay",
            vec![rule((1, any(2)))],
            vec![("a", 3), ("b", 2), ("c", 1)],
            vec!["a"],
        ),
        (
            "nothing is over",
            vec![rule((1, any(3)))],
            vec![("a", 3), ("b", 2), ("c", 1)],
            vec![],
        ),
        (
            "kept by a higher rule that nothing reaches, and counted by the lower one",
            vec![rule((1, tagged(&["keep-*"], 9999))), rule((2, any(1)))],
            vec![("keep-a old", 9), ("b", 3), ("keep-c", 2)],
            vec!["b"],
        ),
        (
            "the order is that of the numbers, not that of the list",
            vec![rule((9, any(1))), rule((3, tagged(&["keep-*"], 9999)))],
            vec![("keep-a", 9), ("b", 3), ("c", 2)],
            vec!["b"],
        ),
        (
            "a rule that selects an image and doesn't expire it shields it from lower ones",
            vec![rule((1, tagged(&["v*"], 1))), rule((2, any(1)))],
            vec![("v1", 5), ("v2", 4), ("x", 3), ("y", 2)],
            vec!["v1", "x"],
        ),
        (
            "every pattern must match a tag",
            vec![rule((1, tagged(&["a*", "*z"], 1)))],
            vec![("a1", 5), ("a1 z", 4), ("az", 3)],
            vec!["a1 z"],
        ),
        (
            "prefixes",
            vec![rule((
                1,
                json!({"tagStatus": "tagged", "tagPrefixList": ["pro"], "countType": "imageCountMoreThan", "countNumber": 1}),
            ))],
            vec![("prod-1", 5), ("xprod", 4), ("prod-2", 3)],
            vec!["prod-1"],
        ),
        (
            "untagged by age, and exactly on the day not yet",
            vec![rule((1, untagged_days(14)))],
            vec![("#1", 15), ("#2", 14), ("old", 99)],
            vec!["#1"],
        ),
        ("pushed at once", vec![rule((1, any(1)))], vec![("a", 1), ("b", 1)], {
            // The lower digest counts as the newer.
            let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
            vec![if a < b { "b" } else { "a" }]
        }),
    ];
    for (name, rules, images, expected) in rows {
        let policy = Policy::parse(&json!({"rules": rules}).to_string()).unwrap();
        let images: Vec<Image> = images.into_iter().map(|(tags, ago)| image(tags, ago)).collect();
        let expired = policy.expired(&images, days(NOW_DAYS));
        let expected = expected.into_iter().map(|tags| Digest::of(tags.as_bytes())).collect();
        assert_eq!(expired, expected, "{name}");
    }
}

#[test]
fn what_is_no_policy_is_refused() {
    let with = |selection: Value| json!({"rules": [rule((1, selection))]}).to_string();
    let archive = json!({"rules": [{"rulePriority": 1, "selection": any(1), "action": {"type": "transition"}}]});
    let rows = [
        ("no".to_owned(), "no JSON"),
        (json!({"rules": []}).to_string(), "no rules"),
        (
            json!({"rules": [rule((1, any(1))), rule((1, any(2)))]}).to_string(),
            "two rules",
        ),
        (
            json!({"rules": [rule((1, any(1))), rule((2, tagged(&["a"], 2)))]}).to_string(),
            "highest rulePriority",
        ),
        (with(any(0)), "countNumber"),
        (with(tagged(&["*a*b*c*d*"], 1)), "wildcards"),
        (with(tagged(&[], 1)), "tagged needs"),
        (
            with(
                json!({"tagStatus": "any", "tagPrefixList": ["a"], "countType": "imageCountMoreThan", "countNumber": 1}),
            ),
            "only tagged",
        ),
        (
            with(json!({"tagStatus": "all", "countType": "imageCountMoreThan", "countNumber": 1})),
            "tagStatus",
        ),
        (
            with(json!({"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 1})),
            "sinceImagePulled",
        ),
        (archive.to_string(), "transition"),
    ];
    for (text, expected) in rows {
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
