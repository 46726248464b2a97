//! Where a build works: a folder of its own, like a host of `CodeBuild`'s that is used again for the same project.
//!
//! ```text
//! builds/<project>/<number>/src       the clean checkout, $CODEBUILD_SRC_DIR
//!                           inputs/   further sources, $CODEBUILD_SRC_DIR_<name>
//!                           cache/    folders that the buildspec's cache names, linked into the checkout
//!                           index     git's own notes on the checkout
//! ```
//!
//! A checkout holds exactly the files of its commit, but those that haven't changed since the last build keep their times,
//! and the folder is the same: so cargo, which goes by both, builds only what has changed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::buildspec::{Artifacts, Reports};
use super::junit::{self, TestCase};
use super::{Input, Source, files, glob};
use crate::codecommit::Git;
use crate::options::CacheSeed;

/// Where builds, artifacts and repositories are.
#[derive(Debug, Clone)]
pub(super) struct Places {
    home: PathBuf,
    pub(super) git: Git,
    seed: Option<CacheSeed>,
    taken: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// A folder that one build has to itself, until the last of its holders is gone.
#[derive(Debug, Clone)]
pub(super) struct Workplace {
    folder: PathBuf,
    places: Places,
    _taken: Arc<Taken>,
}

#[derive(Debug)]
struct Taken {
    folder: PathBuf,
    all: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Places {
    pub(super) fn new(home: &Path, git: Git, seed: Option<CacheSeed>) -> Self {
        Self {
            home: home.to_owned(),
            git,
            seed,
            taken: Arc::default(),
        }
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The first folder of a project that no build has.
    pub(super) fn take(&self, project: &str) -> Workplace {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = 1;
        loop {
            let folder = self.home.join("builds").join(project).join(number.to_string());
            if taken.insert(folder.clone()) {
                return Workplace {
                    places: self.clone(),
                    _taken: Arc::new(Taken {
                        folder: folder.clone(),
                        all: Arc::clone(&self.taken),
                    }),
                    folder,
                };
            }
            number += 1;
        }
    }

    /// Where an artifact is.
    pub(super) fn artifact(&self, key: &str) -> PathBuf {
        self.home.join("artifacts").join(key)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.folder);
    }
}

impl Workplace {
    pub(super) fn source(&self) -> PathBuf {
        self.folder.join("src")
    }

    pub(super) fn notes(&self) -> PathBuf {
        self.folder.join("notes")
    }

    /// Brings the sources there, and gives the folders of those beside the primary one by their names.
    ///
    /// # Errors
    /// What keeps a source from being there.
    pub(super) fn fill(&self, inputs: &[Input]) -> Result<Vec<(String, PathBuf)>, String> {
        let further = self.folder.join("inputs");
        let say = |error: io::Error| format!("cannot bring the sources to {}: {error}", self.folder.display());
        files::remove(&further).map_err(say)?;
        let mut folders = Vec::new();
        for (place, input) in inputs.iter().enumerate() {
            let folder = if place == 0 {
                self.source()
            } else {
                further.join(&input.name)
            };
            match &input.source {
                Source::Commit { repository, commit } => self.check_out(repository, commit, &folder)?,
                Source::Folder { key } => {
                    let artifact = self.places.artifact(key);
                    let copied = files::remove(&folder).and_then(|()| files::copy_all(&artifact, &folder));
                    copied.map_err(|error| format!("the artifact {} is not there any more: {error}", input.name))?;
                }
            }
            if place > 0 {
                folders.push((input.name.clone(), folder));
            }
        }
        Ok(folders)
    }

    /// Makes a folder what a commit says, and touches nothing that is so already.
    fn check_out(&self, repository: &str, commit: &str, folder: &Path) -> Result<(), String> {
        let index = folder.with_extension("index");
        let prepared = fs::create_dir_all(folder).and_then(|()| files::remove(&index.with_extension("index.lock")));
        prepared.map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let git = |arguments: &[&str]| {
            let mut command = self.places.git.git(repository);
            command
                .arg("--work-tree")
                .arg(folder)
                .args(arguments)
                .current_dir(folder)
                .env("GIT_INDEX_FILE", &index);
            crate::codecommit::succeed(command)
        };
        git(&["read-tree", "--reset", "-u", commit])?;
        git(&["clean", "--quiet", "-ffdx"])?;
        Ok(())
    }

    /// Links the folders that a buildspec's cache names into the checkout. What lies elsewhere on the machine, such as
    /// cargo's registry, is the person's own already.
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html>
    pub(super) fn link_cache(&self, paths: &[String]) -> io::Result<()> {
        for path in paths {
            let folder = path.split("/*").next().unwrap_or(path).trim_end_matches('/');
            let inside =
                !folder.starts_with('/') && folder.split('/').all(|part| !matches!(part, "" | "." | ".." | "~"));
            if !inside {
                continue;
            }
            let (kept, link) = (self.folder.join("cache").join(folder), self.source().join(folder));
            self.begin_cache(Path::new(folder), &kept)?;
            files::remove(&link)?;
            if let Some(above) = link.parent() {
                fs::create_dir_all(above)?;
            }
            std::os::unix::fs::symlink(&kept, &link)?;
        }
        Ok(())
    }

