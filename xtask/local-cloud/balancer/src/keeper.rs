//! Keeps one target: performs what its state machine decides.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::{Instant, sleep_until},
};

use crate::{
    checker,
    group::{Group, Newcomer},
    health::{Action, Event, Machine, Outcome, Wish},
    limits,
    report::{self, Health},
    target::Target,
};

/// The wall clock as it stood at the start, moved on by the clock that timers follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: SystemTime,
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            wall: SystemTime::now(),
            origin: Instant::now(),
        }
    }

    fn now(self) -> SystemTime {
        self.wall + self.origin.elapsed()
    }

    fn instant(self, time: SystemTime) -> Instant {
        self.origin + time.duration_since(self.wall).unwrap_or_default()
    }
}

type Check = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub(crate) struct Keeper {
    group: Arc<Group>,
    target: Arc<Target>,
    wish: watch::Receiver<Wish>,
    events: UnboundedSender<report::Event>,
    clock: Clock,
    check: Option<Check>,
}

impl Keeper {
    pub(crate) fn new(
        group: Arc<Group>,
        newcomer: Newcomer,
        events: UnboundedSender<report::Event>,
        clock: Clock,
    ) -> Self {
        Self {
            group,
            target: newcomer.target,
            wish: newcomer.wish,
            events,
            clock,
            check: None,
        }
    }

    /// Runs until the target is deregistered and drained.
    pub(crate) async fn run(mut self) {
        let wish = self.wish.borrow_and_update().clone();
        let (mut machine, mut actions) = Machine::new(self.clock.now(), wish);
        loop {
            for action in actions {
                if self.perform(action) {
                    return;
                }
            }
            let Some(event) = self.next(machine.wake_at()).await else {
                return;
            };
            actions = machine.step(self.clock.now(), event);
        }
    }

    async fn next(&mut self, wake_at: Option<SystemTime>) -> Option<Event> {
        let sweep_at = Instant::now() + limits::SWEEP_INTERVAL;
        let wake_at = wake_at.map_or(sweep_at, |time| self.clock.instant(time).min(sweep_at));
        tokio::select! {
            biased;
            changed = self.wish.changed() => {
                changed.ok()?;
                Some(Event::Wanted(self.wish.borrow_and_update().clone()))
            }
            outcome = running(&mut self.check) => {
                self.check = None;
                Some(Event::Checked(outcome))
            }
            () = sleep_until(wake_at) => {
                self.target.pool.sweep(limits::TARGET_IDLE);
                let busy = self.target.outstanding.load(Ordering::Relaxed) > 0;
                Some(Event::Tick { busy })
            }
        }
    }

    /// Performs an action; true when the keeper's work is done.
    fn perform(&mut self, action: Action) -> bool {
        match action {
            Action::Report(health) => self.report(health),
            Action::Check => self.check = Some(self.start_check()),
            Action::AbandonCheck => self.check = None,
            Action::CloseConnections => self.target.pool.close_all(),
            Action::Finish(health) => {
                let forgotten = self.group.forget(&self.target, &self.wish);
                self.report(health);
                return forgotten;
            }
        }
        false
    }

    /// Routing follows first, so that whoever hears of the change finds it done.
    fn report(&self, health: Health) {
        self.target.set_health(health);
        self.group.changed();
        // Nobody listening any more is no reason to stop balancing.
        let _ = self.events.send(report::Event::TargetHealth(self.target.report()));
    }

    fn start_check(&self) -> Check {
        let settings = self.wish.borrow().check.clone();
        let address = self.target.address;
        Box::pin(async move { checker::check(address, &settings).await })
    }
}

async fn running(check: &mut Option<Check>) -> Outcome {
    match check {
        Some(check) => check.await,
        None => std::future::pending().await,
    }
}
