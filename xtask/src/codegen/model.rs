//! A schema as what there is to write: structs, enums, attributes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::names;

/// A resource type.
pub(super) struct ResourceModel {
    pub(super) type_name: String,
    pub(super) module: String,
    /// The format of what `Ref` gives, where it is known.
    pub(super) reference: Option<String>,
    /// The resource itself first, then what its properties hold.
    pub(super) structs: Vec<StructModel>,
    pub(super) enums: BTreeMap<String, EnumModel>,
    /// What `Fn::GetAtt` gives, by name.
    pub(super) attributes: BTreeMap<String, Kind>,
    pub(super) formats: BTreeSet<String>,
}

/// A resource, or an object inside one.
pub(super) struct StructModel {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) properties: Vec<Property>,
}

/// A property of a struct.
pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) notes: Vec<String>,
}

/// The values that AWS names.
pub(super) enum EnumModel {
    Text(Vec<String>),
    Integers(Vec<i64>),
}

/// What a property holds.
#[derive(Clone, PartialEq)]
pub(super) enum Kind {
    Text,
    Format(String),
    Boolean,
    Integer,
    Range(i64, i64),
    Number,
    Enum(String),
    Struct(String),
    List(Box<Kind>),
    Map(Box<Kind>),
    Policy,
    Free,
}

impl ResourceModel {
    /// Reads a schema.
    pub(super) fn read(schema: &Value, reference: Option<String>) -> anyhow::Result<Self> {
        let type_name = schema["typeName"].as_str().context("no typeName")?.to_owned();
        let name = names::camel(type_name.rsplit("::").next().unwrap_or_default());
        let mut reader = Reader {
            schema,
            root: name.clone(),
            read_only: pointers(schema, "readOnlyProperties"),
            create_only: pointers(schema, "createOnlyProperties"),
            structs: Vec::new(),
            enums: BTreeMap::new(),
            formats: reference.iter().cloned().collect(),
            seen: BTreeSet::from([name.clone()]),
        };
        reader.read_struct(&name, &type_name, schema, "/properties")?;
        // The resource was finished last, after what it holds.
        reader.structs.reverse();
        let attributes = reader.attributes()?;
        let module = names::module(&type_name);
        let Reader {
            structs,
            enums,
            formats,
            ..
        } = reader;
        Ok(Self {
            type_name,
            module,
            reference,
            structs,
            enums,
            attributes,
            formats,
        })
    }
}

