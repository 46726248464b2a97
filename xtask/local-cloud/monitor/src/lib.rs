//! CloudWatch without the cloud: metrics by the minute, statistics, metric math, and the alarm state machine.
//!
//! It reads no clock and knows no wire: time is an argument, and what an alarm decides is data. [`Pace`] says which metric
//! minutes are published at a moment; everything else counts in metric minutes.
//!
//! Each rule names its source; what AWS leaves open is called a named choice where it is made.

mod alarm;
mod distribution;
mod evaluation;
mod expression;
mod metric;
mod pace;
mod query;
mod statistic;
mod store;

pub use alarm::{AlarmState, Basis, Comparison, Condition, Criterion, Transition};
pub use distribution::Distribution;
pub use evaluation::{EXTRA_POINTS, MissingData, Verdict, judge};
pub use expression::{Expression, ExpressionError, Kind};
pub use metric::{Metric, Minute};
pub use pace::{Evaluations, LONGEST_LAG_MINUTES, Pace};
pub use query::{Point, Queries, Query, QueryError, Source, Window};
pub use statistic::{Bounds, Statistic, UnknownStatistic};
pub use store::{MINUTES_KEPT, Store};

#[cfg(test)]
mod tests;
