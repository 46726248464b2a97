//! What needs attention, from what AWS says of both stages.

use std::time::Duration;

use super::*;
use crate::aws::elb::Targets;
use crate::status::stages::tests::healthy;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn event(seconds: u64, message: &str) -> ServiceEvent {
    ServiceEvent {
        at: Some(at(seconds)),
        message: format!("(service Fleet) {message}"),
    }
}

/// The problems of healthy stages in which `change` changes Fleet, each with its evidence.
fn told(change: impl FnOnce(&mut StageStatus)) -> Vec<String> {
    let mut stages = healthy();
    change(&mut stages.each[1]);
    let line = |problem: Problem| {
        let why = problem.why().map(|why| format!(" | {why}"));
        problem.timed(at(400)) + &why.unwrap_or_default()
    };
    problems(&stages).into_iter().map(line).collect()
}

fn with_service(change: impl FnOnce(&mut Service)) -> Vec<String> {
    told(|fleet| change(fleet.service.as_mut().unwrap()))
}

const UNPLACED: &str = "was unable to place a task. Reason: CannotPullContainerError: not found.";

#[test]
fn missing_tasks_have_their_time_and_ecs_event() {
    let told = with_service(|fleet| {
        fleet.running = 0;
        fleet.events = vec![
            event(300, "has started 1 tasks: (task 2)."),
            event(290, UNPLACED),
            event(220, "has stopped 3 running tasks: (task 1)."),
            event(100, "(deployment ecs-svc/1) deployment completed."),
            event(100, "has reached a steady state."),
            event(90, "was unable to place a task. Reason: old."),
        ];
    });
    let expected = "Fleet has 0 of 3 tasks since 1970-01-01T00:03:40Z (3 min 0 s ago) | 1970-01-01T00:04:50Z, ECS: \
                    (service Fleet) was unable to place a task. Reason: CannotPullContainerError: not found.";
    assert_eq!(told, [expected]);
}

#[test]
fn scaling_out_is_no_problem_unless_ecs_can_not_start_tasks() {
    let scaled = |events: Vec<ServiceEvent>| {
        with_service(|fleet| {
            fleet.desired = 5;
            fleet.events = events;
        })
    };
    assert_eq!(scaled(vec![event(300, "has started 2 tasks.")]), [""; 0]);
    let stuck = scaled(vec![event(300, UNPLACED), event(10, "has reached a steady state.")]);
    assert_eq!(stuck.len(), 1);
    assert!(stuck[0].starts_with("Fleet has 3 of 5 tasks since"), "{stuck:?}");
}

#[test]
fn a_service_scaled_below_its_minimum_lacks_tasks() {
    let told = with_service(|fleet| (fleet.desired, fleet.running) = (0, 0));
    assert_eq!(told, ["Fleet has 0 of 3 tasks"]);
}

#[test]
fn each_kind_of_problem_in_words() {
    assert_eq!(told(|_| {}), [""; 0]);
    let unhealthy = Targets {
        healthy: 1,
        unhealthy: 2,
        others: 1,
        reason: Some("Target.Timeout".to_owned()),
    };
    let targets = told(|fleet| fleet.targets = Some(unhealthy));
    assert_eq!(targets, ["2 of Fleet's 4 targets fail health checks (Target.Timeout)"]);
    let image = told(|fleet| fleet.image_gone = true);
    assert_eq!(image, ["Fleet's image 000000000000 is no longer in the repository"]);
    let failed = with_service(|fleet| {
        fleet.deployments[0].rollout_state = Some("FAILED".to_owned());
        fleet.deployments[0].reason = Some("tasks failed to start.".to_owned());
    });
    assert_eq!(failed, ["ECS gave up Fleet's deployment: tasks failed to start."]);
    assert_eq!(told(|fleet| fleet.service = None), ["Fleet's ECS service is gone"]);
    let unread = told(|fleet| (fleet.service, fleet.is_read) = (None, false));
    assert_eq!(unread, [""; 0], "what can't be read isn't gone");
}

#[test]
fn red_alarms_and_unread_evidence_are_problems() {
    let mut stages = healthy();
    stages.alarms = ["LoadBalancerErrors", "Fleet-TooFewTasks"]
        .map(|name| Alarm {
            since: Some(at(340)),
            ..crate::telling::tests::alarm(name, "ALARM")
        })
        .into();
    stages
        .unread
        .push("could not read Fleet's target health: AccessDenied".to_owned());
    let told: Vec<String> = problems(&stages).iter().map(|problem| problem.timed(at(400))).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    2 alarms are red: LoadBalancerErrors; Fleet-TooFewTasks since 1970-01-01T00:05:40Z (1 min 0 s ago)
    could not read Fleet's target health: AccessDenied
    ");
}

#[test]
fn only_images_of_the_repository_can_be_gone() {
    let gone = |image: &str| {
        let mut stages = healthy();
        stages.each[1].image = image.to_owned();
        let kept = ["sha256:1".to_owned()].into();
        stages.mark_gone("service", &kept);
        stages.each[1].image_gone
    };
    assert!(!gone("registry/service@sha256:1"));
    assert!(gone("registry/service@sha256:2"));
    assert!(!gone("registry/other@sha256:2"));
    assert!(!gone("registry/service:latest"));
}
