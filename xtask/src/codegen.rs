//! `cargo xtask codegen`: writes the resource types from AWS's schemas.
//!
//! The schemas under `stacks/cloudformation/schemas/` are copies of those that `cfn-lint` carries, for the types
//! in use; `overlay.json` beside them adds what AWS documents and the schemas lack.
//! A new type, or newer schemas: `stacks/cloudformation/schemas/README.md`.

mod emit;
mod model;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use self::model::ResourceModel;

const REPAIR: &str = "cargo xtask codegen";

/// Writes the generated files, or with `check` only says whether they are as they should be.
///
/// # Errors
///
/// A schema or overlay that can't be read or understood; with `check`, files that are stale, naming the command that
/// fixes them.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let package = package();
    let files = generate(&package.join("schemas"), &package.join("overlay.json"))?;
    let folder = package.join("src/generated");
    if check {
        let stale = stale(&folder, &files)?;
        if !stale.is_empty() {
            bail!("generated files are stale: {}: run `{REPAIR}`", stale.join(", "));
        }
        return Ok(());
    }
    write(&folder, &files)
}

/// The crate that the generated files belong to.
fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../stacks/cloudformation")
}

/// The generated files, formatted: file names and their text.
///
/// # Errors
///
/// A schema or overlay that can't be read or understood, or no `rustfmt`.
pub(crate) fn generate(schemas: &Path, overlay: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let entries = read_json(overlay)?;
    let models = schema_files(schemas)?
        .iter()
        .map(|path| read_json(path).and_then(|schema| model(schema, &entries)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    check_overlay(&entries, &models)?;
    let mut files: BTreeMap<PathBuf, String> = models
        .iter()
        .map(|model| (PathBuf::from(format!("{}.rs", model.module)), emit::resource(model)))
        .collect();
    files.insert("mod.rs".into(), emit::module(&models));
    files.insert("formats.rs".into(), emit::formats(&models));
    files
        .into_iter()
        .map(|(path, text)| Ok((path, format(&text)?)))
        .collect()
}

fn schema_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// One schema with the overlay's entries for it.
fn model(mut schema: Value, entries: &Value) -> anyhow::Result<ResourceModel> {
    let name = schema["typeName"]
        .as_str()
        .context("a schema has no typeName")?
        .to_owned();
    let mut reference = None;
    for entry in entries
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["type"] == *name)
    {
        if let Some(format) = entry["ref"].as_str() {
            reference = Some(format.to_owned());
        }
        if let Some(pointer) = entry["at"].as_str() {
            let place = schema.pointer_mut(pointer);
            let place = place.with_context(|| format!("overlay: {name} has nothing at {pointer}"))?;
            merge(place, &entry["set"]);
            keep_only(place, &entry["only"]).with_context(|| format!("overlay: {name}{pointer}"))?;
        }
    }
    ResourceModel::read(&schema, reference).with_context(|| format!("schema of {name}"))
}

fn merge(place: &mut Value, set: &Value) {
    for (key, value) in set.as_object().into_iter().flatten() {
        place[key] = value.clone();
    }
}

/// Leaves out all properties but those named, where an entry names any: a large type would cost every first build.
///
/// # Errors
/// A name that the schema doesn't have.
fn keep_only(place: &mut Value, only: &Value) -> anyhow::Result<()> {
    let Some(only) = only.as_array() else { return Ok(()) };
    let properties = place["properties"].as_object_mut().context("has no properties")?;
    if let Some(unknown) = only
        .iter()
        .find(|name| !name.as_str().is_some_and(|name| properties.contains_key(name)))
    {
        bail!("has no property {unknown}");
    }
    properties.retain(|name, _| only.iter().any(|kept| kept == name));
    Ok(())
}

/// Each entry has a source, and speaks of a type that there is.
fn check_overlay(entries: &Value, models: &[ResourceModel]) -> anyhow::Result<()> {
    let types: BTreeSet<&str> = models.iter().map(|model| model.type_name.as_str()).collect();
    for entry in entries.as_array().context("the overlay is not a list")? {
        if !entry["source"]
            .as_str()
            .is_some_and(|source| source.starts_with("https://"))
        {
            bail!("overlay: no source for {entry}");
        }
        let name = entry["type"].as_str().unwrap_or_default();
        if !types.contains(name) {
            bail!("overlay: no schema of {name:?}");
        }
    }
    Ok(())
}

fn format(text: &str) -> anyhow::Result<String> {
    let shell = Shell::new()?;
    shell.change_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let mut formatted = cmd!(shell, "rustfmt --edition 2024 --config-path rustfmt.toml")
        .stdin(text)
        .quiet()
        .read()
        .context("formatting generated code: is rustfmt installed (`rustup component add rustfmt`)?")?;
    formatted.push('\n');
    Ok(formatted)
}

/// What differs: files with other text, files missing, files too many.
fn stale(folder: &Path, files: &BTreeMap<PathBuf, String>) -> anyhow::Result<Vec<String>> {
    let mut names: BTreeSet<PathBuf> = files
        .iter()
        .filter(|(name, text)| fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(superfluous(folder, files)?);
    Ok(names.iter().map(|name| name.display().to_string()).collect())
}

fn superfluous(folder: &Path, files: &BTreeMap<PathBuf, String>) -> anyhow::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    if folder.exists() {
        for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
            let name = PathBuf::from(entry?.file_name());
            if !files.contains_key(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn write(folder: &Path, files: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    for name in superfluous(folder, files)? {
        fs::remove_file(folder.join(&name)).with_context(|| format!("removing {}", name.display()))?;
    }
    for (name, text) in files {
        fs::write(folder.join(name), text).with_context(|| format!("writing {}", name.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_files_are_fresh() {
        run(true).unwrap();
    }

    #[test]
    fn a_changed_a_missing_and_a_superfluous_file_are_stale() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| (PathBuf::from(name), text.to_owned());
        let files = BTreeMap::from([file("a.rs", "a\n"), file("b.rs", "b\n"), file("c.rs", "c\n")]);
        fs::write(folder.path().join("a.rs"), "a\n").unwrap();
        fs::write(folder.path().join("b.rs"), "other\n").unwrap();
        fs::write(folder.path().join("z.rs"), "z\n").unwrap();
        assert_eq!(stale(folder.path(), &files).unwrap(), ["b.rs", "c.rs", "z.rs"]);
        write(folder.path(), &files).unwrap();
        assert_eq!(stale(folder.path(), &files).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn only_the_properties_named_are_written() {
        let mut place = serde_json::json!({"properties": {"A": {}, "B": {}}});
        keep_only(&mut place, &Value::Null).unwrap();
        assert_eq!(place["properties"].as_object().unwrap().len(), 2);
        keep_only(&mut place, &serde_json::json!(["B"])).unwrap();
        assert_eq!(place, serde_json::json!({"properties": {"B": {}}}));
        let error = keep_only(&mut place, &serde_json::json!(["A"])).unwrap_err();
        assert_eq!(error.to_string(), "has no property \"A\"");
    }

    #[test]
    fn an_overlay_that_misses_its_target_is_an_error() {
        let schema = || serde_json::json!({"typeName": "AWS::X::Y", "properties": {"A": {"type": "string"}}});
        let overlay = serde_json::json!([{"type": "AWS::X::Y", "at": "/properties/B", "set": {}}]);
        let error = model(schema(), &overlay).err().unwrap().to_string();
        assert_eq!(error, "overlay: AWS::X::Y has nothing at /properties/B");
    }
}
