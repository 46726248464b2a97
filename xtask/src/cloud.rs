//! Reaching a cloud: AWS, or the local cloud, which is AWS at another address.

use anyhow::Context as _;
use serde_json::json;
use stacks::Environment;

use crate::account;
use crate::aws::{Aws, Identity, Reach};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::flags::Cloud;
use crate::local;
use crate::patience::patiently;
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;

/// Reaches the cloud that the flags name, for these environments, and says whose account it is.
///
/// # Errors
/// When there are no credentials, they have expired, they are of another account than an environment is bound to, or the
/// cloud can't be reached: exit status 4, before any change.
pub(crate) async fn connect(context: &Context, cloud: &Cloud, environments: &[Environment]) -> anyhow::Result<Aws> {
    let (aws, identity) = reached(context, cloud).await?;
    let endpoint = aws
        .endpoint()
        .map(|endpoint| format!(" at {endpoint}"))
        .unwrap_or_default();
    let said = format!(
        "account {} in {}{endpoint}, as {}",
        identity.account_id,
        aws.region(),
        identity.arn
    );
    if context.is_new(&said) {
        context.tell(Note {
            code: EventCode::Account,
            text: said,
            fields: json!({
                "account": identity.account_id,
                "region": aws.region(),
                "endpoint": aws.endpoint(),
                "arn": identity.arn,
            }),
        });
    }
    check_account(&aws, &identity, environments)?;
    Ok(aws)
}

/// As [`connect`], for a command that only looks: a local cloud isn't started to say that nothing is in it, and that it is
/// nobody's account needn't be said.
///
/// # Errors
/// As [`connect`]; and where no local cloud runs and none has a stack: exit status 4.
pub(crate) async fn look(context: &Context, cloud: &Cloud, environments: &[Environment]) -> anyhow::Result<Aws> {
    if !cloud.local {
        return connect(context, cloud, environments).await;
    }
    if !local::has_stacks(context)? {
        return Err(local::nothing_there().into());
    }
    Ok(reached(context, cloud).await?.0)
}

async fn reached(context: &Context, cloud: &Cloud) -> anyhow::Result<(Aws, Identity)> {
    let aws = Aws::new(&reach(context, cloud).await?).await;
    let identity = identify(context, &aws).await?;
    Ok((aws, identity))
}

/// Asks whose credentials these are, and again while no answer comes. No network lies between here and a cloud on this
/// machine: what that can't answer now is its trouble, and told at once.
async fn identify(context: &Context, aws: &Aws) -> anyhow::Result<Identity> {
    let identity = if aws.is_near() {
        aws.identity().await
    } else {
        patiently(context, "nothing was begun", async || aws.identity().await).await
    };
    identity.map_err(|error| or_locally(preflight(error), &std::env::args().skip(1).collect::<Vec<_>>()))
}

/// A cloud on this machine plays an account, and is none that an environment could be bound to.
fn check_account(aws: &Aws, identity: &Identity, environments: &[Environment]) -> anyhow::Result<()> {
    if aws.is_near() {
        return Ok(());
    }
    for environment in environments {
        account::check(&identity.account_id, &account::own_pins(*environment))?;
    }
    Ok(())
}

/// Ends the local cloud if nothing is left in it, since `--local` is what started it; whether it did.
///
/// # Errors
/// When it can't be asked or ended.
pub(crate) async fn leave_if_empty(context: &Context, cloud: &Cloud, aws: &Aws) -> anyhow::Result<bool> {
    let ended = cloud.local && aws.stack_names().await?.is_empty() && local::end(context).await?;
    if ended {
        context.progress.line("no stack is left in the local cloud: ended it");
    }
    Ok(ended)
}

