//! The service under load, beside a bare server.

use optional_programs::Program;

use super::figure::Figure;
use super::load::Loaded;
use super::process::Process;
use super::reading::{Reading, Target, Unit};
use super::site::Site;
use super::start::{free_address, server};

/// How many turns each has.
const TURNS: usize = 9;

/// The service against a bare hyper server.
pub(super) const FIGURE: Figure = Figure {
    name: "service",
    measures: "the service under load against a bare hyper server that gives the same answer",
    means: "wrk with one thread and 32 connections asks the image's own binary, logging as it does in a task, and a bare hyper server \
            that answers with the same bytes, in turns of three seconds. Both run one thread. The bare server has no routes, limits, \
            time-outs, request ids or logs: the ratio is what all of these cost.",
    needs: &[Program::Wrk],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let (service, bare) = (site.service_image()?.executable, site.bare_server()?);
    let start = |program| -> anyhow::Result<_> {
        let address = free_address()?;
        let mut process = Process::start(&mut server(program, address))?;
        process.wait_until_it_answers(address)?;
        Ok((address, process))
    };
    let (ours, theirs) = (start(&service)?, start(&bare)?);
    let (mut own, mut peer) = (Loaded::default(), Loaded::default());
    for _ in 0..TURNS {
        site.go_on()?;
        own.turn(ours.0, ours.1.id())?;
        peer.turn(theirs.0, theirs.1.id())?;
    }
    readings(&own, &[("bare hyper", &peer)])
}

/// What is read of a server under load beside others; the target is held against the first of them.
pub(super) fn readings(own: &Loaded, peers: &[(&str, &Loaded)]) -> anyhow::Result<Vec<Reading>> {
    let mut requests = Reading::of("requests", Unit::RequestsPerSecond, &own.per_second)?;
    let mut p99 = Reading::of("99 of 100 within", Unit::Milliseconds, &own.p99_milliseconds)?;
    let mut cost = Reading::of("a request", Unit::ProcessorMicroseconds, &own.processor_microseconds)?;
    for (name, peer) in peers {
        requests = requests.beside(name, &own.per_second, &peer.per_second);
        p99 = p99.beside(name, &own.p99_milliseconds, &peer.p99_milliseconds);
        cost = cost.beside(name, &own.processor_microseconds, &peer.processor_microseconds);
    }
    Ok(vec![requests.target(Target::TimesPeer(0.9)), p99, cost])
}
