//! Faults for demonstrations: what a bad change would do, on request.
//!
//! Off unless `SERVICE_FAULT` names some, separated by commas:
//!
//! | fault | effect |
//! | --- | --- |
//! | `delay=6s` | the handler starts that much later |
//! | `error=500` | that status, 400 to 599 |
//! | `close` | closes the connection without a response |
//! | `hang` | never answers, not even at the request timeout |
//! | `wrong-body` | status 200 with another body than the service's |
//! | `aws-call` | calls AWS with the task role before the handler; status 500 if that fails |
//! | `crash` | the process ends |
//! | `wedge-after=60` | after that many requests, every further one hangs |
//! | `exit-at-start` | the process ends with a failure before it listens |
//! | `unhealthy-after=30s` | health checks fail once the process is that old |
//!
//! All but the last three take a share of the requests: `error=500@10%`, `crash@1%`. Without it they hit all of them.
//! A fault that ends in `:onebox` or `:fleet` shows in that stage alone: `error=500@10%:fleet`.
//!
//! The request's number decides which requests are hit, so a share of 5 % is every twentieth request, not a chance of
//! one in twenty. No fault but `unhealthy-after` hits the load balancer's health checks, and that one hits nothing else:
//! health checks would catch a fault that failed them, and the alarms would never be tried.

use std::{fmt, time::Duration};

use constants::stage::{FLEET, ONEBOX};
use http::StatusCode;

/// The longest duration in a fault: beyond any timeout that it could be meant to outlast.
const LONGEST: Duration = Duration::from_hours(1);

/// The most requests before `wedge-after` shows.
const MOST_REQUESTS: u64 = 1_000_000;

/// The faults to inject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Faults of single requests, in the order in which they were named.
    pub of_requests: Vec<RequestFault>,
    /// End with a failure before listening.
    pub exit_at_start: bool,
    /// Answer health checks 503 once the process is this old.
    pub unhealthy_after: Option<Duration>,
    /// Hang at every request after this many.
    pub wedge_after: Option<u64>,
}

/// A fault that hits a share of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFault {
    /// What happens to a request that is hit.
    pub effect: Effect,
    /// How many of the requests are hit.
    pub share: Share,
}

/// What a fault does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The handler starts this much later.
    Delay(Duration),
    /// This status, 400 to 599, in place of the handler's answer.
    Error(StatusCode),
    /// The connection closes without a response.
    Close,
    /// No answer ever, beyond the request timeout too.
    Hang,
    /// Status 200 with another body than the service's.
    WrongBody,
    /// The service calls AWS with its task role before the handler, and answers 500 if that fails.
    AwsCall,
    /// The process aborts.
    Crash,
}

/// A share of the requests, in millionths, above 0 and up to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u32);

/// What happens to one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strike {
    /// To wait before anything else.
    pub delay: Duration,
    /// Whether AWS is called next.
    pub aws_call: bool,
    /// What then happens in place of the handler; never `Delay` or `AwsCall`.
    pub instead: Option<Effect>,
}

impl Faults {
    /// Reads faults separated by commas; those that show in `stage` stay.
    ///
    /// # Errors
    ///
    /// Every fault that can't be read, each naming itself and what would be right, whatever stage it is for.
    pub fn parse(text: &str, stage: &str) -> Result<Self, Vec<String>> {
        let mut faults = Self::default();
        let mut problems = Vec::new();
        for fault in text.split(',').map(str::trim) {
            if let Err(problem) = faults.add_at(fault, stage) {
                problems.push(format!("fault `{fault}`: {problem}"));
            }
        }
        if problems.is_empty() { Ok(faults) } else { Err(problems) }
    }

    fn add_at(&mut self, fault: &str, stage: &str) -> Result<(), String> {
        let Some((fault, wanted)) = fault.split_once(':') else {
            return self.add(fault);
        };
        if ![ONEBOX, FLEET].contains(&wanted) {
            return Err(format!("`{wanted}` is not a stage, {ONEBOX} or {FLEET}"));
        }
        let mut elsewhere = Self::default();
        let faults = if wanted == stage { self } else { &mut elsewhere };
        faults.add(fault)
    }

    fn add(&mut self, fault: &str) -> Result<(), String> {
        let (what, share) = match fault.split_once('@') {
            Some((what, share)) => (what, Some(Share::parse(share)?)),
            None => (fault, None),
        };
        let (name, value) = match what.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (what, None),
        };
        if let "exit-at-start" | "unhealthy-after" | "wedge-after" = name
            && share.is_some()
        {
            return Err("is not a fault of single requests, so it takes no share".to_owned());
        }
        match (name, value) {
            ("exit-at-start", None) => self.exit_at_start = true,
            ("unhealthy-after", Some(value)) => self.unhealthy_after = Some(parse_duration(value)?),
            ("wedge-after", Some(value)) => self.wedge_after = Some(parse_count(value)?),
            _ => {
                let effect = parse_effect(name, value)?;
                let share = share.unwrap_or(Share::ALL);
                self.of_requests.push(RequestFault { effect, share });
            }
        }
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What happens to the request with this number, counted from 0 and health checks left out.
    ///
    /// Delays add up. `wedge-after` wins over every effect in place of the handler, and else the first named wins.
    pub fn strike(&self, request_number: u64) -> Strike {
        let wedged = self.wedge_after.is_some_and(|after| request_number >= after);
        let mut strike = Strike {
            instead: wedged.then_some(Effect::Hang),
            ..Strike::default()
        };
        for (fault, index) in self.of_requests.iter().zip(0..) {
            if !fault.share.hits(request_number, index) {
                continue;
            }
            match fault.effect {
                Effect::Delay(delay) => strike.delay += delay,
                Effect::AwsCall => strike.aws_call = true,
                effect => strike.instead = strike.instead.or(Some(effect)),
            }
        }
        strike
    }

