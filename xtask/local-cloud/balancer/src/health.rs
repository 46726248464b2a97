//! One target's life: registered, checked, drained. Decides only; `keeper` does.

use std::time::{Duration, SystemTime};

use crate::{
    plan::HealthCheck,
    report::{Health, Reason, TargetState},
};

/// How soon a target that refuses connections is tried again while it has never been judged.
///
/// A named choice: AWS checks at the interval alone, but a task here listens milliseconds after it starts, and waiting
/// a whole interval for it would say nothing about the service. The first check comes at once after registration.
pub(crate) const REFUSED_RETRY: Duration = Duration::from_millis(250);

/// How often it is looked whether the last request of a draining target has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// What is wanted of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// False once it is deregistered.
    pub(crate) registered: bool,
    /// Whether some listener forwards to its group.
    pub(crate) in_use: bool,
    pub(crate) check: HealthCheck,
    pub(crate) deregistration_delay: Duration,
    pub(crate) drain_limit: Duration,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Wanted(Wish),
    Checked(Outcome),
    /// Time has passed, perhaps to `wake_at`.
    Tick {
        /// Whether requests are in flight.
        busy: bool,
    },
}

/// How a health check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Mismatch(u16),
    TimedOut,
    /// Nobody listens.
    Refused,
    Failed,
}

/// What to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Report(Health),
    /// Start a health check; its outcome comes back as `Checked`.
    Check,
    /// Give up the check that runs.
    AbandonCheck,
    /// The deregistration delay is over: close what is still in flight.
    CloseConnections,
    /// Nothing more will happen to this target: forget it, then report this.
    Finish(Health),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Waiting { check_at: SystemTime },
    Checking { since: SystemTime },
    Draining { until: SystemTime, at_most: SystemTime },
    Finished,
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Machine {
    wish: Wish,
    health: Health,
    phase: Phase,
    passes: u32,
    failures: u32,
    /// Before this, another refused connection of a target never judged isn't a failure more.
    count_failures_from: Option<SystemTime>,
}

impl Machine {
    /// A target just registered, and what to do first.
    pub(crate) fn new(now: SystemTime, wish: Wish) -> (Self, Vec<Action>) {
        let health = Health::new(TargetState::Initial, Reason::RegistrationInProgress);
        let mut machine = Self {
            wish,
            health,
            phase: Phase::Idle,
            passes: 0,
            failures: 0,
            count_failures_from: None,
        };
        let actions = machine.register(now);
        (machine, actions)
    }

    /// When to send the next `Tick`.
    pub(crate) fn wake_at(&self) -> Option<SystemTime> {
        match self.phase {
            Phase::Waiting { check_at } => Some(check_at),
            Phase::Draining { until, .. } => Some(until),
            Phase::Idle | Phase::Checking { .. } | Phase::Finished => None,
        }
    }

    pub(crate) fn step(&mut self, now: SystemTime, event: Event) -> Vec<Action> {
        match event {
            Event::Wanted(wish) => self.wanted(now, wish),
            Event::Checked(outcome) => self.checked(now, outcome),
            Event::Tick { busy } => self.tick(now, busy),
        }
    }

    fn wanted(&mut self, now: SystemTime, wish: Wish) -> Vec<Action> {
        let before = std::mem::replace(&mut self.wish, wish);
        let mut actions = Vec::new();
        if let Phase::Checking { .. } = self.phase
            && !(self.wish.registered && self.wish.in_use && self.wish.check.enabled)
        {
            actions.push(Action::AbandonCheck);
            self.phase = Phase::Idle;
        }
        let was = (before.registered, before.in_use, before.check.enabled);
        let is = (self.wish.registered, self.wish.in_use, self.wish.check.enabled);
        actions.extend(match (was, is) {
            ((true, ..), (false, ..)) => self.deregister(now),
            // A target whose group nobody uses has nothing to drain; once draining, the delay runs to its end.
            ((false, ..), (false, ..)) => Vec::new(),
            ((false, ..), (true, ..)) => self.register(now),
            (was, is) if was != is => self.register(now),
            _ => self.reschedule(now),
        });
        actions
    }

