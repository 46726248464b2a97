//! The AWS CLI, as far as people are told to use it: commands that reach the cloud that was asked for, and no other.

use std::fmt::Write as _;

/// What stands before a command of the AWS CLI's, so that it reaches the same cloud as this command line does.
///
/// A local cloud has no account of anybody's, and a command that was meant for it must not reach one: so its address is
/// part of the command, and keys that open nothing else, which the AWS CLI wants to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cli {
    program: String,
}

impl Cli {
    /// For what the environment says, but for what is named here.
    pub(super) fn configured(profile: Option<&str>, region: Option<&str>) -> Self {
        let mut program = "aws".to_owned();
        for (flag, value) in [("--profile", profile), ("--region", region)] {
            if let Some(value) = value {
                let _ = write!(program, " {flag} {value}");
            }
        }
        Self { program }
    }

    /// For a cloud at an address, with its keys.
    pub(super) fn at(url: &str, region: &str, [access_key_id, secret_access_key]: [&str; 2]) -> Self {
        let keys = format!("AWS_ACCESS_KEY_ID={access_key_id} AWS_SECRET_ACCESS_KEY={secret_access_key}");
        Self {
            program: format!("{keys} aws --endpoint-url {url} --region {region}"),
        }
    }

    /// A command, to be pasted as it is: `arguments` begin with the service's name.
    pub(crate) fn command(&self, arguments: &str) -> String {
        format!("`{} {arguments}`", self.program)
    }
}

impl Default for Cli {
    /// As the environment says.
    fn default() -> Self {
        Self::configured(None, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reaches_the_cloud_that_was_asked_for() {
        let commands = [
            Cli::default(),
            Cli::configured(Some("people"), Some("eu-west-1")),
            Cli::at("http://127.0.0.1:4567", "us-east-1", ["key", "secret"]),
        ]
        .map(|cli| cli.command("cloudformation delete-stack --stack-name Example"));
        insta::assert_snapshot!(commands.join("\n"), @"
        `aws cloudformation delete-stack --stack-name Example`
        `aws --profile people --region eu-west-1 cloudformation delete-stack --stack-name Example`
        `AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret aws --endpoint-url http://127.0.0.1:4567 --region us-east-1 cloudformation delete-stack --stack-name Example`
        ");
    }
}
