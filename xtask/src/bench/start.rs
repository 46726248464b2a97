//! From `exec` to the first answer.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;

use super::figure::Figure;
use super::process::{Process, resident_bytes};
use super::reading::{Reading, Target, Unit};
use super::site::{Site, mebibytes};
use super::statistics::Series;

/// How often each is started.
const ROUNDS: usize = 51;

/// How fast the service comes up.
pub(super) const FIGURE: Figure = Figure {
    name: "start",
    measures: "from exec to the service's first 200, and its memory at idle",
    means: "The image's own binary is started and asked until it answers, in turns with a bare hyper server that is compiled in the \
            same way and gives the same answer: the difference is what configuration, routing, limits and logging cost at the start. \
            Memory is the resident set after the first answer.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let (service, bare) = (site.service_image()?.executable, site.bare_server()?);
    let (mut ours, mut theirs) = (Started::default(), Started::default());
    for _ in 0..ROUNDS {
        site.go_on()?;
        ours.add(start(&service)?);
        theirs.add(start(&bare)?);
    }
    let first_answer = Reading::of("exec to first 200", Unit::Milliseconds, &ours.milliseconds)?
        .beside("bare hyper", &ours.milliseconds, &theirs.milliseconds)
        .target(Target::AtMost(10.0));
    let memory = Reading::of("memory at idle", Unit::Mebibytes, &ours.mebibytes)?.beside(
        "bare hyper",
        &ours.mebibytes,
        &theirs.mebibytes,
    );
    Ok(vec![first_answer, memory])
}

#[derive(Debug, Default)]
struct Started {
    milliseconds: Series,
    mebibytes: Series,
}

impl Started {
    fn add(&mut self, (milliseconds, mebibytes): (f64, f64)) {
        self.milliseconds.push(milliseconds);
        self.mebibytes.push(mebibytes);
    }
}

/// Milliseconds until the first answer, and what it then has in memory.
fn start(program: &Path) -> anyhow::Result<(f64, f64)> {
    let address = free_address()?;
    let begun = Instant::now();
    let mut process = Process::start(&mut server(program, address))?;
    process.wait_until_it_answers(address)?;
    let took = begun.elapsed();
    Ok((took.as_secs_f64() * 1000.0, mebibytes(resident_bytes(process.id())?)))
}

/// The command that runs a server, ours or the bare one, on an address.
pub(super) fn server(program: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env(constants::service::ADDRESS_VARIABLE, address.ip().to_string())
        .env(constants::service::PORT_VARIABLE, address.port().to_string());
    command
}

/// An address on loopback on which nobody listens.
///
/// # Errors
/// When no port is free.
pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}