    fn register(&mut self, now: SystemTime) -> Vec<Action> {
        (self.passes, self.failures, self.count_failures_from) = (0, 0, None);
        if !self.wish.in_use {
            self.phase = Phase::Idle;
            return self.become_(Health::new(TargetState::Unused, Reason::NotInUse));
        }
        if !self.wish.check.enabled {
            self.phase = Phase::Idle;
            return self.become_(Health::new(TargetState::Unavailable, Reason::HealthCheckDisabled));
        }
        self.phase = Phase::Checking { since: now };
        let mut actions = self.become_(Health::new(TargetState::Initial, Reason::InitialHealthChecking));
        actions.push(Action::Check);
        actions
    }

    /// A shorter interval takes effect at once.
    fn reschedule(&mut self, now: SystemTime) -> Vec<Action> {
        if let Phase::Waiting { check_at } = self.phase {
            self.phase = Phase::Waiting {
                check_at: check_at.min(now + self.wish.check.interval),
            };
        }
        Vec::new()
    }

    /// The whole delay passes, even over an idle target. Where that is shorter than on AWS, a request in flight has what is
    /// left of AWS's own: a wait may be shortened, a request never is.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
    fn deregister(&mut self, now: SystemTime) -> Vec<Action> {
        if self.health.state == TargetState::Unused {
            return self.finish();
        }
        self.phase = Phase::Draining {
            until: now + self.wish.deregistration_delay,
            at_most: now + self.wish.drain_limit.max(self.wish.deregistration_delay),
        };
        let mut actions = self.become_(Health::new(TargetState::Draining, Reason::DeregistrationInProgress));
        actions.extend(self.tick(now, true));
        actions
    }

    fn finish(&mut self) -> Vec<Action> {
        self.phase = Phase::Finished;
        self.health = Health::new(TargetState::Unused, Reason::NotRegistered);
        vec![Action::CloseConnections, Action::Finish(self.health)]
    }

    fn tick(&mut self, now: SystemTime, busy: bool) -> Vec<Action> {
        match self.phase {
            Phase::Waiting { check_at } if check_at <= now => {
                self.phase = Phase::Checking { since: now };
                vec![Action::Check]
            }
            Phase::Draining { until, at_most } if until <= now => {
                if !busy || at_most <= now {
                    return self.finish();
                }
                self.phase = Phase::Draining {
                    until: (now + DRAIN_LOOK).min(at_most),
                    at_most,
                };
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn checked(&mut self, now: SystemTime, outcome: Outcome) -> Vec<Action> {
        let Phase::Checking { since } = self.phase else {
            return Vec::new();
        };
        let interval = self.wish.check.interval;
        let never_judged = self.health.state == TargetState::Initial;
        let pause = if never_judged && outcome == Outcome::Refused {
            interval.min(REFUSED_RETRY)
        } else {
            interval
        };
        self.phase = Phase::Waiting {
            check_at: (since + pause).max(now),
        };
        match outcome {
            Outcome::Passed => self.passed(),
            Outcome::Refused if never_judged && self.count_failures_from.is_some_and(|from| since < from) => Vec::new(),
            _ => {
                self.count_failures_from = Some(since + interval);
                self.failed(outcome)
            }
        }
    }

    /// "After your target is registered, it must pass one health check to be considered healthy."
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
    fn passed(&mut self) -> Vec<Action> {
        self.failures = 0;
        self.passes = self.passes.saturating_add(1);
        match self.health.state {
            TargetState::Initial => self.become_(Health::HEALTHY),
            TargetState::Unhealthy if self.passes >= self.wish.check.healthy_threshold => self.become_(Health::HEALTHY),
            _ => Vec::new(),
        }
    }

    fn failed(&mut self, outcome: Outcome) -> Vec<Action> {
        self.passes = 0;
        self.failures = self.failures.saturating_add(1);
        let already = self.health.state == TargetState::Unhealthy;
        if !already && self.failures < self.wish.check.unhealthy_threshold {
            return Vec::new();
        }
        let reason = match outcome {
            Outcome::Mismatch(code) => Reason::ResponseCodeMismatch(code),
            Outcome::TimedOut => Reason::Timeout,
            Outcome::Passed | Outcome::Refused | Outcome::Failed => Reason::FailedHealthChecks,
        };
        self.become_(Health::new(TargetState::Unhealthy, reason))
    }

    fn become_(&mut self, health: Health) -> Vec<Action> {
        if self.health == health {
            return Vec::new();
        }
        self.health = health;
        vec![Action::Report(health)]
    }
}

#[cfg(test)]
mod tests;
