//! The command line: builds, deploys and tests the service.

mod account;
mod alarms;
mod aws;
mod bench;
mod build;
mod cloud;
mod code;
mod codegen;
mod context;
mod cost;
mod deploy;
mod destroy;
mod diff;
mod docker;
mod doctor;
#[cfg(test)]
mod documents;
mod environment;
mod errors;
mod exit;
mod explain;
mod fault;
mod flags;
mod help;
mod image;
mod interrupt;
mod load;
mod local;
mod logs;
mod manual;
mod output;
mod outputs;
mod patience;
mod permissions;
mod pipeline;
mod progress;
mod prompt;
mod publish;
mod rehearse;
mod releases;
mod runs;
mod services;
mod soak;
mod stack;
mod status;
mod synth;
mod table;
mod telling;
mod test;
mod token;
mod traffic;
mod unread;
mod verdict;

use std::any::Any;
use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::Value;

use crate::code::Code;
use crate::context::Context;
use crate::exit::{Coded as _, Done, Exit, Failure, exit_of};
use crate::flags::{Command, Local, LocalCommand, Xtask};
use crate::output::Output;
use crate::telling::report;

fn main() -> ExitCode {
    let command = match parse(std::env::args_os()) {
        Ok(xtask) => xtask.command,
        Err(error) => {
            if !error.use_stderr() {
                // Without a reader there is nobody to tell.
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            progress::Progress::stderr().line(&usage(&error));
            return refuse(&error);
        }
    };
    if let Command::Local(Local {
        command: LocalCommand::Serve { apart: false, .. },
    }) = command
        && let Err(error) = local::begin_without("--apart")
    {
        progress::Progress::stderr().line(&format!("goes on with what its starter had open: {error}"));
    }
    let output = Output::new(command.json());
    let outcome = run(command, output.clone());
    output.result(&outcome);
    match outcome {
        Ok(done) => ExitCode::from(done.exit.code()),
        Err(error) => {
            progress::Progress::stderr().line(&report::text(&error));
            ExitCode::from(exit_of(&error).code())
        }
    }
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Xtask, clap::Error> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.len() == 2 && arguments[1] == "version" {
        arguments[1] = "--version".into();
    }
    let parsed = help::command().try_get_matches_from(arguments);
    parsed
        .and_then(|matches| Xtask::from_arg_matches(&matches))
        .map_err(with_the_likeliest)
}

/// clap names every command that is a little alike, the likeliest last.
fn with_the_likeliest(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::Strings(alike)) = error.get(ContextKind::SuggestedSubcommand) {
        let likeliest = alike.last().cloned().into_iter().collect();
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(likeliest));
    }
    error
}

/// Ends a command line that isn't understood, for programs as well where it asks for what they read.
fn refuse(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    let first = if is_help(error) {
        "a command is missing".to_owned()
    } else {
        error.to_string()
    };
    let first = first.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let failure = Failure::refused(first).code(Code::Usage);
    Output::new(json).result(&Err(failure.into()));
    ExitCode::from(Exit::Refused.code())
}

fn run(command: Command, output: Output) -> anyhow::Result<Done> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let working = AssertUnwindSafe(|| {
        runtime.block_on(async {
            let context = Context::new(output)?;
            dispatch(command, &context).await
        })
    });
    // What a panic left isn't looked at again.
    let outcome = std::panic::catch_unwind(working).unwrap_or_else(|panic| Err(broken(panic.as_ref()).into()));
    // A prompt that nobody answered still reads from stdin; it must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// The failure of a command line that panicked: that is told like any other.
fn broken(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let words = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let words = words.unwrap_or_else(|| "it says no more".to_owned());
    Failure::new(Exit::Failed, format!("this command line is at fault itself: {words}"))
        .code(Code::Bug)
        .next("what AWS was asked to do goes on: look at it with `cargo xtask status`")
        .next("report it, with the words above and the command")
}

