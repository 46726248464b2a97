//! `cargo xtask synth`: writes the templates, the same bytes that a deployment sends.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use stacks::Stack;

use crate::code::Code;
use crate::exit::{Coded as _, Failure};

/// Writes `<StackName>.template.json` for the stacks named, or for all, and says their paths.
///
/// # Errors
///
/// A name that no stack has (the error lists those that there are), or a file that can't be written.
pub(crate) fn run(names: &[String], out: &Path, say: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    for stack in choose(names)? {
        say(&write(&stack, out)?.display().to_string());
    }
    Ok(())
}

fn choose(names: &[String]) -> anyhow::Result<Vec<Stack>> {
    let stacks = stacks::all();
    if let Some(unknown) = names
        .iter()
        .find(|name| !stacks.iter().any(|stack| stack.name == **name))
    {
        let known: Vec<&str> = stacks.iter().map(|stack| stack.name.as_str()).collect();
        let what = format!("no stack is called {unknown}; there are: {}", known.join(", "));
        return Err(Failure::refused(what).code(Code::UnknownName).into());
    }
    Ok(stacks
        .into_iter()
        .filter(|stack| names.is_empty() || names.contains(&stack.name))
        .collect())
}

fn write(stack: &Stack, out: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(out)
        .with_context(|| format!("creating {}", out.display()))
        .coded(Code::File)?;
    let path = out.join(format!("{}.template.json", stack.name));
    fs::write(&path, &stack.template)
        .with_context(|| format!("writing {}", path.display()))
        .coded(Code::File)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::{Exit, exit_of};

    fn check(names: &[&str], expected: Result<&[&str], &str>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        match (choose(&names), expected) {
            (Ok(stacks), Ok(expected)) => {
                assert_eq!(
                    stacks.iter().map(|stack| stack.name.as_str()).collect::<Vec<_>>(),
                    expected
                );
            }
            (Err(error), Err(expected)) => {
                assert_eq!(exit_of(&error), Exit::Refused);
                assert_eq!(error.to_string(), expected);
            }
            (chosen, expected) => panic!("{names:?}: {chosen:?} in place of {expected:?}"),
        }
    }

    #[test]
    fn stacks_are_chosen_by_name() {
        let all = [
            "OneBoxDeploymentOnECS-Foundation-Sandbox",
            "OneBoxDeploymentOnECS-Service-Sandbox",
            "OneBoxDeploymentOnECS-Foundation-Prod",
            "OneBoxDeploymentOnECS-Service-Prod",
            "OneBoxDeploymentOnECS-Foundation-Deployments",
            "OneBoxDeploymentOnECS-Toolchain-Deployments",
        ];
        check(&[], Ok(&all));
        check(&all[1..2], Ok(&all[1..2]));
        check(
            &["Service"],
            Err(
                "no stack is called Service; there are: OneBoxDeploymentOnECS-Foundation-Sandbox, \
                 OneBoxDeploymentOnECS-Service-Sandbox, OneBoxDeploymentOnECS-Foundation-Prod, \
                 OneBoxDeploymentOnECS-Service-Prod, OneBoxDeploymentOnECS-Foundation-Deployments, \
                 OneBoxDeploymentOnECS-Toolchain-Deployments",
            ),
        );
    }

    #[test]
    fn a_file_holds_the_very_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let stack = &stacks::all()[0];
        let path = write(stack, &folder.path().join("deeper")).unwrap();
        assert!(path.ends_with("deeper/OneBoxDeploymentOnECS-Foundation-Sandbox.template.json"));
        assert_eq!(fs::read_to_string(path).unwrap(), stack.template);
    }
}
