//! The names that clients send, checked before any becomes part of a path.

use crate::Digest;

/// ECR allows 256 characters; one less keeps the name within one file name.
const REPOSITORY_NAME_LENGTH_MAX: usize = 255;
const TAG_LENGTH_MAX: usize = 128;

/// Whether the name is one that ECR would take:
/// lower-case words joined by `.`, `_`, `__` or dashes, in parts divided by `/`
/// (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>).
pub(crate) fn is_repository_name(name: &str) -> bool {
    name.len() <= REPOSITORY_NAME_LENGTH_MAX && name.split('/').all(is_name_part)
}

fn is_name_part(part: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = part.bytes();
    alphanumeric(bytes.clone().next())
        && alphanumeric(bytes.clone().next_back())
        && part
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        && !part.contains("..")
}

/// The repository's name as the name of one folder.
///
/// `+` is in no repository's name, so that two names never share a folder.
pub(crate) fn repository_folder_name(name: &str) -> String {
    name.replace('/', "+")
}

pub(crate) fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= TAG_LENGTH_MAX
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    Tag(String),
    Digest(Digest),
}

impl Reference {
    /// `None` where the text is neither a tag nor a digest.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            return text.parse().ok().map(Reference::Digest);
        }
        is_tag(text).then(|| Reference::Tag(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repository_names_are_those_of_ecr() {
        let check = |name: &str, expected: bool| assert_eq!(is_repository_name(name), expected, "{name:?}");
        check("service", true);
        check("team/service", true);
        check("a.b_c-d/e--f/g__h", true);
        check("0", true);
        check("", false);
        check("Service", false);
        check("a//b", false);
        check("/a", false);
        check("a/", false);
        check("..", false);
        check("a/../b", false);
        check("a..b", false);
        check("a+b", false);
        check("a-", false);
        check("a b", false);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
    }

    #[test]
    fn references_are_tags_or_digests() {
        let digest = Digest::of(b"");
        assert_eq!(
            Reference::parse(&digest.to_string()),
            Some(Reference::Digest(digest.clone()))
        );
        let check = |text: &str, expected: bool| {
            assert_eq!(Reference::parse(text).is_some(), expected, "{text:?}");
        };
        check("latest", true);
        check("_1.0-rc.1", true);
        check("..", false);
        check(".hidden", false);
        check("a/b", false);
        check("", false);
        check(&"t".repeat(129), false);
        check("sha256:abc", false);
        check(&format!("sha256:{}", digest.hex().to_uppercase()), false);
        check(&format!("sha512:{}", digest.hex()), false);
    }

    proptest! {
        #[test]
        fn no_accepted_name_leaves_its_folder(text in "[a-z0-9./+_:-]{1,20}") {
            if is_repository_name(&text) {
                let folder = repository_folder_name(&text);
                prop_assert!(!folder.contains('/') && folder != "." && folder != "..");
                prop_assert_eq!(folder.replace('+', "/"), text.clone());
            }
            if is_tag(&text) {
                prop_assert!(!text.contains('/') && !text.starts_with('.'));
            }
        }
    }
}
