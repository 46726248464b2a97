//! Lifecycle policies: which images expire.
//!
//! AWS expires an image within 24 hours after it meets a rule; here it goes at the next push, the earliest that AWS allows.
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use balancer::wildcard;
use registry::{Digest, Image};
use serde_json::Value;

use crate::properties::{list, number, text, texts};

const DAY: Duration = Duration::from_hours(24);
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html>
const WILDCARDS_MAX: usize = 4;

/// A repository's rules, by their priority: the lowest number is applied first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    rules: BTreeMap<u64, Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    selection: Selection,
    limit: Limit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Selection {
    Any,
    Untagged,
    /// Each of the patterns must match a tag of the image.
    Tagged(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// How many stay, the newest first.
    Count(usize),
    /// For how long one stays after its first push, whenever it was tagged
    /// (<https://github.com/aws/containers-roadmap/issues/2746>).
    Age(Duration),
}

impl Policy {
    /// Reads the policy's text.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or what the local cloud doesn't support.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| format!("the policy is no JSON: {error}"))?;
        let mut rules = BTreeMap::new();
        for rule in list(&document, "rules") {
            let priority = required_number(rule, "rulePriority")?;
            if rules.insert(priority, Rule::parse(rule)?).is_some() {
                return Err(format!("two rules have the rulePriority {priority}"));
            }
        }
        if rules.is_empty() {
            return Err("the policy has no rules".to_owned());
        }
        let mut any = rules.iter().filter(|(_, rule)| rule.selection == Selection::Any);
        if any.any(|(priority, _)| Some(priority) != rules.keys().next_back()) {
            return Err("a rule with the tagStatus any must have the highest rulePriority".to_owned());
        }
        Ok(Policy { rules })
    }

    /// The images that expire. Rules are evaluated over all images; an image that a rule selects is only expired by that
    /// rule or by one of higher priority, but counts for all that select it. Artifacts are images like others
    /// (<https://github.com/aws/containers-roadmap/issues/2613>).
    pub(crate) fn expired(&self, images: &[Image], now: SystemTime) -> BTreeSet<Digest> {
        let mut newest_first: Vec<&Image> = images.iter().collect();
        newest_first.sort_by_key(|image| (std::cmp::Reverse(image.pushed_at), &image.digest));
        let (mut expired, mut claimed) = (BTreeSet::new(), BTreeSet::new());
        for rule in self.rules.values() {
            let selected = newest_first.iter().filter(|image| rule.selection.has(image));
            for (position, image) in selected.enumerate() {
                let first = claimed.insert(&image.digest);
                if first && rule.limit.is_over(position, image, now) {
                    expired.insert(image.digest.clone());
                }
            }
        }
        expired
    }
}

impl Rule {
    fn parse(rule: &Value) -> Result<Self, String> {
        let action = text(&rule["action"], "type").unwrap_or_default();
        if action != "expire" {
            return Err(format!(
                "the local cloud supports only the action expire, not {action:?}"
            ));
        }
        let selection = &rule["selection"];
        Ok(Rule {
            selection: Selection::parse(selection)?,
            limit: Limit::parse(selection)?,
        })
    }
}

impl Selection {
    fn parse(selection: &Value) -> Result<Self, String> {
        let (patterns, prefixes) = (texts(selection, "tagPatternList"), texts(selection, "tagPrefixList"));
        if patterns
            .iter()
            .any(|pattern| pattern.matches('*').count() > WILDCARDS_MAX)
        {
            return Err(format!("a tag pattern has at most {WILDCARDS_MAX} wildcards"));
        }
        match text(selection, "tagStatus").as_deref() {
            Some("tagged") if patterns.is_empty() == prefixes.is_empty() => {
                Err("tagged needs either a tagPatternList or a tagPrefixList".to_owned())
            }
            Some("tagged") => {
                let prefixes = prefixes.into_iter().map(|prefix| prefix + "*");
                Ok(Self::Tagged(patterns.into_iter().chain(prefixes).collect()))
            }
            Some("any" | "untagged") if !(patterns.is_empty() && prefixes.is_empty()) => {
                Err("only tagged takes a tagPatternList or a tagPrefixList".to_owned())
            }
            Some("any") => Ok(Self::Any),
            Some("untagged") => Ok(Self::Untagged),
            other => Err(format!("tagStatus is tagged, untagged or any, not {other:?}")),
        }
    }

    fn has(&self, image: &Image) -> bool {
        match self {
            Self::Any => true,
            Self::Untagged => image.tags.is_empty(),
            Self::Tagged(patterns) => {
                let is_matched = |pattern: &String| image.tags.iter().any(|tag| wildcard::matches(pattern, tag, false));
                patterns.iter().all(is_matched)
            }
        }
    }
}

impl Limit {
    fn parse(selection: &Value) -> Result<Self, String> {
        let count = required_number(selection, "countNumber")?;
        match (
            text(selection, "countType").as_deref(),
            text(selection, "countUnit").as_deref(),
        ) {
            (Some("imageCountMoreThan"), None) => Ok(Self::Count(usize::try_from(count).unwrap_or(usize::MAX))),
            (Some("sinceImagePushed"), Some("days")) => {
                let days = u32::try_from(count).map_err(|_| "countNumber is too large".to_owned())?;
                Ok(Self::Age(DAY * days))
            }
            (count_type, unit) => Err(format!(
                "the local cloud supports imageCountMoreThan, and sinceImagePushed in days, not {count_type:?} in {unit:?}"
            )),
        }
    }

    fn is_over(self, position: usize, image: &Image, now: SystemTime) -> bool {
        match self {
            Self::Count(count) => position >= count,
            // An image from the future is new.
            Self::Age(age) => now.duration_since(image.pushed_at).is_ok_and(|since| since > age),
        }
    }
}

fn required_number(value: &Value, name: &str) -> Result<u64, String> {
    let number = number(value, name).ok().flatten();
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{name} must be a whole number from 1"))
}

#[cfg(test)]
mod tests;
