//! The events of one operation: collected from pages in any order, and what they say of its first cause.

use std::collections::HashSet;
use std::time::SystemTime;

use super::standing::{Outcome, outcome};

/// A stack event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Unique.
    pub(crate) id: String,
    /// When it happened.
    pub(crate) time: SystemTime,
    /// The operation that it belongs to.
    pub(crate) token: Option<String>,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub(crate) logical_id: String,
    /// The resource's name or ARN in AWS; the stack's ARN for the stack itself.
    pub(crate) physical_id: String,
    /// The type, `AWS::ECS::Service`.
    pub(crate) resource_type: String,
    /// The status, `CREATE_FAILED`.
    pub(crate) status: String,
    /// AWS's words.
    pub(crate) reason: Option<String>,
}

/// The events of one operation on one stack.
#[derive(Debug)]
pub(crate) struct EventLog {
    stack_id: String,
    token: String,
    /// Since when an update is cancelled, and under which token, if any, its events go on.
    cancelled: Option<(SystemTime, Option<String>)>,
    known: HashSet<String>,
    events: Vec<Event>,
}

impl Event {
    /// The order of the events of one resource or stack: by time, and within a millisecond what ends after what goes on.
    /// It says nothing of two resources: that one ended may be why the other began.
    pub(crate) fn order(&self) -> (SystemTime, bool) {
        (self.time, !self.status.ends_with("_IN_PROGRESS"))
    }
}

impl EventLog {
    /// The events of the operation that was started with `token`.
    pub(crate) fn new(stack_id: &str, token: &str) -> Self {
        Self {
            stack_id: stack_id.to_owned(),
            token: token.to_owned(),
            cancelled: None,
            known: HashSet::new(),
            events: Vec::new(),
        }
    }

    /// Whether a page holds any of the operation's events that isn't known yet.
    ///
    /// If not, older pages were read before, or belong to older operations.
    pub(crate) fn lacks(&self, page: &[Event]) -> bool {
        page.iter()
            .any(|event| self.is_ours(event) && !self.known.contains(&event.id))
    }

    /// Takes pages as AWS gives them, newest first but not strictly so; the events not seen before, oldest first.
    pub(crate) fn take(&mut self, pages: Vec<Event>) -> Vec<Event> {
        if self.cancelled.is_none() {
            self.cancelled = self.cancellation(&pages);
        }
        let mut new: Vec<Event> = pages.into_iter().filter(|event| self.is_ours(event)).collect();
        new.retain(|event| self.known.insert(event.id.clone()));
        new.reverse();
        // Stable: within a millisecond CloudFormation's own order stays, which has a resource begin after the one it waits for.
        new.sort_by_key(|event| event.time);
        self.events.extend(new.iter().cloned());
        new
    }

    /// How the operation ended; none while it goes on.
    ///
    /// Only the stack's own events tell, and of these the newest: a failed creation first says `CREATE_FAILED` in its
    /// rollback's name only where rollback is disabled.
    pub(crate) fn outcome(&self) -> Option<(Outcome, &Event)> {
        let newest = self
            .events
            .iter()
            .filter(|event| self.is_stack(event))
            .max_by_key(|event| event.order())?;
        outcome(&newest.status).map(|outcome| (outcome, newest))
    }

    /// The first cause of a failure: the earliest failed resource that wasn't merely cancelled on account of another.
    pub(crate) fn first_cause(&self) -> Option<&Event> {
        let failed = |event: &&Event| event.status.ends_with("_FAILED");
        let of_resources = self
            .events
            .iter()
            .filter(failed)
            .filter(|event| !self.is_stack(event) && !is_cancelled(event));
        let of_stack = self
            .events
            .iter()
            .filter(|event| self.is_stack(event) && is_trouble(event));
        of_resources
            .min_by_key(|event| event.time)
            .or_else(|| of_stack.min_by_key(|event| event.time))
    }

    /// The stack's own newest status, as far as events tell.
    pub(crate) fn status(&self) -> Option<&str> {
        let of_stack = self.events.iter().filter(|event| self.is_stack(event));
        let newest = of_stack.max_by_key(|event| event.order());
        newest.map(|event| event.status.as_str())
    }

    /// All of them, in the order in which they were seen.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// When the operation's first event happened; none before it is seen.
    pub(crate) fn began(&self) -> Option<SystemTime> {
        self.events.iter().map(|event| event.time).min()
    }

    /// The newest event.
    pub(crate) fn newest(&self) -> Option<&Event> {
        self.events.iter().max_by_key(|event| event.order())
    }