    /// Makes sure that there is a folder of the cache. One that is new begins with its seed: with all of it or nothing, since
    /// a build can't tell half a file from a whole one.
    fn begin_cache(&self, path: &Path, kept: &Path) -> io::Result<()> {
        if kept.exists() {
            return Ok(());
        }
        let partial = self.folder.join("cache-partial");
        files::remove(&partial)?;
        fs::create_dir_all(&partial)?;
        if let Some(seed) = &self.places.seed
            && let Err(error) = seed.fill(path, &partial)
        {
            tracing::warn!(%error, path = %path.display(), "this part of a build's cache begins empty");
            files::remove(&partial)?;
            fs::create_dir_all(&partial)?;
        }
        if let Some(above) = kept.parent() {
            fs::create_dir_all(above)?;
        }
        fs::rename(&partial, kept)
    }

    /// The files below a folder of the source that fit one of the patterns, and that folder.
    fn matching(&self, base: Option<&str>, patterns: &[String]) -> Result<(PathBuf, Vec<String>), String> {
        let base = base.map_or_else(|| self.source(), |base| self.source().join(base));
        let mut found = files::below(&base).map_err(|error| format!("cannot look into {}: {error}", base.display()))?;
        found.retain(|file| fits_any(patterns, file));
        Ok((base, found))
    }

    /// What the tests of a build say, by the files that its buildspec names.
    ///
    /// # Errors
    /// When there are none, or one can't be read.
    pub(super) fn tests(&self, reports: &Reports) -> Result<Vec<TestCase>, String> {
        let (base, found) = self.matching(reports.base_directory.as_deref(), &reports.files)?;
        if found.is_empty() {
            return Err("no matching report files found".to_owned());
        }
        let mut cases = Vec::new();
        for file in found {
            let text = fs::read_to_string(base.join(&file)).map_err(|error| format!("cannot read {file}: {error}"))?;
            cases.extend(junit::parse(&text, &file)?);
        }
        Ok(cases)
    }

    /// Hands what a build made on, under an artifact's key: all of it or nothing.
    ///
    /// # Errors
    /// When nothing fits, or the files can't be copied.
    pub(super) fn hand_on(&self, artifacts: &Artifacts, key: &str) -> Result<(), String> {
        let (base, mut wanted) = self.matching(artifacts.base_directory.as_deref(), &artifacts.files)?;
        wanted.retain(|file| !fits_any(&artifacts.exclude, file));
        if wanted.is_empty() {
            return Err("no matching artifact paths found".to_owned());
        }
        let to = self.places.artifact(key);
        let partial = to.with_extension("partial");
        let copied = files::remove(&partial).and_then(|()| {
            for file in &wanted {
                let name = if artifacts.discard_paths {
                    file.rsplit('/').next().unwrap_or(file)
                } else {
                    file
                };
                files::copy(&base.join(file), &partial.join(name))?;
            }
            files::remove(&to)?;
            fs::rename(&partial, &to)
        });
        copied.map_err(|error| format!("cannot hand on what was built: {error}"))
    }
}

fn fits_any(patterns: &[String], file: &str) -> bool {
    patterns.iter().any(|pattern| glob::fits(pattern, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a cache named `kept` after each of some builds, whose seed is this one.
    fn caches(builds: usize, fill: fn(&Path, &Path) -> io::Result<()>) -> Vec<Vec<String>> {
        let home = tempfile::tempdir().unwrap();
        let places = Places::new(home.path(), Git::new(home.path()), Some(CacheSeed::new(fill)));
        let build = |number| {
            let workplace = places.take("project");
            fs::create_dir_all(workplace.source()).unwrap();
            workplace.link_cache(&["kept/**/*".to_owned()]).unwrap();
            let kept = workplace.source().join("kept");
            let found = files::below(&kept).unwrap();
            fs::write(kept.join(format!("of build {number}")), "").unwrap();
            found
        };
        (1..=builds).map(build).collect()
    }

    #[test]
    fn a_cache_begins_with_its_seed_and_goes_on_with_what_builds_left() {
        let seen = caches(2, |path, folder| {
            assert_eq!(path, Path::new("kept"));
            fs::write(folder.join("seed"), "")
        });
        assert_eq!(seen, [vec!["seed"], vec!["of build 1", "seed"]]);
    }

    #[test]
    fn a_seed_that_fails_leaves_nothing_behind() {
        let seen = caches(1, |_, folder| {
            fs::write(folder.join("half"), "")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(seen, [Vec::<String>::new()]);
    }
}
