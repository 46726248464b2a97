//! The facts at a moment of an operation on a stack, for those who follow it.

use std::time::{Duration, SystemTime};

use stacks::Stage;

use crate::alarms::Alarm;
use crate::services::Service;
use crate::services::stopped::Group;
use crate::stack::events::{Event, is_cancelled};

/// The type that CloudFormation gives to a stack's own events.
pub(crate) const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// The facts at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct View {
    /// The stack's name.
    pub(crate) stack: String,
    /// Its newest status; none before the operation's first event.
    pub(crate) status: Option<String>,
    /// Since when it has that.
    pub(crate) status_since: Option<SystemTime>,
    /// When the operation began.
    pub(crate) began: Option<SystemTime>,
    /// How many resources it is about, where that is known.
    pub(crate) total: Option<usize>,
    /// Its resources, in the order of their start.
    pub(crate) resources: Vec<Step>,
    /// The services that it changes.
    pub(crate) services: Vec<ServiceView>,
    /// The stages side by side; empty where there are none yet.
    pub(crate) sides: Vec<Side>,
    /// Since when AWS gives no answer; none where it does.
    pub(crate) silent_since: Option<SystemTime>,
}

/// What is done to a resource, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The name in the template.
    pub(crate) logical_id: String,
    /// The type, `AWS::ECS::Service`.
    pub(crate) resource_type: String,
    /// What is done.
    pub(crate) doing: Doing,
    /// What for.
    pub(crate) turn: Turn,
    /// How far it is.
    pub(crate) state: State,
    /// AWS's words for that.
    pub(crate) reason: Option<String>,
    /// The status, `UPDATE_IN_PROGRESS`.
    pub(crate) status: String,
    /// When it began.
    pub(crate) began: SystemTime,
    /// When it came into its state.
    pub(crate) since: SystemTime,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Create,
    Update,
    Delete,
    Import,
}

/// What something is done for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It was asked for.
    Asked,
    /// Something failed, and what was before comes back.
    Back,
    /// All is done, and what was replaced goes.
    CleanUp,
}

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    GoingOn,
    Done,
    /// It is left as it is, because its policy says so.
    Kept,
    Failed,
    /// It was given up because something else failed.
    Cancelled,
}

/// A service that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceView {
    /// The name in the template.
    pub(crate) logical_id: String,
    /// What ECS says of it.
    pub(crate) service: Service,
    /// The tasks that stopped since the operation began.
    pub(crate) stopped: Vec<Group>,
    /// The alarms that watch its deployment.
    pub(crate) alarms: Vec<Alarm>,
}

/// What is known of a stage beside its service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// Which one.
    pub(crate) stage: Stage,
    /// Whether it is the one that changes.
    pub(crate) changes: bool,
    /// Its part of the listener's weights, in per cent.
    pub(crate) weight: Option<f64>,
    /// The requests that the load balancer has counted since the operation began.
    pub(crate) requests: Option<u64>,
    /// The probes that went to it, and how many of them failed; none where none go there.
    pub(crate) probes: Option<(u64, u64)>,
    /// Whether its new tasks are watched, and until when.
    pub(crate) bake: Bake,
}

/// Whether a deployment's new tasks serve alone while its alarms still watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bake {
    /// They don't.
    #[default]
    No,
    /// Until about then.
    Until(SystemTime),
    /// Until nobody knows when.
    Unknown,
}

impl View {
    /// What an operation's events tell, the oldest first.
    pub(crate) fn of_events(stack: &str, events: &[Event]) -> Self {
        let mut view = Self {
            stack: stack.to_owned(),
            ..Self::default()
        };
        for event in events {
            view.began = Some(view.began.unwrap_or(event.time));
            if event.resource_type == STACK_TYPE && event.logical_id == stack {
                view.status = Some(event.status.clone());
                view.status_since = Some(event.time);
            } else {
                view.take(event);
            }
        }
        view
    }

    /// The same with the stages side by side: while the stack goes back, nothing bakes.
    pub(crate) fn with_sides(mut self, sides: Vec<Side>) -> Self {
        let goes_back = self.status.as_deref().is_some_and(|status| status.contains("ROLLBACK"));
        self.sides = sides;
        for side in self.sides.iter_mut().filter(|_| goes_back) {
            side.bake = Bake::No;
        }
        self
    }

    fn take(&mut self, event: &Event) {
        let Some((doing, state)) = read(event) else { return };
        let turn = turn(self.status.as_deref());
        let same = |step: &&mut Step| {
            (step.logical_id.as_str(), step.doing) == (&event.logical_id, doing)
                // What fails is reported when the stack may already have begun to roll back.
                && (step.turn == turn || step.state == State::GoingOn)
        };
        if let Some(step) = self.resources.iter_mut().rev().find(same) {
            if step.state == State::GoingOn || state != State::GoingOn {
                if state != step.state {
                    step.since = event.time;
                }
                step.state = state;
                step.reason.clone_from(&event.reason);
                step.status.clone_from(&event.status);
            }
            return;
        }
        self.resources.push(Step {
            logical_id: event.logical_id.clone(),
            resource_type: event.resource_type.clone(),
            doing,
            turn,
            state,
            reason: event.reason.clone(),
            status: event.status.clone(),
            began: event.time,
            since: event.time,
        });
    }

