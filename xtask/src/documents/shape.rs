//! What stays the same of a line from run to run: its words, but not its numbers, times, ids and addresses.

/// A line with `#` in place of what differs from run to run, and single spaces.
pub(crate) fn shape(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace().map(word) {
        let (name, mark) = word.split_at(word.trim_end_matches([',', ';', '.', ')']).len());
        let goes_with_number = name == "#" || ["ms", "s", "min", "h", "KiB", "MiB"].contains(&name);
        match words.last_mut() {
            Some(last) if goes_with_number && last.trim_end_matches(',').ends_with('#') => {
                let number = last.trim_end_matches(',').len();
                last.truncate(number);
                last.push_str(mark);
            }
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// A word with `#` in place of each part with a digit.
fn word(word: &str) -> String {
    let is_part = |character: char| character.is_alphanumeric() || "_.:/-+%@".contains(character);
    let (mut text, mut part) = (String::new(), String::new());
    for character in word.chars().chain(std::iter::once('\0')) {
        if is_part(character) {
            part.push(character);
            continue;
        }
        let end = part.trim_end_matches(['.', ':']).len();
        let (name, marks) = part.split_at(end);
        let differs = name.contains(|character: char| character.is_ascii_digit());
        text.push_str(if differs { "#" } else { name });
        text.push_str(marks);
        part.clear();
        text.extend((character != '\0').then_some(character));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_times_and_ids_are_no_part_of_it() {
        for (line, expected) in [
            (
                "now Onebox and Fleet run sha256:6143503572ab",
                "now Onebox and Fleet run #",
            ),
            (
                "fired at 2026-11-24T17:26:04Z: 15, 15, 14.3 against 5",
                "fired at #: # against #",
            ),
            (
                "probes: 120, 9 of them failed; p50 2.9 ms, p99 17.9 ms",
                "probes: # of them failed; #",
            ),
            ("  Onebox    3 of 3", "Onebox # of #"),
            ("done in 1.0 s", "done in #"),
        ] {
            assert_eq!(shape(line), expected);
        }
    }
}
