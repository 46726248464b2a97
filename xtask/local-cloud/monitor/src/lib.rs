//! CloudWatch without the cloud: metrics by the minute, statistics, metric math, and the alarm state machine.
//!
//! It knows neither clocks nor the wire: time is a number of metric minutes, and what an alarm decides is data. How long
//! a metric minute lasts, and when it is over, is the caller's to say.
//!
//! Each rule names its source; what AWS leaves open is called a named choice where it is made.

mod alarm;
mod distribution;
mod evaluation;
mod expression;
mod metric;
mod query;
mod statistic;
mod store;

pub use alarm::{AlarmState, Basis, Comparison, Condition, Criterion, Transition};
pub use distribution::Distribution;
pub use evaluation::{EXTRA_POINTS, MissingData, Verdict, judge};
pub use expression::{Expression, ExpressionError, Kind};
pub use metric::{Metric, Minute};
pub use query::{Point, Queries, Query, QueryError, Source, Window};
pub use statistic::{Bounds, Statistic, UnknownStatistic};
pub use store::{MINUTES_KEPT, Store};

#[cfg(test)]
mod tests;
