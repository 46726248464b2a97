//! What is done to a stack and to its resources, in human sentences.

use std::time::{Duration, SystemTime};

use super::view::{Doing, State, Step, Turn, View};
use crate::progress::{clean, human};

/// A resource in a sentence: what is done to it, how far that is, and how long it took.
pub(crate) fn of_step(step: &Step, now: SystemTime) -> String {
    let what = format!("the {} {}", noun(&step.resource_type), step.logical_id);
    said_of(step, &what, now)
}

/// The same within a width: where that is too narrow, without the kind of resource.
pub(crate) fn of_step_within(step: &Step, now: SystemTime, width: usize) -> String {
    fitting([of_step(step, now), said_of(step, &step.logical_id, now)], width)
}

/// The first of these texts that a width holds; the last where it holds none.
pub(crate) fn fitting<const N: usize>(texts: [String; N], width: usize) -> String {
    let mut last = String::new();
    for text in texts {
        last = text;
        if last.chars().count() <= width {
            break;
        }
    }
    last
}

fn said_of(step: &Step, what: &str, now: SystemTime) -> String {
    let took = human(step.took(now));
    let reason = step.reason.as_deref().map(clean);
    let reason = || reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match (step.state, step.turn, step.doing) {
        (State::Kept, ..) => format!("left {what} as it is, as its policy says"),
        (State::Cancelled, ..) => format!("gave {what} up, because something else failed"),
        (State::Failed, turn, doing) => {
            format!(
                "could not {} after {took}{}",
                verb(turn, doing).infinitive(what),
                reason()
            )
        }
        (State::GoingOn, turn, doing) => format!("{}, {took}", verb(turn, doing).going_on(what)),
        (State::Done, turn, doing) => format!("{} in {took}", verb(turn, doing).done(what)),
    }
}

/// The stack in a sentence: what is done to it, how many resources are done, and how long it has taken.
pub(crate) fn of_stack(view: &View, now: SystemTime) -> String {
    let elapsed = human(view.elapsed(now));
    let Some(status) = &view.status else {
        return format!("{}: waiting for its first event, {elapsed}", view.stack);
    };
    let doing = doing(view, status);
    format!("{}: {doing}, {}, {elapsed}", view.stack, counts(view))
}

/// The same within a width: where that is too narrow, without the counts, the stack's name or both.
pub(crate) fn of_stack_within(view: &View, now: SystemTime, width: usize) -> String {
    let elapsed = human(view.elapsed(now));
    let Some(status) = &view.status else {
        let short = format!("waiting for the first event, {elapsed}");
        return fitting([of_stack(view, now), short], width);
    };
    let (doing, status, counts) = (doing(view, status), stack_status(status), counts(view));
    let texts = [
        of_stack(view, now),
        format!("{}: {doing}, {elapsed}", view.stack),
        format!("{doing}, {counts}, {elapsed}"),
        format!("{doing}, {elapsed}"),
        format!("{status}, {elapsed}"),
    ];
    fitting(texts, width)
}

/// A stack's status in words, with the stage that changes.
fn doing(view: &View, status: &str) -> String {
    let words = stack_status(status);
    let stage = view.stage().filter(|_| status.ends_with("_IN_PROGRESS"));
    stage.map_or_else(|| words.to_owned(), |stage| format!("{words}, stage {}", stage.name()))
}

/// A stack's status in words.
pub(crate) fn stack_status(status: &str) -> &'static str {
    match status {
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => "updated, removing what was replaced",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => "rolled back, removing what was new",
        "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => "creating",
        "CREATE_COMPLETE" => "created",
        "CREATE_FAILED" => "could not be created",
        "DELETE_IN_PROGRESS" => "deleting",
        "DELETE_COMPLETE" => "deleted",
        "DELETE_FAILED" => "could not be deleted",
        "ROLLBACK_IN_PROGRESS" => "creation failed, removing what there is of it",
        "ROLLBACK_COMPLETE" => "creation failed, and nothing of it is left",
        "UPDATE_ROLLBACK_COMPLETE" => "rolled back: what ran before runs again",
        "ROLLBACK_FAILED" | "UPDATE_ROLLBACK_FAILED" => "the rollback failed",
        _ if status.ends_with("ROLLBACK_IN_PROGRESS") => "failed, bringing back what ran before",
        _ if status.ends_with("_IN_PROGRESS") => "updating",
        _ if status.ends_with("_COMPLETE") => "updated",
        _ if status.ends_with("_FAILED") => "failed",
        _ => "in a status that isn't known",
    }
}