/// Runs a command.
async fn dispatch(command: Command, context: &Context) -> anyhow::Result<Done> {
    let result = match command {
        Command::Diff(diff) => return diff.run(context).await,
        Command::Deploy(deploy) => deploy.run(context).await,
        Command::Outputs(outputs) => outputs.run(context).await,
        Command::Doctor(doctor) => doctor.run(context).await,
        Command::Status(status) => status.run(context).await,
        Command::Destroy(destroy) => destroy.run(context).await,
        Command::Rollback(rollback) => rollback.run(context).await,
        Command::Releases(releases) => releases.run(context).await,
        Command::Load(load) => return load.run(context).await,
        Command::Local(local) => local.run(context).await.coded(Code::LocalCloud),
        Command::Logs(logs) => logs.run(context).await,
        Command::Image(image) => image.run(context).await,
        Command::Pipeline(pipeline) => pipeline.run(context).await,
        Command::Build(build) => build.run(context).await,
        Command::Rehearse(rehearse) => rehearse.run(context).await.coded(Code::ChecksFailed),
        Command::Soak(soak) => soak.run(context).await.coded(Code::ChecksFailed),
        Command::Test(test) => test.run(context).await.coded(Code::ChecksFailed),
        Command::Bench(bench) => bench.run(context).await.coded(Code::ChecksFailed),
        Command::Errors(errors) => Ok(errors.run(context)),
        Command::Explain(explain) => explain.run(context),
        Command::Permissions(permissions) => permissions.run(context),
        Command::Cost(cost) => cost.run(context).coded(Code::NoPrice),
        Command::Completions(completions) => completions.run(context),
        Command::Man(man) => man.run(context),
        Command::Codegen(codegen) => codegen::run(codegen.check)
            .map(|()| Value::Null)
            .coded(Code::ChecksFailed),
        Command::Synth(synth) => {
            let out = synth.out.unwrap_or_else(|| context.root.join("target/synth"));
            synth::run(&synth.stacks, &out, &mut |path| context.output.line(path)).map(|()| Value::Null)
        }
    };
    result.map(Done::from)
}

/// Whether clap answers with the help that wasn't asked for, as a command is missing.
fn is_help(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// What is wrong with a command line, in clap's words, with the code that every error has.
fn usage(error: &clap::Error) -> String {
    if is_help(error) {
        return error.to_string().trim_end().to_owned();
    }
    let words = error.to_string();
    let words = words.strip_prefix("error: ").unwrap_or(&words);
    format!("error[{}]: {}", Code::Usage.name(), words.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> clap::Error {
        let arguments = std::iter::once("xtask").chain(arguments.iter().copied());
        parse(arguments.map(OsString::from)).unwrap_err()
    }

    #[test]
    fn without_a_command_help_is_no_error() {
        let told = usage(&refused(&[]));
        assert!(told.starts_with("Builds, deploys and tests the service"), "{told}");
        assert_eq!(refused(&["version"]).kind(), ErrorKind::DisplayVersion);
        assert_eq!(refused(&["help", "destroy"]).kind(), ErrorKind::DisplayHelp);
    }

    #[test]
    fn the_likeliest_command_is_named() {
        insta::assert_snapshot!(usage(&refused(&["deploi", "sandbox"])), @"
        error[E-USAGE]: unrecognized subcommand 'deploi'

          tip: a similar subcommand exists: 'deploy'

        Usage: cargo xtask <COMMAND>

        For more information, try '--help'.
        ");
    }

    #[test]
    fn what_can_be_destroyed_is_named() {
        insta::assert_snapshot!(usage(&refused(&["destroy", "--local"])), @"
        error[E-USAGE]: the following required arguments were not provided:
          <ENVIRONMENT|--all>

        Usage: cargo xtask destroy --local <ENVIRONMENT|--all>

        For more information, try '--help'.
        ");
    }

    #[test]
    fn a_panic_is_told_like_any_other_failure() {
        let panic = std::panic::catch_unwind(|| assert_eq!(1, 2, "numbers differ")).unwrap_err();
        let told = report::text(&broken(panic.as_ref()).into());
        insta::assert_snapshot!(told, @"
        error[E-BUG]: this command line is at fault itself: assertion `left == right` failed: numbers differ
          left: 1
         right: 2
          next: what AWS was asked to do goes on: look at it with `cargo xtask status`
          next: report it, with the words above and the command
        ");
    }

    #[test]
    fn a_wrong_command_line_has_a_code_too() {
        let error = refused(&["deploy", "sandbox", "--stage", "twobox"]);
        insta::assert_snapshot!(usage(&error), @"
        error[E-USAGE]: invalid value 'twobox' for '--stage <STAGE>'
          [possible values: shared, onebox, fleet]

          tip: a similar value exists: 'onebox'

        For more information, try '--help'.
        ");
    }
}