fn pointers(schema: &Value, key: &str) -> BTreeSet<String> {
    schema[key]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

struct Reader<'a> {
    schema: &'a Value,
    root: String,
    read_only: BTreeSet<String>,
    create_only: BTreeSet<String>,
    structs: Vec<StructModel>,
    enums: BTreeMap<String, EnumModel>,
    formats: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// Reads an object's properties, alphabetically: the schema's own order depends on who reads it.
    fn read_struct(&mut self, name: &str, label: &str, object: &'a Value, pointer: &str) -> anyhow::Result<()> {
        let required: BTreeSet<&str> = object["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let entries: BTreeMap<&String, &Value> = object["properties"].as_object().into_iter().flatten().collect();
        let mut properties = Vec::new();
        for (property, node) in entries {
            let at = format!("{pointer}/{property}");
            if self.read_only.contains(&at) {
                continue;
            }
            let kind = self
                .kind(name, property, node, &at)
                .with_context(|| format!("property {at}"))?;
            let required = required.contains(property.as_str());
            let mut notes = self.notes(node);
            if self.create_only.contains(&at) {
                notes.push("changing it replaces the resource".to_owned());
            }
            properties.push(Property {
                name: property.clone(),
                kind,
                required,
                notes,
            });
        }
        self.structs.push(StructModel {
            name: name.to_owned(),
            label: label.to_owned(),
            properties,
        });
        Ok(())
    }

    fn kind(&mut self, owner: &str, property: &str, node: &'a Value, at: &str) -> anyhow::Result<Kind> {
        if let Some(target) = node["$ref"].as_str() {
            let (name, definition) = self.definition(target)?;
            return self.named(&names::camel(&name), &name, definition, at);
        }
        let name = if owner == self.root {
            names::camel(property)
        } else {
            format!("{owner}{}", names::camel(property))
        };
        self.named(&name, property, node, at)
    }

    fn definition(&self, target: &str) -> anyhow::Result<(String, &'a Value)> {
        let pointer = target
            .strip_prefix('#')
            .with_context(|| format!("foreign $ref {target}"))?;
        let definition = self
            .schema
            .pointer(pointer)
            .with_context(|| format!("{target} leads nowhere"))?;
        let name = pointer.rsplit('/').next().unwrap_or_default().to_owned();
        Ok((name, definition))
    }

    /// What a node holds, when a type of its own would have this name.
    fn named(&mut self, name: &str, label: &str, node: &'a Value, at: &str) -> anyhow::Result<Kind> {
        if node["rust"] == "PolicyDocument" {
            return Ok(Kind::Policy);
        }
        if let Some(values) = node["enum"].as_array() {
            return self.enumeration(name, values);
        }
        let kind = match node["type"].as_str() {
            Some("string") => match node["format"].as_str() {
                Some(format) => {
                    self.formats.insert(format.to_owned());
                    Kind::Format(format.to_owned())
                }
                None => Kind::Text,
            },
            Some("boolean") => Kind::Boolean,
            Some("integer") => integer(node),
            Some("number") => Kind::Number,
            Some("array") => Kind::List(Box::new(self.kind_of_items(name, label, &node["items"], at)?)),
            Some("object") => self.object(name, label, node, at)?,
            None if node["properties"].is_object() => self.object(name, label, node, at)?,
            None if node["$ref"].is_string() => self.kind(name, label, node, at)?,
            None => Kind::Free,
            Some(other) => bail!("unknown type {other}"),
        };
        Ok(kind)
    }

    fn kind_of_items(&mut self, name: &str, label: &str, items: &'a Value, at: &str) -> anyhow::Result<Kind> {
        let at = format!("{at}/*");
        match items["$ref"].as_str() {
            Some(_) => self.kind(name, label, items, &at),
            None => self.named(name, label, items, &at),
        }
    }

    fn object(&mut self, name: &str, label: &str, node: &'a Value, at: &str) -> anyhow::Result<Kind> {
        if !node["properties"].is_object() {
            let Some((_, values)) = node["patternProperties"]
                .as_object()
                .and_then(|patterns| patterns.iter().next())
            else {
                return Ok(Kind::Free);
            };
            let values = self.named(&format!("{name}Value"), label, values, &format!("{at}/*"))?;
            return Ok(Kind::Map(Box::new(values)));
        }
        let name = self.free_name(name);
        if self.seen.insert(name.clone()) {
            self.read_struct(&name, label, node, at)?;
        }
        Ok(Kind::Struct(name))
    }

    fn enumeration(&mut self, name: &str, values: &[Value]) -> anyhow::Result<Kind> {
        let name = self.free_name(name);
        let model = if values.iter().all(Value::is_i64) {
            EnumModel::Integers(values.iter().filter_map(Value::as_i64).collect())
        } else {
            let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
            EnumModel::Text(
                texts
                    .collect::<Option<_>>()
                    .context("an enum of neither texts nor integers")?,
            )
        };
        self.enums.insert(name.clone(), model);
        Ok(Kind::Enum(name))
    }

    /// A definition may be called like the resource itself.
    fn free_name(&self, name: &str) -> String {
        if name == self.root {
            format!("{name}Object")
        } else {
            name.to_owned()
        }
    }

    fn notes(&self, node: &Value) -> Vec<String> {
        let target = node["$ref"]
            .as_str()
            .and_then(|target| self.schema.pointer(target.strip_prefix('#')?));
        let node = target.unwrap_or(node);
        let bounds = |low: &str, high: &str, unit: &str| match (node[low].as_i64(), node[high].as_i64()) {
            (Some(low), Some(high)) => Some(format!("{low} to {high} {unit}")),
            (Some(low), None) => Some(format!("at least {low} {unit}")),
            (None, Some(high)) => Some(format!("at most {high} {unit}")),
            (None, None) => None,
        };
        let pattern = node["pattern"].as_str().map(|pattern| format!("matches `{pattern}`"));
        [
            bounds("minLength", "maxLength", "characters"),
            bounds("minItems", "maxItems", "items"),
            pattern,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Read-only properties whose value is text or a number: what `Fn::GetAtt` can give.
    fn attributes(&mut self) -> anyhow::Result<BTreeMap<String, Kind>> {
        let mut attributes = BTreeMap::new();
        for pointer in self.read_only.clone() {
            let path = pointer.trim_start_matches("/properties/");
            let Some(node) = self.at_path(path) else { continue };
            let kind = match node["type"].as_str() {
                Some("array") if node["items"]["type"] == "string" => Kind::List(Box::new(Kind::Text)),
                Some("string" | "integer" | "boolean") if node["enum"].is_null() => {
                    self.named("", path, node, &pointer)?
                }
                Some("string") => Kind::Text,
                _ => continue,
            };
            attributes.insert(path.replace('/', "."), kind);
        }
        Ok(attributes)
    }

    fn at_path(&self, path: &str) -> Option<&'a Value> {
        path.split('/').try_fold(self.schema, |node, part| {
            let node = node["properties"].get(part)?;
            match node["$ref"].as_str() {
                Some(target) => self.schema.pointer(target.strip_prefix('#')?),
                None => Some(node),
            }
        })
    }
}

fn integer(node: &Value) -> Kind {
    match (node["minimum"].as_i64(), node["maximum"].as_i64()) {
        (None, None) => Kind::Integer,
        (minimum, maximum) => Kind::Range(minimum.unwrap_or(i64::MIN), maximum.unwrap_or(i64::MAX)),
    }
}
