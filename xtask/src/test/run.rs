//! Runs the programs that check.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs a command, all of whose words are progress; its failure names it.
pub(super) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .collect();
    let said = words
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let status = command
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run `{said}`"))?;
    ensure!(status.success(), "`{said}`: {status}");
    Ok(())
}
