//! One resource's properties against its schema.
//!
//! Every word of a schema that is met is either checked or listed as saying nothing of a value, so none is passed over.

use regex_lite::Regex;
use serde_json::{Map, Value};

/// Words that say nothing of a value.
const SILENT: &[&str] = &[
    // For people, and for other programs.
    "$comment",
    "$schema",
    "arrayType",
    "default",
    "definitions",
    "description",
    "documentationUrl",
    "handlers",
    "insertionOrder",
    "propertyTransform",
    "replacementStrategy",
    "rust",
    "sourceUrl",
    "tagging",
    "typeName",
    // How the resource is told apart and updated.
    "additionalIdentifiers",
    "conditionalCreateOnlyProperties",
    "createOnlyProperties",
    "primaryIdentifier",
    "uniqueKeys",
    "writeOnlyProperties",
    // Kinds of text: types in `cloudformation::formats` see to them.
    "format",
    "relationshipRef",
];

/// Everything wrong with a resource's properties: where, and what.
pub(super) fn check(document: &Value, properties: &Value) -> Vec<String> {
    let mut validator = Validator {
        document,
        errors: Vec::new(),
    };
    validator.value("", document, properties);
    for list in ["readOnlyProperties", "deprecatedProperties"] {
        for pointer in document[list].as_array().into_iter().flatten() {
            let steps: Vec<&str> = pointer.as_str().unwrap().split('/').skip(2).collect();
            if is_present(properties, &steps) {
                validator.say("", format!("{} is in {list}", steps.join("/")));
            }
        }
    }
    validator.errors
}

/// Whether a value has something at a path; `*` is every item.
fn is_present(value: &Value, steps: &[&str]) -> bool {
    match steps {
        [] => true,
        ["*", rest @ ..] => value
            .as_array()
            .is_some_and(|items| items.iter().any(|item| is_present(item, rest))),
        [step, rest @ ..] => value.get(step).is_some_and(|value| is_present(value, rest)),
    }
}

/// The name and argument of an intrinsic function.
fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (name, argument) = object.iter().next()?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name.as_str(), argument))
}

struct Validator<'a> {
    document: &'a Value,
    errors: Vec<String>,
}

impl Validator<'_> {
    fn say(&mut self, at: &str, what: impl std::fmt::Display) {
        self.errors.push(format!("{at}: {what}"));
    }

    /// Where a value stands, an intrinsic function may; of `Fn::If`, either branch is the value.
    fn value(&mut self, at: &str, schema: &Value, value: &Value) {
        match intrinsic(value) {
            Some(("Fn::If", branches)) => {
                for branch in branches.as_array().into_iter().flatten().skip(1) {
                    self.value(at, schema, branch);
                }
            }
            Some(_) => {}
            None => self.literal(at, schema, value),
        }
    }

    fn literal(&mut self, at: &str, schema: &Value, value: &Value) {
        for (word, says) in schema.as_object().unwrap() {
            if SILENT.contains(&word.as_str()) {
                continue;
            }
            match (word.as_str(), value) {
                ("$ref", _) => {
                    let pointer = says.as_str().unwrap().trim_start_matches('#');
                    let schema = self.document.pointer(pointer).unwrap().clone();
                    self.literal(at, &schema, value);
                }
                ("type", _) => self.r#type(at, says, value),
                ("enum" | "enumCaseInsensitive", _) => self.r#enum(at, word, says, value),
                ("anyOf" | "oneOf", _) => self.alternatives(at, word, says, value),
                (word, Value::String(text)) => self.text(at, word, says, text),
                (word, Value::Number(number)) => self.number(at, word, says, number.as_f64().unwrap()),
                (word, Value::Array(items)) => self.items(at, word, says, items),
                (word, Value::Object(members)) => self.members(at, word, says, schema, members),
                (_, Value::Bool(_) | Value::Null) => {}
            }
        }
    }

    fn r#type(&mut self, at: &str, says: &Value, value: &Value) {
        let is = |name: &str| match name {
            "array" => value.is_array(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "object" => value.is_object(),
            "string" => value.is_string(),
            _ => panic!("{at}: the schema has a type {name}"),
        };
        let fits = match says {
            Value::Array(names) => names.iter().any(|name| is(name.as_str().unwrap())),
            name => is(name.as_str().unwrap()),
        };
        if !fits {
            self.say(at, format!("type is not {says}"));
        }
    }

    fn r#enum(&mut self, at: &str, word: &str, says: &Value, value: &Value) {
        let lower = |value: &Value| value.as_str().map(str::to_lowercase);
        let fits = says.as_array().unwrap().iter().any(|allowed| {
            allowed == value
                || (word == "enumCaseInsensitive" && lower(allowed).is_some_and(|text| lower(value) == Some(text)))
        });
        if !fits {
            self.say(at, format!("{value} is not in {word}"));
        }
    }

    fn alternatives(&mut self, at: &str, word: &str, says: &Value, value: &Value) {
        let fits = |schema: &Value| {
            let mut validator = Validator {
                document: self.document,
                errors: Vec::new(),
            };
            validator.value(at, schema, value);
            validator.errors.is_empty()
        };
        let count = says.as_array().unwrap().iter().filter(|schema| fits(schema)).count();
        if count == 0 || (word == "oneOf" && count > 1) {
            self.say(at, format!("{word} fits {count} times"));
        }
    }

    fn text(&mut self, at: &str, word: &str, says: &Value, text: &str) {
        let length = text.chars().count() as u64;
        let fits = match word {
            "minLength" => says.as_u64().unwrap() <= length,
            "maxLength" => length <= says.as_u64().unwrap(),
            "pattern" => matches(says.as_str().unwrap(), text),
            _ => is_about(word, &["number", "array", "object"]),
        };
        if !fits {
            self.say(at, format!("{text:?} does not fit {word} {says}"));
        }
    }

    fn number(&mut self, at: &str, word: &str, says: &Value, number: f64) {
        let fits = match word {
            "minimum" => says.as_f64().unwrap() <= number,
            "maximum" => number <= says.as_f64().unwrap(),
            "multipleOf" => (number / says.as_f64().unwrap()).fract() == 0.0,
            _ => is_about(word, &["text", "array", "object"]),
        };
        if !fits {
            self.say(at, format!("{number} does not fit {word} {says}"));
        }
    }

    fn items(&mut self, at: &str, word: &str, says: &Value, items: &[Value]) {
        let length = items.len() as u64;
        let fits = match word {
            "minItems" => says.as_u64().unwrap() <= length,
            "maxItems" | "maxUniqueItems" => length <= says.as_u64().unwrap(),
            "uniqueItems" => {
                says == false
                    || items
                        .iter()
                        .enumerate()
                        .all(|(index, item)| !items[..index].contains(item))
            }
            "items" => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&format!("{at}/{index}"), says, item);
                }
                true
            }
            _ => is_about(word, &["text", "number", "object"]),
        };
        if !fits {
            self.say(at, format!("{length} items do not fit {word} {says}"));
        }
    }

    fn members(&mut self, at: &str, word: &str, says: &Value, schema: &Value, members: &Map<String, Value>) {
        let has = |name: &Value| members.contains_key(name.as_str().unwrap());
        let count = |names: &Value| names.as_array().unwrap().iter().filter(|name| has(name)).count();
        // For each member that is there, whether the others are as they must be.
        let each = |fits: &dyn Fn(&Value) -> bool| {
            let mut present = says
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| members.contains_key(*name));
            present.all(|(_, others)| fits(others))
        };
        let fits = match word {
            "properties" => {
                for (name, value) in members {
                    if let Some(schema) = says.get(name) {
                        self.value(&format!("{at}/{name}"), schema, value);
                    }
                }
                true
            }
            "patternProperties" => {
                for (name, value) in members {
                    for (_, schema) in says
                        .as_object()
                        .unwrap()
                        .iter()
                        .filter(|(pattern, _)| matches(pattern, name))
                    {
                        self.value(&format!("{at}/{name}"), schema, value);
                    }
                }
                true
            }
            "additionalProperties" => says == true || members.keys().all(|name| is_named(schema, name)),
            "required" => count(says) == says.as_array().unwrap().len(),
            "requiredOr" => count(says) >= 1,
            "requiredXor" => count(says) == 1,
            "dependentRequired" => each(&|others| count(others) == others.as_array().unwrap().len()),
            "dependentExcluded" => each(&|others| count(others) == 0),
            "minProperties" => says.as_u64().unwrap() <= members.len() as u64,
            "maxProperties" => members.len() as u64 <= says.as_u64().unwrap(),
            "readOnlyProperties" | "deprecatedProperties" => true,
            _ => is_about(word, &["text", "number", "array"]),
        };
        if !fits {
            let names: Vec<&String> = members.keys().collect();
            self.say(at, format!("{names:?} do not fit {word} {says}"));
        }
    }
}