async fn reach(context: &Context, cloud: &Cloud) -> anyhow::Result<Reach> {
    if !cloud.local {
        if !cloud.settings.are_none() {
            return Err(Failure::refused(
                "--runtime, --speed, --metric-lag and --bake are settings of the local cloud",
            )
            .code(Code::Flags)
            .next("add --local")
            .into());
        }
        return Ok(Reach::Configured {
            profile: cloud.profile.clone(),
            region: cloud.region.clone(),
        });
    }
    let asked = local::Asked {
        settings: &cloud.settings,
        port: None,
        region: cloud.region.as_deref(),
    };
    let running = local::ensure(context, &asked)
        .await
        .context("cannot use the local cloud")
        .map_err(preflight)?;
    Ok(running.into())
}

/// Whatever goes wrong before the first change is of the preflight.
fn preflight(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) if failure.exit == Exit::Failed => Failure {
            exit: Exit::Preflight,
            ..failure
        }
        .into(),
        Ok(failure) => failure.into(),
        Err(error) => Failure::preflight(format!("{error:#}")).code(Code::Bug).into(),
    }
}

/// Whoever has no credentials may want none: the same command, on this machine alone, comes first of what to do.
fn or_locally(error: anyhow::Error, arguments: &[String]) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(mut failure) => {
            if failure.code == Some(Code::CredentialsMissing) {
                let next = format!("on this machine alone, without an account: `{}`", locally(arguments));
                failure.next.insert(0, next);
            }
            failure.into()
        }
        Err(error) => error,
    }
}

/// A command line of this program's, for the local cloud.
fn locally(arguments: &[String]) -> String {
    let mut command = "cargo xtask".to_owned();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--profile" | "--region" => drop(arguments.next()),
            argument if argument.starts_with("--profile=") || argument.starts_with("--region=") => {}
            argument => {
                command.push(' ');
                command.push_str(argument);
            }
        }
    }
    command + " --local"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use crate::stack::script::{answer, lost};
    use crate::telling::report::text as report;

    #[tokio::test(start_paused = true)]
    async fn a_lost_network_is_borne_before_anything_is_begun() {
        let known = "<Arn>arn:aws:iam::123456789012:user/alice</Arn><Account>123456789012</Account>";
        let (status, body) = answer("GetCallerIdentity", known);
        let context = Context::hidden();
        let identity = identify(&context, &Replay::new([lost(), (status, body)]).aws_far()).await;
        assert_eq!(identity.unwrap().account_id, "123456789012");
        let said = context.progress.said();
        let expected =
            "cannot tell whose credentials these are: connection reset by peer; asking again for up to 10 min 0 s";
        assert_eq!(said.lines().next(), Some(expected), "{said}");

        let error = identify(&context, &Replay::new(std::iter::repeat_n(lost(), 1000)).aws_far()).await;
        let told = report(&error.unwrap_err());
        assert!(
            told.starts_with("error[E-AWS-UNREACHABLE]: cannot tell whose credentials"),
            "{told}"
        );
    }

    #[test]
    fn without_credentials_the_same_command_goes_to_the_local_cloud() {
        let missing = || {
            let failure = Failure::preflight("no AWS credentials found").code(Code::CredentialsMissing);
            failure.next("choose a profile").into()
        };
        let told = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
            report(&or_locally(missing(), &arguments))
        };
        insta::assert_snapshot!(told("deploy sandbox --profile people --yes --region=eu-west-1"), @"
        error[E-CREDENTIALS-MISSING]: no AWS credentials found
          next: on this machine alone, without an account: `cargo xtask deploy sandbox --yes --local`
          next: choose a profile
        ");
        let other = Failure::preflight("no").code(Code::AccessDenied).into();
        insta::assert_snapshot!(report(&or_locally(other, &[])), @"error[E-ACCESS-DENIED]: no");
    }

    #[test]
    fn whatever_goes_wrong_before_the_first_change_is_of_the_preflight() {
        insta::assert_snapshot!(report(&preflight(anyhow::anyhow!("no home"))), @"error[E-BUG]: no home");
        let failed = Failure::new(Exit::Failed, "no").into();
        assert_eq!(crate::exit::exit_of(&preflight(failed)), Exit::Preflight);
    }
}
