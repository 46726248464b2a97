//! `bench`: figures, each beside its peer in the same run.
//!
//! A figure is a file of `bench/` and a line of the table in `bench/figures.rs`. It never fails for being slow: it says
//! what was measured, what the target is, and whether it is met.

mod balancer;
mod cloud;
mod deployment;
mod detection;
mod figure;
mod figures;
mod first_build;
mod growth;
mod image;
mod load;
mod machine;
mod process;
mod programs;
mod push;
mod reading;
mod rendering;
mod report;
mod service;
mod site;
mod start;
mod statistics;

use serde_json::{Value, json};

use self::figure::Figure;
use self::figures::FIGURES;
use self::machine::Machine;
use self::report::{Measured, Outcome};
use self::site::Site;
use crate::code::Code;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::flags::Bench;
use crate::table;
use crate::telling::event_code::EventCode;

impl Bench {
    /// Takes the figures named, or all, and prints them beside their targets.
    ///
    /// # Errors
    /// When a name is unknown, or a figure can't be taken; one that misses its target is no error.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let figures = choose(&self.figures)?;
        if self.list {
            context
                .output
                .line(&table::render(&["FIGURE", "MEASURES", "NEEDS"], &listed(&figures)));
            return Ok(json!({"figures": figures.iter().map(|figure| figure.name).collect::<Vec<_>>()}));
        }
        let machine = Machine::here();
        let mut all = Vec::new();
        for figure in figures {
            let measured = take(context, figure).await?;
            for reading in measured.readings() {
                context
                    .output
                    .event(EventCode::Reading, report::record(figure.name, reading));
            }
            all.push(measured);
        }
        let text = if self.markdown {
            report::markdown(&machine, &all)
        } else {
            report::table(&all)
        };
        context.output.line(text.trim_end());
        match failed(&all) {
            Some(failure) => Err(failure.into()),
            None => Ok(json!({"machine": machine.record(), "figures": report::summary(&all)})),
        }
    }
}

fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Figure>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !FIGURES.iter().any(|figure| figure.name == name.as_str()))
    {
        let known: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
        return Err(Failure::refused(format!(
            "no figure is called {unknown}; there are: {}",
            known.join(", ")
        ))
        .code(Code::UnknownName)
        .into());
    }
    Ok(FIGURES
        .iter()
        .filter(|figure| names.is_empty() || names.iter().any(|name| name == figure.name))
        .collect())
}

fn listed(figures: &[&Figure]) -> Vec<Vec<String>> {
    let row = |figure: &&Figure| {
        let needs: Vec<&str> = figure.needs.iter().map(|program| program.name()).collect();
        vec![figure.name.to_owned(), figure.measures.to_owned(), needs.join(", ")]
    };
    figures.iter().map(row).collect()
}

/// Takes one figure. When interrupted, what it started is ended first.
async fn take(context: &Context, figure: &'static Figure) -> anyhow::Result<Measured> {
    let measured = |outcome| Measured { figure, outcome };
    let site = Site::new(&context.root, context.progress.clone());
    site.say(&format!("{}: {}", figure.name, figure.measures));
    let (inside, leave) = (site.clone(), site.clone());
    let mut taking = tokio::task::spawn_blocking(move || match inside.missing(figure.needs) {
        Some(missing) => Ok(Outcome::Skipped(missing)),
        None => (figure.take)(&inside).map(Outcome::Taken),
    });
    let outcome = match context
        .interrupt
        .or("interrupted: the figures are not complete", &mut taking)
        .await
    {
        Ok(taken) => taken?,
        Err(interrupted) => {
            leave.stop();
            // Whatever it ends with, it has put away what it started.
            let _ = taking.await;
            return Err(interrupted);
        }
    };
    Ok(match outcome {
        Ok(outcome) => {
            if let Outcome::Skipped(why) = &outcome {
                site.say(&format!("{}: skipped, {why}", figure.name));
            }
            measured(outcome)
        }
        Err(error) => {
            site.say(&format!("{}: {error:#}", figure.name));
            measured(Outcome::Failed(format!("{error:#}")))
        }
    })
}

/// The failure of a run in which a figure could not be taken.
fn failed(all: &[Measured]) -> Option<Failure> {
    let names: Vec<&str> = all
        .iter()
        .filter(|measured| matches!(measured.outcome, Outcome::Failed(_)))
        .map(|measured| measured.figure.name)
        .collect();
    (!names.is_empty()).then(|| {
        Failure::new(Exit::Failed, format!("could not be measured: {}", names.join(", ")))
            .code(Code::ChecksFailed)
            .next(format!("`cargo xtask bench {}` tries just that", names.join(" ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_of_their_own_and_say_what_they_mean() {
        for (place, figure) in FIGURES.iter().enumerate() {
            let other = FIGURES[..place].iter().find(|other| other.name == figure.name);
            assert!(other.is_none(), "{} stands twice in the table", figure.name);
            assert!(figure.means.ends_with('.'), "{}: {}", figure.name, figure.means);
        }
        assert_eq!(listed(&choose(&[]).unwrap()).len(), FIGURES.len());
    }

    #[test]
    fn an_unknown_figure_names_those_that_there_are() {
        let error = choose(&["speed".to_owned()]).unwrap_err();
        assert_eq!(crate::exit::exit_of(&error), Exit::Refused);
        assert!(
            error
                .to_string()
                .starts_with("no figure is called speed; there are: rendering"),
            "{error}"
        );
    }

    #[test]
    fn only_what_cannot_be_measured_fails() {
        let measured = |outcome| Measured {
            figure: &FIGURES[0],
            outcome,
        };
        let slow = measured(Outcome::Taken(Vec::new()));
        let skipped = measured(Outcome::Skipped("no nginx".to_owned()));
        assert!(failed(&[slow, skipped]).is_none());
        let failure = failed(&[measured(Outcome::Failed("no".to_owned()))]).unwrap();
        assert_eq!(failure.what, "could not be measured: rendering");
    }
}
