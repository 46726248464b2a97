//! A stage while a change meets it: when the new tasks begin to serve alone, and probes all the while.
//!
//! While Onebox changes, as many probes go to Fleet: what the same client saw of Fleet in the same minutes is what Onebox
//! is held against, even where nobody else asks for anything. While Fleet changes, they go to Fleet alone, so that its
//! alarms have something to go by.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, SystemTime};

use deployment::evidence::ProbeLog;
use stacks::Stage;

use super::place::Places;
use super::sides::SideBySide;
use crate::aws::Aws;
use crate::context::Context;
use crate::services::phase::Phase;
use crate::stack::Stack;
use crate::stack::follow::pause;
use crate::telling::note::Note;
use crate::traffic::probes::{Probes, ServerClock};

/// What was seen of a stage while a change met it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    /// Since when the new tasks serve alone; none where that wasn't seen.
    pub(super) alone_since: Option<SystemTime>,
    /// The probes to each stage; empty if there were none.
    pub(super) probes: Vec<(Stage, ProbeLog)>,
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
        probes: None,
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
    probes: Option<Probes>,
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
            if self.start.probes && self.start.phase.has_begun() && self.probes.is_none() {
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

    /// Sends probes from now on, and says so if an earlier command began the change.
    fn probe(&mut self) {
        let probed: &[Stage] = match self.stage {
            Stage::Onebox => &[Stage::Onebox, Stage::Fleet],
            Stage::Fleet => &[Stage::Fleet],
        };
        let stages: Vec<_> = probed.iter().copied().map(evidence_stage).collect();
        let clock = ServerClock::new(SystemTime::now().into());
        self.probes = Probes::start(&self.places.endpoint, &stages, clock).ok();
        if let Some(because) = self.start.because.take() {
            self.context.tell(Note::probing(probed, &because));
        }
    }

    /// The probes so far, and how many of them failed.
    fn probed(&self) -> Vec<(Stage, (u64, u64))> {
        let logs = self.probes.as_ref().map(Probes::snapshot).unwrap_or_default();
        let counts = |stage: Stage| {
            let errors = logs.get(&evidence_stage(stage))?.total().errors;
            Some((stage, (errors.requests, errors.errors)))
        };
        [Stage::Onebox, Stage::Fleet].into_iter().filter_map(counts).collect()
    }

    /// Ends the probes and says what they found.
    async fn end(self) -> Seen {
        let mut logs = match self.probes {
            Some(probes) => probes.end().await,
            None => BTreeMap::new(),
        };
        let mut probes = Vec::new();
        for stage in [Stage::Onebox, Stage::Fleet] {
            if let Some(log) = logs.remove(&evidence_stage(stage)) {
                self.context.tell(Note::probes(stage, &log));
                probes.push((stage, log));
            }
        }
        Seen {
            alone_since: self.start.phase.alone_since(),
            probes,
        }
    }
}

/// A stage, as the analysis names it.
pub(super) fn evidence_stage(stage: Stage) -> deployment::stage::Stage {
    match stage {
        Stage::Onebox => deployment::stage::Stage::Onebox,
        Stage::Fleet => deployment::stage::Stage::Fleet,
    }
}