/// How many resources are done, and how many go on.
fn counts(view: &View) -> String {
    let going_on = view.going_on().count();
    let done = view.resources.len() - going_on;
    match view.total {
        Some(total) if total >= view.resources.len() => format!("{done} of {total} resources done"),
        _ if going_on == 0 => format!("{done} done"),
        _ => format!("{done} done, {going_on} going on"),
    }
}

/// How many steps of each kind are done, for people who needn't see each: `12 created, 3 updated`.
pub(crate) fn summary(steps: &[&Step]) -> String {
    let count = |turn, doing| {
        let of_it = |step: &&&Step| step.state == State::Done && (step.turn, step.doing) == (turn, doing);
        steps.iter().filter(of_it).count()
    };
    let mut parts: Vec<(usize, &str)> = vec![
        (count(Turn::Asked, Doing::Create), "created"),
        (count(Turn::Asked, Doing::Update), "updated"),
        (count(Turn::Asked, Doing::Import), "imported"),
        (count(Turn::Asked, Doing::Delete), "deleted"),
        (
            count(Turn::Back, Doing::Update) + count(Turn::Back, Doing::Create),
            "put back",
        ),
        (count(Turn::Back, Doing::Delete), "removed again"),
        (count(Turn::CleanUp, Doing::Delete), "old ones removed"),
    ];
    let kept = steps.iter().filter(|step| step.state == State::Kept).count();
    let cancelled = steps.iter().filter(|step| step.state == State::Cancelled).count();
    let failed = steps.iter().filter(|step| step.state == State::Failed).count();
    parts.extend([(kept, "kept"), (cancelled, "given up"), (failed, "failed")]);
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    said.join(", ")
}

/// A verb in the forms that a sentence needs: before and after the thing.
struct Verb {
    infinitive: (&'static str, &'static str),
    going_on: (&'static str, &'static str),
    done: (&'static str, &'static str),
}

impl Verb {
    fn infinitive(&self, what: &str) -> String {
        around(self.infinitive, what)
    }

    fn going_on(&self, what: &str) -> String {
        around(self.going_on, what)
    }

    fn done(&self, what: &str) -> String {
        around(self.done, what)
    }
}

fn around((before, after): (&str, &str), what: &str) -> String {
    format!("{before} {what}{after}")
}

fn verb(turn: Turn, doing: Doing) -> Verb {
    let plain = |infinitive, going_on, done| Verb {
        infinitive: (infinitive, ""),
        going_on: (going_on, ""),
        done: (done, ""),
    };
    match (turn, doing) {
        (Turn::CleanUp, _) => Verb {
            infinitive: ("remove", ", no longer needed"),
            going_on: ("removing", ", no longer needed"),
            done: ("removed", ", no longer needed,"),
        },
        (Turn::Back, Doing::Delete) => plain("remove", "removing", "removed"),
        (Turn::Back, _) => Verb {
            infinitive: ("put", " back"),
            going_on: ("putting", " back"),
            done: ("put", " back"),
        },
        (Turn::Asked, Doing::Create) => plain("create", "creating", "created"),
        (Turn::Asked, Doing::Update) => plain("update", "updating", "updated"),
        (Turn::Asked, Doing::Delete) => plain("delete", "deleting", "deleted"),
        (Turn::Asked, Doing::Import) => plain("import", "importing", "imported"),
    }
}

