//! The course of a build: begun for a pipeline's action, reported of, ended, forgotten.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::{Build, Order, Phase, Report, Status, resources};
use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;

/// How many ended builds are kept. AWS keeps them for a year.
const BUILDS_KEPT: usize = 100;

/// What a build ends with that ran while the local cloud was killed: its processes are ended when the next one starts,
/// since nobody knows any more what they did meanwhile. The action fails, and a retry of its stage runs it anew.
const INTERRUPTED: &str = "the local cloud ended while this build ran, and the build with it; retry the stage";

impl Cloud {
    /// Begins a build for a pipeline's action and gives its id.
    ///
    /// # Errors
    /// When there is no such project.
    pub(crate) fn start_build(&mut self, now: SystemTime, project: &str, order: Order) -> Result<String, String> {
        let Some(properties) = self
            .code
            .projects
            .get(project)
            .map(|project| project.properties.clone())
        else {
            return Err(format!("project {project} does not exist"));
        };
        let number = self.code.build_numbers.entry(project.to_owned()).or_default();
        *number += 1;
        let id = format!("{project}:{}", self.ids.uuid());
        let mut build = Build {
            number: *number,
            project: project.to_owned(),
            status: Status::InProgress,
            phases: Vec::new(),
            started_at: now,
            ended_at: None,
            deadline: now + resources::timeout(&properties),
            ending_as: None,
            properties,
            order,
            exported: BTreeMap::new(),
        };
        for phase in [Phase::Submitted, Phase::Queued] {
            build.enter(now, phase);
            build.leave(now, Status::Succeeded, None);
        }
        let (group, _) = resources::log_of(&id, &build);
        self.ensure_log_group(now, &group);
        self.code.builds.insert(id.clone(), build);
        self.effects
            .push(Effect::Code(CodeEffect::StartBuild { build: id.clone() }));
        Ok(id)
    }

    /// Asks for a build's end, which is told once its processes are gone.
    pub(crate) fn stop_build(&mut self, id: &str, as_what: Status) {
        if let Some(build) = self
            .code
            .builds
            .get_mut(id)
            .filter(|build| build.status == Status::InProgress)
        {
            build.ending_as.get_or_insert(as_what);
            self.effects
                .push(Effect::Code(CodeEffect::StopBuild { build: id.to_owned() }));
        }
    }

    /// Takes in how far a build has come.
    pub(crate) fn build_reported(&mut self, now: SystemTime, id: &str, report: Report) {
        let Some(build) = self
            .code
            .builds
            .get_mut(id)
            .filter(|build| build.status == Status::InProgress)
        else {
            return;
        };
        match report {
            Report::Began(phase) => build.enter(now, phase),
            Report::Ended(_, Ok(())) => build.leave(now, Status::Succeeded, None),
            Report::Ended(_, Err(context)) => {
                let status = build.ending_as.unwrap_or(Status::Failed);
                build.leave(now, status, Some(context));
            }
            Report::Tested { group, cases } => self.add_report(now, id, &group, cases),
            Report::Over { status, exported } => {
                build.exported = exported;
                self.end_build(now, id, status);
            }
        }
    }

    fn end_build(&mut self, now: SystemTime, id: &str, status: Status) {
        let Some(build) = self.code.builds.get_mut(id) else {
            return;
        };
        let asked = build.ending_as.filter(|_| status != Status::Succeeded);
        build.status = asked.unwrap_or(status);
        build.leave(now, build.status, None);
        build.enter(now, Phase::Completed);
        build.leave(now, Status::Succeeded, None);
        build.ended_at = Some(now);
        let build = build.clone();
        let outcome = match build.status {
            Status::Succeeded => Ok(build.exported.clone()),
            _ => Err(build.failure()),
        };
        self.action_ended(now, &build.order.pipeline, &build.order.action_id, outcome);
        self.forget_builds();
    }

    fn forget_builds(&mut self) {
        let ended = self
            .code
            .builds
            .iter()
            .filter_map(|(id, build)| Some((build.ended_at?, id.clone())));
        let mut ended = ended.collect::<Vec<_>>();
        ended.sort();
        let surplus = ended.len().saturating_sub(BUILDS_KEPT);
        for (_, id) in ended.into_iter().take(surplus) {
            self.code.builds.remove(&id);
        }
    }

    /// After a restart: those that had not begun begin, and those that had are over.
    pub(crate) fn give_up_builds(&mut self, now: SystemTime) {
        let running = self
            .code
            .builds
            .iter()
            .filter(|(_, build)| build.status == Status::InProgress);
        let running = running.map(|(id, build)| (id.clone(), build.phases.len() > 2, build.ending_as.is_some()));
        for (id, begun, ending) in running.collect::<Vec<_>>() {
            if begun || ending {
                if let Some(build) = self.code.builds.get_mut(&id) {
                    let context = ("INTERNAL_SERVICE_ERROR".to_owned(), INTERRUPTED.to_owned());
                    if build.phases.last().is_some_and(|last| last.ended_at.is_some()) {
                        build.enter(now, Phase::Finalizing);
                    }
                    build.leave(now, Status::Fault, Some(context));
                }
                self.end_build(now, &id, Status::Fault);
            } else {
                self.effects.push(Effect::Code(CodeEffect::StartBuild { build: id }));
            }
        }
    }

    /// Ends the builds whose time is up; true when there is one.
    pub(crate) fn builds_tick(&mut self, now: SystemTime) -> bool {
        let late = self.code.builds.iter().filter(|(_, build)| {
            build.status == Status::InProgress && build.ending_as.is_none() && build.deadline <= now
        });
        let late = late.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        for id in &late {
            self.stop_build(id, Status::TimedOut);
        }
        !late.is_empty()
    }

    /// When the next build's time is up.
    pub(crate) fn builds_deadline(&self) -> Option<SystemTime> {
        let running = self
            .code
            .builds
            .values()
            .filter(|build| build.status == Status::InProgress && build.ending_as.is_none());
        running.map(|build| build.deadline).min()
    }
}
