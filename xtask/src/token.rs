//! Names for operations: by them events are told from others', and whoever meets one reads who asked for it and for what.
//!
//! A token is all that CloudFormation keeps of who asked, so that what another machine needs to go on with a deployment
//! stands in it: `xtask-deploy-all-6143503572ab-by-alice-at-laptop-18b2c0ffee`.

use std::fmt;
use std::time::SystemTime;

use crate::flags::Stage;

/// How much of an image's digest tells it from the others of its repository.
const DIGEST_DIGITS: usize = 12;

/// The most that a user's or a machine's name takes of a token, which has 128 characters:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>.
const NAME_CHARACTERS: usize = 24;

/// The most that a build's name takes: the end of it, which tells it from the project's others.
const BUILD_CHARACTERS: usize = 48;

/// What the tokens of operations beside the one that was asked for end in.
const SUFFIXES: [&str; 3] = ["-cancel", "-clear", "-shell"];

/// What an operation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A part of a deployment.
    Deploy {
        /// The part that was asked for.
        scope: Scope,
        /// The first digits of the digest of the image that it brings; none where the images stay.
        digits: Option<String>,
    },
    /// Anything else, by the name of its command.
    Other(String),
}

/// How much of a deployment was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All stages.
    All,
    /// One stage.
    Stage(Stage),
    /// Onebox back to the image that Fleet runs, because the deployment's image did badly; without an image, the stack back
    /// to its former template, because the infrastructure's did.
    Back,
}

/// What a token of this command line's says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What for.
    pub(crate) purpose: Purpose,
    /// By whom: `alice at laptop`.
    pub(crate) by: String,
}

impl Purpose {
    /// A part of a deployment towards an image, `repository@sha256:…`.
    pub(crate) fn deploy(scope: Scope, image: Option<&str>) -> Self {
        let digest = image.and_then(|image| image.split_once("@sha256:"));
        Self::Deploy {
            scope,
            digits: digest.map(|(_, digest)| digest.chars().take(DIGEST_DIGITS).collect()),
        }
    }
}

impl Scope {
    /// What `--stage` asks for.
    pub(crate) fn of(stage: Option<Stage>) -> Self {
        stage.map_or(Self::All, Self::Stage)
    }

    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Stage(stage) => stage.name(),
            Self::Back => "back",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        let stages = [Stage::Infrastructure, Stage::Onebox, Stage::Fleet].map(Self::Stage);
        let mut known = stages.into_iter().chain([Self::All, Self::Back]);
        known.find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy { scope, digits: None } => write!(formatter, "deploy-{}", scope.name()),
            Self::Deploy {
                scope,
                digits: Some(digits),
            } => write!(formatter, "deploy-{}-{digits}", scope.name()),
            Self::Other(name) => formatter.write_str(name),
        }
    }
}

impl Asked {
    /// What a token says; none where it is nobody's of this command line.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let token = SUFFIXES
            .iter()
            .find_map(|suffix| token.strip_suffix(suffix))
            .unwrap_or(token);
        let (said, _nanoseconds) = token.strip_prefix("xtask-")?.rsplit_once('-')?;
        let (purpose, by) = said.split_once("-by-")?;
        let by = by.replacen("-at-", " at ", 1);
        let mut words = purpose.split('-');
        let purpose = match (words.next(), words.next().and_then(Scope::of_name)) {
            (Some("deploy"), Some(scope)) => Purpose::Deploy {
                scope,
                digits: words.next().map(ToOwned::to_owned),
            },
            _ => Purpose::Other(purpose.to_owned()),
        };
        Some(Self { purpose, by })
    }

    /// The command that asked, as people write it.
    pub(crate) fn command(&self) -> String {
        match &self.purpose {
            Purpose::Deploy { scope, .. } => match scope {
                Scope::All => "deploy".to_owned(),
                Scope::Stage(stage) => format!("deploy --stage {}", stage.name()),
                Scope::Back => "deploy, which brings back what was before".to_owned(),
            },
            Purpose::Other(name) => name.clone(),
        }
    }
}

/// A name that no other operation has, for a command without parts.
pub(crate) fn token(command: &str, now: SystemTime) -> String {
    token_for(&Purpose::Other(command.to_owned()), now)
}

/// A name that no other operation has: what it is for, who asks, and the time in nanoseconds. Good as a change set's name.
pub(crate) fn token_for(purpose: &Purpose, now: SystemTime) -> String {
    compose(purpose, &who(), now)
}

