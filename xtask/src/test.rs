//! `test`: everything that CI checks, step by step.

mod run;
mod steps;
mod summary;
mod surroundings;
mod tools;

use std::time::Instant;

use optional_programs::all_required;
use serde_json::{Value, json};

use self::steps::{STEPS, Step};
use self::summary::{Done, Outcome};
use self::surroundings::Surroundings;
use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::flags::Test;
use crate::table;

/// The step that `--hide-programs` runs.
const HIDING: &str = "tests";

impl Test {
    /// Runs the steps, or lists them.
    ///
    /// # Errors
    /// When a step fails, or with `ONEBOX_TEST_ALL=1` when anything is skipped.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let steps = if self.hide_programs {
            choose(&[HIDING.to_owned()])?
        } else {
            choose(&self.steps)?
        };
        if self.list {
            let rows: Vec<Vec<String>> = steps.iter().map(|step| listed(step)).collect();
            context.output.line(&table::render(&["STEP", "CHECKS", "NEEDS"], &rows));
            return Ok(json!({}));
        }
        let surroundings = Surroundings::new(context.checkout()?, self.hide_programs)?;
        let mut done = Vec::new();
        for step in steps {
            done.push(run(context, &surroundings, step).await?);
        }
        context.output.line(&summary::render(&done));
        let failure = if self.hide_programs {
            summary::failure(&done, false).or_else(|| summary::not_hidden(&done))
        } else {
            summary::failure(&done, all_required())
        };
        match failure {
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
    let needs: Vec<&str> = step.needs.iter().map(|program| program.name()).collect();
    vec![step.name.to_owned(), step.checks.to_owned(), needs.join(", ")]
}

async fn run(context: &Context, surroundings: &Surroundings, step: &'static Step) -> anyhow::Result<Done> {
    let started = Instant::now();
    let done = |outcome, skips| Done {
        name: step.name,
        outcome,
        took: started.elapsed(),
        skips,
    };
    for program in step.needs {
        if let Some(missing) = program.missing() {
            context.progress.line(&format!("{}: skipped, {missing}", step.name));
            return Ok(done(Outcome::Skipped(missing), Vec::new()));
        }
    }
    context.progress.line(&format!("{}: {}", step.name, step.checks));
    let (inside, work) = (surroundings.clone(), step.run);
    let running = tokio::task::spawn_blocking(move || work(&inside));
    let outcome = context
        .interrupt
        .or("interrupted: the checks are not complete", running)
        .await??;
    let outcome = outcome.map_or_else(|error| Outcome::Failed(format!("{error:#}")), |()| Outcome::Passed);
    Ok(done(outcome, surroundings.take_skips()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_names_those_that_there_are() {
        let error = choose(&["lint".to_owned()]).unwrap_err();
        assert_eq!(crate::exit::exit_of(&error), crate::exit::Exit::Refused);
        assert!(
            error
                .to_string()
                .starts_with("no step is called lint; there are: format, codegen"),
            "{error}"
        );
    }

    #[test]
    fn the_step_that_hides_programs_exists() {
        assert_eq!(choose(&[HIDING.to_owned()]).unwrap().len(), 1);
    }
}
