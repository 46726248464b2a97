//! The notation in which documents and errors write command lines: `<sandbox|prod>`, `[--local]`, `STACK`, `{}`.

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// This word.
    Is(String),
    /// One of these, or for an empty one no word at all: what a program fills in, or the reader.
    OneOf(&'static [&'static str]),
}

/// What stands for words that someone else fills in.
const FILLED_IN: &[&str] = &["", "sandbox", "deploy", "onebox", "1", "--local"];

/// What placeholders may stand for.
const PLACEHOLDERS: [(&str, &str); 20] = [
    ("CODE", "E-BUG"),
    ("COMMAND", "deploy"),
    ("DIGEST", "6143503572ab"),
    ("DIR", "folder"),
    ("ENV", "sandbox"),
    ("ENVIRONMENT", "sandbox"),
    ("FIGURE", "balancer"),
    ("ID", "1"),
    ("K", "3"),
    ("N", "3"),
    ("NAME", "Name"),
    ("PATTERN", "error"),
    ("REASON", "reason"),
    ("RESOURCE", "FleetService"),
    ("SCENARIO", "errors"),
    ("SHELL", "bash"),
    ("STACK", "Stack"),
    ("STEP", "tests"),
    ("TIME", "10m"),
    ("TYPE", "AWS::ECS::Service"),
];

/// The command lines of xtask in a text, without `cargo xtask`, each to its end.
pub(crate) fn command_lines(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let found = joined.lines().flat_map(|line| line.split("cargo xtask").skip(1));
    found
        .filter(|rest| rest.is_empty() || !rest.starts_with(|character: char| character.is_alphanumeric()))
        .map(|rest| rest[..end(rest)].trim().to_owned())
        .collect()
}

/// Where a command ends: at a pipe, a redirection, a comment, another command, or the `)` of a `$(`.
fn end(text: &str) -> usize {
    let (mut quote, mut depth) = (None, 0_i32);
    for (index, character) in text.char_indices() {
        let rest = &text[index..];
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'') => quote = Some(character),
            // The quotation mark of `"$(cargo xtask …)"` closes behind the parenthesis.
            (None, '"') if !text[..index].is_empty() && text[..index].ends_with(' ') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return index,
            (None, ')') => depth -= 1,
            (None, ';') => return index,
            _ if [" | ", " > ", " && ", " # ", "  # "]
                .iter()
                .any(|end| rest.starts_with(end)) =>
            {
                return index;
            }
            _ => {}
        }
    }
    text.len()
}

/// Every command line that a line in this notation stands for.
///
/// # Errors
/// A placeholder that has no value here.
pub(crate) fn expand(line: &str) -> Result<Vec<Vec<Word>>, String> {
    let mut lines = vec![Vec::new()];
    for token in tokens(&spaced(line)) {
        let choices = choices(&token)?;
        let grown = lines.iter().flat_map(|line| {
            choices
                .iter()
                .map(move |choice| [line.as_slice(), choice.as_slice()].concat())
        });
        lines = grown.collect();
    }
    Ok(lines)
}

/// Sets what a program fills in apart from the word before it: `pipeline{}` may be given further words.
fn spaced(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, behind)) = after.split_once('}') else {
            break;
        };
        text.push_str(before);
        text.push_str(" {} ");
        rest = behind;
    }
    text + rest
}

/// The words, those in brackets and quotation marks together.
fn tokens(line: &str) -> Vec<String> {
    let (mut tokens, mut token, mut depth, mut quote) = (Vec::new(), String::new(), 0, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                continue;
            }
            (None, '[' | '<') => depth += 1,
            (None, ']' | '>') => depth -= 1,
            (None, ' ') if depth == 0 => {
                tokens.extend((!token.is_empty()).then(|| std::mem::take(&mut token)));
                continue;
            }
            _ => {}
        }
        if quote.is_some() || !matches!(character, '\'' | '"') {
            token.push(character);
        }
    }
    tokens.extend((!token.is_empty()).then_some(token));
    tokens
}

/// What a token may stand for, all of which must be right.
fn choices(token: &str) -> Result<Vec<Vec<Word>>, String> {
    if let Some(inner) = token.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let mut given = expand(inner)?;
        given.push(Vec::new());
        return Ok(given);
    }
    let inner = token
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(token);
    if inner.contains('|') {
        let all: Result<Vec<_>, String> = inner.split('|').map(choices).collect();
        return Ok(all?.concat());
    }
    if inner == "{}" || inner == "…" {
        return Ok(vec![vec![Word::OneOf(FILLED_IN)]]);
    }
    let word = inner.trim_end_matches('…');
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let value = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
        let (_, value) = value.ok_or_else(|| format!("no value for {word}, which PLACEHOLDERS gives"))?;
        return Ok(vec![vec![Word::Is((*value).to_owned())]]);
    }
    Ok(vec![vec![Word::Is(word.to_owned())]])
}

/// Every way to fill in what is to be filled in.
pub(crate) fn filled(words: &[Word]) -> Vec<Vec<String>> {
    let mut lines = vec![Vec::new()];
    for word in words {
        let choices: Vec<&str> = match word {
            Word::Is(word) => vec![word],
            Word::OneOf(words) => words.to_vec(),
        };
        let grown = lines.iter().flat_map(|line: &Vec<String>| {
            choices.iter().map(move |choice| {
                let mut line = line.clone();
                line.extend((!choice.is_empty()).then(|| (*choice).to_owned()));
                line
            })
        });
        lines = grown.collect();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(notation: &str, expected: &[&str]) {
        let lines = expand(notation).unwrap();
        let lines: Vec<String> = lines.iter().map(|words| filled(words)[0].join(" ")).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn every_line_that_a_notation_stands_for() {
        check(
            "deploy <sandbox|prod> --yes",
            &["deploy sandbox --yes", "deploy prod --yes"],
        );
        check("test [STEP…]", &["test tests", "test"]);
        check("load [--rate N]", &["load --rate 3", "load"]);
        check("pipeline status|stop", &["pipeline status", "pipeline stop"]);
        check("pipeline{}", &["pipeline"]);
        check("logs prod --filter \"not found\"", &["logs prod --filter not found"]);
        assert!(expand("deploy NONSENSE").is_err());
    }

    #[test]
    fn where_command_lines_begin_and_end() {
        for (text, expected) in [
            (
                "curl \"$(cargo xtask outputs prod Name --local)\" -i",
                &["outputs prod Name --local"][..],
            ),
            ("cargo xtask man > page   # comment", &["man"]),
            (
                "cargo xtask local stop; cargo xtask local start && ls",
                &["local stop", "local start"],
            ),
            (
                "cargo xtask logs prod --filter 'a | b' | head",
                &["logs prod --filter 'a | b'"],
            ),
            ("cargo xtask load prod \\\n  --rate 3", &["load prod    --rate 3"]),
            ("cargo xtasks", &[]),
            ("cargo xtask", &[""]),
        ] {
            assert_eq!(command_lines(text), expected, "{text}");
        }
    }
}
