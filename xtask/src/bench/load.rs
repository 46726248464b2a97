//! Requests as fast as they are answered, by wrk.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use optional_programs::Program;

use super::process;
use super::programs;
use super::statistics::Series;

/// How long one turn lasts, in seconds.
const TURN_SECONDS: u32 = 3;

/// How many connections are kept open: enough that whoever answers never waits for a request.
const CONNECTIONS: u32 = 32;

/// What was seen of one turn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Turn {
    requests: u64,
    per_second: f64,
    /// The time within which 99 of 100 requests were answered, in milliseconds.
    p99_milliseconds: f64,
    /// Answers other than 2xx and 3xx, and broken connections.
    failures: u64,
}

/// What was seen of all turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    /// Requests a second.
    pub(super) per_second: Series,
    /// The time within which 99 of 100 requests were answered, in milliseconds.
    pub(super) p99_milliseconds: Series,
    /// Processor time of the server a request, in microseconds.
    pub(super) processor_microseconds: Series,
}

impl Loaded {
    /// Loads `address` for one turn; `process_id` is the server's, whose children count as well.
    ///
    /// # Errors
    /// When wrk can't be run, or a request isn't answered 2xx.
    pub(super) fn turn(&mut self, address: SocketAddr, process_id: u32) -> anyhow::Result<()> {
        let before = process::processor_seconds(process_id)?;
        let turn = run(address)?;
        let used = process::processor_seconds(process_id)? - before;
        ensure!(
            turn.failures == 0,
            "{} of {} requests failed",
            turn.failures,
            turn.requests
        );
        ensure!(turn.requests > 0, "no request to {address} was answered");
        self.per_second.push(turn.per_second);
        self.p99_milliseconds.push(turn.p99_milliseconds);
        #[expect(clippy::cast_precision_loss, reason = "no turn has 2^52 requests")]
        self.processor_microseconds.push(used * 1e6 / turn.requests as f64);
        Ok(())
    }
}

fn run(address: SocketAddr) -> anyhow::Result<Turn> {
    let wrk = programs::obtain(Program::Wrk, &mut |_| ()).map_err(anyhow::Error::msg)?;
    let mut command = Command::new(wrk);
    command
        .args(["--threads", "1", "--latency"])
        .args(["--connections", &CONNECTIONS.to_string()])
        .args(["--duration", &format!("{TURN_SECONDS}s")])
        .arg(format!("http://{address}/"))
        .stdin(Stdio::null());
    let output = command.output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    read(&text).with_context(|| format!("wrk says something else than expected:\n{text}"))
}

/// Reads what wrk prints.
fn read(text: &str) -> Option<Turn> {
    let after = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?;
    let errors = after("Non-2xx or 3xx responses:").map_or(Some(0), |count| count.trim().parse().ok())?;
    let broken: u64 = after("Socket errors:").map_or(0, |counts| {
        let numbers = counts.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok());
        numbers.sum()
    });
    Some(Turn {
        requests,
        per_second: after("Requests/sec:")?.trim().parse().ok()?,
        p99_milliseconds: milliseconds(after("99%")?.trim())?,
        failures: errors + broken,
    })
}

/// A time as wrk writes it: `850.00us`, `1.23ms`, `2.00s`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    units
        .iter()
        .find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 3s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.13ms  354.00us   9.99ms   91.91%
    Req/Sec    28.41k     1.51k   30.77k    74.19%
  Latency Distribution
     50%    1.07ms
     75%    1.20ms
     90%    1.37ms
     99%  850.00us
  87616 requests in 3.10s, 11.28MB read
Requests/sec:  28263.30
Transfer/sec:      3.64MB
";

    fn check(text: &str, failures: u64) {
        let expected = Turn {
            requests: 87_616,
            per_second: 28_263.3,
            p99_milliseconds: 0.85,
            failures,
        };
        assert_eq!(read(text), Some(expected));
    }

    #[test]
    fn what_wrk_says_is_read() {
        check(SAID, 0);
        check(&format!("{SAID}  Non-2xx or 3xx responses: 12\n"), 12);
        check(
            &format!("{SAID}  Socket errors: connect 1, read 20, write 0, timeout 3\n"),
            24,
        );
        assert_eq!(read("unable to connect to 127.0.0.1:1 Connection refused"), None);
    }

    #[test]
    fn times_are_read_in_each_unit() {
        for (text, expected) in [
            ("850.00us", Some(0.85)),
            ("1.25ms", Some(1.25)),
            ("2.00s", Some(2000.0)),
            ("2.00", None),
        ] {
            assert_eq!(milliseconds(text), expected);
        }
    }
}
