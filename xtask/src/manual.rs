//! `completions` and `man`: what clap knows of the command line, for shells and for `man`.

use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use serde_json::{Value, json};

use crate::code::Code;
use crate::context::Context;
use crate::exit::Coded as _;
use crate::flags::{Completions, Man};
use crate::help;

/// The name that is completed: shells complete the first word of a line alone, and in `cargo xtask` that is cargo's.
const COMPLETED: &str = "xtask";

/// The manual's name, by which `cargo help xtask` finds it.
const MANUAL: &str = "cargo-xtask";

impl Completions {
    /// Prints a script for a shell.
    ///
    /// # Errors
    /// When the script is no text, which clap doesn't write.
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<Value> {
        context.output.line(script(self.shell)?.trim_end());
        Ok(json!({}))
    }
}

impl Man {
    /// Prints the manual, or writes it with a page for each command.
    ///
    /// # Errors
    /// When a page can't be written.
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<Value> {
        match &self.out {
            None => context.output.line(page()?.trim_end()),
            Some(folder) => write(folder)?,
        }
        Ok(json!({}))
    }
}

fn script(shell: clap_complete::Shell) -> anyhow::Result<String> {
    let mut command = help::command().name(COMPLETED).bin_name(COMPLETED);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, COMPLETED, &mut script);
    Ok(String::from_utf8(script)?)
}

fn manual() -> Command {
    help::command().name(MANUAL).bin_name(MANUAL).display_name(MANUAL)
}

fn page() -> anyhow::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(manual()).render(&mut page)?;
    Ok(String::from_utf8(page)?)
}

fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}", folder.display()))
        .coded(Code::File)?;
    clap_mangen::generate_to(manual(), folder)
        .with_context(|| format!("cannot write into {}", folder.display()))
        .coded(Code::File)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// The commands that people are shown.
    fn commands() -> Vec<String> {
        let command = help::command();
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        shown.map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn every_shell_completes_every_command() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(*shell).unwrap();
            for command in commands() {
                assert!(script.contains(&command), "{shell}: {command}");
            }
        }
    }

    #[test]
    fn bash_takes_its_script_and_completes_a_command() {
        let script = script(clap_complete::Shell::Bash).unwrap();
        let asked = "COMP_WORDS=(xtask dep) COMP_CWORD=1; _xtask xtask dep xtask; echo \"${COMPREPLY[@]}\"";
        let output = std::process::Command::new("bash")
            .args(["--noprofile", "--norc", "-c", &format!("{script}\n{asked}")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "deploy");
    }

    #[test]
    fn the_manual_has_a_page_for_each_command() {
        assert!(page().unwrap().contains("Exit status: 0 done"));
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for command in commands() {
            let path = folder.path().join(format!("{MANUAL}-{command}.1"));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(".SH SYNOPSIS"), "{command}");
        }
    }
}
