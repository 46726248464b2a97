//! Request tokens: they tell one operation's events from another's, and say who started it and for what.
//!
//! A token is all that CloudFormation keeps of who started an operation, so it names what another machine needs to resume a
//! deployment: `xtask-deploy-6143503572ab-from-0b7e44c1a2b3-2-by-alice-at-laptop-18b2c0ffee`.

use std::fmt;
use std::time::SystemTime;

/// How many digits of a release's digest tell it from the others of its repository.
const DIGEST_DIGITS: usize = 12;

/// The most characters of a user's or a machine's name in a token, which has 128 characters:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>.
const NAME_CHARACTERS: usize = 24;

/// The most characters of a build's id: its end, which tells it from the project's others.
const BUILD_CHARACTERS: usize = 48;

/// The variable that names a build.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html>
const BUILD_VARIABLE: &str = "CODEBUILD_BUILD_ID";

/// What the tokens of operations beside the one that was requested end in.
const SUFFIXES: [&str; 4] = ["-cancel", "-clear", "-continue", "-shell"];

/// What an operation is for. Releases are named by the first digits of their digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A step of a deployment.
    Step {
        /// The release that is deployed.
        release: String,
        /// The release that the stack had before.
        base: String,
        /// Which step, counted from 0.
        step: usize,
    },
    /// An update that restores a release.
    Back {
        /// The release.
        release: String,
        /// Whether a person requested it. Otherwise a deployment failed.
        is_rollback: bool,
    },
    /// Anything else, by the name of its command.
    Other(String),
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What for.
    pub(crate) purpose: Purpose,
    /// By whom: `alice at laptop`.
    pub(crate) by: String,
}

/// The first digits of a release's digest, as tokens name it.
pub(crate) fn digits(digest: &str) -> String {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.chars().take(DIGEST_DIGITS).collect()
}

impl Purpose {
    fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split('-').collect();
        let step = |number: &str| number.parse::<usize>().ok()?.checked_sub(1);
        match *words {
            ["deploy", release, "from", base, number] if let Some(step) = step(number) => Self::Step {
                release: release.to_owned(),
                base: base.to_owned(),
                step,
            },
            [kind @ ("revert" | "rollback"), "to", release] => Self::Back {
                release: release.to_owned(),
                is_rollback: kind == "rollback",
            },
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { release, base, step } => write!(formatter, "deploy-{release}-from-{base}-{}", step + 1),
            Self::Back { release, is_rollback } => {
                let kind = if *is_rollback { "rollback" } else { "revert" };
                write!(formatter, "{kind}-to-{release}")
            }
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
        let purpose = Purpose::parse(purpose);
        Some(Self { purpose, by })
    }

    /// The command that asked, as people write it.
    pub(crate) fn command(&self) -> String {
        match &self.purpose {
            Purpose::Step { .. } => "deploy".to_owned(),
            Purpose::Back { is_rollback: true, .. } => "rollback".to_owned(),
            Purpose::Back { is_rollback: false, .. } => "deploy, reverting".to_owned(),
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

/// Whether this process runs in a build of `CodeBuild`.
pub(crate) fn is_build() -> bool {
    std::env::var_os(BUILD_VARIABLE).is_some()
}

/// Who runs this process, for people: `alice at laptop`.
pub(crate) fn by() -> String {
    who().replacen("-at-", " at ", 1)
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
    if let Some(build) = variable(BUILD_VARIABLE) {
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

    #[test]
    fn a_token_says_what_for_and_who() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let alice = named(
            |name| (name == "USER").then(|| "alice".to_owned()),
            "laptop.example.com",
        );
        let step = Purpose::Step {
            release: digits("sha256:6143503572ab0000"),
            base: digits("0b7e44c1a2b3ffff"),
            step: 1,
        };
        let step = compose(&step, &alice, now);
        assert_eq!(
            step,
            "xtask-deploy-6143503572ab-from-0b7e44c1a2b3-2-by-alice-at-laptop-3b9aca00"
        );
        let rollback = compose(&Purpose::Other("destroy".to_owned()), &alice, now);
        let said = Asked::of(&format!("{rollback}-cancel")).unwrap();
        assert_eq!(
            (said.by.as_str(), said.command().as_str()),
            ("alice at laptop", "destroy")
        );
    }

    #[test]
    fn commands_by_their_tokens() {
        for (said, command) in [
            ("deploy-6143503572ab-from-0b7e44c1a2b3-1", "deploy"),
            ("revert-to-0b7e44c1a2b3", "deploy, reverting"),
            ("rollback-to-0b7e44c1a2b3", "rollback"),
            ("deploy", "deploy"),
            // Steps are counted from 1, and anything else is a command's name.
            (
                "deploy-6143503572ab-from-0b7e44c1a2b3-0",
                "deploy-6143503572ab-from-0b7e44c1a2b3-0",
            ),
            ("revert-to", "revert-to"),
        ] {
            let token = format!("xtask-{said}-by-alice-at-laptop-3b9aca00");
            assert_eq!(Asked::of(&token).unwrap().command(), command);
        }
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
            kind in 0..3_usize,
            step in 0..3_usize,
        ) {
            let (release, base) = ("6143503572ab".to_owned(), "0b7e44c1a2b3".to_owned());
            let purpose = match kind {
                0 => Purpose::Step { release, base, step },
                _ => Purpose::Back { release, is_rollback: kind == 1 },
            };
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
