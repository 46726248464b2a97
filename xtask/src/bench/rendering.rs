//! Rendering the templates.

use std::time::Instant;

use super::figure::Figure;
use super::process::thread_seconds;
use super::reading::{Reading, Target, Unit};
use super::site::Site;
use super::statistics::Series;

/// How often all stacks are rendered.
const ROUNDS: usize = 50;

/// All stacks, as `cargo xtask synth` renders them.
pub(super) const FIGURE: Figure = Figure {
    name: "rendering",
    measures: "rendering every stack's template, warm",
    means: "Every stack of every environment is rendered from Rust structs to text, again and again in one process, unoptimised as \
            `cargo xtask` is built. The target is held against processor time, which a busy machine leaves alone. AWS's sample of this strategy, \
            `onebox-deployment-on-amazon-ecs` in Python and the CDK, isn't run here: its `cdk synth` took 17.7 s of processor time for two stacks.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let (mut processor, mut clock) = (Series::default(), Series::default());
    for _ in 0..ROUNDS {
        site.go_on()?;
        let (before, start) = (thread_seconds()?, Instant::now());
        let stacks = std::hint::black_box(stacks::all());
        clock.push(start.elapsed().as_secs_f64() * 1000.0);
        processor.push((thread_seconds()? - before) * 1000.0);
        drop(stacks);
    }
    let processor = Reading::of("all stacks, processor time", Unit::Milliseconds, &processor)?;
    let clock = Reading::of("all stacks, wall clock", Unit::Milliseconds, &clock)?;
    Ok(vec![processor.target(Target::AtMost(50.0)), clock])
}
