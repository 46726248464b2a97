//! Patterns with `*` for any characters and `?` for exactly one.

/// Whether the pattern covers the whole text. Takes time in proportion to the product of the lengths at worst.
pub fn matches(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                star = Some((at_pattern + 1, at_text));
                at_pattern += 1;
            }
            Some(&expected) if one(expected, text[at_text], ignore_case) => {
                at_pattern += 1;
                at_text += 1;
            }
            // A mismatch: let the last star take one character more.
            _ => match star {
                Some((after_star, taken)) => {
                    star = Some((after_star, taken + 1));
                    at_pattern = after_star;
                    at_text = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|&byte| byte == b'*')
}

fn one(expected: u8, actual: u8, ignore_case: bool) -> bool {
    expected == b'?' || expected == actual || (ignore_case && expected.eq_ignore_ascii_case(&actual))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn table() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("onebox", "onebox", true),
            ("onebox", "oneboxes", false),
            ("one*", "onebox", true),
            ("*box", "onebox", true),
            ("o?ebox", "onebox", true),
            ("?", "", false),
            ("*a*b", "xaybzb", true),
            ("*a*b", "xaybz", false),
            ("/img/*/pics", "/img/a/b/pics", true),
        ] {
            assert_eq!(matches(pattern, text, false), expected, "{pattern} {text}");
        }
        assert!(matches("OneBox", "onebox", true));
        assert!(!matches("OneBox", "onebox", false));
    }

    /// The definition, slow and plain.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| by_definition(rest, &text[taken..])),
            (Some((b'?', rest)), Some((_, tail))) => by_definition(rest, tail),
            (Some((expected, rest)), Some((actual, tail))) => expected == actual && by_definition(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text, false), by_definition(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
