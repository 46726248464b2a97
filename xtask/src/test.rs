//! `test`: everything that CI checks, step by step.

mod run;
mod steps;
mod tools;

pub(crate) use tools::missing_python;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::steps::{Need, STEPS, Step};
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::flags::Test;
use crate::progress::human;
use crate::table;

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// A step that was run, or passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Test {
    /// Runs the steps, or lists them.
    ///
    /// # Errors
    /// When a step fails, or with `CI=true` when one is skipped.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let steps = choose(&self.steps)?;
        if self.list {
            let rows: Vec<Vec<String>> = steps.iter().map(|step| listed(step)).collect();
            context.output.line(&table::render(&["STEP", "CHECKS", "NEEDS"], &rows));
            return Ok(json!({}));
        }
        let mut done = Vec::new();
        for step in steps {
            done.push(run(context, step).await?);
        }
        context.output.line(&render(&done));
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        match verdict(&done, in_ci) {
            Some(failure) => Err(failure.into()),
            None => Ok(json!({"steps": done.len()})),
        }
    }
}

fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Step>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.name == name.as_str()))
    {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(
            Failure::refused(format!("no step is called {unknown}; there are: {}", known.join(", ")))
                .code(Code::UnknownName)
                .into(),
        );
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect())
}

fn listed(step: &Step) -> Vec<String> {
    let needs: Vec<&str> = step.needs.iter().map(|need| need.name()).collect();
    vec![step.name.to_owned(), step.checks.to_owned(), needs.join(", ")]
}

async fn run(context: &Context, step: &'static Step) -> anyhow::Result<Done> {
    let started = Instant::now();
    let done = |outcome| Done {
        name: step.name,
        outcome,
        took: started.elapsed(),
    };
    for need in step.needs {
        if let Some(missing) = need.missing().await {
            context.progress.line(&format!("{}: skipped, {missing}", step.name));
            return Ok(done(Outcome::Skipped(missing)));
        }
    }
    context.progress.line(&format!("{}: {}", step.name, step.checks));
    let (root, work) = (context.checkout()?.to_owned(), step.run);
    let running = tokio::task::spawn_blocking(move || work(&root));
    let outcome = context
        .interrupt
        .or("interrupted: the checks are not complete", running)
        .await??;
    Ok(done(outcome.map_or_else(
        |error| Outcome::Failed(format!("{error:#}")),
        |()| Outcome::Passed,
    )))
}

fn render(done: &[Done]) -> String {
    let row = |done: &Done| {
        let (outcome, words) = match &done.outcome {
            Outcome::Passed => ("passed", String::new()),
            Outcome::Failed(why) => ("FAILED", why.lines().next().unwrap_or_default().to_owned()),
            Outcome::Skipped(why) => ("skipped", why.clone()),
        };
        vec![done.name.to_owned(), outcome.to_owned(), human(done.took), words]
    };
    table::render(
        &["STEP", "OUTCOME", "TOOK", "WHY"],
        &done.iter().map(row).collect::<Vec<_>>(),
    )
}

/// What the outcomes amount to: none when all is well.
fn verdict(done: &[Done], in_ci: bool) -> Option<Failure> {
    let named = |wanted: fn(&Outcome) -> bool| -> Vec<&str> {
        done.iter()
            .filter(|done| wanted(&done.outcome))
            .map(|done| done.name)
            .collect()
    };
    let failed = named(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = named(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let again = |names: &[&str]| format!("`cargo xtask test {}` runs just that", names.join(" "));
    if !failed.is_empty() {
        return Some(
            Failure::new(Exit::Failed, format!("failed: {}", failed.join(", ")))
                .code(Code::ChecksFailed)
                .next(again(&failed)),
        );
    }
    if in_ci && !skipped.is_empty() {
        let what = format!("skipped, which CI=true doesn't allow: {}", skipped.join(", "));
        return Some(
            Failure::new(Exit::Failed, what)
                .code(Code::ChecksFailed)
                .next(again(&skipped)),
        );
    }
    None
}

impl Need {
    /// What people call it.
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Python => "python3 with venv",
        }
    }

    /// What is missing, with the fix; none where the need is met.
    async fn missing(self) -> Option<String> {
        match self {
            Self::Docker => {
                let engine = crate::docker::Engine::connect().await;
                engine.err().map(|error| format!("{error:#}; start Docker"))
            }
            Self::Python => missing_python(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(outcome: Outcome) -> Done {
        Done {
            name: "clippy",
            outcome,
            took: Duration::from_millis(1200),
        }
    }

    #[test]
    fn a_skip_fails_in_ci_only() {
        let skipped = [done(Outcome::Skipped("no Docker".to_owned()))];
        assert!(verdict(&skipped, false).is_none());
        let failure = verdict(&skipped, true).unwrap();
        assert_eq!(failure.what, "skipped, which CI=true doesn't allow: clippy");
    }

    #[test]
    fn a_failure_names_the_command_that_repeats_it() {
        let failure = verdict(&[done(Outcome::Passed), done(Outcome::Failed("no".to_owned()))], false).unwrap();
        insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"
        error[E-CHECKS-FAILED]: failed: clippy
          next: `cargo xtask test clippy` runs just that
        ");
    }

    #[test]
    fn an_unknown_step_names_those_that_there_are() {
        let error = choose(&["lint".to_owned()]).unwrap_err();
        assert_eq!(crate::exit::exit_of(&error), Exit::Refused);
        assert!(
            error
                .to_string()
                .starts_with("no step is called lint; there are: format, codegen"),
            "{error}"
        );
    }

    #[test]
    fn outcomes_in_a_table() {
        let all = [
            done(Outcome::Passed),
            done(Outcome::Failed("two\nlines".to_owned())),
            done(Outcome::Skipped("no".to_owned())),
        ];
        insta::assert_snapshot!(render(&all), @"
        STEP    OUTCOME  TOOK   WHY
        clippy  passed   1.2 s
        clippy  FAILED   1.2 s  two
        clippy  skipped  1.2 s  no
        ");
    }
}
