//! Totals that only grow: what one-minute metrics are made of by whoever reads them once a minute.
//!
//! The definitions are CloudWatch's for the load balancer:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    id::{ListenerId, TargetGroupId},
    response_times::{ResponseTimeRecorder, ResponseTimes},
};

/// Totals since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// By listener, those closed since included.
    pub listeners: BTreeMap<ListenerId, ListenerCounts>,
    /// By target group, those gone since included.
    pub target_groups: BTreeMap<TargetGroupId, TargetGroupCounts>,
}

/// What one listener saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerCounts {
    /// `RequestCount`: requests for which a target was chosen.
    pub requests: u64,
    /// Status codes that the load balancer made itself, 460 included (`HTTPCode_ELB_5XX_Count`, `HTTPCode_ELB_502_Count` and the like).
    pub made_by_load_balancer: BTreeMap<u16, u64>,
    /// Connections accepted from clients (`NewConnectionCount` counts those to targets too).
    pub new_connections: u64,
}

/// What one target group saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroupCounts {
    /// `RequestCount`: requests for which a target of this group was chosen.
    pub requests: u64,
    /// `HTTPCode_Target_2XX_Count` and its kind, by the first digit (index 0 is 1XX): codes that targets made.
    pub made_by_targets: [u64; 5],
    /// `TargetConnectionErrorCount`.
    pub connection_errors: u64,
    /// `TargetResponseTime`.
    pub response_times: ResponseTimes,
}

impl TargetGroupCounts {
    /// What was added since an earlier reading of the same group.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut made_by_targets = self.made_by_targets;
        for (now, then) in made_by_targets.iter_mut().zip(earlier.made_by_targets) {
            *now = now.saturating_sub(then);
        }
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            made_by_targets,
            connection_errors: self.connection_errors.saturating_sub(earlier.connection_errors),
            response_times: self.response_times.since(&earlier.response_times),
        }
    }
}

/// Counts of one listener while it runs. Codes from 200 to 599 are counted one by one.
#[derive(Debug)]
pub(crate) struct ListenerCounter {
    requests: AtomicU64,
    made: Vec<AtomicU64>,
    connections: AtomicU64,
}

const FIRST_CODE: u16 = 200;
const LAST_CODE: u16 = 599;

impl Default for ListenerCounter {
    fn default() -> Self {
        let made = (FIRST_CODE..=LAST_CODE).map(|_| AtomicU64::new(0)).collect();
        Self {
            requests: AtomicU64::new(0),
            made,
            connections: AtomicU64::new(0),
        }
    }
}

impl ListenerCounter {
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn made(&self, status_code: u16) {
        let index = status_code.checked_sub(FIRST_CODE).map(usize::from);
        if let Some(counter) = index.and_then(|index| self.made.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> ListenerCounts {
        let made = (FIRST_CODE..).zip(self.made.iter().map(|counter| counter.load(Ordering::Relaxed)));
        ListenerCounts {
            requests: self.requests.load(Ordering::Relaxed),
            made_by_load_balancer: made.filter(|&(_, count)| count > 0).collect(),
            new_connections: self.connections.load(Ordering::Relaxed),
        }
    }
}

/// Counts of one target group while it runs.
#[derive(Debug, Default)]
pub(crate) struct GroupCounter {
    requests: AtomicU64,
    classes: [AtomicU64; 5],
    connection_errors: AtomicU64,
    response_times: ResponseTimeRecorder,
}

impl GroupCounter {
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_error(&self) {
        self.connection_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn response(&self, status_code: u16, time: Duration) {
        let class = usize::from(status_code / 100).wrapping_sub(1);
        if let Some(counter) = self.classes.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.response_times.record(time);
    }

    fn read(&self) -> TargetGroupCounts {
        TargetGroupCounts {
            requests: self.requests.load(Ordering::Relaxed),
            made_by_targets: std::array::from_fn(|class| self.classes[class].load(Ordering::Relaxed)),
            connection_errors: self.connection_errors.load(Ordering::Relaxed),
            response_times: self.response_times.read(),
        }
    }
}

/// Every counter there ever was, by name.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    listeners: Mutex<BTreeMap<ListenerId, Arc<ListenerCounter>>>,
    groups: Mutex<BTreeMap<TargetGroupId, Arc<GroupCounter>>>,
}

impl Counters {
    pub(crate) fn listener(&self, listener: &ListenerId) -> Arc<ListenerCounter> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(listeners.entry(listener.clone()).or_default())
    }

    pub(crate) fn group(&self, group: &TargetGroupId) -> Arc<GroupCounter> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(groups.entry(group.clone()).or_default())
    }

    pub(crate) fn read(&self) -> RequestCounts {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        RequestCounts {
            listeners: listeners
                .iter()
                .map(|(id, counter)| (id.clone(), counter.read()))
                .collect(),
            target_groups: groups
                .iter()
                .map(|(id, counter)| (id.clone(), counter.read()))
                .collect(),
        }
    }
}
