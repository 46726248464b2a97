//! A fleet of many tasks.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use optional_programs::Program;
use serde_json::{Value, json};
use stacks::Environment;

use crate::bench::cloud::LocalCloud;
use crate::bench::figure::Figure;
use crate::bench::load::Loaded;
use crate::bench::process::{processor_seconds, resident_bytes};
use crate::bench::reading::{Reading, Unit};
use crate::bench::site::{Site, mebibytes};
use crate::bench::statistics::Series;
use crate::stack::Wanted;

/// The sandbox's tasks, and many.
const FEW: usize = 13;
const MANY: usize = 400;

/// Onebox's tasks, which stay three.
const ONEBOX: usize = 3;

/// How long the local cloud is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(5);

/// How long the many may take to come up.
const LIMIT: Duration = Duration::from_mins(3);

/// How many turns of load each has.
const TURNS: usize = 3;

/// 13 and 400 tasks.
pub(in crate::bench) const FIGURE: Figure = Figure {
    name: "growth-tasks",
    measures: "a fleet of 400 tasks against the sandbox's 13",
    means: "The sandbox is deployed with tasks as processes, and then Fleet's least capacity is raised by a change of the stack until 400 \
            tasks run. Idle is the local cloud's share of one core while nothing happens but health checks, at the default speed; a \
            request goes through the load balancer, with 13 and with 400 targets behind it.",
    needs: &[Program::Wrk],
    take,
};

/// What a local cloud takes with so many tasks.
#[derive(Debug, Default)]
struct Taken {
    idle_per_cent: Series,
    mebibytes: Series,
    loaded: Loaded,
}

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let cloud = LocalCloud::new(site)?;
    cloud.xtask(&["deploy", "sandbox", "--local", "--yes", "--runtime", "process"])?;
    let few = Taken::of(site, &cloud)?;
    let (process_id, begun) = (cloud.running()?.process_id, Instant::now());
    let before = processor_seconds(process_id)?;
    let status = cloud.change(&wanted(&stacks::service(Environment::Sandbox).template)?, false)?;
    ensure!(status == "UPDATE_COMPLETE", "the change ended as {status}");
    while cloud.tasks()?.len() < MANY {
        site.go_on()?;
        ensure!(
            begun.elapsed() < LIMIT,
            "{} tasks run after {LIMIT:?}",
            cloud.tasks()?.len()
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let (took, used) = (begun.elapsed(), processor_seconds(process_id)? - before);
    let many = Taken::of(site, &cloud)?;
    let peer = format!("{FEW} tasks");
    let beside = |what: &str, unit, series: fn(&Taken) -> &Series| -> anyhow::Result<Reading> {
        let reading = Reading::of(format!("{MANY} tasks, {what}"), unit, series(&many))?;
        Ok(reading.beside(&peer, series(&many), series(&few)))
    };
    Ok(vec![
        Reading::once(format!("from {FEW} to {MANY} tasks"), Unit::Seconds, took.as_secs_f64()),
        Reading::once("the local cloud's work for that", Unit::ProcessorSeconds, used),
        beside("idle", Unit::PerCent, |taken| &taken.idle_per_cent)?,
        beside("memory of the local cloud", Unit::Mebibytes, |taken| &taken.mebibytes)?,
        beside("a request", Unit::ProcessorMicroseconds, |taken| {
            &taken.loaded.processor_microseconds
        })?,
    ])
}

impl Taken {
    fn of(site: &Site, cloud: &LocalCloud) -> anyhow::Result<Self> {
        let (process_id, endpoint) = (cloud.running()?.process_id, cloud.endpoint()?);
        let mut taken = Self::default();
        let (before, begun) = (processor_seconds(process_id)?, Instant::now());
        while begun.elapsed() < IDLE {
            site.go_on()?;
            std::thread::park_timeout(Duration::from_millis(100));
        }
        let used = processor_seconds(process_id)? - before;
        taken.idle_per_cent.push(used * 100.0 / begun.elapsed().as_secs_f64());
        taken.mebibytes.push(mebibytes(resident_bytes(process_id)?));
        for _ in 0..TURNS {
            site.go_on()?;
            taken.loaded.turn(endpoint, process_id)?;
        }
        Ok(taken)
    }
}

/// The sandbox's stack with a greater least capacity; its images stay.
fn wanted(template: &str) -> anyhow::Result<Wanted> {
    let mut template: Value = serde_json::from_str(template)?;
    let capacity = template.pointer_mut("/Resources/FleetScalableTarget/Properties/MinCapacity");
    *capacity.context("the template has no least capacity of Fleet's")? = json!(MANY - ONEBOX);
    let service = stacks::service(Environment::Sandbox);
    Ok(Wanted {
        name: service.name,
        template: template.to_string(),
        parameters: std::collections::BTreeMap::new(),
        kept: service.parameters.iter().map(|name| (*name).to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_can_have_many_tasks() {
        let wanted = wanted(&stacks::service(Environment::Sandbox).template).unwrap();
        let text = wanted.template;
        assert!(text.contains(r#""MinCapacity":397"#), "{text}");
        assert!(text.len() <= 51_200, "{}", text.len());
    }
}