/// A resource type as people call it: `AWS::ECS::Service` is an ECS service, `AWS::EC2::RouteTable` a route table.
///
/// A name of one word says too little without the product before it.
pub(crate) fn noun(resource_type: &str) -> String {
    let mut parts = resource_type.split("::").skip(1);
    let (Some(product), Some(name)) = (parts.next(), parts.next()) else {
        return format!("resource of type {resource_type}");
    };
    let words = words(name);
    match words.as_slice() {
        [word] if product != "ElasticLoadBalancingV2" && word.chars().any(char::is_lowercase) => {
            format!("{product} {word}")
        }
        words => words.join(" "),
    }
}

/// The words of a name, small but for abbreviations: `VPCGatewayAttachment` is `VPC gateway attachment`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (index, letter) in letters.iter().enumerate() {
        let after_small = index > 0 && !letters[index - 1].is_uppercase();
        let before_small = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if index == 0 || letter.is_uppercase() && (after_small || before_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(*letter);
        }
    }
    let is_abbreviation = |word: &String| word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
    words
        .into_iter()
        .map(|word| {
            if is_abbreviation(&word) {
                word
            } else {
                word.to_lowercase()
            }
        })
        .collect()
}

/// What still goes on after a silence.
pub(crate) fn pending(view: &View, silence: Duration, now: SystemTime) -> String {
    let going_on: Vec<String> = view.going_on().map(|step| of_step(step, now)).collect();
    let what = match going_on.as_slice() {
        [] => format!(
            "{} is {}",
            view.stack,
            view.status.as_deref().map_or("waited for", stack_status)
        ),
        steps => steps.join("; "),
    };
    format!("nothing new for {}; still {what}", human(silence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telling::tests::{at, event};

    #[test]
    fn resource_types_as_people_call_them() {
        for (resource_type, expected) in [
            ("AWS::ECS::Service", "ECS service"),
            ("AWS::ECS::TaskDefinition", "task definition"),
            ("AWS::EC2::VPC", "VPC"),
            ("AWS::EC2::EIP", "EIP"),
            ("AWS::EC2::VPCGatewayAttachment", "VPC gateway attachment"),
            (
                "AWS::EC2::SubnetRouteTableAssociation",
                "subnet route table association",
            ),
            ("AWS::EC2::NatGateway", "nat gateway"),
            ("AWS::ElasticLoadBalancingV2::Listener", "listener"),
            ("AWS::ElasticLoadBalancingV2::LoadBalancer", "load balancer"),
            ("AWS::CloudWatch::Alarm", "CloudWatch alarm"),
            ("AWS::IAM::Role", "IAM role"),
            ("Custom", "resource of type Custom"),
        ] {
            assert_eq!(noun(resource_type), expected);
        }
    }

    #[test]
    fn every_turn_and_state_has_its_sentence() {
        let events = [
            event(0, "Example", "UPDATE_IN_PROGRESS", ""),
            event(0, "New", "CREATE_IN_PROGRESS", ""),
            event(2, "New", "CREATE_COMPLETE", ""),
            event(2, "Service", "UPDATE_IN_PROGRESS", ""),
            event(2, "Other", "DELETE_IN_PROGRESS", ""),
            event(3, "Kept", "DELETE_SKIPPED", ""),
            event(
                9,
                "Service",
                "UPDATE_FAILED",
                "ECS Deployment Circuit Breaker was triggered\u{1b}[31m",
            ),
            event(9, "Other", "DELETE_FAILED", "Resource deletion cancelled"),
            event(9, "Example", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
            event(9, "Service", "UPDATE_IN_PROGRESS", ""),
            event(20, "Service", "UPDATE_COMPLETE", ""),
            event(20, "Example", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ""),
            event(21, "New", "DELETE_IN_PROGRESS", ""),
        ];
        let view = View::of_events("Example", &events);
        let mut lines = vec![of_stack(&view, at(100))];
        lines.extend(view.resources.iter().map(|step| of_step(step, at(100))));
        lines.push(summary(&view.resources.iter().collect::<Vec<_>>()));
        lines.push(pending(&view, Duration::from_secs(30), at(100)));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
