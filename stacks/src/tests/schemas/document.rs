//! The schemas as they are vendored, with the overlay laid over them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// Schemas by resource type.
pub(in crate::tests) struct Documents(BTreeMap<String, Value>);

impl Documents {
    /// Reads the vendored ones.
    pub(in crate::tests) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloudformation");
        let mut documents = BTreeMap::new();
        for entry in std::fs::read_dir(folder.join("schemas")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let document = read(&path);
                documents.insert(document["typeName"].as_str().unwrap().to_owned(), document);
            }
        }
        for entry in read(&folder.join("overlay.json")).as_array().unwrap() {
            lay_over(&mut documents, entry);
        }
        Self(documents)
    }

    /// The schema of a resource type.
    pub(in crate::tests) fn of(&self, resource_type: &str) -> Option<&Value> {
        self.0.get(resource_type)
    }
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An entry's `set` is merged into the schema at its pointer; the other entries are about Rust alone.
fn lay_over(documents: &mut BTreeMap<String, Value>, entry: &Value) {
    let (Some(pointer), Some(set)) = (entry["at"].as_str(), entry["set"].as_object()) else {
        return;
    };
    let document = documents.get_mut(entry["type"].as_str().unwrap()).unwrap();
    let schema = document.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap();
    schema.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
}
