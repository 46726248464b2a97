//! `doctor`: what this machine and this account lack, each with its fix. It changes nothing.

mod machine;
mod ports;
mod quotas;
mod remote;

use serde_json::{Value, json};

use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::flags::Doctor;
use crate::progress::{Progress, Tone};
use crate::telling::event_code::EventCode;

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it must be.
    Fine,
    /// It wasn't looked at, and the finding says why.
    NotChecked,
    /// Something works otherwise, or not as well.
    Warning,
    /// Something won't work.
    Failing,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::NotChecked => "not checked",
            Self::Warning => "warning",
            Self::Failing => "failing",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Fine => Tone::Good,
            Self::NotChecked => Tone::Quiet,
            Self::Warning | Self::Failing => Tone::Bad,
        }
    }
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The thing.
    pub(crate) name: &'static str,
    /// How it was found.
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) found: String,
    /// What fixes it; empty where nothing has to be.
    pub(crate) fix: Vec<String>,
}

impl Finding {
    fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Fine,
            found: found.into(),
            fix: Vec::new(),
        }
    }

    fn not_checked(name: &'static str, why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NotChecked,
            ..Self::fine(name, why)
        }
    }

    fn warning(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            fix: vec![fix.into()],
            ..Self::fine(name, found)
        }
    }

    fn failing(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failing,
            ..Self::warning(name, found, fix)
        }
    }

    fn record(&self) -> Value {
        json!({"name": self.name, "verdict": self.verdict.word(), "found": self.found, "fix": self.fix})
    }
}

impl Doctor {
    /// Looks at everything, and says each thing with its fix.
    ///
    /// # Errors
    /// When something won't work: exit status 4.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let leaving = "interrupted: nothing was changed";
        let mut findings = context.interrupt.or(leaving, machine::look(context)).await?;
        if self.cloud.local {
            findings.extend(ports::look(context));
        } else {
            let remote = Box::pin(remote::look(&self.cloud));
            findings.extend(context.interrupt.or(leaving, remote).await?);
        }
        for finding in &findings {
            context.output.event(EventCode::Finding, finding.record());
        }
        context.output.line(&render(&findings, &context.progress));
        match verdict(&findings) {
            Some(failure) => Err(failure.into()),
            None => Ok(json!({"findings": findings.len()})),
        }
    }
}

fn render(findings: &[Finding], progress: &Progress) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let lines = findings.iter().flat_map(|finding| {
        let word = progress.paint(finding.verdict.tone(), &format!("{:<11}", finding.verdict.word()));
        let first = format!("{word}  {:<width$}  {}", finding.name, finding.found);
        let fixes = finding
            .fix
            .iter()
            .map(move |fix| format!("{:11}  {:width$}  fix: {fix}", "", ""));
        std::iter::once(first).chain(fixes)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What the findings amount to: none where all will work.
fn verdict(findings: &[Finding]) -> Option<Failure> {
    let failing = findings.iter().filter(|finding| finding.verdict == Verdict::Failing);
    let names: Vec<&str> = failing.map(|finding| finding.name).collect();
    if names.is_empty() {
        return None;
    }
    Some(Failure::preflight(format!("a deployment won't work for want of: {}", names.join(", "))).code(Code::Doctor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_with_its_fix() {
        let findings = [
            Finding::fine("git", "git version 2.47.1"),
            Finding::warning("Docker", "no Docker daemon answers", "start Docker"),
            Finding::not_checked("quotas", "no endpoint for them"),
            Finding::failing("credentials", "they have expired", "get new ones"),
        ];
        insta::assert_snapshot!(render(&findings, &Progress::kept()), @"
        ok           git          git version 2.47.1
        warning      Docker       no Docker daemon answers
                                  fix: start Docker
        not checked  quotas       no endpoint for them
        failing      credentials  they have expired
                                  fix: get new ones
        ");
        let failure = verdict(&findings).unwrap();
        assert_eq!(failure.exit, crate::exit::Exit::Preflight);
        insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"error[E-DOCTOR]: a deployment won't work for want of: credentials");
    }

    #[test]
    fn warnings_alone_fail_nothing() {
        assert_eq!(
            verdict(&[Finding::warning("Docker", "", "")]).map(|failure| failure.what),
            None
        );
    }
}
