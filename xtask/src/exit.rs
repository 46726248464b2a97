//! How a command ends: the exit statuses and the error that carries one.

use std::fmt;

use serde_json::Value;

use crate::code::Code;

/// The exit status of a command; the numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or there was nothing to do.
    Done = 0,
    /// It failed, and nothing more is known.
    Failed = 1,
    /// There are differences, which is what was asked.
    Different = 2,
    /// The command line is wrong, or the command refuses to act without being told more.
    Refused = 3,
    /// Credentials, permissions or the state of things before the first change.
    Preflight = 4,
    /// The change failed and was rolled back: what ran before runs again.
    RolledBack = 5,
    /// The rollback failed too: someone must act.
    RollbackFailed = 6,
    /// There was too little to judge the change by: Onebox runs it, and Fleet is untouched.
    ThinEvidence = 7,
    /// Interrupted: what AWS was asked to do goes on.
    Interrupted = 130,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

/// What a command that did what it was asked ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    /// The exit status, 0 or 2.
    pub(crate) exit: Exit,
    /// What the `result` object of NDJSON holds.
    pub(crate) result: Value,
}

impl From<Value> for Done {
    fn from(result: Value) -> Self {
        Self {
            exit: Exit::Done,
            result,
        }
    }
}

/// An error that knows its exit status and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit status.
    pub(crate) exit: Exit,
    /// What went wrong, the first cause first.
    pub(crate) what: String,
    /// What to do next, one step a line.
    pub(crate) next: Vec<String>,
    /// Its code, where more is known than the exit status tells.
    pub(crate) code: Option<Code>,
    /// The cause for programs; none where no more is known than the words say.
    pub(crate) cause: Option<Box<Value>>,
    /// Whether asking again may help: a lost connection, too many requests, AWS's own trouble.
    pub(crate) passing: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            next: Vec::new(),
            code: None,
            cause: None,
            passing: false,
        }
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, what)
    }

    pub(crate) fn preflight(what: impl Into<String>) -> Self {
        Self::new(Exit::Preflight, what)
    }

    pub(crate) fn interrupted(what: impl Into<String>) -> Self {
        Self::new(Exit::Interrupted, what)
    }

    /// Gives it a code of its own.
    pub(crate) fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds a step to what to do next.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }

    /// Adds lines to what went wrong: what it led to.
    pub(crate) fn also(mut self, lines: &str) -> Self {
        for line in lines.lines() {
            self.what.push_str("\n  ");
            self.what.push_str(line);
        }
        self
    }

    /// The failure within an error, if one is.
    pub(crate) fn of(error: &anyhow::Error) -> Option<&Self> {
        error.downcast_ref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Gives an error a code, where it has none of its own.
pub(crate) trait Coded<T> {
    /// The value, or a failure with this code and, unless the error has another, exit status 1.
    fn coded(self, code: Code) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Coded<T> for Result<T, E> {
    fn coded(self, code: Code) -> anyhow::Result<T> {
        self.map_err(|error| {
            let error = error.into();
            if Failure::of(&error).is_some() {
                return error;
            }
            Failure::new(Exit::Failed, format!("{error:#}")).code(code).into()
        })
    }
}

/// Takes an interruption for the end that it is of a command which shows something until it is interrupted.
///
/// # Errors
/// Any other error.
pub(crate) fn ended_by_interruption<T>(outcome: anyhow::Result<T>, end: T) -> anyhow::Result<T> {
    match outcome {
        Err(error) if exit_of(&error) == Exit::Interrupted => Ok(end),
        other => other,
    }
}

/// The exit status of an error: its failure's, or 1.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    Failure::of(error).map_or(Exit::Failed, |failure| failure.exit)
}

/// The code of an error: its failure's own, or what it can be known by without one: an error of this machine's files, or
/// the exit status.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    let own = Failure::of(error).and_then(|failure| failure.code);
    own.unwrap_or_else(|| match Failure::of(error) {
        None if error.chain().any(<dyn std::error::Error>::is::<std::io::Error>) => Code::File,
        _ => by_status(exit_of(error)),
    })
}

/// The code of an error of which no more than its exit status is known.
fn by_status(exit: Exit) -> Code {
    match exit {
        // All that is foreseen has a code where it is told; a test looks for what hasn't.
        Exit::Done | Exit::Different | Exit::Failed | Exit::Refused | Exit::Preflight => Code::Bug,
        Exit::RolledBack => Code::RolledBack,
        Exit::RollbackFailed => Code::RollbackFailed,
        Exit::ThinEvidence => Code::ThinEvidence,
        Exit::Interrupted => Code::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_failure_keeps_its_exit_status_under_context() {
        let error = Err::<(), _>(Failure::preflight("the token has expired"))
            .context("cannot deploy")
            .unwrap_err();
        assert_eq!(exit_of(&error), Exit::Preflight);
        assert_eq!(format!("{error:#}"), "cannot deploy: the token has expired");
    }

    #[test]
    fn an_error_without_a_failure_exits_1() {
        assert_eq!(exit_of(&anyhow::anyhow!("no")).code(), 1);
    }

    #[test]
    fn a_code_is_given_where_there_is_none() {
        let coded =
            |error: anyhow::Error| crate::telling::report::text(&Err::<(), _>(error).coded(Code::File).unwrap_err());
        assert_eq!(
            coded(anyhow::anyhow!("no").context("cannot read")),
            "error[E-FILE]: cannot read: no"
        );
        assert_eq!(
            coded(Failure::preflight("no").next("fix").into()),
            "error[E-BUG]: no\n  next: fix"
        );
    }

    #[test]
    fn every_error_has_a_code() {
        for (error, expected) in [
            (anyhow::anyhow!("no"), "E-BUG"),
            (
                anyhow::Error::new(std::io::Error::other("full")).context("no"),
                "E-FILE",
            ),
            (Failure::refused("no").into(), "E-BUG"),
            (Failure::new(Exit::RolledBack, "no").into(), "E-ROLLED-BACK"),
            (Failure::preflight("no").code(Code::StackBusy).into(), "E-STACK-BUSY"),
        ] {
            assert_eq!(code_of(&error).name(), expected);
        }
    }
}