    /// Whether any request is to call AWS.
    pub fn call_aws(&self) -> bool {
        self.of_requests.iter().any(|fault| fault.effect == Effect::AwsCall)
    }

    /// Whether health checks fail, in a process this old.
    pub fn unhealthy(&self, age: Duration) -> bool {
        self.unhealthy_after.is_some_and(|after| age >= after)
    }
}

impl Share {
    /// Every request.
    pub const ALL: Self = Self(Self::WHOLE);
    const WHOLE: u32 = 1_000_000;

    /// Reads a percentage with at most four decimals: `5%`, `0.5%`.
    fn parse(text: &str) -> Result<Self, String> {
        parse_millionths(text)
            .filter(|millionths| (1..=Self::WHOLE).contains(millionths))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "`{text}` is not a share above 0% and up to 100%, such as 5% or 0.5%, with at most four decimals"
                )
            })
    }

    /// Whether the request with this number is among the share, for the fault at `index` of the list.
    ///
    /// The share adds up from request to request, and hits whenever it reaches the next whole. Each fault starts from
    /// another fraction, or faults with the same share would always hit the same requests.
    pub fn hits(self, request_number: u64, index: u64) -> bool {
        /// The golden ratio's fraction, which spreads multiples of itself evenly.
        const FRACTION: u64 = 618_034;
        let whole = u64::from(Self::WHOLE);
        let sum = (request_number % whole) * u64::from(self.0) + (index % whole) * FRACTION % whole;
        (sum + u64::from(self.0)) / whole > sum / whole
    }
}

/// The effect of a fault of single requests.
fn parse_effect(name: &str, value: Option<&str>) -> Result<Effect, String> {
    match (name, value) {
        ("delay", Some(value)) => Ok(Effect::Delay(parse_duration(value)?)),
        ("error", Some(value)) => Ok(Effect::Error(parse_status(value)?)),
        ("close", None) => Ok(Effect::Close),
        ("hang", None) => Ok(Effect::Hang),
        ("wrong-body", None) => Ok(Effect::WrongBody),
        ("aws-call", None) => Ok(Effect::AwsCall),
        ("crash", None) => Ok(Effect::Crash),
        ("delay" | "unhealthy-after", None) => Err(format!("needs a duration, such as {name}=6s")),
        ("wedge-after", None) => Err("needs a number of requests, such as wedge-after=60".to_owned()),
        ("error", None) => Err("needs a status, such as error=500".to_owned()),
        ("close" | "hang" | "wrong-body" | "aws-call" | "crash" | "exit-at-start", Some(_)) => {
            Err(format!("takes no value: {name}"))
        }
        _ => Err(
            "is not one of delay=6s, error=500, close, hang, wrong-body, aws-call, crash, wedge-after=60, \
             exit-at-start, unhealthy-after=30s"
                .to_owned(),
        ),
    }
}

/// The millionths in a percentage: `5%` is 50,000.
fn parse_millionths(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (integer, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(integer, 3) || !digits(decimals, 4) {
        return None;
    }
    let integer: u32 = integer.parse().ok()?;
    let decimals: u32 = format!("{decimals:0<4}").parse().ok()?;
    Some(integer * 10_000 + decimals)
}

/// A whole number of `ms`, `s` or `m`, above 0 and up to an hour.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000)];
    units
        .iter()
        .find_map(|(unit, milliseconds)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            Some(Duration::from_millis(number.checked_mul(*milliseconds)?))
        })
        .filter(|duration| (Duration::from_millis(1)..=LONGEST).contains(duration))
        .ok_or_else(|| format!("`{text}` is not a duration above 0 and up to 60m, such as 500ms, 6s or 2m"))
}

fn parse_count(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=MOST_REQUESTS).contains(count) && text.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| format!("`{text}` is not a number of requests from 1 to {MOST_REQUESTS}"))
}

fn parse_status(text: &str) -> Result<StatusCode, String> {
    text.parse()
        .ok()
        .filter(|status: &StatusCode| status.is_client_error() || status.is_server_error())
        .ok_or_else(|| format!("`{text}` is not an error status from 400 to 599"))
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.of_requests.iter().map(ToString::to_string).collect();
        parts.extend(self.exit_at_start.then(|| "exit-at-start".to_owned()));
        parts.extend(
            self.unhealthy_after
                .map(|after| format!("unhealthy-after={}ms", after.as_millis())),
        );
        parts.extend(self.wedge_after.map(|after| format!("wedge-after={after}")));
        formatter.write_str(&parts.join(","))
    }
}

impl fmt::Display for RequestFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.effect {
            Effect::Delay(delay) => write!(formatter, "delay={}ms", delay.as_millis())?,
            Effect::Error(status) => write!(formatter, "error={}", status.as_u16())?,
            Effect::Close => formatter.write_str("close")?,
            Effect::Hang => formatter.write_str("hang")?,
            Effect::WrongBody => formatter.write_str("wrong-body")?,
            Effect::AwsCall => formatter.write_str("aws-call")?,
            Effect::Crash => formatter.write_str("crash")?,
        }
        let Share(millionths) = self.share;
        write!(formatter, "@{}.{:04}%", millionths / 10_000, millionths % 10_000)
    }
}

#[cfg(test)]
mod tests;
