//! Rendering the templates.

use std::time::Instant;

use super::figures::Figure;
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
            `cargo xtask` is built. The reference implementation's `cdk synth`, which isn't run here, takes 17.7 s of processor time \
            for its two stacks.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let mut milliseconds = Series::default();
    for _ in 0..ROUNDS {
        site.go_on()?;
        let start = Instant::now();
        let stacks = std::hint::black_box(stacks::all());
        milliseconds.push(start.elapsed().as_secs_f64() * 1000.0);
        drop(stacks);
    }
    let reading = Reading::of("all stacks", Unit::Milliseconds, &milliseconds)?;
    Ok(vec![reading.target(Target::AtMost(50.0))])
}
