//! One request's account, settled when the request ends, however it ends.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use http::StatusCode;

use crate::{
    activity::{Activity, Phase},
    group::Group,
    listener::Listener,
    observe::RequestRecord,
    target::Target,
    upstream::Upstream,
};

/// "The load balancer received a request from a client, but the client closed the connection before the idle timeout period elapsed."
const CLIENT_LEFT: u16 = 460;

#[derive(Debug)]
pub(crate) struct Exchange {
    listener: Arc<Listener>,
    activity: Arc<Activity>,
    started: Instant,
    chosen: Option<Chosen>,
    /// 0 until the client gets a response.
    status_code: u16,
    from_target: Option<(u16, Duration)>,
    connection_error: bool,
}

#[derive(Debug)]
struct Chosen {
    group: Arc<Group>,
    target: Option<Arc<Target>>,
}

impl Exchange {
    pub(crate) fn start(listener: &Arc<Listener>, activity: &Arc<Activity>) -> Self {
        activity.enter(Phase::Target);
        Self {
            listener: Arc::clone(listener),
            activity: Arc::clone(activity),
            started: Instant::now(),
            chosen: None,
            status_code: 0,
            from_target: None,
            connection_error: false,
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// A group was chosen, and a target where the group has one.
    pub(crate) fn chose(&mut self, group: &Arc<Group>, target: Option<&Arc<Target>>) {
        if let Some(target) = target {
            target.outstanding.fetch_add(1, Ordering::Relaxed);
            self.listener.counter.request();
            group.counter.request();
        }
        self.chosen = Some(Chosen {
            group: Arc::clone(group),
            target: target.cloned(),
        });
    }

    pub(crate) fn failed_to_connect(&mut self) {
        self.connection_error = true;
        if let Some(chosen) = &self.chosen {
            chosen.group.counter.connection_error();
        }
    }

    /// The target's response goes to the client.
    pub(crate) fn responded(&mut self, status: StatusCode, time: Duration) {
        self.activity.enter(Phase::Responding);
        self.status_code = status.as_u16();
        self.from_target = Some((status.as_u16(), time));
        if let Some(chosen) = &self.chosen {
            chosen.group.counter.response(status.as_u16(), time);
        }
    }

    /// The load balancer answers by itself.
    pub(crate) fn made(&mut self, status: StatusCode) {
        self.activity.enter(Phase::Responding);
        self.status_code = status.as_u16();
        self.listener.counter.made(status.as_u16());
    }

    /// The connection has served its request.
    pub(crate) fn keep(&self, upstream: Box<Upstream>) {
        if let Some(target) = self.chosen.as_ref().and_then(|chosen| chosen.target.as_ref()) {
            target.pool.keep(upstream);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.enter(Phase::Between);
        if self.status_code == 0 {
            self.status_code = CLIENT_LEFT;
            self.listener.counter.made(CLIENT_LEFT);
        }
        let target = self.chosen.as_ref().and_then(|chosen| chosen.target.as_ref());
        if let Some(target) = target {
            target.outstanding.fetch_sub(1, Ordering::Relaxed);
        }
        let Some(observer) = &self.listener.observer else {
            return;
        };
        observer.request(&RequestRecord {
            listener: &self.listener.id,
            target_group: self.chosen.as_ref().map(|chosen| &chosen.group.id),
            target: target.map(|target| &target.id),
            status_code: self.status_code,
            target_status_code: self.from_target.map(|(code, _)| code),
            target_processing_time: self.from_target.map(|(_, time)| time),
            connection_error: self.connection_error,
            duration: self.started.elapsed(),
        });
    }
}
