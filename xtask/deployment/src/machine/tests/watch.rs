//! What the driver learns of the world: the real gate, early decision and analysis over its metrics and probes.

use std::collections::BTreeSet;

use super::world::{SERVICES, World, at};
use crate::evidence::early::early;
use crate::evidence::gate::{Counts, Decision, Facts, Gate};
use crate::evidence::{Comparison, Evidence, ProbeFailure, Rules, Ruling as Found, Span, judge};
use crate::machine::{self, Observation, Probes, Ruling, Script, Tasks};
use crate::stage::Stage;

/// A step that is watched, or the tasks alone.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) step: Option<usize>,
    affected: BTreeSet<Stage>,
    /// The services that the step deploys.
    deploys: BTreeSet<Stage>,
    began: u64,
    updated: Option<u64>,
    evidence: Evidence,
    gate: Gate,
    accepted: bool,
}

impl Watch {
    pub(super) fn new(world: &World, script: &Script, step: Option<usize>, accepted: bool) -> Self {
        let stage = step.map(|step| script.steps[step].stage);
        let affected: BTreeSet<Stage> = match stage {
            None | Some(Stage::Shared) => SERVICES.into(),
            Some(stage) => [stage].into(),
        };
        let comparison = match stage {
            Some(Stage::Onebox) => Comparison::OneboxWithFleet,
            Some(stage) => Comparison::WithItself([stage].into()),
            None => Comparison::FirstDeployment,
        };
        let began = world.now;
        Self {
            step,
            affected,
            deploys: stage.filter(|stage| *stage != Stage::Shared).into_iter().collect(),
            began,
            updated: None,
            evidence: Evidence {
                before: Some(Span {
                    from: at(began - 600),
                    to: at(began),
                }),
                ..Evidence::new(comparison, at(began), World::MINUTE)
            },
            gate: Gate::default(),
            accepted,
        }
    }

    pub(super) fn updated(&mut self, world: &World) {
        self.updated = Some(world.now);
    }

    /// Records the probes of the last second.
    pub(super) fn record(&mut self, world: &World) {
        let sent = at(world.now - 1);
        let [onebox, fleet] = world.probed;
        let evidence = &mut self.evidence;
        let logs = [
            (onebox, &mut evidence.onebox.probes),
            (fleet, &mut evidence.fleet.probes),
            (fleet, &mut evidence.shared_probes),
        ];
        for ((succeeded, failed), log) in logs {
            for _ in 0..succeeded {
                log.record(sent, Ok(()));
            }
            for _ in 0..failed {
                log.record(sent, Err(ProbeFailure::Status(500)));
            }
        }
    }

    /// Since when the new tasks serve alone, as far as this process saw it.
    fn since(&self, world: &World) -> Option<u64> {
        let updated = self.updated?;
        let alone = self
            .deploys
            .iter()
            .map(|stage| world.alone_since(*stage).unwrap_or(updated));
        Some(alone.max().unwrap_or(updated).max(self.began))
    }

    pub(super) fn look(&mut self, world: &World) -> Observation {
        let rules = Rules::default();
        let since = self.since(world);
        self.evidence.now = at(world.now);
        self.evidence.since = at(since.unwrap_or(self.began));
        self.evidence.network.record(at(world.now), true);
        self.evidence.onebox.metrics = world.metrics(Stage::Onebox);
        self.evidence.fleet.metrics = world.metrics(Stage::Fleet);
        let red = self.affected.iter().filter(|stage| world.is_red(**stage));
        let red = red.map(|stage| format!("{stage}-ServerErrors")).collect();
        let failing = self.step.and_then(|_| early(&rules, &self.evidence));
        let gate = self.look_at_gate(&rules, since);
        let ruling = match gate {
            machine::Gate::Open => self.rule(&rules),
            _ => Ruling::Thin(Vec::new()),
        };
        Observation {
            step: self.step,
            red,
            probes: failing.map_or(Probes::Undecided, |verdict| Probes::Failing(verdict.reasons)),
            tasks: self.tasks(world),
            gate,
            ruling,
        }
    }

    fn tasks(&self, world: &World) -> Tasks {
        let settling = self.affected.iter().find(|stage| world.alone_since(**stage).is_none());
        settling.map_or(Tasks::Settled, |stage| {
            Tasks::Settling(format!("{stage}: tasks are being replaced"))
        })
    }

    fn look_at_gate(&mut self, rules: &Rules, since: Option<u64>) -> machine::Gate {
        let Some(since) = since.filter(|_| self.step.is_some()) else {
            return machine::Gate::Wait("waiting for the update to end".to_owned());
        };
        let counts = |stage: &Stage| {
            let metrics = match stage {
                Stage::Fleet => &self.evidence.fleet.metrics,
                _ => &self.evidence.onebox.metrics,
            };
            let counts = Counts {
                healthy: metrics.healthy.clone(),
                requests: metrics.requests.clone(),
            };
            (*stage, counts)
        };
        let facts = Facts {
            now: self.evidence.now,
            since: at(since),
            minute: World::MINUTE,
            minutes_to_notice: 1,
            stages: self.affected.iter().map(counts).collect(),
            red: Vec::new(),
            accepted: self.accepted,
        };
        match self.gate.look(rules, &facts) {
            Decision::Open | Decision::Red(_) => machine::Gate::Open,
            Decision::Wait(wait) => machine::Gate::Wait(wait.reason),
            Decision::NoData { reason } => machine::Gate::NoData(reason),
        }
    }

    fn rule(&self, rules: &Rules) -> Ruling {
        let verdict = judge(rules, &self.evidence);
        match verdict.ruling {
            Found::Good => Ruling::Good,
            Found::NotJudged => Ruling::NotNeeded,
            Found::Thin => Ruling::Thin(verdict.reasons),
            Found::Worse => Ruling::Worse(verdict.reasons),
        }
    }
}