    /// How long the operation has gone on.
    pub(crate) fn elapsed(&self, now: SystemTime) -> Duration {
        self.began
            .map(|began| now.duration_since(began).unwrap_or_default())
            .unwrap_or_default()
    }

    /// The stage that changes; none where nobody watches the stages, as while there are none or the infrastructure changes.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.sides.iter().find(|side| side.changes).map(|side| side.stage)
    }

    /// What goes on now.
    pub(crate) fn going_on(&self) -> impl Iterator<Item = &Step> {
        self.resources.iter().filter(|step| step.state == State::GoingOn)
    }
}

impl Step {
    /// How long it took, or has taken by now.
    pub(crate) fn took(&self, now: SystemTime) -> Duration {
        let until = if self.state == State::GoingOn { now } else { self.since };
        until.duration_since(self.began).unwrap_or_default()
    }

    /// Whether it is a service of ECS.
    pub(crate) fn is_service(&self) -> bool {
        self.resource_type == "AWS::ECS::Service"
    }
}

/// What an event says is done to a resource, and how far it is; none where its status is no such thing.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>
fn read(event: &Event) -> Option<(Doing, State)> {
    let (doing, state) = event.status.split_once('_')?;
    let doing = match doing {
        "CREATE" => Doing::Create,
        "UPDATE" => Doing::Update,
        "DELETE" => Doing::Delete,
        "IMPORT" => Doing::Import,
        _ => return None,
    };
    let state = match state {
        "COMPLETE" | "ROLLBACK_COMPLETE" => State::Done,
        "SKIPPED" => State::Kept,
        "FAILED" | "ROLLBACK_FAILED" if is_cancelled(event) => State::Cancelled,
        "FAILED" | "ROLLBACK_FAILED" => State::Failed,
        _ => State::GoingOn,
    };
    Some((doing, state))
}

fn turn(stack_status: Option<&str>) -> Turn {
    match stack_status {
        Some(status) if status.contains("CLEANUP") => Turn::CleanUp,
        Some(status) if status.contains("ROLLBACK") => Turn::Back,
        _ => Turn::Asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telling::tests::event;

    fn steps(events: &[(u64, &str, &str, &str)]) -> Vec<String> {
        let events: Vec<Event> = events
            .iter()
            .map(|(seconds, name, status, reason)| event(*seconds, name, status, reason))
            .collect();
        let step = |step: &Step| {
            let (doing, turn, state) = (step.doing, step.turn, step.state);
            let seconds = step.since.duration_since(step.began).unwrap().as_secs();
            format!("{} {doing:?} {turn:?} {state:?} {seconds} s", step.logical_id)
        };
        View::of_events("Example", &events).resources.iter().map(step).collect()
    }

    #[test]
    fn a_resource_that_is_replaced_goes_in_the_clean_up() {
        let steps = steps(&[
            (1, "Example", "UPDATE_IN_PROGRESS", "User Initiated"),
            (
                1,
                "Task",
                "UPDATE_IN_PROGRESS",
                "Requested update requires the creation of a new physical resource",
            ),
            (2, "Task", "UPDATE_IN_PROGRESS", "Resource creation Initiated"),
            (3, "Task", "UPDATE_COMPLETE", ""),
            (4, "Example", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
            (4, "Task", "DELETE_IN_PROGRESS", ""),
            (6, "Task", "DELETE_COMPLETE", ""),
            (6, "Example", "UPDATE_COMPLETE", ""),
        ]);
        assert_eq!(steps, ["Task Update Asked Done 2 s", "Task Delete CleanUp Done 2 s"]);
    }

    #[test]
    fn a_failure_and_the_way_back_are_two_steps() {
        let steps = steps(&[
            (1, "Example", "UPDATE_IN_PROGRESS", ""),
            (1, "Onebox", "UPDATE_IN_PROGRESS", ""),
            (1, "Alarm", "UPDATE_IN_PROGRESS", ""),
            (5, "Onebox", "UPDATE_FAILED", "no"),
            (5, "Example", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
            (5, "Alarm", "UPDATE_FAILED", "Resource update cancelled"),
            (6, "Onebox", "UPDATE_IN_PROGRESS", ""),
            (9, "Onebox", "UPDATE_COMPLETE", ""),
        ]);
        let expected = [
            "Onebox Update Asked Failed 4 s",
            "Alarm Update Asked Cancelled 4 s",
            "Onebox Update Back Done 3 s",
        ];
        assert_eq!(steps, expected);
    }
}
