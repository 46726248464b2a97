//! Configuration, from environment variables alone.
//!
//! Every variable has a default, so that `cargo run -p service` works as it is. An empty value is an unset one.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use constants::service::{
    ADDRESS_VARIABLE, CONTAINER_PORT, FAULT_VARIABLE, PORT_VARIABLE, RELEASE_VARIABLE, REQUEST_TIMEOUT_SECONDS,
    STAGE_VARIABLE, STOP_TIMEOUT_SECONDS,
};
use fault::Faults;
use http::HeaderValue;
use tracing_subscriber::filter::LevelFilter;

mod aws;

pub use self::aws::{AuthorizationToken, AwsSettings};

/// Environment variable: the least severe level that is logged, `off` to `trace`.
pub const LOG_VARIABLE: &str = "SERVICE_LOG";
/// Environment variable: how many connections are open at most; further ones wait to be accepted.
pub const MAX_CONNECTIONS_VARIABLE: &str = "SERVICE_MAX_CONNECTIONS";
/// Environment variable: how many requests are in work at most; further ones are answered 503.
pub const MAX_REQUESTS_VARIABLE: &str = "SERVICE_MAX_CONCURRENT_REQUESTS";
/// Environment variable: how large a request line and its headers may be together.
pub const MAX_HEADER_BYTES_VARIABLE: &str = "SERVICE_MAX_HEADER_BYTES";
/// Environment variable: how large a request's body may be.
pub const MAX_BODY_BYTES_VARIABLE: &str = "SERVICE_MAX_BODY_BYTES";
/// Environment variable: how long a request may take before it is answered 503.
pub const REQUEST_TIMEOUT_VARIABLE: &str = "SERVICE_REQUEST_TIMEOUT_SECONDS";
/// Environment variable: how long a client may take to send a request's headers.
pub const HEADER_TIMEOUT_VARIABLE: &str = "SERVICE_HEADER_TIMEOUT_SECONDS";
/// Environment variable: how long a connection may stay open between two requests.
pub const IDLE_TIMEOUT_VARIABLE: &str = "SERVICE_IDLE_TIMEOUT_SECONDS";
/// Environment variable: how long after SIGTERM requests in flight may take to end.
pub const STOP_TIMEOUT_VARIABLE: &str = "SERVICE_STOP_TIMEOUT_SECONDS";

/// The exit status for a configuration that can't be used: `EX_USAGE` of sysexits.h.
pub const EXIT_BAD_CONFIGURATION: u8 = 64;

/// The stage when none is named: a run by hand.
const DEFAULT_STAGE: &str = "local";
/// Below the 1,024 file descriptors that a shell gives a process by default.
const DEFAULT_MAX_CONNECTIONS: usize = 1000;
/// Half of the connections, so that a refusal still finds a connection to be sent on.
const DEFAULT_MAX_REQUESTS: usize = 512;
/// The load balancer takes up to 64 KiB of headers; no client of this service needs a quarter of that.
const DEFAULT_MAX_HEADER_BYTES: usize = 16 * 1024;
const DEFAULT_MAX_BODY_BYTES: usize = 1024 * 1024;
/// Where axum's extractors stop by themselves.
/// <https://docs.rs/axum/0.8/axum/extract/struct.DefaultBodyLimit.html>
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
const DEFAULT_HEADER_TIMEOUT_SECONDS: u64 = 10;
/// Longer than the load balancer keeps an idle connection (60 s): it must be the one to close, or a request that it
/// sends just as the service closes is answered 502.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>
const DEFAULT_IDLE_TIMEOUT_SECONDS: u64 = 75;
/// Leaves five seconds of the task's stop timeout for the exit itself.
const DEFAULT_STOP_TIMEOUT_SECONDS: u64 = STOP_TIMEOUT_SECONDS - 5;
const _: () = assert!(REQUEST_TIMEOUT_SECONDS < DEFAULT_STOP_TIMEOUT_SECONDS);

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one, which the log then names.
    pub address: SocketAddr,
    /// The deployment stage, sent with every response.
    pub stage: Stage,
    /// The release, shown by `GET /version`. Any text: what it means is the deployer's concern.
    pub release: Option<String>,
    /// The least severe level that is logged.
    pub log: LevelFilter,
    /// The faults to inject; none by default.
    pub faults: Faults,
    /// How to call AWS; `None` unless a fault calls it.
    pub aws: Option<AwsSettings>,
    /// The bounds of sizes, numbers and times.
    pub limits: Limits,
}

/// A deployment stage's name: 1 to 32 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage(String);

/// The bounds of sizes, numbers and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once.
    pub max_connections: usize,
    /// Requests in work at once, health checks aside.
    pub max_concurrent_requests: usize,
    /// Bytes of request line and headers.
    pub max_header_bytes: usize,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// From a request's headers to its response.
    pub request_timeout: Duration,
    /// From a connection's first moment, or a request's first byte, to the end of the headers.
    pub header_timeout: Duration,
    /// Between two requests.
    pub idle_timeout: Duration,
    /// From the first stop signal to the exit.
    pub stop_timeout: Duration,
}

