//! Every minute: the alarms are judged, and who watches a deployment is told.

use std::time::{Duration, SystemTime};

use monitor::{AlarmState, Minute};
use scheduler::Event;

use super::{alarm, words};
use crate::cloud::Cloud;

/// How often ECS asks for the states of the alarms of a deployment under way. It polls `DescribeAlarms`, and AWS doesn't
/// say how often; a named choice. An alarm that goes off and ends in between goes unseen, as it may on AWS.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
const POLL_INTERVAL: Duration = Duration::from_secs(10);

impl Cloud {
    /// Evaluates every alarm if another minute is published. Says whether a state has changed.
    pub(crate) fn evaluate_alarms_if_due(&mut self, now: SystemTime) -> bool {
        let due = self.cloudwatch.evaluations.due(self.pace(), now);
        due.is_some_and(|end| self.evaluate_alarms(now, end))
    }

    /// When the alarms are evaluated next, as far as time alone decides it.
    pub(crate) fn next_evaluation(&self) -> Option<SystemTime> {
        self.cloudwatch.evaluations.next(self.pace())
    }

    /// Evaluates every alarm by the metrics of the minutes before `end`.
    fn evaluate_alarms(&mut self, now: SystemTime, end: Minute) -> bool {
        let pace = self.pace();
        let mut changed = false;
        for (name, alarm) in &mut self.cloudwatch.alarms {
            let criterion = match alarm::criterion(&alarm.properties) {
                Ok(criterion) => criterion,
                Err(reason) => {
                    tracing::warn!(name, reason, "an alarm can't be evaluated");
                    continue;
                }
            };
            if let Some(transition) = criterion.step(end, alarm.state.value, &self.cloudwatch.store) {
                let reason = words::reason(&criterion, &transition, pace);
                let data = words::reason_data(&criterion, &transition, pace, now);
                tracing::info!(
                    name,
                    state = transition.to.as_str(),
                    reason,
                    "an alarm changed its state"
                );
                alarm.set_state(now, transition.to, reason, Some(data));
                changed = true;
            }
        }
        changed
    }

    /// Which of these alarms are in ALARM.
    pub(crate) fn in_alarm(&self, names: &[String]) -> Vec<String> {
        let is_red = |name: &&String| {
            let alarm = self.cloudwatch.alarms.get(*name);
            alarm.is_some_and(|alarm| alarm.state.value == AlarmState::Alarm)
        };
        names.iter().filter(is_red).cloned().collect()
    }

    /// When ECS asks for the states of alarms next; none while no deployment is watched.
    pub(crate) fn next_alarm_poll(&self) -> Option<SystemTime> {
        let mut services = self.ecs.services.values();
        let watched = services.any(|service| service.scheduler.deployment_alarms().is_some());
        watched.then(|| match self.cloudwatch.alarms_polled {
            Some(last) => last + self.speed.scale(POLL_INTERVAL),
            None => SystemTime::UNIX_EPOCH,
        })
    }

    /// ECS looks at the alarms of every deployment under way, if it is time to.
    pub(crate) fn poll_alarms(&mut self, now: SystemTime) -> bool {
        if self.next_alarm_poll().is_none_or(|due| now < due) {
            return false;
        }
        self.cloudwatch.alarms_polled = Some(now);
        let services = self.ecs.services.iter();
        let watched = services
            .filter_map(|(arn, service)| Some((arn.clone(), self.in_alarm(service.scheduler.deployment_alarms()?))));
        for (arn, in_alarm) in watched.collect::<Vec<_>>() {
            self.step_service(now, &arn, Event::AlarmStates { in_alarm });
        }
        true
    }
}
