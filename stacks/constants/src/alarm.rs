//! When a deployment is called bad.

/// Seconds in a period: the finest that the load balancer's metrics have.
pub const PERIOD_SECONDS: i64 = 60;

/// The latest periods that are looked at.
pub const EVALUATION_PERIODS: i64 = 4;

/// How many of them must breach: more than a blip, and one may be missing.
pub const DATAPOINTS_TO_ALARM: i64 = 3;

/// Seconds of response time, the mean of the slowest tenth, at which a period breaches.
pub const RESPONSE_TIME_SECONDS: u8 = 3;

/// The statistic of the response time: the mean of the slowest tenth, because an average hides them.
pub const RESPONSE_TIME_STATISTIC: &str = "TM(90%:100%)";

/// The share of answers with a 5xx status, in per cent, at which a period breaches.
pub const SERVER_ERROR_PERCENT: u8 = 5;

/// Connections to targets that failed, a period, at which it breaches: tasks that are replaced in order cause none.
pub const CONNECTION_ERRORS: u8 = 1;

/// The share of the targets that are unhealthy, in per cent, at which a minute breaches: one of Onebox's few tasks, and no
/// single one of Fleet's, which any machine's failure may take.
pub const UNHEALTHY_PERCENT: u8 = 12;

/// How many minutes must breach: one. A deployment that is as it should be makes none, as targets count neither before
/// their first check nor while they drain, and ECS replaces an unhealthy task within the minute.
pub const UNHEALTHY_DATAPOINTS_TO_ALARM: i64 = 1;

// A request that hangs until the service gives it up has breached.
const _: () = assert!((RESPONSE_TIME_SECONDS as u64) < crate::service::REQUEST_TIMEOUT_SECONDS);
