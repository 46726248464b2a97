//! The images that a build made, as it names them to whoever deploys them.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::exit::{Coded as _, Failure};

/// The images of a build, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Images {
    /// The commit that was built, where it is known.
    pub(crate) source: Option<String>,
    /// The service's.
    pub(crate) service: String,
    /// The one that runs until the first deployment of the service's.
    pub(crate) bootstrap: String,
}

impl Images {
    /// Reads what [`Images::write`] wrote.
    ///
    /// # Errors
    /// When there is no such file, or it doesn't name both images: exit status 3.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path);
        let text = text
            .map_err(|error| Failure::refused(format!("cannot read {}: {error}", path.display())).code(Code::File))?;
        let images = serde_json::from_str(&text);
        images.map_err(|error| {
            let what = format!("{} doesn't name a build's images: {error}", path.display());
            Failure::refused(what)
                .code(Code::File)
                .next("`cargo xtask build` writes such a file")
                .into()
        })
    }

    /// Writes a file of them.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text)
            .with_context(|| format!("cannot write {}", path.display()))
            .coded(Code::File)
    }
}
