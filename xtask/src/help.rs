//! The command line as clap has it, with what clap can't be told by the flags alone: commands in groups, and examples.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory as _};

use crate::flags::Xtask;

/// The commands, by what they are for, each in a few words; every command that is shown is in one group.
const GROUPS: [(&str, &[(&str, &str)]); 6] = [
    (
        "Deploying",
        &[
            ("deploy", "Deploy an environment, or what has changed of it"),
            ("diff", "Show what a deployment would change, or what drifted"),
            ("rollback", "Go back to the image that ran before"),
            ("destroy", "Delete an environment, or everything"),
        ],
    ),
    (
        "Looking",
        &[
            ("status", "Show what an environment runs, once or all along"),
            ("releases", "List what was deployed, and can be again"),
            ("outputs", "Print the outputs of its stacks, such as its endpoint"),
            ("logs", "Show what the service's tasks wrote"),
            ("load", "Send requests, and tell what came of them by stage"),
            ("explain", "Tell of a resource, a type, a status, an error's code"),
            ("errors", "Print the codes of errors, with cause and fix"),
            ("cost", "Estimate what an environment costs a month on AWS"),
        ],
    ),
    (
        "By a push",
        &[
            ("pipeline", "Push HEAD, and follow the pipeline to its end"),
            ("build", "Make all that the pipeline deploys, as CodeBuild does"),
        ],
    ),
    (
        "What is deployed",
        &[
            ("synth", "Write the CloudFormation templates"),
            ("image", "Build the service's image, or push it"),
            ("permissions", "Write the IAM policies of whoever deploys by hand"),
        ],
    ),
    (
        "This machine",
        &[
            ("doctor", "Look for what is missing here, each with its fix"),
            ("local", "Start, end and ask the local cloud"),
            ("completions", "Print a shell's completions"),
            ("man", "Print the manual"),
        ],
    ),
    (
        "Working on this project",
        &[
            ("test", "Run everything that CI checks"),
            ("rehearse", "Play changes, good and bad, on local clouds"),
            ("soak", "Play deployments in a row, with random kills"),
            ("bench", "Take figures, each beside its peer"),
            ("codegen", "Generate the resource types from AWS's schemas"),
        ],
    ),
];

/// What the words mean that commands take.
const ENVIRONMENTS: &str = "\
Environments:
  sandbox    the service by itself, to try changes in
  toolchain  the pipeline, which deploys prod at every push
  prod       the service that customers meet";

/// Examples, by command.
const EXAMPLES: [(&str, &[(&str, &str)]); 5] = [
    (
        "deploy",
        &[
            ("deploy sandbox --local", "on this machine alone"),
            (
                "deploy sandbox --profile NAME",
                "on AWS, asking before it changes anything",
            ),
            (
                "deploy sandbox --local --yes --fault error=500@10%",
                "a bad image, to see it rolled back",
            ),
        ],
    ),
    (
        "pipeline",
        &[
            ("pipeline --local --yes", "create it, push HEAD, follow it to its end"),
            ("pipeline status --local", "how far it is"),
        ],
    ),
    (
        "destroy",
        &[
            ("destroy sandbox --local", "asks first"),
            (
                "destroy --all --local --yes --confirm OneBoxDeploymentOnECS-Service-Prod",
                "everything, without asking",
            ),
        ],
    ),
    (
        "status",
        &[
            ("status sandbox --local", "once"),
            ("status prod --watch", "until interrupted"),
        ],
    ),
    (
        "logs",
        &[
            ("logs sandbox --local --follow", "both stages, as they write"),
            ("logs prod --stage onebox --since 30m --errors", "one stage's errors"),
        ],
    ),
];

/// The command line.
pub(crate) fn command() -> Command {
    let mut command = Xtask::command();
    for (name, examples) in EXAMPLES {
        command = command.mut_subcommand(name, |command| command.after_help(render_examples(examples)));
    }
    command.help_template(StyledStr::from(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}{ENVIRONMENTS}\n\nOptions:\n{{options}}{{after-help}}",
        render_groups()
    )))
}

fn render_examples(examples: &[(&str, &str)]) -> String {
    let mut text = "Examples:".to_owned();
    for (example, meaning) in examples {
        let _ = write!(text, "\n  # {meaning}\n  cargo xtask {example}");
    }
    text
}

fn render_groups() -> String {
    let names = GROUPS.iter().flat_map(|(_, commands)| commands.iter());
    let width = names.map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (heading, commands) in GROUPS {
        let _ = writeln!(text, "{heading}:");
        for (name, summary) in commands {
            let _ = writeln!(text, "  {name:width$}  {summary}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_that_is_shown_is_in_one_group() {
        let command = command();
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        let shown: BTreeSet<&str> = shown.map(Command::get_name).collect();
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, commands)| commands.iter().map(|(name, _)| *name))
            .collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), shown);
        assert_eq!(grouped.len(), shown.len());
    }

    #[test]
    fn every_example_is_a_command_line() {
        for (_, examples) in EXAMPLES {
            for (example, _) in examples {
                let words = std::iter::once("xtask").chain(example.split(' '));
                command().try_get_matches_from(words).unwrap();
            }
        }
    }

    #[test]
    fn what_is_printed_first_is_within_80_columns() {
        let help = command().term_width(80).render_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        insta::assert_snapshot!(help, @"
        Builds, deploys and tests the service: on AWS, or with --local on this machine
        alone

        Usage: cargo xtask <COMMAND>

        Deploying:
          deploy       Deploy an environment, or what has changed of it
          diff         Show what a deployment would change, or what drifted
          rollback     Go back to the image that ran before
          destroy      Delete an environment, or everything

        Looking:
          status       Show what an environment runs, once or all along
          releases     List what was deployed, and can be again
          outputs      Print the outputs of its stacks, such as its endpoint
          logs         Show what the service's tasks wrote
          load         Send requests, and tell what came of them by stage
          explain      Tell of a resource, a type, a status, an error's code
          errors       Print the codes of errors, with cause and fix
          cost         Estimate what an environment costs a month on AWS

        By a push:
          pipeline     Push HEAD, and follow the pipeline to its end
          build        Make all that the pipeline deploys, as CodeBuild does

        What is deployed:
          synth        Write the CloudFormation templates
          image        Build the service's image, or push it
          permissions  Write the IAM policies of whoever deploys by hand

        This machine:
          doctor       Look for what is missing here, each with its fix
          local        Start, end and ask the local cloud
          completions  Print a shell's completions
          man          Print the manual

        Working on this project:
          test         Run everything that CI checks
          rehearse     Play changes, good and bad, on local clouds
          soak         Play deployments in a row, with random kills
          bench        Take figures, each beside its peer
          codegen      Generate the resource types from AWS's schemas

        Environments:
          sandbox    the service by itself, to try changes in
          toolchain  the pipeline, which deploys prod at every push
          prod       the service that customers meet

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Exit status: 0 done or nothing to do, 1 failed, 2 differences found, 3 usage or
        refused, 4 credentials or preflight, 5 rolled back, 6 rollback failed, 7 not
        enough evidence, 130 interrupted
        ");
    }
}
