//! Patterns of files: `*` and `?` within a folder, `**` across folders.
//!
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.artifacts.files>

/// Whether a path fits a pattern; both with `/` between their parts.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let pattern = pattern.split('/').collect::<Vec<_>>();
    parts_fit(&pattern, &path.split('/').collect::<Vec<_>>())
}

fn parts_fit(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", [])), _) => !path.is_empty(),
        (Some((&"**", rest)), None) => parts_fit(rest, path),
        (Some((&"**", rest)), Some((_, below))) => parts_fit(rest, path) || parts_fit(pattern, below),
        (Some((part, rest)), Some((name, below))) => {
            part_fits(part.as_bytes(), name.as_bytes()) && parts_fit(rest, below)
        }
        _ => false,
    }
}

fn part_fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => part_fits(rest, name),
        (Some((b'*', rest)), Some((_, below))) => part_fits(rest, name) || part_fits(pattern, below),
        (Some((b'?', rest)), Some((_, below))) => part_fits(rest, below),
        (Some((wanted, rest)), Some((byte, below))) => wanted == byte && part_fits(rest, below),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_buildspecs() {
        for (pattern, path, expected) in [
            ("a.txt", "a.txt", true),
            ("./a.txt", "a.txt", true),
            ("a.txt", "b/a.txt", false),
            ("*", "a.txt", true),
            ("*", "b/a.txt", false),
            ("**/*", "a.txt", true),
            ("**/*", "b/c/a.txt", true),
            ("**", "b/c/a.txt", true),
            ("b/**/*", "b/c/a.txt", true),
            ("b/**/*", "c/a.txt", false),
            ("b/**/a.*", "b/a.txt", true),
            ("?.txt", "a.txt", true),
            ("?.txt", "ab.txt", false),
            ("*.t*t", "a.toad", false),
            ("*.t*t", "a.toast.text", true),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }
}
