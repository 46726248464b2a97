//! The Application Load Balancer's data plane, on loopback.
//!
//! It knows nothing of AWS's calls: a [`Plan`] says what listens and where requests may go, and the [`Balancer`] makes it so,
//! checks targets' health, drains those that leave, and counts what passes. Its behaviour is the Application Load Balancer's
//! as documented; each rule names its source, and what AWS leaves open is called a named choice where it is made.
//!
//! One rule stands above the others: a request is dispatched once. Where the load balancer would answer 502, this one does.

mod accept;
mod activity;
mod balancer;
mod checker;
mod client;
mod client_stream;
mod condition;
mod counts;
mod exchange;
mod group;
mod health;
mod id;
mod keeper;
mod limits;
mod listener;
mod matcher;
mod observe;
mod page;
mod plan;
mod proxy;
mod redirect;
mod report;
mod request_body;
mod request_head;
mod response_body;
mod response_times;
mod route;
mod split;
mod target;
mod trace_id;
mod upstream;
pub mod wildcard;

pub use balancer::Balancer;
pub use condition::{Cidr, Condition, InvalidCidr};
pub use counts::{ListenerCounts, RequestCounts, TargetGroupCounts};
pub use id::{ListenerId, TargetGroupId, TargetId};
pub use matcher::{InvalidMatcher, Matcher};
pub use observe::{Observer, RequestRecord};
pub use plan::{
    Action, Algorithm, Attributes, FixedResponse, HealthCheck, ListenerPlan, Plan, Redirect, Rule, TargetGroupPlan,
    XForwardedFor,
};
pub use report::{Event, Health, Reason, TargetHealth, TargetState};
pub use response_times::ResponseTimes;

#[cfg(test)]
mod tests;
