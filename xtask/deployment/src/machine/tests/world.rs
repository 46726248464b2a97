//! A small world, second by second: a stack, two services, the load balancer's metrics, alarms, and what can go wrong.

use std::collections::BTreeMap;

use super::scripts::{content, is_new, is_protected};
use crate::evidence::{Minute, Point, Series, ServerTime, probe_rate};
use crate::machine::{StackUpdate, UpdateEnd, UpdateId};
use crate::stage::Stage;

/// When a run begins, in seconds: not at the full minute.
pub(super) const BEGIN: u64 = 1_000_017;

/// Seconds that new tasks take to receive requests, and to serve alone.
const STARTED: u64 = 60;
const ALONE: u64 = 120;

/// Seconds of the bake time.
const BAKE: u64 = 600;

/// Seconds that CloudFormation takes to change what ECS doesn't deploy, to clean up, and to restore.
const CHANGE: u64 = 10;
const CLEANUP: u64 = 20;
const RESTORE: u64 = 90;

/// Half of the probes, every ten seconds: there are fewer seconds to compare.
const PROBING: u64 = 10;

/// The services, in order.
pub(super) const SERVICES: [Stage; 2] = [Stage::Onebox, Stage::Fleet];

pub(super) fn at(second: u64) -> ServerTime {
    ServerTime::from_seconds(second)
}

pub(super) fn index(stage: Stage) -> usize {
    usize::from(stage == Stage::Fleet)
}

/// What a service with a fault does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fault {
    /// The stage that shows it once it is on the new version; what is shared shows it on both.
    pub(super) stage: Stage,
    /// The share of the customers' requests that fail.
    pub(super) customers: f64,
    /// The share of the probes that fail.
    pub(super) probes: f64,
    /// Seconds from the new tasks serving alone until it shows.
    pub(super) after: u64,
}

/// How the world behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Conditions {
    /// Minutes from the end of a minute until CloudWatch shows it.
    pub(super) lag: u64,
    /// Whether ECS watches the alarms until the bake time is over.
    pub(super) is_bake_honoured: bool,
    /// The second of a minute at which alarms are evaluated.
    pub(super) evaluation: u64,
    pub(super) fault: Option<Fault>,
    /// Customers' requests a second to each service.
    pub(super) customers: [u32; 2],
    /// The stage whose new tasks don't start.
    pub(super) no_start: Option<Stage>,
    /// The stage without `HealthyHostCount` once it is on the new version.
    pub(super) no_metrics: Option<Stage>,
    /// Whether CloudFormation fails to restore.
    pub(super) restoring_fails: bool,
    /// The update that CloudFormation refuses to start.
    pub(super) refused: Option<UpdateId>,
    /// The update with a change that the plan doesn't contain.
    pub(super) unplanned: Option<UpdateId>,
    /// The update before which somebody else changes the stack.
    pub(super) overtaken: Option<UpdateId>,
    /// The update whose change set is empty.
    pub(super) empty: Option<UpdateId>,
}

impl Conditions {
    /// Traffic, and nothing goes wrong.
    pub(super) const DEFAULT: Self = Self {
        lag: 2,
        is_bake_honoured: true,
        evaluation: 30,
        fault: None,
        customers: [10, 990],
        no_start: None,
        no_metrics: None,
        restoring_fails: false,
        refused: None,
        unplanned: None,
        overtaken: None,
        empty: None,
    };
}

/// An ECS service.
#[derive(Debug, Clone, Copy, Default)]
struct Service {
    /// Whether it runs, or is on its way to, the new version.
    is_new: bool,
    /// When its newest deployment started. `None` if there was none.
    started: Option<u64>,
}