fn is_named(schema: &Value, name: &str) -> bool {
    let patterns = schema["patternProperties"].as_object();
    schema["properties"].get(name).is_some()
        || patterns.is_some_and(|patterns| patterns.keys().any(|pattern| matches(pattern, name)))
}

/// Whether a word is about values of other kinds than the one at hand, of which it then says nothing.
///
/// # Panics
///
/// When the word is about none of them: a schema says something that nobody checks.
fn is_about(word: &str, kinds: &[&str]) -> bool {
    let kind = match word {
        "minLength" | "maxLength" | "pattern" => "text",
        "minimum" | "maximum" | "multipleOf" => "number",
        "minItems" | "maxItems" | "maxUniqueItems" | "uniqueItems" | "items" => "array",
        "properties"
        | "patternProperties"
        | "additionalProperties"
        | "required"
        | "requiredOr"
        | "requiredXor"
        | "dependentRequired"
        | "dependentExcluded"
        | "minProperties"
        | "maxProperties" => "object",
        _ => panic!("the schema says {word}, which nothing here checks"),
    };
    kinds.contains(&kind)
}

/// Whether a text matches a schema's pattern.
fn matches(pattern: &str, text: &str) -> bool {
    const LOOKAHEAD: &str = "^(?=.{2,256}$)";
    let (pattern, fits) = match pattern.strip_prefix(LOOKAHEAD) {
        Some(rest) => (format!("^{rest}"), (2..=256).contains(&text.len())),
        None => (pattern.to_owned(), true),
    };
    let pattern = translate(&pattern);
    let pattern = Regex::new(&pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    fits && pattern.is_match(text)
}

/// A schema's pattern as Rust reads patterns. Templates are ASCII, so classes of Unicode stand for theirs of ASCII.
fn translate(pattern: &str) -> String {
    let pattern = pattern
        .replace(r"\p{L}", "A-Za-z")
        .replace(r"\p{Z}", " ")
        .replace(r"\p{N}", "0-9")
        .replace(r"\p{Print}", "[ -~]")
        .replace(r"\Z", r"\z");
    let (mut translated, mut in_class, mut is_escaped) = (String::new(), false, false);
    for letter in pattern.chars() {
        // Elsewhere a bracket within a class is a letter like any other.
        if in_class && !is_escaped && letter == '[' {
            translated.push('\\');
        }
        translated.push(letter);
        in_class = match letter {
            '[' if !is_escaped => true,
            ']' if !is_escaped => false,
            _ => in_class,
        };
        is_escaped = letter == '\\' && !is_escaped;
    }
    translated
}
