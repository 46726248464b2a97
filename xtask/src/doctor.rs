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
use crate::progress::wrap::{HANGING, wrap_below};
use crate::progress::{Progress, Tone};
use crate::telling::event_code::EventCode;

/// How wide a verdict's word is, at the most.
const WORD: usize = 11;

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
            let ports = Box::pin(ports::look(context));
            findings.extend(context.interrupt.or(leaving, ports).await?);
        } else {
            let remote = Box::pin(remote::look(&self.cloud));
            findings.extend(context.interrupt.or(leaving, remote).await?);
        }
        for finding in &findings {
            context.output.event(EventCode::Finding, finding.record());
        }
        let told = render(&findings, &context.progress, context.output.columns());
        context.output.line(&told);
        match verdict(&findings) {
            Some(failure) => Err(failure.into()),
            None => Ok(json!({"findings": findings.len()})),
        }
    }
}

/// The findings, each with its fixes below it; on a terminal, within its columns.
fn render(findings: &[Finding], progress: &Progress, columns: Option<usize>) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let gutter = WORD + 2 + width + 2;
    // Where the gutter would take half of the screen, what was found stands below.
    let stacked = columns.is_some_and(|columns| columns < 2 * gutter);
    let indent = if stacked { HANGING } else { gutter };
    let within = |line: &str, hanging| match columns {
        Some(columns) => wrap_below(line, columns, hanging),
        None => line.to_owned(),
    };
    let mut lines = Vec::new();
    for finding in findings {
        let word = progress.paint(finding.verdict.tone(), &format!("{:<WORD$}", finding.verdict.word()));
        let (name, found) = (finding.name, &finding.found);
        if stacked {
            lines.push(format!("{word}  {name}"));
            lines.push(within(&format!("{:indent$}{found}", ""), indent));
        } else {
            lines.push(within(&format!("{word}  {name:<width$}  {found}"), indent));
        }
        for fix in &finding.fix {
            let label = "fix: ";
            lines.push(within(&format!("{:indent$}{label}{fix}", ""), indent + label.len()));
        }
    }
    lines.join("\n")
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
        insta::assert_snapshot!(render(&findings, &Progress::kept(), None), @"
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
    fn findings_keep_to_a_terminal() {
        let found = "no Docker daemon answers: images are pushed without it, and --local runs tasks as processes";
        let findings = [
            Finding::fine("load balancer", "port 8080 is free for the first"),
            Finding::warning(
                "Docker",
                found,
                "start Docker to run tasks as containers in place of processes",
            ),
        ];
        let at = |columns| {
            let told = render(&findings, &Progress::kept(), Some(columns));
            format!("[{columns} columns]\n{told}")
        };
        insta::assert_snapshot!([40, 80, 120].map(at).join("\n"), @"
        [40 columns]
        ok           load balancer
            port 8080 is free for the first
        warning      Docker
            no Docker daemon answers: images
            are pushed without it, and --local
            runs tasks as processes
            fix: start Docker to run tasks as
                 containers in place of
                 processes
        [80 columns]
        ok           load balancer  port 8080 is free for the first
        warning      Docker         no Docker daemon answers: images are pushed without
                                    it, and --local runs tasks as processes
                                    fix: start Docker to run tasks as containers in
                                         place of processes
        [120 columns]
        ok           load balancer  port 8080 is free for the first
        warning      Docker         no Docker daemon answers: images are pushed without it, and --local runs tasks as processes
                                    fix: start Docker to run tasks as containers in place of processes
        ");
    }

    #[test]
    fn warnings_alone_fail_nothing() {
        assert_eq!(
            verdict(&[Finding::warning("Docker", "", "")]).map(|failure| failure.what),
            None
        );
    }
}