/// What CloudFormation does.
#[derive(Debug, Clone, PartialEq)]
enum Operation {
    /// Changes the rest, then deploys these services one after the other, or all at once.
    Updating {
        waiting: Vec<Stage>,
        deploying: Vec<Stage>,
        since: u64,
        /// When everything is changed. It can't be cancelled any more.
        cleanup: Option<u64>,
    },
    /// Restores what was there before.
    Restoring { until: u64, end: UpdateEnd },
}

/// Requests of a service in a minute.
#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    all: u32,
    failed: u32,
    /// Whether the hosts are counted.
    is_counted: bool,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) conditions: Conditions,
    /// What the stack has, or will have once the update is complete.
    pub(super) installed: StackUpdate,
    before: StackUpdate,
    services: [Service; 2],
    operation: Option<Operation>,
    /// The newest update that was started, and how it ended.
    pub(super) newest: Option<UpdateId>,
    pub(super) ended: Option<UpdateEnd>,
    minutes: [BTreeMap<u64, Requests>; 2],
    /// Fractions of failures to come: of the customers and of the probes of each service.
    fractions: [f64; 4],
    red: [bool; 2],
    /// When an alarm fired first, and when anything reacted first.
    pub(super) fired: Option<u64>,
    pub(super) reacted: Option<u64>,
    /// Whether probes are sent.
    pub(super) is_probing: bool,
    /// The last second's probes to each service: those that succeeded and those that failed.
    pub(super) probed: [(u32, u32); 2],
    /// Whether a stage ever ran the new version.
    pub(super) was_new: [bool; 2],
}

impl World {
    /// A stack that runs the old version, under traffic for a quarter of an hour.
    pub(super) fn new(conditions: Conditions) -> Self {
        let mut world = Self {
            now: BEGIN - 900,
            conditions,
            installed: content(&[], true),
            before: content(&[], true),
            services: [Service::default(); 2],
            operation: None,
            newest: None,
            ended: None,
            minutes: [BTreeMap::new(), BTreeMap::new()],
            fractions: [0.0; 4],
            red: [false; 2],
            fired: None,
            reacted: None,
            is_probing: false,
            probed: [(0, 0); 2],
            was_new: [false; 2],
        };
        while world.now < BEGIN {
            world.tick();
        }
        world
    }

    /// A stack that has been changed already.
    pub(super) fn with(conditions: Conditions, installed: &StackUpdate) -> Self {
        let mut world = Self::new(Conditions {
            fault: None,
            ..conditions
        });
        world.conditions = conditions;
        world.installed.clone_from(installed);
        for stage in SERVICES {
            world.services[index(stage)] = Service {
                is_new: is_new(installed, stage),
                started: Some(world.now),
            };
        }
        for _ in 0..1_200 {
            world.tick();
        }
        world
    }

    pub(super) fn is_idle(&self) -> bool {
        self.operation.is_none()
    }

    pub(super) fn is_new(&self, stage: Stage) -> bool {
        match stage {
            Stage::Shared => is_new(&self.installed, stage),
            Stage::Onebox | Stage::Fleet => self.services[index(stage)].is_new,
        }
    }

    /// Since when a service's tasks are all of its newest deployment. `None` while they aren't.
    pub(super) fn alone_since(&self, stage: Stage) -> Option<u64> {
        let alone = self.services[index(stage)].started.map_or(0, |started| started + ALONE);
        (alone <= self.now && !self.fails_to_start(stage)).then_some(alone)
    }

    fn fails_to_start(&self, stage: Stage) -> bool {
        self.conditions.no_start == Some(stage) && self.services[index(stage)].is_new
    }

    /// Starts an update.
    pub(super) fn execute(&mut self, id: UpdateId, update: &StackUpdate) {
        let changes = |stage: &Stage| is_new(update, *stage) != is_new(&self.installed, *stage);
        let mut waiting: Vec<Stage> = SERVICES.into_iter().filter(changes).collect();
        // Fleet doesn't wait for Onebox on the way back.
        let deploying = if is_protected(update) {
            Vec::new()
        } else {
            std::mem::take(&mut waiting)
        };
        self.before.clone_from(&self.installed);
        self.installed = update.clone();
        self.newest = Some(id);
        self.ended = None;
        for stage in &deploying {
            self.deploy(*stage);
        }
        self.operation = Some(Operation::Updating {
            waiting,
            deploying,
            since: self.now,
            cleanup: None,
        });
    }

