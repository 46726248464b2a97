//! Where figures are taken: the checkout, a folder for what they leave, and a way to be told to stop.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use optional_programs::Program;
use xshell::Shell;

use super::programs;
use crate::exit::Failure;
use crate::image::{self, Binary, BuiltImage, Recipe};
use crate::progress::Progress;

/// Where figures are taken. A clone is another handle on the same.
#[derive(Debug, Clone)]
pub(super) struct Site {
    root: PathBuf,
    progress: Progress,
    stopped: Arc<AtomicBool>,
}

impl Site {
    /// In a checkout.
    pub(super) fn new(root: &Path, progress: Progress) -> Self {
        Self {
            root: root.to_owned(),
            progress,
            stopped: Arc::default(),
        }
    }

    /// The same in another checkout.
    pub(super) fn at(&self, root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            ..self.clone()
        }
    }

    /// The checkout's root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The service's image, built if its source has changed.
    ///
    /// # Errors
    /// When it can't be built.
    pub(super) fn service_image(&self) -> anyhow::Result<BuiltImage> {
        let mut show = |line: &str| self.show(line);
        image::build(&Shell::new()?, &self.root, &Recipe::plain(Binary::Service), &mut show)
    }

    /// The program of the bare server, compiled as the service is for its image.
    ///
    /// # Errors
    /// When it can't be compiled.
    pub(super) fn bare_server(&self) -> anyhow::Result<PathBuf> {
        let mut show = |line: &str| self.show(line);
        image::compile_peer(&Shell::new()?, &self.root, "bare-server", &mut show)
    }

    /// Says a line that stays.
    pub(super) fn say(&self, text: &str) {
        self.progress.line(text);
    }

    /// Shows a line that goes away again; in a log it stays.
    fn show(&self, text: &str) {
        if self.progress.is_live() {
            self.progress.block(&[text.to_owned()]);
        } else {
            self.progress.line(text);
        }
    }

    /// Shows a line that goes away again; a log doesn't get it.
    pub(super) fn show_briefly(&self, text: &str) {
        self.progress.block(&[text.to_owned()]);
    }

    /// Tells whoever measures to stop.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Goes on, unless told to stop; asked before every measurement.
    ///
    /// # Errors
    /// When told to stop.
    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Failure::interrupted("told to stop").into());
        }
        Ok(())
    }

    /// An empty folder under `target/bench`, which goes when the value does.
    ///
    /// # Errors
    /// When it can't be made, or what an earlier run left can't be deleted.
    pub(super) fn folder(&self, name: &str) -> anyhow::Result<Folder> {
        let path = self.root.join("target/bench").join(name);
        let folder = Folder { path };
        folder.delete()?;
        std::fs::create_dir_all(folder.path()).with_context(|| format!("cannot make {}", folder.path.display()))?;
        Ok(folder)
    }

    /// This very command line, in the checkout's root.
    ///
    /// # Errors
    /// When the system doesn't say which program this is.
    pub(super) fn xtask(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let program = std::env::current_exe().context("cannot tell which program this is")?;
        let mut command = Command::new(program);
        // Cargo, which runs this command line, says where its checkout is; another is known by the current folder.
        command
            .args(arguments)
            .current_dir(&self.root)
            .env_remove("CARGO_MANIFEST_DIR");
        Ok(command)
    }

    /// Installs what is missing of the programs; what still is, in one line.
    pub(super) fn missing(&self, needs: &[Program]) -> Option<String> {
        needs
            .iter()
            .find_map(|program| programs::obtain(*program, &mut |text| self.say(text)).err())
    }
}

/// A folder that goes with its value.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn delete(&self) -> anyhow::Result<()> {
        match std::fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot delete {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be deleted now is deleted or complained of by the next run.
        let _ = self.delete();
    }
}

/// Bytes in units of 1024 × 1024.
#[expect(clippy::cast_precision_loss, reason = "no size comes near 2^52 bytes")]
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
