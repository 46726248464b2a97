//! What the programs that check run in.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use optional_programs::{ALL_VARIABLE, HIDDEN_VARIABLE, SKIPS_VARIABLE, Skip, is_hidden, read_skips};

/// A checkout, where skipped tests are recorded, and which programs are hidden.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    root: PathBuf,
    /// `PATH` without the optional programs, if they are hidden.
    hidden_path: Option<OsString>,
}

impl Surroundings {
    /// Those of a checkout, with the optional programs hidden if wanted.
    ///
    /// # Errors
    /// If a folder under `target/` can't be written.
    pub(super) fn new(root: &Path, hide: bool) -> anyhow::Result<Self> {
        let surroundings = Self {
            root: root.to_owned(),
            hidden_path: if hide { Some(hide_programs(root)?) } else { None },
        };
        let skips = surroundings.skips_file();
        match fs::remove_file(&skips) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("can't remove {}", skips.display()))
            }
            _ => Ok(surroundings),
        }
    }

    /// The checkout.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the optional programs are hidden.
    pub(super) fn hides_programs(&self) -> bool {
        self.hidden_path.is_some()
    }

    /// Cargo in the checkout. insta writes no snapshot, and tests that are skipped are recorded.
    pub(super) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .env("INSTA_UPDATE", "no")
            .env(SKIPS_VARIABLE, self.skips_file());
        if let Some(path) = &self.hidden_path {
            command
                .env("PATH", path)
                .env("DOCKER_HOST", "unix:///dev/null")
                .env(HIDDEN_VARIABLE, "1")
                .env_remove(ALL_VARIABLE);
        }
        command
    }

    /// Takes what tests have recorded since the last call.
    ///
    /// # Errors
    /// If the record can't be read or removed.
    pub(super) fn take_skips(&self) -> anyhow::Result<Vec<Skip>> {
        let file = self.skips_file();
        let skips = read_skips(&file).with_context(|| format!("can't read {}", file.display()))?;
        if !skips.is_empty() {
            fs::remove_file(&file).with_context(|| format!("can't remove {}", file.display()))?;
        }
        Ok(skips)
    }

    fn skips_file(&self) -> PathBuf {
        self.root.join("target/skipped-tests.tsv")
    }
}

/// Makes a `PATH` without the optional programs: a folder that has one is replaced by a folder of links to its other files.
fn hide_programs(root: &Path) -> anyhow::Result<OsString> {
    let links = root.join("target/hidden-programs");
    if links.exists() {
        fs::remove_dir_all(&links).with_context(|| format!("can't remove {}", links.display()))?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = Vec::new();
    for (number, folder) in std::env::split_paths(&path).enumerate() {
        let replacement = links.join(number.to_string());
        let replaced = replace(&folder, &replacement).with_context(|| {
            format!(
                "can't link the files of {} in {}",
                folder.display(),
                replacement.display()
            )
        })?;
        folders.push(if replaced { replacement } else { folder });
    }
    std::env::join_paths(folders).context("can't make a PATH")
}

/// Links the files of a folder in another, the optional programs aside. Returns `false`, having done nothing, if it has none.
fn replace(folder: &Path, replacement: &Path) -> std::io::Result<bool> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(false);
    };
    let entries: Vec<_> = entries.flatten().collect();
    if !entries.iter().any(|entry| is_hidden(&entry.file_name())) {
        return Ok(false);
    }
    fs::create_dir_all(replacement)?;
    for entry in entries.iter().filter(|entry| !is_hidden(&entry.file_name())) {
        std::os::unix::fs::symlink(entry.path(), replacement.join(entry.file_name()))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_an_optional_program_is_replaced_by_its_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let (programs, links) = (folder.path().join("bin"), folder.path().join("links"));
        fs::create_dir(&programs).unwrap();
        fs::write(programs.join("git"), "").unwrap();
        assert!(!replace(&programs, &links).unwrap());
        assert!(!links.exists());

        fs::write(programs.join("wrk"), "").unwrap();
        assert!(replace(&programs, &links).unwrap());
        let left: Vec<_> = fs::read_dir(&links)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["git"]);
        assert!(!replace(&folder.path().join("absent"), &links).unwrap());
    }

    #[test]
    fn hidden_programs_are_demanded_by_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let command = Surroundings::new(folder.path(), true).unwrap().cargo();
        let set: Vec<_> = command
            .get_envs()
            .filter(|(name, _)| *name == ALL_VARIABLE || *name == HIDDEN_VARIABLE)
            .collect();
        assert_eq!(
            set,
            [
                (ALL_VARIABLE.as_ref(), None),
                (HIDDEN_VARIABLE.as_ref(), Some("1".as_ref()))
            ]
        );
    }
}
