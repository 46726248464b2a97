//! A stage while a change meets it: when the new tasks begin to serve alone, and probes all the while.
//!
//! While Onebox changes, as many probes go to Fleet: what the same client saw of Fleet in the same minutes is what Onebox
//! is held against, even where nobody else asks for anything. While Fleet changes, they go to Fleet alone, so that its
//! alarms have something to go by.

use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, SystemTime};

use constants::judgement::{PROBES_AT_MOST, PROBES_PER_SECOND};
use stacks::Stage;

use super::place::Places;
use super::sides::SideBySide;
use crate::aws::Aws;
use crate::context::Context;
use crate::services::phase::Phase;
use crate::stack::Stack;
use crate::stack::follow::pause;
use crate::telling::note::Note;
use crate::traffic::{Counts, Pace, Plan, Traffic};

/// How many probes may wait for their answers at once: enough for the rate while answers take a few seconds.
const PROBES_AT_ONCE: usize = 64;

/// What was seen of a stage while a change met it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    /// Since when the new tasks serve alone; none where that wasn't seen.
    pub(super) alone_since: Option<SystemTime>,
    /// What came of the probes to each stage; empty where there were none.
    pub(super) probes: Vec<(Stage, Counts)>,
}

/// How the watching of a stage begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    /// Whether probes go to it.
    pub(super) probes: bool,
    /// How far the change is already.
    pub(super) phase: Phase,
    /// Why probes go to it though this command didn't begin the change; none where it did.
    pub(super) because: Option<String>,
}

impl Start {
    /// Of a change that this command makes.
    pub(super) fn of_change(probes: bool) -> Self {
        Self {
            probes,
            ..Self::default()
        }
    }

    /// Of a change that goes on already.
    pub(super) fn under_way(probes: bool, because: &str) -> Self {
        Self {
            probes,
            phase: Phase::under_way(),
            because: Some(because.to_owned()),
        }
    }
}

/// Does something to a stage and watches it meanwhile, with probes or without.
pub(super) async fn watching<T>(
    context: &Context,
    aws: &Aws,
    (stack, places, stage): (&Stack, &Places, Stage),
    start: Start,
    change: impl Future<Output = T>,
) -> (T, Seen) {
    let mut watch = Watch {
        context,
        aws,
        stack,
        places,
        stage,
        start,
        traffic: Vec::new(),
    };
    let done = tokio::select! {
        biased;
        done = change => done,
        never = watch.run() => match never {},
    };
    context.sides.see(Vec::new());
    (done, watch.end().await)
}

struct Watch<'a> {
    context: &'a Context,
    aws: &'a Aws,
    stack: &'a Stack,
    places: &'a Places,
    stage: Stage,
    start: Start,
    traffic: Vec<(Stage, Traffic)>,
}

impl Watch<'_> {
    /// Looks again and again. What can't be seen now may be seen later: the change itself tells of trouble.
    async fn run(&mut self) -> Infallible {
        let mut elapsed = Duration::ZERO;
        let mut side_by_side = SideBySide::of(self.aws, self.stack, self.places).await;
        loop {
            let place = self.places.of_stage(self.stage);
            let found = self.aws.services(&place.cluster, &[&place.service]).await;
            if let Some(service) = found.ok().and_then(|mut services| services.pop()) {
                self.start.phase.look(&service, SystemTime::now());
            }
            if self.start.probes && self.start.phase.has_begun() && self.traffic.is_empty() {
                self.probe();
            }
            side_by_side.look(self.aws, self.places).await;
            let sides = side_by_side.sides((self.stage, &self.start.phase), &self.probed());
            self.context.sides.see(sides);
            let pause = pause(self.aws, elapsed);
            tokio::time::sleep(pause).await;
            elapsed += pause;
        }
    }

    /// Sends probes from now on, and says so where that is taken up again.
    fn probe(&mut self) {
        let probed: &[Stage] = match self.stage {
            Stage::Onebox => &[Stage::Onebox, Stage::Fleet],
            Stage::Fleet => &[Stage::Fleet],
        };
        self.traffic = probed
            .iter()
            .copied()
            .filter_map(|stage| Some((stage, Traffic::start(self.plan(stage)).ok()?)))
            .collect();
        if let Some(because) = self.start.because.take() {
            self.context.tell(Note::probing(probed, &because));
        }
    }

    fn plan(&self, stage: Stage) -> Plan {
        Plan {
            endpoint: self.places.endpoint.clone(),
            stage: Some(stage.value().to_owned()),
            pace: Pace::Open {
                rate: f64::from(PROBES_PER_SECOND),
                clients: PROBES_AT_ONCE,
            },
            duration: None,
            at_most: PROBES_AT_MOST,
        }
    }

    /// The probes so far, and how many of them failed.
    fn probed(&self) -> Vec<(Stage, (u64, u64))> {
        let counts = |(stage, traffic): &(Stage, Traffic)| {
            let counts = traffic.counts();
            (*stage, (counts.total(), counts.failed()))
        };
        self.traffic.iter().map(counts).collect()
    }

    /// Ends the probes and says what came of them.
    async fn end(self) -> Seen {
        let mut probes = Vec::new();
        for (stage, traffic) in self.traffic {
            let counts = traffic.end().await;
            self.context.tell(Note::probes(stage, &counts));
            probes.push((stage, counts));
        }
        Seen {
            alone_since: self.start.phase.alone_since(),
            probes,
        }
    }
}