    /// Somebody else changes the stack.
    pub(super) fn overtake(&mut self) {
        self.installed.template = "{\"Description\": \"another\"}".to_owned();
    }

    /// Cancels the update. Refused once it only cleans up.
    pub(super) fn cancel(&mut self) {
        if let Some(Operation::Updating { cleanup: None, .. }) = self.operation {
            self.restore("cancelled");
        }
    }

    /// Continues to restore what was there before.
    pub(super) fn continue_rollback(&mut self) {
        self.ended = None;
        self.restore("continued");
    }

    fn deploy(&mut self, stage: Stage) {
        let is_new = is_new(&self.installed, stage);
        self.services[index(stage)] = Service {
            is_new,
            started: Some(self.now),
        };
        self.was_new[index(stage)] |= is_new;
    }

    fn restore(&mut self, why: &str) {
        self.reacted.get_or_insert(self.now);
        let end = if self.conditions.restoring_fails {
            UpdateEnd::RollbackFailed(format!("{why}; UPDATE_ROLLBACK_FAILED"))
        } else {
            self.installed.clone_from(&self.before);
            for stage in SERVICES {
                if self.services[index(stage)].is_new != is_new(&self.installed, stage) {
                    self.deploy(stage);
                }
            }
            UpdateEnd::RolledBack(why.to_owned())
        };
        self.operation = Some(Operation::Restoring {
            until: self.now + RESTORE,
            end,
        });
    }

    /// Lets a second pass.
    pub(super) fn tick(&mut self) {
        self.serve();
        self.now += 1;
        if self.now % 60 == self.conditions.evaluation {
            self.evaluate();
        }
        match self.operation.clone() {
            Some(Operation::Updating {
                waiting,
                deploying,
                since,
                cleanup,
            }) => self.update(waiting, deploying, since, cleanup),
            Some(Operation::Restoring { until, end }) if until <= self.now => {
                self.operation = None;
                self.ended = Some(end);
            }
            Some(Operation::Restoring { .. }) | None => {}
        }
    }

    fn update(&mut self, mut waiting: Vec<Stage>, mut deploying: Vec<Stage>, since: u64, mut cleanup: Option<u64>) {
        if let Some(why) = deploying.iter().find_map(|stage| self.fails(*stage)) {
            self.restore(&why);
            return;
        }
        deploying.retain(|stage| !self.is_deployed(*stage));
        if deploying.is_empty() && since + CHANGE <= self.now {
            if waiting.is_empty() {
                cleanup.get_or_insert(self.now);
            } else {
                let next = waiting.remove(0);
                self.deploy(next);
                deploying.push(next);
            }
        }
        if cleanup.is_some_and(|cleanup| cleanup + CLEANUP <= self.now) {
            self.operation = None;
            self.ended = Some(UpdateEnd::Complete);
            return;
        }
        self.operation = Some(Operation::Updating {
            waiting,
            deploying,
            since,
            cleanup,
        });
    }

    /// Why ECS gives a deployment up.
    fn fails(&self, stage: Stage) -> Option<String> {
        let started = self.services[index(stage)].started?;
        if self.fails_to_start(stage) && started + 300 <= self.now {
            return Some(format!("{stage}: tasks failed to start"));
        }
        (is_protected(&self.installed) && self.is_red(stage)).then(|| format!("{stage}: alarm detected"))
    }

    fn is_deployed(&self, stage: Stage) -> bool {
        let bakes = self.conditions.is_bake_honoured && is_protected(&self.installed);
        let bake = if bakes { BAKE } else { 15 };
        self.alone_since(stage).is_some_and(|alone| alone + bake <= self.now)
    }

