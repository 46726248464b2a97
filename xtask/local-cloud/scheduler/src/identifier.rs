//! The names of tasks, deployments and records, and the generator that makes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A string that is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidIdentifier {
    text: String,
    expected: &'static str,
}

/// A task's id: 32 lower-case hexadecimal digits, the last part of a task ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(u128);

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for TaskId {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
        let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 32
            && text.bytes().all(digits)
            && let Ok(number) = u128::from_str_radix(text, 16)
        {
            return Ok(Self(number));
        }
        Err(InvalidIdentifier {
            text: text.to_owned(),
            expected: "a task id: 32 lower-case hexadecimal digits",
        })
    }
}

/// A deployment's id, `ecs-svc/` and 19 decimal digits; also what a task's `startedBy` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId(u64);

impl fmt::Display for DeploymentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ecs-svc/{:019}", self.0)
    }
}

impl FromStr for DeploymentId {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
        if let Some(digits) = text.strip_prefix("ecs-svc/")
            && digits.len() == 19
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(number) = digits.parse()
        {
            return Ok(Self(number));
        }
        Err(InvalidIdentifier {
            text: text.to_owned(),
            expected: "a deployment id: ecs-svc/ and 19 digits",
        })
    }
}

macro_rules! text_conversions {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;

            fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    )*};
}

text_conversions!(TaskId, DeploymentId);

macro_rules! text_identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// The name as given; the scheduler never looks inside.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

text_identifiers! {
    /// What a deployment deploys: the caller's name for an immutable record of a task definition with its settings (ECS: a service revision).
    RevisionId
    /// A service deployment's id, the last part of its ARN: 21 characters.
    ServiceDeploymentId
    /// A service event's id, a UUID.
    ServiceEventId
}

/// Makes identifiers. Its state is saved with the service, so a service restored from its state goes on as it would have.
///
/// The algorithm is `SplitMix64`: the identifiers need to differ, not to be secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generator {
    state: u64,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn task(&mut self) -> TaskId {
        TaskId(u128::from(self.next()) << 64 | u128::from(self.next()))
    }

    pub(crate) fn deployment(&mut self) -> DeploymentId {
        const SMALLEST: u64 = 1_000_000_000_000_000_000;
        DeploymentId(SMALLEST + self.next() % (9 * SMALLEST))
    }

    pub(crate) fn service_deployment(&mut self) -> ServiceDeploymentId {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let text = (0..21).map(|_| {
            let index = usize::try_from(self.next() >> 58).unwrap_or_default();
            char::from(ALPHABET[index])
        });
        ServiceDeploymentId(text.collect())
    }

    pub(crate) fn service_event(&mut self) -> ServiceEventId {
        let (high, low) = (self.next(), self.next());
        ServiceEventId(format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff,
        ))
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::{DeploymentId, Generator, TaskId};

    #[test]
    fn identifiers_have_the_shape_that_ecs_gives_them_and_read_back() {
        let mut generator = Generator::new(1);
        let task = generator.task();
        let deployment = generator.deployment();
        assert_eq!(task.to_string().parse(), Ok(task));
        assert_eq!(deployment.to_string().parse(), Ok(deployment));
        insta::assert_debug_snapshot!(
            [
                task.to_string(),
                deployment.to_string(),
                generator.service_deployment().to_string(),
                generator.service_event().to_string(),
            ],
            @r#"
        [
            "910a2dec89025cc1beeb8da1658eec67",
            "ecs-svc/9911839290282890590",
            "ccw4hSyZmdhbKp0r4EFfH",
            "497305c5-d1aa-499f-8c43-407dc177b6f7",
        ]
        "#
        );
    }

    #[test]
    fn other_text_is_refused() {
        let error = "AB".parse::<TaskId>().expect_err("too short");
        insta::assert_snapshot!(error, @r#""AB" is not a task id: 32 lower-case hexadecimal digits"#);
        let error = "ecs-svc/12".parse::<DeploymentId>().expect_err("too short");
        insta::assert_snapshot!(error, @r#""ecs-svc/12" is not a deployment id: ecs-svc/ and 19 digits"#);
    }
}
