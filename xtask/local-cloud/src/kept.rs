//! What the folder of a local cloud keeps, whether one runs or not.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::home::Home;

/// What a local cloud makes in its folder; anything else there is somebody else's.
const ENTRIES: [&str; 13] = [
    "artifacts",
    "builds",
    "id",
    "id.new",
    "images",
    "journal",
    "log",
    "logs",
    "metrics.ndjson",
    "registry",
    "repositories",
    "running.json",
    "state.json",
];

/// What a local cloud keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The names of the stacks that stand.
    pub stacks: Vec<String>,
    /// The names of the source repositories.
    pub repositories: Vec<String>,
    /// The size of its files, in bytes.
    pub bytes: u64,
}

impl Home {
    /// What the folder keeps; nothing where there is none. A state that can't be read has no stacks.
    ///
    /// # Errors
    /// When it can't be looked through.
    pub fn kept(&self) -> anyhow::Result<Kept> {
        let entries = ENTRIES.iter().map(|name| self.folder().join(name));
        let bytes = entries.map(|path| size(&path)).sum::<io::Result<u64>>();
        Ok(Kept {
            stacks: self.stacks().unwrap_or_default(),
            repositories: names(&self.folder().join("repositories"))?,
            bytes: bytes.with_context(|| format!("cannot look through {}", self.folder().display()))?,
        })
    }

    /// The names of the stacks that stand, by the state that was written last.
    ///
    /// # Errors
    /// When it can't be read, or is not what a local cloud writes.
    pub fn stacks(&self) -> anyhow::Result<Vec<String>> {
        let path = self.state_file();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let state: Value = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not what a local cloud writes", path.display()))?;
        let stacks = state["stacks"]["list"].as_array().into_iter().flatten();
        let standing = stacks.filter(|stack| stack["deleted"].is_null());
        Ok(standing
            .filter_map(|stack| stack["name"].as_str().map(ToOwned::to_owned))
            .collect())
    }

    /// Deletes all that a local cloud made in the folder, so that the next one begins anew.
    ///
    /// # Errors
    /// When one runs in it, or something can't be deleted.
    pub fn clear(&self) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        for name in ENTRIES {
            let path = self.folder().join(name);
            remove(&path).with_context(|| format!("cannot delete {}", path.display()))?;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The size of a file or of all files below a folder; what goes meanwhile has none.
fn size(path: &Path) -> io::Result<u64> {
    match size_of_what_is_there(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        size => size,
    }
}

fn size_of_what_is_there(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

/// The names in a folder, in their order; none where there is no folder.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<String>>>()
        .with_context(|| format!("cannot read {}", folder.display()))?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_and_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        assert_eq!(home.kept().unwrap(), Kept::default());
        let state = r#"{"stacks": {"list": [
            {"name": "Gone", "deleted": {"secs_since_epoch": 1}},
            {"name": "Stands", "deleted": null}
        ]}}"#;
        fs::write(home.state_file(), state).unwrap();
        fs::create_dir_all(folder.path().join("repositories/source")).unwrap();
        fs::create_dir_all(folder.path().join("builds/Build/1")).unwrap();
        fs::write(folder.path().join("builds/Build/1/output"), "1234").unwrap();
        fs::write(folder.path().join("mine"), "somebody else's").unwrap();
        let kept = Kept {
            stacks: vec!["Stands".to_owned()],
            repositories: vec!["source".to_owned()],
            bytes: state.len() as u64 + 4,
        };
        assert_eq!(home.kept().unwrap(), kept);

        let lock = home.lock().unwrap();
        assert!(home.clear().is_err(), "one runs in it");
        drop(lock);
        home.clear().unwrap();
        assert_eq!(home.kept().unwrap(), Kept::default());
        assert_eq!(names(folder.path()).unwrap(), ["lock", "mine"]);
    }

    #[test]
    fn a_state_that_no_local_cloud_wrote_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        fs::write(home.state_file(), "{").unwrap();
        let error = home.stacks().unwrap_err().to_string();
        assert!(
            error.ends_with("state.json is not what a local cloud writes"),
            "{error}"
        );
    }
}
