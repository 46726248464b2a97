//! `cost`: what each environment costs a month on AWS, estimated from its templates at list prices.

mod delivery;
mod estimate;
mod insights;
mod kinds;
mod page;
mod prices;
mod rules;
mod running;
mod scene;
mod sources;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::estimate::{Estimate, estimate};
use self::prices::US_EAST_1;
use self::scene::Usage;
use crate::context::Context;
use crate::flags::{Cost, Target};
use crate::table;

/// What can be estimated, in the order in which it is deployed.
const TARGETS: [Target; 3] = [Target::Sandbox, Target::Toolchain, Target::Prod];

impl Cost {
    /// Prints the estimate of an environment, or of all, or `docs/cost.md`.
    ///
    /// # Errors
    /// When a template has what no rule knows, which a test rules out.
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<Value> {
        if self.markdown {
            context.output.line(page::markdown()?.trim_end());
            return Ok(json!({}));
        }
        let usage = self.usage();
        let mut environments = Vec::new();
        for target in TARGETS {
            if self.target.is_some_and(|wanted| wanted != target) {
                continue;
            }
            let estimate = of_target(target, &usage)?;
            context.output.line(&render(target, &estimate));
            context.output.line("");
            environments.push(record(target, &estimate));
        }
        context.output.prose(&basis(&usage));
        Ok(json!({"currency": "USD", "region": US_EAST_1.region, "environments": environments}))
    }

    fn usage(&self) -> Usage {
        Usage {
            requests: self.requests,
            gigabytes_out: self.data_out,
            pushes: self.pushes,
            build_minutes: self.build_minutes,
            stage_minutes: self.stage_minutes,
        }
    }
}

/// The estimate of an environment's stacks; of the toolchain's those that are not production's.
fn of_target(target: Target, usage: &Usage) -> anyhow::Result<Estimate> {
    let stacks = target.stacks();
    let templates: Vec<&str> = stacks.iter().map(|stack| stack.template.as_str()).collect();
    estimate(&templates, usage, &US_EAST_1)
}

/// An amount in US dollars.
fn dollars(amount: f64) -> String {
    format!("{amount:.2}")
}

fn rows(estimate: &Estimate) -> Vec<Vec<String>> {
    let lines = estimate.lines.iter();
    let mut rows: Vec<Vec<String>> = lines
        .map(|line| {
            vec![
                line.what.clone(),
                dollars(line.least),
                dollars(line.most),
                line.because.clone(),
            ]
        })
        .collect();
    let total = ["total".to_owned(), dollars(estimate.least()), dollars(estimate.most())];
    rows.push(total.to_vec());
    rows
}

fn render(target: Target, estimate: &Estimate) -> String {
    let header = [target.name(), "LEAST", "MOST", "USD A MONTH FOR"];
    let free: usize = estimate.free.values().map(|(number, _)| number).sum();
    format!(
        "{}\nLEAST is with the fewest tasks that scaling goes down to, MOST with the most that it may go up to, all month \
         long: a bound, and no forecast\n{free} other resources cost nothing by themselves; docs/cost.md says why",
        table::render(&header, &rows(estimate))
    )
}

/// What the figures rest on.
fn basis(usage: &Usage) -> String {
    format!(
        "list prices of {} as of {}, to be checked, without free tiers and tax; assumed: {} requests/s, {} GB a month to the \
         internet, {} pushes a month, of {} minutes of Build and {} of each later stage",
        US_EAST_1.region,
        US_EAST_1.read,
        usage.requests,
        usage.gigabytes_out,
        usage.pushes,
        usage.build_minutes,
        usage.stage_minutes
    )
}

fn record(target: Target, estimate: &Estimate) -> Value {
    let lines = estimate.lines.iter();
    let lines: Vec<Value> = lines
        .map(|line| json!({"what": line.what, "least": line.least, "most": line.most, "because": line.because}))
        .collect();
    json!({"environment": target.name(), "least": estimate.least(), "most": estimate.most(), "lines": lines})
}