    /// What goes on now: the resources whose newest event is one of progress, in the order of their start.
    pub(crate) fn going_on(&self) -> Vec<&Event> {
        let mut newest: Vec<&Event> = Vec::new();
        let mut in_order: Vec<&Event> = self.events.iter().filter(|event| !self.is_stack(event)).collect();
        in_order.sort_by_key(|event| event.order());
        for event in in_order {
            newest.retain(|other| other.logical_id != event.logical_id);
            newest.push(event);
        }
        newest.retain(|event| event.status.ends_with("_IN_PROGRESS"));
        newest
    }

    fn is_ours(&self, event: &Event) -> bool {
        let cancelled = self.cancelled.as_ref();
        event.token.as_deref() == Some(&self.token)
            || cancelled.is_some_and(|(since, token)| event.time >= *since && event.token == *token)
    }

    /// Whoever cancels an update has its events go on under another token: those that follow are still the operation's,
    /// which ends with them.
    fn cancellation(&self, pages: &[Event]) -> Option<(SystemTime, Option<String>)> {
        let ours = pages.iter().chain(&self.events).filter(|event| self.is_ours(event));
        let of_stack = ours.filter(|event| self.is_stack(event));
        let newest = of_stack.max_by_key(|event| event.order())?;
        let cancels = |event: &&Event| {
            self.is_stack(event)
                && !self.is_ours(event)
                && event.status == "UPDATE_ROLLBACK_IN_PROGRESS"
                && event.time >= newest.time
        };
        let first = pages.iter().filter(cancels).min_by_key(|event| event.time)?;
        (newest.status == "UPDATE_IN_PROGRESS").then(|| (first.time, first.token.clone()))
    }

    fn is_stack(&self, event: &Event) -> bool {
        event.physical_id == self.stack_id
    }
}

/// The event with which the newest operation on a stack began; that somebody cancels an update begins none.
pub(crate) fn begun<'a>(events: &'a [Event], stack_id: &str) -> Option<&'a Event> {
    let asked = |event: &&Event| {
        event.physical_id == stack_id
            && matches!(
                event.status.as_str(),
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS"
            )
            && event.reason.as_deref() == Some("User Initiated")
    };
    events.iter().filter(asked).max_by_key(|event| event.order())
}

/// CloudFormation cancels what is under way when something else fails, and reports that as a failure too.
pub(crate) fn is_cancelled(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    reason.contains("cancelled") || reason.contains("canceled")
}

