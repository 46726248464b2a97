//! What every command is given: the checkout, its streams and the interrupt.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use local_cloud::Home;

use crate::code::Code;
use crate::exit::{Coded as _, Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::telling::sides::Sides;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// The checkout's root; outside of any, as where a build's artifact is deployed, the current folder.
    pub(crate) root: PathBuf,
    /// Where results go.
    pub(crate) output: Output,
    /// Where progress goes.
    pub(crate) progress: Progress,
    /// Whether someone asks to leave.
    pub(crate) interrupt: Interrupt,
    /// What is known of the stages of the stack that is worked on.
    pub(crate) sides: Sides,
    /// What needn't be said again.
    pub(crate) said: RefCell<BTreeSet<String>>,
    /// What a person answers to the questions of a test, in order.
    #[cfg(test)]
    pub(crate) answers: RefCell<std::collections::VecDeque<String>>,
}

impl Context {
    /// The context of this process.
    ///
    /// # Errors
    /// When there is no current folder, or the system grants no signal handler.
    pub(crate) fn new(output: Output) -> anyhow::Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let here = std::env::current_dir()
            .context("cannot tell the current folder")
            .coded(Code::File)?;
        let root = find_root(manifest.as_deref().unwrap_or(&here)).unwrap_or(&here);
        let interrupt = Interrupt::listen(output.clone())?;
        Ok(Self {
            root: root.to_owned(),
            output,
            progress: Progress::stderr(),
            interrupt,
            sides: Sides::default(),
            said: RefCell::default(),
            #[cfg(test)]
            answers: RefCell::default(),
        })
    }

    /// The checkout's root, for what needs the source.
    ///
    /// # Errors
    /// Outside of any checkout.
    pub(crate) fn checkout(&self) -> anyhow::Result<&Path> {
        let root = find_root(&self.root).filter(|root| *root == self.root);
        root.ok_or_else(|| {
            let what = format!("no checkout of the project contains {}", self.root.display());
            Failure::new(Exit::Failed, what)
                .code(Code::NoCheckout)
                .next("run it in a checkout")
                .into()
        })
    }

    /// A context that keeps what it is told and is never interrupted.
    #[cfg(test)]
    pub(crate) fn hidden() -> Self {
        let (output, interrupt) = (Output::new(false), Interrupt::never());
        Self {
            root: PathBuf::new(),
            output,
            progress: Progress::kept(),
            interrupt,
            sides: Sides::default(),
            said: RefCell::default(),
            answers: RefCell::default(),
        }
    }

    /// The same with a person who answers so.
    #[cfg(test)]
    pub(crate) fn answered(answer: &str) -> Self {
        let context = Self::hidden();
        context.answers.borrow_mut().push_back(answer.to_owned());
        context
    }

    /// Whether this command hasn't said this yet; from now on it has.
    pub(crate) fn is_new(&self, text: &str) -> bool {
        self.said.borrow_mut().insert(text.to_owned())
    }

    /// The local cloud of this checkout, or of the folder that `LOCAL_CLOUD_HOME` names.
    pub(crate) fn home(&self) -> Home {
        let folder = std::env::var_os("LOCAL_CLOUD_HOME").map(PathBuf::from);
        Home::new(folder.unwrap_or_else(|| self.root.join("target/local-cloud")))
    }
}

/// The checkout that a folder is in: the nearest one above that holds this command line's package.
fn find_root(start: &Path) -> Option<&Path> {
    start
        .ancestors()
        .find(|folder| folder.join("xtask/Cargo.toml").is_file() && folder.join("Cargo.lock").is_file())
}