fn compose(purpose: &Purpose, who: &str, now: SystemTime) -> String {
    let nanoseconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    format!("xtask-{purpose}-by-{who}-{nanoseconds:x}")
}

/// Whoever runs this process, by its environment, or else by its user's number, and the machine's name.
fn who() -> String {
    let machine = rustix::system::uname();
    let number = || match rustix::process::getuid() {
        user if user.is_root() => "root".to_owned(),
        user => format!("user-{}", user.as_raw()),
    };
    let variable = |name: &str| std::env::var(name).ok().or_else(|| (name == "LOGNAME").then(number));
    named(variable, &machine.nodename().to_string_lossy())
}

/// A build by its id, as CodeBuild gives it, where user and machine would be a container's; otherwise a user at a machine.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html>
fn named(variable: impl Fn(&str) -> Option<String>, machine: &str) -> String {
    if let Some(build) = variable("CODEBUILD_BUILD_ID") {
        let build = plain(&build);
        return build[build.len().saturating_sub(BUILD_CHARACTERS)..].to_owned();
    }
    let user = ["USER", "LOGNAME"].into_iter().find_map(variable).unwrap_or_default();
    let cut = |name: &str| {
        let name: String = plain(name).chars().take(NAME_CHARACTERS).collect();
        if name.is_empty() { "unknown".to_owned() } else { name }
    };
    format!(
        "{}-at-{}",
        cut(&user),
        cut(machine.split('.').next().unwrap_or_default())
    )
}

/// A name in the characters of a token: letters, digits and dashes.
fn plain(name: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const IMAGE: &str = "repository@sha256:6143503572ab00000000000000000000000000000000000000000000000000aa";

    #[test]
    fn a_token_says_what_for_and_who() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let alice = named(
            |name| (name == "USER").then(|| "alice".to_owned()),
            "laptop.example.com",
        );
        let all = compose(&Purpose::deploy(Scope::All, Some(IMAGE)), &alice, now);
        assert_eq!(all, "xtask-deploy-all-6143503572ab-by-alice-at-laptop-3b9aca00");
        let rollback = compose(&Purpose::Other("rollback".to_owned()), &alice, now);
        assert_eq!(rollback, "xtask-rollback-by-alice-at-laptop-3b9aca00");
        let said = Asked::of(&format!("{rollback}-cancel")).unwrap();
        assert_eq!(
            (said.by.as_str(), said.command().as_str()),
            ("alice at laptop", "rollback")
        );
    }

    #[test]
    fn a_build_is_named_by_its_id() {
        let id = "Project:0a1b2c3d-0000-0000-0000-000000000000";
        let build = named(
            |name| (name == "CODEBUILD_BUILD_ID").then(|| id.to_owned()),
            "container",
        );
        assert_eq!(build, "Project-0a1b2c3d-0000-0000-0000-000000000000");
    }

    #[test]
    fn what_others_ask_with_says_nothing() {
        for token in ["Console-UpdateStack-7", "xtask-deploy-3b9aca00", "token", ""] {
            assert_eq!(Asked::of(token), None, "{token}");
        }
    }

    proptest! {
        /// Whatever the names: a change set's name, which says what went into it.
        /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
        #[test]
        fn a_token_is_a_change_sets_name_and_says_what_it_was_made_of(
            user in ".{0,40}",
            machine in ".{0,70}",
            build in proptest::option::of(".{0,300}"),
            stage in 0..5_usize,
            with_image in any::<bool>(),
        ) {
            let stages = [Stage::Infrastructure, Stage::Onebox, Stage::Fleet].map(Scope::Stage);
            let scope = [&stages[..], &[Scope::All, Scope::Back]].concat()[stage];
            let purpose = Purpose::deploy(scope, with_image.then_some(IMAGE));
            let variable = |name: &str| match name {
                "USER" => Some(user.clone()),
                "CODEBUILD_BUILD_ID" => build.clone(),
                _ => None,
            };
            // The longest suffix that an operation beside the first one has.
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33);
            let token = compose(&purpose, &named(variable, &machine), now);
            prop_assert!(token.len() + "-cancel".len() <= 128, "{token}");
            prop_assert!(token.chars().all(|character| character.is_ascii_alphanumeric() || character == '-'));
            prop_assert_eq!(Asked::of(&token).unwrap().purpose, purpose);
        }
    }
}
