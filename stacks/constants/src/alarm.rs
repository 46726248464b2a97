//! When a deployment is called bad.

/// Seconds in a period: the finest that the load balancer's metrics have.
pub const PERIOD_SECONDS: i64 = 60;

/// The latest periods that are looked at.
pub const EVALUATION_PERIODS: i64 = 4;

/// How many of them must breach: more than a blip, and one may be missing.
pub const DATAPOINTS_TO_ALARM: i64 = 3;

/// Minutes after the end of a minute until its metrics are published, at the longest. AWS names no figure. Measured in public:
/// 52 seconds after the minute (<https://serverfault.com/questions/968465>) to 4 minutes from an error to its alarm
/// (<https://stackoverflow.com/questions/64045238>).
pub const LONGEST_METRIC_LAG_MINUTES: i64 = 4;

/// Seconds of response time, the mean of the slowest tenth, at which a period breaches.
pub const RESPONSE_TIME_SECONDS: u8 = 3;

/// The statistic of the response time: the mean of the slowest tenth, because an average hides them.
pub const RESPONSE_TIME_STATISTIC: &str = "TM(90%:100%)";

/// The share of answers with a 5xx status, in per cent, at which a period breaches.
pub const SERVER_ERROR_PERCENT: u8 = 5;

/// Connections to targets that failed, a period, at which it breaches: tasks that are replaced in order cause none.
pub const CONNECTION_ERRORS: u8 = 1;

/// The share of the requests that get no response from a target, in per cent, at which a period breaches; of Onebox what it has
/// more than Fleet.
pub const UNANSWERED_PERCENT: u8 = 5;

/// The fewest requests a period of which a share is taken: one failure among them doesn't breach.
pub const MINIMUM_REQUESTS: u16 = 30;

/// The share of the requests to which the load balancer itself responds with a 5xx status, in per cent, at which a period
/// breaches.
pub const LOAD_BALANCER_ERROR_PERCENT: u8 = 5;

/// The running tasks that a stage lacks to its minimum, at which a period breaches.
pub const MISSING_TASKS: u8 = 1;

/// The share of the targets that are unhealthy, in per cent, at which a minute breaches: one of Onebox's few tasks, and no
/// single one of Fleet's, which any machine's failure may take.
pub const UNHEALTHY_PERCENT: u8 = 12;

/// How many minutes must breach: one. A deployment that is as it should be makes none, as targets count neither before
/// their first check nor while they drain, and ECS replaces an unhealthy task within the minute.
pub const UNHEALTHY_DATAPOINTS_TO_ALARM: i64 = 1;

// A single request is no evidence.
const _: () = assert!(100 < UNANSWERED_PERCENT as u32 * MINIMUM_REQUESTS as u32);
const _: () = assert!(100 < LOAD_BALANCER_ERROR_PERCENT as u32 * MINIMUM_REQUESTS as u32);

// A request that hangs until the service gives it up has breached.
const _: () = assert!((RESPONSE_TIME_SECONDS as u64) < crate::service::REQUEST_TIMEOUT_SECONDS);
