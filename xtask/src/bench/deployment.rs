//! From nothing to the sandbox.

use std::time::Instant;

use super::cloud::LocalCloud;
use super::figure::Figure;
use super::reading::{Reading, Target, Unit};
use super::site::Site;
use super::statistics::Series;

/// How often the sandbox is deployed.
const ROUNDS: usize = 7;

/// The first deployment, without the builds.
pub(super) const FIGURE: Figure = Figure {
    name: "deployment",
    measures: "`deploy sandbox --local` from built binaries to thirteen healthy tasks",
    means: "The whole command, with tasks as processes and everything compiled: it starts a local cloud in an empty folder, makes both \
            stacks by change sets, packs and pushes the image, and ends when all thirteen tasks are healthy behind the load balancer. \
            The local cloud passes AWS's waits at the speed that is its default.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    site.xtask(&["image", "build"])?.output()?;
    let mut seconds = Series::default();
    for _ in 0..ROUNDS {
        site.go_on()?;
        let cloud = LocalCloud::new(site)?;
        let begun = Instant::now();
        cloud.xtask(&["deploy", "sandbox", "--local", "--yes", "--runtime", "process"])?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let reading = Reading::of("deploy sandbox --local", Unit::Seconds, &seconds)?;
    Ok(vec![reading.target(Target::AtMost(3.0))])
}
