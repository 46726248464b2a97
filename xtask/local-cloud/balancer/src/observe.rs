//! One record for each request, for whoever wants more than totals.

use std::time::Duration;

use crate::id::{ListenerId, TargetGroupId, TargetId};

/// Is told of every request when it ends. Called on the request's own task: be quick, don't block.
pub trait Observer: Send + Sync + 'static {
    /// A request ended.
    fn request(&self, record: &RequestRecord<'_>);
}

/// A request that ended, in the terms of the load balancer's access log.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord<'a> {
    /// The listener it came to.
    pub listener: &'a ListenerId,
    /// The group chosen; none where no rule forwards.
    pub target_group: Option<&'a TargetGroupId>,
    /// The target chosen; none where the group has none.
    pub target: Option<&'a TargetId>,
    /// `elb_status_code`: what the client got; 460 where it left before.
    pub status_code: u16,
    /// `target_status_code`; none where the target answered nothing usable.
    pub target_status_code: Option<u16>,
    /// `target_processing_time`: from the request's dispatch to the response's header; none without a response.
    pub target_processing_time: Option<Duration>,
    /// No connection to the target came about.
    pub connection_error: bool,
    /// From the request's header to the last of the response.
    pub duration: Duration,
}