fn is_trouble(event: &Event) -> bool {
    event.reason.is_some() && (event.status.ends_with("_FAILED") || event.status.contains("ROLLBACK"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:000000000000:stack/Example/1";

    fn event(seconds: u64, logical_id: &str, status: &str, reason: &str) -> Event {
        let stack = logical_id == "Example";
        Event {
            id: format!("{seconds}-{logical_id}-{status}"),
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            token: Some("ours".to_owned()),
            logical_id: logical_id.to_owned(),
            physical_id: if stack {
                STACK.to_owned()
            } else {
                format!("{logical_id}-physical")
            },
            resource_type: if stack {
                "AWS::CloudFormation::Stack"
            } else {
                "AWS::ECS::Service"
            }
            .to_owned(),
            status: status.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
        }
    }

    fn log(pages: Vec<Vec<Event>>) -> (EventLog, Vec<Vec<String>>) {
        let mut log = EventLog::new(STACK, "ours");
        let said = pages
            .into_iter()
            .map(|page| log.take(page).into_iter().map(|event| event.id).collect())
            .collect();
        (log, said)
    }

    #[test]
    fn events_out_of_order_are_said_once_and_oldest_first() {
        let (log, said) = log(vec![
            vec![
                event(3, "B", "CREATE_COMPLETE", ""),
                event(1, "A", "CREATE_IN_PROGRESS", ""),
                event(2, "B", "CREATE_IN_PROGRESS", ""),
            ],
            vec![
                event(4, "A", "CREATE_COMPLETE", ""),
                event(3, "B", "CREATE_COMPLETE", ""),
            ],
        ]);
        assert_eq!(
            said,
            [
                vec![
                    "1-A-CREATE_IN_PROGRESS",
                    "2-B-CREATE_IN_PROGRESS",
                    "3-B-CREATE_COMPLETE"
                ],
                vec!["4-A-CREATE_COMPLETE"],
            ]
        );
        assert_eq!(log.going_on().len(), 0);
    }

    #[test]
    fn within_a_moment_what_ends_comes_last_whatever_the_page() {
        let (log, _) = log(vec![
            vec![
                event(1, "Example", "CREATE_COMPLETE", ""),
                event(1, "A", "CREATE_COMPLETE", ""),
            ],
            vec![
                event(1, "A", "CREATE_IN_PROGRESS", ""),
                event(1, "Example", "CREATE_IN_PROGRESS", ""),
            ],
        ]);
        assert_eq!(log.outcome().map(|(outcome, _)| outcome), Some(Outcome::Complete));
        assert_eq!(log.going_on().len(), 0);
    }

    #[test]
    fn within_a_moment_a_resource_begins_after_the_one_it_waited_for() {
        let (_, said) = log(vec![vec![
            event(1, "Fleet", "UPDATE_IN_PROGRESS", ""),
            event(1, "Onebox", "UPDATE_COMPLETE", ""),
        ]]);
        assert_eq!(said, [["1-Onebox-UPDATE_COMPLETE", "1-Fleet-UPDATE_IN_PROGRESS"]]);
    }

    #[test]
    fn another_operation_is_not_ours() {
        let mut other = event(1, "Example", "UPDATE_ROLLBACK_COMPLETE", "");
        other.token = Some("theirs".to_owned());
        let mut log = EventLog::new(STACK, "ours");
        assert!(!log.lacks(std::slice::from_ref(&other)));
        assert_eq!(log.take(vec![other]), []);
        assert_eq!(log.outcome(), None);
    }

    #[test]
    fn an_update_that_someone_cancels_ends_with_their_rollback() {
        let begun = event(2, "Example", "UPDATE_IN_PROGRESS", "User Initiated");
        let mut rollback = [
            event(5, "Example", "UPDATE_ROLLBACK_COMPLETE", ""),
            event(4, "Example", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
            event(1, "Example", "UPDATE_COMPLETE", ""),
        ];
        for token in [None, Some("theirs".to_owned())] {
            for event in &mut rollback {
                event.token.clone_from(&token);
            }
            let together = [&rollback[..2], std::slice::from_ref(&begun), &rollback[2..]].concat();
            for pages in [vec![together.clone()], vec![vec![begun.clone()], together]] {
                let (log, said) = log(pages);
                assert_eq!(
                    log.outcome().map(|(outcome, _)| outcome),
                    Some(Outcome::RolledBack),
                    "{token:?}"
                );
                assert_eq!(said.concat().len(), 3, "{said:?}");
            }
        }
        // What someone does after the update has ended is theirs alone.
        let ended = event(3, "Example", "UPDATE_COMPLETE", "");
        let (log, _) = log(vec![[&rollback[..2], &[ended, begun]].concat()]);
        assert_eq!(log.outcome().map(|(outcome, _)| outcome), Some(Outcome::Complete));
    }

    #[test]
    fn the_first_cause_is_the_earliest_failure_that_is_not_a_cancellation() {
        let (log, _) = log(vec![vec![
            event(9, "Example", "UPDATE_ROLLBACK_COMPLETE", ""),
            event(
                5,
                "Example",
                "UPDATE_ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to update: [Onebox, Alarm]",
            ),
            event(4, "Alarm", "UPDATE_FAILED", "Resource update cancelled"),
            event(
                4,
                "Onebox",
                "UPDATE_FAILED",
                "ECS Deployment Circuit Breaker was triggered",
            ),
            event(2, "Onebox", "UPDATE_IN_PROGRESS", ""),
            event(1, "Example", "UPDATE_IN_PROGRESS", "User Initiated"),
        ]]);
        assert_eq!(log.first_cause().map(|event| event.logical_id.as_str()), Some("Onebox"));
        assert_eq!(log.outcome().map(|(outcome, _)| outcome), Some(Outcome::RolledBack));
    }

    #[test]
    fn a_failure_that_no_resource_reports_is_the_stacks_own() {
        let (log, _) = log(vec![vec![
            event(3, "Example", "ROLLBACK_COMPLETE", ""),
            event(
                2,
                "Example",
                "ROLLBACK_IN_PROGRESS",
                "Template requires a role that can't be assumed",
            ),
        ]]);
        let reason = log.first_cause().and_then(|event| event.reason.as_deref());
        assert_eq!(reason, Some("Template requires a role that can't be assumed"));
    }

    #[test]
    fn what_goes_on_is_what_has_begun_and_not_ended() {
        let (log, _) = log(vec![vec![
            event(3, "B", "CREATE_IN_PROGRESS", ""),
            event(2, "A", "CREATE_COMPLETE", ""),
            event(1, "A", "CREATE_IN_PROGRESS", ""),
        ]]);
        assert_eq!(
            log.going_on()
                .iter()
                .map(|event| event.logical_id.as_str())
                .collect::<Vec<_>>(),
            ["B"]
        );
    }
}
