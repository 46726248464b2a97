//! What a build's log tells: which command of its buildspec runs, at which step that is, and what failed it.

use std::time::SystemTime;

use super::execution::Build;
use crate::aws::Aws;
use crate::build::step_of;
use crate::code::{CODES, Code};
use crate::progress::human;

/// The lines of a failed build's log that are told where no command of ours says what failed: enough for a compiler's
/// error, few enough to stay on the screen.
const QUOTED: usize = 12;

/// The most lines of a command's own error that are told.
const TOLD: usize = 24;

/// How CodeBuild begins its own lines, which tell of phases and commands.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html>
const OF_CODEBUILD: &str = "[Container] ";

/// How CodeBuild says, after the time, which command of the buildspec it begins.
const COMMAND: &str = " Running command ";

/// How a command of this command line begins its error.
const ERROR: &str = "error[E-";

/// What it says last when it fails; in a build, it says it to nobody who could do so.
const ADVICE: &str = "next: ";

/// A line of a log, and when it was written.
pub(super) type Line = (SystemTime, String);

/// The last lines of a build's log; none where it has none yet, or they can't be read.
pub(super) async fn lines(aws: &Aws, build: &Build, most: u32) -> Vec<Line> {
    let place = build.log_group.as_deref().zip(build.log_stream.as_deref());
    let Some((group, stream)) = place else {
        return Vec::new();
    };
    aws.last_log_lines(group, stream, most).await.unwrap_or_default()
}

/// How far a build is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The command of the buildspec that runs.
    command: Option<Line>,
    /// The step of it that it has come to, where it counts its steps.
    step: Option<Line>,
    /// What was said last.
    last: Option<String>,
}

impl Standing {
    /// Takes in the newest lines of the log: some may be known already, and some between may be missing.
    pub(super) fn take(&mut self, lines: &[Line]) {
        for (time, text) in lines {
            if let Some(own) = text.strip_prefix(OF_CODEBUILD) {
                if let Some((_, command)) = own.split_once(COMMAND) {
                    self.command = Some((*time, command.trim().to_owned()));
                    (self.step, self.last) = (None, None);
                }
            } else if let Some(step) = step_of(text) {
                self.step = Some((*time, step.to_owned()));
                self.last = None;
            } else if !text.trim().is_empty() {
                self.last = Some(without_place(text.trim()).to_owned());
            }
        }
    }

    /// The step of the command that runs, `2 of 5: testing stacks`.
    pub(super) fn step(&self) -> Option<&str> {
        self.step.as_ref().map(|(_, step)| step.as_str())
    }

    /// The phase and its command, the step, and what was said last; a line each.
    pub(super) fn render(&self, phase: Option<&str>, now: SystemTime) -> Vec<String> {
        let since = |time: &SystemTime| human(now.duration_since(*time).unwrap_or_default());
        let phase = phase.unwrap_or("SUBMITTED");
        let command = match &self.command {
            Some((time, command)) => format!("phase {phase}, {}: {command}", since(time)),
            None => format!("phase {phase}"),
        };
        let step = self.step.as_ref();
        let step = step.map(|(time, step)| format!("step {step}, {}", since(time)));
        let last = self.last.as_ref().map(|last| format!("| {last}"));
        [Some(command), step, last].into_iter().flatten().collect()
    }
}

/// A line of cargo's without the folder of the package, which is long and says nothing: `Compiling xtask v0.1.0 (/…)`.
fn without_place(line: &str) -> &str {
    match line.split_once(" (/") {
        Some((what, _)) if line.starts_with("Compiling ") || line.starts_with("Checking ") => what,
        _ => line,
    }
}

/// What failed a build, in the words of the command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Story {
    /// The error's code, where the command is one of this command line's.
    pub(super) code: Option<Code>,
    /// The error's first line.
    pub(super) first: Option<String>,
    /// What stands below it, as it is to be shown.
    pub(super) rest: Vec<String>,
}

/// Reads a failed build's last lines: the last error of this command line's and what belongs to it, or where there is
/// none, the end of the log.
pub(super) fn story(lines: &[Line]) -> Story {
    let own = |line: &&str| !line.starts_with(OF_CODEBUILD);
    let lines: Vec<&str> = lines.iter().map(|(_, text)| text.as_str()).filter(own).collect();
    let error = lines.iter().rposition(|line| line.starts_with(ERROR));
    let Some((place, (code, first))) = error.and_then(|place| Some((place, parse(lines[place])?))) else {
        return Story {
            code: None,
            first: None,
            rest: quoted(&lines),
        };
    };
    let below = lines[place + 1..].iter();
    let below = below.take_while(|line| !line.trim_start().starts_with(ADVICE));
    let mut rest: Vec<String> = below.map(|line| indented(line)).collect();
    if rest.len() > TOLD {
        let more = rest.len() - TOLD;
        rest.truncate(TOLD);
        rest.push(format!("  … and {more} more lines"));
    }
    if code == Some(Code::ChecksFailed) {
        // What the tests say stands above the error.
        rest.extend(quoted(&lines[..place]));
    }
    Story {
        code,
        first: Some(first.to_owned()),
        rest,
    }
}

