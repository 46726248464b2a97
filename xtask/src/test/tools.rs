//! Python tools that check us from outside, pinned, in an environment of their own under `target/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::run::succeed;

/// Which tools, in which versions.
const REQUIREMENTS: &str = "ci/requirements.txt";

/// The folder of the tools' programs, installed if the requirements have changed since.
///
/// # Errors
/// When Python can't make an environment, or pip can't install a tool.
pub(super) fn install(root: &Path) -> anyhow::Result<PathBuf> {
    let (folder, requirements) = (root.join("target/venv"), root.join(REQUIREMENTS));
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    // Written last, so that what is there was installed to its end.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&requirements);
        succeed(&mut pip)?;
        fs::write(&installed, wanted).with_context(|| format!("cannot write {}", installed.display()))?;
    }
    Ok(folder.join("bin"))
}