/// A value that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong with its value, and what would be right.
    pub problem: String,
}

impl Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.variable, self.problem)
    }
}

impl Config {
    /// Reads the configuration through `lookup`, which gives a variable's value.
    ///
    /// # Errors
    ///
    /// Every value that can't be used, not only the first.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader {
            lookup,
            problems: Vec::new(),
        };
        let address = reader.value(ADDRESS_VARIABLE, IpAddr::V4(Ipv4Addr::UNSPECIFIED), |text| {
            text.parse()
                .map_err(|_| format!("`{text}` is not an IP address, such as 0.0.0.0 or ::1"))
        });
        let port = reader.number(PORT_VARIABLE, CONTAINER_PORT, 0..=u16::MAX);
        let stage = reader.value(STAGE_VARIABLE, Stage(DEFAULT_STAGE.to_owned()), Stage::parse);
        let log = reader.value(LOG_VARIABLE, LevelFilter::INFO, parse_level);
        let faults = reader.values(FAULT_VARIABLE, |text| Faults::parse(text, stage.as_str()));
        let config = Self {
            address: SocketAddr::new(address, port),
            log,
            aws: faults.call_aws().then(|| reader.aws()).flatten(),
            faults,
            stage,
            release: reader.text(RELEASE_VARIABLE),
            limits: reader.limits(),
        };
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            Err(reader.problems)
        }
    }
}

impl Stage {
    fn parse(text: &str) -> Result<Self, String> {
        let sane = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(sane) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is not a stage, such as onebox or fleet: 1 to 32 lower-case letters, digits and hyphens"
            ))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as the value of a response header.
    ///
    /// # Panics
    ///
    /// Never: the characters of a stage are all allowed in a header.
    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a stage's characters are allowed in a header")
    }
}

fn parse_level(text: &str) -> Result<LevelFilter, String> {
    match text {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(format!(
            "`{text}` is not a log level: off, error, warn, info, debug or trace"
        )),
    }
}

/// Reads values and gathers what is wrong with them.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn limits(&mut self) -> Limits {
        let limits = Limits {
            max_connections: self.number(MAX_CONNECTIONS_VARIABLE, DEFAULT_MAX_CONNECTIONS, 1..=1_000_000),
            max_concurrent_requests: self.number(MAX_REQUESTS_VARIABLE, DEFAULT_MAX_REQUESTS, 1..=1_000_000),
            max_header_bytes: self.number(MAX_HEADER_BYTES_VARIABLE, DEFAULT_MAX_HEADER_BYTES, 1024..=1024 * 1024),
            max_body_bytes: self.number(MAX_BODY_BYTES_VARIABLE, DEFAULT_MAX_BODY_BYTES, 0..=MAX_BODY_BYTES),
            request_timeout: self.seconds(REQUEST_TIMEOUT_VARIABLE, REQUEST_TIMEOUT_SECONDS),
            header_timeout: self.seconds(HEADER_TIMEOUT_VARIABLE, DEFAULT_HEADER_TIMEOUT_SECONDS),
            idle_timeout: self.seconds(IDLE_TIMEOUT_VARIABLE, DEFAULT_IDLE_TIMEOUT_SECONDS),
            stop_timeout: self.seconds(STOP_TIMEOUT_VARIABLE, DEFAULT_STOP_TIMEOUT_SECONDS),
        };
        if limits.stop_timeout < limits.request_timeout {
            self.problems.push(Problem {
                variable: STOP_TIMEOUT_VARIABLE,
                problem: format!(
                    "{} s is less than a request may take ({REQUEST_TIMEOUT_VARIABLE} is {} s), so a stop would cut requests off",
                    limits.stop_timeout.as_secs(),
                    limits.request_timeout.as_secs(),
                ),
            });
        }
        limits
    }

    fn aws(&mut self) -> Option<AwsSettings> {
        let settings = AwsSettings::from_environment(&|variable| self.text(variable));
        settings.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn seconds(&mut self, variable: &'static str, default: u64) -> Duration {
        Duration::from_secs(self.number(variable, default, 1..=3600))
    }

    fn number<T>(&mut self, variable: &'static str, default: T, range: RangeInclusive<T>) -> T
    where
        T: std::str::FromStr + PartialOrd + Display,
    {
        self.value(variable, default, |text| {
            text.parse()
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    format!(
                        "`{text}` is not a whole number from {} to {}",
                        range.start(),
                        range.end()
                    )
                })
        })
    }

    fn value<T>(&mut self, variable: &'static str, default: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        match self.text(variable).map(|text| parse(&text)) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(problem)) => {
                self.problems.push(Problem { variable, problem });
                default
            }
        }
    }

    fn values<T: Default>(&mut self, variable: &'static str, parse: impl FnOnce(&str) -> Result<T, Vec<String>>) -> T {
        let parsed = self.text(variable).map_or(Ok(T::default()), |text| parse(&text));
        parsed.unwrap_or_else(|problems| {
            let problems = problems.into_iter().map(|problem| Problem { variable, problem });
            self.problems.extend(problems);
            T::default()
        })
    }

    fn text(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests;
