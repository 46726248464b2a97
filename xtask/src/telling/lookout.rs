//! Looks at the services that an operation changes: their deployments, the tasks that stop, the alarms that watch.
//!
//! What can't be seen now may be seen later, and the operation's own events tell of trouble: so a look that fails is
//! passed over.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::view::ServiceView;
use crate::alarms::Alarm;
use crate::aws::Aws;
use crate::services::Service;
use crate::services::stopped::{self, Stopped};
use crate::stack::events::{Event, EventLog};

/// How long to wait between two looks: a look is three calls and more.
const PAUSE: Duration = Duration::from_secs(6);

/// How long where asking costs nothing.
const NEAR_PAUSE: Duration = Duration::from_millis(500);

/// The services that an operation has begun to change.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    services: Vec<Watched>,
    last: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    logical_id: String,
    arn: String,
    /// Whether its change goes on, or has ended since the last look.
    active: bool,
    service: Option<Service>,
    /// The names of the alarms that watch its deployments; none before they were asked for.
    alarm_names: Option<Vec<String>>,
    alarms: Vec<Alarm>,
    stopped: Stopped,
}

/// What a look brought, by the services' ARNs.
#[derive(Debug, Default)]
pub(crate) struct Looked(Vec<(String, Found)>);

#[derive(Debug, Default)]
struct Found {
    service: Option<Service>,
    alarm_names: Option<Vec<String>>,
    alarms: Option<Vec<Alarm>>,
    stopped: Option<stopped::Looked>,
}

impl Lookout {
    /// Takes new events of the operation into account; whether one of them says that a service's change has failed, so
    /// that it must be looked at before the rollback takes away what there is to see.
    pub(crate) fn notice(&mut self, events: &[Event]) -> bool {
        let mut failed = false;
        for event in events.iter().filter(|event| event.resource_type == "AWS::ECS::Service") {
            failed |= event.status.ends_with("_FAILED");
            // What goes has nothing more to show.
            if event.status.starts_with("DELETE_") || cluster_and_name(&event.physical_id).is_none() {
                continue;
            }
            match self
                .services
                .iter_mut()
                .find(|service| service.arn == event.physical_id)
            {
                Some(service) => service.active = true,
                None => self.services.push(Watched {
                    logical_id: event.logical_id.clone(),
                    arn: event.physical_id.clone(),
                    active: true,
                    service: None,
                    alarm_names: None,
                    alarms: Vec::new(),
                    stopped: Stopped::default(),
                }),
            }
        }
        failed
    }

    /// Whether there is something to look at, and it is time to.
    pub(crate) fn is_due(&self, aws: &Aws) -> bool {
        let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
        let due = self.last.is_none_or(|last| last.elapsed() >= pause);
        due && self.services.iter().any(|service| service.active)
    }

    /// Looks at the services whose change goes on.
    pub(crate) async fn look(&self, aws: &Aws, since: Option<SystemTime>) -> Looked {
        let mut looked = Vec::new();
        for service in self.services.iter().filter(|service| service.active) {
            looked.push((service.arn.clone(), service.look(aws, since).await));
        }
        Looked(looked)
    }

    /// Takes what a look brought. What no longer goes on isn't looked at again.
    pub(crate) fn take(&mut self, looked: Looked, log: &EventLog) {
        self.last = Some(Instant::now());
        let going_on = log.going_on();
        for (arn, found) in looked.0 {
            let Some(service) = self.services.iter_mut().find(|service| service.arn == arn) else {
                continue;
            };
            service.active = going_on.iter().any(|event| event.logical_id == service.logical_id);
            service.take(found);
        }
    }

    /// What is known of the services.
    pub(crate) fn views(&self) -> Vec<ServiceView> {
        let view = |watched: &Watched| {
            Some(ServiceView {
                logical_id: watched.logical_id.clone(),
                service: watched.service.clone()?,
                stopped: watched.stopped.groups(),
                alarms: watched.alarms.clone(),
            })
        };
        self.services.iter().filter_map(view).collect()
    }
}

impl Watched {
    async fn look(&self, aws: &Aws, since: Option<SystemTime>) -> Found {
        let Some((cluster, name)) = cluster_and_name(&self.arn) else {
            return Found::default();
        };
        let service = aws
            .services(cluster, &[name])
            .await
            .ok()
            .and_then(|mut services| services.pop());
        let alarm_names = match &self.alarm_names {
            Some(names) => Some(names.clone()),
            None => aws.deployment_alarms(cluster, name).await.ok(),
        };
        let alarms = match &alarm_names {
            Some(names) => aws.alarms(names).await.ok(),
            None => None,
        };
        let stopped = self.stopped.look(aws, (cluster, name), since).await.ok();
        Found {
            service,
            alarm_names,
            alarms,
            stopped,
        }
    }

    fn take(&mut self, found: Found) {
        self.service = found.service.or(self.service.take());
        self.alarm_names = found.alarm_names.or(self.alarm_names.take());
        if let Some(alarms) = found.alarms {
            self.alarms = alarms;
        }
        if let Some(stopped) = found.stopped {
            self.stopped.take(stopped);
        }
    }
}

/// The cluster and the name within a service's ARN, `arn:…:service/<cluster>/<name>`.
pub(crate) fn cluster_and_name(service_arn: &str) -> Option<(&str, &str)> {
    service_arn.split_once(":service/")?.1.split_once('/')
}