    pub(super) fn is_red(&self, stage: Stage) -> bool {
        self.red[index(stage)]
    }

    /// The share of a second's requests to a service that fail, of the customers' and of the probes.
    fn failing(&self, stage: Stage) -> (f64, f64) {
        let Some(fault) = self.conditions.fault else {
            return (0.0, 0.0);
        };
        let service = self.services[index(stage)];
        let started = service.started.unwrap_or_default();
        let share = match fault.stage {
            Stage::Shared if is_new(&self.installed, Stage::Shared) => 1.0,
            of if of != stage || !service.is_new || self.now < started + STARTED || self.fails_to_start(stage) => 0.0,
            _ if self.now < started + ALONE => 0.5,
            _ => 1.0,
        };
        let shows = fault.stage == Stage::Shared || fault.after == 0 || started + ALONE + fault.after <= self.now;
        let share = if shows { share } else { 0.0 };
        (share * fault.customers, share * fault.probes)
    }

    /// Serves a second's requests.
    fn serve(&mut self) {
        for stage in SERVICES {
            let which = index(stage);
            let (customers, probes) = self.failing(stage);
            let received = self.conditions.customers[which];
            let is_due = self.is_probing && self.now.is_multiple_of(PROBING);
            let sent = whole(5.0 * probe_rate(60.0 * f64::from(received), stage)) * u32::from(is_due);
            let failed = [
                portion(&mut self.fractions[which], received, customers),
                portion(&mut self.fractions[2 + which], sent, probes),
            ];
            self.probed[which] = (sent - failed[1], failed[1]);
            let is_counted = self.conditions.no_metrics != Some(stage) || !self.services[which].is_new;
            let minute = self.minutes[which].entry(self.now / 60 * 60).or_default();
            minute.all += received + sent;
            minute.failed += failed[0] + failed[1];
            minute.is_counted = is_counted;
        }
    }

    fn published(&self, stage: Stage) -> impl DoubleEndedIterator<Item = (u64, Requests)> {
        let newest = self.now.saturating_sub(60 + self.conditions.lag * 60);
        let minutes = self.minutes[index(stage)].range(..=newest);
        minutes.map(|(start, requests)| (*start, *requests))
    }

    /// Three of the four newest minutes with more than 5 % failures, as the alarm for 5xx responses has it.
    fn evaluate(&mut self) {
        for stage in SERVICES {
            let newest = self.published(stage).rev().take(4);
            let breaching = newest.filter(|(_, requests)| requests.all >= 30 && 20 * requests.failed > requests.all);
            let is_red = breaching.count() >= 3;
            self.red[index(stage)] = is_red;
            if is_red {
                self.fired.get_or_insert(self.now);
            }
        }
    }

    /// A service's metrics, as far as they are published.
    pub(super) fn metrics(&self, stage: Stage) -> Series {
        let mut series = Series::default();
        for (start, requests) in self.published(stage) {
            let point = |value: f64| Point { at: at(start), value };
            series.requests.push(point(requests.all.into()));
            series
                .good_responses
                .push(point((requests.all - requests.failed).into()));
            series.server_errors.push(point(requests.failed.into()));
            if requests.all > 0 {
                series.latency.push(point(0.01));
            }
            if requests.is_counted {
                series.healthy.push(point(3.0));
                series.unhealthy.push(point(0.0));
            }
        }
        series
    }

    pub(super) const MINUTE: Minute = Minute::AWS;
}

/// So many of a number that over time they are a share.
fn portion(fraction: &mut f64, of: u32, share: f64) -> u32 {
    *fraction += f64::from(of) * share;
    let failed = whole(*fraction).min(of);
    *fraction -= f64::from(failed);
    failed
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred requests"
)]
fn whole(number: f64) -> u32 {
    number.max(0.0) as u32
}