/// `error[E-ROLLED-BACK]: words`, as the code and the words.
fn parse(line: &str) -> Option<(Option<Code>, &str)> {
    let (name, words) = line.strip_prefix("error[")?.split_once("]: ")?;
    Some((CODES.into_iter().find(|code| code.name() == name), words))
}

/// The last lines, marked as someone else's words, and without advice to whoever had typed the build's command.
fn quoted(lines: &[&str]) -> Vec<String> {
    let told = lines.iter().filter(|line| !line.trim_start().starts_with(ADVICE));
    let told: Vec<String> = told.map(|line| format!("  | {line}")).collect();
    let more = told.len().saturating_sub(QUOTED);
    let cut = (more > 0).then(|| "  | …".to_owned());
    cut.into_iter().chain(told.into_iter().skip(more)).collect()
}

/// Below the first line of an error everything is indented.
fn indented(line: &str) -> String {
    if line.starts_with("  ") || line.is_empty() {
        line.to_owned()
    } else {
        format!("  {line}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn log(lines: &[(u64, &str)]) -> Vec<Line> {
        let line = |(seconds, text): &(u64, &str)| (at(*seconds), (*text).to_owned());
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_build_stands_where_its_log_says() {
        let mut standing = Standing::default();
        let mut check = |lines: &[(u64, &str)], phase| {
            standing.take(&log(lines));
            standing.render(phase, at(100)).join("\n")
        };
        insta::assert_snapshot!(check(&[], None), @"phase SUBMITTED");
        let command =
            "[Container] 2026-11-24T17:26:04.000Z Running command cargo xtask build prod --out target/artifacts";
        let begun = [
            (10, "[Container] 2026-11-24T17:26:04.000Z Entering phase BUILD"),
            (10, command),
            (12, "   Compiling xtask v0.1.0 (/a/long/way/down/xtask)"),
        ];
        insta::assert_snapshot!(check(&begun, Some("BUILD")), @"
        phase BUILD, 1 min 30 s: cargo xtask build prod --out target/artifacts
        | Compiling xtask v0.1.0
        ");
        insta::assert_snapshot!(check(&[(40, "step 2 of 5: testing stacks")], Some("BUILD")), @"
        phase BUILD, 1 min 30 s: cargo xtask build prod --out target/artifacts
        step 2 of 5: testing stacks, 1 min 0 s
        ");
        // Joined where the step is out of sight: what is known stays.
        insta::assert_snapshot!(check(&[(60, "stacks: 60 tests, 0 failed")], Some("BUILD")), @"
        phase BUILD, 1 min 30 s: cargo xtask build prod --out target/artifacts
        step 2 of 5: testing stacks, 1 min 0 s
        | stacks: 60 tests, 0 failed
        ");
    }

    #[test]
    fn a_failed_build_is_told_by_the_last_error_of_its_command() {
        let check = |lines: &[&str]| {
            let lines: Vec<(u64, &str)> = lines.iter().map(|line| (0, *line)).collect();
            let Story { code, first, rest } = story(&log(&lines));
            let code = code.map_or("no code", Code::name);
            format!("{code}: {}\n{}", first.unwrap_or_default(), rest.join("\n"))
        };
        insta::assert_snapshot!(check(&[
            "OneboxService: UPDATE_FAILED",
            "error[E-ROLLED-BACK]: OneboxService (AWS::ECS::Service), UPDATE_FAILED: an alarm fired",
            "  defined in stacks/src/compute.rs:59",
            "  next: fix the cause",
            "[Container] 2026-11-24T17:26:04.000Z Phase complete: BUILD State: FAILED",
        ]), @"
        E-ROLLED-BACK: OneboxService (AWS::ECS::Service), UPDATE_FAILED: an alarm fired
          defined in stacks/src/compute.rs:59
        ");
        insta::assert_snapshot!(check(&[
            "assertion failed: 1 == 2",
            "error[E-CHECKS-FAILED]: tests failed: service a",
            "  next: cargo test --package service",
        ]), @"
        E-CHECKS-FAILED: tests failed: service a
          | assertion failed: 1 == 2
        ");
        insta::assert_snapshot!(check(&[
            "error[E0425]: cannot find value `x` in this scope",
            "error: could not compile `xtask` (bin \"xtask\") due to 1 previous error",
        ]), @r#"
        no code: 
          | error[E0425]: cannot find value `x` in this scope
          | error: could not compile `xtask` (bin "xtask") due to 1 previous error
        "#);
        let long: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        assert_eq!(check(&long).lines().count(), 1 + 1 + QUOTED);
        let long = [&["error[E-BUILD]: can't compile service"], &long[..]].concat();
        assert!(
            check(&long).ends_with("line 23\n  … and 6 more lines"),
            "{}",
            check(&long)
        );
    }
}
