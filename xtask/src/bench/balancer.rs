//! The local load balancer under load, beside nginx and haproxy.

mod peers;

use std::net::SocketAddr;

use anyhow::ensure;
use optional_programs::Program;

use self::peers::Backends;
use super::cloud::LocalCloud;
use super::figure::Figure;
use super::load::Loaded;
use super::process::{Process, resident_bytes};
use super::reading::{Reading, Unit};
use super::service::readings;
use super::site::{Site, mebibytes};
use super::start::free_address;

/// How many turns each has.
const TURNS: usize = 9;

/// The local load balancer against nginx and haproxy.
pub(super) const FIGURE: Figure = Figure {
    name: "balancer",
    measures: "requests through the local load balancer against nginx and haproxy",
    means: "The sandbox is deployed to a local cloud, with tasks as processes. nginx and haproxy are given the same thirteen tasks, the \
            same split of 1 and 99 % and the same forwarding headers, keep connections to the tasks open, and use as many threads as \
            there are cores, as the local cloud does. wrk with one thread and 32 connections asks the three of them in turns of three \
            seconds. The local cloud is built as `cargo xtask` builds it, which is not a release build; what a request costs is the \
            processor time of the whole process, health checks included.",
    needs: &[Program::Wrk, Program::Nginx, Program::Haproxy],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let cloud = LocalCloud::new(site)?;
    cloud.xtask(&["deploy", "sandbox", "--local", "--yes", "--runtime", "process"])?;
    let (endpoint, process_id) = (cloud.endpoint()?, cloud.running()?.process_id);
    let backends = Backends::of(&cloud.tasks()?);
    ensure!(
        (backends.onebox.len(), backends.fleet.len()) == (3, 10),
        "the sandbox runs other tasks than expected: {backends:?}"
    );
    let folder = site.folder("peers")?;
    let nginx = start(|address| peers::nginx(folder.path(), address, &backends))?;
    let haproxy = start(|address| peers::haproxy(folder.path(), address, &backends))?;
    let mut loaded = [Loaded::default(), Loaded::default(), Loaded::default()];
    let servers = [
        (endpoint, process_id),
        (nginx.0, nginx.1.id()),
        (haproxy.0, haproxy.1.id()),
    ];
    for _ in 0..TURNS {
        for (loaded, (address, process_id)) in loaded.iter_mut().zip(servers) {
            site.go_on()?;
            loaded.turn(address, process_id)?;
        }
    }
    let [own, nginx, haproxy] = &loaded;
    let mut readings = readings(own, &[("nginx", nginx), ("haproxy", haproxy)])?;
    let memory = mebibytes(resident_bytes(process_id)?);
    readings.push(Reading::once("memory of the local cloud", Unit::Mebibytes, memory));
    Ok(readings)
}

/// A peer that answers, on an address of its own.
fn start(
    command: impl FnOnce(SocketAddr) -> anyhow::Result<std::process::Command>,
) -> anyhow::Result<(SocketAddr, Process)> {
    let address = free_address()?;
    let mut process = Process::start(&mut command(address)?)?;
    process.wait_until_it_answers(address)?;
    Ok((address, process))
}
