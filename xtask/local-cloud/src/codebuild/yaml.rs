//! YAML as buildspecs use it: every scalar is a text, as `CodeBuild` takes `version: 0.2` and `DEBUG: 1`.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The one document of a text.
///
/// # Errors
/// Where and why it isn't YAML, or what of YAML isn't understood here.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
    };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd => return Ok(Value::Null),
            event => {
                let document = reader.value(event)?;
                return match (reader.next()?, reader.next()?) {
                    (Event::DocumentEnd, Event::StreamEnd) => Ok(document),
                    _ => Err("it has more than one document".to_owned()),
                };
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        match self.parser.next() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(format!("line {}: {}", error.marker().line(), error.info())),
            None => Ok(Event::StreamEnd),
        }
    }

    fn value(&mut self, event: Event<'a>) -> Result<Value, String> {
        match event {
            Event::Scalar(text, style, ..) => Ok(scalar(text, style)),
            Event::SequenceStart(..) => self.sequence(),
            Event::MappingStart(..) => self.mapping(),
            Event::Alias(_) => Err("aliases are not supported here; write the value out".to_owned()),
            other => Err(format!("{other:?} is not expected here")),
        }
    }

    fn sequence(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::Array(items)),
                event => items.push(self.value(event)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, String> {
        let mut members = Map::new();
        loop {
            let name = match self.next()? {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(name, ..) => name.into_owned(),
                other => return Err(format!("{other:?} is no name")),
            };
            let event = self.next()?;
            let value = self.value(event)?;
            if members.insert(name.clone(), value).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    match (text.as_ref(), style) {
        ("" | "~" | "null", ScalarStyle::Plain) => Value::Null,
        _ => Value::String(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_texts_and_the_rest_is_as_it_looks() {
        let check = |text: &str, expected: Value| assert_eq!(parse(text), Ok(expected), "{text}");
        check("", Value::Null);
        check("version: 0.2", json!({"version": "0.2"}));
        check(
            "a:\n  - one: 'x: y'\n  - |\n    two\n    three\n",
            json!({"a": [{"one": "x: y"}, "two\nthree\n"]}),
        );
        check("a:\nb: \"\"\n", json!({"a": null, "b": ""}));
        check("# only\n[true, 1]", json!(["true", "1"]));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let check = |text: &str, expected: &str| {
            let actual = parse(text).unwrap_err();
            assert!(actual.contains(expected), "{actual}");
        };
        check("a: [", "line");
        check("a: &x 1\nb: *x\n", "aliases");
        check("a: 1\na: 2\n", "twice");
        check("a: 1\n---\nb: 2\n", "one document");
    }
}
